// main.cpp: nodes and clients on the real loop. Three nodes on one machine, each in a terminal of its own:
//
//     counter node 127.0.0.1 7101 /tmp/a 127.0.0.1:7102,127.0.0.1:7103
//     counter node 127.0.0.1 7102 /tmp/b 127.0.0.1:7101,127.0.0.1:7103
//     counter node 127.0.0.1 7103 /tmp/c 127.0.0.1:7101,127.0.0.1:7102
//     counter add alice 5 127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103
//     counter value       127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103
#include "tutorials/examples/counter/counter.hpp"
#include "tutorials/examples/counter/file_storage.hpp"
#include "tutorials/examples/counter/lines.hpp"
#include "tutorials/examples/serving.hpp"

#include <algorithm>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr asyncio::Duration PATIENCE = 60s;  // of a client on the command line

/// "127.0.0.1:7102,127.0.0.1:7103"
std::vector<counter::NodeAddress> nodes(const std::string& text) {
  std::vector<counter::NodeAddress> found;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string one = text.substr(begin, end - begin);
    const std::size_t colon = one.rfind(':');
    if (colon == std::string::npos) throw std::invalid_argument("'" + one + "' is no node; expected HOST:PORT");
    found.push_back({.host = one.substr(0, colon), .port = examples::port(one.substr(colon + 1))});
    begin = end + 1;
  }
  return found;
}

void serve(const examples::Arguments& arguments) {
  const auto node = std::make_shared<counter::Node>(nodes(arguments[3]), counter::file_storage(arguments[2]));
  examples::StopSignal stop;
  const auto told = asyncio::create_task([&] { stop.wait(); });
  const auto serving =
      asyncio::create_task([&] { node->serve(arguments[0], examples::port(arguments[1]), examples::announce); });
  asyncio::wait({told, serving}, {.return_when = asyncio::FIRST_COMPLETED});  // suspends
  // Nothing to save: what was acknowledged is on disk already. A node may be stopped as it may crash.
  told.cancel();
  serving.cancel();
  asyncio::wait({told, serving});              // suspends; both refer to what stands above
  if (!serving.cancelled()) serving.result();  // its storage has failed, or its port is taken: throws
}

void add(const examples::Arguments& arguments) {
  counter::Client client(arguments[0], nodes(arguments[2]));
  const auto amount = counter::parse_total(arguments[1]);
  if (!amount) throw std::invalid_argument("'" + arguments[1] + "' is no amount");
  asyncio::timeout(PATIENCE, [&] {
    client.recall();      // suspends
    client.add(*amount);  // suspends
  });
  std::cout << arguments[0] << " has added " << client.total() << '\n';
}

void value(const examples::Arguments& arguments) {
  counter::Client client("reader", nodes(arguments[0]));
  std::cout << asyncio::timeout(PATIENCE, [&] { return client.value(); }) << '\n';  // suspends
}

}  // namespace

int main(int argc, char** argv) {
  return examples::main(
      argc, argv,
      {{"node", {"HOST PORT FILE PEERS", serve}}, {"add", {"NAME AMOUNT NODES", add}}, {"value", {"NODES", value}}});
}
