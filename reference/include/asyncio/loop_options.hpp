// loop_options.hpp: the keywords of a loop's methods, one struct a method, with asyncio's defaults.
//
// Python's keyword arguments become members, to be set by name: create_connection(factory, {.host =
// "example.org", .port = 443}). A member that is empty means what None means in asyncio.
//
// Source: CPython Lib/asyncio/base_events.py and unix_events.py, the signatures of the methods named.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/contextvars.hpp>
#include <asyncio/sockets.hpp>

#include <cstdint>
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

class BaseProtocol;
class SSLContext;

/// Makes the protocol object of one connection: any callable that gives a pointer to one. Copies are the same callable,
/// which may have a state, and need not be copyable.
class ProtocolFactory {
 public:
  /// \tparam F        called without arguments; returns a std::shared_ptr to a protocol, or what converts to one
  /// \param  factory  the callable
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, ProtocolFactory> &&
             std::is_invocable_r_v<std::shared_ptr<BaseProtocol>, std::decay_t<F>&>)
  ProtocolFactory(F&& factory)  // NOLINT(google-explicit-constructor)
      : make_([shared = std::make_shared<std::decay_t<F>>(std::forward<F>(factory))] {
          return std::shared_ptr<BaseProtocol>((*shared)());
        }) {}

  /// A new protocol.
  ///
  /// \throws std::invalid_argument  where the callable gives a null pointer
  std::shared_ptr<BaseProtocol> operator()() const {
    std::shared_ptr<BaseProtocol> made = make_();
    if (!made) throw std::invalid_argument("a protocol was expected from the protocol factory, got None");
    return made;
  }

 private:
  std::function<std::shared_ptr<BaseProtocol>()> make_;
};

/// The keywords of create_connection().
struct ConnectionOptions {
  std::optional<std::string> host = {};             ///< a name or a literal address
  std::optional<int> port = {};                     ///< 0 to 65535
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  int family = 0;                                   ///< AF_INET, AF_INET6, or 0 for either
  int proto = 0;                                    ///< protocol number for getaddrinfo()
  int flags = 0;                                    ///< AI_… flags for getaddrinfo()
  std::optional<Socket> sock = {};                  ///< an already connected socket, instead of host and port
  std::optional<Address> local_addr = {};           ///< bind to this first
  std::optional<std::string> server_hostname = {};  ///< for TLS; default: host
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
  std::optional<Delay> happy_eyeballs_delay = {};   ///< start the next attempt after this (RFC 8305)
  std::optional<int> interleave = {};               ///< First Address Family Count of RFC 8305
  bool all_errors = false;                          ///< throw an ExceptionGroup of every attempt's error
};

/// The keywords of create_server().
struct ServerOptions {
  std::optional<std::string> host = {};             ///< empty: all interfaces
  std::vector<std::string> hosts = {};              ///< several interfaces, instead of host
  std::optional<int> port = {};                     ///< 0 lets the loop choose
  int family = 0;                                   ///< AF_INET, AF_INET6, or 0 for both
  std::optional<int> flags = {};                    ///< default AI_PASSIVE
  std::optional<Socket> sock = {};                  ///< a bound socket, instead of host and port
  int backlog = 100;                                ///< connections that may wait to be accepted
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  std::optional<bool> reuse_address = {};           ///< default true
  std::optional<bool> reuse_port = {};              ///< default false
  std::optional<bool> keep_alive = {};              ///< default false
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
  bool start_serving = true;                        ///< accept at once
};

/// The keywords of create_unix_connection().
struct UnixConnectionOptions {
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  std::optional<Socket> sock = {};                  ///< an already connected socket, instead of the path
  std::optional<std::string> server_hostname = {};  ///< for TLS
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
};

/// The keywords of create_unix_server().
struct UnixServerOptions {
  std::optional<Socket> sock = {};                  ///< a bound socket, instead of the path
  int backlog = 100;                                ///< connections that may wait to be accepted
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
  bool start_serving = true;                        ///< accept at once
  bool cleanup_socket = true;                       ///< remove the file when the server closes
};

/// The keywords of connect_accepted_socket().
struct AcceptedOptions {
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
};

/// The keywords of create_datagram_endpoint().
struct DatagramOptions {
  std::optional<Address> local_addr = {};   ///< bind to this
  std::optional<Address> remote_addr = {};  ///< send to and, without allow_broadcast, receive from this one only
  int family = 0;                           ///< AF_INET, AF_INET6, AF_UNIX, or 0
  int proto = 0;                            ///< protocol number for getaddrinfo()
  int flags = 0;                            ///< AI_… flags for getaddrinfo()
  std::optional<bool> reuse_port = {};      ///< default false
  bool allow_broadcast = false;             ///< may send to a broadcast address
  std::optional<Socket> sock = {};          ///< an existing socket, instead of all of the above
};

/// What the options of a connection or a server say of TLS: for those who write loops. See SSLProtocol.
struct TransportSecurity {
  std::shared_ptr<SSLContext> context = {};         ///< null: no TLS
  bool server_side = false;                         ///< this end is the server
  std::string server_hostname = {};                 ///< of a client: whom it wants to talk to
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s

  /// \return  that of a client
  static TransportSecurity of(const ConnectionOptions& options) {
    return {.context = options.ssl,
            .server_hostname = options.server_hostname.value_or(options.host.value_or("")),
            .ssl_handshake_timeout = options.ssl_handshake_timeout,
            .ssl_shutdown_timeout = options.ssl_shutdown_timeout};
  }
  /// \return  that of a client of a UNIX socket
  static TransportSecurity of(const UnixConnectionOptions& options) {
    return {.context = options.ssl,
            .server_hostname = options.server_hostname.value_or(""),
            .ssl_handshake_timeout = options.ssl_handshake_timeout,
            .ssl_shutdown_timeout = options.ssl_shutdown_timeout};
  }
  /// \param options  ServerOptions, UnixServerOptions or AcceptedOptions
  /// \return         that of a server
  template <class Options>
  static TransportSecurity of_server(const Options& options) {
    return {.context = options.ssl,
            .server_side = true,
            .ssl_handshake_timeout = options.ssl_handshake_timeout,
            .ssl_shutdown_timeout = options.ssl_shutdown_timeout};
  }
};

/// The keywords of start_tls().
struct StartTlsOptions {
  bool server_side = false;                         ///< this end is the server
  std::optional<std::string> server_hostname = {};  ///< the name to check
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
};

/// The keywords of sendfile() and sock_sendfile().
struct SendfileOptions {
  std::int64_t offset = 0;                 ///< where in the file to begin, in bytes
  std::optional<std::int64_t> count = {};  ///< bytes to send; default: to the end
  bool fallback = true;                    ///< read and write where the system cannot sendfile
};

/// The keywords of getaddrinfo().
struct AddressInfoOptions {
  int family = 0;  ///< AF_INET, AF_INET6, or 0 for either
  int type = 0;    ///< SOCK_STREAM, SOCK_DGRAM, or 0
  int proto = 0;   ///< protocol number
  int flags = 0;   ///< AI_… flags
};

/// One answer of getaddrinfo().
struct AddressInfo {
  int family = 0;              ///< AF_INET or AF_INET6
  int type = 0;                ///< SOCK_STREAM or SOCK_DGRAM
  int proto = 0;               ///< protocol number
  std::string canonical_name;  ///< empty unless asked for
  Address address;             ///< a literal address and a port
};

/// Where a standard stream of a child process goes: a descriptor of the parent, or a constant of namespace subprocess.
struct StdioTarget {
  /// \param number  a descriptor of the parent, which stays the parent's to close, or -1 for PIPE, -2 for STDOUT, -3
  /// for
  ///                DEVNULL, as in Python's subprocess module
  constexpr StdioTarget(int number) noexcept : descriptor(number) {}  // NOLINT(google-explicit-constructor)
  int descriptor;                                                     ///< negative: one of the constants
  /// Whether both are the same descriptor, or the same constant.
  friend bool operator==(const StdioTarget&, const StdioTarget&) = default;
};

/// What create_subprocess_exec() takes for stdin, stdout and stderr.
namespace subprocess {
inline constexpr StdioTarget PIPE{-1};     ///< a new pipe between parent and child
inline constexpr StdioTarget STDOUT{-2};   ///< for stderr only: where stdout goes
inline constexpr StdioTarget DEVNULL{-3};  ///< nowhere, and nothing comes from there: /dev/null
}  // namespace subprocess

/// The keywords of subprocess_exec() and subprocess_shell().
struct SubprocessOptions {
  std::optional<StdioTarget> stdin_ = subprocess::PIPE;        ///< empty: the parent's
  std::optional<StdioTarget> stdout_ = subprocess::PIPE;       ///< empty: the parent's
  std::optional<StdioTarget> stderr_ = subprocess::PIPE;       ///< empty: the parent's
  std::optional<std::string> cwd = {};                         ///< default: the parent's
  std::optional<std::map<std::string, std::string>> env = {};  ///< all of it; default: the parent's
  std::optional<std::string> executable = {};                  ///< the file to run, instead of args[0] or /bin/sh
  bool close_fds = true;                                       ///< the child has its streams and pass_fds only
  std::vector<int> pass_fds = {};                              ///< further descriptors for the child, same numbers
  bool restore_signals = true;                                 ///< SIGPIPE and SIGXFSZ act as by default
  bool start_new_session = false;                              ///< setsid()
  std::optional<int> process_group = {};                       ///< setpgid() to it; 0: a new one
  std::optional<int> umask = {};                               ///< default: the parent's
};

}  // namespace asyncio
