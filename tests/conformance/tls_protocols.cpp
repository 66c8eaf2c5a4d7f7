// tls_protocols.cpp: protocols that do something while they are told something, or throw. Rules S259, S265, S291 to
// S299.
#include <functional>
#include <utility>

#include "tests/conformance/groups.hpp"
#include "tests/conformance/tls_pairs.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::client_context;
using asyncio::create_task;
using asyncio::get_running_loop;
using asyncio::server_context;
using asyncio::Transport;
namespace ssl = asyncio::ssl;

/// What goes to the loop's exception handler from now on.
class Reports {
 public:
  Reports() {
    const auto note = [this](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
      errors.push_back(failure(context.exception));
      messages.push_back(context.message);
    };
    get_running_loop().set_exception_handler(note);
  }
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;
  ~Reports() { get_running_loop().set_exception_handler(nullptr); }

  std::vector<std::string> errors;
  std::vector<std::string> messages;
};

using Act = std::function<void(Transport&)>;

/// Does something the first time that it is told `where`.
class Acting : public Noting {
 public:
  Acting(std::string where, Act act) : where_(std::move(where)), act_(std::move(act)) {}

  void note(const std::string& what) override {
    Noting::note(what);
    if (!what.starts_with(where_) || !act_) return;
    const Act act = std::exchange(act_, nullptr);
    act(*transport);
  }

 private:
  const std::string where_;
  Act act_;
};

/// For ends without a good-bye: CPython takes them for ordinary ones.
std::shared_ptr<asyncio::SSLContext> lenient(std::shared_ptr<asyncio::SSLContext> context) {
  context->set_options(ssl::OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

// ---- Protocols that act ----

using Acts = std::vector<std::pair<std::string, Act>>;

Acts acts() {
  Acts all;
  all.emplace_back("close", [](Transport& transport) { transport.close(); });
  all.emplace_back("abort", [](Transport& transport) { transport.abort(); });
  all.emplace_back("write", [](Transport& transport) { transport.write("from inside"); });
  all.emplace_back("write and close", [](Transport& transport) {
    transport.write("from inside");
    transport.close();
  });
  all.emplace_back("pause", [](Transport& transport) { transport.pause_reading(); });
  return all;
}

void acting_when_it_is_connected() {  // S291, S294, S295
  for (const auto& [name, act] : acts()) {
    if (name == "pause") continue;  // CPython then keeps the end of its handshake back
    Ends ends(std::make_shared<Acting>("made", act));
    ends.connect(lenient(client_context()), lenient(server_context()));
    say(name + ": " + ends.client_outcome + " " + ends.server_outcome);
    if (ends.server->transport) ends.server->transport->write("hello");
    quiet();
    say("[" + ends.client->text() + "] [" + ends.server->text() + "]");
    if (ends.server->transport) ends.server->transport->abort();
    quiet();
  }
}

void acting_when_data_comes() {  // S294, S295
  for (const auto& [name, act] : acts()) {
    Ends ends(std::make_shared<Acting>("hello", act));
    ends.connect(lenient(client_context()), lenient(server_context()));
    ends.server->transport->write("hello");
    quiet();
    ends.server->transport->write("and more");
    quiet();
    say(name + ": [" + ends.client->text() + "] [" + ends.server->text() + "]");
    ends.server->transport->abort();
    quiet();
  }
}

void acting_at_the_end() {  // S294, S295, S296
  for (const auto& [name, act] : acts()) {
    Ends ends(std::make_shared<Acting>("end", act));
    ends.connect(lenient(client_context()), lenient(server_context()));
    ends.server->transport->close();
    quiet();
    say(name + ": [" + ends.client->text() + "] [" + ends.server->text() + "]");
  }
}

void acting_when_it_is_paused() {  // S294, S295, S298
  for (const auto& [name, act] : acts()) {
    if (name == "write and close" || name == "pause") continue;
    Ends ends(std::make_shared<Acting>("pause", act));
    ends.connect(lenient(client_context()), lenient(server_context()));
    ends.server->transport->pause_reading();
    ends.client->transport->write(std::string(1'000'000, 'x'));
    ends.client->transport->write(std::string(1'000'000, 'x'));
    ends.server->transport->resume_reading();
    quiet();
    say(name + ": [" + ends.client->text() + "] " + ends.server->told.back());
    ends.server->transport->abort();
    quiet();
  }
}

void a_connection_that_is_reset() {  // S260, S297
  Ends ends;
  ends.connect(lenient(client_context()), lenient(server_context()));
  ends.server->transport->pause_reading();
  for (int i = 0; i < 3; ++i) ends.client->transport->write(std::string(1'000'000, 'x'));
  asyncio::sleep(0s);
  ends.server->transport->abort();
  quiet();
  say(ends.client->text());
  say(ends.server->text());
  ends.client->transport->write("to nobody");
  say(py(ends.client->transport->is_closing()) + " " + py(ends.client->transport->get_write_buffer_size()));
}

// ---- Protocols that throw ----

std::shared_ptr<Noting> failing(const std::string& where, std::exception_ptr error) {
  return std::make_shared<Acting>(where, [error](asyncio::Transport&) { std::rethrow_exception(error); });
}

std::shared_ptr<Noting> failing(const std::string& where) {
  return failing(where, std::make_exception_ptr(Oops(where)));
}

void a_protocol_that_throws() {  // S259, S296, S298
  for (const char* where : {"hello", "pause", "resume", "end", "lost"}) {
    const Reports reports;
    const Ends ends = connected(failing(where));
    ends.server->transport->write("hello");
    quiet();
    ends.server->transport->pause_reading();
    ends.client->transport->write(std::string(1'000'000, 'x'));
    ends.client->transport->write(std::string(1'000'000, 'x'));
    ends.server->transport->resume_reading();
    quiet();
    ends.server->transport->close();
    quiet();
    say(ends.client->text() + " | " + joined(reports.errors));
    say(joined(reports.messages, "; "));
  }
}

void a_protocol_that_throws_when_it_is_connected() {  // S291
  const Reports reports;
  Ends ends(failing("made"));
  const auto connecting = create_task([&] { ends.connect(client_context(), server_context()); });
  asyncio::wait({connecting}, {.timeout = 100s});
  say(py(connecting.done()) + " " + ends.client_outcome);
  say(ends.client->text() + " | " + joined(reports.errors));
}

void a_cancellation_out_of_a_protocol() {  // S259
  for (const char* where : {"hello", "end"}) {
    const Reports reports;
    const Ends ends = connected(failing(where, std::make_exception_ptr(asyncio::CancelledError())));
    ends.server->transport->write("hello");
    quiet();
    ends.server->transport->close();
    quiet();
    say(ends.client->text() + " | " + joined(reports.errors));
  }
}

}  // namespace

Group tls_protocols() {
  return {
      "TlsProtocols",
      "tls_protocols",
      {
          {"acting_when_it_is_connected", acting_when_it_is_connected, REAL_SOCKETS},
          {"acting_when_data_comes", acting_when_data_comes, REAL_SOCKETS},
          {"acting_at_the_end", acting_at_the_end, REAL_SOCKETS},
          {"acting_when_it_is_paused", acting_when_it_is_paused, REAL_SOCKETS},
          {"a_connection_that_is_reset", a_connection_that_is_reset, REAL_SOCKETS},
          {"a_protocol_that_throws", a_protocol_that_throws, REAL_SOCKETS},
          {"a_protocol_that_throws_when_it_is_connected", a_protocol_that_throws_when_it_is_connected, REAL_SOCKETS},
          {"a_cancellation_out_of_a_protocol", a_cancellation_out_of_a_protocol, REAL_SOCKETS},
      },
      {}};
}

}  // namespace conformance
