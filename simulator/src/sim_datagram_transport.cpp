// sim_datagram_transport.cpp: create_datagram_endpoint() in a world, and one datagram a poll.
//
// Source: CPython Lib/asyncio/base_events.py, create_datagram_endpoint. Rules: S284, S285.
#include "sim_datagram_transport.hpp"

#include "host.hpp"
#include "sim_event_loop.hpp"
#include "sim_sockets.hpp"
#include "world_core.hpp"

#include <asyncio/exceptions.hpp>

#include <stdexcept>
#include <system_error>
#include <utility>

namespace asyncio::sim {
namespace {

/// What a world does not have is refused, and what asyncio refuses.
void check_datagram_options(const DatagramOptions& options) {
  if (options.sock) throw NotImplementedError("create_datagram_endpoint(): sock is not implemented in a world");
  if (options.reuse_port.value_or(false)) {
    throw NotImplementedError("create_datagram_endpoint(): reuse_port is not implemented in a world");
  }
  if (!options.local_addr && !options.remote_addr && options.family == 0) {
    throw std::invalid_argument("unexpected address family");
  }
  for (const auto& address : {options.local_addr, options.remote_addr}) {
    if (address && !address->path().empty()) {
      throw NotImplementedError("create_datagram_endpoint(): UNIX sockets are not implemented in a world");
    }
  }
}

/// Binds a socket as asked for, or to any free port.
Ref<DatagramSocket> bind_datagram_socket(SimEventLoop& loop, const DatagramOptions& options) {
  SimNetwork& network = loop.world().network();
  SimHost& host = loop.host();
  const std::string name = options.local_addr ? options.local_addr->host() : "";
  if (&network.resolve(name, host) != &host) {
    throw std::system_error(EADDRNOTAVAIL, std::generic_category(),
                            "error while attempting to bind on address " + name + ": it is another host");
  }
  const int asked = options.local_addr ? options.local_addr->port() : 0;
  const Address address(name, asked ? asked : network.free_datagram_port(host));
  const auto socket = make_ref<DatagramSocket>(network, loop, address, options.allow_broadcast);
  // S285: one that may broadcast stays open for answers from anybody.
  if (options.remote_addr && !options.allow_broadcast) socket->connect(*options.remote_addr);
  network.datagram_sockets().bind(socket);
  return socket;
}

}  // namespace

// ---- The transport ----

SimDatagramTransport::SimDatagramTransport(SimEventLoop& loop, Ref<DatagramSocket> socket,
                                           const std::optional<Address>& remote)
    : BaseDatagramTransport(loop, remote), loop_(loop), socket_(std::move(socket)) {
  const Address local = socket_->local_address();
  set_extra_info("sockname", local);
  if (socket_->connected()) set_extra_info("peername", *remote);
  set_extra_info("socket", socket_->connected() ? make_connected_socket(loop.host(), local, *remote)
                                                : make_bound_socket(loop.host(), local));
}

SimDatagramTransport::~SimDatagramTransport() = default;

std::shared_ptr<SimDatagramTransport> SimDatagramTransport::start(SimEventLoop& loop, Ref<DatagramSocket> socket,
                                                                  std::shared_ptr<BaseProtocol> protocol,
                                                                  const std::optional<Address>& remote,
                                                                  Future<void> made) {
  auto transport = std::make_shared<SimDatagramTransport>(loop, std::move(socket), remote);
  transport->begin(std::move(protocol), std::move(made));
  transport->socket_->set_user(transport);  // M3
  return transport;
}

std::shared_ptr<SimDatagramTransport> SimDatagramTransport::self() {
  return std::dynamic_pointer_cast<SimDatagramTransport>(shared_from_this());
}

bool SimDatagramTransport::dead() const noexcept { return loop_.dead(); }  // M2

void SimDatagramTransport::watch_reading(bool watch) {
  reading_ = watch;
  if (watch) reading_context_ = copy_context();
  if (reading_ && socket_->readable()) socket_->poll();
}

void SimDatagramTransport::socket_ready() {
  if (lost() || !reading_ || !socket_->readable() || std::exchange(read_queued_, true)) return;
  loop_.queue_io(make_ref<HandleState>([self = self()] { self->handle_read(); }, loop_, *reading_context_));
}

void SimDatagramTransport::handle_read() {
  read_queued_ = false;
  if (lost()) return;
  if (const int error = socket_->take_error()) {
    error_received(std::make_exception_ptr(std::system_error(error, std::generic_category(), "recvfrom")));
  } else if (const auto datagram = socket_->receive()) {  // one a poll (S289)
    received(datagram->first, datagram->second);
  }
  if (reading_ && socket_->readable()) socket_->poll();  // a poll reports what is still there again, and so does this
}

bool SimDatagramTransport::send(std::string_view data, const Address* to) {
  socket_->send(data, to);
  return true;
}

void SimDatagramTransport::close_socket() {
  socket_->close();
  get_extra_info<Socket>("socket").close();
  socket_->set_user(nullptr);
}

// ---- The loop ----

std::pair<std::shared_ptr<DatagramTransport>, std::shared_ptr<BaseProtocol>> SimEventLoop::open_datagram_endpoint(
    ProtocolFactory factory, DatagramOptions options) {
  check_datagram_options(options);
  const Ref<DatagramSocket> socket = bind_datagram_socket(*this, options);
  std::shared_ptr<DatagramTransport> transport;
  try {
    std::shared_ptr<BaseProtocol> protocol = factory();
    const Future<void> made = create_future<void>();
    transport = SimDatagramTransport::start(*this, socket, protocol, options.remote_addr, made);
    await(made);  // suspends
    return {std::move(transport), std::move(protocol)};
  } catch (...) {
    if (transport) {
      transport->close();
    } else if (!dead()) {
      socket->close();
    }
    throw;
  }
}

}  // namespace asyncio::sim
