// counter.hpp: a counter that several nodes keep together, and that loses nothing it has said yes to.
//
// Each client counts for itself: "alice has added 7 so far". A node keeps the highest total that it has heard of for
// each client, and the counter is the sum. Highest is the whole trick: it does not matter how often a total arrives, in
// which order, by which way. A client that got no answer says the same total again, to any node; two nodes that were
// apart merge, and are equal (a grow-only counter, a CRDT).
//
//     alice ── "add alice 7" ──► node a: merge ─┬─► save() to its own disk ───────────────┐
//                                  version 12   ├─► keep_up(b) "merge alice=7 bob=2" ──► b: merge, save, "have …"
//                                               └─► keep_up(c)  … c is away              │
//           ◄── "ok" ──── two of three have version 12: a majority ◄─────────────────────┘
//
// Merging makes nodes equal in the end; it does not keep a promise. That is what the majority is for: "ok" is said when
// more than half of the nodes have it on disk. So whatever half may burn, and every later read, which asks a majority
// too, meets at least one node that knows.
//
//   R1  A total that was acknowledged is on the disks of a majority.
//   R2  A read gives at least what was acknowledged, and what any read gave, before it began.
//   R3  "have" says that the merge it answers is on the disk of that node. The totals behind it are news, which may be
//       younger than the disk, and promise nothing.
//   R4  The totals of a client never go down, on no node.
//
// Origin: M. Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types", INRIA RR-7506
// (2011), the G-counter; H. Attiya, A. Bar-Noy, D. Dolev, "Sharing memory robustly in message-passing systems" (1995),
// why a read writes back what it has read.
#pragma once

#include "tutorials/examples/counter/storage.hpp"

#include <asyncio/asyncio.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace counter {

/// Where to find a node.
struct NodeAddress {
  std::string host;
  int port = 0;
};

/// When a node says "ok" to an addition.
enum class Acknowledge {
  by_majority,  ///< when more than half of the nodes have it on disk
  alone,        ///< when it has it in memory: fast, and lost with this node
};

/// How a node behaves.
struct NodeOptions {
  Acknowledge acknowledge = Acknowledge::by_majority;                ///< when it says "ok"
  asyncio::Duration majority_within = std::chrono::seconds(2);       ///< then it says "no majority" instead
  asyncio::Duration answer_within = std::chrono::milliseconds(500);  ///< a peer that takes longer is given up for now
  asyncio::Duration gossip_every = std::chrono::seconds(1);          ///< how often peers compare, where nothing happens
  /// How to listen. `limit` bounds a line, in bytes: the totals of 16,000 clients take up to 800 KB.
  asyncio::StartServerOptions listen = {.limit = 1024 * 1024};
};

/// One of at most 16 nodes. It takes a thousand clients, and no more: "bad request". Made by std::make_shared, because
/// the task of each connection keeps it.
class Node : public std::enable_shared_from_this<Node> {
 public:
  /// \param peers    the other nodes
  /// \param storage  of this node alone; not null
  Node(std::vector<NodeAddress> peers, std::shared_ptr<Storage> storage, NodeOptions options = {});

  /// Loads what was saved, and takes part, until the task is cancelled or the storage fails.
  ///
  /// \param host       where to listen
  /// \param port       0 lets the loop choose
  /// \param listening  called when it listens
  /// \throws ExceptionGroup  with what the storage threw: a node that cannot remember must not go on
  /// \suspends until then
  void serve(const std::string& host, int port, const std::function<void(const asyncio::Server&)>& listening = {});

  /// What it knows, on disk or not.
  const Totals& totals() const noexcept { return totals_; }

 private:
  struct Peer {
    NodeAddress address;
    std::uint64_t has = 0;  // the version of ours that it has on disk
  };

  void converse(const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer);
  std::string answer(const std::string& line);
  std::string acknowledge();
  bool majority_has(std::uint64_t version);
  bool merge(const Totals& theirs, std::size_t most);
  void save_changes();
  void keep_up(Peer& peer);
  void exchange(Peer& peer, const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer);
  void wait_until(const std::function<bool()>& condition);
  void changed();

  const std::shared_ptr<Storage> storage_;
  const NodeOptions options_;
  std::vector<Peer> peers_;
  Totals totals_;
  std::uint64_t version_ =
      0;  // 1 when loaded; counts the changes of totals_, and the reads, which want to hear from all anew
  std::uint64_t saved_ = 0;  // the version that is on our disk
  asyncio::Event changed_;   // set for an instant whenever one of the above, or a Peer::has, has changed
};

/// A client, who counts for itself. One of a name at a time: the highest total wins, not the sum.
class Client {
 public:
  /// \param name   1 to 32 letters, digits, dots and dashes
  /// \param nodes  all of them, or some
  /// \throws std::invalid_argument  where the name is none, or there is no node
  Client(std::string name, std::vector<NodeAddress> nodes);

  /// Asks how much this client had added, in an earlier life. \suspends until a node has answered
  void recall() { total_ = ask("total " + name_); }
  /// Adds to the counter. Tries one node after the other, for ever: a caller with less patience uses timeout(). What
  /// was given up may have been counted, or may be later; it is never counted twice.
  ///
  /// \suspends until it is acknowledged
  void add(std::uint64_t amount);
  /// The counter: at least all that was acknowledged before. \suspends until a node has answered
  std::uint64_t value() { return ask("read"); }
  /// What this client has asked to add so far.
  std::uint64_t total() const noexcept { return total_; }

 private:
  std::uint64_t ask(const std::string& question);
  std::string ask_once(const NodeAddress& node, const std::string& question) const;

  std::string name_;
  std::vector<NodeAddress> nodes_;
  std::size_t next_ = 0;  // the node that is asked next
  std::uint64_t total_ = 0;
};

}  // namespace counter
