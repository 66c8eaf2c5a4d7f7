// transports.hpp: what moves the bytes of a connection.
//
// A program does not make transports. It calls loop.create_connection() and its sisters, and the
// loop makes one and hands it to the protocol's connection_made(). What a program may do with it is
// declared here, and nothing is implemented: as in asyncio, each function throws
// NotImplementedError until the loop's own class overrides it.
//
//              BaseTransport                     close, the protocol, extra information
//             ╱      │     ╲
//   ReadTransport    │   WriteTransport          one direction: pipes
//             ╲      │     ╱    DatagramTransport, SubprocessTransport
//              Transport                         both: sockets
//
// Nothing here suspends. write() only appends to a buffer that the loop empties when it can; a
// program that writes faster than the network takes fills it. Flow control is the answer: above the
// high mark the protocol is told to pause, at the low mark to go on. FlowControlMixin has this
// part, for whoever writes a transport.
//
// Who owns whom: the loop owns a transport from its making until connection_lost() was called, and
// the transport owns its protocol until that call has returned. Then it must let go of it, by
// set_protocol(nullptr), and so must a loop that is closed with transports still open: nothing else
// breaks the ring of a protocol that keeps its transport.
//
//   W1  pause_writing() is called when the buffer grows beyond the high mark (over TLS: when it reaches it, S298),
//       resume_writing() when it has shrunk to the low mark or below: in turns, each once for a crossing.
//   W2  high >= low >= 0.
//   W3  What a protocol throws in these two is reported; whoever called write() does not get it.
//
// Source: CPython Lib/asyncio/transports.py. Rules: S263 to S277, S288.
#pragma once

#include <asyncio/protocols.hpp>
#include <asyncio/sockets.hpp>

#include <any>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

class AbstractEventLoop;

/// What every transport has.
class BaseTransport : public std::enable_shared_from_this<BaseTransport> {
 public:
  BaseTransport();
  BaseTransport(const BaseTransport&) = delete;
  BaseTransport& operator=(const BaseTransport&) = delete;
  virtual ~BaseTransport();

  /// Something the transport knows about itself: get_extra_info<Address>("peername") (S277).
  ///
  /// \tparam T    Address for "sockname" and "peername", Socket for "socket"
  /// \param name  asyncio's name for it
  /// \return      the information; a T{} where there is none, as asyncio gives None
  /// \throws std::invalid_argument  where it is there, but is no T
  template <class T>
  T get_extra_info(std::string_view name) const {
    return get_extra_info<T>(name, T{});
  }
  /// The same with something else than T{} to give where there is none.
  template <class T>
  T get_extra_info(std::string_view name, T fallback) const {
    const std::any* found = find_extra_info(name);
    if (!found) return fallback;
    if (const T* value = std::any_cast<T>(found)) return *value;
    throw_wrong_type(name);
  }

  /// Whether close() or abort() was called, or the connection is lost.
  virtual bool is_closing() const;
  /// Stops reading, sends what is buffered, then closes; connection_lost(null) follows (S271).
  /// Again is harmless.
  virtual void close();
  /// Puts another protocol in the place of the one there; it hears of the next event (S276).
  virtual void set_protocol(std::shared_ptr<BaseProtocol> protocol);
  /// The protocol; null once the connection is lost.
  virtual std::shared_ptr<BaseProtocol> get_protocol() const { return protocol_; }

 protected:
  /// Has get_extra_info(name) give `value`.
  void set_extra_info(std::string name, std::any value);
  /// Finds it; null where there is none. A transport on top of another one also asks that one.
  virtual const std::any* find_extra_info(std::string_view name) const noexcept;
  /// For that: what another transport finds.
  static const std::any* find_extra_info_of(const BaseTransport& other, std::string_view name) noexcept {
    return other.find_extra_info(name);
  }
  /// Throws the NotImplementedError that says which function is missing.
  [[noreturn]] static void not_implemented(std::string_view function);

 private:
  [[noreturn]] static void throw_wrong_type(std::string_view name);

  std::shared_ptr<BaseProtocol> protocol_;  // null before it is set and after the connection is lost
  std::map<std::string, std::any, std::less<>> extra_;
};

/// Something to read from.
class ReadTransport : public virtual BaseTransport {
 public:
  /// Whether data is being received: not closing, and not paused.
  virtual bool is_reading() const;
  /// Stops calling data_received() until resume_reading() is called. Again is harmless (S275).
  virtual void pause_reading();
  /// Goes on. Again is harmless, and so it is on a closing transport (S275).
  virtual void resume_reading();
};

/// The keywords of set_write_buffer_limits(), in bytes. What is left empty follows from the other
/// one (S266).
struct WriteBufferLimits {
  std::optional<std::int64_t> high = {};  ///< default 4 * low, or 64 KiB where that is empty too
  std::optional<std::int64_t> low = {};   ///< default high / 4
};

/// What get_write_buffer_limits() gives, in bytes: `auto [low, high] = …`.
struct WriteBufferMarks {
  std::size_t low = 16 * 1024;   ///< at or below this, writing resumes
  std::size_t high = 64 * 1024;  ///< above this, writing pauses
  /// Equal where both marks are.
  friend bool operator==(const WriteBufferMarks&, const WriteBufferMarks&) = default;
};

/// Something to write to.
class WriteTransport : public virtual BaseTransport {
 public:
  /// Sets the marks of flow control. May pause the protocol at once, and never resumes it (S268).
  ///
  /// \param limits  in bytes; what is empty is derived from the other
  /// \throws std::invalid_argument  unless high >= low >= 0 (W2)
  virtual void set_write_buffer_limits(WriteBufferLimits limits = {});
  /// The marks in force.
  virtual WriteBufferMarks get_write_buffer_limits() const;
  /// How many bytes wait to be sent.
  virtual std::size_t get_write_buffer_size() const;

  /// Sends bytes: now what can go now, the rest when it can (S263). May call pause_writing() (W1).
  ///
  /// \param data  copied, as far as it has to wait; empty does nothing
  /// \throws RuntimeError  after write_eof()
  virtual void write(std::string_view data);
  /// The same as writing all pieces joined (S269).
  virtual void writelines(const std::vector<std::string>& pieces);
  /// Ends the writing side once everything is sent; reading goes on (S270).
  ///
  /// \throws NotImplementedError  where can_write_eof() is false
  virtual void write_eof();
  /// Whether this kind of transport has write_eof().
  virtual bool can_write_eof() const;
  /// Closes at once; what is buffered is lost. connection_lost(null) follows (S272).
  virtual void abort();
};

/// A stream connection: both directions.
class Transport : public ReadTransport, public WriteTransport {
 public:
  /// Whether start_tls() can put TLS on top of it: asyncio's `_start_tls_compatible`. False unless overridden.
  virtual bool start_tls_compatible() const noexcept;
  /// For what stands on top of it, such as TLS: abort(), with an error that connection_lost() is told: asyncio's
  /// `_force_close`.
  ///
  /// \param error  null: none. Where this is not overridden, it is not passed on
  virtual void force_close(std::exception_ptr error);
};

/// Sends and receives datagrams. Its buffer has the limits of a WriteTransport (S288).
class DatagramTransport : public virtual BaseTransport {
 public:
  /// Sends a datagram; an empty one too (S286).
  ///
  /// \param data     copied where it has to wait
  /// \param address  to whom; may be left out where the endpoint has a remote address
  /// \throws std::invalid_argument  where `address` is another one than the remote address
  virtual void sendto(std::string_view data, const std::optional<Address>& address = {});
  /// \overload
  /// A template, so that `{"127.0.0.1", 9}` is an address, and `{}` is still none.
  template <class To = Address>
    requires std::is_same_v<To, Address>
  void sendto(std::string_view data, To address) {
    sendto(data, std::optional<Address>(std::move(address)));
  }
  /// Closes at once; what is buffered is lost.
  virtual void abort();

  /// See WriteTransport::set_write_buffer_limits().
  virtual void set_write_buffer_limits(WriteBufferLimits limits = {});
  /// See WriteTransport::get_write_buffer_limits().
  virtual WriteBufferMarks get_write_buffer_limits() const;
  /// How much waits to be sent, in bytes: 8 for each datagram, and what is in it (S288).
  virtual std::size_t get_write_buffer_size() const;
};

/// A child process.
class SubprocessTransport : public virtual BaseTransport {
 public:
  /// The number of the process.
  virtual int get_pid() const;
  /// How it ended: its status, or minus the signal that ended it; empty while it runs (S319).
  virtual std::optional<int> get_returncode() const;
  /// The transport of one of its pipes; null where there is none.
  ///
  /// \param fd  the child's descriptor: 0, 1 or 2
  virtual std::shared_ptr<BaseTransport> get_pipe_transport(int fd) const;
  /// Sends the child a signal. Does nothing once it is known to have ended (S320).
  ///
  /// \throws std::system_error  ESRCH after connection_lost(); EPERM, EINVAL where the system refuses
  virtual void send_signal(int signal);
  /// Asks the child to end: SIGTERM. \throws as send_signal()
  virtual void terminate();
  /// Ends the child: SIGKILL. \throws as send_signal()
  virtual void kill();
  /// Waits until the process has ended, even where somebody else still holds its pipes open (S318): asyncio's
  /// `_wait`.
  ///
  /// \return  as get_returncode()
  /// \suspends until then; not at all where it has
  virtual int wait();
};

/// The decisions of flow control: the marks, and whether the protocol was told to pause. Of
/// FlowControlMixin.
class FlowControl {
 public:
  /// What a kind of transport has of its own.
  struct Rules {
    std::int64_t default_high = 64 * 1024;  ///< bytes, where no mark is given
    bool pause_at_high = false;             ///< already at the high mark, not only beyond it
  };

  /// \param loop  whose exception handler hears of what the protocol throws (W3); must outlive the
  ///              last call
  explicit FlowControl(AbstractEventLoop& loop) noexcept : loop_(loop) {}
  /// The same with other rules than those of a socket.
  FlowControl(AbstractEventLoop& loop, Rules rules) : loop_(loop), rules_(rules) { set_limits({}); }

  /// Sets the marks.
  ///
  /// \param limits  in bytes; what is empty is derived from the other
  /// \throws std::invalid_argument  unless high >= low >= 0 (W2); nothing is changed then
  void set_limits(const WriteBufferLimits& limits);
  /// The marks in force.
  const WriteBufferMarks& marks() const noexcept { return marks_; }
  /// Whether the protocol was told to pause, and not yet to go on.
  bool protocol_paused() const noexcept { return protocol_paused_; }
  /// Tells the protocol of `transport` to pause where `size` is above the high mark and it was not told yet (W1).
  void maybe_pause(BaseTransport& transport, std::size_t size);
  /// Tells the protocol of `transport` to go on where `size` is at the low mark or below and it was told to pause (W1).
  void maybe_resume(BaseTransport& transport, std::size_t size);

 private:
  void tell(BaseTransport& transport, void (BaseProtocol::*what)(), const char* failed);

  AbstractEventLoop& loop_;
  const Rules rules_;
  WriteBufferMarks marks_;
  bool protocol_paused_ = false;
};

/// For those who write transports: flow control for a transport with a buffer.
///
/// The deriving class overrides get_write_buffer_size(). It calls maybe_pause_protocol() whenever
/// that has grown, at the end of write(), and maybe_resume_protocol() whenever it has shrunk, after
/// sending.
///
/// \tparam Interface  what the transport is: Transport, WriteTransport or DatagramTransport
/// \source CPython Lib/asyncio/transports.py, _FlowControlMixin
template <class Interface>
class FlowControlMixin : public Interface {
 public:
  /// See WriteTransport::set_write_buffer_limits(). May call pause_writing().
  void set_write_buffer_limits(WriteBufferLimits limits = {}) override {
    flow_.set_limits(limits);
    maybe_pause_protocol();
  }
  /// See WriteTransport::get_write_buffer_limits().
  WriteBufferMarks get_write_buffer_limits() const override { return flow_.marks(); }
  /// For those who put another protocol in the place of the one there: whether it was told to pause.
  bool protocol_paused() const noexcept { return flow_.protocol_paused(); }

 protected:
  /// \param loop  see FlowControl()
  explicit FlowControlMixin(AbstractEventLoop& loop) : flow_(loop) {}
  /// The same with other rules than those of a socket.
  FlowControlMixin(AbstractEventLoop& loop, FlowControl::Rules rules) : flow_(loop, rules) {}

  /// Sets the marks, and tells nobody.
  void set_marks(const WriteBufferLimits& limits) { flow_.set_limits(limits); }
  /// To be called when the buffer has grown. May call pause_writing(), and through it anything.
  void maybe_pause_protocol() { flow_.maybe_pause(*this, this->get_write_buffer_size()); }
  /// To be called when the buffer has shrunk. May call resume_writing(), and through it anything,
  /// close() too (S273).
  void maybe_resume_protocol() { flow_.maybe_resume(*this, this->get_write_buffer_size()); }

 private:
  FlowControl flow_;
};

}  // namespace asyncio
