// network.hpp: the network of a world.
//
// Hosts find each other by name. What is sent from one host to another takes a time that is chosen within
// the latency of the link; a connection keeps the order of its bytes, as TCP does, and two connections are
// independent. A partition loses nothing of a stream: what was sent waits, as TCP would send it again, and
// goes on its way when the partition is repaired.
//
// Two hosts that were given no link use the default link. A host reaches itself without delay, by its own name, as
// "localhost" or as "127.0.0.1"; a server that listens on one of the latter two is not reached from outside.
//
// As with TCP, connecting takes a round trip; nobody listening, or a crashed host, refuses (ECONNREFUSED); through a
// partition it waits. When a host crashes, its peers find their connections reset (ECONNRESET) as soon as that news
// gets through. At most 64 KiB of a direction are on their way or unread.
//
// Datagrams are promised nothing, as with UDP: they are lost, come twice or are overtaken as their link says. A
// partition loses them, and so does a host that is down, or a socket with 208 KiB of them unread. A socket that is
// connected to a port that nobody is bound to hears so (ECONNREFUSED) after a round trip. A datagram to 255.255.255.255
// reaches all hosts.
#pragma once

#include <asyncio/clock.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace asyncio::sim {

class World;

/// The shortest and the longest time that a message may take.
struct LatencyRange {
  Duration min = std::chrono::milliseconds(1);   ///< at least zero
  Duration max = std::chrono::milliseconds(10);  ///< at least `min`
};

/// How a path from one host to another behaves.
struct Link {
  LatencyRange latency = {};  ///< drawn anew for each message
  /// 0 to 1. On a stream a lost message is sent again after 200 ms, 400 ms, …, at most eight times in a row. A lost
  /// datagram is gone.
  double loss = 0;
  double duplicate = 0;  ///< 0 to 1; datagrams only: how many of them come twice, each copy at its own time
  /// 0 to 1; datagrams only: how many take a second latency, in which those sent after them may overtake. The others of
  /// a socket arrive in order.
  double reorder = 0;
  std::optional<std::uint64_t> bandwidth = {};  ///< bytes a second, at least 1; empty: unlimited
};

/// The network of a world: links, and what happens to them. Host names that do not exist are refused.
class Network {
 public:
  /// How hosts are linked that were not given a link of their own.
  ///
  /// \throws std::invalid_argument  where a value is out of its range
  void set_default(Link link);
  /// Links the hosts `a` and `b`, in both directions. Throws as set_default() does, for `link`.
  void set_link(std::string_view a, std::string_view b, Link link);
  /// Sets the link in one direction, `from` a host `to` another. Throws as set_default() does, for `link`.
  void set_path(std::string_view from, std::string_view to, Link link);

  /// Nothing gets from `a` to `b`, nor back, until repair().
  void partition(std::string_view a, std::string_view b);
  /// Nothing gets from `from` to `to`, until repair().
  void partition_oneway(std::string_view from, std::string_view to);
  /// Ends the partitions between `a` and `b`.
  void repair(std::string_view a, std::string_view b);
  /// Ends all partitions.
  void repair_all();

  /// Keeps what `a` and `b` send to each other in flight until release().
  void hold(std::string_view a, std::string_view b);
  /// Lets what was held between `a` and `b` go on its way, with a fresh latency.
  void release(std::string_view a, std::string_view b);

  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

 private:
  friend class World;
  explicit Network(World& world) noexcept : world_(world) {}
  World& world_;
};

}  // namespace asyncio::sim
