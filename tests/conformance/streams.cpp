// streams.cpp: StreamReader, fed by hand. Rules S329 to S336.
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::create_task;
using asyncio::get_running_loop;
using asyncio::sleep;
using asyncio::StreamReader;

StreamReader fed(std::string_view data, bool eof = true, std::ptrdiff_t limit = asyncio::DEFAULT_STREAM_LIMIT) {
  StreamReader reader{limit};
  reader.feed_data(data);
  if (eof) reader.feed_eof();
  return reader;
}

/// A text as Python shows it.
std::string repr(const std::string& text) {
  std::string shown = "'";
  for (const char c : text) {
    if (c == '\n') {
      shown += "\\n";
    } else if (c == '\r') {
      shown += "\\r";
    } else {
      shown += c;
    }
  }
  return shown + "'";
}

/// How a read ends, as text.
template <class Read>
std::string text(Read read) {
  try {
    return repr(read());
  } catch (const asyncio::IncompleteReadError& error) {
    return std::string("IncompleteReadError: ") + error.what() + " " + repr(error.partial()) + " " +
           (error.expected() ? py(*error.expected()) : "None");
  } catch (const asyncio::LimitOverrunError& error) {
    return std::string("LimitOverrunError: ") + error.what() + " " + py(error.consumed());
  } catch (const std::exception&) {
    return shown(std::current_exception());
  }
}

void reading_what_is_there() {  // S332
  const StreamReader reader = fed("hello world");
  say(text([&] { return reader.read(0); }));
  say(text([&] { return reader.read(5); }));
  say(text([&] { return reader.read(100); }));
  const std::string end = text([&] { return reader.read(1); });
  say(end + " " + py(reader.at_eof()));
  say(text([] { return fed("all of it").read(); }));
  say(text([] { return fed("").read(-1); }));
}

void reading_waits_for_data() {  // S332
  const StreamReader reader = fed("", false);
  auto& loop = get_running_loop();
  loop.call_later(10ms, [reader] { reader.feed_data("first"); });
  loop.call_later(20ms, [reader] { reader.feed_data("second"); });
  loop.call_later(30ms, [reader] { reader.feed_eof(); });
  say(text([&] { return reader.read(100); }));
  say(text([&] { return reader.read(3); }));
  say(text([&] { return reader.read(); }));
  say(py(reader.at_eof()));
}

void reading_exactly() {  // S333
  const StreamReader reader = fed("abcdefgh");
  say(text([&] { return reader.readexactly(3); }));
  say(text([&] { return reader.readexactly(0); }));
  say(text([&] { return reader.readexactly(-1); }));
  say(text([&] { return reader.readexactly(10); }));
  const std::string rest = text([&] { return reader.read(); });
  say(rest + " " + py(reader.at_eof()));
}

void reading_lines() {  // S335
  const StreamReader reader = fed("one\ntwo\n\nrest");
  for (int n = 0; n < 5; ++n) say(text([&] { return reader.readline(); }));
}

void iterating_over_lines() {  // S336
  const StreamReader reader = fed("one\ntwo\nrest");
  for (const std::string& line : reader) say(repr(line));
  say(py(reader.at_eof()));
}

void reading_to_a_separator() {  // S334
  const StreamReader reader = fed("key=value;next=other;end");
  say(text([&] { return reader.readuntil("="); }));
  say(text([&] { return reader.readuntil(";"); }));
  say(text([&] { return reader.readuntil({";", "="}); }));
  say(text([&] { return reader.readuntil("er;"); }));
  say(text([&] { return reader.readuntil(";"); }));
  say(text([&] { return reader.readuntil(""); }));
  say(text([&] { return reader.readuntil(std::vector<std::string>{}); }));
}

void a_separator_in_two_parts() {  // S334
  const StreamReader reader = fed("", false);
  auto& loop = get_running_loop();
  loop.call_later(10ms, [reader] { reader.feed_data("line\r"); });
  loop.call_later(20ms, [reader] { reader.feed_data("\nnext"); });
  say(text([&] { return reader.readuntil("\r\n"); }));
}

void a_line_over_the_limit() {  // S334, S335
  StreamReader reader = fed("a rather long line\nshort\n", true, 8);
  say(text([&] { return reader.readuntil("\n"); }));
  say(text([&] { return reader.readline(); }));
  say(text([&] { return reader.readline(); }));
  reader = fed("no end in sight", true, 4);
  say(text([&] { return reader.readuntil("\n"); }));
  say(text([&] { return reader.readline(); }));
  say(text([&] { return reader.read(); }));
  say(outcome([] { StreamReader{0}; }));
}

void a_stream_that_broke() {  // S331
  StreamReader reader = fed("data", false);
  reader.set_exception(Oops("broken"));
  say(outcome([&] { return reader.read(1); }));
  say(outcome([&] { return reader.readline(); }));
  say(shown(reader.exception()).substr(6));
  reader = fed("", false);
  get_running_loop().call_soon([reader] { reader.set_exception(Oops("while waiting")); });
  say(outcome([&] { return reader.readexactly(2); }));
}

void one_reader_at_a_time() {  // S330
  const StreamReader reader = fed("", false);
  auto first = create_task([reader] { return reader.read(1); });
  sleep(0s);
  say(outcome([&] { return reader.readline(); }));
  reader.feed_data("x");
  say(await(first));
}

void a_cancelled_read_takes_nothing() {  // S331
  const StreamReader reader = fed("half", false);
  auto task = create_task([reader] { return reader.readexactly(8); });
  sleep(0s);
  task.cancel();
  say(awaited(task));
  reader.feed_data("more");
  say(text([&] { return reader.readexactly(8); }));
}

void reads_with_a_deadline() {  // S331
  const StreamReader reader = fed("", false);
  say(outcome([&] { return asyncio::wait_for([&] { return reader.readline(); }, 10ms); }));
  reader.feed_data("late line\n");
  say(text([&] { return asyncio::wait_for([&] { return reader.readline(); }, 10ms); }));
}

void the_end_comes_after_the_data() {  // S333
  const StreamReader reader = fed("", false);
  auto task = create_task([reader] { return text([&] { return reader.readexactly(6); }); });
  sleep(0s);
  reader.feed_data("abc");
  sleep(0s);
  say(py(task.done()) + " " + py(reader.at_eof()));
  reader.feed_eof();
  say(await(task));
}

}  // namespace

Group streams() {
  return {"Streams",
          "streams",
          {
              {"reading_what_is_there", reading_what_is_there},
              {"reading_waits_for_data", reading_waits_for_data},
              {"reading_exactly", reading_exactly},
              {"reading_lines", reading_lines},
              {"iterating_over_lines", iterating_over_lines},
              {"reading_to_a_separator", reading_to_a_separator},
              {"a_separator_in_two_parts", a_separator_in_two_parts},
              {"a_line_over_the_limit", a_line_over_the_limit},
              {"a_stream_that_broke", a_stream_that_broke},
              {"one_reader_at_a_time", one_reader_at_a_time},
              {"a_cancelled_read_takes_nothing", a_cancelled_read_takes_nothing},
              {"reads_with_a_deadline", reads_with_a_deadline},
              {"the_end_comes_after_the_data", the_end_comes_after_the_data},
          },
          {}};
}

}  // namespace conformance
