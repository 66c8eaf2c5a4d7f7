// server.cpp: the books of a server.
//
// close() and detach() both ask whether everything is over, because either may come last (N2).

#include <asyncio/server.hpp>

#include <asyncio/loop_core.hpp>
#include <asyncio/sleep.hpp>

#include <algorithm>
#include <utility>

namespace asyncio {

namespace {

/// Empties a future's place on every way out, while the stack is being unwound too.
class Emptied {
 public:
  explicit Emptied(Future<void>& place) noexcept : place_(place) {}
  Emptied(const Emptied&) = delete;
  Emptied& operator=(const Emptied&) = delete;
  ~Emptied() { place_ = {}; }

 private:
  Future<void>& place_;
};

}  // namespace

AbstractServer::AbstractServer() = default;
AbstractServer::~AbstractServer() = default;

BaseServer::BaseServer(AbstractEventLoop& loop, std::vector<Socket> sockets, int backlog)
    : loop_(&loop.core()), sockets_(std::move(sockets)), backlog_(backlog) {}

AbstractEventLoop& BaseServer::get_loop() const {
  if (!loop_->loop()) throw RuntimeError("the event loop of this server has been destroyed");
  return *loop_->loop();
}

void BaseServer::start_listening_now() {
  if (closed_) throw RuntimeError("server " + repr() + " is closed");
  if (serving_) return;
  serving_ = true;
  for (const Socket& socket : sockets()) start_listening(socket, backlog_);
}

void BaseServer::start_serving() {
  start_listening_now();
  sleep(Duration::zero());  // suspends, for one iteration: then the loop has looked at the sockets
}

void BaseServer::close() {
  if (std::exchange(closed_, true)) return;
  serving_ = false;
  const auto self = weak_from_this().lock();  // the loop may have been the last to hold this server
  for (const Socket& socket : std::exchange(sockets_, {})) stop_listening(socket);  // N1
  if (serving_forever_) std::exchange(serving_forever_, {}).cancel();
  wakeup_if_done();
}

void BaseServer::serve_forever() {
  if (serving_forever_) {  // N3
    throw RuntimeError("server " + repr() + " is already being awaited on serve_forever()");
  }
  const auto self = shared_from_this();  // whoever called may let go of the server meanwhile
  start_listening_now();

  const Future<void> forever = get_loop().create_future<void>();
  serving_forever_ = forever;
  const Emptied on_every_way_out(serving_forever_);
  try {
    await(forever);  // suspends
  } catch (const CancelledError&) {
    // From the task's cancellation, or from close(): asyncio does not tell them apart.
    close();
    close_clients();
    wait_closed();  // suspends
    throw;
  }
}

void BaseServer::wait_closed() {
  if (closed_ && clients_.empty()) return;
  const auto self = shared_from_this();
  Waiter(waiters_, get_loop()).wait();  // suspends
}

void BaseServer::wakeup_if_done() {
  if (!closed_ || !clients_.empty()) return;
  // A transport may be destroyed after its loop was closed. A task of that loop waits no more, and
  // waking it would throw.
  if (!loop_->loop() || loop_->loop()->is_closed()) return;
  waiters_.wake_all();
}

void BaseServer::attach(const std::shared_ptr<Transport>& transport) {
  if (closed_) throw RuntimeError("server " + repr() + " is closed");
  clients_.push_back({transport.get(), transport});
}

void BaseServer::detach(const BaseTransport& transport) noexcept {
  std::erase_if(clients_, [&](const Client& client) { return client.id == &transport; });
  wakeup_if_done();
}

std::vector<std::shared_ptr<Transport>> BaseServer::clients() const {
  std::vector<std::shared_ptr<Transport>> alive;
  for (const Client& client : clients_) {
    if (auto transport = client.transport.lock()) alive.push_back(std::move(transport));
  }
  return alive;
}

// Both go over a copy: a transport that closes may detach itself at once.

void BaseServer::close_clients() {
  for (const auto& transport : clients()) transport->close();
}

void BaseServer::abort_clients() {
  for (const auto& transport : clients()) transport->abort();
}

std::string BaseServer::repr() const {
  std::string text;
  for (const Socket& socket : sockets_) text += (text.empty() ? "" : ", ") + socket.getsockname().to_string();
  return "<Server sockets=(" + text + ")>";
}

}  // namespace asyncio
