#include "museum/line_protocol.hpp"

#include <system_error>
#include <utility>

namespace museum {

using namespace std::chrono_literals;

namespace {
constexpr int PORT = 80;
}

Connection Connection::to(const std::string& host) {
  for (;;) {
    try {
      auto [reader, writer] = asyncio::open_connection(host, PORT);  // suspends
      return {std::move(reader), std::move(writer)};
    } catch (const std::system_error&) {
      asyncio::sleep(10ms);  // refused: in a world, too, somebody has to be the last to come up
    }
  }
}

std::string Connection::ask(std::string_view question) const {
  writer_.write(std::string(question) + '\n');
  std::string answer = reader_.readuntil("\n");  // suspends
  answer.pop_back();
  return answer;
}

void serve(const std::string& host, std::function<std::string(const std::string& question)> answer) {
  const auto converse = [answer = std::move(answer)](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
    try {
      for (std::string line : reader) {  // suspends
        line.pop_back();
        writer.write(answer(line) + '\n');  // may suspend
        writer.drain();
      }
    } catch (const std::system_error&) {
      // The other side has hung up before it had its answer, which is its right.
    }
    writer.close();
  };
  asyncio::start_server(converse, host, PORT)->serve_forever();  // suspends
}

}  // namespace museum
