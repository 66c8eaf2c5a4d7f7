#include "tutorials/examples/counter/counter.hpp"
#include "tutorials/examples/counter/lines.hpp"
#include "tutorials/examples/lines.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace counter {

namespace {

using examples::bare;

constexpr asyncio::Duration RETRY = std::chrono::milliseconds(200);  // after a peer was not to be had

std::uint64_t sum(const Totals& totals) {
  std::uint64_t value = 0;
  for (const auto& [name, total] : totals) value += total;
  return value;
}

std::uint64_t total_of(const std::string& name, const Totals& totals) {
  const auto found = totals.find(name);
  return found == totals.end() ? 0 : found->second;
}

/// Whether `ours` is still of `most` clients at most when `theirs` have come; what is no new client always finds room.
bool has_room_for(const Totals& theirs, const Totals& ours, std::size_t most) {
  const auto is_new = [&](const auto& one) { return !ours.contains(one.first); };
  const auto fresh = static_cast<std::size_t>(std::ranges::count_if(theirs, is_new));
  return fresh == 0 || ours.size() + fresh <= most;
}

}  // namespace

Node::Node(std::vector<NodeAddress> peers, std::shared_ptr<Storage> storage, NodeOptions options)
    : storage_(std::move(storage)), options_(std::move(options)) {
  for (NodeAddress& address : peers) peers_.push_back({.address = std::move(address)});
}

void Node::serve(const std::string& host, int port, const std::function<void(const asyncio::Server&)>& listening) {
  totals_ = asyncio::to_thread([storage = storage_] { return storage->load(); });  // suspends
  // What is on our disk is a version that no peer is known to have. At 0 a majority would seem to have it (R1).
  version_ = saved_ = 1;
  const auto talk = [self = shared_from_this()](auto reader, auto writer) { self->converse(reader, writer); };
  const asyncio::Server server = asyncio::start_server(talk, host, port, options_.listen);  // suspends
  if (listening) listening(server);
  asyncio::task_group([&](asyncio::TaskGroup& group) {
    group.create_task([&] { save_changes(); });
    for (Peer& peer : peers_) group.create_task([&] { keep_up(peer); });
    server->serve_forever();  // suspends
  });
}

// ---- What a node is asked ----

void Node::converse(const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer) {
  try {
    for (const std::string& line : reader) {    // suspends
      writer.write(answer(bare(line)) + "\n");  // suspends
      writer.drain();                           // may suspend
    }
  } catch (const std::system_error&) {  // the other side is gone, and will ask again
  } catch (const std::invalid_argument&) {
    writer.write("bad request\n");  // a line that is longer than the limit
  }
  writer.close();
}

std::string Node::answer(const std::string& line) {
  const auto asked = words(line);
  if (asked[0] == "add" && asked.size() == 3 && is_name(asked[1])) {
    const auto total = parse_total(asked[2]);
    if (!total || !merge({{std::string(asked[1]), *total}}, MOST_CLIENTS)) return "bad request";
    return options_.acknowledge == Acknowledge::alone ? "ok" : acknowledge();  // suspends
  }
  if (asked[0] == "merge") {
    const auto theirs = parse_totals(asked, 1);
    if (!theirs || !merge(*theirs, MOST_TOTALS)) return "bad request";
    wait_until([this, version = version_] { return saved_ >= version; });  // suspends; R3
    return "have" + format_totals(totals_);
  }
  const bool one = asked[0] == "total" && asked.size() == 2 && is_name(asked[1]);
  if (!one && line != "read") return "bad request";
  if (!majority_has(++version_)) return "no majority";  // suspends: hears what a majority knows
  const Totals seen = totals_;
  if (!majority_has(++version_)) return "no majority";  // suspends: and tells it to a majority (R2)
  return "value " + std::to_string(one ? total_of(std::string(asked[1]), seen) : sum(seen));
}

// [acknowledge]
/// "ok", when what this node knows now is on the disks of a majority (R1).
std::string Node::acknowledge() {
  return majority_has(version_) ? "ok" : "no majority";  // suspends
}

/// \return  false where it took too long, which does not mean that a majority will not have it
bool Node::majority_has(std::uint64_t version) {
  changed();
  const auto votes = [&] {
    return std::ranges::count_if(peers_, [&](const Peer& peer) { return peer.has >= version; }) + (saved_ >= version);
  };
  const auto majority = static_cast<std::ptrdiff_t>((peers_.size() + 1) / 2 + 1);
  try {
    asyncio::timeout(options_.majority_within, [&] { wait_until([&] { return votes() >= majority; }); });  // suspends
  } catch (const asyncio::TimeoutError&) {
    return false;
  }
  return true;
}
// [acknowledge]

// ---- What a node does by itself ----

// [merge]
/// \return  false where there would be more than `most` clients: nothing is merged then
bool Node::merge(const Totals& theirs, std::size_t most) {
  if (!has_room_for(theirs, totals_, most)) return false;
  for (const auto& [name, total] : theirs) {
    if (total <= total_of(name, totals_)) continue;  // R4
    totals_[name] = total;
    ++version_;
  }
  changed();
  return true;
}
// [merge]

/// Keeps our disk up with our memory. One write may serve many who wait.
void Node::save_changes() {
  for (;;) {
    wait_until([this] { return saved_ < version_; });  // suspends
    const std::uint64_t version = version_;
    asyncio::to_thread([storage = storage_, totals = totals_] { storage->save(totals); });  // suspends
    saved_ = version;
    changed();
  }
}

/// Keeps one peer up with us, and us with it. For ever.
void Node::keep_up(Peer& peer) {
  for (;;) {
    try {
      auto [reader, writer] = asyncio::timeout(options_.answer_within, [&] {
        return asyncio::open_connection(peer.address.host, peer.address.port, {.limit = options_.listen.limit});
      });                                       // suspends
      for (;;) exchange(peer, reader, writer);  // suspends
    } catch (const asyncio::TimeoutError&) {
      // It may still answer. With the connection that answer is gone too: it would be taken for the next one.
    } catch (const std::exception&) {  // not there, gone, or no node of ours
    }
    asyncio::sleep(RETRY);  // suspends
  }
}

// [exchange]
void Node::exchange(Peer& peer, const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer) {
  const std::uint64_t version = version_;
  writer.write("merge" + format_totals(totals_) + "\n");
  const std::string line =
      asyncio::timeout(options_.answer_within, [&] { return bare(reader.readline()); });  // suspends
  const auto answer = words(line);
  const auto theirs = parse_totals(answer, 1);
  if (answer[0] != "have" || !theirs || !merge(*theirs, MOST_TOTALS)) {
    throw std::runtime_error("that is no answer of a node: " + line);
  }
  peer.has = std::max(peer.has, version);
  changed();
  try {
    asyncio::timeout(options_.gossip_every, [&] { wait_until([&] { return peer.has < version_; }); });  // suspends
  } catch (const asyncio::TimeoutError&) {  // nothing has happened here: see what has happened there
  }
}
// [exchange]

// ---- Waiting for any of it ----

void Node::wait_until(const std::function<bool()>& condition) {
  while (!condition()) changed_.wait();  // suspends
}

/// Wakes all who wait: an event that is set and cleared at once wakes those who wait now, and stops nobody later.
void Node::changed() {
  changed_.set();
  changed_.clear();
}

}  // namespace counter
