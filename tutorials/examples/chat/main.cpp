// main.cpp: the room and its members on the real loop.
//
//     chat open 127.0.0.1 7000          in one terminal
//     chat enter 127.0.0.1 7000 alice   in two or three others
#include "tutorials/examples/chat/chat.hpp"
#include "tutorials/examples/lines.hpp"
#include "tutorials/examples/serving.hpp"

#include <cerrno>
#include <exception>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace {

void open_room(const examples::Arguments& arguments) {
  const auto room = std::make_shared<chat::Room>();
  examples::StopSignal stop;
  examples::announce(room->open(arguments[0], examples::port(arguments[1])));  // suspends
  stop.wait();                                                                 // suspends
  room->close();                                                               // suspends
}

/// Our standard input, opened once more. The loop makes what it reads from non-blocking, and a duplicate would share
/// that with the shell that lent us its terminal: it would find it so when we are gone.
int reopened_input() {
  const int fresh = ::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fresh >= 0) return fresh;
  // A socket cannot be opened, nor what is another user's.
  const int duplicate = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) throw std::system_error(errno, std::generic_category(), "the standard input");
  return duplicate;
}

/// The lines that are typed, until the end. A thread that waits for the next one could not be told to end.
asyncio::StreamReader typed_lines() {
  asyncio::StreamReader reader;
  if (std::filesystem::is_regular_file("/proc/self/fd/0")) {  // never has to be waited for, and no poll takes it
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    reader.feed_data(text);
    reader.feed_eof();
    return reader;
  }
  asyncio::get_running_loop().connect_read_pipe([=] { return std::make_shared<asyncio::StreamReaderProtocol>(reader); },
                                                reopened_input());  // suspends
  return reader;
}

void enter(const examples::Arguments& arguments) {
  const chat::Member member =
      chat::Member::enter(arguments[0], examples::port(arguments[1]), arguments[2]);  // suspends
  std::cout << member.welcome() << std::endl;
  const auto speaking = asyncio::create_task([member] {
    try {
      for (const std::string& line : typed_lines()) member.say(examples::bare(line));  // suspends
    } catch (const std::exception&) {
      member.leave();
      throw;
    }
    member.leave();
  });
  while (const auto line = member.hear()) std::cout << *line << std::endl;  // suspends
  if (speaking.done()) return asyncio::await(speaking);                     // throws what went wrong with the input
  speaking.cancel();
}

}  // namespace

int main(int argc, char** argv) {
  return examples::main(argc, argv, {{"open", {"HOST PORT", open_room}}, {"enter", {"HOST PORT NAME", enter}}});
}
