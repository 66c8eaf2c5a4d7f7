// port_table.hpp: which sockets of a network are bound to which ports.
//
// A host has two interfaces: the one that other hosts reach, and the loopback, which it alone does. A socket is bound
// to one of them, or to both. Streams and datagrams have a table each, as they have on a real machine.
#pragma once

#include "host.hpp"

#include <asyncio/ref.hpp>
#include <asyncio/sockets.hpp>

#include <cerrno>
#include <compare>
#include <cstdint>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace asyncio::sim {

/// Whether a name means the machine itself, seen from there.
inline bool is_loopback(std::string_view name) noexcept {
  return name == "localhost" || name == "127.0.0.1" || name == "::1";
}

/// Whether a name means all interfaces of a machine.
inline bool is_any_address(std::string_view name) noexcept { return name.empty() || name == "0.0.0.0" || name == "::"; }

/// The bound sockets of one kind.
///
/// \tparam Socket  has an address(), and a host()
template <class Socket>
class PortTable {
 public:
  bool uses(const SimHost& host, int port) const {
    return bound_.contains({host.number(), port, Interface::outside}) ||
           bound_.contains({host.number(), port, Interface::loopback});
  }

  /// Occupies the port of the socket's address. \throws std::system_error  EADDRINUSE
  void bind(const Ref<Socket>& socket) {
    const Address& address = socket->address();
    const bool any = is_any_address(address.host());
    const bool loopback = is_loopback(address.host());
    const Place outside{socket->host().number(), address.port(), Interface::outside};
    const Place inside{socket->host().number(), address.port(), Interface::loopback};
    if ((!loopback && bound_.contains(outside)) || ((any || loopback) && bound_.contains(inside))) {
      throw std::system_error(EADDRINUSE, std::generic_category(),
                              "error while attempting to bind on address " + address.to_string());
    }
    if (!loopback) bound_.emplace(outside, socket);
    if (any || loopback) bound_.emplace(inside, socket);
  }

  void unbind(const Socket& socket) noexcept {
    std::erase_if(bound_, [&](const auto& entry) { return entry.second.get() == &socket; });
  }

  /// Who is bound there; null where nobody is. \param loopback  whether it is asked for from the host itself
  Socket* find(const SimHost& host, int port, bool loopback) const noexcept {
    const auto found = bound_.find({host.number(), port, loopback ? Interface::loopback : Interface::outside});
    return found == bound_.end() ? nullptr : found->second.get();
  }

  /// Frees all ports of a host. \return  who was bound to them, each once
  std::vector<Ref<Socket>> take(const SimHost& host) {
    std::vector<Ref<Socket>> taken;
    std::erase_if(bound_, [&](const auto& entry) {
      if (entry.first.host != host.number()) return false;
      if (taken.empty() || taken.back().get() != entry.second.get()) taken.push_back(entry.second);
      return true;
    });
    return taken;
  }

  /// Frees all ports. \return  who was bound to them; one that was bound twice is named twice
  std::vector<Ref<Socket>> take_all() {
    std::vector<Ref<Socket>> taken;
    for (const auto& [place, socket] : std::exchange(bound_, {})) taken.push_back(socket);
    return taken;
  }

 private:
  enum class Interface { outside, loopback };
  struct Place {
    std::uint32_t host;
    int port;
    Interface interface;
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  std::map<Place, Ref<Socket>> bound_;
};

}  // namespace asyncio::sim
