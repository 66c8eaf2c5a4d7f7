// scripted_transport.hpp: a stream transport whose socket does what a test says.
//
// The test decides what each read finds and how much each write takes, so every fault that a kernel may show, at
// any moment, is one line: a short write, nothing to read after all, a reset.
#pragma once

#include <asyncio/exceptions.hpp>
#include <asyncio/stream_transport.hpp>

#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {

/// A protocol that writes down what it is told, and does what the test asks for meanwhile.
class NotingProtocol : public Protocol {
 public:
  void connection_made(std::shared_ptr<BaseTransport>) override { note("made"); }
  void data_received(std::string_view data) override { note("data " + std::string(data)); }
  bool eof_received() override {
    note("eof");
    return keep_open;
  }
  void connection_lost(std::exception_ptr error) override { note(error ? "lost " + describe(error) : "lost"); }
  void pause_writing() override { note("pause"); }
  void resume_writing() override { note("resume"); }

  std::vector<std::string> told;
  std::string acts_on;  ///< when told this, calls `act`
  std::function<void()> act;
  bool keep_open = false;

 private:
  void note(std::string what) {
    const bool acts = act && what.starts_with(acts_on) && !acts_on.empty();
    told.push_back(std::move(what));
    if (acts) act();
  }
};

/// See above. Belongs to a ScriptedLoop.
class ScriptedTransport final : public BaseStreamTransport {
 public:
  using BaseStreamTransport::BaseStreamTransport;
  using BaseStreamTransport::read_ready;
  using BaseStreamTransport::write_ready;

  std::deque<std::string> arrives;                             ///< what reads find, one after the other; "" is the end
  int read_error = 0;                                          ///< errno of a read that finds nothing
  std::size_t room = std::numeric_limits<std::size_t>::max();  ///< how much the socket still takes
  int write_error = 0;                                         ///< errno of a write
  std::string sent;                                            ///< what the socket has taken
  int sends = 0;                                               ///< calls of send()
  bool watches_read = false;
  bool watches_write = false;
  bool eof_sent = false;
  std::string closed;  ///< "closed", "aborted", or empty

 protected:
  std::optional<std::string_view> receive(std::size_t) override {
    if (arrives.empty()) {
      if (read_error != 0) throw std::system_error(read_error, std::generic_category(), "recv");
      return {};
    }
    current_ = std::move(arrives.front());
    arrives.pop_front();
    return current_;
  }
  std::optional<std::size_t> receive_into(std::span<char> place) override {
    const auto data = receive(place.size());
    if (!data) return {};
    std::copy_n(data->begin(), std::min(place.size(), data->size()), place.begin());
    return data->size();
  }
  std::size_t send(std::span<const std::string_view> pieces) override {
    ++sends;
    if (write_error != 0) throw std::system_error(write_error, std::generic_category(), "send");
    std::size_t taken = 0;
    for (const std::string_view piece : pieces) {
      const std::size_t now = std::min(piece.size(), room);
      sent += piece.substr(0, now);
      room -= now;
      taken += now;
    }
    return taken;
  }
  void send_eof() override { eof_sent = true; }
  void watch_reading(bool watch) override { watches_read = watch; }
  void watch_writing(bool watch) override { watches_write = watch; }
  void close_socket(bool aborted) override {
    watches_read = watches_write = false;
    closed = aborted ? "aborted" : "closed";
  }

 private:
  std::string current_;
};

}  // namespace asyncio
