#include "tutorials/examples/counter/counter.hpp"
#include "tutorials/examples/counter/lines.hpp"

#include <stdexcept>
#include <utility>

namespace counter {

using namespace std::chrono_literals;

namespace {

constexpr asyncio::Duration ANSWER_WITHIN = 3s;  // longer than a node waits for its majority
constexpr asyncio::Duration PAUSE = 100ms;       // before the next node is asked

}  // namespace

Client::Client(std::string name, std::vector<NodeAddress> nodes) : name_(std::move(name)), nodes_(std::move(nodes)) {
  if (!is_name(name_)) throw std::invalid_argument("'" + name_ + "' is no name; expected 1 to 32 of A-Z a-z 0-9 . -");
  if (nodes_.empty()) throw std::invalid_argument("there is no node to ask");
}

// [add]
void Client::add(std::uint64_t amount) {
  total_ += amount;
  ask("add " + name_ + " " + std::to_string(total_));  // suspends; the same question again cannot count twice
}
// [add]

/// Asks until there is an answer that says something. \return  its number, or 0
std::uint64_t Client::ask(const std::string& question) {
  for (;;) {
    const NodeAddress& node = nodes_[next_ % nodes_.size()];
    std::string answer;
    try {
      answer = asyncio::timeout(ANSWER_WITHIN, [&] { return ask_once(node, question); });  // suspends
    } catch (const asyncio::TimeoutError&) {
    } catch (const std::system_error&) {
    }
    if (answer == "ok\n") return 0;
    if (answer.starts_with("value ")) return std::stoull(answer.substr(6));
    if (answer == "bad request\n") throw std::invalid_argument("a node refuses to answer '" + question + "'");
    ++next_;
    asyncio::sleep(PAUSE);  // suspends
  }
}

/// \return  a line; empty where the connection ended before there was one
std::string Client::ask_once(const NodeAddress& node, const std::string& question) const {
  auto [reader, writer] = asyncio::open_connection(node.host, node.port);  // suspends
  writer.write(question + "\n");
  const std::string answer = reader.readline();  // suspends
  return answer.ends_with('\n') ? answer : "";
}

}  // namespace counter
