// foreign_peer.hpp: the other side of a connection, as a program that is not ours.
#pragma once

#include <asyncio/asyncio.hpp>

#include <cctype>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

namespace asyncio {

/// Whether the machine has a program. A test whose peer is missing says so: `GTEST_SKIP() << "no nc (package …)"`.
inline bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

/// A program that runs beside the loop.
class ForeignProgram {
 public:
  explicit ForeignProgram(const std::string& command) : pipe_(::popen(command.c_str(), "re")) {
    ::fcntl(::fileno(pipe_), F_SETFL, O_NONBLOCK);
  }
  ForeignProgram(const ForeignProgram&) = delete;
  ForeignProgram& operator=(const ForeignProgram&) = delete;
  ~ForeignProgram() { ::pclose(pipe_); }

  /// Its output so far, up to the end of a line. \suspends until there is one
  std::string line() {
    while (text_.find('\n') == std::string::npos && read()) continue;
    const auto end = text_.find('\n');
    const std::string line = text_.substr(0, end);
    text_.erase(0, end == std::string::npos ? end : end + 1);
    return line;
  }
  /// All that is left. \suspends until the program has closed its output
  std::string rest() {
    while (read()) continue;
    return std::exchange(text_, "");
  }

 private:
  /// \return  false at the end
  bool read() {
    auto& loop = get_running_loop();
    const Future<void> ready = loop.create_future<void>();
    loop.add_reader(::fileno(pipe_), [ready] {
      if (!ready.done()) ready.set_result();
    });
    await(ready);
    loop.remove_reader(::fileno(pipe_));
    char buffer[4096];
    const ssize_t count = ::read(::fileno(pipe_), buffer, sizeof buffer);
    if (count > 0) text_.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  FILE* pipe_;
  std::string text_;
};

/// A Python program as a shell command. It must not use the character '.
inline std::string python(const std::string& program, const std::string& arguments) {
  return "python3 -c '" + program + "' " + arguments;
}

/// Answers a connection with its lines, in capital letters.
inline void shout(StreamReader reader, StreamWriter writer) {
  for (std::string line; !(line = reader.readline()).empty();) {
    for (char& c : line) c = static_cast<char>(std::toupper(c));
    writer.write(line);
    writer.drain();
  }
  writer.close();
}

/// Writes down the datagrams that come, and sends each back in capital letters where it is asked to.
class DatagramPeer : public DatagramProtocol {
 public:
  explicit DatagramPeer(bool answers = false) : answers_(answers) {}
  void connection_made(std::shared_ptr<BaseTransport> made) override {
    transport_ = std::dynamic_pointer_cast<DatagramTransport>(made);
  }
  void datagram_received(std::string_view data, const Address& from) override {
    std::string text(data);
    heard.put_nowait(text);
    if (!answers_) return;
    for (char& c : text) c = static_cast<char>(std::toupper(c));
    transport_->sendto(text, from);
  }
  void connection_lost(std::exception_ptr) override { transport_.reset(); }

  Queue<std::string> heard;

 private:
  bool answers_;
  std::shared_ptr<DatagramTransport> transport_;
};

}  // namespace asyncio
