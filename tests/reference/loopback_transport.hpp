// loopback_transport.hpp: a network of one loop, in memory, for the tests of streams.
//
// A connection is two LoopbackTransports that know each other. What is written to one waits in its
// buffer until the next iteration, and goes to the other one's protocol then, unless that one has
// paused reading. LoopbackLoop is a SelectorEventLoop whose connections and servers are of this
// kind, and so also the smallest example of how a loop gets connections of its own: two overridden
// functions, a transport and a server.
//
// The loop owns its transports from their making to their connection_lost(), as transports.hpp asks
// for.
#pragma once

#include <asyncio/exceptions.hpp>
#include <asyncio/selector_events.hpp>
#include <asyncio/server.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/transports.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace loopback {

class LoopbackLoop;

/// One end of a connection in memory.
class LoopbackTransport : public asyncio::FlowControlMixin<asyncio::Transport> {
 public:
  LoopbackTransport(LoopbackLoop& loop, std::shared_ptr<asyncio::BaseProtocol> protocol, asyncio::Server server);
  ~LoopbackTransport() override;

  /// Makes the two the ends of one connection.
  static void connect(const std::shared_ptr<LoopbackTransport>& a, const std::shared_ptr<LoopbackTransport>& b);

  bool is_closing() const override { return closing_; }
  void close() override;
  void abort() override;
  bool is_reading() const override { return reading_; }
  void pause_reading() override { reading_ = false; }
  void resume_reading() override;
  std::size_t get_write_buffer_size() const override { return buffer_.size(); }
  void write(std::string_view data) override;
  void write_eof() override;
  bool can_write_eof() const override { return true; }

  /// Ends the connection of this side as a broken cable would: connection_lost(error).
  void break_off(std::exception_ptr error);

 private:
  std::shared_ptr<LoopbackTransport> self() { return std::static_pointer_cast<LoopbackTransport>(me_.lock()); }
  void schedule_flush();
  void flush();
  void lose(std::exception_ptr error);
  void receive(const std::string& data);
  void receive_eof();

  friend class LoopbackLoop;
  LoopbackLoop& loop_;
  asyncio::Server server_;               // null on the side that connected
  std::weak_ptr<LoopbackTransport> me_;  // not shared_from_this(), which gives the base
  std::weak_ptr<LoopbackTransport> peer_;
  std::string buffer_;
  bool reading_ = true;
  bool closing_ = false;
  bool lost_ = false;
  enum class Eof { no, asked, sent } eof_ = Eof::no;
};

/// A socket that has an address and nothing else.
class LoopbackSocket : public asyncio::SocketState {
 public:
  explicit LoopbackSocket(asyncio::Address address) : address_(std::move(address)) {}
  int fileno() const noexcept override { return -1; }
  asyncio::Address getsockname() const override { return address_; }
  asyncio::Address getpeername() const override { return {}; }
  void close() noexcept override {}

 private:
  asyncio::Address address_;
};

class LoopbackServer;

/// A loop whose connections stay within it.
class LoopbackLoop : public asyncio::SelectorEventLoop {
 public:
  ~LoopbackLoop() override { let_go(); }
  void close() override {
    SelectorEventLoop::close();
    let_go();
  }

  asyncio::Server create_server(asyncio::ProtocolFactory factory, asyncio::ServerOptions options) override;
  std::pair<std::shared_ptr<asyncio::Transport>, std::shared_ptr<asyncio::BaseProtocol>> connect_stream(
      asyncio::ProtocolFactory factory, asyncio::ConnectionOptions options) override;
  /// Puts another transport in the place of `transport`; encrypts nothing.
  std::shared_ptr<asyncio::Transport> start_tls(std::shared_ptr<asyncio::Transport> transport,
                                                std::shared_ptr<asyncio::BaseProtocol> protocol,
                                                std::shared_ptr<asyncio::SSLContext> context,
                                                asyncio::StartTlsOptions options) override;

  /// Transports that connection_lost() was not called for yet, oldest first.
  std::vector<std::shared_ptr<LoopbackTransport>> transports;

 private:
  friend class LoopbackServer;

  std::shared_ptr<LoopbackTransport> make_transport(std::shared_ptr<asyncio::BaseProtocol> protocol,
                                                    asyncio::Server server) {
    auto made = std::make_shared<LoopbackTransport>(*this, std::move(protocol), std::move(server));
    made->me_ = made;
    transports.push_back(made);
    return made;
  }

  void let_go() {
    for (const auto& transport : std::exchange(transports, {})) transport->set_protocol(nullptr);
    listening_.clear();
  }

  std::map<int, std::shared_ptr<LoopbackServer>> listening_;  // by port
};

/// A server of a LoopbackLoop.
class LoopbackServer : public asyncio::BaseServer {
 public:
  LoopbackServer(LoopbackLoop& loop, asyncio::ProtocolFactory factory, const asyncio::Address& address)
      : BaseServer(loop, {asyncio::Socket(std::make_shared<LoopbackSocket>(address))}, 100),
        loop_(loop),
        factory_(std::move(factory)) {}

  std::shared_ptr<asyncio::BaseProtocol> make_protocol() const { return factory_(); }

 protected:
  void start_listening(const asyncio::Socket& socket, int backlog) override;
  void stop_listening(const asyncio::Socket& socket) override;

 private:
  LoopbackLoop& loop_;
  asyncio::ProtocolFactory factory_;
};

inline asyncio::Server LoopbackLoop::create_server(asyncio::ProtocolFactory factory, asyncio::ServerOptions options) {
  auto server = std::make_shared<LoopbackServer>(*this, std::move(factory),
                                                 asyncio::Address(options.host.value_or(""), options.port.value()));
  if (options.start_serving) server->start_serving();
  return server;
}

inline std::pair<std::shared_ptr<asyncio::Transport>, std::shared_ptr<asyncio::BaseProtocol>>
LoopbackLoop::connect_stream(asyncio::ProtocolFactory factory, asyncio::ConnectionOptions options) {
  const auto found = listening_.find(options.port.value());
  if (found == listening_.end()) {
    throw std::system_error(std::make_error_code(std::errc::connection_refused), "connect");
  }
  const std::shared_ptr<LoopbackServer> server = found->second;
  const auto near = make_transport(factory(), nullptr);
  const auto far = make_transport(server->make_protocol(), server);
  LoopbackTransport::connect(near, far);
  server->attach(far);
  for (const auto& end : {far, near}) {
    call_soon([end] { end->get_protocol()->connection_made(end); });
  }
  asyncio::sleep(asyncio::Duration::zero());
  return {near, near->get_protocol()};
}

inline std::shared_ptr<asyncio::Transport> LoopbackLoop::start_tls(std::shared_ptr<asyncio::Transport> transport,
                                                                   std::shared_ptr<asyncio::BaseProtocol> protocol,
                                                                   std::shared_ptr<asyncio::SSLContext> context,
                                                                   asyncio::StartTlsOptions options) {
  const auto old = std::dynamic_pointer_cast<LoopbackTransport>(transport);
  const auto made = make_transport(std::move(protocol), std::exchange(old->server_, {}));
  LoopbackTransport::connect(made, old->peer_.lock());
  made->set_extra_info("sslcontext", std::move(context));
  made->set_extra_info("server_side", options.server_side);
  std::erase(transports, old);
  old->set_protocol(nullptr);
  old->lost_ = true;
  return made;
}

inline LoopbackTransport::LoopbackTransport(LoopbackLoop& loop, std::shared_ptr<asyncio::BaseProtocol> protocol,
                                            asyncio::Server server)
    : FlowControlMixin(loop), loop_(loop), server_(std::move(server)) {
  set_protocol(std::move(protocol));
  set_extra_info("peername", asyncio::Address("loopback", 1));
}

inline LoopbackTransport::~LoopbackTransport() {
  if (server_) server_->detach(*this);
}

inline void LoopbackTransport::connect(const std::shared_ptr<LoopbackTransport>& a,
                                       const std::shared_ptr<LoopbackTransport>& b) {
  a->peer_ = b;
  b->peer_ = a;
}

inline void LoopbackTransport::close() {
  if (std::exchange(closing_, true)) return;
  reading_ = false;
  schedule_flush();
}

inline void LoopbackTransport::abort() { break_off(nullptr); }

inline void LoopbackTransport::break_off(std::exception_ptr error) {
  closing_ = true;
  reading_ = false;
  buffer_.clear();
  loop_.call_soon([self = self(), error = std::move(error)] { self->lose(error); });
}

inline void LoopbackTransport::resume_reading() {
  reading_ = !closing_;
  if (const auto peer = peer_.lock()) peer->schedule_flush();
}

inline void LoopbackTransport::write(std::string_view data) {
  if (eof_ != Eof::no) throw asyncio::RuntimeError("Cannot call write() after write_eof()");
  if (lost_ || data.empty()) return;
  buffer_ += data;
  schedule_flush();
  maybe_pause_protocol();
}

inline void LoopbackTransport::write_eof() {
  if (closing_ || eof_ != Eof::no) return;
  eof_ = Eof::asked;
  schedule_flush();
}

inline void LoopbackTransport::schedule_flush() {
  loop_.call_soon([self = self()] { self->flush(); });
}

inline void LoopbackTransport::flush() {
  if (lost_) return;
  const auto peer = peer_.lock();
  if (peer && !peer->reading_ && !peer->closing_) return;  // it calls schedule_flush() when it goes on
  if (!buffer_.empty()) {
    const std::string data = std::exchange(buffer_, {});
    if (peer) peer->receive(data);
    maybe_resume_protocol();
  }
  if (!buffer_.empty()) return;  // resume_writing() has written: a flush is scheduled
  if (eof_ == Eof::asked) {
    eof_ = Eof::sent;
    if (peer) peer->receive_eof();
  }
  if (closing_) lose(nullptr);
}

inline void LoopbackTransport::receive(const std::string& data) {
  if (closing_) return;
  if (const auto protocol = std::dynamic_pointer_cast<asyncio::Protocol>(get_protocol())) protocol->data_received(data);
}

inline void LoopbackTransport::receive_eof() {
  if (closing_) return;
  const auto protocol = std::dynamic_pointer_cast<asyncio::Protocol>(get_protocol());
  if (protocol && !protocol->eof_received()) close();
}

inline void LoopbackTransport::lose(std::exception_ptr error) {
  if (std::exchange(lost_, true)) return;
  const auto self = this->self();
  std::erase(loop_.transports, self);
  if (const auto protocol = get_protocol()) protocol->connection_lost(error);
  set_protocol(nullptr);
  if (server_) std::exchange(server_, {})->detach(*this);
  const auto peer = peer_.lock();
  if (peer && eof_ != Eof::sent) peer->receive_eof();
}

inline void LoopbackServer::start_listening(const asyncio::Socket& socket, int) {
  loop_.listening_[socket.getsockname().port()] = std::static_pointer_cast<LoopbackServer>(shared_from_this());
}

inline void LoopbackServer::stop_listening(const asyncio::Socket& socket) {
  loop_.listening_.erase(socket.getsockname().port());
}

/// Lets the loop go round a few times: enough for everything that was set in motion in memory.
inline void settle() {
  for (int i = 0; i < 10; ++i) asyncio::sleep(asyncio::Duration::zero());
}

/// Runs `body` as the only program of a LoopbackLoop, waits for what it has closed, then closes the
/// loop.
template <class Body>
void run(Body body) {
  LoopbackLoop loop;
  loop.run_until_complete([&] {
    body(loop);
    settle();
  });
  loop.close();
}

}  // namespace loopback
