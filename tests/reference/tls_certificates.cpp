// tls_certificates.cpp: a certificate authority of a few lines.
#include "tests/reference/tls_certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace asyncio {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

template <class Write>
std::string in_pem(Write write) {
  const std::unique_ptr<BIO, Freed<BIO_free>> memory(BIO_new(BIO_s_mem()));
  if (write(memory.get()) != 1) throw std::runtime_error("cannot write PEM");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Key key_from(const std::string& pem) {
  const std::unique_ptr<BIO, Freed<BIO_free>> memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr));
}

Certificate certificate_from(const std::string& pem) {
  const std::unique_ptr<BIO, Freed<BIO_free>> memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (!extension) throw std::runtime_error("no such extension: " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// \param issuer  null: it signs itself, as an authority where `authority`
Issued make(const CertificateWish& wish, bool authority, const Issued* issuer) {
  static long serial = 0;
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_time_adj_ex(X509_getm_notBefore(made.get()), wish.from_day, 0, nullptr);
  X509_time_adj_ex(X509_getm_notAfter(made.get()), wish.until_day, 0, nullptr);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
  const Certificate signer = issuer ? certificate_from(issuer->certificate) : nullptr;
  X509* signed_by = issuer ? signer.get() : made.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(signed_by));
  extend(made.get(), signed_by, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(made.get(), signed_by, NID_key_usage,
         authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  extend(made.get(), signed_by, NID_subject_key_identifier, "hash");
  extend(made.get(), signed_by, NID_authority_key_identifier, "keyid:always");
  std::string hosts;
  for (const std::string& host : wish.hosts) hosts += (hosts.empty() ? "" : ",") + host;
  if (!hosts.empty()) extend(made.get(), signed_by, NID_subject_alt_name, hosts);
  const Key signing = issuer ? key_from(issuer->key) : nullptr;
  X509_sign(made.get(), issuer ? signing.get() : key.get(), EVP_sha256());
  return {in_pem([&](BIO* memory) { return PEM_write_bio_X509(memory, made.get()); }), in_pem([&](BIO* memory) {
            return PEM_write_bio_PrivateKey(memory, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace

Authority::Authority(std::string name) : name_(std::move(name)), own_(make({.name = name_}, true, nullptr)) {}
Issued Authority::issue(const CertificateWish& wish) const { return make(wish, false, &own_); }

std::string Authority::revocation_list(const std::vector<Issued>& revoked) const {
  const std::unique_ptr<X509_CRL, Freed<X509_CRL_free>> list(X509_CRL_new());
  const std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>> today(X509_time_adj_ex(nullptr, -1, 0, nullptr));
  const std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>> tomorrow(X509_time_adj_ex(nullptr, 1, 0, nullptr));
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_from(own_.certificate).get()));
  X509_CRL_set1_lastUpdate(list.get(), today.get());
  X509_CRL_set1_nextUpdate(list.get(), tomorrow.get());
  for (const Issued& one : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate_from(one.certificate).get()));
    X509_REVOKED_set_revocationDate(entry, today.get());
    X509_CRL_add0_revoked(list.get(), entry);
  }
  X509_CRL_sign(list.get(), key_from(own_.key).get(), EVP_sha256());
  return in_pem([&](BIO* memory) { return PEM_write_bio_X509_CRL(memory, list.get()); });
}

Issued self_signed(const CertificateWish& wish) { return make(wish, false, nullptr); }

const Authority& test_authority() {
  static const Authority authority("Orrery test authority");
  return authority;
}

const Issued& localhost() {
  static const Issued issued =
      test_authority().issue({.name = "a server", .hosts = {"DNS:localhost", "IP:127.0.0.1", "IP:::1"}});
  return issued;
}

std::shared_ptr<SSLContext> server_context(const Issued& who) {
  auto context = ssl::create_default_context(ssl::Purpose::CLIENT_AUTH);
  context->load_cert_chain(who.chain());
  return context;
}

std::shared_ptr<SSLContext> client_context() {
  return ssl::create_default_context(ssl::Purpose::SERVER_AUTH, {.cadata = test_authority().certificate()});
}

}  // namespace asyncio
