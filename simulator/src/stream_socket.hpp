// stream_socket.hpp: one end of a connection, as the kernel of its host keeps it.
//
// Below a transport lies a socket: a buffer for what has arrived, a count of what may still be sent, and the news that
// came from the other side. This file is that part, which on a real machine belongs to the operating system. It follows
// TCP as far as a program can tell:
//
//     program    transport          StreamSocket          Flow (one direction)          the other StreamSocket
//     write() ─► buffer ─► send() ─► window: 64 KiB ─────► segments in order ─────────► inbox ─► poll: readable
//                                       ▲                                                  │
//                                       └──────────── window: as much was read ◄───────────┘
//
//   K1  What is sent in one direction of a connection arrives in the order in which it was sent.
//   K2  At most RECEIVE_WINDOW bytes of a direction are sent and not yet read.
//   K3  Segments that arrive at a socket that is closed, or whose host has crashed, are answered with a reset.
//   K4  What had arrived before a reset can still be read; then the reset is found.
#pragma once

#include "io_source.hpp"
#include "sim_network.hpp"

#include <asyncio/sockets.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace asyncio::sim {

class SimEventLoop;
class SimHost;
class StreamSocket;

/// How much of a direction may be on its way or unread, in bytes (K2).
inline constexpr std::size_t RECEIVE_WINDOW = 64 * 1024;

/// What travels from one end of a connection to the other.
struct Segment {
  enum class Kind : std::uint8_t { connect, accept, refuse, data, window, eof, reset };
  Kind kind;
  std::string data = {};       ///< of a data segment
  std::size_t bytes_read = 0;  ///< of a window segment: as much may be sent again
  TimePoint arrives = {};      ///< TimePoint::max(): not on its way yet
};

/// One direction of a connection: keeps the order (K1).
class Flow final : public Traffic {
 public:
  Flow(SimNetwork& network, Path& path, Ref<StreamSocket> target);
  ~Flow() override;

  void send(Segment segment);
  /// The first segment arrives.
  void happen() override;
  void go_on() override;
  /// The host that it leads to has gone on: what has arrived there is noticed.
  void arrive_now();
  const Path& path() const noexcept { return path_; }

 private:
  void wait_for_path();
  void schedule_first();

  SimNetwork& network_;
  Path& path_;
  const Ref<StreamSocket> target_;
  std::deque<Segment> segments_;
  bool scheduled_ = false;       // the arrival of the first segment is in the queue of the world
  bool waits_for_path_ = false;  // is in the list of its path
};

/// What is told of the events of a socket: a transport, or somebody who is connecting.
class SocketUser {
 public:
  virtual ~SocketUser() = default;
  /// A poll has found something: queue the handles that see to it.
  virtual void socket_ready() = 0;
  /// The execution is over: drops what it owns. A program may hold it in a ring, which no collector will find.
  virtual void let_go() noexcept {}
};

/// One end of a connection.
class StreamSocket final : public IoSource {
 public:
  StreamSocket(SimNetwork& network, SimHost& host, Address local, Address remote, std::uint64_t connection);
  ~StreamSocket() override;

  /// Makes the two ends of a connection that `client` asks for, and sends the request on its way.
  ///
  /// \return the client's end
  static Ref<StreamSocket> connect(SimNetwork& network, SimEventLoop& client, SimHost& server, Address local,
                                   Address remote);

  // ---- For its user ----

  /// Who is told; null for nobody. The socket keeps its user alive.
  void set_user(std::shared_ptr<SocketUser> user) noexcept;
  /// Whether the other side has accepted.
  bool connected() const noexcept { return connected_; }
  /// The errno of what broke the connection; 0 while it is whole.
  int error() const noexcept { return error_; }

  /// Sends as much as the window allows. \return how many bytes
  std::size_t send(std::string_view data);
  bool can_send() const noexcept { return credit_ > 0 || error_ != 0; }
  /// Ends the sending direction, after what was sent.
  void send_eof();
  /// Whether receive() would find something: data, the end, or an error.
  bool readable() const noexcept { return !inbox_.empty() || eof_received_ || error_ != 0; }
  bool has_data() const noexcept { return !inbox_.empty(); }
  bool at_eof() const noexcept { return inbox_.empty() && eof_received_; }
  /// Takes what has arrived, at most `size` bytes.
  std::string receive(std::size_t size);
  /// Closes both directions. \param reset  at once: what is on its way to here is not wanted
  void close(bool reset);
  /// Has the next poll find this socket.
  void poll();

  const Address& local() const noexcept { return local_; }
  const Address& remote() const noexcept { return remote_; }
  std::uint64_t connection() const noexcept { return connection_; }
  SimHost& host() const noexcept { return host_; }
  SimEventLoop* loop() const noexcept { return loop_; }

  // ---- For the network ----

  void arrived(Segment& segment);
  void queue_handles() override;
  std::uint64_t io_id() const noexcept override;
  /// Lets go of the other end and of its user.
  void let_go() noexcept;

 private:
  void join(Ref<StreamSocket> other);
  void connect_arrived();
  void answer_with_reset();
  void record(EventKind kind, NameId path, std::size_t bytes = 0, std::string_view data = {});
  void look_whether_done();

  SimNetwork& network_;
  SimHost& host_;
  SimEventLoop* loop_ = nullptr;  // null before the other side has accepted
  Address local_;
  Address remote_;
  const std::uint64_t connection_;
  const std::uint64_t number_;
  NameId there_ = NameId::none;  // "alice to bob": the path to the other end
  NameId back_ = NameId::none;   // "bob to alice": the path from it
  Ref<Flow> out_;                // to the other end; null once both are done with each other
  std::shared_ptr<SocketUser> user_;
  std::string inbox_;                    // arrived and not yet read
  std::size_t credit_ = RECEIVE_WINDOW;  // how much may still be sent (K2)
  std::size_t unannounced_ = 0;          // read, and the other side does not know it yet
  int error_ = 0;
  bool connected_ = false;
  bool eof_received_ = false;
  bool eof_sent_ = false;
  bool reset_sent_ = false;
  bool closed_ = false;  // by its user, or because its host is gone
};

}  // namespace asyncio::sim
