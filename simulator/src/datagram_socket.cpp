// datagram_socket.cpp: what becomes of a datagram.
//
// Its fate is chosen when it is sent: whether it is lost, whether there are two of it, how long each takes. A path is
// looked at once more when it arrives, since a partition loses what is on its way as well.
#include "datagram_socket.hpp"

#include "excerpt.hpp"
#include "host.hpp"
#include "ids.hpp"
#include "sim_event_loop.hpp"
#include "world_core.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace asyncio::sim {
namespace {

constexpr std::size_t LARGEST_DATAGRAM = 65507;  // bytes: 65,535 less the headers of IP and UDP
// As Linux does it: net.core.rmem_default, against which each datagram counts with what the kernel keeps beside it.
constexpr std::size_t INBOX_BYTES = 208 * 1024;
constexpr std::size_t BYTES_BESIDE_A_DATAGRAM = 768;

constexpr const char* BROADCAST = "255.255.255.255";

}  // namespace

// ---- On the way ----

/// ICMP's "port unreachable", on its way back to who sent a datagram.
class PortUnreachable final : public Traffic {
 public:
  PortUnreachable(Path& path, Ref<DatagramSocket> sender, const Endpoint& target)
      : path_(path), sender_(std::move(sender)), target_(target) {}

  void go_on() override {
    if (path_.held) return void(path_.stalled.emplace_back(this));
    SimNetwork& network = sender_->network_;
    network.world().schedule(network.datagram_arrival(path_, 0).arrives, Ref<WorldEvent>(this));
  }

  void happen() override {
    if (!path_.partitioned && path_.to.running()) sender_->unreachable(target_);
  }

 private:
  Path& path_;
  const Ref<DatagramSocket> sender_;
  const Endpoint target_;
};

/// A datagram.
class Datagram final : public Traffic {
 public:
  Datagram(Path& path, Ref<DatagramSocket> sender, const Endpoint& target, std::string data)
      : path_(path), sender_(std::move(sender)), target_(target), data_(std::move(data)) {}

  /// Sets out, or waits where the path is held.
  void go_on() override {
    if (path_.held) return void(path_.stalled.emplace_back(this));
    const DatagramArrival arrival = network().datagram_arrival(path_, data_.size());
    TimePoint& latest = sender_->last_arrival_[path_.to.number()];
    const TimePoint in_order = std::max(arrival.arrives, latest);  // U1
    if (!arrival.overtaken_by) latest = in_order;
    network().world().schedule(in_order + arrival.overtaken_by.value_or(Duration()), Ref<WorldEvent>(this));
  }

  void happen() override {
    if (path_.partitioned || !path_.to.running()) return drop();  // U2
    const Endpoint from = sender_->endpoint_towards(target_);
    DatagramSocket* const target = network().datagram_sockets().find(path_.to, target_.port, target_.loopback);
    if (target && (!target->peer_ || *target->peer_ == from)) return target->arrived(from, std::move(data_));  // U3
    drop();
    tell_sender();
  }

  void drop() { sender_->record(EventKind::drop, path_, data_); }

 private:
  SimNetwork& network() const { return sender_->network_; }

  /// Nobody is bound there: only a connected sender is told (U2).
  void tell_sender() {
    if (!sender_->connected() || sender_->closed_) return;
    Path& back = network().path(path_.to, path_.from);
    if (!network().loses_datagram(back)) make_ref<PortUnreachable>(back, sender_, target_)->go_on();
  }

  Path& path_;
  const Ref<DatagramSocket> sender_;
  const Endpoint target_;
  std::string data_;
};

// ---- Its user's calls ----

DatagramSocket::DatagramSocket(SimNetwork& network, SimEventLoop& loop, Address address, bool may_broadcast)
    : network_(network),
      loop_(loop),
      address_(std::move(address)),
      may_broadcast_(may_broadcast),
      number_(network.new_number()) {}

DatagramSocket::~DatagramSocket() = default;

SimHost& DatagramSocket::host() const noexcept { return loop_.host(); }

Endpoint DatagramSocket::resolve(const Address& address) const {
  const bool loopback = is_loopback(address.host()) || is_any_address(address.host());
  return {&network_.resolve(address.host(), host()), address.port(), loopback};
}

void DatagramSocket::connect(const Address& to) { peer_ = resolve(to); }

void DatagramSocket::set_user(std::shared_ptr<SocketUser> user) noexcept {
  user_.swap(user);  // the old one dies last: its destructor may be foreign code
}

void DatagramSocket::send(std::string_view data, const Address* to) {
  const auto refuse = [](int error, const std::string& why) {
    throw std::system_error(error, std::generic_category(), "sendto: " + why);
  };
  if (!peer_ && !to) refuse(EDESTADDRREQ, "the endpoint has no remote_addr, and no address was given");
  if (data.size() > LARGEST_DATAGRAM) {
    refuse(EMSGSIZE, std::to_string(data.size()) + " bytes, and a datagram holds " + std::to_string(LARGEST_DATAGRAM));
  }
  const bool to_all = !peer_ && to->host() == BROADCAST;
  if (to_all && !may_broadcast_) refuse(EACCES, "a broadcast needs an endpoint with allow_broadcast");
  const Endpoint target = peer_ ? *peer_ : to_all ? Endpoint{nullptr, to->port(), false} : resolve(*to);
  if (is_loopback(address_.host()) && target.host != &host()) {
    refuse(EINVAL, "bound to " + address_.to_string() + ", which other hosts are not reached from");
  }
  if (to_all) return broadcast(data, target.port);
  send_to(target, data);
}

/// Under which address it sends there.
Endpoint DatagramSocket::endpoint_towards(const Endpoint& to) const {
  const bool any = is_any_address(address_.host());
  return {&host(), address_.port(), is_loopback(address_.host()) || (any && to.loopback)};
}

Address DatagramSocket::local_address() const {
  if (!is_any_address(address_.host())) return address_;
  return Address(peer_ && peer_->loopback ? "127.0.0.1" : host().name(), address_.port());
}

/// To every host of the world, this one included, as a network without routers does.
void DatagramSocket::broadcast(std::string_view data, int port) {
  for (const auto& host : network_.world().hosts()) send_to({host.get(), port, false}, data);
}

void DatagramSocket::send_to(const Endpoint& to, std::string_view data) {
  if (closed_) return;
  Path& path = network_.path(host(), *to.host);
  record(EventKind::send, path, data);
  const Ref<DatagramSocket> self(this);
  const auto datagram = make_ref<Datagram>(path, self, to, std::string(data));
  if (network_.loses_datagram(path)) return datagram->drop();
  datagram->go_on();
  if (network_.duplicates_datagram(path)) make_ref<Datagram>(path, self, to, std::string(data))->go_on();
}

std::optional<std::pair<std::string, Address>> DatagramSocket::receive() {
  if (inbox_.empty()) return {};
  auto first = std::move(inbox_.front());
  inbox_.pop_front();
  inbox_bytes_ -= first.first.size() + BYTES_BESIDE_A_DATAGRAM;
  return first;
}

void DatagramSocket::close() {
  if (std::exchange(closed_, true)) return;
  network_.datagram_sockets().unbind(*this);
  inbox_.clear();
  inbox_bytes_ = 0;
}

void DatagramSocket::poll() {
  if (user_) loop_.io_ready(*this);
}

// ---- What the network tells ----

void DatagramSocket::arrived(const Endpoint& from, std::string data) {
  const Path& path = network_.path(*from.host, host());
  const std::size_t bytes = data.size() + BYTES_BESIDE_A_DATAGRAM;
  if (inbox_bytes_ + bytes > INBOX_BYTES) return record(EventKind::drop, path, data);  // U2
  record(EventKind::deliver, path, data);
  inbox_bytes_ += bytes;
  inbox_.emplace_back(std::move(data), Address(from.loopback ? "127.0.0.1" : from.host->name(), from.port));
  poll();
}

void DatagramSocket::unreachable(const Endpoint& target) {
  if (closed_ || peer_ != target) return;
  error_ = ECONNREFUSED;
  record(EventKind::refuse, network_.path(*target.host, host()), {});
  poll();
}

void DatagramSocket::queue_handles() {
  if (user_) user_->socket_ready();
}

std::uint64_t DatagramSocket::io_id() const noexcept { return socket_id(number_); }

void DatagramSocket::record(EventKind kind, const Path& path, std::string_view data) {
  network_.world().record({.kind = kind,
                           .host = host().name_id(),
                           .subject = path.label,
                           .a = number_,
                           .b = data.size(),
                           .detail = Excerpt(data).text()});
}

void DatagramSocket::let_go() noexcept {
  const Ref<DatagramSocket> self(this);
  const std::shared_ptr<SocketUser> user = std::move(user_);
  if (user) user->let_go();
}

}  // namespace asyncio::sim
