// tls_connections_test.cpp: TLS over real sockets, both ends ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/src/idna/idna.hpp"
#include "tests/reference/scripted_loop.hpp"
#include "tests/reference/tls_connection.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// S277, S291
TEST_F(ATlsConnection, CarriesBytesBothWaysAndSaysHow) {
  EXPECT_EQ(connect(server_context(), client_context(),
                    [](auto reader, auto writer) {
                      writer.write("hello\n");
                      EXPECT_EQ(reader.readline(), "hello\n");
                      const auto object = object_of(writer);
                      EXPECT_EQ(object->version(), "TLSv1.3");
                      EXPECT_EQ(writer.template get_extra_info<SSLCipher>("cipher"), object->cipher());
                      EXPECT_EQ(object->cipher().protocol, "TLSv1.3");
                      EXPECT_GE(object->cipher().secret_bits, 128);
                      EXPECT_EQ(writer.template get_extra_info<std::string>("compression"), "");
                      EXPECT_NE(writer.template get_extra_info<std::shared_ptr<SSLContext>>("sslcontext"), nullptr);
                      EXPECT_EQ(writer.template get_extra_info<Address>("peername").host(), "127.0.0.1");
                    }),
            "");
}

// S277
TEST_F(ATlsConnection, KnowsTheCertificateOfTheOtherSide) {
  const std::string refused = connect(server_context(), client_context(), [](auto, auto writer) {
    const auto certificate = writer.template get_extra_info<SSLCertificate>("peercert");
    EXPECT_THAT(certificate.subject, ElementsAre(Pair("commonName", "a server")));
    EXPECT_THAT(certificate.issuer, ElementsAre(Pair("commonName", "Orrery test authority")));
    EXPECT_THAT(certificate.subject_alt_name, ElementsAre(Pair("DNS", "localhost"), Pair("IP Address", "127.0.0.1"),
                                                          Pair("IP Address", "0:0:0:0:0:0:0:1")));
    EXPECT_EQ(certificate.version, 3);
    EXPECT_THAT(certificate.not_after, HasSubstr("GMT"));
    EXPECT_FALSE(object_of(writer)->getpeercert_der().empty());
  });
  EXPECT_EQ(refused, "");
}

// S229: the name is checked, and it is the host where nothing else is said.
TEST_F(ATlsConnection, IsRefusedWhereTheNameIsAnother) {
  EXPECT_EQ(
      connect(
          server_context(), client_context(), [](auto, auto) {}, "example.org"),
      "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for "
      "'example.org'.");
  const Issued other = test_authority().issue({.name = "b", .hosts = {"DNS:localhost", "IP:10.0.0.1"}});
  EXPECT_EQ(connect(server_context(other), client_context()),
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: IP address mismatch, certificate is not valid "
            "for '127.0.0.1'.");
  EXPECT_EQ(connect(server_context(other), client_context(), [](auto, auto) {}, "localhost"), "");
}

// S229: in any script; a certificate has it in ASCII.
TEST_F(ATlsConnection, IsMadeWithAHostInAnyScript) {
  if (!knows_idna()) GTEST_SKIP() << "built without libidn2";
  const Issued books = test_authority().issue({.name = "b", .hosts = {"DNS:xn--bcher-kva.example"}});
  std::string name;
  const auto ask = [&](auto, auto writer) { name = object_of(writer)->server_hostname(); };
  EXPECT_EQ(connect(server_context(books), client_context(), ask, "b\u00fccher.example"), "");
  EXPECT_EQ(name, "xn--bcher-kva.example");
  EXPECT_THAT(connect(server_context(books), client_context(), ask, "k\u00fcche.example"),
              HasSubstr("certificate is not valid for 'xn--kche-0ra.example'"));
}

TEST_F(ATlsConnection, DoesNotTakeACommonNameForAHost) {
  const Issued named = test_authority().issue({.name = "localhost"});
  EXPECT_THAT(
      connect(server_context(named), client_context(), [](auto, auto) {}, "localhost"), HasSubstr("Hostname mismatch"));
}

TEST_F(ATlsConnection, IsRefusedWhereTheCertificateIsNotTrusted) {
  const auto hosts = std::vector<std::string>{"IP:127.0.0.1"};
  EXPECT_THAT(connect(server_context(self_signed({.name = "s", .hosts = hosts})), client_context()),
              HasSubstr("certificate verify failed: self-signed certificate"));
  EXPECT_THAT(connect(server_context(Authority("stranger").issue({.name = "s", .hosts = hosts})), client_context()),
              HasSubstr("unable to get local issuer certificate"));
}

TEST_F(ATlsConnection, IsRefusedOutsideTheTimeOfTheCertificate) {
  const auto hosts = std::vector<std::string>{"IP:127.0.0.1"};
  const Issued old = test_authority().issue({.name = "s", .hosts = hosts, .from_day = -9, .until_day = -2});
  EXPECT_THAT(connect(server_context(old), client_context()), HasSubstr("certificate has expired"));
  const Issued early = test_authority().issue({.name = "s", .hosts = hosts, .from_day = 2});
  EXPECT_THAT(connect(server_context(early), client_context()), HasSubstr("certificate is not yet valid"));
}

// S300, S229: before anything is opened.
TEST_F(ATlsConnection, IsRefusedWhereItsOptionsCannotWork) {
  run([] {
    const auto refusal = [](const std::function<void()>& act) -> std::string {
      try {
        act();
      } catch (const std::invalid_argument& error) {
        return error.what();
      }
      return "nothing";
    };
    const auto serve = [](ServerOptions options) {
      get_running_loop().create_server([] { return std::make_shared<Protocol>(); }, std::move(options));
    };
    EXPECT_EQ(refusal([&] { serve({.port = 0, .ssl = server_context(), .ssl_handshake_timeout = 0s}); }),
              "ssl_handshake_timeout should be a positive number, got 0.0");
    EXPECT_EQ(refusal([] { open_connection("127.0.0.1", 1, {.ssl = client_context(), .server_hostname = ""}); }),
              "check_hostname requires server_hostname");
    const auto blind = client_context();
    blind->set_check_hostname(false);
    EXPECT_EQ(refusal([&] { open_unix_connection("/no/such", {.ssl = blind}); }),
              "you have to pass server_hostname when using ssl");
    EXPECT_EQ(refusal([&] { open_connection("", 1, {.ssl = blind}); }),
              "You must set server_hostname when using ssl without a host");
    EXPECT_EQ(text_of<SSLError>([&] { serve({.port = 0, .ssl = client_context()}); }),
              "Cannot create a server socket with a PROTOCOL_TLS_CLIENT context");
  });
}

// What weakens a context has to be asked for twice.
TEST_F(ATlsConnection, ChecksNothingOnlyWhereThatIsAskedFor) {
  const auto blind = client_context();
  blind->set_check_hostname(false);
  blind->set_verify_mode(ssl::CERT_NONE);
  EXPECT_EQ(connect(server_context(self_signed({.name = "s"})), blind,
                    [](auto, auto writer) {
                      EXPECT_FALSE(writer.template get_extra_info<SSLCertificate>("peercert"));
                      EXPECT_FALSE(object_of(writer)->getpeercert_der().empty());
                    }),
            "");
}

TEST_F(ATlsConnection, AsksTheClientForACertificate) {
  const auto asking = [](ssl::VerifyMode mode) {
    auto context = server_context();
    context->load_verify_locations({.cadata = test_authority().certificate()});
    context->set_verify_mode(mode);
    context->set_maximum_version(ssl::TLSVersion::TLSv1_2);  // where a client hears of it in the handshake
    return context;
  };
  const auto known = client_context();
  known->load_cert_chain(test_authority().issue({.name = "a client"}).chain());
  EXPECT_EQ(connect(asking(ssl::CERT_REQUIRED), known), "");
  EXPECT_EQ(connect(asking(ssl::CERT_OPTIONAL), client_context()), "");
  EXPECT_THAT(connect(asking(ssl::CERT_REQUIRED), client_context()), HasSubstr("ALERT_HANDSHAKE_FAILURE"));
  const auto unknown = client_context();
  unknown->load_cert_chain(self_signed({.name = "nobody"}).chain());
  EXPECT_THAT(connect(asking(ssl::CERT_OPTIONAL), unknown), HasSubstr("ALERT_UNKNOWN_CA"));
}

// In TLS 1.3 the client's handshake is over before the server has looked at its certificate.
TEST_F(ATlsConnection, TellsTheClientLaterInTls13) {
  const auto server = server_context();
  server->load_verify_locations({.cadata = test_authority().certificate()});
  server->set_verify_mode(ssl::CERT_REQUIRED);
  EXPECT_THAT(connect(server, client_context(), [](auto reader, auto) { reader.read(); }),
              HasSubstr("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"));
}

TEST_F(ATlsConnection, IsNotOlderThanTls12) {
  const auto old = client_context();
  old->set_ciphers("DEFAULT:@SECLEVEL=0");
  old->set_minimum_version(ssl::TLSVersion::TLSv1);
  old->set_maximum_version(ssl::TLSVersion::TLSv1_1);
  EXPECT_THAT(connect(server_context(), old), HasSubstr("ALERT_PROTOCOL_VERSION"));
}

TEST_F(ATlsConnection, AgreesOnWhatIsSpokenInside) {
  const auto server = server_context();
  server->set_alpn_protocols({"h2", "http/1.1"});
  const auto chosen = [&](const std::vector<std::string>& offered) {
    const auto client = client_context();
    client->set_alpn_protocols(offered);
    std::string protocol = "?";
    EXPECT_EQ(connect(server, client, [&](auto, auto w) { protocol = object_of(w)->selected_alpn_protocol(); }), "");
    return protocol;
  };
  EXPECT_EQ(chosen({"http/1.1", "h2"}), "h2");
  EXPECT_EQ(chosen({"http/1.1"}), "http/1.1");
  EXPECT_EQ(chosen({"gopher"}), "");
}

TEST_F(ATlsConnection, IsServedByTheContextOfTheNameThatIsAskedFor) {
  const auto server = server_context();
  const auto other = server_context(test_authority().issue({.name = "other", .hosts = {"DNS:other.example"}}));
  std::vector<std::string> asked;
  server->set_sni_callback([&](const std::optional<std::string>& name) -> std::shared_ptr<SSLContext> {
    asked.push_back(name.value_or("-"));
    return name == "other.example" ? other : nullptr;
  });
  EXPECT_EQ(connect(server, client_context(), [](auto, auto) {}, "other.example"), "");
  EXPECT_EQ(connect(server, client_context(), [](auto, auto) {}, "localhost"), "");
  EXPECT_EQ(connect(server, client_context(), [](auto, auto) {}, "127.0.0.1"), "");  // RFC 6066: addresses are no names
  EXPECT_THAT(asked, ElementsAre("other.example", "localhost", "-"));
}

TEST_F(ATlsConnection, IsRefusedWhereTheChoiceOfAContextThrows) {
  const auto server = server_context();
  server->set_sni_callback([](const auto&) -> std::shared_ptr<SSLContext> { throw std::out_of_range("no such host"); });
  EXPECT_THAT(connect(server, client_context(), [](auto, auto) {}, "localhost"), HasSubstr("ALERT_HANDSHAKE_FAILURE"));
  EXPECT_THAT(reports, ElementsAre(HasSubstr("no such host")));
}

TEST_F(ATlsConnection, TakesUpASessionWhereThatIsAskedFor) {
  for (const auto version : {ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3}) {
    const auto server = server_context();
    const auto client = client_context();
    client->set_maximum_version(version);
    std::vector<bool> reused;
    const auto talk = [&](auto reader, auto writer) {
      writer.write("x");
      EXPECT_EQ(reader.readexactly(1), "x");  // behind it, in TLS 1.3, is the session
      reused.push_back(object_of(writer)->session_reused());
    };
    for (const bool reuse : {false, true, true}) {
      client->set_session_reuse(reuse);
      EXPECT_EQ(connect(server, client, talk), "");
    }
    client->set_verify_mode(ssl::CERT_REQUIRED);  // rules that were changed: sessions are forgotten
    EXPECT_EQ(connect(server, client, talk), "");
    EXPECT_THAT(reused, ElementsAre(false, false, true, false));
  }
}

// S298: 10 MB each way at the same time, more than all buffers hold.
TEST_F(ATlsConnection, CarriesMuchBothWays) {
  const std::string much(10'000'000, 'x');
  EXPECT_EQ(connect(server_context(), client_context(),
                    [&](auto reader, auto writer) {
                      const auto sending = create_task([&] {
                        for (std::size_t at = 0; at < much.size(); at += 100'000) {
                          writer.write(std::string_view(much).substr(at, 100'000));
                          writer.drain();
                        }
                      });
                      EXPECT_TRUE(reader.readexactly(much.size()) == much);
                      await(sending);
                    }),
            "");
}

TEST_F(ATlsConnection, GoesOverUnixSockets) {
  const TemporaryFolder folder;
  run([&] {
    const auto server = start_unix_server(echo, folder.file("socket"), {.ssl = server_context()});
    auto [reader, writer] =
        open_unix_connection(folder.file("socket"), {.ssl = client_context(), .server_hostname = "localhost"});
    writer.write("hello\n");
    EXPECT_EQ(reader.readline(), "hello\n");
    writer.close();
    writer.wait_closed();
    server->close();
    server->wait_closed();
  });
}

// S252: the accepted side is the server.
TEST_F(ATlsConnection, CanBeMadeFromAnAcceptedSocket) {
  run([] {
    const SocketPair pair = SocketPair::make();
    auto& loop = get_running_loop();
    const auto accepting = create_task([&] {
      return loop.connect_accepted_socket([] { return std::make_shared<RecordingProtocol>(); }, pair.theirs,
                                          {.ssl = server_context()});
    });
    auto [transport, protocol] =
        loop.create_connection([] { return std::make_shared<RecordingProtocol>(); },
                               {.ssl = client_context(), .sock = pair.ours, .server_hostname = "localhost"});
    const auto served = await(accepting).second;
    transport->write("hello");
    EXPECT_EQ(served->wait_for_data(), "hello");
    transport->close();
    await(protocol->lost);
    await(served->lost);
    EXPECT_THAT(served->told, ElementsAre("made", "eof", "lost"));
  });
}

// S292, S246
TEST_F(ATlsConnection, IsRefusedByAServerThatSpeaksSomethingElse) {
  run([&] {
    const auto server = start_server(echo, "127.0.0.1", 0);
    try {
      open_connection("127.0.0.1", port_of(server), {.ssl = client_context()});
      ADD_FAILURE() << "an echo is no TLS";
    } catch (const SSLError& error) {
      EXPECT_EQ(error.library(), "SSL");
      EXPECT_EQ(error.code().category(), ssl_category());
    }
    server->close();
    server->wait_closed();
  });
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(ATlsConnection, IsDroppedByTheServerWhereTheClientSpeaksSomethingElse) {
  run([&] {
    int served = 0;
    const auto server = start_server([&](auto, auto) { ++served; }, "127.0.0.1", 0, {.ssl = server_context()});
    auto [reader, writer] = open_connection("127.0.0.1", port_of(server));
    writer.write("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(reader.read(), "");
    writer.close();
    server->close();
    server->wait_closed();
    EXPECT_EQ(served, 0);
  });
  EXPECT_THAT(reports, IsEmpty());
}

// S305: files go by way of the program's memory.
TEST_F(ATlsConnection, SendsFilesBlockByBlock) {
  const TemporaryFolder folder;
  std::FILE* file = std::fopen(folder.file("f").c_str(), "w+e");
  const std::string text(300'000, 'f');
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
  std::fflush(file);
  EXPECT_EQ(connect(server_context(), client_context(),
                    [&](auto reader, auto writer) {
                      auto& loop = get_running_loop();
                      EXPECT_THROW(loop.sendfile(writer.transport(), ::fileno(file), {.fallback = false}),
                                   RuntimeError);
                      EXPECT_EQ(loop.sendfile(writer.transport(), ::fileno(file)), 300'000);
                      EXPECT_TRUE(reader.readexactly(text.size()) == text);
                    }),
            "");
  std::fclose(file);
}

}  // namespace
}  // namespace asyncio
