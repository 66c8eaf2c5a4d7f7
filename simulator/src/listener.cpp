// listener.cpp: from a connection that was made to one that is accepted.
#include "listener.hpp"

#include "ids.hpp"
#include "sim_event_loop.hpp"
#include "sim_network.hpp"

#include <utility>

namespace asyncio::sim {

Listener::Listener(SimNetwork& network, SimEventLoop& loop, Address address)
    : network_(network), loop_(loop), address_(std::move(address)), number_(network.new_number()) {}

Listener::~Listener() = default;

SimHost& Listener::host() const noexcept { return loop_.host(); }

void Listener::listen(Accept accept) { accept_ = std::make_shared<Accept>(std::move(accept)); }

void Listener::stop() {
  const auto accept = std::move(accept_);  // dies last: it may own the server that calls this
  network_.listeners().unbind(*this);
  for (const Ref<StreamSocket>& socket : std::exchange(to_be_accepted_, {})) socket->close(true);
}

void Listener::add(Ref<StreamSocket> socket) {
  to_be_accepted_.push_back(std::move(socket));
  loop_.io_ready(*this);
}

void Listener::queue_handles() {
  const Ref<Listener> self(this);
  loop_.queue_io(make_ref<HandleState>([self] { self->accept_all(); }, loop_, Context()));
}

void Listener::accept_all() {
  for (Ref<StreamSocket>& socket : std::exchange(to_be_accepted_, {})) {
    const auto accept = accept_;
    if (accept) {
      (*accept)(std::move(socket));
    } else {
      socket->close(true);  // the server was closed meanwhile
    }
  }
}

std::uint64_t Listener::io_id() const noexcept { return socket_id(number_); }

void Listener::let_go() noexcept {
  const auto accept = std::move(accept_);
  const auto waiting = std::move(to_be_accepted_);
}

}  // namespace asyncio::sim
