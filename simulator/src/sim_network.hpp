// sim_network.hpp: the network behind Network: paths between hosts, and who is bound to which port.
//
// A path leads from one host to another and has the terms of its link: latency, loss, bandwidth. What travels are the
// segments of stream sockets (stream_socket.hpp) and the datagrams of datagram sockets (datagram_socket.hpp). The
// network says when they arrive; a stream socket keeps the order.
//
//     socket ── segment ──► Flow ── arrives_at() ──► EventQueue ──► Flow::happen() ──► peer socket
//                            └── path blocked: waits ◄── repair(), release(): once more
//     socket ── Datagram ── loses_datagram() ──► lost, or EventQueue ──► Datagram::happen() ──► whoever is bound
//     there
//
//   P1  Each path, socket and listener is found by name or number: nothing here depends on an address.
//   P2  What a partition or a hold has stopped of a stream is kept in order, and nothing of a stream is ever lost. A
//       hold keeps datagrams as well; a partition loses them.
#pragma once

#include <asyncio/sim/network.hpp>

#include "event_queue.hpp"
#include "execution.hpp"
#include "port_table.hpp"

#include <asyncio/sockets.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio::sim {

class DatagramSocket;
class Flow;
class Listener;
class SimHost;
class StreamSocket;
class WorldCore;

/// A Link in whole numbers.
struct LinkTerms {
  Duration min_latency{};
  Duration max_latency{};
  std::uint32_t loss_odds = 0;       ///< in 65536ths
  std::uint32_t duplicate_odds = 0;  ///< the same
  std::uint32_t reorder_odds = 0;    ///< the same
  std::uint64_t bandwidth = 0;       ///< bytes a second; 0: unlimited

  /// \throws std::invalid_argument  where a value is out of its range
  static LinkTerms of(const Link& link);
};

/// Something that is on its way from one host to another, and that a path which is blocked may keep.
class Traffic : public WorldEvent {
 public:
  /// The path is free again: what waited is sent once more.
  virtual void go_on() = 0;
};

/// The way from one host to another.
class Path {
 public:
  Path(SimHost& from, SimHost& to, NameId label);
  ~Path();

  /// Whether nothing gets through now.
  bool blocked() const noexcept { return partitioned || held; }

  SimHost& from;
  SimHost& to;
  NameId label;                         ///< "alice to bob"
  std::optional<LinkTerms> terms = {};  ///< empty: the default of the network
  bool partitioned = false;
  bool held = false;
  TimePoint busy_until{};             ///< when the last byte so far has left, where there is a bandwidth
  std::vector<Ref<Traffic>> stalled;  ///< that wait until the path is free, in the order in which they began to
};

/// When a datagram arrives.
struct DatagramArrival {
  TimePoint arrives;                       ///< but after those before it
  std::optional<Duration> overtaken_by{};  ///< of one that others may overtake: how much later than that
};

/// What lies behind a Network.
class SimNetwork {
 public:
  explicit SimNetwork(WorldCore& world);
  ~SimNetwork();

  // ---- What a scenario asks for ----

  void set_default(const Link& link);
  void set_path(std::string_view from, std::string_view to, const Link& link);
  void partition(std::string_view from, std::string_view to);
  void repair(std::string_view from, std::string_view to);
  void repair_all();
  void hold(std::string_view from, std::string_view to);
  void release(std::string_view from, std::string_view to);

  // ---- What happens to hosts ----

  /// A client is over: its connections end as those of a process that exits.
  void host_gone(SimHost& host);
  /// Its connections are reset.
  void host_crashed(SimHost& host);
  /// What arrived while it stood still arrives now.
  void host_resumed(SimHost& host);
  /// Lets go of every transport and protocol; the execution is over.
  void unwind() noexcept;

  // ---- What sockets ask for ----

  Path& path(SimHost& from, SimHost& to);
  /// When a segment that is sent now arrives: chooses its latency and its losses.
  TimePoint arrives_at(Path& path, std::size_t bytes);
  /// Whether a datagram that is sent now is lost on its way.
  bool loses_datagram(const Path& path);
  /// Whether there is a second copy of it.
  bool duplicates_datagram(const Path& path);
  /// When a datagram that is sent now arrives, and is not lost: chooses its latency, and whether others overtake it.
  DatagramArrival datagram_arrival(Path& path, std::size_t bytes);
  /// The host that a name means to `asker`: its own names too.
  ///
  /// \throws std::system_error  where there is none
  SimHost& resolve(std::string_view name, SimHost& asker);

  /// A port of a host that nobody uses for streams.
  int free_stream_port(const SimHost& host) { return free_port(host, listeners_); }
  /// The same for datagrams.
  int free_datagram_port(const SimHost& host) { return free_port(host, datagram_sockets_); }
  PortTable<Listener>& listeners() noexcept { return listeners_; }
  PortTable<DatagramSocket>& datagram_sockets() noexcept { return datagram_sockets_; }

  void add_socket(Ref<StreamSocket> socket);
  void remove_socket(const StreamSocket& socket) noexcept;
  void wait_for_resume(Flow& flow);
  std::uint64_t new_number() noexcept { return ++last_number_; }
  /// A descriptor of a host: the lowest that is free, as on a real machine.
  int open_descriptor(const SimHost& host);
  void close_descriptor(const SimHost& host, int descriptor) noexcept;
  WorldCore& world() noexcept { return world_; }

 private:
  Path& path(std::string_view from, std::string_view to);
  const LinkTerms& terms_of(const Path& path) const noexcept { return path.terms ? *path.terms : default_terms_; }
  TimePoint leaves_at(Path& path, std::size_t bytes);
  Duration choose_latency(const Path& path);
  void go_on(Path& path);
  std::vector<Ref<StreamSocket>> take_sockets(const SimHost& host);
  void free_ports(const SimHost& host);
  template <class Socket>
  int free_port(const SimHost& host, const PortTable<Socket>& used);

  WorldCore& world_;
  LinkTerms default_terms_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Path> paths_;  // by the numbers of the two hosts
  PortTable<Listener> listeners_;
  PortTable<DatagramSocket> datagram_sockets_;
  std::vector<Ref<StreamSocket>> sockets_;          // in the order in which they were made
  std::vector<Ref<StreamSocket>> sockets_of_dead_;  // of crashed and ended hosts, with what they own (W3)
  std::vector<Ref<Listener>> listeners_of_dead_;
  std::vector<Ref<DatagramSocket>> datagram_sockets_of_dead_;
  std::vector<Ref<Flow>> waiting_for_resume_;
  std::map<std::uint32_t, std::vector<bool>> descriptors_;  // by host: which are in use
  std::map<std::uint32_t, int> last_port_;                  // by host: the last free port given out
  std::uint64_t last_number_ = 0;
};

}  // namespace asyncio::sim
