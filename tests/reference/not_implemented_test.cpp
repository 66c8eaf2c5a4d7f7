// not_implemented_test.cpp: what a loop does not have says so, and options that contradict each other are refused.
#include <asyncio/base_events.hpp>
#include <asyncio/events.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

/// A loop that overrides nothing, and shows what is protected.
class BareLoop : public AbstractEventLoop {
 public:
  using AbstractEventLoop::check_can_run;
  using AbstractEventLoop::run_until_done;
};

std::shared_ptr<BaseProtocol> no_protocol() { return nullptr; }

struct Method {
  const char* name;
  std::function<void(BareLoop&)> call;
};

class AnAbstractEventLoop : public testing::TestWithParam<Method> {};

// Api: each method throws NotImplementedError, which names method and class.
TEST_P(AnAbstractEventLoop, SaysWhichMethodWhichClassLacks) {
  BareLoop loop;

  const std::string said = text_of<NotImplementedError>([&] { GetParam().call(loop); });

  EXPECT_THAT(said, StartsWith("BareLoop." + std::string(GetParam().name) + "()"));
}

// In the order of events.hpp.
const Method METHODS[] = {
    {"run_forever", [](BareLoop& loop) { loop.run_forever(); }},
    {"run_until_complete", [](BareLoop& loop) { loop.run_until_complete([] {}); }},
    {"run_until_complete", [](BareLoop& loop) { loop.run_until_done({}, false); }},
    {"run_until_complete", [](BareLoop& loop) { loop.check_can_run(); }},
    {"stop", [](BareLoop& loop) { loop.stop(); }},
    {"is_running", [](BareLoop& loop) { loop.is_running(); }},
    {"is_closed", [](BareLoop& loop) { loop.is_closed(); }},
    {"close", [](BareLoop& loop) { loop.close(); }},
    {"shutdown_asyncgens", [](BareLoop& loop) { loop.shutdown_asyncgens(); }},
    {"shutdown_default_executor", [](BareLoop& loop) { loop.shutdown_default_executor(); }},
    // As in CPython, call_soon() is call_later(0), and is missing only where that is.
    {"call_later", [](BareLoop& loop) { loop.call_soon([] {}); }},
    {"call_later", [](BareLoop& loop) { loop.call_soon_handle(make_ref<HandleState>([] {}, loop, Context())); }},
    {"call_later", [](BareLoop& loop) { loop.call_later(1s, [] {}); }},
    {"call_at", [](BareLoop& loop) { loop.call_at(TimePoint{}, [] {}); }},
    {"time", [](BareLoop& loop) { loop.time(); }},
    {"timer_handle_cancelled", [](BareLoop& loop) { TimerHandle(TimePoint{}, [] {}, loop, Context()).cancel(); }},
    {"call_soon_threadsafe", [](BareLoop& loop) { loop.call_soon_threadsafe([] {}); }},
    {"create_task", [](BareLoop& loop) { loop.create_task([] {}); }},
    {"set_task_factory", [](BareLoop& loop) { loop.set_task_factory(nullptr); }},
    {"get_task_factory", [](BareLoop& loop) { loop.get_task_factory(); }},
    {"run_in_executor", [](BareLoop& loop) { loop.run_in_executor(nullptr, [] {}); }},
    {"set_default_executor", [](BareLoop& loop) { loop.set_default_executor(nullptr); }},
    {"getaddrinfo", [](BareLoop& loop) { loop.getaddrinfo("localhost", "80"); }},
    {"getnameinfo", [](BareLoop& loop) { loop.getnameinfo({}); }},
    {"create_connection", [](BareLoop& loop) { loop.create_connection(no_protocol, {.host = "h", .port = 80}); }},
    {"create_server", [](BareLoop& loop) { loop.create_server(no_protocol, {.port = 0}); }},
    {"create_unix_connection", [](BareLoop& loop) { loop.create_unix_connection(no_protocol, "/path"); }},
    {"create_unix_server", [](BareLoop& loop) { loop.create_unix_server(no_protocol, "/path"); }},
    {"connect_accepted_socket", [](BareLoop& loop) { loop.connect_accepted_socket(no_protocol, Socket{}); }},
    {"create_datagram_endpoint", [](BareLoop& loop) { loop.create_datagram_endpoint(no_protocol, {}); }},
    {"connect_read_pipe", [](BareLoop& loop) { loop.connect_read_pipe(no_protocol, 0); }},
    {"connect_write_pipe", [](BareLoop& loop) { loop.connect_write_pipe(no_protocol, 1); }},
    {"subprocess_exec", [](BareLoop& loop) { loop.subprocess_exec(no_protocol, {"program"}); }},
    {"subprocess_shell", [](BareLoop& loop) { loop.subprocess_shell(no_protocol, "command"); }},
    {"sendfile", [](BareLoop& loop) { loop.sendfile(nullptr, 0); }},
    {"start_tls", [](BareLoop& loop) { loop.start_tls(nullptr, nullptr, nullptr); }},
    {"add_reader", [](BareLoop& loop) { loop.add_reader(0, [] {}); }},
    {"remove_reader", [](BareLoop& loop) { loop.remove_reader(0); }},
    {"add_writer", [](BareLoop& loop) { loop.add_writer(1, [] {}); }},
    {"remove_writer", [](BareLoop& loop) { loop.remove_writer(1); }},
    {"sock_recv", [](BareLoop& loop) { loop.sock_recv(0, 1); }},
    {"sock_recv_into", [](BareLoop& loop) { loop.sock_recv_into(0, {}); }},
    {"sock_recvfrom", [](BareLoop& loop) { loop.sock_recvfrom(0, 1); }},
    {"sock_recvfrom_into", [](BareLoop& loop) { loop.sock_recvfrom_into(0, {}); }},
    {"sock_sendall", [](BareLoop& loop) { loop.sock_sendall(1, "x"); }},
    {"sock_sendto", [](BareLoop& loop) { loop.sock_sendto(1, "x", {}); }},
    {"sock_connect", [](BareLoop& loop) { loop.sock_connect(1, {}); }},
    {"sock_accept", [](BareLoop& loop) { loop.sock_accept(0); }},
    {"sock_sendfile", [](BareLoop& loop) { loop.sock_sendfile(1, 0); }},
    {"add_signal_handler", [](BareLoop& loop) { loop.add_signal_handler(2, [] {}); }},
    {"remove_signal_handler", [](BareLoop& loop) { loop.remove_signal_handler(2); }},
    {"set_exception_handler", [](BareLoop& loop) { loop.set_exception_handler(nullptr); }},
    {"get_exception_handler", [](BareLoop& loop) { loop.get_exception_handler(); }},
    {"default_exception_handler", [](BareLoop& loop) { loop.default_exception_handler({}); }},
    {"call_exception_handler", [](BareLoop& loop) { loop.call_exception_handler({}); }},
    {"get_debug", [](BareLoop& loop) { loop.get_debug(); }},
    {"set_debug", [](BareLoop& loop) { loop.set_debug(true); }},
    {"random", [](BareLoop& loop) { loop.random(); }},
};

std::string number_and_name(const testing::TestParamInfo<Method>& info) {
  return std::to_string(info.index) + "_" + info.param.name;
}

INSTANTIATE_TEST_SUITE_P(EveryMethod, AnAbstractEventLoop, testing::ValuesIn(METHODS), number_and_name);

// What needs no loop works on any: futures are values.
TEST(ABareLoop, CanStillMakeFutures) {
  BareLoop loop;
  const auto future = loop.create_future<int>();

  future.set_result(3);

  EXPECT_EQ(future.result(), 3);
  EXPECT_TRUE(all_tasks(loop).empty());
}

// Whoever calls run_until_complete on a loop that has no tasks leaves nothing behind.
TEST(ABareLoop, NamesItsOwnClassInMessages) {
  struct MyVeryOwnLoop : AbstractEventLoop {};
  MyVeryOwnLoop loop;

  EXPECT_THAT(text_of<NotImplementedError>([&] { loop.time(); }), HasSubstr("MyVeryOwnLoop.time()"));
}

// Options --------------------------------------------------------------------------------------------------

/// Shows the checks that a loop makes before any input or output.
struct Checks : ScriptedLoop {
  using BaseEventLoop::check_connection_options;
  using BaseEventLoop::check_server_options;
};

std::string refusal(const ConnectionOptions& options) {
  return text_of<std::invalid_argument>([&] { Checks().check_connection_options(options); });
}

std::string refusal(const ServerOptions& options) {
  return text_of<std::invalid_argument>([&] { Checks().check_server_options(options); });
}

// S228: the texts are CPython's.
TEST(TheOptionsOfAConnection, NeedAnAddressOrASocket) {
  EXPECT_EQ(refusal(ConnectionOptions{}), "host and port was not specified and no sock specified");
  EXPECT_EQ(refusal(ConnectionOptions{.host = "h", .port = 80}), "nothing");
  EXPECT_EQ(refusal(ConnectionOptions{.sock = Socket{}}), "nothing");
  EXPECT_EQ(refusal(ConnectionOptions{.host = "h", .sock = Socket{}}),
            "host/port and sock can not be specified at the same time");
}

// S228.
TEST(TheOptionsOfAConnection, TakeWhatIsForTlsOnlyWithTls) {
  const std::string only = " is only meaningful with ssl";

  EXPECT_EQ(refusal(ConnectionOptions{.host = "h", .server_hostname = "h"}), "server_hostname" + only);
  EXPECT_EQ(refusal(ConnectionOptions{.host = "h", .ssl_handshake_timeout = 1s}), "ssl_handshake_timeout" + only);
  EXPECT_EQ(refusal(ConnectionOptions{.host = "h", .ssl_shutdown_timeout = 1s}), "ssl_shutdown_timeout" + only);
}

// S228, S240.
TEST(TheOptionsOfAServer, NeedAnAddressOrASocket) {
  EXPECT_EQ(refusal(ServerOptions{}), "Neither host/port nor sock were specified");
  EXPECT_EQ(refusal(ServerOptions{.port = 0}), "nothing");
  EXPECT_EQ(refusal(ServerOptions{.hosts = {"a", "b"}}), "nothing");
  EXPECT_EQ(refusal(ServerOptions{.port = 0, .sock = Socket{}}),
            "host/port and sock can not be specified at the same time");
}

// S228.
TEST(TheOptionsOfAServer, TakeWhatIsForTlsOnlyWithTls) {
  const std::string only = " is only meaningful with ssl";

  EXPECT_EQ(refusal(ServerOptions{.port = 0, .ssl_handshake_timeout = 1s}), "ssl_handshake_timeout" + only);
  EXPECT_EQ(refusal(ServerOptions{.port = 0, .ssl_shutdown_timeout = 1s}), "ssl_shutdown_timeout" + only);
}

}  // namespace
}  // namespace asyncio
