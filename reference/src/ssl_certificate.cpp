// ssl_certificate.cpp: names, dates and hosts of a certificate, in CPython's words.
//
// Whoever made the certificate chose these bytes. A name may hold a zero byte, so that code which takes it for a C
// string reads another name than the one that was signed: everything here goes by length.
//
// Source: CPython Modules/_ssl.c, _decode_certificate.
#include "ssl_certificate.hpp"

#include <openssl/x509v3.h>

#include <array>
#include <memory>

namespace asyncio {
namespace {

std::string text_of_memory(BIO* memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

std::string as_utf8(const ASN1_STRING* value) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, value);
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return text;
}

std::string as_it_is(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

std::string attribute_name(const ASN1_OBJECT* object) {
  if (const int nid = OBJ_obj2nid(object); nid != NID_undef) return OBJ_nid2ln(nid);
  std::array<char, 128> digits{};
  OBJ_obj2txt(digits.data(), static_cast<int>(digits.size()), object, 1);
  return digits.data();
}

SSLCertificate::Name to_name(const X509_NAME* name) {
  SSLCertificate::Name parts;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    parts.emplace_back(attribute_name(X509_NAME_ENTRY_get_object(entry)), as_utf8(X509_NAME_ENTRY_get_data(entry)));
  }
  return parts;
}

std::string to_date(const ASN1_TIME* time) {
  const BIOPointer memory(BIO_new(BIO_s_mem()));
  return ASN1_TIME_print(memory.get(), time) == 1 ? text_of_memory(memory.get()) : "";
}

std::string to_hexadecimal(const ASN1_INTEGER* number) {
  const BIOPointer memory(BIO_new(BIO_s_mem()));
  return i2a_ASN1_INTEGER(memory.get(), number) > 0 ? text_of_memory(memory.get()) : "";
}

/// As Python writes it: "127.0.0.1", "0:0:0:0:0:0:0:1".
std::string to_address(const ASN1_OCTET_STRING* address) {
  const unsigned char* const bytes = ASN1_STRING_get0_data(address);
  const int size = ASN1_STRING_length(address);
  const BIOPointer memory(BIO_new(BIO_s_mem()));
  if (size == 4) {
    BIO_printf(memory.get(), "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
  } else if (size == 16) {
    for (int i = 0; i < 16; i += 2) BIO_printf(memory.get(), i > 0 ? ":%X" : "%X", bytes[i] << 8 | bytes[i + 1]);
  } else {
    return "<invalid>";
  }
  return text_of_memory(memory.get());
}

SSLCertificate::Name to_hosts(const X509& certificate) {
  SSLCertificate::Name hosts;
  const std::unique_ptr<GENERAL_NAMES, OpenSSLFree<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    switch (name->type) {
      case GEN_DNS: hosts.emplace_back("DNS", as_it_is(name->d.dNSName)); break;
      case GEN_EMAIL: hosts.emplace_back("email", as_it_is(name->d.rfc822Name)); break;
      case GEN_URI: hosts.emplace_back("URI", as_it_is(name->d.uniformResourceIdentifier)); break;
      case GEN_IPADD: hosts.emplace_back("IP Address", to_address(name->d.iPAddress)); break;
      default: break;  // kinds that name no host
    }
  }
  return hosts;
}

}  // namespace

SSLCertificate to_certificate(const X509& certificate) {
  return {.subject = to_name(X509_get_subject_name(&certificate)),
          .issuer = to_name(X509_get_issuer_name(&certificate)),
          .version = static_cast<int>(X509_get_version(&certificate)) + 1,
          .serial_number = to_hexadecimal(X509_get0_serialNumber(&certificate)),
          .not_before = to_date(X509_get0_notBefore(&certificate)),
          .not_after = to_date(X509_get0_notAfter(&certificate)),
          .subject_alt_name = to_hosts(certificate)};
}

std::string to_der(const X509& certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(&certificate, &bytes);
  if (size < 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace asyncio
