// tls_pairs.cpp: two ends of a connection, and what they are told.
#include "tests/conformance/tls_pairs.hpp"

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <sys/socket.h>

namespace conformance {

using namespace std::chrono_literals;

namespace {

/// The text of an error without the system's words behind it.
std::string own_words(const std::system_error& error) {
  const std::string text = error.what();
  return text.substr(0, text.rfind(": " + error.code().message()));
}

}  // namespace

std::string failure(const std::exception_ptr& error) {
  if (!error) return "None";
  try {
    std::rethrow_exception(error);
  } catch (const asyncio::SSLCertVerificationError& refused) {
    return "SSLCertVerificationError: " + py(refused.verify_code()) + " " + refused.verify_message();
  } catch (const asyncio::SSLError& failed) {
    return "SSLError: " + (failed.reason().empty() ? "None" : failed.reason());
  } catch (const std::system_error& failed) {
    if (failed.code().value() == ECONNRESET) return "ConnectionResetError";
    if (failed.code().value() == ECONNABORTED) return "ConnectionAbortedError: " + own_words(failed);
    return asyncio::describe(error);
  } catch (const std::invalid_argument& wrong) {
    return std::string("ValueError: ") + wrong.what();
  } catch (...) {
    return shown(error);
  }
}

std::string joined(const std::vector<std::string>& texts, std::string_view between) {
  std::string all;
  for (const std::string& text : texts) {
    if (!all.empty()) all += between;
    all += text;
  }
  return all;
}

void Noting::connection_made(std::shared_ptr<asyncio::BaseTransport> made) {
  transport = std::dynamic_pointer_cast<asyncio::Transport>(std::move(made));
  note("made");
}

void Noting::data_received(std::string_view data) {
  bytes += data.size();
  note(data.size() < 100 ? std::string(data) : "much");
}

bool Noting::eof_received() {
  note("end");
  return false;
}

std::array<asyncio::Socket, 2> two_sockets() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) < 0) throw Oops("socketpair");
  return {asyncio::Socket::from_descriptor(fds[0]), asyncio::Socket::from_descriptor(fds[1])};
}

void quiet() { asyncio::sleep(1s); }

void Ends::connect(std::shared_ptr<asyncio::SSLContext> client_ssl, std::shared_ptr<asyncio::SSLContext> server_ssl,
                   asyncio::ConnectionOptions keywords) {
  const auto [of_client, of_server] = two_sockets();
  asyncio::AbstractEventLoop& loop = asyncio::get_running_loop();
  const auto accepting =
      asyncio::create_task([&loop, protocol = server, sock = of_server, ssl = std::move(server_ssl)] {
        return outcome_of([&] { loop.connect_accepted_socket([&] { return protocol; }, sock, {.ssl = ssl}); });
      });
  keywords.sock = of_client;
  keywords.ssl = std::move(client_ssl);
  client_outcome = outcome_of([&] { loop.create_connection([this] { return client; }, keywords); });
  server_outcome = asyncio::await(accepting);
}

Ends connected(std::shared_ptr<Noting> client) {
  Ends ends(std::move(client));
  ends.connect(asyncio::client_context(), asyncio::server_context());
  return ends;
}

}  // namespace conformance
