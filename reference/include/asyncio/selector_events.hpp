// selector_events.hpp: the loop that real programs run on, over Linux's epoll.
//
// BaseEventLoop asks three things of a loop: to wait, to say what happened, and to be woken. Here the
// kernel does all three. Each descriptor that has a reader or a writer is registered with one epoll
// instance; select() asks that instance; and an eventfd in the same instance is the bell that other
// threads ring.
//
//     add_reader(fd, f) ──► epoll_ctl ──┐
//     call_soon_threadsafe ──► eventfd ─┴─► epoll_pwait2 ──► process_events() ──► ready queue
//     a signal ──► its bit ────► eventfd ─┘                  take_signals() ────┘
//
//   E1  A descriptor is registered with epoll exactly while it has a reader or a writer.
//   E2  The bell is edge-triggered and never read: each ring is a new edge, so nobody has to drain it.
//   E3  The descriptor of an open transport is the transport's: programs cannot watch it, nor receive or send on it.
//
// What stands on this, a source each: sockets by hand (selector_sockets.cpp), connections (selector_connections.cpp,
// unix_connections.cpp), servers (selector_server.cpp), datagrams (datagram_endpoint.cpp), names (resolver.cpp), files
// (sendfile.cpp).
//
// Source: CPython Lib/asyncio/selector_events.py, BaseSelectorEventLoop; unix_events.py for signals. Rules: S5, S7,
// S38, S46 to S48, S280 to S283, S325 to S328.
#pragma once

#include <asyncio/base_events.hpp>

#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio {

class OpenTransports;

/// The event loop of Linux: what run() and new_event_loop() use.
class SelectorEventLoop : public BaseEventLoop {
 public:
  /// \throws std::system_error  where the system has no descriptors left
  SelectorEventLoop();
  ~SelectorEventLoop() override;

  void close() override;

  /// Calls `callback` whenever `fd` can be read: level-triggered. Replaces an earlier reader.
  ///
  /// \throws RuntimeError       where the loop is closed, or `fd` belongs to an open transport (E3)
  /// \throws std::system_error  where `fd` cannot be watched: EPERM for a regular file, EBADF for none
  void add_reader(int fd, Callback callback) override;
  /// Ends that.
  ///
  /// \return whether there was one
  /// \throws RuntimeError  where `fd` belongs to an open transport
  bool remove_reader(int fd) override;
  /// Like add_reader(), for writing.
  void add_writer(int fd, Callback callback) override;
  /// Like remove_reader(), for writing.
  bool remove_writer(int fd) override;
  using BaseEventLoop::add_reader;
  using BaseEventLoop::add_writer;
  using BaseEventLoop::remove_reader;
  using BaseEventLoop::remove_writer;

  using BaseEventLoop::getaddrinfo;
  std::vector<AddressInfo> getaddrinfo(std::string host, std::string port, AddressInfoOptions options = {}) override;
  std::pair<std::string, std::string> getnameinfo(Address address, int flags = 0) override;

  std::string sock_recv(int fd, std::size_t size) override;
  std::size_t sock_recv_into(int fd, std::span<char> buffer) override;
  std::pair<std::string, Address> sock_recvfrom(int fd, std::size_t size) override;
  std::pair<std::size_t, Address> sock_recvfrom_into(int fd, std::span<char> buffer) override;
  void sock_sendall(int fd, std::string_view data) override;
  std::size_t sock_sendto(int fd, std::string_view data, Address address) override;
  void sock_connect(int fd, Address address) override;
  std::pair<int, Address> sock_accept(int fd) override;
  std::int64_t sock_sendfile(int fd, int file, SendfileOptions options = {}) override;
  std::int64_t sendfile(std::shared_ptr<Transport> transport, int file, SendfileOptions options = {}) override;
  using BaseEventLoop::sock_accept;
  using BaseEventLoop::sock_connect;
  using BaseEventLoop::sock_recv;
  using BaseEventLoop::sock_recv_into;
  using BaseEventLoop::sock_recvfrom;
  using BaseEventLoop::sock_recvfrom_into;
  using BaseEventLoop::sock_sendall;
  using BaseEventLoop::sock_sendfile;
  using BaseEventLoop::sock_sendto;

  Server create_server(ProtocolFactory factory, ServerOptions options = {}) override;
  Server create_unix_server(ProtocolFactory factory, std::string path, UnixServerOptions options = {}) override;
  std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> connect_stream(
      ProtocolFactory factory, ConnectionOptions options) override;
  std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> connect_unix_stream(
      ProtocolFactory factory, std::string path, UnixConnectionOptions options) override;
  std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> adopt_accepted_socket(
      ProtocolFactory factory, Socket socket, AcceptedOptions options) override;
  std::pair<std::shared_ptr<DatagramTransport>, std::shared_ptr<BaseProtocol>> open_datagram_endpoint(
      ProtocolFactory factory, DatagramOptions options) override;

  /// Calls back in the loop, two iterations later, whenever the process gets a signal (S326). Replaces an earlier
  /// handler. System calls that the signal interrupts go on (S328).
  ///
  /// \param signal    its number, such as SIGTERM
  /// \param callback  an ordinary callback of the loop: may do anything
  /// \throws std::invalid_argument  where there is no such signal
  /// \throws RuntimeError           outside the main thread; where the loop is closed; for SIGKILL and SIGSTOP
  ///                                ("sig 9 cannot be caught")
  void add_signal_handler(int signal, Callback callback) override;
  /// Ends that, and restores the default action of the signal, for SIGINT too (S327).
  ///
  /// \return whether there was one
  bool remove_signal_handler(int signal) override;

  RandomEngine& random() override;

 protected:
  EventList select(std::optional<Duration> timeout) override;
  void process_events(EventList events) override;
  void write_to_self() noexcept override;
  void handle_signal(int signal) override;

  std::shared_ptr<ReadTransport> make_read_pipe_transport(int descriptor, Socket owner,
                                                          std::shared_ptr<BaseProtocol> protocol,
                                                          Future<void> waiter) override;
  std::shared_ptr<WriteTransport> make_write_pipe_transport(int descriptor, Socket owner,
                                                            std::shared_ptr<BaseProtocol> protocol,
                                                            Future<void> waiter) override;
  std::shared_ptr<SubprocessTransport> make_subprocess_transport(std::shared_ptr<BaseProtocol> protocol,
                                                                 std::vector<std::string> args, bool shell,
                                                                 SubprocessOptions options) override;

 private:
  struct Watch {  // of one descriptor; an empty handle: not watched in this direction
    Handle reader;
    Handle writer;
    explicit operator bool() const noexcept { return reader || writer; }
  };
  enum class Direction { read, write };
  friend class SelectorChannel;  // watches the descriptor of a transport
  class WatchScope;

  Handle watch(int fd, Direction direction, Callback callback, Context context);
  bool unwatch(int fd, Direction direction);
  Watch watch_of(int fd) const;
  void set_watch(int fd, Watch watch);
  void queue_run(int fd, Direction direction);
  bool watches(int fd, Direction direction, const Handle& handle) const;
  void check_no_transport(int fd) const;
  void check_nonblocking(int fd) const;
  void wait_until_ready(int fd, Direction direction);
  std::vector<AddressInfo> ensure_resolved(const Address& address, AddressInfoOptions options);
  Socket connect_sock(const AddressInfo& remote, const std::vector<AddressInfo>& local,
                      std::vector<std::exception_ptr>& errors);
  Socket connect_to_any(const std::vector<AddressInfo>& remote, const std::vector<AddressInfo>& local,
                        const ConnectionOptions& options);
  std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> create_connection_transport(
      Socket socket, const ProtocolFactory& factory, const TransportSecurity& security);
  std::pair<Socket, std::optional<Address>> open_datagram_socket(const DatagramOptions& options);
  std::vector<AddressInfo> server_addresses(const ServerOptions& options);
  void remove_signal_handlers() noexcept;
  void register_with_epoll(int fd, const Watch& before, const Watch& after);

  int epoll_ = -1;
  int bell_ = -1;               // the eventfd that write_to_self() rings
  std::vector<Watch> watches_;  // by descriptor, which the system keeps small; shorter than some
  std::size_t watched_ = 0;     // how many of them are not empty
  std::map<int, Handle> signal_handlers_;
  std::vector<SelectorEvent> events_;      // what the last select() found
  std::map<int, const char*> transports_;  // by descriptor: of which class (E3)
  const std::unique_ptr<OpenTransports> open_transports_;
  std::unique_ptr<char[]> read_buffer_;  // what a transport has read, until its protocol was told; null at first
  std::unique_ptr<RandomEngine> random_;
};

/// asyncio's name for the best loop of the platform.
using EventLoop = SelectorEventLoop;

}  // namespace asyncio
