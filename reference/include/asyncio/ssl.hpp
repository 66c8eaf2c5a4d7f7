// ssl.hpp: whom a TLS connection trusts, and who it says it is.
//
// A context is made once, told its certificates and rules, and then given to every connection that is to
// follow them: as `ssl` of open_connection(), start_server() and their like, or to start_tls().
//
//     auto context = asyncio::ssl::create_default_context();
//     auto [reader, writer] = asyncio::open_connection("example.org", 443, {.ssl = context});
//
//     auto context = asyncio::ssl::create_default_context(asyncio::ssl::Purpose::CLIENT_AUTH);   // of a server
//     context->load_cert_chain({.certfile = "chain.pem", .keyfile = "key.pem"});
//     auto server = asyncio::start_server(serve, "0.0.0.0", 443, {.ssl = context});
//
// The defaults are the strict ones, as in Python: a client checks the certificate and the name in it, the least
// version is TLS 1.2, nothing is compressed and nothing renegotiated. What weakens that has to be asked for by name:
// set_check_hostname(false), then set_verify_mode(ssl::CERT_NONE).
//
//   X1  check_hostname() implies that verify_mode() is not CERT_NONE.
//   X2  A context that is made while the loop of a world runs draws all its random numbers from a seed of that loop,
//       so that a connection sends the same bytes each time. Such a context is refused outside of that world, in
//       another one too, and any other one in a world.
//   X3  No session outlives the rules it was agreed on under: not in the context that has it, and not in a server's
//       ticket that a client has.
//
// A context may be shared by loops in several threads once nobody changes it any more. It is OpenSSL behind it; its
// headers appear in sources only.
//
// Source: CPython Lib/ssl.py, SSLContext, create_default_context; Modules/_ssl.c. Rules: S228, S229, S277.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace asyncio {

class AbstractEventLoop;
class SSLContext;

/// The category of an SSLError's code(), which is 1 (OpenSSL's SSL_ERROR_SSL): SSLError::reason() says what went wrong.
const std::error_category& ssl_category() noexcept;

/// TLS failed: a peer that speaks something else, a certificate that is refused, a file that holds no certificate.
/// An error of the system, as in Python, so that it is caught with them.
class SSLError : public std::system_error {
 public:
  /// \param library  which part of OpenSSL has failed: "SSL", "X509", "PEM"
  /// \param reason   in capitals: "WRONG_VERSION_NUMBER"
  /// \param text     what what() says
  SSLError(std::string library, std::string reason, const std::string& text);
  /// The whole sentence: "[SSL: WRONG_VERSION_NUMBER] wrong version number".
  const char* what() const noexcept override { return text_->c_str(); }
  /// Which part of OpenSSL has failed; may be empty.
  const std::string& library() const noexcept { return *library_; }
  /// \return  why, in capitals: "CERTIFICATE_VERIFY_FAILED"; may be empty
  const std::string& reason() const noexcept { return *reason_; }

 private:
  std::shared_ptr<const std::string> library_;  // shared: copying an exception must not throw
  std::shared_ptr<const std::string> reason_;
  std::shared_ptr<const std::string> text_;
};

/// The certificate of the other side was refused.
class SSLCertVerificationError : public SSLError {
 public:
  /// \param code     one of OpenSSL's X509_V_ERR_… numbers
  /// \param message  what it means
  SSLCertVerificationError(int code, const std::string& message);
  /// \return  why, as one of OpenSSL's X509_V_ERR_… numbers: 10 for a certificate that has expired
  int verify_code() const noexcept { return code_; }
  /// \return  why, in words: "self-signed certificate"
  const std::string& verify_message() const noexcept { return *message_; }

 private:
  int code_;
  std::shared_ptr<const std::string> message_;
};

/// The names of Python's module ssl that are not classes of their own.
namespace ssl {

/// Whether the other side must show a certificate.
enum class VerifyMode {
  CERT_NONE,      ///< none is asked for, and what comes is not checked
  CERT_OPTIONAL,  ///< of a server: none is needed, but one that comes must be good; of a client: CERT_REQUIRED
  CERT_REQUIRED,  ///< there must be one, and it must be good
};
using enum VerifyMode;

/// What a context is for.
enum class Purpose {
  SERVER_AUTH,  ///< of a client, which checks servers
  CLIENT_AUTH,  ///< of a server, which may check clients
};

/// Which side a context is for.
enum class Method {
  PROTOCOL_TLS_CLIENT,  ///< checks certificate and name of the server
  PROTOCOL_TLS_SERVER,  ///< asks its clients for nothing
};
using enum Method;

/// Versions of the protocol, by their numbers in it.
enum class TLSVersion {
  TLSv1 = 0x301,    ///< of 1999; refused by default
  TLSv1_1 = 0x302,  ///< of 2006; refused by default
  TLSv1_2 = 0x303,  ///< of 2008; the least by default
  TLSv1_3 = 0x304,  ///< of 2018; the greatest there is
};

/// Any trusted certificate is an end of the chain, and not only one that has signed itself.
inline constexpr std::uint64_t VERIFY_X509_PARTIAL_CHAIN = 0x80000;
/// Certificates must keep to the letter of RFC 5280.
inline constexpr std::uint64_t VERIFY_X509_STRICT = 0x20;
/// The certificate of the other side must be on no revocation list; load_verify_locations() loads those.
inline constexpr std::uint64_t VERIFY_CRL_CHECK_LEAF = 0x4;
/// None of the chain may be on one.
inline constexpr std::uint64_t VERIFY_CRL_CHECK_CHAIN = 0xc;

/// An end of the network without close_notify is taken for one with it. Anybody on the way can make such an end, and
/// so cut off the rest of what the other side has said: only for protocols whose messages say how long they are.
inline constexpr std::uint64_t OP_IGNORE_UNEXPECTED_EOF = 0x80;

/// What load_cert_chain() takes: files, or text in their place.
struct CertChain {
  std::string certfile = {};                 ///< PEM: the certificate, then those that lead to the root
  std::string keyfile = {};                  ///< PEM: its private key; empty: in certfile too
  std::optional<std::string> password = {};  ///< of the key
  std::string certdata = {};                 ///< what certfile would hold, instead of it
  std::string keydata = {};                  ///< what keyfile would hold; empty: in certdata too
};

/// What load_verify_locations() takes: at least one of them.
struct VerifyLocations {
  std::string cafile = {};  ///< PEM: certificates to trust
  std::string capath = {};  ///< a folder with one a file, named by hash, as `openssl rehash` does
  std::string cadata = {};  ///< what cafile would hold, instead of it
};

/// Chooses the context of a connection by the name that the client asks for; none where it names no host.
///
/// Null leaves it at this context. Another one, which must be a server's, replaces all rules of this one: certificates,
/// whom to trust, whether clients must show a certificate, versions, ciphers, ALPN. A session that was agreed on under
/// one of them is not taken up under another. What the callback throws is the error of the handshake. It must not
/// suspend: it is called from inside OpenSSL.
using SniCallback = std::function<std::shared_ptr<SSLContext>(const std::optional<std::string>& server_name)>;

/// A context with Python's recommended settings: for SERVER_AUTH it checks certificates and names.
///
/// Writes secrets to the file that the environment variable SSLKEYLOGFILE names, as Python does: see
/// SSLContext::set_keylog_filename().
///
/// \param purpose    which side it is for
/// \param locations  whom to trust; empty: whom the system trusts, where certificates are checked. In a world
///                   the system is not there, and nobody is trusted unless named here
/// \throws SSLError           where there is something else than certificates in there
/// \throws std::system_error  where a file cannot be read, or SSLKEYLOGFILE cannot be written
/// \source CPython Lib/ssl.py, create_default_context
std::shared_ptr<SSLContext> create_default_context(Purpose purpose = Purpose::SERVER_AUTH,
                                                   const VerifyLocations& locations = {});

}  // namespace ssl

/// Certificates and rules, for any number of connections.
class SSLContext {
 public:
  /// A context that trusts nobody yet. ssl::create_default_context() is what most programs want.
  ///
  /// \param protocol  which side it is for
  /// \throws SSLError  where OpenSSL cannot
  explicit SSLContext(ssl::Method protocol = ssl::PROTOCOL_TLS_CLIENT);
  SSLContext(const SSLContext&) = delete;
  SSLContext& operator=(const SSLContext&) = delete;
  ~SSLContext();

  /// Says who this side is: a certificate and its key.
  ///
  /// \throws SSLError               where it is not PEM, the password is wrong, or the key is another certificate's
  /// \throws std::system_error      where a file cannot be read: errno
  /// \throws std::invalid_argument  where there is no certificate at all in `chain`
  void load_cert_chain(const ssl::CertChain& chain);
  /// Trusts further certificates.
  ///
  /// \throws std::invalid_argument  where all of `locations` are empty
  /// \throws SSLError               where there is something else than certificates in there
  /// \throws std::system_error      where a file cannot be read: errno
  void load_verify_locations(const ssl::VerifyLocations& locations);
  /// Trusts whom the system trusts.
  void set_default_verify_paths();

  /// Which side this is for.
  ssl::Method protocol() const noexcept;
  /// Refuses a context that is for the other side.
  ///
  /// \param server_side  whether a server is to use it
  /// \throws SSLError  where it is a client's and a server is to use it, or the other way round
  void check_side(bool server_side) const;
  /// Whether the other side's certificate is checked; at first CERT_REQUIRED of a client, CERT_NONE of a server.
  ssl::VerifyMode verify_mode() const noexcept;
  /// Changes that.
  ///
  /// \param mode  whether the other side must show a certificate
  /// \throws std::invalid_argument  for CERT_NONE while check_hostname() (X1)
  void set_verify_mode(ssl::VerifyMode mode);
  /// Whether the name in the server's certificate must be the one that was connected to.
  bool check_hostname() const noexcept;
  /// Changes that; true makes verify_mode() CERT_REQUIRED where it was CERT_NONE (X1).
  void set_check_hostname(bool check);
  /// \return  further rules for certificates: VERIFY_… constants of namespace ssl, joined by |
  std::uint64_t verify_flags() const noexcept;
  /// Changes them.
  void set_verify_flags(std::uint64_t flags);
  /// \return  what is not as strict as it could be: OP_… constants of namespace ssl, joined by |; 0 at first
  std::uint64_t options() const noexcept;
  /// \param options  OP_… constants of namespace ssl, joined by |; 0 for none
  ///
  /// \throws std::invalid_argument  for a bit that is none of them
  void set_options(std::uint64_t options);

  /// The least version, TLSv1_2 at first.
  ssl::TLSVersion minimum_version() const noexcept;
  /// Changes that. Versions below 1.2 also need set_ciphers("DEFAULT:@SECLEVEL=0").
  ///
  /// \throws SSLError  where this build of OpenSSL has no such version
  void set_minimum_version(ssl::TLSVersion version);
  /// The greatest version, TLSv1_3 at first.
  ssl::TLSVersion maximum_version() const noexcept;
  /// Changes that.
  ///
  /// \throws SSLError  where this build of OpenSSL has no such version
  void set_maximum_version(ssl::TLSVersion version);
  /// Which ciphers may be used up to TLS 1.2, in the words of `man openssl-ciphers`.
  ///
  /// \throws SSLError  where none of them is known
  void set_ciphers(const std::string& ciphers);
  /// What may be spoken inside of TLS (ALPN, RFC 7301), such as "http/1.1", best first. The choice is the server's: the
  /// first of its own that the client offers; none where there is no such one, and the connection goes on.
  ///
  /// \param protocols  names of 1 to 255 bytes
  /// \throws std::invalid_argument  for a name that is empty or longer than 255 bytes, and for a list above 65,535
  void set_alpn_protocols(const std::vector<std::string>& protocols);
  /// Of a server: chooses another context by the name that the client asks for. Empty: none is chosen.
  void set_sni_callback(ssl::SniCallback callback);
  /// Where the secrets of connections are written; empty: nowhere.
  const std::string& keylog_filename() const noexcept;
  /// Writes the secrets of each further connection down, so that a recording of the network can be read (Wireshark).
  /// Who has the file can read along: this is for finding faults. ssl::create_default_context() does so where the
  /// environment variable SSLKEYLOGFILE names a file, though not in a world. A connection whose secrets cannot be
  /// written fails.
  ///
  /// \param filename  lines are added to it, in the NSS Key Log format; empty: no more are written
  /// \throws std::system_error  where it cannot be opened: errno
  void set_keylog_filename(const std::string& filename);
  /// Of a client: keeps the last session of each server_hostname, and offers it to the next connection, which saves
  /// one exchange and the server's signature. Off at first. Whatever changes a rule above forgets all of them (X3).
  void set_session_reuse(bool reuse);

  /// Whether its random numbers come from a world (X2): such a context protects nothing.
  bool reproducible() const noexcept;
  /// Whether a loop may use it (X2).
  bool belongs_to(const AbstractEventLoop& loop) const noexcept;

  /// What is behind it, for the rest of the library.
  struct State;
  /// See State.
  State& state() const noexcept { return *state_; }

 private:
  const std::unique_ptr<State> state_;
};

}  // namespace asyncio
