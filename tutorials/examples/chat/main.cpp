// main.cpp: the room and its members on the real loop.
//
//     chat open 127.0.0.1 7000          in one terminal
//     chat enter 127.0.0.1 7000 alice   in two or three others
#include "tutorials/examples/chat/chat.hpp"
#include "tutorials/examples/serving.hpp"

#include <iostream>
#include <memory>
#include <string>

#include <unistd.h>

namespace {

void open(const examples::Arguments& arguments) {
  const auto room = std::make_shared<chat::Room>();
  examples::StopSignal stop;
  examples::announce(room->open(arguments[0], examples::port(arguments[1])));  // suspends
  stop.wait();                                                                 // suspends
  room->close();                                                               // suspends
}

/// The lines that are typed, until the end. A thread would do as well; a pipe of the loop's needs none.
asyncio::StreamReader typed_lines() {
  asyncio::StreamReader reader;
  // The descriptor is the transport's to close, and to make non-blocking: not the terminal's own.
  asyncio::get_running_loop().connect_read_pipe([=] { return std::make_shared<asyncio::StreamReaderProtocol>(reader); },
                                                ::dup(STDIN_FILENO));  // suspends
  return reader;
}

void enter(const examples::Arguments& arguments) {
  const chat::Member member =
      chat::Member::enter(arguments[0], examples::port(arguments[1]), arguments[2]);  // suspends
  std::cout << member.welcome() << std::endl;
  const auto speaking = asyncio::create_task([member] {
    for (std::string line : typed_lines()) {  // suspends
      line.pop_back();
      member.say(line);  // may suspend
    }
    member.leave();
  });
  while (const auto line = member.hear()) std::cout << *line << std::endl;  // suspends
  speaking.cancel();
}

}  // namespace

int main(int argc, char** argv) {
  return examples::main(argc, argv, {{"open", {"HOST PORT", open}}, {"enter", {"HOST PORT NAME", enter}}});
}
