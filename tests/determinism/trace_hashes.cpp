// trace_hashes.cpp: the hashes of many traces, one a line, to be compared between builds.
//
//     scenario strategy ready seed hash
//
// compare_builds.sh runs this program in builds of several compilers and optimisation levels. The same choices must
// give the same trace in all of them; expected.txt says which. The scenarios together touch whatever could tell two
// builds apart: timers of one instant, cancellation, queues, locks, connections, datagrams, faults, random numbers,
// jobs in threads, and shared memory in either ready order.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <cstdint>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace sim = asyncio::sim;

namespace {

void note(const std::string& name, const std::string& value) { sim::observe(name, value); }

/// Two clients that read a counter and write back one more.
void lost_update(sim::World& world) {
  auto count = std::make_shared<int>(0);
  world.network().set_default({.latency = {1ms, 50ms}, .loss = 0.05});
  world.host("counter", [=] {
    auto server = asyncio::start_server(
        [=](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
          for (std::string line; !(line = reader.readline()).empty();) {
            if (line != "get\n") *count = std::stoi(line);
            writer.write(std::to_string(*count) + "\n");
            writer.drain();
          }
          writer.close();
        },
        "counter", 80);
    server->serve_forever();
  });
  for (const char* name : {"alice", "bob"}) {
    world.client(name, [] {
      asyncio::sleep(10ms);
      auto [reader, writer] = asyncio::open_connection("counter", 80);
      writer.write("get\n");
      const int seen = std::stoi(reader.readline());
      writer.write(std::to_string(seen + 1) + "\n");
      note("answer", reader.readline());
      writer.close();
    });
  }
  world.finally([=] { note("count", std::to_string(*count)); });
}

/// A member of the chat: says a few words, comes back when the connection breaks.
void chatter(const std::string& name) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    try {
      asyncio::timeout(20s, [&] {
        auto [reader, writer] = asyncio::open_connection("room", 6667);
        for (int i = 0; i < 3; ++i) {
          writer.write(name + " says " + std::to_string(asyncio::get_running_loop().random().below(100)) + "\n");
          note(name + " hears", reader.readline());
          asyncio::sleep(50ms);
        }
        writer.close();
      });
      return;
    } catch (const std::exception& error) {  // refused, reset, or too late
      note(name + " lost", dynamic_cast<const std::system_error*>(&error) ? "the connection" : "patience");
      asyncio::sleep(100ms);
    }
  }
}

/// A room where everybody hears everybody; the network breaks, and the room crashes and comes back.
void chat(sim::World& world) {
  world.network().set_default({.latency = {1ms, 20ms}, .bandwidth = 10'000});
  world.host("room", [] {
    auto members = std::make_shared<std::vector<asyncio::StreamWriter>>();
    auto server = asyncio::start_server(
        [=](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
          members->push_back(writer);
          try {
            for (std::string line; !(line = reader.readline()).empty();) {
              for (const auto& member : *members) member.write(line);
            }
          } catch (const std::system_error&) {
            note("room", "lost a member");
          }
          std::erase(*members, writer);
        },
        "room", 6667);
    server->serve_forever();
  });
  for (const char* name : {"alice", "bob", "carol"}) {
    world.client(name, [name] { chatter(name); });
  }
  world.at(60ms, [&world] { world.network().partition("alice", "room"); });
  world.at(120ms, [&world] { world.crash("room"); });
  world.at(150ms, [&world] { world.restart("room"); });
  world.at(400ms, [&world] { world.network().repair_all(); });
  world.at(500ms, [&world] { world.pause("bob"); });
  world.at(700ms, [&world] { world.resume("bob"); });
}

/// Many timers of few instants, on two hosts.
void ties(sim::World& world) {
  for (const char* name : {"a", "b"}) {
    world.client(name, [] {
      auto& loop = asyncio::get_running_loop();
      for (int i = 0; i < 12; ++i) loop.call_later((i % 3) * 1ms, [i] { note("timer", std::to_string(i)); });
      for (int i = 0; i < 4; ++i) asyncio::sleep((i % 2) * 1ms);
      asyncio::sleep(10ms);
    });
  }
}

/// Tasks that wait for locks and queues with timeouts, and are cancelled by each other.
void storm(sim::World& world) {
  world.client("c", [] {
    auto lock = std::make_shared<asyncio::Lock>();
    auto queue = std::make_shared<asyncio::Queue<int>>(2);
    std::vector<asyncio::Task<void>> tasks;
    for (int i = 0; i < 6; ++i) {
      tasks.push_back(asyncio::create_task([=] {
        auto& random = asyncio::get_running_loop().random();
        for (int round = 0; round < 3; ++round) {
          try {
            asyncio::timeout((1 + random.below(3)) * 1ms, [&] {
              const std::scoped_lock guard(*lock);
              asyncio::sleep(random.below(3) * 1ms);
              queue->put(i * 10 + round);
            });
            note("got", std::to_string(asyncio::wait_for([=] { return queue->get(); }, 2ms)));
          } catch (const asyncio::TimeoutError&) {
            note("late", std::to_string(i));
          }
        }
      }));
    }
    asyncio::sleep(3ms);
    tasks[1].cancel();
    tasks[4].cancel("enough");
    for (const auto& task : tasks) {
      try {
        asyncio::await(task);
      } catch (const asyncio::CancelledError& error) {
        note("cancelled", std::string(error.message()));
      }
    }
  });
}

/// Tasks that share memory.
void shared(sim::World& world) {
  auto cell = std::make_shared<sim::Shared<int>>(0, "cell");
  world.client("c", [=] {
    std::vector<asyncio::Task<void>> tasks;
    for (int i = 0; i < 3; ++i) {
      tasks.push_back(asyncio::create_task([=] {
        for (int round = 0; round < 3; ++round) cell->write(cell->read() + 1);
      }));
    }
    for (const auto& task : tasks) asyncio::await(task);
  });
  world.finally([=] { note("cell", std::to_string(cell->read())); });
}

/// Jobs in threads of which there are none, asked for by an asynchronous generator, some of them cancelled.
void jobs(sim::World& world) {
  world.client("c", [] {
    const auto pool = std::make_shared<asyncio::ThreadPoolExecutor>(asyncio::ThreadPoolOptions{.max_workers = 2});
    std::vector<asyncio::Future<void>> started;
    for (int i = 0; i < 5; ++i) {
      started.push_back(asyncio::get_running_loop().run_in_executor(pool, [i] { note("job", std::to_string(i)); }));
    }
    const asyncio::AsyncGenerator<int> answers([](auto& yield) {
      for (int i = 0;; ++i) yield(asyncio::to_thread([i] { return i * i; }));
    });
    for (const int answer : answers) {
      note("answer", std::to_string(answer));
      if (answer == 9) break;
    }
    for (const auto& future : started) future.cancel();
  });
}

/// Puts what it hears into a queue.
class Hearer : public asyncio::DatagramProtocol {
 public:
  void datagram_received(std::string_view data, const asyncio::Address& from) override {
    heard.put_nowait(std::string(data) + " from " + from.host());
  }
  asyncio::Queue<std::string> heard;
};

/// Questions over a bad link, asked again until they are answered, of a server that crashes.
void datagrams(sim::World& world) {
  world.network().set_default({.latency = {1ms, 20ms}, .loss = 0.2, .duplicate = 0.2, .reorder = 0.2});
  world.host("server", [] {
    const auto [transport, hearer] = asyncio::get_running_loop().create_datagram_endpoint(
        [] { return std::make_shared<Hearer>(); }, {.local_addr = asyncio::Address("server", 53)});
    for (int i = 0;; ++i) transport->sendto(std::to_string(i), asyncio::Address(hearer->heard.get().substr(7), 9));
  });
  for (const char* name : {"alice", "carol"}) {
    world.client(name, [name] {
      const auto [transport, hearer] = asyncio::get_running_loop().create_datagram_endpoint(
          [] { return std::make_shared<Hearer>(); }, {.local_addr = asyncio::Address(name, 9)});
      for (int answers = 0; answers < 4;) {
        transport->sendto("?", asyncio::Address("server", 53));
        try {
          note("answer", asyncio::wait_for([&] { return hearer->heard.get(); }, 30ms));
          ++answers;
        } catch (const asyncio::TimeoutError&) {
          note("late", name);
        }
      }
    });
  }
  world.at(40ms, [] { sim::World::current().crash("server"); });
  world.at(70ms, [] { sim::World::current().restart("server"); });
}

void print(const std::string& name, const sim::Scenario& scenario) {
  for (const char* strategy : {"fifo", "random", "pct:3"}) {
    for (const auto ready : {sim::ReadyOrder::fifo, sim::ReadyOrder::any}) {
      for (std::uint64_t seed = 0; seed < 8; ++seed) {
        const auto result =
            sim::run(scenario, {.seed = seed, .strategy = sim::strategy_by_name(strategy), .ready = ready});
        std::cout << name << ' ' << strategy << ' ' << to_string(ready) << ' ' << std::dec << seed << ' ' << std::hex
                  << std::setw(16) << std::setfill('0') << result.trace_hash;
        if (result.failure) std::cout << ' ' << result.failure->kind;
        std::cout << '\n';
      }
    }
  }
}

}  // namespace

int main() {
  print("lost_update", lost_update);
  print("chat", chat);
  print("ties", ties);
  print("storm", storm);
  print("shared", shared);
  print("jobs", jobs);
  print("datagrams", datagrams);
}
