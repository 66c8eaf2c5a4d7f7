// sslproto.hpp: TLS between a transport and a protocol.
//
// To the transport of a connection, SSLProtocol is its protocol; to the protocol of a program,
// SSLProtocolTransport is its transport. What passes through between the two is encrypted on its way:
//
//     program's protocol ◄── data_received() ── SSLProtocol ◄── data_received() ── transport ◄── network
//     program ── write() ──► SSLProtocolTransport ──► SSLProtocol ── write() ────► transport ──► network
//
// Any transport will do, that of a world too, and one that is TLS itself. SSLProtocol is a machine of five states,
// CPython's:
//
//     unwrapped ─ connection_made() ─► do_handshake ─ agreed ─► wrapped ─ close(), end ─► flushing ─► shutdown
//         ▲                                 │                      │                         │            │
//         └───── failed, aborted, lost ─────┴──────────────────────┴─────────────────────────┴────────────┘
//
// The surprise is how a connection ends. close() says so to the other side (close_notify) and waits for its answer,
// 30 s at most; only then is the transport closed. And an end of the network without close_notify, which anybody on the
// way can make, is no end but an error, UNEXPECTED_EOF_WHILE_READING: the rest may have been cut off. CPython calls
// eof_received(), and so does this where the context has ssl::OP_IGNORE_UNEXPECTED_EOF, or the program has closed.
//
//   O1  The states follow each other as drawn (S293).
//   O2  The program's protocol is told connection_lost() once, if it was told connection_made(), or belonged to the
//       connection before start_tls() (S292).
//   O3  The transport owns the SSLProtocol, which owns the program's protocol and its transport; that one only knows of
//       the SSLProtocol. So nothing is left when the transport lets go of its protocol, as a closed loop makes it do.
//   O4  Everything that came before an end, or before close(), is delivered, whatever size the program's buffer has.
//   O5  No foreign code runs while bytes are decrypted or encrypted, but for an SNI callback: it is told afterwards.
//
// CPython receives into a buffer of 256 KiB that each connection has. Here the loop's one buffer is used, and the bytes
// are copied from there into OpenSSL's memory, which CPython does as well.
//
// Source: CPython Lib/asyncio/sslproto.py. Rules: S265, S270, S277, S291 to S301.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/handles.hpp>
#include <asyncio/loop_options.hpp>
#include <asyncio/protocols.hpp>
#include <asyncio/ssl_object.hpp>
#include <asyncio/stream_transport.hpp>
#include <asyncio/transports.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio {

class SSLProtocol;

/// How long a handshake may take where nothing else is said (S292).
inline constexpr Duration SSL_HANDSHAKE_TIMEOUT = std::chrono::seconds(60);
/// How long the other side may take to answer a close_notify where nothing else is said (S295).
inline constexpr Duration SSL_SHUTDOWN_TIMEOUT = std::chrono::seconds(30);
/// At or above this many bytes that wait to be sent, pause_writing() is called (S298).
inline constexpr std::int64_t FLOW_CONTROL_HIGH_WATER_SSL_WRITE = 512 * 1024;
/// At or above this many bytes that wait to be decrypted, the transport below is paused (S298).
inline constexpr std::int64_t FLOW_CONTROL_HIGH_WATER_SSL_READ = 256 * 1024;

/// The transport that a program sees of a TLS connection.
class SSLProtocolTransport final : public FlowControlMixin<Transport> {
 public:
  /// For SSLProtocol.
  SSLProtocolTransport(AbstractEventLoop& loop, std::weak_ptr<SSLProtocol> protocol);
  ~SSLProtocolTransport() override;

  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  std::shared_ptr<BaseProtocol> get_protocol() const override;
  bool is_closing() const override { return closed_; }
  /// Reads and writes what is there, and ends TLS and the connection; connection_lost() follows (S295).
  void close() override;
  /// Closes at once. The other side is told nothing.
  void abort() override { force_close(nullptr); }
  void force_close(std::exception_ptr error) override;
  bool is_reading() const override;
  void pause_reading() override;
  void resume_reading() override;
  void write(std::string_view data) override;
  void writelines(const std::vector<std::string>& pieces) override;
  /// \throws NotImplementedError  always: TLS has no end of one direction (S270)
  void write_eof() override;
  bool can_write_eof() const override { return false; }
  bool start_tls_compatible() const noexcept override { return true; }
  void set_write_buffer_limits(WriteBufferLimits limits = {}) override;
  std::size_t get_write_buffer_size() const override;

  /// Sets the marks at which the transport below is paused and resumed, for bytes that are not decrypted yet.
  ///
  /// \param limits  in bytes; what is empty is derived from the other; both: 256 KiB and 64 KiB (S298)
  /// \throws std::invalid_argument  unless high >= low >= 0
  void set_read_buffer_limits(WriteBufferLimits limits = {});
  /// The marks in force.
  WriteBufferMarks get_read_buffer_limits() const;
  /// How many bytes were received and not decrypted yet.
  std::size_t get_read_buffer_size() const;

 protected:
  const std::any* find_extra_info(std::string_view name) const noexcept override;

 private:
  friend class SSLProtocol;  // is the other half

  void control_app_writing();

  const std::weak_ptr<SSLProtocol> ssl_protocol_;  // gone some time after the connection (O3)
  bool closed_ = false;
  int lost_writes_ = 0;  // how often write() was called after the end; decides when to warn (S294)
};

/// Whether an SSLProtocol has to tell the program's protocol that it is connected.
enum class AppConnection {
  to_be_made,    ///< it does, after the handshake
  made_already,  ///< the protocol was connected before, as in start_tls()
};

/// The protocol that encrypts. For those who write loops: give it to a transport, and app_transport() to the program.
class SSLProtocol final : public Protocol, public std::enable_shared_from_this<SSLProtocol> {
 public:
  /// What it does (O1).
  enum class State {
    unwrapped,     ///< nothing yet, or nothing any more
    do_handshake,  ///< agrees with the other side
    wrapped,       ///< carries data
    flushing,      ///< delivers and sends the rest
    shutdown,      ///< waits for the other side's close_notify
  };

  /// \param loop          must outlive the connection
  /// \param app_protocol  the program's: a Protocol or a BufferedProtocol
  /// \param waiter        is completed when the handshake is over, or gets what went wrong; may be empty
  /// \param security      certificates and rules (no context: of a client, those of ssl::create_default_context()),
  ///                      which side this is, and how long things may take
  /// \param app           whether the protocol is to be told connection_made()
  /// \return              to be given to a transport as its protocol
  /// \throws std::invalid_argument  where a timeout is not above 0, a server has no context, or the context checks
  ///                                names and there is none (S300)
  /// \throws SSLError               where the context is for the other side
  /// \throws RuntimeError           where the context was made in another world than the loop's (X2)
  static std::shared_ptr<SSLProtocol> make(AbstractEventLoop& loop, std::shared_ptr<BaseProtocol> app_protocol,
                                           Future<void> waiter, TransportSecurity security,
                                           AppConnection app = AppConnection::to_be_made);
  /// What of make() can be checked before there is a connection.
  ///
  /// \param loop      that is to have the connection
  /// \param security  nothing is checked where it has no context
  /// \throws (anything)  as make()
  static void check(const AbstractEventLoop& loop, const TransportSecurity& security);

  /// The transport for the program; null once the connection is lost.
  const std::shared_ptr<SSLProtocolTransport>& app_transport() const noexcept { return app_transport_; }
  /// What it does at the moment.
  State state() const noexcept { return state_; }
  /// Bytes that came before the transport had this protocol (S301).
  void feed_early(std::string_view records) { object_->feed(records); }

  void connection_made(std::shared_ptr<BaseTransport> transport) override;
  void connection_lost(std::exception_ptr error) override;
  void data_received(std::string_view data) override;
  bool eof_received() override;
  void pause_writing() override { ssl_writing_paused_ = true; }
  void resume_writing() override;

 private:
  friend class SSLProtocolTransport;                      // is the other half
  enum class AppState { init, con_made, eof, con_lost };  // what the program's protocol was told

  SSLProtocol(AbstractEventLoop& loop, std::shared_ptr<SSLObject> object, Future<void> waiter,
              const TransportSecurity& security, AppConnection app);
  void set_app_protocol(std::shared_ptr<BaseProtocol> protocol);
  void set_state(State state);
  void wakeup_waiter(const std::exception_ptr& error);
  void start_handshake();
  void check_handshake_timeout();
  void do_handshake();
  void on_handshake_complete(const std::exception_ptr& error);
  void start_shutdown();
  void flush_in_time();
  void check_shutdown_timeout();
  void do_flush();
  void do_shutdown();
  void on_shutdown_complete(const std::exception_ptr& error);
  void force_close(std::exception_ptr error);
  bool write_appdata(std::string_view data);
  void do_write();
  void process_outgoing();
  bool do_read();
  bool read_buffered();
  void read_copied();
  void end_of_records();
  void reading_failed(const std::exception_ptr& error);
  void call_eof_received();
  void pause_reading() noexcept { app_reading_paused_ = true; }
  void resume_reading();
  void control_ssl_reading();
  void fatal_unless_cancelled();
  void fatal_error(const std::exception_ptr& error, const char* message);
  void cancel_timeouts();
  bool app_has_closed() const noexcept { return app_transport_ && app_transport_->closed_; }
  std::size_t write_buffer_size() const { return object_->outgoing_pending() + write_backlog_.size(); }

  AbstractEventLoop& loop_;
  const std::shared_ptr<SSLObject> object_;
  const Duration handshake_timeout_;
  const Duration shutdown_timeout_;
  Future<void> waiter_;                   // empty once it is completed
  std::shared_ptr<Transport> transport_;  // below; null before connection_made() and after connection_lost()
  std::shared_ptr<SSLProtocolTransport> app_transport_;  // above
  std::shared_ptr<BaseProtocol> app_protocol_;           // null after connection_lost()
  Protocol* stream_protocol_ = nullptr;                  // what the protocol is, decided when it is set (S262)
  BufferedProtocol* buffered_protocol_ = nullptr;
  State state_ = State::unwrapped;
  AppState app_state_;
  SendBuffer write_backlog_;  // written before the handshake was over (S294)
  TimerHandle handshake_timeout_handle_;
  TimerHandle shutdown_timeout_handle_;
  FlowControl read_marks_;           // only the marks of it
  bool ssl_writing_paused_ = false;  // by the transport below
  bool ssl_reading_paused_ = false;  // the transport below, by this
  bool app_reading_paused_ = false;  // by the program
  bool eof_received_ = false;        // the network has ended
};

}  // namespace asyncio
