// transport_test.cpp: what the two ends of a connection between hosts are told. Rules: semantics.md S253 to S275.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace sim = asyncio::sim;

namespace {

/// Writes down what is called.
class Recorder : public asyncio::Protocol {
 public:
  void connection_made(std::shared_ptr<asyncio::BaseTransport> transport) override {
    this->transport = std::dynamic_pointer_cast<asyncio::Transport>(transport);
    calls.push_back("made");
  }
  void data_received(std::string_view data) override { calls.push_back(std::string(data)); }
  bool eof_received() override {
    calls.push_back("eof");
    return keep_open;
  }
  void connection_lost(std::exception_ptr error) override {
    calls.push_back(error ? "lost: " + asyncio::type_name(error) : "lost");
  }

  std::shared_ptr<asyncio::Transport> transport;
  std::vector<std::string> calls;
  bool keep_open = false;
};

/// Two hosts whose protocols write down what they hear; `act` is given the two.
void two_recorders(sim::World& world, const std::function<void(Recorder& here, Recorder& there)>& act,
                   const std::function<void(const Recorder& here, const Recorder& there)>& look) {
  auto there = std::make_shared<Recorder>();
  auto here = std::make_shared<Recorder>();
  world.host("server", [=] {
    auto server = asyncio::get_running_loop().create_server([=] { return there; }, {.host = "server", .port = 7});
    server->serve_forever();
  });
  world.client("alice", [=] {
    asyncio::sleep(1s);
    asyncio::get_running_loop().create_connection([=] { return here; }, {.host = "server", .port = 7});
    asyncio::sleep(1s);
    act(*here, *there);
    asyncio::sleep(1min);
  });
  world.finally([=] {
    look(*here, *there);
    here->transport = there->transport = nullptr;
  });
}

using Calls = std::vector<std::string>;

// S253, S261, S271.
SIM_TEST(Transport, FlushesWhenItIsClosed, {.executions = 1, .strategy = sim::fifo()}) {
  two_recorders(
      world,
      [](Recorder& here, Recorder&) {
        here.transport->write("bye");
        here.transport->close();
        here.transport->close();
        EXPECT_TRUE(here.transport->is_closing());
      },
      [](const Recorder& here, const Recorder& there) {
        EXPECT_EQ(here.calls, (Calls{"made", "lost"}));
        EXPECT_EQ(there.calls, (Calls{"made", "bye", "eof", "lost"}));
      });
}

// S272.
SIM_TEST(Transport, ResetsWhenItIsAborted, {.executions = 1, .strategy = sim::fifo()}) {
  two_recorders(
      world, [](Recorder& here, Recorder&) { here.transport->abort(); },
      [](const Recorder& here, const Recorder& there) {
        EXPECT_EQ(here.calls, (Calls{"made", "lost"}));
        EXPECT_EQ(there.calls, (Calls{"made", "lost: system_error"}));
      });
}

// S261, S270.
SIM_TEST(Transport, CanBeHalfClosed, {.executions = 1, .strategy = sim::fifo()}) {
  two_recorders(
      world,
      [](Recorder& here, Recorder& there) {
        there.keep_open = true;
        here.transport->write("question");
        here.transport->write_eof();
        EXPECT_THROW(here.transport->write("more"), asyncio::RuntimeError);
        asyncio::sleep(1s);
        there.transport->write("answer");
        there.transport->close();
      },
      [](const Recorder& here, const Recorder& there) {
        EXPECT_EQ(here.calls, (Calls{"made", "answer", "eof", "lost"}));
        EXPECT_EQ(there.calls, (Calls{"made", "question", "eof", "lost"}));
      });
}

// S275.
SIM_TEST(Transport, HoldsBackWhatArrivesWhilePaused, {.executions = 1, .strategy = sim::fifo()}) {
  two_recorders(
      world,
      [](Recorder& here, Recorder& there) {
        there.transport->pause_reading();
        here.transport->write("a");
        asyncio::sleep(1s);
        here.transport->write("b");
        asyncio::sleep(1s);
        EXPECT_EQ(there.calls, (Calls{"made"}));
        there.transport->resume_reading();
      },
      [](const Recorder&, const Recorder& there) { EXPECT_EQ(there.calls.at(1), "ab"); });
}

// S264.
SIM_TEST(Transport, IgnoresWritesAfterItsEnd, {.executions = 1, .strategy = sim::fifo()}) {
  two_recorders(
      world,
      [](Recorder& here, Recorder&) {
        here.transport->close();
        asyncio::sleep(1s);
        here.transport->write("too late");
      },
      [](const Recorder&, const Recorder& there) { EXPECT_EQ(there.calls, (Calls{"made", "eof", "lost"})); });
}

}  // namespace
