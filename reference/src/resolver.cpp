// resolver.cpp: literals, the C library's resolver, and the order of its answers.
#include "resolver.hpp"

#include "idna/idna.hpp"
#include "system_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

namespace asyncio {
namespace {

[[noreturn]] void throw_gaierror(int code, const std::string& what) {
  if (code == EAI_SYSTEM) throw std::system_error(errno, std::generic_category(), what);
  throw std::system_error(code, gaierror_category(), what);
}

/// The functions of C would overlook what lies behind a zero byte: "localhost\0.example.org" is not localhost.
void refuse_zero_byte(const std::string& text) {
  if (text.find('\0') != std::string::npos) throw std::invalid_argument("embedded null character");
}

}  // namespace

std::optional<int> family_of_literal(const std::string& host) {
  if (host.find('\0') != std::string::npos) return {};  // inet_pton() would overlook what lies behind it
  in6_addr place;                                       // the larger of the two
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, host.c_str(), &place) == 1) return family;
  }
  return {};
}

std::optional<AddressInfo> ipaddr_info(const Address& address, const AddressInfoOptions& options) {
  const std::string& host = address.host();
  if (options.proto != 0 && options.proto != IPPROTO_TCP && options.proto != IPPROTO_UDP) return {};
  if (options.type != SOCK_STREAM && options.type != SOCK_DGRAM) return {};
  const std::optional<int> family = family_of_literal(host);
  if (!family || (options.family != AF_UNSPEC && options.family != *family)) return {};
  const int proto = options.type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  return AddressInfo{*family, options.type, proto, {}, address};
}

std::vector<AddressInfo> lookup_addresses(const std::string& host, const std::string& port,
                                          const AddressInfoOptions& options) {
  refuse_zero_byte(host);
  refuse_zero_byte(port);
  const std::string name = encode_idna(host);
  addrinfo hints{};
  hints.ai_family = options.family;
  hints.ai_socktype = options.type;
  hints.ai_protocol = options.proto;
  hints.ai_flags = options.flags;
  addrinfo* found = nullptr;
  const int code =
      ::getaddrinfo(name.empty() ? nullptr : name.c_str(), port.empty() ? nullptr : port.c_str(), &hints, &found);
  if (code != 0) throw_gaierror(code, "getaddrinfo '" + host + "'");
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);

  std::vector<AddressInfo> answers;
  for (const addrinfo* info = found; info; info = info->ai_next) {
    if (info->ai_family != AF_INET && info->ai_family != AF_INET6) continue;
    SystemAddress address;
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.size = info->ai_addrlen;
    answers.push_back({.family = info->ai_family,
                       .type = info->ai_socktype,
                       .proto = info->ai_protocol,
                       .canonical_name = info->ai_canonname ? info->ai_canonname : "",
                       .address = from_system(address)});
  }
  if (answers.empty()) throw_gaierror(EAI_NODATA, "getaddrinfo '" + host + "'");
  return answers;
}

std::pair<std::string, std::string> lookup_names(const Address& address, int flags) {
  const int family = address.host().find(':') != std::string::npos ? AF_INET6 : AF_INET;
  const SystemAddress asked = to_system(address, family);
  char host[NI_MAXHOST];
  char service[NI_MAXSERV];
  const int code = ::getnameinfo(asked.get(), asked.size, host, sizeof host, service, sizeof service, flags);
  if (code != 0) throw_gaierror(code, "getnameinfo " + address.to_string());
  return {host, service};
}

std::vector<AddressInfo> interleave_addrinfos(std::vector<AddressInfo> addresses, int first_family_count) {
  std::vector<std::vector<AddressInfo>> families;  // in the order of their first appearance
  for (AddressInfo& info : addresses) {
    auto place = std::ranges::find_if(families, [&](const auto& of) { return of.front().family == info.family; });
    if (place == families.end()) place = families.insert(place, std::vector<AddressInfo>{});
    place->push_back(std::move(info));
  }
  std::vector<AddressInfo> ordered;
  if (families.empty()) return ordered;
  auto& first = families.front();
  const auto head = std::min(first.size(), static_cast<std::size_t>(std::max(first_family_count - 1, 0)));
  std::move(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(head), std::back_inserter(ordered));
  first.erase(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(head));
  const std::size_t longest = std::ranges::max(families, {}, &std::vector<AddressInfo>::size).size();
  for (std::size_t turn = 0; turn < longest; ++turn) {
    for (auto& family : families) {
      if (turn < family.size()) ordered.push_back(std::move(family[turn]));
    }
  }
  return ordered;
}

}  // namespace asyncio
