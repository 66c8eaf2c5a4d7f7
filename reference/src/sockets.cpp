// sockets.cpp: addresses as values and as text, and what a socket handle passes on.
#include <asyncio/sockets.hpp>

#include <asyncio/exceptions.hpp>

#include "system_socket.hpp"

#include <stdexcept>
#include <utility>

#include <netdb.h>
#include <sys/socket.h>

namespace asyncio {

// ---- Address ----

Address::Address(std::string host, int port, std::uint32_t flowinfo, std::uint32_t scope_id)
    : host_(std::move(host)), port_(port), flowinfo_(flowinfo), scope_id_(scope_id) {
  if (port < 0 || port > 65535) {
    throw std::invalid_argument("port must be 0-65535, and is " + std::to_string(port));
  }
  if (flowinfo > 0xfffff) {
    throw std::invalid_argument("flowinfo must be 0-1048575, and is " + std::to_string(flowinfo));
  }
}

Address Address::unix_path(std::string path) {
  Address address;
  address.path_ = std::move(path);
  return address;
}

std::string Address::to_string() const {
  if (!path_.empty() && path_.front() != '\0') return path_;
  std::string text;
  if (!path_.empty()) return text.append("@").append(path_, 1);
  const bool literal_v6 = host_.find(':') != std::string::npos;
  text.append(literal_v6 ? "[" : "").append(host_);
  if (scope_id_ != 0) text.append("%").append(std::to_string(scope_id_));
  return text.append(literal_v6 ? "]:" : ":").append(std::to_string(port_));
}

// ---- Socket ----

namespace {

[[noreturn]] void not_implemented(const char* function) {
  throw NotImplementedError(std::string(function) + "() is not implemented by the sockets of this loop");
}

/// "getaddrinfo", with the system's texts.
class GaiErrorCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "getaddrinfo"; }
  std::string message(int code) const override { return ::gai_strerror(code); }
};

}  // namespace

int SocketState::getsockopt(int, int) const { not_implemented("getsockopt"); }
void SocketState::setsockopt(int, int, int) const { not_implemented("setsockopt"); }
void SocketState::shutdown(int) const { not_implemented("shutdown"); }

Socket Socket::from_descriptor(int descriptor) {
  SystemView(descriptor).type();  // throws where it is no socket
  return Socket(std::make_shared<SystemSocket>(descriptor));
}

SocketState& Socket::state() const {
  if (!state_) throw std::system_error(EBADF, std::generic_category(), "there is no socket");
  return *state_;
}

int Socket::family() const { return getsockopt(SOL_SOCKET, SO_DOMAIN); }
int Socket::type() const { return getsockopt(SOL_SOCKET, SO_TYPE); }
int Socket::proto() const { return getsockopt(SOL_SOCKET, SO_PROTOCOL); }
int Socket::getsockopt(int level, int option) const { return state().getsockopt(level, option); }
void Socket::setsockopt(int level, int option, int value) const { state().setsockopt(level, option, value); }
void Socket::shutdown(int how) const { state().shutdown(how); }

const std::error_category& gaierror_category() noexcept {
  static const GaiErrorCategory category;
  return category;
}

}  // namespace asyncio
