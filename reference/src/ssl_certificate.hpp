// ssl_certificate.hpp: a certificate of OpenSSL's as something to read.
#pragma once

#include "ssl_state.hpp"

#include <asyncio/ssl_object.hpp>

namespace asyncio {

/// What is in a certificate.
SSLCertificate to_certificate(const X509& certificate);
/// The whole of it, as it was sent.
std::string to_der(const X509& certificate);

}  // namespace asyncio
