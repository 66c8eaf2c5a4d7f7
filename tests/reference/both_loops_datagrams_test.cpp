// both_loops_datagrams_test.cpp: the same bodies with datagrams over real sockets and in a world.
//
// Rules: semantics.md S284 to S290.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/reference/both_loops.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

/// Puts what happens to it into a queue, a line each.
class Diary : public DatagramProtocol {
 public:
  void connection_made(std::shared_ptr<BaseTransport>) override { lines.put_nowait("made"); }
  void datagram_received(std::string_view data, const Address& from) override {
    lines.put_nowait("received " + std::string(data));
    last_sender = from;
  }
  void error_received(std::exception_ptr error) override {
    try {
      std::rethrow_exception(error);
    } catch (const std::system_error& what) {
      lines.put_nowait("error " + std::to_string(what.code().value()));
    }
  }
  void connection_lost(std::exception_ptr error) override { lines.put_nowait(error ? "lost by an error" : "lost"); }

  Queue<std::string> lines;
  Address last_sender{"", 0};
};

std::pair<std::shared_ptr<DatagramTransport>, std::shared_ptr<Diary>> open_endpoint(DatagramOptions options) {
  auto endpoint = get_running_loop().create_datagram_endpoint([] { return std::make_shared<Diary>(); }, options);
  require(endpoint.second->lines.get() == "made", "it begins");
  return endpoint;
}

/// Closes an endpoint, which has nothing to tell but that. \suspends until it is closed
void close(const std::pair<std::shared_ptr<DatagramTransport>, std::shared_ptr<Diary>>& endpoint) {
  endpoint.first->close();
  require(endpoint.second->lines.get() == "lost", "nothing else was left to tell");
}

struct Exchange {
  const char* name;
  std::function<void()> run;
};

/// Prints its name in test names and messages.
void PrintTo(const Exchange& exchange, std::ostream* out) { *out << exchange.name; }

class TheSameDatagrams : public testing::TestWithParam<Exchange> {};

TEST_P(TheSameDatagrams, GoOverRealSockets) {
  const std::size_t descriptors = open_descriptors();
  run([] { wait_for(GetParam().run, 60s); });
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_P(TheSameDatagrams, GoThroughAWorld) {
  expect_in_every_order([](sim::World& world) { world.client("client", GetParam().run); });
}

const std::vector<Exchange> EXCHANGES = {
    {"Are answered",
     [] {
       const auto server = open_endpoint({.local_addr = Address("127.0.0.1", 0)});
       const auto client = open_endpoint({.remote_addr = server.first->get_extra_info<Address>("sockname")});
       client.first->sendto("question");
       require(server.second->lines.get() == "received question", "it arrives");
       require(server.second->last_sender == client.first->get_extra_info<Address>("sockname"), "from the client");
       server.first->sendto("answer", server.second->last_sender);
       require(client.second->lines.get() == "received answer", "the answer comes back");
       close(client);
       close(server);
     }},
    {"May be empty, and are told apart",
     [] {
       const auto server = open_endpoint({.local_addr = Address("127.0.0.1", 0)});
       const auto client = open_endpoint({.remote_addr = server.first->get_extra_info<Address>("sockname")});
       for (const char* data : {"a", "", "bc"}) client.first->sendto(data);
       for (const char* line : {"received a", "received ", "received bc"}) {
         require(server.second->lines.get() == line, "each arrives for itself, in order");
       }
       close(client);
       close(server);
     }},
    {"Are refused where nobody is bound",
     [] {
       const auto gone = open_endpoint({.local_addr = Address("127.0.0.1", 0)});
       const auto client = open_endpoint({.remote_addr = gone.first->get_extra_info<Address>("sockname")});
       close(gone);
       client.first->sendto("anybody?");
       require(client.second->lines.get() == "error " + std::to_string(ECONNREFUSED), "the sender hears so");
       require(!client.first->is_closing(), "and goes on");
       close(client);
     }},
    {"Need an address",
     [] {
       const auto endpoint = open_endpoint({.local_addr = Address("127.0.0.1", 0)});
       endpoint.first->sendto("to whom?");
       require(endpoint.second->lines.get_nowait() == "error " + std::to_string(EDESTADDRREQ), "it says so at once");
       close(endpoint);
     }},
    {"Go to the peer and to nobody else",
     [] {
       const auto endpoint = open_endpoint({.remote_addr = Address("127.0.0.1", 9)});
       try {
         endpoint.first->sendto("x", Address("127.0.0.1", 10));
         require(false, "it is refused");
       } catch (const std::invalid_argument& error) {
         require(std::string(error.what()).starts_with("Invalid address: must be None or"), error.what());
       }
       close(endpoint);
     }},
    {"Are not bound to a port of somebody else's",
     [] {
       const auto first = open_endpoint({.local_addr = Address("127.0.0.1", 0)});
       try {
         open_endpoint({.local_addr = first.first->get_extra_info<Address>("sockname")});
         require(false, "it is refused");
       } catch (const std::system_error& error) {
         require(error.code() == std::errc::address_in_use, error.what());
       }
       close(first);
     }},
    {"End at once where the endpoint is aborted",
     [] {
       const auto endpoint = open_endpoint({.remote_addr = Address("127.0.0.1", 9)});
       endpoint.first->abort();
       require(endpoint.first->is_closing() && endpoint.second->lines.empty(), "the protocol hears of it later");
       require(endpoint.second->lines.get() == "lost", "and without an error");
       endpoint.first->sendto("x");  // does nothing
     }},
};

INSTANTIATE_TEST_SUITE_P(Of, TheSameDatagrams, testing::ValuesIn(EXCHANGES));

}  // namespace
}  // namespace asyncio
