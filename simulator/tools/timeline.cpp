// timeline.cpp: lays a trace out in columns, one for each host. A row is one event; a text that is too long for its
// column goes on in the next row, and the time stands only where it has changed.
#include "timeline.hpp"

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "choice_words.hpp"
#include "quantities.hpp"

namespace asyncio::sim::tool {
namespace {

constexpr std::size_t MOST_LANES = 6;
constexpr std::size_t WIDTH = 110;                            // of the whole picture
constexpr std::size_t LEFT_WIDTH = 23;                        // time and step
constexpr const char* DEVIATION = "*";                        // stands in the place of the step
constexpr std::size_t ACROSS = static_cast<std::size_t>(-1);  // a row that belongs to no host

/// One cell with its time and step, and the lane in which it stands.
struct Row {
  Duration time{};
  std::size_t step = 0;
  std::size_t lane = ACROSS;
  std::string mark = {};  // instead of the step
  std::string text = {};
};

/// "cache #2" of an event of host web and connection 2, whose subject is "web to cache" or "cache to web".
std::string peer(const TraceEvent& event) {
  const std::size_t middle = event.subject.find(" to ");
  if (middle == std::string::npos) return fmt::format("#{}", event.a);
  const std::string from = event.subject.substr(0, middle);
  const std::string to = event.subject.substr(middle + 4);
  return fmt::format("{} #{}", to == event.host ? from : to, event.a);
}

/// What an event says about its host, without the task; "" where it says nothing worth a line.
std::string words(const TraceEvent& event) {
  switch (event.kind) {
    case EventKind::run_start:
    case EventKind::run_end:
    case EventKind::clock:
    case EventKind::task_enter:
    case EventKind::task_leave:
    case EventKind::choice:
    case EventKind::failure: return "";
    case EventKind::host_start: return event.a > 1 ? "starts again" : "starts";
    case EventKind::host_crash: return "CRASHES";
    case EventKind::host_pause: return "stands still";
    case EventKind::host_resume: return "goes on";
    case EventKind::host_end: return "main has returned";
    case EventKind::task_register: return "new task " + event.subject;
    case EventKind::task_unregister: return event.subject + " ends";
    case EventKind::connect: return "connects to " + peer(event);
    case EventKind::accept: return "is connected with " + peer(event);
    case EventKind::refuse: return "refuses a connection";
    case EventKind::send: return fmt::format("-> {}: {} ({})", peer(event), event.detail, counted(event.b, "byte"));
    case EventKind::deliver: return fmt::format("<- {}: {} ({})", peer(event), event.detail, counted(event.b, "byte"));
    case EventKind::hold: return fmt::format("{}: {}", event.subject, event.a != 0 ? "held back" : "goes on");
    case EventKind::eof: return "-> " + peer(event) + ": nothing more";
    case EventKind::close: return "closes " + peer(event);
    case EventKind::reset: return "is cut off from " + peer(event);
    case EventKind::partition: return event.subject + ": no way through";
    case EventKind::repair: return event.subject + ": the way is free";
    case EventKind::job_begin: return fmt::format("job {} begins in a thread", event.a);
    case EventKind::job_end: return fmt::format("job {} has run", event.a);
    case EventKind::drop: return fmt::format("-> {}: {} is lost", peer(event), event.detail);
    case EventKind::observe: return fmt::format("{}={}", event.subject, event.detail);
    case EventKind::check: return fmt::format("checks {} {}", event.subject, event.detail);
  }
  return "";
}

/// Makes rows from events.
class Rows {
 public:
  explicit Rows(const Trace& trace) {
    for (const TraceEvent& event : trace.events) take(event);
    leave_task();
  }
  const std::vector<std::string>& hosts() const noexcept { return hosts_; }
  const std::vector<Row>& rows() const noexcept { return rows_; }

 private:
  void take(const TraceEvent& event) {
    switch (event.kind) {
      case EventKind::task_enter: return enter_task(event);
      case EventKind::task_leave: return leave_task();
      case EventKind::choice:
        if (event.a != 0) rows_.push_back(row(event, ACROSS, DEVIATION, choice_text(event)));
        return;
      case EventKind::failure: return;  // told at the end, with what the result knows
      default: break;                   // all others say what words() says
    }
    const std::string text = words(event);
    if (text.empty()) return;
    if (in_task_ && event.host == task_host_) {
      said_ = true;
      rows_.push_back(row(event, lane(event.host), "", task_ + ": " + text));
    } else {
      rows_.push_back(row(event, event.host.empty() ? ACROSS : lane(event.host), event.host.empty() ? "-" : "", text));
    }
  }

  void enter_task(const TraceEvent& event) {
    leave_task();
    in_task_ = true;
    said_ = false;
    task_ = event.subject;
    task_host_ = event.host;
    entered_ = row(event, lane(event.host), "", task_ + " runs");
    place_ = rows_.size();
  }

  /// A task of which nothing was seen between entering and leaving gets a row of its own all the same.
  void leave_task() {
    if (std::exchange(in_task_, false) && !said_)
      rows_.insert(rows_.begin() + static_cast<std::ptrdiff_t>(place_), entered_);
  }

  static std::string choice_text(const TraceEvent& event) {
    return in_words({.kind = kind_of_label(event.subject),
                     .ways = static_cast<std::uint32_t>(event.b),
                     .picked = static_cast<std::uint32_t>(event.a),
                     .label = event.subject});
  }
  static Row row(const TraceEvent& event, std::size_t lane, std::string mark, std::string text) {
    std::ranges::replace_if(text, [](unsigned char c) { return c < ' '; }, ' ');
    return {event.time.time_since_epoch(), event.step, lane, std::move(mark), std::move(text)};
  }
  std::size_t lane(const std::string& host) {
    const auto found = std::ranges::find(hosts_, host);
    if (found == hosts_.end()) return hosts_.push_back(host), hosts_.size() - 1;
    return static_cast<std::size_t>(found - hosts_.begin());
  }

  std::vector<std::string> hosts_;
  std::vector<Row> rows_;
  bool in_task_ = false;
  bool said_ = false;  // whether the task that is entered has a row
  std::string task_, task_host_;
  Row entered_;
  std::size_t place_ = 0;  // where its row would stand
};

/// A text in pieces of at most `width`, broken between words where that can be.
std::vector<std::string_view> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string_view> pieces;
  while (text.size() > width) {
    std::size_t end = text.rfind(' ', width);
    if (end == text.npos || end == 0) end = width;
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
  }
  pieces.push_back(text);
  return pieces;
}

/// Writes rows, each time and step only where it is another one than above.
class Writer {
 public:
  Writer(std::ostream& out, const std::vector<std::string>& hosts) : out_(out), hosts_(hosts) {
    has_lanes_ = hosts.size() <= MOST_LANES;
    if (has_lanes_)
      lane_width_ = std::max<std::size_t>(16, (WIDTH - LEFT_WIDTH) / std::max<std::size_t>(1, hosts.size()));
    std::string heading = fmt::format("{:>14} {:>6}  ", "time", "step");
    if (has_lanes_) {
      for (const std::string& host : hosts)
        heading += fmt::format("{:<{}}", host.substr(0, lane_width_ - 2), lane_width_);
    }
    line(heading);
  }

  void write(const Row& row) {
    const bool same_time = std::exchange(last_time_, row.time) == row.time && begun_;
    const bool same_step = std::exchange(last_step_, row.step) == row.step;
    const std::string time = same_time ? "" : in_seconds(row.time);
    const std::string step = !row.mark.empty() ? row.mark : same_step ? "" : fmt::format("{}", row.step);
    begun_ = true;

    const bool in_lane = has_lanes_ && row.lane != ACROSS;
    const std::string prefix = !has_lanes_ && row.lane != ACROSS ? hosts_[row.lane] + ": " : "";
    std::string left = fmt::format("{:>14} {:>6}  ", time, step);
    const std::string text = prefix + row.text;
    for (const std::string_view piece : wrapped(text, in_lane ? lane_width_ - 2 : WIDTH - LEFT_WIDTH)) {
      line(left + std::string(in_lane ? row.lane * lane_width_ : 0, ' ') + std::string(piece));
      left = std::string(LEFT_WIDTH, ' ');
    }
  }

 private:
  void line(std::string text) {
    text.erase(text.find_last_not_of(' ') + 1);
    out_ << text << '\n';
  }

  std::ostream& out_;
  const std::vector<std::string>& hosts_;
  bool has_lanes_ = false;
  std::size_t lane_width_ = 0;
  bool begun_ = false;
  Duration last_time_{};
  std::size_t last_step_ = 0;  // before the first step nobody needs to read 0
};

}  // namespace

void write_timeline(std::ostream& out, const std::string& title, const RunResult& result, const std::string& grep) {
  out << title << "\n\n";
  const Rows rows(result.trace);
  Writer writer(out, rows.hosts());
  bool has_deviations = false;
  for (const Row& row : rows.rows()) {
    if (!grep.empty() && row.text.find(grep) == std::string::npos) continue;
    writer.write(row);
    has_deviations = has_deviations || row.mark == DEVIATION;
  }
  if (has_deviations) out << fmt::format("\n{:>22}  a choice that is not plain order\n", DEVIATION);
  if (!result.failure) {
    out << "\npassed\n";
    return;
  }
  out << "\nFAIL  " << to_string(result.failure->kind) << ": " << result.failure->message << '\n';
  if (!result.failure->where.empty()) out << "      " << result.failure->where << '\n';
}

}  // namespace asyncio::sim::tool
