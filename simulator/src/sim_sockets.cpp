// sim_sockets.cpp: descriptors that are numbers of a host and nothing else.
//
// They are given out as a real machine does it, the lowest that is free: a number that is used again is the stuff of a
// whole family of bugs.
#include "sim_sockets.hpp"

#include "host.hpp"
#include "world_core.hpp"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

namespace asyncio::sim {
namespace {

class SimSocketState final : public SocketState {
 public:
  SimSocketState(SimHost& host, Address local, std::optional<Address> remote)
      : world_(host.loop().world()),
        host_(host),
        start_(host.starts()),
        local_(std::move(local)),
        remote_(std::move(remote)),
        descriptor_(world_.network().open_descriptor(host)) {}
  ~SimSocketState() override { SimSocketState::close(); }

  int fileno() const noexcept override { return descriptor_; }
  Address getsockname() const override { return local_; }
  Address getpeername() const override {
    if (!remote_) throw std::system_error(ENOTCONN, std::generic_category(), "getpeername");
    return *remote_;
  }
  void close() noexcept override {
    const int closed = std::exchange(descriptor_, -1);
    // A socket may be forgotten long after its host has crashed and come up again, or after the whole world.
    if (closed < 0 || WorldCore::current() != &world_ || world_.over() || host_.starts() != start_) return;
    world_.network().close_descriptor(host_, closed);
  }

 private:
  WorldCore& world_;
  SimHost& host_;
  const int start_;  // which start of the host it belongs to
  const Address local_;
  const std::optional<Address> remote_;
  int descriptor_;
};

}  // namespace

Socket make_connected_socket(SimHost& host, Address local, Address remote) {
  return Socket(std::make_shared<SimSocketState>(host, std::move(local), std::move(remote)));
}

Socket make_bound_socket(SimHost& host, Address local) {
  return Socket(std::make_shared<SimSocketState>(host, std::move(local), std::nullopt));
}

}  // namespace asyncio::sim
