// protocols.cpp: the empty defaults of all protocol callbacks, and feeding a BufferedProtocol.

#include <asyncio/protocols.hpp>

#include <asyncio/exceptions.hpp>

#include <algorithm>

namespace asyncio {

BaseProtocol::~BaseProtocol() = default;
void BaseProtocol::connection_made(std::shared_ptr<BaseTransport>) {}
void BaseProtocol::connection_lost(std::exception_ptr) {}
void BaseProtocol::pause_writing() {}
void BaseProtocol::resume_writing() {}

void Protocol::data_received(std::string_view) {}
bool Protocol::eof_received() { return false; }
std::string Protocol::take_unread() { return {}; }

std::span<char> BufferedProtocol::get_buffer(std::ptrdiff_t) { return {}; }
void BufferedProtocol::buffer_updated(std::size_t) {}
bool BufferedProtocol::eof_received() { return false; }

void DatagramProtocol::datagram_received(std::string_view, const Address&) {}
void DatagramProtocol::error_received(std::exception_ptr) {}

void SubprocessProtocol::pipe_data_received(int, std::string_view) {}
void SubprocessProtocol::pipe_connection_lost(int, std::exception_ptr) {}
void SubprocessProtocol::process_exited() {}

void feed_data_to_buffered_proto(BufferedProtocol& protocol, std::string_view data) {
  while (!data.empty()) {
    const std::span<char> buffer = protocol.get_buffer(static_cast<std::ptrdiff_t>(data.size()));
    if (buffer.empty()) throw RuntimeError("get_buffer() returned an empty buffer");
    const std::size_t count = std::min(buffer.size(), data.size());
    std::copy_n(data.begin(), count, buffer.begin());
    protocol.buffer_updated(count);
    data.remove_prefix(count);
  }
}

}  // namespace asyncio
