// listener.hpp: a port that somebody listens on, and the connections that wait there to be accepted.
//
// As on a real machine a connection is made before the program knows of it: the kernel answers, and puts the new
// socket into a queue. The next poll finds the queue, and the server accepts all that is in it (S244).
#pragma once

#include "io_source.hpp"
#include "stream_socket.hpp"

#include <asyncio/sockets.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace asyncio::sim {

/// A bound socket; it listens while it has a server.
class Listener final : public IoSource {
 public:
  /// Accepts one connection.
  using Accept = std::function<void(Ref<StreamSocket>)>;

  Listener(SimNetwork& network, SimEventLoop& loop, Address address);
  ~Listener() override;

  /// Accepts connections from now on. What `accept` captures is kept until stop().
  void listen(Accept accept);
  bool listening() const noexcept { return accept_ != nullptr; }
  /// Accepts no more; who waits to be accepted is reset.
  void stop();

  /// The host and the port that it is bound to.
  const Address& address() const noexcept { return address_; }
  SimHost& host() const noexcept;
  SimEventLoop& loop() const noexcept { return loop_; }

  /// A connection was made.
  void add(Ref<StreamSocket> socket);
  void queue_handles() override;
  std::uint64_t io_id() const noexcept override;
  /// Lets go of the server and of who waits.
  void let_go() noexcept;

 private:
  void accept_all();

  SimNetwork& network_;
  SimEventLoop& loop_;
  const Address address_;
  const std::uint64_t number_;
  std::shared_ptr<Accept> accept_;  // null: bound only
  std::vector<Ref<StreamSocket>> to_be_accepted_;
};

}  // namespace asyncio::sim
