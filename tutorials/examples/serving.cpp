#include "tutorials/examples/serving.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <system_error>

namespace examples {

namespace {

std::size_t words(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find_first_not_of(' ', at)) != std::string_view::npos; ++count) {
    at = std::min(text.find(' ', at), text.size());
  }
  return count;
}

int usage(const char* program, const std::map<std::string, Command>& commands) {
  for (const auto& [name, command] : commands)
    std::cerr << "usage: " << program << ' ' << name << ' ' << command.usage << '\n';
  return 2;
}

}  // namespace

int main(int argc, char** argv, const std::map<std::string, Command>& commands) {
  const auto found = argc > 1 ? commands.find(argv[1]) : commands.end();
  if (found == commands.end()) return usage(argv[0], commands);
  const Arguments arguments(argv + 2, argv + argc);
  if (arguments.size() != words(found->second.usage)) return usage(argv[0], commands);
  try {
    asyncio::run([&] { found->second.run(arguments); });
  } catch (const asyncio::KeyboardInterrupt&) {
    return 130;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
  return 0;
}

int port(const std::string& text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > 65535) {
    throw std::invalid_argument("'" + text + "' is no port; expected a number from 0 to 65535");
  }
  return number;
}

void announce(const asyncio::Server& server) {
  for (const asyncio::Socket& socket : server->sockets()) {
    std::cout << "listening on " << socket.getsockname().to_string() << std::endl;
  }
}

StopSignal::StopSignal() {
  for (const int signal : {SIGINT, SIGTERM}) {
    asyncio::get_running_loop().add_signal_handler(signal, [this] { told_.set(); });
  }
}

StopSignal::~StopSignal() {
  for (const int signal : {SIGINT, SIGTERM}) asyncio::get_running_loop().remove_signal_handler(signal);
}

}  // namespace examples
