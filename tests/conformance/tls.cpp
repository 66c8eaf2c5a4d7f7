// tls.cpp: how connections begin, and what they are refused for. Rules S228 to S229, S277, S291 to S301.
#include <sys/socket.h>

#include "tests/conformance/groups.hpp"
#include "tests/conformance/tls_pairs.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::client_context;
using asyncio::get_running_loop;
using asyncio::server_context;
namespace ssl = asyncio::ssl;

void what_both_are_told() {  // S291, S296, S297
  const Ends ends = connected();
  say(ends.client_outcome + " " + ends.server_outcome);
  say(ends.client->text() + " " + ends.server->text());
  ends.client->transport->write("hello");
  quiet();
  ends.server->transport->writelines({"good ", "morning"});
  quiet();
  ends.client->transport->close();
  say(py(ends.client->transport->is_closing()) + " " + py(ends.server->transport->is_closing()));
  quiet();
  say(ends.client->text());
  say(ends.server->text());
  say(py(ends.client->transport->is_closing()) + " " + py(ends.server->transport->is_closing()));
}

void what_a_transport_says_of_the_other_side() {  // S277
  const Ends ends = connected();
  const auto certificate = ends.client->transport->get_extra_info<asyncio::SSLCertificate>("peercert");
  say(certificate.subject.at(0).second);
  say(certificate.issuer.at(0).second);
  std::vector<std::string> hosts;
  for (const auto& [kind, name] : certificate.subject_alt_name) hosts.push_back(kind + "=" + name);
  say(joined(hosts, " "));
  say(py(certificate.version));
  say(py(bool(ends.server->transport->get_extra_info<asyncio::SSLCertificate>("peercert"))));
  for (const auto& end : {ends.client, ends.server}) {
    const auto cipher = end->transport->get_extra_info<asyncio::SSLCipher>("cipher");
    say(cipher.name + " " + cipher.protocol + " " + py(cipher.secret_bits));
    say(py(!end->transport->get_extra_info<std::string>("compression").empty()));
    const auto connection = end->transport->get_extra_info<std::shared_ptr<asyncio::SSLObject>>("ssl_object");
    say(connection->version() + " " + py(connection->server_side()) + " " + py(connection->session_reused()));
    say(end->transport->get_extra_info<std::string>("nobody knows this", "no"));
  }
  say(ends.client->transport->get_extra_info<std::shared_ptr<asyncio::SSLObject>>("ssl_object")->server_hostname());
  ends.client->transport->close();
  quiet();
  say(ends.client->transport->get_extra_info<asyncio::SSLCipher>("cipher").protocol);
}

void which_context_a_transport_has() {  // S277
  Ends ends;
  const auto of_client = client_context(), of_server = server_context();
  ends.connect(of_client, of_server);
  const auto context_of = [](const Noting& end) {
    return end.transport->get_extra_info<std::shared_ptr<asyncio::SSLContext>>("sslcontext");
  };
  say(py(context_of(*ends.client) == of_client));
  say(py(context_of(*ends.server) == of_server));
}

void a_certificate_that_was_not_checked() {  // S277
  Ends ends;
  const auto of_client = client_context();
  of_client->set_check_hostname(false);
  of_client->set_verify_mode(ssl::CERT_NONE);
  ends.connect(of_client, server_context());
  say(ends.client_outcome);
  say(py(bool(ends.client->transport->get_extra_info<asyncio::SSLCertificate>("peercert"))));
}

void what_is_spoken_inside() {  // S277
  const auto chosen = [](const std::vector<std::string>& of_client, const std::vector<std::string>& of_server) {
    Ends ends;
    const auto client = client_context(), server = server_context();
    if (!of_client.empty()) client->set_alpn_protocols(of_client);
    if (!of_server.empty()) server->set_alpn_protocols(of_server);
    ends.connect(client, server);
    const auto name_at = [](const Noting& end) {
      const auto connection = end.transport->get_extra_info<std::shared_ptr<asyncio::SSLObject>>("ssl_object");
      const std::string name = connection->selected_alpn_protocol();
      return name.empty() ? "nothing" : name;
    };
    say(name_at(*ends.client) + " " + name_at(*ends.server));
  };
  chosen({"h2", "http/1.1"}, {"http/1.1", "h2"});
  chosen({"h2", "http/1.1"}, {"acme-tls/1", "h2"});
  chosen({"h2"}, {"http/1.1"});
  chosen({"h2"}, {});
  chosen({}, {"h2"});
}

void the_least_version_of_both() {  // S277
  const auto agreed = [](ssl::TLSVersion client_maximum, ssl::TLSVersion server_minimum) {
    Ends ends;
    const auto client = client_context(), server = server_context();
    client->set_maximum_version(client_maximum);
    server->set_minimum_version(server_minimum);
    ends.connect(client, server);
    say(ends.server_outcome);
    if (ends.server_outcome != "ok") return;
    say(ends.server->transport->get_extra_info<std::shared_ptr<asyncio::SSLObject>>("ssl_object")->version());
  };
  agreed(ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_2);
  agreed(ssl::TLSVersion::TLSv1_3, ssl::TLSVersion::TLSv1_2);
  agreed(ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3);
}

// ---- Handshakes that fail ----

void nobody_trusts_the_certificate() {  // S292
  Ends ends;
  ends.connect(ssl::create_default_context(), server_context());
  quiet();
  say(ends.client_outcome);
  say(py(ends.server_outcome != "ok") + " [" + ends.client->text() + "] [" + ends.server->text() + "]");
}

void a_certificate_for_another_host() {  // S229, S292
  const auto names = {"localhost", "LOCALHOST", "127.0.0.1", "::1", "elsewhere.example", "127.0.0.2", "sub.localhost"};
  for (const std::string name : names) {
    Ends ends;
    ends.connect(client_context(), server_context(), {.server_hostname = name});
    quiet();
    say(name + ": " + ends.client_outcome + " [" + ends.client->text() + "] [" + ends.server->text() + "]");
  }
}

void no_name_to_look_for() {  // S229
  const auto of_client = client_context();
  of_client->set_check_hostname(false);
  for (const char* name : {"", "elsewhere.example"}) {
    Ends ends;
    ends.connect(of_client, server_context(), {.server_hostname = name});
    say(ends.client_outcome + " [" + ends.client->text() + "]");
  }
}

void a_client_that_shows_no_certificate() {  // S292
  Ends ends;
  const auto of_server = server_context();
  of_server->set_verify_mode(ssl::CERT_REQUIRED);
  ends.connect(client_context(), of_server);
  quiet();
  say(ends.server_outcome);
  say("[" + ends.server->text() + "]");
}

void a_handshake_that_takes_too_long() {  // S292
  asyncio::AbstractEventLoop& loop = get_running_loop();
  for (const std::optional<asyncio::Delay> timeout : {std::optional<asyncio::Delay>(0.25s), {5.0s}, {}}) {
    const auto [silent, ours] = two_sockets();
    const auto noting = std::make_shared<Noting>();
    const asyncio::TimePoint begun = loop.time();
    say(outcome_of([&] {
      loop.create_connection(
          [&] { return noting; },
          {.ssl = client_context(), .sock = ours, .server_hostname = "h", .ssl_handshake_timeout = timeout});
    }));
    quiet();
    say("after " + py((loop.time() - begun - 1s) / 1ms) + " ms [" + noting->text() + "]");
  }
}

void a_client_that_says_nothing() {  // S292
  const auto [silent, ours] = two_sockets();
  const auto noting = std::make_shared<Noting>();
  say(outcome_of([&] {
    get_running_loop().connect_accepted_socket([&] { return noting; }, ours,
                                               {.ssl = server_context(), .ssl_handshake_timeout = 1.5s});
  }));
  quiet();
  say("[" + noting->text() + "]");
}

void what_is_no_handshake() {  // S292
  const std::string alert("\x16\x03\x01\x00\x05hello", 10);
  for (const std::string& said : {std::string(), std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), alert}) {
    const auto [other, ours] = two_sockets();
    const auto noting = std::make_shared<Noting>();
    if (::send(other.fileno(), said.data(), said.size(), MSG_NOSIGNAL) < 0) throw Oops("send");
    other.shutdown(SHUT_WR);
    say(outcome_of([&] {
      get_running_loop().create_connection([&] { return noting; },
                                           {.ssl = client_context(), .sock = ours, .server_hostname = "localhost"});
    }));
    quiet();
    say("[" + noting->text() + "]");
  }
}

void a_handshake_that_is_cancelled() {  // S292
  const auto [silent, ours] = two_sockets();
  const auto noting = std::make_shared<Noting>();
  const auto task = asyncio::create_task([&] {
    get_running_loop().create_connection([&] { return noting; },
                                         {.ssl = client_context(), .sock = ours, .server_hostname = "localhost"});
  });
  quiet();
  task.cancel();
  asyncio::wait({task});
  quiet();
  say(py(task.cancelled()) + " [" + noting->text() + "]");
}

// ---- Arguments ----

void arguments_that_contradict_each_other() {  // S228, S229, S300
  const auto context = client_context(), of_server = server_context();
  const auto connect = [](const asyncio::ConnectionOptions& keywords) {
    say(outcome_of(
        [&] { get_running_loop().create_connection([] { return std::make_shared<asyncio::Protocol>(); }, keywords); }));
  };
  connect({.host = "localhost", .port = 1, .server_hostname = "localhost"});
  connect({.host = "localhost", .port = 1, .ssl_handshake_timeout = 1s});
  connect({.host = "localhost", .port = 1, .ssl_shutdown_timeout = 1s});
  connect({.ssl = context, .sock = two_sockets()[0]});
  connect({.host = "localhost", .port = 1, .ssl = context, .sock = two_sockets()[0], .server_hostname = "localhost"});
  connect({.ssl = context, .server_hostname = "localhost"});
  connect({.ssl = context, .sock = two_sockets()[0], .server_hostname = "localhost", .ssl_handshake_timeout = 0s});
  connect({.ssl = context, .sock = two_sockets()[0], .server_hostname = "localhost", .ssl_handshake_timeout = -1ms});
  connect({.ssl = context, .sock = two_sockets()[0], .server_hostname = "localhost", .ssl_shutdown_timeout = -1.5s});
  connect({.ssl = of_server, .sock = two_sockets()[0], .server_hostname = "localhost"});
}

}  // namespace

Group tls() {
  return {"Tls",
          "tls",
          {
              {"what_both_are_told", what_both_are_told, REAL_SOCKETS},
              {"what_a_transport_says_of_the_other_side", what_a_transport_says_of_the_other_side, REAL_SOCKETS},
              {"which_context_a_transport_has", which_context_a_transport_has, REAL_SOCKETS},
              {"a_certificate_that_was_not_checked", a_certificate_that_was_not_checked, REAL_SOCKETS},
              {"what_is_spoken_inside", what_is_spoken_inside, REAL_SOCKETS},
              {"the_least_version_of_both", the_least_version_of_both, REAL_SOCKETS},
              {"nobody_trusts_the_certificate", nobody_trusts_the_certificate, REAL_SOCKETS},
              {"a_certificate_for_another_host", a_certificate_for_another_host, REAL_SOCKETS},
              {"no_name_to_look_for", no_name_to_look_for, REAL_SOCKETS},
              {"a_client_that_shows_no_certificate", a_client_that_shows_no_certificate, REAL_SOCKETS},
              {"a_handshake_that_takes_too_long", a_handshake_that_takes_too_long, REAL_SOCKETS},
              {"a_client_that_says_nothing", a_client_that_says_nothing, REAL_SOCKETS},
              {"what_is_no_handshake", what_is_no_handshake, REAL_SOCKETS},
              {"a_handshake_that_is_cancelled", a_handshake_that_is_cancelled, REAL_SOCKETS},
              {"arguments_that_contradict_each_other", arguments_that_contradict_each_other, REAL_SOCKETS},
          },
          {}};
}

}  // namespace conformance
