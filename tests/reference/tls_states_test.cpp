// tls_states_test.cpp: SSLProtocol state by state, with records that the test carries and a clock that it turns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asyncio/asyncio.hpp>

#include "tests/reference/tls_pair.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using State = SSLProtocol::State;

class TheTlsMachine : public testing::Test {
 protected:
  ScriptedLoop loop;
};

// ---- Handshake ----

// S291
TEST_F(TheTlsMachine, ShowsTheTransportOnlyAfterTheHandshake) {
  TlsPair pair(loop);
  loop.turn(4);
  EXPECT_EQ(pair.client.tls->state(), State::do_handshake);
  EXPECT_THAT(pair.client.app->told, IsEmpty());
  EXPECT_EQ(pair.client.handshake(), "waiting");

  pair.carry();

  EXPECT_EQ(pair.client.tls->state(), State::wrapped);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made"));
  EXPECT_EQ(pair.client.handshake(), "ok");
}

// S291: data that came together with the end of the handshake is delivered after connection_made() and the waiter.
TEST_F(TheTlsMachine, DeliversWhatCameWithTheHandshakeAfterwards) {
  TlsPair pair(loop);
  loop.turn(4);
  pair.server.arrive(pair.client.take_sent());
  pair.client.arrive(pair.server.take_sent());
  pair.client.above->write("early");

  pair.server.arrive(pair.client.take_sent());

  EXPECT_THAT(pair.server.app->told, ElementsAre("made", "data early"));
}

// S292, bpo-33674: the first record goes out in connection_made() of the transport below.
TEST_F(TheTlsMachine, BeginsInsideOfTheInnerConnectionMade) {
  const TlsPair pair(loop);
  EXPECT_EQ(pair.client.below->sent, "");
  loop.turn();
  EXPECT_THAT(pair.client.below->sent, StartsWith("\x16\x03\x01"));
}

// S292
TEST_F(TheTlsMachine, LimitsTheHandshakeToAMinute) {
  const TlsPair pair(loop);
  loop.turn(2);
  loop.now += 59s;
  loop.turn(3);
  EXPECT_EQ(pair.client.handshake(), "waiting");
  loop.now += 1s;
  loop.turn(4);
  EXPECT_THAT(pair.client.handshake(),
              HasSubstr("SSL handshake is taking longer than 60.0 seconds: aborting the connection"));
  EXPECT_TRUE(holds<std::system_error>(pair.client.waiter.exception()));
  EXPECT_THAT(pair.client.app->told, IsEmpty());
  EXPECT_THAT(loop.reports, IsEmpty());
}

TEST_F(TheTlsMachine, LimitsTheHandshakeAsItIsTold) {
  const TlsPair pair(loop, {.ssl_handshake_timeout = 0.25s});
  loop.turn(2);
  loop.now += 249ms;
  loop.turn(4);
  EXPECT_EQ(pair.client.handshake(), "waiting");
  loop.now += 1ms;
  loop.turn(4);
  EXPECT_THAT(pair.client.handshake(), HasSubstr("longer than 0.25 seconds"));
}

// S292
TEST_F(TheTlsMachine, TakesAnEndDuringTheHandshakeForAReset) {
  const TlsPair pair(loop);
  loop.turn(4);
  pair.client.arrive("");
  loop.turn(2);
  const auto error = pair.client.waiter.exception();
  ASSERT_TRUE(holds<std::system_error>(error));
  EXPECT_THAT(describe(error), HasSubstr("The connection ended during the SSL handshake"));
  EXPECT_THAT(pair.client.app->told, IsEmpty());
  EXPECT_EQ(pair.client.below->closed, "closed");
}

// S292: in CPython the one who waits gets None for a transport.
TEST_F(TheTlsMachine, SaysWhereTheConnectionIsClosedDuringTheHandshake) {
  const TlsPair pair(loop);
  loop.turn(4);
  pair.client.below->close();
  loop.turn(2);
  EXPECT_THAT(pair.client.handshake(), HasSubstr("The connection was closed during the SSL handshake"));
}

TEST_F(TheTlsMachine, TellsTheOtherSideWhyItDoesNotWantIt) {
  const auto doubtful =
      ssl::create_default_context(ssl::Purpose::SERVER_AUTH, {.cadata = Authority("another").certificate()});
  TlsPair pair(loop, {.context = doubtful});
  pair.carry();
  EXPECT_THAT(pair.client.handshake(), HasSubstr("CERTIFICATE_VERIFY_FAILED"));
  EXPECT_THAT(pair.server.handshake(), HasSubstr("TLSV1_ALERT_UNKNOWN_CA"));
}

TEST_F(TheTlsMachine, RefusesGarbageInsteadOfAHandshake) {
  const TlsPair pair(loop);
  loop.turn(4);
  pair.server.arrive("GET / HTTP/1.1\r\n\r\n");
  loop.turn(2);
  EXPECT_THAT(pair.server.handshake(), HasSubstr("[SSL: HTTP_REQUEST] http request"));
  EXPECT_EQ(pair.server.tls->state(), State::unwrapped);
  EXPECT_THAT(loop.reports, IsEmpty());
}

// S294
TEST_F(TheTlsMachine, KeepsWhatIsWrittenBeforeTheHandshakeIsOver) {
  TlsPair pair(loop);
  loop.turn(4);
  pair.client.above->write("hel");
  pair.client.above->writelines({"l", "o"});
  EXPECT_EQ(pair.client.above->get_write_buffer_size(), 5U);
  pair.carry();
  EXPECT_THAT(pair.server.app->told, ElementsAre("made", "data hello"));
  EXPECT_EQ(pair.client.above->get_write_buffer_size(), 0U);
}

// S294
TEST_F(TheTlsMachine, DropsAndCountsWhatIsWrittenAfterTheEnd) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->close();
  testing::internal::CaptureStderr();
  for (int i = 0; i < 7; ++i) pair.client.above->write("x");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "asyncio: warning: SSL connection is closed\nasyncio: warning: SSL connection is closed\n");
}

// S292: a protocol that was connected before is told the end where the handshake fails, and not where the connection is
// lost in the middle of it.
TEST_F(TheTlsMachine, TellsAProtocolThatWasConnectedBefore) {
  for (const bool garbage : {true, false}) {
    const auto app = std::make_shared<NotingProtocol>();
    const auto waiter = loop.create_future<void>();
    const auto tls = SSLProtocol::make(loop, app, waiter, {.context = server_context(), .server_side = true},
                                       AppConnection::made_already);
    const auto below = std::make_shared<ScriptedTransport>(loop, nullptr);
    below->begin(tls, Future<void>());
    loop.turn(3);
    below->arrives.emplace_back("this is no TLS at all");
    if (!garbage) below->arrives.clear();
    below->read_error = ECONNRESET;
    below->read_ready();
    loop.turn(4);
    EXPECT_TRUE(waiter.exception());
    if (garbage) EXPECT_THAT(app->told, ElementsAre(HasSubstr("lost SSLError")));
    if (!garbage) EXPECT_THAT(app->told, IsEmpty());
  }
}

// ---- The end ----

// S295, S296, S297
TEST_F(TheTlsMachine, ExchangesCloseNotify) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->write("bye");
  pair.client.above->close();
  EXPECT_TRUE(pair.client.above->is_closing());
  EXPECT_EQ(pair.client.tls->state(), State::shutdown);
  pair.carry();
  EXPECT_THAT(pair.server.app->told, ElementsAre("made", "data bye", "eof", "lost"));
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", "eof", "lost"));
  EXPECT_EQ(pair.client.below->closed, "closed");
  EXPECT_EQ(pair.server.below->closed, "closed");
  EXPECT_TRUE(loop.timers().empty());
}

// S295: the limit
TEST_F(TheTlsMachine, WaitsHalfAMinuteForTheOtherCloseNotify) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->close();
  loop.now += 29s;
  loop.turn(3);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made"));
  loop.now += 1s;
  loop.turn(4);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", HasSubstr("SSL shutdown timed out")));
}

// S295, gh-160520: the same limit holds for what the transport below has still to send.
TEST_F(TheTlsMachine, WaitsNoLongerForThePeerToTakeTheRest) {
  TlsPair pair(loop, {.ssl_shutdown_timeout = 5s});
  pair.carry();
  pair.client.below->room = 0;
  pair.client.above->write("nobody reads this");
  pair.client.above->close();
  pair.server.above->close();
  pair.carry();
  EXPECT_EQ(pair.client.below->closed, "");
  loop.now += 5s;
  loop.turn(4);
  EXPECT_THAT(pair.client.app->told, Contains(HasSubstr("SSL shutdown timed out")));
  EXPECT_EQ(pair.client.below->closed, "closed");
}

// S295
TEST_F(TheTlsMachine, AbortsWhatIsClosedDuringTheHandshake) {
  const TlsPair pair(loop);
  loop.turn(4);
  pair.client.above->close();
  loop.turn(2);
  EXPECT_EQ(pair.client.below->closed, "aborted");
  EXPECT_THAT(pair.client.app->told, IsEmpty());
  EXPECT_THAT(pair.client.handshake(), HasSubstr("The connection was closed during the SSL handshake"));
}

TEST_F(TheTlsMachine, AbortsAtOnce) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->abort();
  pair.client.above->abort();
  loop.turn(2);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", "lost"));
  EXPECT_EQ(pair.client.take_sent(), "");
  EXPECT_EQ(pair.client.below->closed, "aborted");
}

// The network ends, and nobody has said that it would: anybody on the way may have cut the rest off.
TEST_F(TheTlsMachine, DoesNotTakeACutOffConnectionForAnEnd) {
  TlsPair pair(loop);
  pair.carry();
  pair.server.above->write("half a mess");
  pair.client.arrive(pair.server.take_sent());
  pair.client.arrive("");
  loop.turn(4);
  EXPECT_THAT(pair.client.app->told,
              ElementsAre("made", "data half a mess",
                          HasSubstr("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol")));
  EXPECT_THAT(loop.reports, IsEmpty());
}

// The last record, and half of it.
TEST_F(TheTlsMachine, DoesNotTakeHalfARecordForAnEnd) {
  TlsPair pair(loop);
  pair.carry();
  pair.server.above->write("whole");
  const std::string whole = pair.server.take_sent();
  pair.server.above->close();
  const std::string end = pair.server.take_sent();
  pair.client.arrive(whole + end.substr(0, end.size() - 1));
  pair.client.arrive("");
  loop.turn(4);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", "data whole", HasSubstr("UNEXPECTED_EOF_WHILE_READING")));
}

TEST_F(TheTlsMachine, TakesACutOffConnectionForAnEndWhereThatIsAskedFor) {
  const auto lenient = client_context();
  lenient->set_options(ssl::OP_IGNORE_UNEXPECTED_EOF);
  TlsPair pair(loop, {.context = lenient});
  pair.carry();
  pair.server.above->write("half a mess");
  pair.client.arrive(pair.server.take_sent());
  pair.client.arrive("");
  loop.turn(4);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", "data half a mess", "eof", "lost"));
}

// Who has closed wants nothing more, and need not hear that the other side has said no good-bye.
TEST_F(TheTlsMachine, DoesNotMindTheCutWhereItHasClosed) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.app->acts_on = "data";
  pair.client.app->act = [&] { pair.client.above->close(); };
  pair.client.above->pause_reading();
  pair.server.above->write("all of it");
  pair.client.arrive(pair.server.take_sent());
  pair.client.arrive("");
  pair.client.above->resume_reading();
  loop.turn(4);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", "data all of it", "eof", "lost"));
}

TEST_F(TheTlsMachine, DoesNotWaitForACloseNotifyThatCannotCome) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->close();
  pair.client.arrive("");
  loop.turn(4);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", "eof", "lost"));
}

// S296
TEST_F(TheTlsMachine, CannotKeepTheOtherDirectionOpen) {
  TlsPair pair(loop);
  pair.carry();
  pair.server.app->keep_open = true;
  testing::internal::CaptureStderr();
  pair.client.above->close();
  pair.carry();
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "asyncio: warning: returning true from eof_received() has no effect when using ssl\n");
  EXPECT_THAT(pair.server.app->told, ElementsAre("made", "eof", "lost"));
}

// S270
TEST_F(TheTlsMachine, HasNoEndOfOneDirection) {
  TlsPair pair(loop);
  pair.carry();
  EXPECT_FALSE(pair.client.above->can_write_eof());
  EXPECT_THROW(pair.client.above->write_eof(), NotImplementedError);
}

// As CPython: what comes after close() and before the other side's answer cannot be delivered to anybody.
TEST_F(TheTlsMachine, ReportsDataThatComesAfterClose) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->close();
  pair.server.above->write("too late");
  pair.client.arrive(pair.server.take_sent());
  loop.turn(3);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", HasSubstr("APPLICATION_DATA_AFTER_CLOSE_NOTIFY")));
}

// S260, S297
TEST_F(TheTlsMachine, PassesTheErrorOfTheConnectionOn) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.below->read_error = ECONNRESET;
  pair.client.below->read_ready();
  EXPECT_THAT(pair.client.app->told, ElementsAre("made"));
  loop.turn(2);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", HasSubstr("Connection reset by peer")));
}

TEST_F(TheTlsMachine, EndsWhereARecordWasForged) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->write("first");
  std::string records = pair.client.take_sent();
  pair.client.above->write("second");
  records += pair.client.take_sent();
  records.back() = static_cast<char>(records.back() ^ 1);
  pair.server.arrive(records);
  loop.turn(3);
  EXPECT_THAT(pair.server.app->told,
              ElementsAre("made", "data first", HasSubstr("[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]")));
  EXPECT_THAT(loop.reports, IsEmpty());
}

TEST_F(TheTlsMachine, EndsWhereTheProtocolThrows) {
  TlsPair pair(loop);
  pair.carry();
  pair.server.app->acts_on = "data";
  pair.server.app->act = [] { throw std::runtime_error("not mine"); };
  pair.client.above->write("x");
  pair.carry();
  EXPECT_THAT(pair.server.app->told, ElementsAre("made", "data x", HasSubstr("not mine")));
  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("Fatal error on SSL protocol")));
}

// What a protocol may do to its transport in each call: nothing of it is an error, and the end is told once.
TEST_F(TheTlsMachine, MayBeClosedOrAbortedInEachCall) {
  for (const char* when : {"made", "data", "eof", "pause", "resume"}) {
    for (const bool abort : {false, true}) {
      TlsPair pair(loop);
      pair.server.app->acts_on = when;
      pair.server.app->act = [&] { abort ? pair.server.above->abort() : pair.server.above->close(); };
      pair.carry();
      pair.server.above->set_write_buffer_limits({.high = 100});
      pair.server.below->room = 0;
      pair.server.above->write(std::string(1000, 'x'));
      pair.client.above->write("x");
      pair.carry();
      pair.server.below->room = 1 << 20;
      if (pair.server.below->watches_write) pair.server.below->write_ready();
      pair.carry();
      pair.client.above->close();
      pair.carry_all();
      EXPECT_EQ(std::ranges::count_if(pair.server.app->told, [](auto& w) { return w.starts_with("lost"); }), 1) << when;
      EXPECT_THAT(loop.reports, IsEmpty()) << when;
    }
  }
}

// S293
TEST_F(TheTlsMachine, RefusesAStateThatCannotFollow) {
  TlsPair pair(loop);
  pair.carry();
  EXPECT_EQ(text_of<RuntimeError>([&] { pair.client.tls->connection_made(pair.client.below); }),
            "cannot switch state from SSLProtocolState.WRAPPED to SSLProtocolState.DO_HANDSHAKE");
}

// ---- Arguments, owners ----

// S300, S229
TEST_F(TheTlsMachine, RefusesWhatCannotWork) {
  const auto refusal = [&](const TransportSecurity& security) {
    return text_of<std::invalid_argument>([&] { SSLProtocol::make(loop, nullptr, {}, security); });
  };
  const auto context = client_context();
  EXPECT_EQ(refusal({.context = context, .server_hostname = "h", .ssl_handshake_timeout = 0s}),
            "ssl_handshake_timeout should be a positive number, got 0.0");
  EXPECT_EQ(refusal({.context = context, .server_hostname = "h", .ssl_shutdown_timeout = -1.5s}),
            "ssl_shutdown_timeout should be a positive number, got -1.5");
  EXPECT_EQ(refusal({.context = context, .server_hostname = "h", .ssl_shutdown_timeout = -1ns}),
            "ssl_shutdown_timeout should be a positive number, got -1e-09");
  EXPECT_EQ(refusal({.context = context, .server_hostname = "h", .ssl_handshake_timeout = -123456.789s}),
            "ssl_handshake_timeout should be a positive number, got -123456.789");
  EXPECT_EQ(refusal({.server_side = true}), "Server side SSL needs a valid SSLContext");
  EXPECT_EQ(refusal({.context = context}), "check_hostname requires server_hostname");
  EXPECT_EQ(refusal({.context = context, .server_hostname = ".h"}),
            "server_hostname must be a host name or a literal address, got '.h'");
  EXPECT_EQ(text_of<SSLError>([&] { SSLProtocol::make(loop, nullptr, {}, {.context = context, .server_side = true}); }),
            "Cannot create a server socket with a PROTOCOL_TLS_CLIENT context");
}

// S276: null is the protocol of a connection that nobody serves any more.
TEST_F(TheTlsMachine, GoesOnWithoutAProtocol) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->set_protocol(nullptr);
  pair.server.above->write("to nobody");
  pair.server.above->close();
  pair.carry();
  EXPECT_EQ(pair.client.below->closed, "closed");
}

TEST_F(TheTlsMachine, GoesOnWhereAFactoryHasMadeNoProtocol) {
  const auto server = SSLProtocol::make(loop, nullptr, {}, {.context = server_context(), .server_side = true});
  const auto below = std::make_shared<ScriptedTransport>(loop, nullptr);
  below->begin(server, Future<void>());
  const TlsEnd client(loop, {.context = client_context(), .server_hostname = "localhost"});
  for (int i = 0; i < 4; ++i) {
    loop.turn(4);
    below->arrives.push_back(client.take_sent());
    if (!below->arrives.back().empty()) below->read_ready();
    below->arrives.clear();
    if (std::string answer = std::exchange(below->sent, ""); !answer.empty()) client.arrive(answer);
  }
  EXPECT_EQ(client.handshake(), "ok");
  EXPECT_EQ(server->state(), State::wrapped);
  below->set_protocol(nullptr);
}

// O3: a loop that is closed lets go of the protocols of its transports, and nothing is left.
TEST_F(TheTlsMachine, IsGoneWhenTheTransportBelowLetsGo) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.app->act = [kept = pair.client.above] {};  // the ring that every program ties
  const std::weak_ptr<SSLProtocolTransport> above = pair.client.above;
  pair.client.above.reset();
  pair.client.app.reset();
  pair.client.tls.reset();
  loop.now += 61s;  // timers keep nothing alive
  loop.turn(2);
  EXPECT_FALSE(above.expired());
  pair.client.below->set_protocol(nullptr);
  EXPECT_TRUE(above.expired());
}

TEST_F(TheTlsMachine, AnswersAfterTheEndOfTheConnection) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->close();
  pair.carry();
  pair.client.tls.reset();
  pair.client.above->pause_reading();
  pair.client.above->resume_reading();
  pair.client.above->close();
  EXPECT_EQ(pair.client.above->get_protocol(), nullptr);
  EXPECT_FALSE(pair.client.above->is_reading());
  EXPECT_EQ(pair.client.above->get_write_buffer_size(), 0U);
  EXPECT_FALSE(pair.client.above->get_extra_info<SSLCipher>("cipher").name.empty());
}

}  // namespace
}  // namespace asyncio
