// system_socket.cpp: one system call after the other.
#include "system_socket.hpp"

#include "log.hpp"
#include "resolver.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace asyncio {
namespace {

SystemAddress to_unix(const std::string& path) {
  SystemAddress result;
  auto& name = reinterpret_cast<sockaddr_un&>(result.storage);
  name.sun_family = AF_UNIX;
  // A path needs its final zero. An abstract name does not, nor does none at all, which binds to a free one (unix(7)).
  const bool abstract = path.empty() || path.front() == '\0';
  if (path.size() + (abstract ? 0 : 1) > sizeof name.sun_path) {
    throw std::system_error(ENAMETOOLONG, std::generic_category(),
                            "AF_UNIX path too long: " + std::to_string(path.size()) + " bytes, where " +
                                std::to_string(sizeof name.sun_path - 1) + " are possible: " + path);
  }
  if (!abstract && path.find('\0') != std::string::npos) {
    throw std::invalid_argument("an AF_UNIX path must not have a zero byte in it");
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  return result;
}

Address from_unix(const SystemAddress& address) {
  const auto& name = reinterpret_cast<const sockaddr_un&>(address.storage);
  const std::size_t length = address.size - std::min<std::size_t>(address.size, offsetof(sockaddr_un, sun_path));
  std::string path(name.sun_path, length);
  if (!path.empty() && path.front() != '\0') path.resize(path.find('\0') == path.npos ? length : path.find('\0'));
  return Address::unix_path(std::move(path));
}

/// What inet_ntop() gives. That calls sprintf(), and this is done for every datagram that arrives.
std::string dotted(const in_addr& address) {
  std::array<unsigned char, sizeof address> bytes;
  std::memcpy(bytes.data(), &address, sizeof address);  // the highest first
  std::array<char, INET_ADDRSTRLEN> text;
  char* end = text.data();
  for (const unsigned char byte : bytes) {
    if (end != text.data()) *end++ = '.';
    end = std::to_chars(end, text.data() + text.size(), byte).ptr;
  }
  return {text.data(), end};
}

// A literal, or one of the names that stand for a literal. False where it has to be looked up.
bool to_literal(const Address& address, int family, SystemAddress& result) {
  const std::string& host = address.host();
  if (host.find('\0') != std::string::npos) return false;
  const auto port = htons(static_cast<std::uint16_t>(address.port()));
  if (family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = port;
    result.size = sizeof v4;
    if (host.empty()) return true;  // INADDR_ANY is zero
    if (host == "<broadcast>") {
      v4.sin_addr.s_addr = INADDR_BROADCAST;
      return true;
    }
    return ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = port;
  v6.sin6_flowinfo = htonl(address.flowinfo());
  v6.sin6_scope_id = address.scope_id();
  result.size = sizeof v6;
  return host.empty() || ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1;
}

}  // namespace

void throw_errno(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

SystemAddress to_system(const Address& address, int family) {
  if (family == AF_UNIX) return to_unix(address.path());
  if (family != AF_INET && family != AF_INET6) {
    throw std::invalid_argument("bad family: " + std::to_string(family) +
                                ", where AF_INET, AF_INET6 or AF_UNIX can be");
  }
  SystemAddress result;
  if (to_literal(address, family, result)) return result;
  const auto found = lookup_addresses(address.host(), std::to_string(address.port()), {.family = family});
  if (!to_literal(found.front().address, family, result)) throw std::logic_error("getaddrinfo() gave no literal");
  return result;
}

Address from_system(const SystemAddress& address) {
  switch (address.storage.ss_family) {
    case AF_INET: {
      const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
      return Address(dotted(v4.sin_addr), ntohs(v4.sin_port));
    }
    case AF_INET6: {
      const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
      char text[INET6_ADDRSTRLEN];
      return Address(::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text), ntohs(v6.sin6_port),
                     ntohl(v6.sin6_flowinfo) & 0xfffff, v6.sin6_scope_id);
    }
    case AF_UNIX: return from_unix(address);
    default: return {};
  }
}

// ---- SystemSocket ----

Address SystemSocket::getsockname() const {
  SystemAddress address;
  if (::getsockname(descriptor_, address.get(), &address.size) < 0) throw_errno("getsockname");
  return from_system(address);
}

Address SystemSocket::getpeername() const {
  SystemAddress address;
  if (::getpeername(descriptor_, address.get(), &address.size) < 0) throw_errno("getpeername");
  return from_system(address);
}

void SystemSocket::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

int SystemSocket::getsockopt(int level, int option) const {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(descriptor_, level, option, &value, &size) < 0) throw_errno("getsockopt");
  return value;
}

void SystemSocket::setsockopt(int level, int option, int value) const {
  if (::setsockopt(descriptor_, level, option, &value, sizeof value) < 0) throw_errno("setsockopt");
}

void SystemSocket::shutdown(int how) const {
  if (::shutdown(descriptor_, how) < 0) throw_errno("shutdown");
}

// ---- Views ----

int SystemView::option(int name) const {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(descriptor_, SOL_SOCKET, name, &value, &size) < 0) {
    throw std::system_error(errno, std::generic_category(), "descriptor " + std::to_string(descriptor_));
  }
  return value;
}

namespace {

class SocketView final : public SocketState {
 public:
  explicit SocketView(Socket socket) noexcept : socket_(std::move(socket)) {}
  int fileno() const noexcept override { return socket_.fileno(); }
  Address getsockname() const override { return socket_.getsockname(); }
  Address getpeername() const override { return socket_.getpeername(); }
  void close() noexcept override {}  // its owner's business
  int getsockopt(int level, int option) const override { return socket_.getsockopt(level, option); }
  void setsockopt(int level, int option, int value) const override { socket_.setsockopt(level, option, value); }
  void shutdown(int how) const override { socket_.shutdown(how); }

 private:
  const Socket socket_;
};

}  // namespace

Socket view_of(const Socket& socket) { return Socket(std::make_shared<SocketView>(socket)); }

// ---- Calls ----

Socket open_socket(int family, int type, int proto) {
  const int descriptor = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
  if (descriptor < 0) throw_errno("socket");
  return Socket(std::make_shared<SystemSocket>(descriptor));
}

void set_nonblocking(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0) throw_errno("fcntl");
  if ((flags & O_NONBLOCK) == 0 && ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) throw_errno("fcntl");
}

void bind_socket(const Socket& socket, const SystemAddress& address) {
  if (::bind(socket.fileno(), address.get(), address.size) < 0) throw_errno("bind");
}

void set_nodelay(const Socket& socket) noexcept {
  const int on = 1;
  // Not a TCP socket, or one that is broken already: its first read will tell.
  [[maybe_unused]] const int ignored = ::setsockopt(socket.fileno(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void remove_stale_socket_file(const std::string& path) noexcept {
  struct stat file{};
  if (::stat(path.c_str(), &file) < 0) {
    if (errno == ENOENT) return;
  } else if (!S_ISSOCK(file.st_mode) || ::unlink(path.c_str()) == 0 || errno == ENOENT) {
    return;
  }
  log_error("Unable to check or remove stale UNIX socket '" + path + "': " + std::generic_category().message(errno));
}

bool is_in_file_system(const std::string& path) noexcept { return !path.empty() && path.front() != '\0'; }

}  // namespace asyncio
