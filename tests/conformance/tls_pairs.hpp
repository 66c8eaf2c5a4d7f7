// tls_pairs.hpp: what the pairs about TLS are written with: tls_support.py in C++.
//
// The two ends of a connection are a pair of sockets, whose bytes arrive at once: a loop whose clock jumps must never
// find nothing to do while something is under way. Certificates are made when the pairs run; tls_certificates.hpp.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/conformance/pairs.hpp"
#include "tests/reference/tls_certificates.hpp"

namespace conformance {

/// Why pairs with TLS do not run in a world; tests/reference/tls_world_test.cpp has TLS in there.
inline constexpr const char* REAL_SOCKETS = "two connected sockets are the system's";

/// An error of TLS or of the network as these pairs print it.
std::string failure(const std::exception_ptr& error);

/// Calls a function, and says how that ends: "ok", or the error.
template <class F>
std::string outcome_of(F&& act) {
  try {
    act();
    return "ok";
  } catch (const asyncio::CoroutineExit&) {
    throw;
  } catch (const asyncio::CancelledError&) {
    throw;
  } catch (...) {
    return failure(std::current_exception());
  }
}

/// Texts with ", " between them.
std::string joined(const std::vector<std::string>& texts, std::string_view between = ", ");

/// Notes what it is told.
class Noting : public asyncio::Protocol {
 public:
  /// Every note passes here.
  virtual void note(const std::string& what) { told.push_back(what); }

  void connection_made(std::shared_ptr<asyncio::BaseTransport> made) override;
  void data_received(std::string_view data) override;
  bool eof_received() override;
  void connection_lost(std::exception_ptr error) override { note("lost: " + failure(error)); }
  void pause_writing() override { note("pause"); }
  void resume_writing() override { note("resume"); }

  std::string text() const { return joined(told); }

  std::vector<std::string> told;
  std::shared_ptr<asyncio::Transport> transport;
  std::size_t bytes = 0;
};

/// Two connected sockets.
std::array<asyncio::Socket, 2> two_sockets();

/// Returns when nothing goes on any more. The clock then stands a second later.
void quiet();

/// The two ends of a connection: their protocols, and how their handshakes went.
class Ends {
 public:
  explicit Ends(std::shared_ptr<Noting> of_client = std::make_shared<Noting>()) : client(std::move(of_client)) {}

  /// \param client_ssl  null: no TLS
  /// \param server_ssl  null: no TLS
  /// \param keywords    of the client
  void connect(std::shared_ptr<asyncio::SSLContext> client_ssl, std::shared_ptr<asyncio::SSLContext> server_ssl,
               asyncio::ConnectionOptions keywords = {.server_hostname = "localhost"});

  std::shared_ptr<Noting> client;
  std::shared_ptr<Noting> server = std::make_shared<Noting>();
  std::string client_outcome;
  std::string server_outcome;
};

/// Two ends that have agreed.
Ends connected(std::shared_ptr<Noting> client = std::make_shared<Noting>());

}  // namespace conformance
