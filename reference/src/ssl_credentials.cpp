// ssl_credentials.cpp: certificates and keys, from PEM into a context: who this side is, and whom it trusts.
//
// Files are read whole, by us and not by OpenSSL, so that a file and a text in its place go the same way, and the error
// of a file that cannot be read is the system's. A new certificate or a new authority is a new rule: the sessions that
// were agreed on before are forgotten (X3 of ssl.hpp).
//
// Source: CPython Modules/_ssl.c, load_cert_chain, load_verify_locations. Rules: S228, S229.
#include "ssl_state.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace asyncio {
namespace {

/// A whole file of certificates or keys.
///
/// \throws std::system_error  with errno
std::string read_pem(const std::string& path) {
  const auto failed = [&] { return std::system_error(errno, std::generic_category(), "cannot read '" + path + "'"); };
  const FilePointer file(std::fopen(path.c_str(), "rbe"));
  if (!file) throw failed();
  std::string text;
  std::array<char, 4096> block{};
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block.data(), count);
  }
  if (std::ferror(file.get()) != 0) throw failed();
  return text;
}

BIOPointer memory_of(const std::string& text) {
  return BIOPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Whether a PEM file just has no more of what was asked for. Empties the queue where that is so.
bool at_end_of_pem() {
  const unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) return false;
  ERR_clear_error();
  return true;
}

/// The next certificate; null where there is none.
///
/// \throws SSLError  where what is there is no certificate
X509Pointer next_certificate(BIO* pem, OSSL_LIB_CTX* library) {
  X509* certificate = X509_new_ex(library, nullptr);
  if (PEM_read_bio_X509_AUX(pem, &certificate, nullptr, nullptr)) return X509Pointer(certificate);
  X509_free(certificate);
  if (!at_end_of_pem()) throw_ssl_error("this is no certificate");
  return nullptr;
}

/// Gives OpenSSL the password of a key; without one it would ask at the terminal.
int give_password(char* place, int size, int, void* password) noexcept {
  const auto& given = *static_cast<const std::optional<std::string>*>(password);
  if (!given || given->size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(place, given->data(), given->size());
  return static_cast<int>(given->size());
}

/// \param where  the name of the file, for the message
KeyPointer read_key(const std::string& pem, const std::string& where, const std::optional<std::string>& password,
                    OSSL_LIB_CTX* library) {
  if (pem.find("PRIVATE KEY-----") == std::string::npos) {
    throw SSLError("PEM", "NO_START_LINE", "[PEM: NO_START_LINE] no private key in " + where);
  }
  KeyPointer key(PEM_read_bio_PrivateKey_ex(memory_of(pem).get(), nullptr, give_password,
                                            const_cast<std::optional<std::string>*>(&password), library, nullptr));
  if (key) return key;
  if (!password && pem.find("ENCRYPTED") != std::string::npos) {
    ERR_clear_error();
    throw SSLError("PEM", "BAD_PASSWORD_READ",
                   "[PEM: BAD_PASSWORD_READ] the private key in " + where + " is encrypted: give its password");
  }
  throw_ssl_error("the private key in " + where + " cannot be read");
}

/// Adds all certificates and revocation lists of a text to those that are trusted.
///
/// \return  how many there are
int trust_all(const std::string& pem, X509_STORE* store, OSSL_LIB_CTX* library) {
  int count = 0;
  const BIOPointer memory = memory_of(pem);
  STACK_OF(X509_INFO)* found = PEM_X509_INFO_read_bio_ex(memory.get(), nullptr, nullptr, nullptr, library, nullptr);
  const std::unique_ptr<STACK_OF(X509_INFO),
                        decltype([](STACK_OF(X509_INFO) * all) { sk_X509_INFO_pop_free(all, X509_INFO_free); })>
      kept(found);
  if (!found) throw_ssl_error("this is no list of certificates");
  for (int i = 0; i < sk_X509_INFO_num(found); ++i) {
    const X509_INFO* one = sk_X509_INFO_value(found, i);
    if (one->x509 && X509_STORE_add_cert(store, one->x509) == 1) ++count;
    if (one->crl && X509_STORE_add_crl(store, one->crl) == 1) ++count;
  }
  ERR_clear_error();
  return count;
}

}  // namespace

void SSLContext::load_cert_chain(const ssl::CertChain& chain) {
  if (chain.certfile.empty() && chain.certdata.empty()) {
    throw std::invalid_argument("load_cert_chain() needs a certificate: give certfile or certdata");
  }
  ERR_clear_error();
  state_->forget_sessions();  // they are those of somebody else
  const std::string certificates = chain.certfile.empty() ? chain.certdata : read_pem(chain.certfile);
  const std::string certificates_name = chain.certfile.empty() ? "certdata" : "'" + chain.certfile + "'";
  const bool own_key = !chain.keyfile.empty() || !chain.keydata.empty();
  const std::string key_pem =
      !own_key ? certificates : (chain.keyfile.empty() ? chain.keydata : read_pem(chain.keyfile));
  const std::string key_name =
      chain.keyfile.empty() ? (own_key ? "keydata" : certificates_name) : "'" + chain.keyfile + "'";

  const BIOPointer pem = memory_of(certificates);
  const X509Pointer first = next_certificate(pem.get(), state_->library.get());
  if (!first) throw SSLError("PEM", "NO_START_LINE", "[PEM: NO_START_LINE] no certificate in " + certificates_name);
  const KeyPointer key = read_key(key_pem, key_name, chain.password, state_->library.get());
  SSL_CTX* context = state_->context.get();
  if (SSL_CTX_use_certificate(context, first.get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    throw_ssl_error("the certificate and the private key do not fit together");
  }
  SSL_CTX_clear_chain_certs(context);
  while (const X509Pointer next = next_certificate(pem.get(), state_->library.get())) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) throw_ssl_error("the chain holds a bad certificate");
  }
}

void SSLContext::load_verify_locations(const ssl::VerifyLocations& locations) {
  if (locations.cafile.empty() && locations.capath.empty() && locations.cadata.empty()) {
    throw std::invalid_argument("cafile, capath and cadata cannot be all omitted");
  }
  ERR_clear_error();
  state_->forget_sessions();
  X509_STORE* store = SSL_CTX_get_cert_store(state_->context.get());
  const auto trust = [&](const std::string& pem, const std::string& where) {
    if (trust_all(pem, store, state_->library.get()) > 0) return;
    throw SSLError("X509", "NO_CERTIFICATE_OR_CRL_FOUND",
                   "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found in " + where);
  };
  if (!locations.cafile.empty()) trust(read_pem(locations.cafile), "'" + locations.cafile + "'");
  if (!locations.cadata.empty()) trust(locations.cadata, "cadata");
  if (!locations.capath.empty() && X509_STORE_load_path(store, locations.capath.c_str()) != 1) {
    throw_ssl_error("cannot read the folder '" + locations.capath + "'");
  }
}

void SSLContext::set_default_verify_paths() {
  state_->forget_sessions();
  SSL_CTX_set_default_verify_paths(state_->context.get());
  ERR_clear_error();  // that there are none is no error: every certificate is refused then
}

}  // namespace asyncio
