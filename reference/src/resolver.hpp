// resolver.hpp: from names to addresses and back.
//
// A literal address needs no resolver: ipaddr_info() reads it. Everything else is a question to the C library,
// which may take seconds and cannot be interrupted. The lookup_… functions ask it right here and wait; a loop
// has them called where waiting hurts nobody.
//
// Source: CPython Lib/asyncio/base_events.py, _ipaddr_info, _ensure_resolved, _interleave_addrinfos. Rules: S230 to
// S232.
#pragma once

#include <asyncio/loop_options.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asyncio {

/// Which family a literal address belongs to.
///
/// \param host  maybe such an address; one with a zone index is none
/// \return      AF_INET or AF_INET6; empty where it is none
std::optional<int> family_of_literal(const std::string& host);

/// What getaddrinfo() would answer for a literal address (S230).
///
/// \param address  a literal, without a zone index, and a port
/// \return         empty where the resolver must be asked: a name, a zone, an unknown type or protocol
std::optional<AddressInfo> ipaddr_info(const Address& address, const AddressInfoOptions& options);

/// Asks the resolver and waits.
///
/// \param host  a name in any script or a literal; empty for this machine
/// \param port  a number or the name of a service; empty for none
/// \return      at least one answer
/// \throws std::system_error      of gaierror_category(), naming the host
/// \throws std::invalid_argument  where there is a zero byte in one of them, or the name cannot be encoded
std::vector<AddressInfo> lookup_addresses(const std::string& host, const std::string& port,
                                          const AddressInfoOptions& options);

/// Asks the resolver for the names of an address, and waits.
///
/// \param flags  NI_NUMERICHOST and its sisters
/// \throws std::system_error  of gaierror_category(), naming the address
std::pair<std::string, std::string> lookup_names(const Address& address, int flags);

/// Brings addresses into the order in which they are to be tried (S232): `first_family_count` - 1 of the first family,
/// then the families in turns.
///
/// \param first_family_count  at least 1
std::vector<AddressInfo> interleave_addrinfos(std::vector<AddressInfo> addresses, int first_family_count = 1);

}  // namespace asyncio
