#include "tutorials/examples/chat/chat.hpp"
#include "tutorials/examples/chat/plain_text.hpp"
#include "tutorials/examples/lines.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace chat {

namespace {

using examples::bare;

constexpr std::size_t LONGEST_NAME = 32;  // in bytes

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= LONGEST_NAME && plain(text) == text &&
         text.find_first_of(" \t*!<>") == std::string_view::npos;
}

}  // namespace

// ---- The room ----

asyncio::Server Room::open(const std::string& host, int port) {
  const auto talk = [self = shared_from_this()](auto reader, auto writer) { self->converse(reader, writer); };
  asyncio::Server server = asyncio::start_server(talk, host, port, options_.listen);  // suspends
  server_ = server;
  return server;
}

void Room::close(asyncio::Duration patience) {
  const asyncio::Server server = server_.lock();
  if (!server) return;
  server->close();
  say_to_all("* the room closes\n", "");
  server->close_clients();
  try {
    asyncio::timeout(patience, [&] { server->wait_closed(); });  // suspends
  } catch (const asyncio::TimeoutError&) {
    server->abort_clients();
  }
}

/// One connection's task, to its end.
void Room::converse(const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer) {
  std::string name;
  try {
    name = admit(reader, writer);  // suspends
  } catch (const asyncio::TimeoutError&) {
    writer.write("! no name was given in time\n");
  } catch (const std::invalid_argument&) {
    writer.write("! that is no name: too long\n");
  } catch (const std::system_error&) {  // the connection was lost before there was a name
  }
  if (!name.empty()) {
    const char* why = "";
    try {
      why = relay(name, reader);  // suspends
    } catch (...) {               // a cancellation
      members_.erase(name);       // C3
      throw;
    }
    members_.erase(name);  // C3
    say_to_all("* " + name + " " + why + "\n", name);
  }
  writer.close();
}

/// \return  the name under which the connection is a member; empty where it is none
std::string Room::admit(const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer) {
  const std::string name = bare(asyncio::timeout(options_.name_within, [&] { return reader.readline(); }));  // suspends
  if (name.empty() && reader.at_eof()) return "";
  if (!is_name(name)) {
    writer.write("! a name has 1 to 32 visible characters, none of them * ! < >\n");
    return "";
  }
  if (members_.contains(name)) {
    writer.write("! there is a " + name + " here already\n");
    return "";
  }
  if (members_.size() >= options_.most_members) {
    writer.write("! the room is full\n");
    return "";
  }
  std::string welcome = "* welcome, " + name + "; here are:";
  for (const auto& [other, seat] : members_) welcome += " " + other;
  // No suspension since contains(): nobody else can have taken the name.
  Seat& seat = members_.emplace(name, Seat{writer}).first->second;
  send(seat, welcome + "\n");
  say_to_all("* " + name + " has come\n", name);
  return name;
}

/// Says to all others what a member says.
///
/// \return  why he is no longer heard
const char* Room::relay(const std::string& name, const asyncio::StreamReader& reader) {
  try {
    for (const std::string& line : reader) {  // suspends
      say_to_all("<" + name + "> " + plain(bare(line)) + "\n", name);
    }
  } catch (const std::invalid_argument&) {
    send(members_.at(name), "! that line was too long\n");
    return "said too much at once";
  } catch (const std::system_error&) {
    return "was lost";
  }
  return members_.at(name).dropped ? "was too slow" : "has left";
}

// [say_to_all]
void Room::say_to_all(const std::string& line, const std::string& except) {
  if (options_.slow_reader == SlowReader::waited_for) return say_and_wait(line, except);
  for (auto& [name, seat] : members_) {
    if (name != except) send(seat, line);  // C2: never suspends, so no other line comes between, and nobody goes
  }
}

void Room::send(Seat& seat, std::string_view line) {
  if (seat.writer.is_closing()) return;
  const auto outbox = seat.writer.transport();
  const bool full = outbox->get_write_buffer_size() + line.size() > options_.outbox_bytes;
  if (full && options_.slow_reader == SlowReader::dropped) {
    seat.dropped = true;
    return outbox->abort();  // close() would wait until he has read the rest
  }
  seat.writer.write(line);
  fullest_outbox_ = std::max(fullest_outbox_, outbox->get_write_buffer_size());  // C1
}
// [say_to_all]

// [say_and_wait]
void Room::say_and_wait(const std::string& line, const std::string& except) {
  const auto members = members_;  // a copy: who comes or goes while one is waited for changes the room
  for (const auto& [name, seat] : members) {
    if (name == except || seat.writer.is_closing()) continue;
    seat.writer.write(line);
    try {
      seat.writer.drain();                // suspends: the speaker, until this one has read
    } catch (const std::system_error&) {  // he is lost, which is no fault of the speaker's
    }
  }
}
// [say_and_wait]

// ---- A member ----

Member Member::enter(const std::string& host, int port, const std::string& name, std::ptrdiff_t limit) {
  auto [reader, writer] = asyncio::open_connection(host, port, {.limit = limit});  // suspends
  Member member(std::move(reader), std::move(writer));
  member.writer_.write(name + "\n");
  member.welcome_ = member.hear().value_or("! the room closed the door");  // suspends
  if (member.welcome_.starts_with("! ")) throw Refused(member.welcome_.substr(2));
  return member;
}

void Member::say(std::string_view line) const {
  writer_.write(std::string(line) + "\n");
  writer_.drain();  // suspends
}

std::optional<std::string> Member::hear() const {
  try {
    const std::string line = reader_.readline();  // suspends
    if (line.empty()) return {};
    return bare(line);
  } catch (const std::system_error&) {
    return {};  // reset: how a room drops somebody looks so from here
  }
}

}  // namespace chat
