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

#include <cerrno>
#include <system_error>

namespace asyncio::sim {
namespace {

constexpr std::size_t LARGEST_DATAGRAM = 65507;           // bytes: 65,535 less the headers of IP and UDP
constexpr std::size_t DATAGRAM_INBOX_BYTES = 208 * 1024;  // Linux's net.core.rmem_default

constexpr const char* BROADCAST = "255.255.255.255";

}  // namespace

// ---- A datagram on its way ----

/// A datagram, or the news that one has found nobody.
class Datagram final : public Traffic {
 public:
  Datagram(Path& path, Ref<DatagramSocket> sender, const Endpoint& to, std::string data)
      : path_(path), sender_(std::move(sender)), to_(to), data_(std::move(data)) {}

  /// The news that `lost` has found nobody, on its way back.
  Datagram(Path& path, const Datagram& lost) : path_(path), sender_(lost.sender_), to_(lost.to_), is_news_(true) {}

  /// Sets out, or waits where the path is held.
  void go_on() override {
    if (path_.held) return void(path_.stalled.emplace_back(this));
    TimePoint of_its_own{};
    TimePoint& not_before = is_news_ ? of_its_own : sender_->last_arrival_[path_.to.number()];  // U1
    network().world().schedule(network().datagram_arrives_at(path_, data_.size(), not_before), Ref<WorldEvent>(this));
  }

  void happen() override {
    if (path_.partitioned || !path_.to.running()) return drop();  // U2
    if (is_news_) return sender_->unreachable(to_);
    const Endpoint from = sender_->endpoint_towards(to_);
    DatagramSocket* const target = network().datagram_sockets().find(path_.to, to_.port, to_.loopback);
    if (!target || (target->peer_ && *target->peer_ != from)) return bounce();  // U3
    target->arrived(from, std::move(data_));
  }

  void drop() { sender_->record(EventKind::drop, path_, data_); }

 private:
  SimNetwork& network() const { return sender_->network_; }

  /// Nobody is bound there. Only a connected sender is told (U2).
  void bounce() {
    drop();
    if (!sender_->connected() || sender_->closed_) return;
    Path& back = network().path(path_.to, path_.from);
    if (!network().loses_datagram(back)) make_ref<Datagram>(back, *this)->go_on();
  }

  Path& path_;
  const Ref<DatagramSocket> sender_;
  const Endpoint to_;
  std::string data_;
  const bool is_news_ = false;
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
  const auto fail = [](int error) { throw std::system_error(error, std::generic_category(), "sendto"); };
  if (!peer_ && !to) fail(EDESTADDRREQ);
  if (data.size() > LARGEST_DATAGRAM) fail(EMSGSIZE);
  if (peer_) return send_to(*peer_, data);
  if (to->host() != BROADCAST) return send_to(resolve(*to), data);
  if (!may_broadcast_) fail(EACCES);
  broadcast(data, to->port());
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
  if (is_loopback(address_.host()) && to.host != &host()) {
    throw std::system_error(EINVAL, std::generic_category(), "sendto from a loopback address to another host");
  }
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
  inbox_bytes_ -= first.first.size();
  return first;
}

void DatagramSocket::close() {
  if (std::exchange(closed_, true)) return;
  network_.datagram_sockets().unbind(*this);
  inbox_.clear();
}

void DatagramSocket::poll() {
  if (user_) loop_.io_ready(*this);
}

// ---- What the network tells ----

void DatagramSocket::arrived(const Endpoint& from, std::string data) {
  const Path& path = network_.path(*from.host, host());
  if (inbox_bytes_ + data.size() > DATAGRAM_INBOX_BYTES) return record(EventKind::drop, path, data);  // U2
  record(EventKind::deliver, path, data);
  inbox_bytes_ += data.size();
  inbox_.emplace_back(std::move(data), Address(from.loopback ? "127.0.0.1" : from.host->name(), from.port));
  poll();
}

void DatagramSocket::unreachable(const Endpoint& to) {
  if (closed_ || peer_ != to) return;
  error_ = ECONNREFUSED;
  record(EventKind::refuse, network_.path(*to.host, host()), {});
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
