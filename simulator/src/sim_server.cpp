// sim_server.cpp: listening and connecting in a world: what create_server() and create_connection() stand on.
//
//     client: connect_stream() ── request ──► server's host: somebody listens? ──► accepted, and queued for the program
//                   │          ◄── answer ──┘                 nobody, or crashed ──► refused
//                   ▼                                         partitioned        ──► no answer until it is repaired
//             protocol and transport are made
//
// Source: CPython Lib/asyncio/base_events.py, create_connection, create_server; selector_events.py, _accept_connection,
// _sock_connect. Rules: S228, S235 to S247.
#include "host.hpp"
#include "listener.hpp"
#include "sim_event_loop.hpp"
#include "sim_network.hpp"
#include "sim_sockets.hpp"
#include "sim_transport.hpp"
#include "world_core.hpp"

#include <asyncio/server.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

namespace asyncio::sim {
namespace {

/// Waits for the answer to a request to connect.
class ConnectAttempt final : public SocketUser {
 public:
  ConnectAttempt(SimEventLoop& loop, Ref<StreamSocket> socket)
      : loop_(loop), socket_(std::move(socket)), answered_(loop.create_future<void>()) {}

  void socket_ready() override {
    loop_.queue_io(make_ref<HandleState>(
        [answered = answered_] {
          if (!answered.done()) answered.set_result();
        },
        loop_, Context()));
  }

  /// \throws std::system_error  where the connection was refused
  /// \suspends until there is an answer
  void wait() {
    await(answered_);  // suspends
    // A connection that was made and is broken by now is one all the same: its first read will tell.
    if (socket_->connected()) return;
    throw std::system_error(socket_->error(), std::generic_category(),
                            "Connect call failed " + socket_->remote().to_string());
  }

 private:
  SimEventLoop& loop_;
  const Ref<StreamSocket> socket_;
  const Future<void> answered_;
};

/// A server whose sockets are listeners of the network.
class SimServer final : public BaseServer {
 public:
  SimServer(SimEventLoop& loop, ProtocolFactory factory, std::vector<std::pair<Socket, Ref<Listener>>> bound,
            TransportSecurity security, int backlog)
      : BaseServer(loop, sockets_of(bound), backlog),
        loop_(loop),
        factory_(std::move(factory)),
        context_(copy_context()),
        security_(std::move(security)),
        bound_(std::move(bound)) {}

 protected:
  void start_listening(const Socket& socket, int) override {
    const auto self = std::static_pointer_cast<SimServer>(shared_from_this());
    listener(socket).listen([self](Ref<StreamSocket> accepted) { self->accept(std::move(accepted)); });
  }
  void stop_listening(const Socket& socket) override {
    if (!loop_.dead()) listener(socket).stop();
    socket.close();
  }

 private:
  static std::vector<Socket> sockets_of(const std::vector<std::pair<Socket, Ref<Listener>>>& bound) {
    std::vector<Socket> sockets;
    for (const auto& [socket, listener] : bound) sockets.push_back(socket);
    return sockets;
  }
  Listener& listener(const Socket& socket) const {
    for (const auto& [bound, listener] : bound_) {
      if (bound == socket) return *listener;
    }
    throw std::logic_error("a server of a world was asked for a socket that it did not bind");
  }
  void accept(Ref<StreamSocket> socket);
  void set_up(const Ref<StreamSocket>& socket);

  SimEventLoop& loop_;
  const ProtocolFactory factory_;
  const Context context_;
  const TransportSecurity security_;
  const std::vector<std::pair<Socket, Ref<Listener>>> bound_;
};

/// Sets an accepted connection up, in a task of its own (S245).
void SimServer::accept(Ref<StreamSocket> socket) {
  const auto self = std::static_pointer_cast<SimServer>(shared_from_this());
  loop_.create_task([self, socket = std::move(socket)] { self->set_up(socket); }, {.context = context_.copy()});
}

void SimServer::set_up(const Ref<StreamSocket>& socket) {
  std::shared_ptr<Transport> transport;
  try {
    const Future<void> made = loop_.create_future<void>();
    transport = SimTransport::start(loop_, socket, factory_(), shared_from_this(), made, security_);
    await(made);  // suspends
  } catch (const std::exception&) {
    // S246: dropped silently, whether the factory threw or the server was closed meanwhile.
    if (transport) return transport->close();
    socket->close(true);
  }
}

}  // namespace

std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> SimEventLoop::connect_stream(
    ProtocolFactory factory, ConnectionOptions options) {
  check_connection_options(options);
  const TransportSecurity security = TransportSecurity::of(options);
  if (options.sock) throw NotImplementedError("create_connection(): sock is not implemented in a world");
  SimNetwork& network = world_.network();
  const std::string name = options.host.value_or("localhost");
  SimHost& server = network.resolve(name, host_);
  if (options.local_addr && &network.resolve(options.local_addr->host(), host_) != &host_) {
    throw std::system_error(
        EADDRNOTAVAIL, std::generic_category(),
        "error while attempting to bind on address " + options.local_addr->to_string() + ": it is another host");
  }
  const int local_port = options.local_addr ? options.local_addr->port() : 0;
  const bool loopback = is_loopback(name) || is_any_address(name);
  const Address local(loopback ? "127.0.0.1" : host_.name(), local_port ? local_port : network.free_stream_port(host_));
  const Address remote(loopback ? "127.0.0.1" : name, options.port.value_or(0));

  const Ref<StreamSocket> socket = StreamSocket::connect(network, *this, server, local, remote);
  std::shared_ptr<Transport> transport;
  try {
    const auto attempt = std::make_shared<ConnectAttempt>(*this, socket);
    socket->set_user(attempt);
    attempt->wait();  // suspends
    std::shared_ptr<BaseProtocol> protocol = factory();
    const Future<void> made = create_future<void>();
    transport = SimTransport::start(*this, socket, protocol, nullptr, made, security);
    await(made);  // suspends
    return {transport, std::move(protocol)};
  } catch (...) {
    if (transport) {
      transport->close();
    } else if (!dead()) {
      socket->set_user(nullptr);
      socket->close(socket->connected());
    }
    throw;
  }
}

Server SimEventLoop::create_server(ProtocolFactory factory, ServerOptions options) {
  check_server_options(options);
  if (options.sock) throw NotImplementedError("create_server(): sock is not implemented in a world");
  SimNetwork& network = world_.network();
  std::vector<std::string> names = options.hosts;
  if (names.empty()) names.push_back(options.host.value_or(""));

  std::vector<std::pair<Socket, Ref<Listener>>> bound;
  try {
    for (const std::string& name : names) {
      if (&network.resolve(name, host_) != &host_) {
        throw std::system_error(EADDRNOTAVAIL, std::generic_category(),
                                "error while attempting to bind on address " + name + ": it is another host");
      }
      const int port = options.port.value_or(0) ? *options.port : network.free_stream_port(host_);
      const auto listener = make_ref<Listener>(network, *this, Address(name, port));
      network.listeners().bind(listener);
      const Address visible(is_any_address(name) ? host_.name() : name, port);
      bound.emplace_back(make_bound_socket(host_, visible), listener);
    }
  } catch (...) {
    for (const auto& [socket, listener] : bound) listener->stop();
    throw;
  }
  const auto server = std::make_shared<SimServer>(*this, std::move(factory), std::move(bound),
                                                  TransportSecurity::of_server(options), options.backlog);
  if (options.start_serving) {
    server->start_listening_now();
    Coroutine::suspend();  // suspends: S243
  }
  return server;
}

}  // namespace asyncio::sim
