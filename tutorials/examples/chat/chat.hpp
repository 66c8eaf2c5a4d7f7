// chat.hpp: a room in which people talk, line by line.
//
//     alice ── "hello\n" ──► converse() ──► say_to_all("<alice> hello\n") ──► send(bob)    write(), never waits
//                            one task a member                            └─► send(carol)  his outbox is full: dropped
//
// What a room has to decide is what becomes of a member who does not read. write() would keep everything for him, in
// the room's memory; drain() would wait for him, and with it whoever is speaking. Neither is his to ask for. So a line
// goes into the member's outbox, which is the buffer of his transport, and a member whose outbox cannot take a line is
// dropped: the others never wait for him, and the room keeps no more than outbox_bytes for anybody. SlowReader has the
// other two policies as well, to be looked at in a world (scenarios.cpp).
//
// The protocol, in lines of at most 4 KiB: a member sends his name, and is answered "* welcome, NAME; here are: …", or
// "! why not" and the end of the connection. After that a line is said to all others, as "<NAME> line", with a '?' for
// what their terminals would obey (plain_text.hpp). Lines that begin with "*" are the room's own: who has come, who has
// left, and why.
//
//   C1  Nobody's outbox holds more than outbox_bytes.
//   C2  All members hear what is said in one order, and nobody hears a line twice.
//   C3  A member whose connection is over is out of the room when his task has ended, whatever ended it.
#pragma once

#include <asyncio/asyncio.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace chat {

/// What becomes of a member who does not read what he is sent.
enum class SlowReader {
  dropped,     ///< he is thrown out: the right thing
  waited_for,  ///< the speaker waits for him, and so does everybody whose turn comes later
  buffered,    ///< the room keeps everything for him, until its memory is full
};

/// How a room is run.
struct RoomOptions {
  SlowReader slow_reader = SlowReader::dropped;  ///< what becomes of one
  std::size_t outbox_bytes = 64 * 1024;          ///< what is kept for one member at most
  std::size_t most_members = 100;  ///< who comes then is sent away; the names of all have to fit into one line
  asyncio::Duration name_within = std::chrono::seconds(10);  ///< a connection without a name is closed after this
  /// How to listen: an SSLContext belongs here. `limit` is the longest line, in bytes.
  asyncio::StartServerOptions listen = {.limit = 4096, .keep_alive = true};
};

/// The room: a server. Made by std::make_shared, because the task of each member keeps it.
class Room : public std::enable_shared_from_this<Room> {
 public:
  explicit Room(RoomOptions options = {}) : options_(std::move(options)) {}

  /// Opens the room.
  ///
  /// \param host  which interface; empty: all
  /// \param port  0 lets the loop choose
  /// \return      the server that listens
  /// \suspends until listening
  asyncio::Server open(const std::string& host, int port);
  /// Tells everybody, and closes the connections; who does not read the last line within `patience` is dropped.
  ///
  /// \suspends until the last member is out, at most for `patience`
  void close(asyncio::Duration patience = std::chrono::seconds(2));

  /// How many are in the room.
  std::size_t members() const noexcept { return members_.size(); }
  /// The fullest that an outbox has ever been, in bytes (C1).
  std::size_t fullest_outbox() const noexcept { return fullest_outbox_; }

 private:
  struct Seat {
    asyncio::StreamWriter writer;
    bool dropped = false;  // thrown out, because his outbox was full
  };

  void converse(const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer);
  std::string admit(const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer);
  const char* relay(const std::string& name, const asyncio::StreamReader& reader);
  void say_to_all(const std::string& line, const std::string& except);
  void say_and_wait(const std::string& line, const std::string& except);
  void send(Seat& seat, std::string_view line);

  RoomOptions options_;
  std::weak_ptr<asyncio::AbstractServer> server_;  // the loop keeps it while it listens
  std::map<std::string, Seat> members_;            // by name
  std::size_t fullest_outbox_ = 0;
};

/// The room does not let somebody in; says why.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A member, seen from outside. One task may listen while another one speaks.
class Member {
 public:
  /// Enters a room.
  ///
  /// \param name   visible characters of UTF-8, 1 to 32 bytes, none of them * ! < >
  /// \param limit  how long a line may be, in bytes; what has arrived and was not heard takes twice as much
  /// \throws Refused            where the room says no
  /// \throws std::system_error  where there is no room
  /// \suspends until inside
  static Member enter(const std::string& host, int port, const std::string& name, std::ptrdiff_t limit = 8192);

  /// What the room said when this member came in: "* welcome, alice; here are: bob".
  const std::string& welcome() const noexcept { return welcome_; }
  /// Says a line to all others.
  ///
  /// \throws std::system_error  where the connection is lost
  /// \suspends while the room is slow to listen
  void say(std::string_view line) const;
  /// The next line; empty where the room has closed, or this member was dropped.
  ///
  /// \suspends until there is one
  std::optional<std::string> hear() const;
  /// Leaves, after what was said has been sent.
  void leave() const { writer_.close(); }

 private:
  Member(asyncio::StreamReader reader, asyncio::StreamWriter writer)
      : reader_(std::move(reader)), writer_(std::move(writer)) {}

  asyncio::StreamReader reader_;
  asyncio::StreamWriter writer_;
  std::string welcome_;
};

}  // namespace chat
