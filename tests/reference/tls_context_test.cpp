// tls_context_test.cpp: what a context is at first, what it refuses, and how it says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asyncio/ssl_object.hpp>

#include <fstream>

#include <openssl/ssl.h>

#include "tests/reference/real_network.hpp"
#include "tests/reference/tls_certificates.hpp"

namespace asyncio {
namespace {

using testing::HasSubstr;

/// The text of the E that `act` throws; "nothing" where it returns.
template <class E, class Act>
std::string refusal(Act act) {
  try {
    act();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing";
}

TEST(ASslContext, IsStrictForAClient) {
  const auto context = ssl::create_default_context();
  EXPECT_EQ(context->protocol(), ssl::PROTOCOL_TLS_CLIENT);
  EXPECT_EQ(context->verify_mode(), ssl::CERT_REQUIRED);
  EXPECT_TRUE(context->check_hostname());
  EXPECT_EQ(context->minimum_version(), ssl::TLSVersion::TLSv1_2);
  EXPECT_EQ(context->maximum_version(), ssl::TLSVersion::TLSv1_3);
  EXPECT_EQ(context->verify_flags() & ssl::VERIFY_X509_STRICT, ssl::VERIFY_X509_STRICT);
  EXPECT_FALSE(context->reproducible());
}

TEST(ASslContext, AsksNothingOfTheClientsOfAServer) {
  const auto context = ssl::create_default_context(ssl::Purpose::CLIENT_AUTH);
  EXPECT_EQ(context->protocol(), ssl::PROTOCOL_TLS_SERVER);
  EXPECT_EQ(context->verify_mode(), ssl::CERT_NONE);
  EXPECT_FALSE(context->check_hostname());
}

// X1
TEST(ASslContext, DoesNotCheckANameWithoutACertificate) {
  SSLContext context;
  EXPECT_EQ(refusal<std::invalid_argument>([&] { context.set_verify_mode(ssl::CERT_NONE); }),
            "Cannot set verify_mode to CERT_NONE when check_hostname is enabled.");
  context.set_check_hostname(false);
  context.set_verify_mode(ssl::CERT_NONE);
  context.set_check_hostname(true);
  EXPECT_EQ(context.verify_mode(), ssl::CERT_REQUIRED);
}

TEST(ASslContext, ReadsCertificatesFromFiles) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("both.pem")) << localhost().certificate << localhost().key;
  std::ofstream(folder.file("ca.pem")) << test_authority().certificate();
  SSLContext server(ssl::PROTOCOL_TLS_SERVER);
  server.load_cert_chain({.certfile = folder.file("both.pem")});
  server.load_verify_locations({.cafile = folder.file("ca.pem"), .capath = folder.file("")});
}

TEST(ASslContext, SaysWhatIsWrongWithAFile) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("empty.pem")) << "\n";
  SSLContext context(ssl::PROTOCOL_TLS_SERVER);
  const auto load = [&](const ssl::CertChain& chain) {
    return refusal<std::system_error>([&] { context.load_cert_chain(chain); });
  };
  EXPECT_THAT(load({.certfile = folder.file("none.pem")}), HasSubstr("none.pem': No such file or directory"));
  EXPECT_THAT(load({.certfile = folder.file("empty.pem")}), HasSubstr("[PEM: NO_START_LINE] no certificate in '"));
  EXPECT_EQ(load({.certdata = localhost().certificate}), "[PEM: NO_START_LINE] no private key in certdata");
  EXPECT_THAT(load({.certdata = localhost().certificate, .keydata = self_signed({.name = "x"}).key}),
              HasSubstr("[X509: KEY_VALUES_MISMATCH] key values mismatch"));
  EXPECT_THAT(load({.certdata = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}), HasSubstr("["));
  EXPECT_EQ(refusal<std::invalid_argument>([&] { context.load_cert_chain({}); }),
            "load_cert_chain() needs a certificate: give certfile or certdata");
}

// OpenSSL by itself would ask for the password at the terminal, and wait.
TEST(ASslContext, DoesNotAskForThePasswordOfAKey) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("plain.pem")) << localhost().key;
  if (std::system(("openssl pkey -in " + folder.file("plain.pem") + " -aes256 -passout pass:sesame -out " +
                   folder.file("locked.pem") + " 2>/dev/null")
                      .c_str()) != 0) {
    GTEST_SKIP() << "no openssl";
  }
  SSLContext context(ssl::PROTOCOL_TLS_SERVER);
  ssl::CertChain chain{.keyfile = folder.file("locked.pem"), .certdata = localhost().certificate};
  EXPECT_THAT(refusal<SSLError>([&] { context.load_cert_chain(chain); }), HasSubstr("is encrypted: give its password"));
  chain.password = "wrong";
  EXPECT_NE(refusal<SSLError>([&] { context.load_cert_chain(chain); }), "nothing");
  chain.password = "sesame";
  context.load_cert_chain(chain);
}

TEST(ASslContext, SaysWhatIsWrongWithThoseWhomItIsToTrust) {
  SSLContext context;
  EXPECT_EQ(refusal<std::invalid_argument>([&] { context.load_verify_locations({}); }),
            "cafile, capath and cadata cannot be all omitted");
  EXPECT_EQ(refusal<SSLError>([&] { context.load_verify_locations({.cadata = "no"}); }),
            "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found in cadata");
  EXPECT_THAT(refusal<std::system_error>([&] { context.load_verify_locations({.cafile = "/no/such"}); }),
              HasSubstr("cannot read '/no/such': No such file"));
}

TEST(ASslContext, RefusesWhatIsNoList) {
  SSLContext context;
  EXPECT_EQ(refusal<SSLError>([&] { context.set_ciphers("ROT13"); }),
            "[SSL: NO_CIPHER_MATCH] No cipher can be selected from 'ROT13'");
  EXPECT_THAT(refusal<std::invalid_argument>([&] { context.set_alpn_protocols({"h2", ""}); }),
              HasSubstr("must be 1 to 255 bytes long, and one has 0"));
}

// A client that asks for new keys again and again costs a server more than itself (CVE-2011-1473).
TEST(ASslObject, DoesNotRenegotiate) {
  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> context(
      SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  const std::unique_ptr<SSL, decltype([](SSL* c) { SSL_free(c); })> client(SSL_new(context.get()));
  SSL_set_bio(client.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(client.get());
  SSLObject server(server_context(), true);
  const auto carry = [&] {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(client.get())), '\0');
    BIO_read(SSL_get_wbio(client.get()), bytes.data(), static_cast<int>(bytes.size()));
    server.feed(bytes);
  };
  const auto bring = [&] {
    const std::string bytes = server.take_outgoing();
    BIO_write(SSL_get_rbio(client.get()), bytes.data(), static_cast<int>(bytes.size()));
  };
  for (bool done = false; SSL_do_handshake(client.get()) != 1 || !done; bring()) {
    carry();
    done = server.do_handshake();
  }
  EXPECT_EQ(SSL_renegotiate(client.get()), 1);
  SSL_do_handshake(client.get());
  carry();

  char byte = 0;
  EXPECT_EQ(server.read({&byte, 1}), std::nullopt);  // not an error of the server, which goes on
  bring();
  EXPECT_NE(SSL_do_handshake(client.get()), 1);
  EXPECT_EQ(server.version(), "TLSv1.2");
}

}  // namespace
}  // namespace asyncio
