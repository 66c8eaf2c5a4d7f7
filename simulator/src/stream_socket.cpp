// stream_socket.cpp: what a segment does when it is sent, and when it arrives.
//
// A partition is checked at both ends of a journey: what is on its way when the path breaks does not arrive either.
// TCP would send it again; so here it waits, and goes on its way with a fresh latency when the path is repaired. A
// paused host is different: the segment has arrived there, and only nobody looks.
#include "stream_socket.hpp"

#include "excerpt.hpp"
#include "host.hpp"
#include "ids.hpp"
#include "listener.hpp"
#include "sim_network.hpp"
#include "world_core.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace asyncio::sim {
namespace {

constexpr TimePoint NOT_ON_ITS_WAY = TimePoint::max();

}  // namespace

// ---- Flow ----

Flow::Flow(SimNetwork& network, Path& path, Ref<StreamSocket> target)
    : network_(network), path_(path), target_(std::move(target)) {}
Flow::~Flow() = default;

void Flow::send(Segment segment) {
  // Whatever is behind a segment that waits has to wait as well (K1).
  const bool behind = !segments_.empty() && segments_.back().arrives == NOT_ON_ITS_WAY;
  if (behind || path_.blocked()) {
    segment.arrives = NOT_ON_ITS_WAY;
    segments_.push_back(std::move(segment));
    return wait_for_path();
  }
  segment.arrives = network_.arrives_at(path_, segment.data.size());
  if (!segments_.empty()) segment.arrives = std::max(segment.arrives, segments_.back().arrives);  // K1
  segments_.push_back(std::move(segment));
  if (segments_.size() == 1) schedule_first();
}

void Flow::wait_for_path() {
  if (!std::exchange(waits_for_path_, true)) path_.stalled.emplace_back(this);
}

void Flow::schedule_first() {
  if (scheduled_ || segments_.empty() || segments_.front().arrives == NOT_ON_ITS_WAY) return;
  scheduled_ = true;
  network_.world().schedule(segments_.front().arrives, Ref<WorldEvent>(this));
}

void Flow::happen() {
  scheduled_ = false;
  if (path_.partitioned) {
    // None of those behind it arrives earlier, so all of them meet the same fate.
    for (Segment& segment : segments_) segment.arrives = NOT_ON_ITS_WAY;
    return wait_for_path();
  }
  if (path_.to.paused()) return network_.wait_for_resume(*this);
  Segment segment = std::move(segments_.front());
  segments_.pop_front();
  schedule_first();
  target_->arrived(segment);
}

void Flow::go_on() {
  waits_for_path_ = false;
  TimePoint previous{};
  for (Segment& segment : segments_) {
    if (segment.arrives == NOT_ON_ITS_WAY) segment.arrives = network_.arrives_at(path_, segment.data.size());
    previous = segment.arrives = std::max(segment.arrives, previous);  // K1
  }
  schedule_first();
}

void Flow::arrive_now() {
  if (scheduled_ || segments_.empty()) return;
  scheduled_ = true;
  network_.world().schedule(network_.world().now(), Ref<WorldEvent>(this));
}

// ---- StreamSocket: its user ----

StreamSocket::StreamSocket(SimNetwork& network, SimHost& host, Address local, Address remote, std::uint64_t connection)
    : network_(network),
      host_(host),
      local_(std::move(local)),
      remote_(std::move(remote)),
      connection_(connection),
      number_(network.new_number()) {}

StreamSocket::~StreamSocket() = default;

Ref<StreamSocket> StreamSocket::connect(SimNetwork& network, SimEventLoop& client, SimHost& server, Address local,
                                        Address remote) {
  const std::uint64_t connection = network.new_number();
  const auto here = make_ref<StreamSocket>(network, client.host(), local, remote, connection);
  const auto there = make_ref<StreamSocket>(network, server, std::move(remote), std::move(local), connection);
  here->loop_ = &client;
  here->join(there);
  there->join(here);
  here->record(EventKind::connect, here->there_);
  here->out_->send({.kind = Segment::Kind::connect});
  return here;
}

/// Lays the way to the other end.
void StreamSocket::join(Ref<StreamSocket> other) {
  Path& path = network_.path(host_, other->host_);
  there_ = path.label;
  back_ = network_.path(other->host_, host_).label;
  out_ = make_ref<Flow>(network_, path, std::move(other));
  network_.add_socket(Ref<StreamSocket>(this));
}

void StreamSocket::set_user(std::shared_ptr<SocketUser> user) noexcept {
  // The old one dies last: its destructor may be foreign code.
  user_.swap(user);
}

void StreamSocket::poll() {
  if (loop_ && user_) loop_->io_ready(*this);
}

std::size_t StreamSocket::send(std::string_view data) {
  if (!out_ || eof_sent_ || reset_sent_) return data.size();
  const std::size_t count = std::min(data.size(), credit_);
  if (count == 0) return 0;
  credit_ -= count;  // K2
  record(EventKind::send, there_, count, data.substr(0, count));
  out_->send({.kind = Segment::Kind::data, .data = std::string(data.substr(0, count))});
  return count;
}

void StreamSocket::send_eof() {
  if (!out_ || std::exchange(eof_sent_, true) || reset_sent_) return;
  record(EventKind::eof, there_);
  out_->send({.kind = Segment::Kind::eof});
}

std::string StreamSocket::receive(std::size_t size) {
  std::string data;
  if (size >= inbox_.size()) {
    data.swap(inbox_);
  } else {
    data = inbox_.substr(0, size);
    inbox_.erase(0, size);
  }
  unannounced_ += data.size();
  // Half a window at a time, as TCP does: to announce every byte would double the traffic.
  if (unannounced_ >= RECEIVE_WINDOW / 2 && out_ && !eof_received_ && error_ == 0) {
    out_->send({.kind = Segment::Kind::window, .bytes_read = std::exchange(unannounced_, 0)});
  }
  return data;
}

void StreamSocket::close(bool reset) {
  if (std::exchange(closed_, true)) return;
  record(EventKind::close, there_);
  if (reset) {
    answer_with_reset();
  } else {
    send_eof();
  }
  look_whether_done();
}

// ---- StreamSocket: the network ----

void StreamSocket::arrived(Segment& segment) {
  switch (segment.kind) {
    case Segment::Kind::connect: return connect_arrived();
    case Segment::Kind::accept:
      if (closed_) return answer_with_reset();  // whoever asked has given up meanwhile
      connected_ = true;
      return poll();
    case Segment::Kind::refuse: error_ = ECONNREFUSED; break;
    case Segment::Kind::data:
      if (closed_) return answer_with_reset();  // K3
      record(EventKind::deliver, back_, segment.data.size(), segment.data);
      if (inbox_.empty()) {
        inbox_ = std::move(segment.data);
      } else {
        inbox_ += segment.data;
      }
      return poll();
    case Segment::Kind::window: credit_ += segment.bytes_read; return poll();
    case Segment::Kind::eof: eof_received_ = true; break;
    case Segment::Kind::reset:
      record(EventKind::reset, back_);
      error_ = ECONNRESET;  // the inbox stays as it is (K4)
      break;
  }
  poll();
  look_whether_done();
}

/// A request has reached the server's host.
void StreamSocket::connect_arrived() {
  const bool loopback = is_loopback(local_.host());
  Listener* const listener = host_.running() ? network_.listeners().find(host_, local_.port(), loopback) : nullptr;
  if (!listener || !listener->listening()) {
    closed_ = reset_sent_ = true;
    record(EventKind::refuse, there_);
    out_->send({.kind = Segment::Kind::refuse});
    return look_whether_done();
  }
  connected_ = true;
  loop_ = &host_.loop();
  record(EventKind::accept, there_);
  out_->send({.kind = Segment::Kind::accept});
  listener->add(Ref<StreamSocket>(this));
}

void StreamSocket::answer_with_reset() {
  if (!out_ || std::exchange(reset_sent_, true)) return;
  if (error_ == 0) out_->send({.kind = Segment::Kind::reset});  // else the other side is gone already
  look_whether_done();
}

void StreamSocket::queue_handles() {
  if (user_) user_->socket_ready();
}

std::uint64_t StreamSocket::io_id() const noexcept { return socket_id(number_); }

void StreamSocket::record(EventKind kind, NameId path, std::size_t bytes, std::string_view data) {
  network_.world().record({.kind = kind,
                           .host = host_.name_id(),
                           .subject = path,
                           .a = connection_,
                           .b = bytes,
                           .detail = Excerpt(data).text()});
}

/// Both sides are done with each other: nothing can be sent or arrive any more that anybody looks at.
void StreamSocket::look_whether_done() {
  if (!closed_ || !(eof_received_ || reset_sent_ || error_ != 0)) return;
  const Ref<StreamSocket> self(this);
  network_.remove_socket(*this);
  if (error_ != 0 || reset_sent_ || eof_sent_) out_ = {};
}

void StreamSocket::let_go() noexcept {
  const Ref<StreamSocket> self(this);
  const Ref<Flow> out = std::move(out_);
  const std::shared_ptr<SocketUser> user = std::move(user_);
  if (user) user->let_go();
}

}  // namespace asyncio::sim
