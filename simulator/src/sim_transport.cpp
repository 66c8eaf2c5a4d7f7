// sim_transport.cpp: what the end of a connection in a world is to a transport.
#include "sim_transport.hpp"

#include "host.hpp"
#include "sim_event_loop.hpp"
#include "sim_sockets.hpp"

#include <asyncio/sslproto.hpp>

#include <algorithm>
#include <system_error>
#include <utility>

namespace asyncio::sim {

SimTransport::SimTransport(SimEventLoop& loop, Ref<StreamSocket> socket, Server server)
    : BaseStreamTransport(loop, std::move(server)), loop_(loop), socket_(std::move(socket)) {
  set_extra_info("sockname", socket_->local());
  set_extra_info("peername", socket_->remote());
  set_extra_info("socket", make_connected_socket(socket_->host(), socket_->local(), socket_->remote()));
}

SimTransport::~SimTransport() = default;

std::shared_ptr<SimTransport> SimTransport::start(SimEventLoop& loop, Ref<StreamSocket> socket,
                                                  std::shared_ptr<BaseProtocol> protocol, Server server,
                                                  Future<void> made) {
  auto transport = std::make_shared<SimTransport>(loop, std::move(socket), std::move(server));
  transport->begin(std::move(protocol), std::move(made));
  transport->socket_->set_user(transport);  // M1
  return transport;
}

std::shared_ptr<Transport> SimTransport::start(SimEventLoop& loop, Ref<StreamSocket> socket,
                                               std::shared_ptr<BaseProtocol> protocol, Server server, Future<void> made,
                                               const TransportSecurity& security) {
  if (!security.context) return start(loop, std::move(socket), std::move(protocol), std::move(server), std::move(made));
  const auto ssl_protocol = SSLProtocol::make(loop, std::move(protocol), std::move(made), security);
  auto app_transport = ssl_protocol->app_transport();
  start(loop, std::move(socket), ssl_protocol, std::move(server), Future<void>());
  return app_transport;
}

bool SimTransport::dead() const noexcept { return loop_.dead(); }  // M2

// ---- Polls ----

Ref<HandleState> SimTransport::handle(void (SimTransport::*what)()) {
  return make_ref<HandleState>([self = self(), what] { (*self.*what)(); }, loop_, context());
}

void SimTransport::socket_ready() {
  if (lost()) return;
  if (wants_to_read() && socket_->readable() && !std::exchange(read_queued_, true)) {
    loop_.queue_io(handle(&SimTransport::handle_read));
  }
  if (get_write_buffer_size() > 0 && socket_->can_send() && !std::exchange(write_queued_, true)) {
    loop_.queue_io(handle(&SimTransport::handle_write));
  }
}

void SimTransport::handle_read() {
  read_queued_ = false;
  read_ready();
  if (wants_to_read()) watch_reading(true);  // a poll reports what is still there again, and so does this one
}

void SimTransport::handle_write() {
  write_queued_ = false;
  write_ready();
}

void SimTransport::watch_reading(bool watch) {
  if (watch && socket_->readable()) socket_->poll();
}

// ---- The socket ----

/// Throws the error that broke the connection, as the system would report it.
void SimTransport::throw_if_broken() const {
  if (socket_->error() != 0) throw std::system_error(socket_->error(), std::generic_category(), "socket");
}

std::optional<std::string_view> SimTransport::receive(std::size_t at_most) {
  if (socket_->at_eof()) return std::string_view();
  if (!socket_->has_data()) {
    throw_if_broken();
    return {};
  }
  received_ = socket_->receive(at_most);
  return received_;
}

std::optional<std::size_t> SimTransport::receive_into(std::span<char> place) {
  const auto data = receive(place.size());
  if (!data) return {};
  std::ranges::copy(*data, place.begin());
  return data->size();
}

std::size_t SimTransport::send(std::span<const std::string_view> pieces) {
  throw_if_broken();
  if (pieces.size() == 1) return socket_->send(pieces.front());
  std::string joined;
  for (const std::string_view piece : pieces) joined += piece;
  return socket_->send(joined);
}

void SimTransport::close_socket(bool aborted) {
  socket_->close(aborted);
  get_extra_info<Socket>("socket").close();
  socket_->set_user(nullptr);
}

/// A program that keeps the writers of its clients where the callback of its server can reach them has tied a ring:
/// writers, transports, server, callback, writers. A connection that is lost unties it; this one never will be.
void SimTransport::let_go() noexcept { BaseStreamTransport::let_go(); }

}  // namespace asyncio::sim
