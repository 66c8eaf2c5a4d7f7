// tls_connections.cpp: what goes through a connection, and how it ends. Rules S265, S270, S291 to S301.
#include <cctype>

#include "tests/conformance/groups.hpp"
#include "tests/conformance/tls_pairs.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::client_context;
using asyncio::create_task;
using asyncio::get_running_loop;
using asyncio::server_context;
using asyncio::StreamReader;
using asyncio::StreamWriter;
namespace ssl = asyncio::ssl;

/// A line without its end.
std::string stripped(const std::string& line) { return line.substr(0, line.find('\n')); }

// ---- Streams ----

/// The two streams of a server's end.
asyncio::StreamPair accepted(const asyncio::Socket& sock) {
  const StreamReader reader;
  const auto factory = [&] { return std::make_shared<asyncio::StreamReaderProtocol>(reader); };
  const auto [transport, protocol] =
      get_running_loop().connect_accepted_socket(factory, sock, {.ssl = server_context()});
  return {reader, StreamWriter(transport, protocol, reader)};
}

void an_echo_over_streams() {  // S270, S341
  const auto [ours, theirs] = two_sockets();
  const auto serving = create_task([theirs = theirs] {
    const auto [reader, writer] = accepted(theirs);
    for (std::string line = reader.readline(); !line.empty(); line = reader.readline()) {
      for (char& c : line) c = static_cast<char>(std::toupper(c));
      writer.write(line);
      writer.drain();
    }
    say("the client has ended");
    writer.close();
    writer.wait_closed();
  });
  const auto [reader, writer] =
      asyncio::open_connection({}, {}, {.ssl = client_context(), .sock = ours, .server_hostname = "localhost"});
  for (const char* line : {"one\n", "two\n"}) {
    writer.write(line);
    writer.drain();
    say(stripped(reader.readline()));
  }
  say(py(writer.can_write_eof()));
  say(writer.get_extra_info<asyncio::SSLCipher>("cipher").protocol);
  writer.close();
  writer.wait_closed();
  await(serving);
  say("b'" + reader.read() + "' " + py(reader.at_eof()));
}

void starting_tls_in_the_middle_of_a_stream() {  // S301, S343
  asyncio::Event done;
  const auto serve = [&](const StreamReader& reader, const StreamWriter& writer) {
    say("server heard " + stripped(reader.readline()));
    writer.write("go on\n");
    writer.start_tls(server_context());
    say("server heard " + stripped(reader.readline()));
    writer.write("secretly\n");
    writer.close();
    writer.wait_closed();
    done.set();
  };
  const auto [ours, theirs] = two_sockets();
  const StreamReader server_reader;
  get_running_loop().connect_accepted_socket(
      [&] { return std::make_shared<asyncio::StreamReaderProtocol>(server_reader, serve); }, theirs);
  const auto [reader, writer] = asyncio::open_connection({}, {}, {.sock = ours});
  writer.write("start\n");
  say("client heard " + stripped(reader.readline()));
  const auto before = writer.transport();
  writer.start_tls(client_context(), {.server_hostname = "localhost"});
  say(py(writer.transport() == before) + " " + writer.get_extra_info<asyncio::SSLCipher>("cipher").protocol);
  writer.write("hush\n");
  say("client heard " + stripped(reader.readline()));
  done.wait();
  say("b'" + reader.read() + "'");
  writer.close();
  writer.wait_closed();
}

// ---- start_tls() of the loop ----

/// Two ends that are connected in the clear.
Ends plain() {
  Ends ends;
  ends.connect(nullptr, nullptr, {});
  return ends;
}

std::shared_ptr<asyncio::Transport> start_client(const Ends& ends, const std::string& name,
                                                 std::optional<asyncio::Delay> handshake_timeout = {}) {
  return get_running_loop().start_tls(ends.client->transport, ends.client, client_context(),
                                      {.server_hostname = name, .ssl_handshake_timeout = handshake_timeout});
}

std::shared_ptr<asyncio::Transport> start_server(const Ends& ends) {
  return get_running_loop().start_tls(ends.server->transport, ends.server, server_context(), {.server_side = true});
}

void starting_tls_on_both_sides() {  // S301
  const Ends ends = plain();
  const auto below = ends.client->transport;
  const auto [client, server] =
      await(asyncio::gather([&] { return start_client(ends, "localhost"); }, [&] { return start_server(ends); }));
  say(py(client == below) + " " + py(client->get_protocol() == ends.client) + " " + py(client->is_closing()));
  client->write("hello");
  quiet();
  server->write("hi");
  server->close();
  quiet();
  say(ends.client->text());
  say(ends.server->text());
}

void starting_tls_with_what_is_none() {  // S301
  const Ends ends = plain();
  const auto tried = [&](const std::shared_ptr<asyncio::Transport>& transport,
                         const std::shared_ptr<asyncio::SSLContext>& context,
                         const asyncio::StartTlsOptions& keywords) {
    const std::string how =
        outcome_of([&] { get_running_loop().start_tls(transport, ends.client, context, keywords); });
    say(how.substr(0, how.find(how.starts_with("ValueError") ? ":" : "\n")));
  };
  const auto transport = ends.client->transport;
  tried(transport, nullptr, {});
  tried(transport, server_context(), {.server_hostname = "localhost"});
  tried(transport, client_context(), {.server_side = true});
  tried(transport, client_context(), {.server_hostname = "h", .ssl_handshake_timeout = 0s});
  tried(transport, client_context(), {.server_hostname = "h", .ssl_shutdown_timeout = -1s});
  tried(std::make_shared<asyncio::Transport>(), client_context(), {.server_hostname = "h"});
  say(py(transport->is_closing()) + " " + ends.client->text());
  transport->close();
  quiet();
}

void starting_tls_where_nobody_answers() {  // S292, S301
  const Ends ends = plain();
  say(outcome_of([&] { start_client(ends, "h", 2.0s); }));
  quiet();
  say(py(ends.client->transport->is_closing()) + " " + ends.client->text());
  ends.server->transport->close();
  quiet();
}

void starting_tls_with_somebody_else() {  // S292, S301
  const Ends ends = plain();
  const auto serving = create_task([&] { return outcome_of([&] { start_server(ends); }); });
  say(outcome_of([&] { start_client(ends, "h"); }));
  say(py(await(serving) != "ok"));
  quiet();
  say(ends.client->text());
}

void tls_inside_of_tls() {  // S301
  const Ends ends = connected();
  const auto [client, server] =
      await(asyncio::gather([&] { return start_client(ends, "localhost"); }, [&] { return start_server(ends); }));
  client->write("twice");
  quiet();
  client->close();
  quiet();
  say(ends.client->text());
  say(ends.server->text());
}

// ---- Data ----

void writing_has_no_end_of_its_own() {  // S270
  const Ends ends = connected();
  say(py(ends.client->transport->can_write_eof()));
  try {
    ends.client->transport->write_eof();
  } catch (const asyncio::NotImplementedError&) {
    say("NotImplementedError");
  }
  ends.client->transport->write("goes on");
  ends.client->transport->close();
  quiet();
  say(ends.server->text());
}

void pausing_and_resuming() {  // S299
  const Ends ends = connected();
  const auto reading = ends.client->transport;
  const auto now = [&] { say(py(reading->is_reading()) + " " + ends.client->text()); };
  say(py(reading->is_reading()));
  reading->pause_reading();
  reading->pause_reading();
  ends.server->transport->write("one");
  quiet();
  now();
  reading->resume_reading();
  now();
  quiet();
  say(ends.client->text());
  reading->resume_reading();
  reading->pause_reading();
  ends.server->transport->write("two");
  ends.server->transport->close();
  quiet();
  say(ends.client->text());
  reading->resume_reading();
  quiet();
  say(ends.client->text());
  say(ends.server->text());
}

void closing_with_data_that_waits() {  // S265, S295
  const Ends ends = connected();
  const auto writing = ends.client->transport;
  writing->write(std::string(3'000'000, 'x'));
  say(py(writing->get_write_buffer_size() > 0) + " " + ends.client->text());
  writing->close();
  say(py(writing->is_closing()) + " " + ends.client->text());
  quiet();
  say(py(ends.server->bytes));
  say(joined({ends.server->told.end() - 2, ends.server->told.end()}));
  say(ends.client->text());
}

void the_marks_of_a_transport() {  // S298
  const Ends ends = connected();
  const auto writing = std::dynamic_pointer_cast<asyncio::SSLProtocolTransport>(ends.client->transport);
  for (const asyncio::WriteBufferLimits& limits :
       {asyncio::WriteBufferLimits{}, {.high = 1000}, {.low = 10}, {.high = 100, .low = 100}}) {
    writing->set_write_buffer_limits(limits);
    writing->set_read_buffer_limits(limits);
    const auto marks = writing->get_write_buffer_limits(), read_marks = writing->get_read_buffer_limits();
    say(py(marks.low) + " " + py(marks.high) + " " + py(read_marks.low) + " " + py(read_marks.high));
  }
  say(outcome([&] { writing->set_write_buffer_limits({.high = 1, .low = 2}); }));
  say(outcome([&] { writing->set_read_buffer_limits({.low = -1}); }));
}

void where_a_program_is_paused() {  // S298
  const Ends ends = connected();
  const auto writing = ends.client->transport;
  ends.server->transport->pause_reading();
  for (int i = 0; i < 3; ++i) {
    writing->write(std::string(1'000'000, 'x'));
    say(ends.client->text() + " " + py(writing->get_write_buffer_size() >= 512 * 1024));
  }
  ends.server->transport->resume_reading();
  quiet();
  say(ends.client->text() + " " + py(ends.server->bytes) + " " + py(writing->get_write_buffer_size()));
}

void writing_after_the_end() {  // S294
  const Ends ends = connected();
  const auto writing = ends.client->transport;
  writing->close();
  writing->write("too late");
  writing->close();
  quiet();
  writing->close();
  writing->abort();
  quiet();
  say(ends.client->text());
  say(ends.server->text());
}

void changing_the_protocol() {  // S276
  const Ends ends = connected();
  const auto other = std::make_shared<Noting>();
  ends.client->transport->set_protocol(other);
  say(py(ends.client->transport->get_protocol() == other));
  ends.server->transport->write("hello");
  quiet();
  ends.server->transport->close();
  quiet();
  say("[" + ends.client->text() + "] [" + other->text() + "]");
}

/// Has a small buffer.
class Filling : public asyncio::BufferedProtocol {
 public:
  std::span<char> get_buffer(std::ptrdiff_t) override { return buffer; }
  void buffer_updated(std::size_t count) override { told.emplace_back(buffer.data(), count); }
  bool eof_received() override {
    told.emplace_back("end");
    return false;
  }
  void connection_lost(std::exception_ptr error) override { told.push_back("lost: " + failure(error)); }

  std::vector<std::string> told;
  std::array<char, 4> buffer{};
};

void a_protocol_with_a_small_buffer() {  // S262, S276, S295
  const Ends ends = connected();
  const auto filling = std::make_shared<Filling>();
  ends.client->transport->set_protocol(filling);
  ends.server->transport->write("hello, world");
  quiet();
  say(joined(filling->told));
  ends.client->transport->close();
  quiet();
  say(joined(filling->told));
  say(ends.client->text());
}

// ---- Ends ----

void an_end_by_each_side() {  // S295, S296
  for (const std::string first : {"client", "server", "both"}) {
    const Ends ends = connected();
    if (first != "server") ends.client->transport->close();
    if (first != "client") ends.server->transport->close();
    quiet();
    say(first + ": [" + ends.client->text() + "] [" + ends.server->text() + "]");
  }
}

void an_abrupt_end() {  // S257, S296
  Ends ends;
  const auto of_client = client_context();
  of_client->set_options(ssl::OP_IGNORE_UNEXPECTED_EOF);
  ends.connect(of_client, server_context());
  ends.server->transport->write("in haste");
  ends.server->transport->abort();
  say(py(ends.server->transport->is_closing()) + " " + ends.server->text());
  quiet();
  say(ends.client->text());
  say(ends.server->text());
}

void nobody_answers_the_close() {  // S295
  asyncio::AbstractEventLoop& loop = get_running_loop();
  for (const std::optional<asyncio::Delay> timeout : {std::optional<asyncio::Delay>(), {0.5s}}) {
    Ends ends;
    ends.connect(client_context(), server_context(), {.server_hostname = "localhost", .ssl_shutdown_timeout = timeout});
    ends.server->transport->pause_reading();
    ends.client->transport->close();
    const asyncio::TimePoint begun = loop.time();
    while (ends.client->told.size() < 2) asyncio::sleep(0.25s);
    say(ends.client->text() + ", within " + py((loop.time() - begun) / 1ms) + " ms");
    ends.server->transport->abort();
    quiet();
  }
}

void an_end_while_the_other_side_has_more_to_say() {  // S295, S296
  const Ends ends = connected();
  ends.server->transport->pause_reading();
  ends.client->transport->write("last words");
  ends.client->transport->close();
  quiet();
  ends.server->transport->write("not heard any more");
  ends.server->transport->resume_reading();
  quiet();
  say(ends.client->text());
  say(ends.server->text());
}

}  // namespace

Group tls_connections() {
  return {
      "TlsConnections",
      "tls_connections",
      {
          {"an_echo_over_streams", an_echo_over_streams, REAL_SOCKETS},
          {"starting_tls_in_the_middle_of_a_stream", starting_tls_in_the_middle_of_a_stream, REAL_SOCKETS},
          {"starting_tls_on_both_sides", starting_tls_on_both_sides, REAL_SOCKETS},
          {"starting_tls_with_what_is_none", starting_tls_with_what_is_none, REAL_SOCKETS},
          {"starting_tls_where_nobody_answers", starting_tls_where_nobody_answers, REAL_SOCKETS},
          {"starting_tls_with_somebody_else", starting_tls_with_somebody_else, REAL_SOCKETS},
          {"tls_inside_of_tls", tls_inside_of_tls, REAL_SOCKETS},
          {"writing_has_no_end_of_its_own", writing_has_no_end_of_its_own, REAL_SOCKETS},
          {"pausing_and_resuming", pausing_and_resuming, REAL_SOCKETS},
          {"closing_with_data_that_waits", closing_with_data_that_waits, REAL_SOCKETS},
          {"the_marks_of_a_transport", the_marks_of_a_transport, REAL_SOCKETS},
          {"where_a_program_is_paused", where_a_program_is_paused, REAL_SOCKETS},
          {"writing_after_the_end", writing_after_the_end, REAL_SOCKETS},
          {"changing_the_protocol", changing_the_protocol, REAL_SOCKETS},
          {"a_protocol_with_a_small_buffer", a_protocol_with_a_small_buffer, REAL_SOCKETS},
          {"an_end_by_each_side", an_end_by_each_side, REAL_SOCKETS},
          {"an_abrupt_end", an_abrupt_end, REAL_SOCKETS},
          {"nobody_answers_the_close", nobody_answers_the_close, REAL_SOCKETS},
          {"an_end_while_the_other_side_has_more_to_say", an_end_while_the_other_side_has_more_to_say, REAL_SOCKETS},
      },
      {}};
}

}  // namespace conformance
