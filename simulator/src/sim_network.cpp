// sim_network.cpp: how long a segment or a datagram takes, what stops it, and what the end of a host means to its
// peers.
//
// A latency is chosen among at most 64 equal steps from the shortest to the longest: fine enough for every order of
// arrivals, and coarse enough for a search to try them all. Way 0 is the shortest.
#include "sim_network.hpp"

#include "datagram_socket.hpp"
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
// for the worst has to come to an end.
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
  return {.min_latency = min,
          .max_latency = max,
          .loss_odds = odds_of(link.loss, "loss"),
          .duplicate_odds = odds_of(link.duplicate, "duplicate"),
          .reorder_odds = odds_of(link.reorder, "reorder"),
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

// ---- Journeys ----

/// When the last of so many bytes leaves a host.
TimePoint SimNetwork::leaves_at(Path& path, std::size_t bytes) {
  const TimePoint now = world_.now();
  const std::uint64_t bandwidth = terms_of(path).bandwidth;
  if (bandwidth == 0) return now;
  constexpr std::uint64_t SECOND = 1'000'000'000;
  const std::uint64_t whole = bytes / bandwidth * SECOND;
  const std::uint64_t rest = bytes % bandwidth * SECOND / bandwidth;  // at most 64 KiB: no overflow
  return path.busy_until = std::max(now, path.busy_until) + Duration(whole + rest);
}

Duration SimNetwork::choose_latency(const Path& path) {
  const LinkTerms& terms = terms_of(path);
  const auto range = static_cast<std::uint64_t>((terms.max_latency - terms.min_latency).count());
  const auto ways = static_cast<std::uint32_t>(std::min<std::uint64_t>(range + 1, LATENCY_WAYS));
  if (ways == 1) return terms.min_latency;
  const std::uint64_t way = world_.choose(ChoiceKind::latency, ways, path.from.name_id(), path.label);
  const std::uint64_t steps = ways - 1;
  return terms.min_latency + Duration(range / steps * way + range % steps * way / steps);
}

TimePoint SimNetwork::arrives_at(Path& path, std::size_t bytes) {
  if (&path.from == &path.to) return world_.now();
  const TimePoint leaves = leaves_at(path, bytes);
  Duration lost{};
  Duration timeout = RETRANSMISSION_TIMEOUT;
  for (int losses = 0; losses < LOSSES_IN_A_ROW; ++losses) {
    if (!world_.happens(ChoiceKind::loss, terms_of(path).loss_odds, path.from.name_id(), path.label)) break;
    lost += timeout;
    timeout *= 2;
  }
  return leaves + lost + choose_latency(path);
}

bool SimNetwork::loses_datagram(const Path& path) {
  if (&path.from == &path.to) return false;
  return path.partitioned ||
         world_.happens(ChoiceKind::loss, terms_of(path).loss_odds, path.from.name_id(), path.label);
}

bool SimNetwork::duplicates_datagram(const Path& path) {
  return &path.from != &path.to &&
         world_.happens(ChoiceKind::duplicate, terms_of(path).duplicate_odds, path.from.name_id(), path.label);
}

DatagramArrival SimNetwork::datagram_arrival(Path& path, std::size_t bytes) {
  if (&path.from == &path.to) return {world_.now()};
  const TimePoint leaves = leaves_at(path, bytes);
  const TimePoint arrives = leaves + choose_latency(path);
  if (!world_.happens(ChoiceKind::reorder, terms_of(path).reorder_odds, path.from.name_id(), path.label)) {
    return {arrives};
  }
  return {arrives, choose_latency(path)};
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
  for (const Ref<Traffic>& traffic : std::exchange(path.stalled, {})) traffic->go_on();
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

/// Nobody is bound on that host any more. Who was is kept, as its stream sockets are.
void SimNetwork::free_ports(const SimHost& host) {
  const auto listeners = listeners_.take(host);
  listeners_of_dead_.insert(listeners_of_dead_.end(), listeners.begin(), listeners.end());
  const auto sockets = datagram_sockets_.take(host);
  for (const Ref<DatagramSocket>& socket : sockets) socket->close();
  datagram_sockets_of_dead_.insert(datagram_sockets_of_dead_.end(), sockets.begin(), sockets.end());
}

void SimNetwork::host_gone(SimHost& host) {
  free_ports(host);
  for (const Ref<StreamSocket>& socket : take_sockets(host)) socket->close(false);
}

void SimNetwork::host_crashed(SimHost& host) {
  free_ports(host);
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
  for (const auto& listener : listeners_.take_all()) listener->let_go();
  for (const auto& listener : std::exchange(listeners_of_dead_, {})) listener->let_go();
  for (const auto& socket : datagram_sockets_.take_all()) socket->let_go();
  for (const auto& socket : std::exchange(datagram_sockets_of_dead_, {})) socket->let_go();
  for (const auto& socket : std::exchange(sockets_, {})) socket->let_go();
  for (const auto& socket : std::exchange(sockets_of_dead_, {})) socket->let_go();
  waiting_for_resume_.clear();
  for (auto& [key, path] : paths_) path.stalled.clear();
}

// ---- Names and ports ----

SimHost& SimNetwork::resolve(std::string_view name, SimHost& asker) {
  if (is_loopback(name) || is_any_address(name)) return asker;
  if (SimHost* host = world_.find_host(name)) return *host;
  throw std::system_error(ENXIO, std::generic_category(),
                          "getaddrinfo: no host of this world is named '" + std::string(name) + "'");
}

template <class Socket>
int SimNetwork::free_port(const SimHost& host, const PortTable<Socket>& used) {
  int& last = last_port_.try_emplace(host.number(), FIRST_FREE_PORT - 1).first->second;
  for (int tries = FIRST_FREE_PORT; tries <= LAST_FREE_PORT; ++tries) {
    last = last == LAST_FREE_PORT ? FIRST_FREE_PORT : last + 1;
    if (!used.uses(host, last)) return last;
  }
  throw std::system_error(EADDRNOTAVAIL, std::generic_category(), "no free port is left on host '" + host.name() + "'");
}

template int SimNetwork::free_port(const SimHost&, const PortTable<Listener>&);
template int SimNetwork::free_port(const SimHost&, const PortTable<DatagramSocket>&);

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
