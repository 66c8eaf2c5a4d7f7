// sockets.cpp: addresses as values and as text.
#include <asyncio/sockets.hpp>

#include <stdexcept>
#include <utility>

namespace asyncio {

Address::Address(std::string host, int port) : host_(std::move(host)), port_(port) {
  if (port < 0 || port > 65535) {
    throw std::invalid_argument("port must be 0-65535, and is " + std::to_string(port));
  }
}

Address Address::unix_path(std::string path) {
  Address address;
  address.path_ = std::move(path);
  return address;
}

std::string Address::to_string() const {
  if (!path_.empty()) return path_;
  const bool literal_v6 = host_.find(':') != std::string::npos;
  return (literal_v6 ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_);
}

}  // namespace asyncio
