// tls_context_test.cpp: what a context is at first, what it refuses, and how it says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asyncio/ssl_object.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "reference/src/ssl_state.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/tls_certificates.hpp"

namespace asyncio {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

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
  EXPECT_THAT(refusal<std::invalid_argument>(
                  [&] { context.set_alpn_protocols(std::vector<std::string>(256, std::string(255, 'a'))); }),
              HasSubstr("may be 65535 bytes together"));
  EXPECT_THAT(refusal<std::invalid_argument>([&] { context.set_options(1); }),
              HasSubstr("set_options() knows ssl::OP_IGNORE_UNEXPECTED_EOF only"));
}

TEST(ASslContext, IsStrictAboutTheEndAtFirst) {
  SSLContext context;
  EXPECT_EQ(context.options(), 0U);
  context.set_options(ssl::OP_IGNORE_UNEXPECTED_EOF);
  EXPECT_EQ(context.options(), ssl::OP_IGNORE_UNEXPECTED_EOF);
  context.set_options(0);
  EXPECT_EQ(context.options(), 0U);
}

// ---- Sessions, names ----

/// Connects once, with a byte each way, behind which a session comes.
///
/// \return  "new", "reused", or what went wrong
std::string talk(
    const std::shared_ptr<SSLContext>& client_rules, const char* host, const std::shared_ptr<SSLContext>& server_rules,
    const std::function<void()>& meanwhile = [] {}) {
  SSLObject client(client_rules, false, host);
  SSLObject server(server_rules, true);
  char byte = 0;
  try {
    bool client_done = false;
    bool server_done = false;
    for (int i = 0; i < 4 && !(client_done && server_done); ++i) {
      if (!client_done) client_done = client.do_handshake();
      server.feed(client.take_outgoing());
      if (!server_done) server_done = server.do_handshake();
      client.feed(server.take_outgoing());
    }
    meanwhile();
    client.write("x");
    server.feed(client.take_outgoing());
    server.read({&byte, 1});
    server.write("y");
    client.feed(server.take_outgoing());
    client.read({&byte, 1});
    client.unwrap();  // the session of a connection that ends without it is not taken up
    server.feed(client.take_outgoing());
    server.unwrap();
    client.feed(server.take_outgoing());
    client.unwrap();
  } catch (const SSLError& error) {
    return error.what();
  }
  EXPECT_EQ(byte, 'y');
  return client.session_reused() ? "reused" : "new";
}

std::shared_ptr<SSLContext> client_with_sessions(const Authority* issuer = nullptr) {
  auto context = client_context();
  if (issuer) context->load_cert_chain(issuer->issue({.name = "a client"}).chain());
  context->set_session_reuse(true);
  return context;
}

std::shared_ptr<SSLContext> server_for(const char* host, const Authority* clients = nullptr) {
  auto context = server_context(test_authority().issue({.name = host, .hosts = {std::string("DNS:") + host}}));
  if (clients) context->load_verify_locations({.cadata = clients->certificate()});
  if (clients) context->set_verify_mode(ssl::CERT_REQUIRED);
  return context;
}

TEST(ASslContext, TrustsWhomItFindsInAFolder) {
  const TemporaryFolder folder;
  const BIOPointer pem(BIO_new_mem_buf(test_authority().certificate().data(), -1));
  const X509Pointer authority(PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
  char hash[16];
  std::snprintf(hash, sizeof hash, "%08lx.0", X509_subject_name_hash(authority.get()));
  const auto client = std::make_shared<SSLContext>();
  client->load_verify_locations({.capath = folder.file("")});
  EXPECT_THAT(talk(client, "a.test", server_for("a.test")), HasSubstr("unable to get local issuer certificate"));
  std::ofstream(folder.file(hash)) << test_authority().certificate();
  EXPECT_EQ(talk(client, "a.test", server_for("a.test")), "new");
}

TEST(ASslContext, LooksAtListsOfRevokedCertificatesWhereThatIsAskedFor) {
  const Issued good = test_authority().issue({.name = "good", .hosts = {"DNS:a.test"}});
  const Issued bad = test_authority().issue({.name = "bad", .hosts = {"DNS:a.test"}});
  const auto client = client_context();
  client->set_verify_flags(ssl::VERIFY_CRL_CHECK_LEAF);
  EXPECT_THAT(talk(client, "a.test", server_context(good)), HasSubstr("unable to get certificate CRL"));
  client->load_verify_locations({.cadata = test_authority().revocation_list({bad})});
  EXPECT_EQ(talk(client, "a.test", server_context(good)), "new");
  EXPECT_THAT(talk(client, "a.test", server_context(bad)), HasSubstr("certificate revoked"));
  client->set_verify_flags(0);
  EXPECT_EQ(talk(client, "a.test", server_context(bad)), "new");
}

// X3: in TLS 1.3 a session comes some time after the handshake, and then the rules may be others.
TEST(ASslContext, TakesNoSessionFromAConnectionWithOlderRules) {
  const auto impostor = server_context(self_signed({.name = "impostor"}));
  const auto client = std::make_shared<SSLContext>();
  client->set_check_hostname(false);
  client->set_verify_mode(ssl::CERT_NONE);
  client->set_session_reuse(true);
  EXPECT_EQ(talk(client, "bank.test", impostor, [&] { client->set_check_hostname(true); }), "new");
  EXPECT_THAT(talk(client, "bank.test", impostor), HasSubstr("CERTIFICATE_VERIFY_FAILED"));
}

// X3
TEST(ASslContext, TakesUpNoSessionOfAServerThatHasOtherRulesNow) {
  const auto server = server_for("a.test");
  const auto client = client_with_sessions();
  EXPECT_EQ(talk(client, "a.test", server), "new");
  EXPECT_EQ(talk(client, "a.test", server), "reused");
  server->load_verify_locations({.cadata = test_authority().certificate()});
  server->set_verify_mode(ssl::CERT_REQUIRED);
  EXPECT_THAT(talk(client, "a.test", server), HasSubstr("PEER_DID_NOT_RETURN_A_CERTIFICATE"));
}

// X3, CVE-2025-23419: one who may come to a.test has no business at b.test, whose tickets have the same key.
TEST(ASslContext, TakesUpNoSessionOfAnotherName) {
  const Authority of_a("a");
  const Authority of_b("b");
  for (const auto version : {ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3}) {
    const auto server = server_for("a.test", &of_a);
    const auto other = server_for("b.test", &of_b);
    server->set_sni_callback([&](const auto& name) { return name == "b.test" ? other : nullptr; });
    const auto client = client_with_sessions(&of_a);
    client->set_maximum_version(version);
    EXPECT_EQ(talk(client, "a.test", server), "new");
    EXPECT_EQ(talk(client, "a.test", server), "reused");
    talk(client, "a.test", server);  // TLS 1.2 has given no new session for the one that was taken up
    const SSLSessionPointer session = client->state().take_session("a.test");
    ASSERT_TRUE(session);
    client->state().remember_session("b.test", client->state().rules_version(), session.get());
    EXPECT_THAT(talk(client, "b.test", server), HasSubstr("CERTIFICATE_VERIFY_FAILED"));
    const auto welcome = client_with_sessions(&of_b);
    EXPECT_EQ(talk(welcome, "b.test", server), "new");
    EXPECT_EQ(talk(welcome, "b.test", server), "reused");
  }
}

// All rules of the chosen context hold, and none of the first.
TEST(ASslContext, IsReplacedAsAWholeByTheOneThatIsChosen) {
  const auto server = server_for("a.test");
  const auto chosen = server_for("b.test", &test_authority());
  server->set_sni_callback([&](const auto&) { return chosen; });
  EXPECT_THAT(talk(client_context(), "b.test", server), HasSubstr("PEER_DID_NOT_RETURN_A_CERTIFICATE"));
  chosen->set_verify_mode(ssl::CERT_NONE);
  chosen->set_minimum_version(ssl::TLSVersion::TLSv1_3);
  const auto older = client_context();
  older->set_maximum_version(ssl::TLSVersion::TLSv1_2);
  EXPECT_THAT(talk(older, "b.test", server), HasSubstr("UNSUPPORTED_PROTOCOL"));
  EXPECT_EQ(talk(client_context(), "b.test", server), "new");
}

TEST(ASslContext, IsNotReplacedByOneForClients) {
  const auto server = server_for("a.test");
  server->set_sni_callback([](const auto&) { return client_context(); });
  EXPECT_THAT(refusal<std::invalid_argument>([&] { talk(client_context(), "a.test", server); }),
              HasSubstr("must choose a PROTOCOL_TLS_SERVER context"));
}

// Under sanitizers: the callback goes on after it has put another in its own place.
TEST(ASslContext, MayGetAnotherCallbackFromItsCallback) {
  const auto server = server_for("a.test");
  std::string seen;
  server->set_sni_callback([&, text = std::string(100, 'z')](const auto&) {
    server->set_sni_callback({});
    seen = text;
    return std::shared_ptr<SSLContext>();
  });
  EXPECT_EQ(talk(client_context(), "a.test", server), "new");
  EXPECT_EQ(seen, std::string(100, 'z'));
}

// ---- Secrets ----

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(ASslContext, WritesSecretsDownWhereThatIsAskedFor) {
  const TemporaryFolder folder;
  const auto client = client_context();
  EXPECT_EQ(client->keylog_filename(), "");
  client->set_keylog_filename(folder.file("keys"));
  EXPECT_EQ(client->keylog_filename(), folder.file("keys"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(talk(client, "a.test", server_for("a.test")), "new");
  client->set_keylog_filename(folder.file("keys"));  // goes on behind what is there
  EXPECT_EQ(talk(client, "a.test", server_for("a.test")), "new");
  client->set_keylog_filename("");
  EXPECT_EQ(talk(client, "a.test", server_for("a.test")), "new");

  const std::vector<std::string> lines = lines_of(folder.file("keys"));
  EXPECT_EQ(lines.at(0), "# TLS secrets log file, generated by OpenSSL / Orrery");
  EXPECT_THAT(lines.at(1), MatchesRegex("[A-Z]+_[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]{96}"));
  const auto traffic = [](const std::string& line) { return line.starts_with("CLIENT_TRAFFIC_SECRET_0 "); };
  EXPECT_EQ(std::ranges::count_if(lines, traffic), 3);
}

// Both ends hold the same secrets, and a server writes them with the context that it has chosen by name.
TEST(ASslContext, WritesTheSameSecretsDownOnBothSides) {
  const TemporaryFolder folder;
  const auto client = client_context();
  const auto server = server_context();
  const auto chosen = server_for("a.test");
  server->set_sni_callback([&](const auto&) { return chosen; });
  client->set_keylog_filename(folder.file("client"));
  server->set_keylog_filename(folder.file("not chosen"));
  chosen->set_keylog_filename(folder.file("server"));

  EXPECT_EQ(talk(client, "a.test", server), "new");
  server->set_keylog_filename("");
  EXPECT_THAT(lines_of(folder.file("server")), UnorderedElementsAreArray(lines_of(folder.file("client"))));
  EXPECT_THAT(lines_of(folder.file("not chosen")), SizeIs(1));
}

TEST(ASslContext, SaysWhereSecretsCannotBeWritten) {
  const TemporaryFolder folder;
  const auto client = client_context();
  EXPECT_THAT(refusal<std::system_error>([&] { client->set_keylog_filename(folder.file("no/such/keys")); }),
              HasSubstr("cannot write secrets to '" + folder.file("no/such/keys") + "': No such file or directory"));
  EXPECT_EQ(client->keylog_filename(), "");
  client->set_keylog_filename("/dev/full");
  EXPECT_THAT(refusal<std::system_error>([&] { talk(client, "a.test", server_for("a.test")); }),
              HasSubstr("cannot write secrets to '/dev/full': No space left on device"));
}

TEST(ASslContext, WritesSecretsDownWhereTheEnvironmentSaysSo) {
  const TemporaryFolder folder;
  ::setenv("SSLKEYLOGFILE", folder.file("keys").c_str(), 1);
  const auto by_default = ssl::create_default_context();
  const auto bare = std::make_shared<SSLContext>();
  ::unsetenv("SSLKEYLOGFILE");
  EXPECT_EQ(by_default->keylog_filename(), folder.file("keys"));
  EXPECT_EQ(bare->keylog_filename(), "");
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
