// server.hpp: somewhere to connect to.
//
// A server is three things at once: a set of listening sockets, a set of connections that came in
// through them, and up to one task that sits in serve_forever(). They end at different times, and
// this is what the class is about:
//
//     close() ──► the sockets are closed ──► is_serving() is false ──► serve_forever() ends, CancelledError
//                 the connections go on … the last one ends ─────────► wait_closed() returns
//
// AbstractServer is what programs see, by way of the shared pointer `Server`. BaseServer keeps the
// books for any loop and leaves two things to it, how to begin to listen on a socket and how to end
// that. A loop has a class of its own that derives from it.
//
// Who owns whom: programs own the server, and so does the loop as long as it is serving: a server
// that nobody holds goes on accepting, as in asyncio. The server owns its sockets. It does not own
// its connections, which are the loop's; each connection owns the server, because it has to tell it
// of its end.
//
//   N1  sockets() is empty, and is_serving() false, from close() on; there is no way back.
//   N2  wait_closed() returns when the server is closed and no connection is attached, in either
//       order (S248).
//   N3  At most one task is in serve_forever().
//
// Source: CPython Lib/asyncio/events.py, AbstractServer; base_events.py, Server. Rules: S243, S247
// to S250.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/sockets.hpp>
#include <asyncio/transports.hpp>
#include <asyncio/waiters.hpp>

#include <memory>
#include <string>
#include <vector>

namespace asyncio {

/// A listening server, as create_server() and start_server() give it.
class AbstractServer : public std::enable_shared_from_this<AbstractServer> {
 public:
  AbstractServer();
  AbstractServer(const AbstractServer&) = delete;
  AbstractServer& operator=(const AbstractServer&) = delete;
  virtual ~AbstractServer();

  /// Stops listening; open connections go on (S247). Again is harmless.
  virtual void close() = 0;
  /// Calls close() on every connection that came in through this server (S250).
  virtual void close_clients() = 0;
  /// Calls abort() on every connection that came in through this server (S250).
  virtual void abort_clients() = 0;
  /// The loop it belongs to.
  ///
  /// \throws RuntimeError  where that loop has been destroyed
  virtual AbstractEventLoop& get_loop() const = 0;
  /// Whether it accepts connections.
  virtual bool is_serving() const = 0;
  /// Starts to accept, where it does not yet.
  ///
  /// \throws RuntimeError  where the server is closed
  /// \suspends for one iteration of the loop
  virtual void start_serving() = 0;
  /// Accepts connections until the task is cancelled or the server is closed, then closes it with
  /// its connections (S249).
  ///
  /// \throws RuntimeError    where it is closed, or another task is in here already (N3)
  /// \throws CancelledError  always in the end: after close() too, although nobody cancelled the
  ///                         task (S247)
  /// \suspends until then
  virtual void serve_forever() = 0;
  /// Waits until the server is closed and its connections have ended (N2).
  ///
  /// \suspends until then; not at all where that is so
  virtual void wait_closed() = 0;
  /// The sockets it listens on; none once it is closed (N1).
  virtual std::vector<Socket> sockets() const = 0;

  /// For those who write loops: a connection came in. To be called before its connection_made().
  ///
  /// \throws RuntimeError  where the server was closed since the connection was accepted: drop it
  ///                       then
  virtual void attach(const std::shared_ptr<Transport>& transport) = 0;
  /// For those who write loops: that connection has ended, or is being destroyed. Unknown ones are
  /// ignored.
  virtual void detach(const BaseTransport& transport) noexcept = 0;

  /// One line for reports: "<Server sockets=(127.0.0.1:80)>".
  virtual std::string repr() const = 0;
};

/// The books of a server: which sockets, which connections, who waits. For those who write loops.
class BaseServer : public AbstractServer {
 public:
  /// A server that does not listen yet (S243).
  ///
  /// \param loop     the loop it belongs to
  /// \param sockets  bound, not listening yet
  /// \param backlog  how many connections may wait to be accepted, for each socket
  BaseServer(AbstractEventLoop& loop, std::vector<Socket> sockets, int backlog);

  void close() override;
  void close_clients() override;
  void abort_clients() override;
  AbstractEventLoop& get_loop() const override;
  bool is_serving() const override { return serving_; }
  void start_serving() override;
  void serve_forever() override;
  void wait_closed() override;
  std::vector<Socket> sockets() const override { return sockets_; }
  void attach(const std::shared_ptr<Transport>& transport) override;
  void detach(const BaseTransport& transport) noexcept override;
  std::string repr() const override;

  /// Starts to listen on every socket, without suspending: for create_server() with start_serving
  /// (asyncio's _start_serving). Again is harmless.
  ///
  /// \throws RuntimeError  where the server is closed
  void start_listening_now();

 protected:
  /// Listens on one socket and accepts what comes, up to `backlog` connections at a time. Keeps this server alive until
  /// stop_listening().
  ///
  /// \throws std::system_error  where the socket cannot listen
  virtual void start_listening(const Socket& socket, int backlog) = 0;
  /// Ends that, and closes the socket. Is called for sockets that were never listened on, too.
  virtual void stop_listening(const Socket& socket) = 0;

 private:
  struct Client {
    const BaseTransport* id;             // to find it by, when `transport` is no more
    std::weak_ptr<Transport> transport;  // a connection that nobody keeps must be able to die
  };

  std::vector<std::shared_ptr<Transport>> clients() const;
  void wakeup_if_done();

  Ref<LoopCore> loop_;
  std::vector<Socket> sockets_;
  std::vector<Client> clients_;   // in the order in which they came
  WaiterQueue waiters_;           // the tasks in wait_closed()
  Future<void> serving_forever_;  // empty unless a task is in serve_forever() (N3)
  int backlog_;
  bool serving_ = false;
  bool closed_ = false;
};

}  // namespace asyncio
