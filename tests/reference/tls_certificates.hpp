// tls_certificates.hpp: certificates that are made when the tests run, so that none in the repository can expire.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <asyncio/ssl.hpp>

namespace asyncio {

/// A certificate and its key, in PEM.
struct Issued {
  std::string certificate;
  std::string key;

  /// For SSLContext::load_cert_chain().
  ssl::CertChain chain() const { return {.certdata = certificate, .keydata = key}; }
};

/// What a certificate is to say.
struct CertificateWish {
  std::string name;                     ///< the common name
  std::vector<std::string> hosts = {};  ///< "DNS:example.org", "IP:127.0.0.1"
  int from_day = -1;                    ///< valid from so many days after today
  int until_day = 30;                   ///< until so many
};

/// Somebody who signs certificates.
class Authority {
 public:
  explicit Authority(std::string name);
  /// Its own certificate, for those who trust it.
  const std::string& certificate() const { return own_.certificate; }
  /// A new key, with a certificate for it.
  Issued issue(const CertificateWish& wish) const;
  /// A list in PEM that revokes these, valid today and tomorrow.
  std::string revocation_list(const std::vector<Issued>& revoked) const;

 private:
  std::string name_;
  Issued own_;
};

/// A certificate that has signed itself.
Issued self_signed(const CertificateWish& wish);

/// The authority that the tests trust.
const Authority& test_authority();
/// What it has issued for "localhost" and 127.0.0.1.
const Issued& localhost();

/// A context for a server that is localhost, and one for a client that trusts the authority.
std::shared_ptr<SSLContext> server_context(const Issued& who = localhost());
std::shared_ptr<SSLContext> client_context();

}  // namespace asyncio
