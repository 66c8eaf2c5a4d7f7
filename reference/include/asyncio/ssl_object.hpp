// ssl_object.hpp: TLS without a network: bytes go in, and bytes come out.
//
// Python's ssl.SSLObject with its two MemoryBIOs. It knows no socket, no loop and no time, and it never waits:
//
//     feed() ──► records ──► read() ──► what the other side has written
//     write() ──► records ──► take_outgoing() ──► to be sent
//
// Each function that cannot go on without more records says so by what it returns, and is called again when there
// are more. SSLProtocol has one of these and connects it with a transport; a program gets it as
// get_extra_info<std::shared_ptr<SSLObject>>("ssl_object"), to ask what was agreed on.
//
//   J1  After an SSLError the connection is over; what take_outgoing() gives then is the alert that says so.
//   J2  How the records were cut into pieces makes no difference to what read() gives.
//
// Source: CPython Lib/ssl.py, SSLObject, MemoryBIO; Modules/_ssl.c. Rules: S277.
#pragma once

#include <asyncio/ssl.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio {

/// What is in a certificate: Python's getpeercert().
struct SSLCertificate {
  /// A name in parts: {"commonName", "example.org"}.
  using Name = std::vector<std::pair<std::string, std::string>>;

  Name subject;               ///< whose it is
  Name issuer;                ///< who has signed it
  int version = 0;            ///< 3, as a rule; 0: no certificate
  std::string serial_number;  ///< in hexadecimal digits
  std::string not_before;     ///< "Jan  5 09:34:43 2026 GMT"
  std::string not_after;      ///< the same form
  Name subject_alt_name;      ///< the hosts it is for: {"DNS", "example.org"}, {"IP Address", "127.0.0.1"}

  /// Whether there is one.
  explicit operator bool() const noexcept { return version != 0; }
  /// Equal where all parts are.
  friend bool operator==(const SSLCertificate&, const SSLCertificate&) = default;
};

/// How a connection is encrypted.
struct SSLCipher {
  std::string name;      ///< "TLS_AES_256_GCM_SHA384"
  std::string protocol;  ///< the version that the cipher was made for: "TLSv1.3"
  int secret_bits = 0;   ///< of the key; 0: no cipher yet
  /// Equal where all parts are.
  friend bool operator==(const SSLCipher&, const SSLCipher&) = default;
};

/// One side of a TLS connection.
class SSLObject {
 public:
  /// Python's SSLContext.wrap_bio().
  ///
  /// \param context          certificates and rules
  /// \param server_side      whether this side is the server
  /// \param server_hostname  of a client: whom it wants to talk to, a name in any script or a literal address; empty:
  ///                         not known
  /// \throws std::invalid_argument  where the context checks names and there is none; where the name is none
  /// \throws SSLError               where the context is for the other side
  SSLObject(std::shared_ptr<SSLContext> context, bool server_side, const std::string& server_hostname = {});
  SSLObject(const SSLObject&) = delete;
  SSLObject& operator=(const SSLObject&) = delete;
  ~SSLObject();

  /// Records from the other side, or any part of them.
  void feed(std::string_view records);
  /// No more will come: the network has ended, as MemoryBIO.write_eof(). Where the other side has not said so before,
  /// read() throws once all is read, or returns 0 where the context has ssl::OP_IGNORE_UNEXPECTED_EOF.
  void feed_eof();
  /// Takes what is to be sent to the other side; may be empty.
  std::string take_outgoing();
  /// How many bytes were fed and not looked at yet.
  std::size_t incoming_pending() const noexcept;
  /// How many bytes take_outgoing() would give.
  std::size_t outgoing_pending() const noexcept;

  /// Agrees with the other side on keys, and checks who it is.
  ///
  /// \return  whether that is done; false: needs more from the other side
  /// \throws SSLCertVerificationError  where the other side's certificate is refused
  /// \throws SSLError                  where anything else is wrong; whatever the context's SNI callback throws
  /// \throws std::system_error         where the secrets cannot be written to keylog_filename()
  bool do_handshake();
  /// Gives what the other side has written.
  ///
  /// \param place  at least one byte
  /// \return       how many bytes; 0 where the other side has ended the connection; nothing: needs more records
  /// \throws SSLError  where the records are not what the other side has sent; "UNEXPECTED_EOF_WHILE_READING" where
  ///                   they have been cut off
  std::optional<std::size_t> read(std::span<char> place);
  /// Encrypts something.
  ///
  /// \param data  at least one byte
  /// \return      how many bytes were taken; nothing: needs more from the other side first
  /// \throws SSLError  where the connection has failed before
  std::optional<std::size_t> write(std::string_view data);
  /// Says that nothing more will come (close_notify), and waits for the other side to say the same.
  ///
  /// \return  whether it has; false: needs more from the other side
  /// \throws SSLError  where data comes that nobody has read: "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"
  bool unwrap();

  /// The rules that are followed: those of the context that was given, or of the one that an SNI callback chose.
  const std::shared_ptr<SSLContext>& context() const noexcept { return context_; }
  /// Which side this is.
  bool server_side() const noexcept { return server_side_; }
  /// The name that was given, in ASCII: "xn--bcher-kva.example"; empty where there was none.
  const std::string& server_hostname() const noexcept { return server_hostname_; }
  /// "TLSv1.3"; empty before the handshake.
  std::string version() const;
  /// How the connection is encrypted.
  SSLCipher cipher() const;
  /// What is spoken inside (ALPN); empty where nothing was agreed on.
  std::string selected_alpn_protocol() const;
  /// Whether the handshake took up an earlier session.
  bool session_reused() const noexcept;
  /// The certificate of the other side; none where there is none, or where it was not checked.
  SSLCertificate getpeercert() const;
  /// The same in DER, checked or not; empty where there is none.
  std::string getpeercert_der() const;

 private:
  struct Engine;                    // OpenSSL's
  friend struct SSLContext::State;  // its callbacks are told an SSL, and look for the object here

  [[noreturn]] void fail(int result);

  std::shared_ptr<SSLContext> context_;
  const bool server_side_;
  const std::string server_hostname_;
  std::exception_ptr thrown_;        // by what OpenSSL has called: an SNI callback, a key log; null: nothing
  std::uint64_t rules_version_ = 0;  // of the context, when this was made (X3)
  bool context_chosen_ = false;      // a client may greet twice (RFC 8446, 4.1.2), and is asked for its name once
  const std::unique_ptr<Engine> engine_;
};

}  // namespace asyncio
