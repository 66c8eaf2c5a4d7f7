// streams_test.cpp: readers and writers over connections in memory. Rules: semantics.md S337 to
// S343.

#include <asyncio/streams.hpp>

#include "loopback_transport.hpp"

#include <asyncio/tasks.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using asyncio::StreamReader;
using asyncio::StreamWriter;
using loopback::LoopbackLoop;
using loopback::LoopbackTransport;
using loopback::run;
using loopback::settle;

void echo_lines(StreamReader reader, StreamWriter writer) {
  for (const std::string& line : reader) {
    writer.write("echo " + line);
    writer.drain();
  }
  writer.close();
}

/// Serves nothing, but keeps its connection until the client closes it.
void wait_for_the_end(StreamReader reader, StreamWriter writer) {
  reader.read();
  writer.close();
}

/// The transport of a writer, with what only tests may do to it.
std::shared_ptr<LoopbackTransport> loopback_of(const StreamWriter& writer) {
  return std::dynamic_pointer_cast<LoopbackTransport>(writer.transport());
}

/// Sets a handler that collects the messages of reports.
std::shared_ptr<std::vector<std::string>> collect_reports(LoopbackLoop& loop) {
  auto reports = std::make_shared<std::vector<std::string>>();
  loop.set_exception_handler([reports](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    reports->push_back(context.message + ": " + asyncio::describe(context.exception) +
                       (context.transport ? "" : ", no transport"));
  });
  return reports;
}

// ---- Both ends ----

TEST(Stream, CarriesLinesBothWays) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(echo_lines, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    writer.write("one\n");
    writer.writelines({"tw", "o\n"});
    EXPECT_EQ(reader.readline(), "echo one\n");
    EXPECT_EQ(reader.readline(), "echo two\n");
    writer.close();
    writer.wait_closed();
    server->close();
    server->wait_closed();
  });
}

TEST(Stream, EndsInOneDirectionAtATime) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(echo_lines, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_TRUE(writer.can_write_eof());
    writer.write("last\n");
    writer.write_eof();
    EXPECT_EQ(reader.read(), "echo last\n");
    EXPECT_TRUE(reader.at_eof());
    writer.close();
    server->close();
  });
}

// S329: wrong limits are found before anything is opened.
TEST(Stream, NeedsAPositiveLimit) {
  run([](LoopbackLoop&) {
    EXPECT_THROW(asyncio::open_connection("h", 80, {.limit = 0}), std::invalid_argument);
    EXPECT_THROW(asyncio::start_server(echo_lines, "h", 80, {.limit = -1}), std::invalid_argument);
  });
}

TEST(Stream, HasTheLimitItWasGiven) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(echo_lines, "h", 80, {.limit = 4});
    auto [reader, writer] = asyncio::open_connection("h", 80, {.limit = 5});
    EXPECT_EQ(reader.repr(), "<StreamReader limit=5>");
    writer.write("1\n");
    EXPECT_THROW(reader.readline(), std::invalid_argument);
    writer.close();
    server->close();
  });
}

TEST(Stream, IsRefusedWhereNobodyListens) {
  run([](LoopbackLoop&) { EXPECT_THROW(asyncio::open_connection("h", 80), std::system_error); });
}

TEST(StreamWriterHandle, GivesItsTransport) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_EQ(writer.get_extra_info<asyncio::Address>("peername"), asyncio::Address("loopback", 1));
    EXPECT_EQ(writer.get_extra_info<int>("nothing", 7), 7);
    EXPECT_FALSE(writer.is_closing());
    writer.transport()->abort();
    EXPECT_TRUE(writer.is_closing());
    server->close();
  });
}

TEST(StreamWriterHandle, ThatIsNoStreamSaysSo) {
  EXPECT_FALSE(StreamWriter());
  EXPECT_THROW(StreamWriter().write("x"), std::logic_error);
}

// ---- drain ----

// S337: no suspension where nothing is paused.
TEST(Drain, ReturnsAtOnceWhereThereIsRoom) {
  run([](LoopbackLoop& loop) {
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    const auto others_ran = std::make_shared<bool>(false);  // they run after this function has returned
    loop.call_soon([others_ran] { *others_ran = true; });
    writer.write("x");
    writer.drain();
    EXPECT_FALSE(*others_ran);
    writer.close();
    server->close();
  });
}

// S337: several tasks may wait.
TEST(Drain, WaitsUntilThereIsRoom) {
  run([](LoopbackLoop& loop) {
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    settle();
    const auto far = loop.transports.back();
    far->pause_reading();
    writer.transport()->set_write_buffer_limits({.high = 4});
    writer.write("12345");
    auto first = asyncio::create_task([writer] { writer.drain(); });
    auto second = asyncio::create_task([writer] { writer.drain(); });
    settle();
    EXPECT_FALSE(first.done());
    EXPECT_FALSE(second.done());

    far->resume_reading();
    asyncio::await(first);
    asyncio::await(second);
    writer.close();
    server->close();
  });
}

// S337
TEST(Drain, ThrowsWhatTheReaderHolds) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    reader.set_exception(std::out_of_range("broken"));
    EXPECT_THROW(writer.drain(), std::out_of_range);
    writer.close();
    server->close();
  });
}

// S337: one iteration, so that connection_lost() is called; then ConnectionResetError.
TEST(Drain, FindsOutThatTheStreamWasClosed) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    writer.close();
    try {
      writer.drain();
      ADD_FAILURE() << "no system_error";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::connection_reset);
    }
    server->close();
  });
}

/// A stream whose buffer is over its high mark, and a task that waits in drain().
struct PausedStream {
  asyncio::Server server = asyncio::start_server(wait_for_the_end, "h", 80);
  asyncio::StreamPair streams = asyncio::open_connection("h", 80);
  asyncio::Task<void> draining;

  explicit PausedStream(LoopbackLoop& loop) {
    settle();
    loop.transports.back()->pause_reading();
    streams.writer.transport()->set_write_buffer_limits({.high = 0});
    streams.writer.write("x");
    draining = asyncio::create_task([writer = streams.writer] { writer.drain(); });
    settle();
    server->close();
  }
};

// S338
TEST(Drain, EndsNormallyWhereTheConnectionEndsSo) {
  run([](LoopbackLoop& loop) {
    PausedStream paused(loop);
    EXPECT_FALSE(paused.draining.done());
    loopback_of(paused.streams.writer)->abort();
    EXPECT_NO_THROW(asyncio::await(paused.draining));
  });
}

// S338
TEST(Drain, EndsWithTheErrorOfTheConnection) {
  run([](LoopbackLoop& loop) {
    PausedStream paused(loop);
    loopback_of(paused.streams.writer)->break_off(std::make_exception_ptr(std::out_of_range("cable")));
    EXPECT_THROW(asyncio::await(paused.draining), std::out_of_range);
  });
}

// ---- wait_closed and broken connections ----

// S339
TEST(WaitClosedOfAStream, ThrowsTheErrorOfTheConnection) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    loopback_of(writer)->break_off(std::make_exception_ptr(std::out_of_range("cable")));
    EXPECT_THROW(writer.wait_closed(), std::out_of_range);
    EXPECT_THROW(writer.wait_closed(), std::out_of_range);
    EXPECT_THROW(reader.read(), std::out_of_range);
    server->close();
  });
}

// S339: nobody has to ask.
TEST(WaitClosedOfAStream, NeedNotBeCalled) {
  run([](LoopbackLoop& loop) {
    const auto reports = collect_reports(loop);
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    {
      auto [reader, writer] = asyncio::open_connection("h", 80);
      loopback_of(writer)->break_off(std::make_exception_ptr(std::out_of_range("cable")));
      settle();
    }
    server->close();
    settle();
    EXPECT_TRUE(reports->empty());
  });
}

// ---- The callback of a server ----

// S340
TEST(ClientConnected, RunsInATaskOfItsOwn) {
  run([](LoopbackLoop&) {
    asyncio::AnyTask task;
    auto server = asyncio::start_server(
        [&](StreamReader, StreamWriter writer) {
          task = asyncio::current_task();
          asyncio::sleep(asyncio::Duration::zero());
          writer.close();
        },
        "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_EQ(reader.read(), "");
    EXPECT_TRUE(task);
    EXPECT_NE(task, asyncio::current_task());
    writer.close();
    server->close();
  });
}

// S340
TEST(ClientConnected, ThatFailsIsReportedAndItsConnectionClosed) {
  run([](LoopbackLoop& loop) {
    const auto reports = collect_reports(loop);
    std::vector<StreamWriter> kept;  // so that it is the failure that closes
    auto server = asyncio::start_server(
        [&](StreamReader, StreamWriter writer) {
          kept.push_back(writer);
          throw std::out_of_range("oops");
        },
        "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_EQ(reader.read(), "");
    EXPECT_TRUE(kept.front().is_closing());
    ASSERT_EQ(reports->size(), 1u);
    EXPECT_EQ(reports->front().find("Unhandled exception in client_connected_cb: "), 0u);
    EXPECT_EQ(reports->front().find(", no transport"), std::string::npos);
    server->close();
  });
}

// S340: the transport stands in the report even where the failing callback held the last writer.
TEST(ClientConnected, ThatFailsIsReportedWithItsTransport) {
  run([](LoopbackLoop& loop) {
    const auto reports = collect_reports(loop);
    auto server = asyncio::start_server([](StreamReader, StreamWriter) { throw std::out_of_range("oops"); }, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_EQ(reader.read(), "");
    ASSERT_EQ(reports->size(), 1u);
    EXPECT_EQ(reports->front().find(", no transport"), std::string::npos);
    server->close();
  });
}

// S340
TEST(ClientConnected, ThatIsCancelledClosesItsConnectionSilently) {
  run([](LoopbackLoop& loop) {
    const auto reports = collect_reports(loop);
    std::vector<StreamWriter> kept;
    auto server = asyncio::start_server(
        [&](StreamReader, StreamWriter writer) {
          kept.push_back(writer);
          throw asyncio::CancelledError();
        },
        "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_EQ(reader.read(), "");
    EXPECT_TRUE(kept.front().is_closing());
    EXPECT_TRUE(reports->empty());
    server->close();
  });
}

// A callback that only moves: what it captured is shared by its calls.
TEST(ClientConnected, IsOneCallbackForAllConnections) {
  run([](LoopbackLoop&) {
    int clients = 0;
    auto server = asyncio::start_server([&](StreamReader, StreamWriter) { ++clients; }, "h", 80);
    for (int i = 0; i < 3; ++i) {
      auto [reader, writer] = asyncio::open_connection("h", 80);
      EXPECT_EQ(reader.read(), "");
    }
    EXPECT_EQ(clients, 3);
    server->close();
  });
}

// In C++ streams are values, but some would rather not copy them.
TEST(ClientConnected, MayTakeItsStreamsByReference) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(
        [greeting = std::make_unique<std::string>("hello")](StreamReader& reader, StreamWriter& writer) {
          EXPECT_FALSE(reader.at_eof());
          writer.write(*greeting);
        },
        "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_EQ(reader.read(), "hello");
    server->close();
  });
}

// S341: the end of what comes in leaves the writing side open.
TEST(StreamProtocol, KeepsTheWritingSideOpenAtTheEnd) {
  run([](LoopbackLoop&) {
    asyncio::StreamReaderProtocol protocol{StreamReader()};
    EXPECT_TRUE(protocol.eof_received());
  });
}

TEST(StreamProtocol, DoesNotKeepItsReaderAlive) {
  run([](LoopbackLoop&) {
    asyncio::StreamReaderProtocol protocol{StreamReader()};  // the reader is gone already
    EXPECT_NO_THROW(protocol.data_received("x"));
    EXPECT_NO_THROW(protocol.connection_lost(nullptr));
  });
}

// ---- Letting go ----

// S342
TEST(LastWriter, ClosesItsStreamWhenItGoes) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(echo_lines, "h", 80);
    auto connection = asyncio::open_connection("h", 80);
    const auto transport = connection.writer.transport();

    StreamWriter copy = connection.writer;
    connection.writer = StreamWriter();
    EXPECT_FALSE(transport->is_closing());
    copy = StreamWriter();
    EXPECT_TRUE(transport->is_closing());
    server->close();
  });
}

// S342: what was written is sent first.
TEST(LastWriter, LosesNothingThatWasWritten) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server([](StreamReader, StreamWriter writer) { writer.write("bye"); }, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_EQ(reader.read(), "bye");
    server->close();
  });
}

// A program that ends with everything open: the writers, the server, and tasks that wait in every
// way.
TEST(LastWriter, MayGoAfterItsLoop) {
  StreamReader kept_reader = StreamReader::none();
  StreamWriter kept_writer;
  run([&](LoopbackLoop& loop) {
    loop.set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext&) {});
    auto server = asyncio::start_server(echo_lines, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    asyncio::create_task([server] { server->serve_forever(); });
    asyncio::create_task([reader = reader] { reader.readline(); });
    asyncio::create_task([writer = writer] { writer.wait_closed(); });
    kept_reader = reader;
    kept_writer = writer;
    settle();
  });
  EXPECT_FALSE(kept_reader.at_eof());
}

/// Keeps its transport, which keeps it: what every protocol does.
class KeepingProtocol : public asyncio::Protocol {
 public:
  explicit KeepingProtocol(int& alive) : alive_(alive) { ++alive_; }
  ~KeepingProtocol() override { --alive_; }
  void connection_made(std::shared_ptr<asyncio::BaseTransport> transport) override {
    transport_ = std::dynamic_pointer_cast<asyncio::Transport>(transport);
  }

 private:
  int& alive_;
  std::shared_ptr<asyncio::Transport> transport_;
};

// Neither the end of a connection nor the end of the loop leaves the ring of a transport and its
// protocol.
TEST(ProtocolThatKeepsItsTransport, GoesWithItsConnectionOrItsLoop) {
  int alive = 0;
  run([&](LoopbackLoop& loop) {
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    const auto factory = [&] { return std::make_shared<KeepingProtocol>(alive); };
    loop.create_connection(factory, {.host = "h", .port = 80}).first->close();
    loop.create_connection(factory, {.host = "h", .port = 80});
    settle();
    EXPECT_EQ(alive, 1);
    loop.set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext&) {});
  });
  EXPECT_EQ(alive, 0);
}

// A task that waits in drain() is destroyed with its loop.
TEST(LastWriter, MayBeInADestroyedTask) {
  run([](LoopbackLoop& loop) {
    loop.set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext&) {});
    PausedStream paused(loop);
    EXPECT_FALSE(paused.draining.done());
  });
}

// ---- start_tls ----

/// Something that is no null pointer, for a loop that does not look inside.
std::shared_ptr<asyncio::SSLContext> some_context() {
  const auto owner = std::make_shared<int>(0);
  return {owner, static_cast<asyncio::SSLContext*>(static_cast<void*>(owner.get()))};
}

// S343
TEST(StartTls, ReplacesTheTransport) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(echo_lines, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    const auto before = writer.transport();
    settle();

    writer.start_tls(some_context());

    EXPECT_NE(writer.transport(), before);
    EXPECT_FALSE(writer.get_extra_info<bool>("server_side", true));
    writer.write("secret\n");
    EXPECT_EQ(reader.readline(), "echo secret\n");
    writer.close();
    server->close();
  });
}

// S343: the end that accepted the connection is the server of TLS too.
TEST(StartTls, KnowsWhichSideIsTheServer) {
  run([](LoopbackLoop&) {
    bool server_side = false;
    auto server = asyncio::start_server(
        [&](StreamReader, StreamWriter writer) {
          writer.start_tls(some_context());
          server_side = writer.get_extra_info<bool>("server_side");
        },
        "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    EXPECT_EQ(reader.read(), "");
    EXPECT_TRUE(server_side);
    server->close();
  });
}

// S341: TLS cannot keep one side open.
TEST(StartTls, EndsBothDirectionsAtOnce) {
  run([](LoopbackLoop&) {
    auto server = asyncio::start_server(wait_for_the_end, "h", 80);
    auto [reader, writer] = asyncio::open_connection("h", 80);
    writer.start_tls(some_context());
    const auto protocol = std::dynamic_pointer_cast<asyncio::Protocol>(writer.transport()->get_protocol());
    EXPECT_FALSE(protocol->eof_received());
    writer.close();
    server->close();
  });
}

}  // namespace
