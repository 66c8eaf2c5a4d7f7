// orrery.cpp: the echo server as one writes it with this library, in the two styles that asyncio has.
//
// `streams` is a task for each client, straight down. `protocol` is called by the transport; it stops reading while
// its answers are not taken, which a stream does by itself. `protocol` also answers datagrams.
#include "endpoint.hpp"

#include <asyncio/asyncio.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace {

class EchoProtocol final : public asyncio::Protocol {
 public:
  void connection_made(std::shared_ptr<asyncio::BaseTransport> transport) override {
    transport_ = std::dynamic_pointer_cast<asyncio::Transport>(transport);
  }
  void data_received(std::string_view data) override { transport_->write(data); }
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }

 private:
  std::shared_ptr<asyncio::Transport> transport_;
};

class EchoDatagrams final : public asyncio::DatagramProtocol {
 public:
  void connection_made(std::shared_ptr<asyncio::BaseTransport> transport) override {
    transport_ = std::dynamic_pointer_cast<asyncio::DatagramTransport>(transport);
  }
  void datagram_received(std::string_view data, const asyncio::Address& address) override {
    transport_->sendto(data, address);
  }

 private:
  std::shared_ptr<asyncio::DatagramTransport> transport_;
};

void echo_stream(asyncio::StreamReader reader, asyncio::StreamWriter writer) try {
  for (std::string data; !(data = reader.read(echo::READ_BYTES)).empty();) {
    writer.write(data);
    writer.drain();
  }
} catch (const std::system_error&) {  // the client is gone; the last writer closes the connection
}

asyncio::Server start_protocols(const echo::Endpoint& at) {
  auto& loop = asyncio::get_running_loop();
  const auto factory = [] { return std::make_shared<EchoProtocol>(); };
  if (at.local()) return loop.create_unix_server(factory, std::string(at.where), {.backlog = echo::BACKLOG});
  return loop.create_server(factory, {.host = "127.0.0.1", .port = at.port(), .backlog = echo::BACKLOG});
}

asyncio::Server start_streams(const echo::Endpoint& at) {
  constexpr std::ptrdiff_t limit = echo::READ_BYTES;
  if (at.local()) {
    return asyncio::start_unix_server(echo_stream, std::string(at.where), {.limit = limit, .backlog = echo::BACKLOG});
  }
  return asyncio::start_server(echo_stream, "127.0.0.1", at.port(), {.limit = limit, .backlog = echo::BACKLOG});
}

void serve_datagrams(const echo::Endpoint& at) {
  asyncio::get_running_loop().create_datagram_endpoint([] { return std::make_shared<EchoDatagrams>(); },
                                                       {.local_addr = asyncio::Address("127.0.0.1", at.port())});
  asyncio::await(asyncio::get_running_loop().create_future<void>());  // for ever
}

}  // namespace

int main(int argc, char** argv) {
  const echo::Endpoint at = echo::endpoint_of(argc, argv);
  asyncio::run([&] {
    if (at.datagrams()) return serve_datagrams(at);
    const bool streams = std::string_view(argv[1]) == "streams";
    const asyncio::Server server = streams ? start_streams(at) : start_protocols(at);
    server->serve_forever();
  });
}
