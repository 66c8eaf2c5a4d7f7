// addresses.cpp: texts and bytes that say where a socket is. The system's own inet_pton() is the judge.
#include <asyncio/sockets.hpp>

#include <algorithm>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "reference/src/resolver.hpp"
#include "reference/src/system_socket.hpp"
#include "tests/fuzz/targets.hpp"

namespace asyncio::fuzz {
namespace {

bool same(const SystemAddress& a, const SystemAddress& b) {
  return a.size == b.size && std::memcmp(&a.storage, &b.storage, a.size) == 0;
}

/// What inet_pton() makes of a text in which no byte is zero.
bool is_literal_of(int family, const std::string& host) {
  in6_addr place;
  return host.find('\0') == host.npos && ::inet_pton(family, host.c_str(), &place) == 1;
}

void host(const std::string& text, int port) {
  const Address address(text, port);
  for (const int family : {AF_INET, AF_INET6}) {
    const bool literal = is_literal_of(family, text);
    const auto info = ipaddr_info(address, {.family = family, .type = SOCK_STREAM});
    expect(info.has_value() == literal, "'" + text + "' is a literal, or is not");
    if (!literal) continue;
    expect(info->address == address && info->family == family && info->proto == IPPROTO_TCP, "the literal stays");
    const SystemAddress system = to_system(address, family);
    expect(same(to_system(from_system(system), family), system), "there and back: " + text);
    const auto looked_up =
        lookup_addresses(text, std::to_string(port), {.family = family, .type = SOCK_STREAM, .flags = AI_NUMERICHOST});
    expect(looked_up.front().address == from_system(system), "getaddrinfo() says the same of " + text);
  }
  if (text.find('\0') == text.npos) return;
  try {
    lookup_addresses(text, "", {.flags = AI_NUMERICHOST});
  } catch (const std::invalid_argument&) {
    return;  // what lies behind the zero is not overlooked
  }
  throw Wrong("a zero byte is part of no name");
}

void path(const std::string& text) {
  try {
    const SystemAddress system = to_system(Address::unix_path(text), AF_UNIX);
    expect(text.size() <= sizeof(sockaddr_un::sun_path), "the path fits");
    expect(from_system(system).path() == text, "the path is the same again");
  } catch (const std::system_error&) {
    const bool abstract = text.empty() || text.front() == '\0';
    expect(text.size() + (abstract ? 0 : 1) > sizeof(sockaddr_un::sun_path), "a path was too long that is not");
  } catch (const std::invalid_argument&) {
    expect(text.find('\0') != text.npos, "a path was refused that is one");
  }
}

/// Bytes as the kernel might give them.
void raw(std::string_view bytes) {
  SystemAddress address;
  address.size = static_cast<socklen_t>(std::min(bytes.size(), sizeof address.storage));
  std::memcpy(&address.storage, bytes.data(), address.size);
  from_system(address).to_string();
}

}  // namespace

void addresses(std::string_view input) {
  if (input.empty()) return;
  const std::string rest(input.substr(1));
  host(rest, static_cast<unsigned char>(input.front()) * 257);
  path(rest);
  raw(rest);
}

}  // namespace asyncio::fuzz
