// tls_records.cpp: see tls_records.hpp.
#include "tests/reference/tls_records.hpp"

#include <asyncio/asyncio.hpp>

#include "tests/reference/tls_pair.hpp"

namespace asyncio {
namespace {

/// A loop whose TLS is the same in each run: what a fuzzer has found can be found again.
class SeededLoop : public ScriptedLoop {
 public:
  std::optional<std::uint64_t> library_seed() override { return ++seeds_; }
  std::uint64_t library_world() const noexcept override { return 1; }

 private:
  std::uint64_t seeds_ = 0;
};

/// A protocol that keeps what it is told.
class KeepingProtocol final : public Protocol {
 public:
  void data_received(std::string_view data) override { received += data; }
  void connection_lost(std::exception_ptr) override { ++lost; }
  void connection_made(std::shared_ptr<BaseTransport>) override { made = true; }

  std::string received;
  bool made = false;
  int lost = 0;
};

struct Contexts {
  std::shared_ptr<SSLContext> client;
  std::shared_ptr<SSLContext> server;
};

Contexts make_contexts(ScriptedLoop& loop) {
  Contexts made;
  loop.call_soon([&] { made = {client_context(), server_context()}; });  // a loop that runs gives them their seeds
  loop.turn();
  return made;
}

/// One end, what its program has written, and what is on its way to it.
struct Side {
  Side(ScriptedLoop& loop, const TransportSecurity& security)
      : protocol(std::make_shared<KeepingProtocol>()), end(loop, security, protocol) {}

  void collect(Side& from) { on_the_way += from.end.take_sent(); }
  void deliver(std::size_t count) {
    count = std::min(count, on_the_way.size());
    if (count == 0 || !end.below->watches_read) return;
    end.arrive(on_the_way.substr(0, count));
    on_the_way.erase(0, count);
  }

  std::shared_ptr<KeepingProtocol> protocol;
  TlsEnd end;
  std::string written;
  std::string on_the_way;
};

class Network {
 public:
  Network(ScriptedLoop& loop, const Contexts& contexts)
      : loop_(loop),
        client_(loop, {.context = contexts.client, .server_hostname = "localhost"}),
        server_(loop, {.context = contexts.server, .server_side = true}) {
    loop_.turn(2);
  }

  /// \param what    its lowest bit says on which side, the rest what
  /// \param amount  how much
  void step(std::uint8_t what, std::uint8_t amount) {
    Side& side = (what & 1) != 0 ? server_ : client_;
    Side& other = (what & 1) != 0 ? client_ : server_;
    side.collect(other);
    switch (what / 2 % 16) {
      case 0: return write(side, amount);
      case 1: return side.end.above->pause_reading();
      case 2: return side.end.above->resume_reading();
      case 3:
      case 4:
      case 5: return amount < 8 ? end(side, what / 2 % 16) : void();  // rarely, or nothing else would be seen
      case 6: return forge(side, amount);
      case 7: return side.deliver(1);
      case 8: return side.deliver(side.on_the_way.size());
      default: return side.deliver(amount);
    }
  }

  /// Everything arrives, then the network ends; a minute later both are gone.
  std::string finish() {
    for (Side* side : {&client_, &server_}) side->end.above->resume_reading();
    for (int i = 0; i < 50; ++i) settle();
    if (!disturbed_ && !(client_.protocol->made && server_.protocol->made)) return "an honest handshake has failed";
    if (!disturbed_ &&
        (client_.protocol->received != server_.written || server_.protocol->received != client_.written)) {
      return "bytes were lost on an honest network";
    }
    for (Side* side : {&client_, &server_}) {
      side->end.above->close();
      if (side->end.below->watches_read) side->end.arrive("");
      settle();
    }
    loop_.now += std::chrono::seconds(61);
    loop_.turn(6);
    if (client_.end.below->closed.empty() || server_.end.below->closed.empty()) return "a connection was left open";
    return problem();
  }

  /// \return  what is wrong now; empty where nothing is
  std::string problem() const {
    if (!server_.written.starts_with(client_.protocol->received)) return "the client got what nobody has written";
    if (!client_.written.starts_with(server_.protocol->received)) return "the server got what nobody has written";
    if (client_.protocol->lost > 1 || server_.protocol->lost > 1) return "connection_lost() was called twice";
    return "";
  }

 private:
  void settle() {
    loop_.turn(3);
    client_.collect(server_);
    server_.collect(client_);
    client_.deliver(client_.on_the_way.size());
    server_.deliver(server_.on_the_way.size());
  }
  void write(Side& side, std::uint8_t amount) {
    if (side.end.above->is_closing()) return;
    const std::string text(std::size_t{amount} * 97, static_cast<char>('a' + side.written.size() % 26));
    side.written += text;
    side.end.above->write(text);
  }
  /// Closed, aborted, or cut off.
  void end(Side& side, int how) {
    disturbed_ = true;
    if (how == 3) return side.end.above->close();
    if (how == 4) return side.end.above->abort();
    if (side.end.below->watches_read) side.end.arrive("");
  }
  void forge(Side& side, std::uint8_t amount) {
    if (side.on_the_way.empty()) return;
    disturbed_ = true;
    char& byte = side.on_the_way[amount % side.on_the_way.size()];
    byte = static_cast<char>(byte ^ (1 << amount % 8));
  }

  ScriptedLoop& loop_;
  Side client_;
  Side server_;
  bool disturbed_ = false;  // not all that was written has to arrive
};

}  // namespace

std::string drive_tls_records(std::span<const std::uint8_t> script) {
  SeededLoop loop;
  const Contexts contexts = make_contexts(loop);
  Network network(loop, contexts);
  for (std::size_t i = 0; i + 1 < script.size(); i += 2) {
    network.step(script[i], script[i + 1]);
    if (i % 16 == 0) loop.turn();
    if (std::string problem = network.problem(); !problem.empty()) return problem;
  }
  return network.finish();
}

std::string tls_record_script(std::uint64_t seed, std::size_t steps, bool forging) {
  std::string script;
  for (std::size_t i = 0; i < 2 * steps; ++i) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    auto byte = static_cast<std::uint8_t>(seed >> 33);
    const int what = byte / 2 % 16;
    if (i % 2 == 0 && !forging && what >= 3 && what <= 6) byte = 0;  // writes instead
    script += static_cast<char>(byte);
  }
  return script;
}

}  // namespace asyncio
