// sim_network.cpp: how long a segment takes, what stops it, and what the end of a host means to its peers.
//
// A latency is chosen among at most 64 equal steps from the shortest to the longest: fine enough for every order of
// arrivals, and coarse enough for a search to try them all. Way 0 is the shortest.
#include "sim_network.hpp"

#include "host.hpp"
#include "listener.hpp"
#include "stream_socket.hpp"
#include "world_core.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace asyncio::sim {
namespace {

constexpr std::uint32_t LATENCY_WAYS = 64;
// What TCP waits before it sends a segment again, doubled each time. Nobody loses more than so many in a row: a search
// that tries all ways has to come to an end.
constexpr Duration RETRANSMISSION_TIMEOUT = std::chrono::milliseconds(200);
constexpr int LOSSES_IN_A_ROW = 8;

constexpr int FIRST_FREE_PORT = 49152;
constexpr int LAST_FREE_PORT = 65535;
constexpr int FIRST_DESCRIPTOR = 3;  // after the standard streams

}  // namespace

LinkTerms LinkTerms::of(const Link& link) {
  const auto [min, max] = link.latency;
  if (min < Duration::zero() || max < min) {
    throw std::invalid_argument("a link's latency is {shortest, longest}, from zero upwards, and not {" +
                                std::to_string(min.count()) + " ns, " + std::to_string(max.count()) + " ns}");
  }
  if (link.bandwidth && *link.bandwidth == 0)
    throw std::invalid_argument("a link's bandwidth must be at least 1 byte a second; leave it empty for no limit");
  // Datagrams do not travel yet; what is said about them is checked all the same.
  odds_of(link.duplicate, "duplicate");
  odds_of(link.reorder, "reorder");
  return {.min_latency = min,
          .max_latency = max,
          .loss_odds = odds_of(link.loss, "loss"),
          .bandwidth = link.bandwidth.value_or(0)};
}

Path::Path(SimHost& from, SimHost& to, NameId label) : from(from), to(to), label(label) {}
Path::~Path() = default;

SimNetwork::SimNetwork(WorldCore& world) : world_(world), default_terms_(LinkTerms::of({})) {}
SimNetwork::~SimNetwork() = default;

// ---- Links ----

void SimNetwork::set_default(const Link& link) { default_terms_ = LinkTerms::of(link); }

void SimNetwork::set_path(std::string_view from, std::string_view to, const Link& link) {
  path(from, to).terms = LinkTerms::of(link);
}

Path& SimNetwork::path(SimHost& from, SimHost& to) {
  const auto key = std::pair(from.number(), to.number());
  const auto found = paths_.find(key);
  if (found != paths_.end()) return found->second;
  const NameId label = world_.execution().names().intern(from.name() + " to " + to.name());
  return paths_.try_emplace(key, from, to, label).first->second;
}

Path& SimNetwork::path(std::string_view from, std::string_view to) {
  SimHost& here = world_.host(from);
  SimHost& there = world_.host(to);
  if (&here == &there) throw std::invalid_argument("a host has no link to itself: '" + here.name() + "'");
  return path(here, there);
}

TimePoint SimNetwork::arrives_at(Path& path, std::size_t bytes) {
  const TimePoint now = world_.now();
  if (&path.from == &path.to) return now;
  const LinkTerms& terms = path.terms ? *path.terms : default_terms_;

  TimePoint leaves = now;
  if (terms.bandwidth > 0) {
    constexpr std::uint64_t SECOND = 1'000'000'000;
    const std::uint64_t whole = bytes / terms.bandwidth * SECOND;
    const std::uint64_t rest = bytes % terms.bandwidth * SECOND / terms.bandwidth;  // at most 64 KiB: no overflow
    leaves = path.busy_until = std::max(now, path.busy_until) + Duration(whole + rest);
  }

  Duration lost{};
  Duration timeout = RETRANSMISSION_TIMEOUT;
  for (int losses = 0; losses < LOSSES_IN_A_ROW; ++losses) {
    if (!world_.happens(ChoiceKind::loss, terms.loss_odds, path.from.name_id(), path.label)) break;
    lost += timeout;
    timeout *= 2;
  }

  const auto range = static_cast<std::uint64_t>((terms.max_latency - terms.min_latency).count());
  const auto ways = static_cast<std::uint32_t>(std::min<std::uint64_t>(range + 1, LATENCY_WAYS));
  Duration latency = terms.min_latency;
  if (ways > 1) {
    const std::uint64_t way = world_.choose(ChoiceKind::latency, ways, path.from.name_id(), path.label);
    const std::uint64_t steps = ways - 1;
    latency += Duration(range / steps * way + range % steps * way / steps);
  }
  return leaves + lost + latency;
}

// ---- Partitions ----

void SimNetwork::partition(std::string_view from, std::string_view to) {
  Path& path = this->path(from, to);
  if (world_.over() || std::exchange(path.partitioned, true)) return;
  world_.record({.kind = EventKind::partition, .host = path.from.name_id(), .subject = path.label});
}

void SimNetwork::repair(std::string_view from, std::string_view to) {
  Path& path = this->path(from, to);
  if (world_.over() || !std::exchange(path.partitioned, false)) return;
  world_.record({.kind = EventKind::repair, .host = path.from.name_id(), .subject = path.label});
  go_on(path);
}

void SimNetwork::repair_all() {
  if (world_.over()) return;
  for (auto& [key, path] : paths_) {
    if (path.partitioned) repair(path.from.name(), path.to.name());
  }
}

void SimNetwork::hold(std::string_view from, std::string_view to) {
  Path& path = this->path(from, to);
  if (world_.over() || std::exchange(path.held, true)) return;
  world_.record({.kind = EventKind::hold, .host = path.from.name_id(), .subject = path.label, .a = 1});
}

void SimNetwork::release(std::string_view from, std::string_view to) {
  Path& path = this->path(from, to);
  if (world_.over() || !std::exchange(path.held, false)) return;
  world_.record({.kind = EventKind::hold, .host = path.from.name_id(), .subject = path.label, .a = 0});
  go_on(path);
}

void SimNetwork::go_on(Path& path) {
  if (path.blocked()) return;
  for (const Ref<Flow>& flow : std::exchange(path.stalled, {})) flow->go_on();
}

// ---- Hosts ----

std::vector<Ref<StreamSocket>> SimNetwork::take_sockets(const SimHost& host) {
  std::vector<Ref<StreamSocket>> taken;
  std::erase_if(sockets_, [&](Ref<StreamSocket>& socket) {
    if (&socket->host() != &host || socket->loop() == nullptr) return false;
    taken.push_back(socket);
    return true;
  });
  // They are kept, with all that they own, until the execution is over (W3).
  sockets_of_dead_.insert(sockets_of_dead_.end(), taken.begin(), taken.end());
  return taken;
}

void SimNetwork::close_listeners(const SimHost& host) {
  std::vector<Ref<Listener>> closed;
  std::erase_if(listeners_, [&](const auto& bound) {
    if (bound.first.host != host.number()) return false;
    closed.push_back(bound.second);
    return true;
  });
  listeners_of_dead_.insert(listeners_of_dead_.end(), closed.begin(), closed.end());
}

void SimNetwork::host_gone(SimHost& host) {
  close_listeners(host);
  for (const Ref<StreamSocket>& socket : take_sockets(host)) socket->close(false);
}

void SimNetwork::host_crashed(SimHost& host) {
  close_listeners(host);
  for (const Ref<StreamSocket>& socket : take_sockets(host)) socket->close(true);
  descriptors_.erase(host.number());
  host_resumed(host);
}

void SimNetwork::host_resumed(SimHost& host) {
  std::vector<Ref<Flow>> arriving;
  std::erase_if(waiting_for_resume_, [&](const Ref<Flow>& flow) {
    if (&flow->path().to != &host) return false;
    arriving.push_back(flow);
    return true;
  });
  for (const Ref<Flow>& flow : arriving) flow->arrive_now();
}

void SimNetwork::unwind() noexcept {
  for (const auto& [bound, listener] : std::exchange(listeners_, {})) listener->let_go();
  for (const auto& listener : std::exchange(listeners_of_dead_, {})) listener->let_go();
  for (const auto& socket : std::exchange(sockets_, {})) socket->let_go();
  for (const auto& socket : std::exchange(sockets_of_dead_, {})) socket->let_go();
  waiting_for_resume_.clear();
  for (auto& [key, path] : paths_) path.stalled.clear();
}

// ---- Names and ports ----

bool SimNetwork::is_loopback(std::string_view name) noexcept {
  return name == "localhost" || name == "127.0.0.1" || name == "::1";
}

bool SimNetwork::is_any_address(std::string_view name) noexcept {
  return name.empty() || name == "0.0.0.0" || name == "::";
}

SimHost& SimNetwork::resolve(std::string_view name, SimHost& asker) {
  if (is_loopback(name) || is_any_address(name)) return asker;
  if (SimHost* host = world_.find_host(name)) return *host;
  throw std::system_error(ENXIO, std::generic_category(),
                          "getaddrinfo: no host of this world is named '" + std::string(name) + "'");
}

int SimNetwork::free_port(SimHost& host) {
  int& last = last_port_.try_emplace(host.number(), FIRST_FREE_PORT - 1).first->second;
  for (int tries = FIRST_FREE_PORT; tries <= LAST_FREE_PORT; ++tries) {
    last = last == LAST_FREE_PORT ? FIRST_FREE_PORT : last + 1;
    const bool used = listeners_.contains({host.number(), last, Interface::outside}) ||
                      listeners_.contains({host.number(), last, Interface::loopback});
    if (!used) return last;
  }
  throw std::system_error(EADDRNOTAVAIL, std::generic_category(), "no free port is left on host '" + host.name() + "'");
}

void SimNetwork::bind(Ref<Listener> listener) {
  const Address& address = listener->address();
  const std::uint32_t host = listener->host().number();
  const bool any = is_any_address(address.host());
  const Bound outside{host, address.port(), Interface::outside};
  const Bound loopback{host, address.port(), Interface::loopback};
  const bool use_outside = any || !is_loopback(address.host());
  const bool use_loopback = any || is_loopback(address.host());
  if ((use_outside && listeners_.contains(outside)) || (use_loopback && listeners_.contains(loopback))) {
    throw std::system_error(EADDRINUSE, std::generic_category(),
                            "error while attempting to bind on address " + address.to_string());
  }
  if (use_outside) listeners_.emplace(outside, listener);
  if (use_loopback) listeners_.emplace(loopback, listener);
}

void SimNetwork::unbind(const Listener& listener) noexcept {
  std::erase_if(listeners_, [&](const auto& bound) { return bound.second.get() == &listener; });
}

Listener* SimNetwork::find_listener(SimHost& host, int port, bool loopback) noexcept {
  const auto found = listeners_.find({host.number(), port, loopback ? Interface::loopback : Interface::outside});
  return found != listeners_.end() && found->second->listening() ? found->second.get() : nullptr;
}

void SimNetwork::wait_for_resume(Flow& flow) { waiting_for_resume_.emplace_back(&flow); }

void SimNetwork::add_socket(Ref<StreamSocket> socket) { sockets_.push_back(std::move(socket)); }

void SimNetwork::remove_socket(const StreamSocket& socket) noexcept {
  std::erase_if(sockets_, [&](const Ref<StreamSocket>& open) { return open.get() == &socket; });
}

int SimNetwork::open_descriptor(const SimHost& host) {
  std::vector<bool>& used = descriptors_[host.number()];
  const auto free = std::find(used.begin(), used.end(), false);
  const int index = static_cast<int>(free - used.begin());
  if (free == used.end()) {
    used.push_back(true);
  } else {
    *free = true;
  }
  return FIRST_DESCRIPTOR + index;
}

void SimNetwork::close_descriptor(const SimHost& host, int descriptor) noexcept {
  const auto found = descriptors_.find(host.number());
  const auto index = static_cast<std::size_t>(descriptor - FIRST_DESCRIPTOR);
  if (found != descriptors_.end() && index < found->second.size()) found->second[index] = false;
}

}  // namespace asyncio::sim
