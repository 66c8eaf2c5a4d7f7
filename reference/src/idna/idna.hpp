// idna.hpp: names of hosts in any script, in the letters that a network knows.
//
// DNS, certificates and the greeting of TLS know ASCII only: "bücher.example" is "xn--bcher-kva.example" to them.
// Python encodes names with its codec "idna", which is IDNA of 2003; libidn2 does the same in the transitional form of
// UTS 46, in which "straße" is "strasse". Without libidn2 the other one of two sources is compiled, and such a name is
// refused.
//
// Source: CPython Modules/socketmodule.c, getaddrinfo; Lib/ssl.py, _encode_hostname; Lib/encodings/idna.py. Rules:
// S229.
#pragma once

#include <string>

namespace asyncio {

/// Whether names in other scripts than ASCII can be encoded in this build.
bool knows_idna() noexcept;

/// The name of a host as it is asked for.
///
/// \param host  in UTF-8; a name in ASCII, or a literal address, stays as it is
/// \return      in ASCII
/// \throws std::invalid_argument  where it is no name that can be encoded, or this build cannot encode any
std::string encode_idna(const std::string& host);

}  // namespace asyncio
