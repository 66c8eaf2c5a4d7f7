// framing.cpp: read(), readline(), readexactly() and readuntil() over data that comes in any pieces.
//
// The input is a list of orders, each a letter and what it needs: feed so many bytes, read so many, read up to a
// separator. A task carries out the reads; what it waits for is fed by and by. Beside it, a model is asked the same. It
// is as simple as it can be: it has no offsets, and looks through all of its buffer each time.
//
// Source of the model: CPython Lib/asyncio/streams.py, StreamReader; semantics.md S332 to S335.
#include <asyncio/asyncio.hpp>

#include <algorithm>
#include <optional>
#include <vector>

#include "tests/fuzz/targets.hpp"

namespace asyncio::fuzz {
namespace {

/// The bytes of an input, one after the other; zeros once they have run out.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  bool empty() const { return rest_.empty(); }
  unsigned char next() { return static_cast<unsigned char>(take(1).append(1, '\0').front()); }
  std::string take(std::size_t count) {
    const std::string taken(rest_.substr(0, count));
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

struct Read {
  enum class Kind { some, line, exactly, until } kind;
  std::ptrdiff_t size = 0;
  std::vector<std::string> separators = {};
};

struct Orders {
  std::ptrdiff_t limit = 1;
  std::vector<Read> reads;
  std::vector<std::string> pieces;  // that arrive
};

Orders orders_in(std::string_view input) {
  Bytes bytes(input);
  Orders orders{.limit = 1 + bytes.next() % 40, .reads = {}, .pieces = {}};
  while (!bytes.empty() && orders.reads.size() + orders.pieces.size() < 200) {
    switch (bytes.next()) {
      case 'r': orders.reads.push_back({Read::Kind::some, static_cast<signed char>(bytes.next())}); break;
      case 'l': orders.reads.push_back({Read::Kind::line}); break;
      case 'e': orders.reads.push_back({Read::Kind::exactly, bytes.next() % 64}); break;
      case 'u': {
        Read read{Read::Kind::until};
        for (int more = bytes.next() % 3; more >= 0; --more) {
          const std::size_t size = 1 + bytes.next() % 3;
          if (std::string one = bytes.take(size); !one.empty()) read.separators.push_back(std::move(one));
        }
        if (!read.separators.empty()) orders.reads.push_back(std::move(read));
        break;
      }
      case 'f': orders.pieces.push_back(bytes.take(bytes.next())); break;
      default: break;
    }
  }
  return orders;
}

/// What a StreamReader should do.
class Model {
 public:
  explicit Model(std::ptrdiff_t limit) : limit_(static_cast<std::size_t>(limit)) {}
  void feed(const std::string& piece) { buffer_ += piece; }
  void end() { ended_ = true; }

  /// \return  nothing where it has to wait
  std::optional<std::string> act(const Read& read) {
    switch (read.kind) {
      case Read::Kind::some: return some(read.size);
      case Read::Kind::exactly: return exactly(static_cast<std::size_t>(read.size));
      case Read::Kind::until: return until(read.separators);
      case Read::Kind::line: return line();
    }
    return {};
  }

 private:
  std::string take(std::size_t count) {
    const std::string taken = buffer_.substr(0, count);
    buffer_.erase(0, taken.size());
    return taken;
  }
  std::optional<std::string> some(std::ptrdiff_t size) {
    if (size == 0) return "data ";
    if (size < 0 ? !ended_ : buffer_.empty() && !ended_) return {};
    return "data " + take(size < 0 ? buffer_.size() : static_cast<std::size_t>(size));
  }
  std::optional<std::string> exactly(std::size_t size) {
    if (buffer_.size() >= size) return "data " + take(size);
    if (ended_) return "incomplete " + take(buffer_.size());
    return {};
  }
  std::optional<std::string> until(std::vector<std::string> separators) {
    std::ranges::sort(separators, {}, &std::string::size);  // where two end at one place, the shorter
    std::size_t start = buffer_.npos, end = buffer_.npos;
    for (const std::string& separator : separators) {
      const std::size_t at = buffer_.find(separator);
      if (at == buffer_.npos || at + separator.size() >= end) continue;
      start = at;
      end = at + separator.size();
    }
    if (end != buffer_.npos) return start > limit_ ? overrun(start) : "data " + take(end);
    // A separator may have begun at the end; what lies before that is no part of one.
    const std::size_t none_before = buffer_.size() + 1 - std::min(buffer_.size() + 1, separators.back().size());
    if (buffer_.size() >= separators.front().size() && none_before > limit_) return overrun(none_before);
    if (ended_) return "incomplete " + take(buffer_.size());
    return {};
  }
  std::optional<std::string> line() {
    auto result = until({"\n"});
    if (result && result->starts_with("incomplete ")) return "data " + result->substr(11);
    if (!result || !result->starts_with("overrun ")) return result;
    const std::size_t consumed = std::stoul(result->substr(8));
    take(buffer_.substr(consumed).starts_with('\n') ? consumed + 1 : buffer_.size());  // S335: it is dropped
    return "invalid";
  }
  static std::string overrun(std::size_t consumed) { return "overrun " + std::to_string(consumed); }

  const std::size_t limit_;
  std::string buffer_;
  bool ended_ = false;
};

std::string carry_out(const StreamReader& reader, const Read& read) {
  try {
    switch (read.kind) {
      case Read::Kind::some: return "data " + reader.read(read.size);
      case Read::Kind::exactly: return "data " + reader.readexactly(read.size);
      case Read::Kind::until: return "data " + reader.readuntil(read.separators);
      case Read::Kind::line: return "data " + reader.readline();
    }
  } catch (const IncompleteReadError& error) {
    return "incomplete " + error.partial();
  } catch (const LimitOverrunError& error) {
    return "overrun " + std::to_string(error.consumed());
  } catch (const std::invalid_argument&) {
    return "invalid";
  }
  return {};
}

}  // namespace

void framing(std::string_view input) {
  const Orders orders = orders_in(input);
  Model model(orders.limit);
  std::vector<std::string> expected, found;
  const auto ask_model = [&] {
    while (expected.size() < orders.reads.size()) {
      auto result = model.act(orders.reads[expected.size()]);
      if (!result) return;
      expected.push_back(*std::move(result));
    }
  };
  SelectorEventLoop loop;
  loop.run_until_complete([&] {
    const StreamReader reader(orders.limit);
    const auto task = create_task([&] {
      for (const Read& read : orders.reads) found.push_back(carry_out(reader, read));  // suspends
    });
    sleep(Duration::zero());
    ask_model();
    const auto compare = [&] {
      sleep(Duration::zero());
      ask_model();
      expect(found == expected, "after " + std::to_string(expected.size()) + " reads: '" +
                                    (expected.empty() ? "" : expected.back()) + "' is right, and '" +
                                    (found.empty() ? "" : found.back()) + "' was found");
    };
    for (const std::string& piece : orders.pieces) {
      model.feed(piece);
      reader.feed_data(piece);
      compare();
    }
    model.end();
    reader.feed_eof();
    compare();
    expect(task.done() && found.size() == orders.reads.size(), "a read waits for more than the end");
  });
  loop.close();
}

}  // namespace asyncio::fuzz
