// system_call_programs.cpp: who talks to whom.
#include "tests/reference/system_call_programs.hpp"

#include <asyncio/asyncio.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "reference/src/descriptor.hpp"
#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {

void PrintTo(const Program& program, std::ostream* out) { *out << program.name; }

namespace {

using namespace std::chrono_literals;

constexpr Duration LIMIT = 60s;            // for a program, in its own time
constexpr std::size_t MAX_TURNS = 20'000;  // of a loop; more is a loop that does not wait

/// A loop whose clock jumps over the time in which nothing happens, so that a pause of a second costs a moment.
class HurriedLoop final : public SelectorEventLoop {
 public:
  explicit HurriedLoop(std::size_t& turns) : turns_(turns) {}
  TimePoint time() const override { return SelectorEventLoop::time() + ahead_; }

  /// Two addresses, of which nobody listens on the first.
  std::vector<AddressInfo> getaddrinfo(std::string host, std::string port, AddressInfoOptions options) override {
    if (host != "two.example") return SelectorEventLoop::getaddrinfo(host, port, options);
    const auto info = [&](const char* literal) {
      return AddressInfo{AF_INET, SOCK_STREAM, IPPROTO_TCP, "", Address(literal, std::stoi(port))};
    };
    return {info("127.0.0.2"), info("127.0.0.1")};
  }

 protected:
  EventList select(std::optional<Duration> timeout) override {
    if (++turns_ > MAX_TURNS) throw std::logic_error("the loop turns and turns");
    // What waits for the limit only waits for a peer, which may need a moment of real time.
    const Duration patience = timeout && *timeout < 2s ? Duration(20ms) : Duration(30s);
    if (!timeout || *timeout <= patience) return SelectorEventLoop::select(timeout);
    const TimePoint before = time();
    const EventList found = SelectorEventLoop::select(patience);
    if (found.empty() && time() - before >= patience) ahead_ += *timeout - patience;
    return found;
  }

 private:
  std::size_t& turns_;
  Duration ahead_{};
};

std::string repr(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const ExceptionGroup& group) {
    std::string all = group.what();
    for (const auto& one : group.exceptions()) all += "; " + repr(one);
    return all;
  } catch (...) {
    return describe(error);
  }
}

/// Long enough that a socket does not take it in one piece.
const std::string& long_text() {
  static const std::string made = [] {
    std::string text;
    for (int i = 0; text.size() < 300'000; ++i) text += std::to_string(i) + ",";
    return text;
  }();
  return made;
}

}  // namespace

/// Where a program finds what it needs, and what ends with it.
class Stage {
 public:
  explicit Stage(Ending& ending) : ending_(ending) {}

  /// One end of a connection.
  class End : public Protocol {
   public:
    explicit End(Stage& stage)
        : stage_(stage),
          made_(get_running_loop().create_future<void>()),
          lost_(get_running_loop().create_future<void>()) {}
    void connection_made(std::shared_ptr<BaseTransport> made) override {
      ++stage_.ending_.made;
      if (!made_.done()) made_.set_result();
      transport = made;
      if (on_made) on_made();
    }
    void data_received(std::string_view data) override {
      text += data;
      if (on_data) on_data(data);
    }
    bool eof_received() override { return false; }
    void connection_lost(std::exception_ptr error) override {
      ++stage_.ending_.lost;
      if (error) stage_.ending_.told.push_back("lost: " + repr(error));
      const auto ended = std::exchange(transport, nullptr);
      if (!lost_.done()) lost_.set_result();
    }
    void write(std::string_view data) {
      if (const auto writes = std::dynamic_pointer_cast<WriteTransport>(transport)) writes->write(data);
    }
    void write_eof() {
      if (const auto writes = std::dynamic_pointer_cast<WriteTransport>(transport)) writes->write_eof();
    }
    void until_made() { await(made_); }
    void until_lost() { await(lost_); }

    std::shared_ptr<BaseTransport> transport;  // while it is open
    std::function<void()> on_made;
    std::function<void(std::string_view)> on_data;
    std::string text;

   private:
    Stage& stage_;
    Future<void> made_;
    Future<void> lost_;
  };

  std::shared_ptr<End> end() {
    ends_.push_back(std::make_shared<End>(*this));
    return ends_.back();
  }
  /// One that sends everything back.
  std::shared_ptr<End> echo() {
    const auto made = end();
    made->on_data = [end = made.get()](std::string_view data) { end->write(data); };
    return made;
  }
  /// One that sends a text.
  std::shared_ptr<End> sender(std::string text) {
    const auto made = end();
    made->on_made = [end = made.get(), text = std::move(text)] {
      end->write(text.substr(0, 10));
      end->write(text.substr(10));
      end->write_eof();
    };
    return made;
  }
  void keep(Server server) { servers_.push_back(std::move(server)); }
  Socket keep(Socket socket) { return sockets_.emplace_back(std::move(socket)); }
  /// An error that somebody has heard of, and went on.
  void tell(std::string what) { ending_.told.push_back(std::move(what)); }
  /// A file with this text. Opened before the program runs, so it has no part in its calls.
  std::string path(const std::string& name) const { return folder_.file(name); }
  std::string& text() { return ending_.text; }

  /// Ends what a program has begun and not ended.
  void clear() {
    for (const Server& server : std::exchange(servers_, {})) server->close();
    for (const auto& end : ends_) {
      if (const auto open = end->transport) open->close();
    }
    for (int i = 0; i < 10; ++i) sleep(0s);
    for (const auto& end : ends_) {
      if (const auto open = std::dynamic_pointer_cast<WriteTransport>(end->transport)) open->abort();
    }
    for (int i = 0; i < 3; ++i) sleep(0s);
    for (const Socket& socket : std::exchange(sockets_, {})) socket.close();
  }

 private:
  Ending& ending_;
  const TemporaryFolder folder_;
  std::vector<std::shared_ptr<End>> ends_;
  std::vector<Server> servers_;
  std::vector<Socket> sockets_;
};

namespace {

std::string echo_by_streams(Stage& stage) {
  const auto server = start_server(
      [](StreamReader reader, StreamWriter writer) {
        while (!reader.at_eof()) {
          writer.write(reader.readline());
          writer.drain();
        }
        writer.close();
      },
      "127.0.0.1", 0);
  stage.keep(server);
  auto [reader, writer] = open_connection("127.0.0.1", port_of(server));
  for (int i = 0; i < 3; ++i) {
    writer.writelines({"line ", std::to_string(i), "\n"});
    writer.drain();
    stage.text() += reader.readline();
  }
  writer.write("the end");
  writer.write_eof();
  stage.text() += reader.read();
  writer.close();
  writer.wait_closed();
  server->close();
  server->wait_closed();
  return stage.text();
}

std::string echo_over_unix(Stage& stage) {
  auto& loop = get_running_loop();
  stage.keep(loop.create_unix_server([&] { return stage.echo(); }, stage.path("socket")));
  const auto client = stage.sender(long_text());
  loop.create_unix_connection([&] { return client; }, stage.path("socket"));
  client->until_lost();
  return client->text;
}

std::string echo_over_tcp(Stage& stage) {
  auto& loop = get_running_loop();
  const auto server = loop.create_server([&] { return stage.echo(); }, {.host = "127.0.0.1", .port = 0});
  stage.keep(server);
  const auto client = stage.sender("over TCP: " + std::string(1000, '.'));
  loop.create_connection([&] { return client; }, {.host = "127.0.0.1", .port = port_of(server)});
  client->until_lost();
  return client->text;
}

std::string connect_to_one_of_two(Stage& stage) {
  auto& loop = get_running_loop();
  const auto server = loop.create_server([&] { return stage.echo(); }, {.host = "127.0.0.1", .port = 0});
  stage.keep(server);
  const auto client = stage.sender("happy eyeballs");
  loop.create_connection([&] { return client; }, {.host = "two.example",
                                                  .port = port_of(server),
                                                  .local_addr = Address("0.0.0.0", 0),
                                                  .happy_eyeballs_delay = 3s});  // longer than a refusal takes
  client->until_lost();
  return client->text;
}

/// Gives the descriptor away where that works.
template <class Connect>
void give(Descriptor end, Connect connect) {
  connect(end.number());
  end.release();
}

std::string pipes(Stage& stage) {
  auto& loop = get_running_loop();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0) throw_errno("pipe2");
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  const auto reader = stage.end();
  give(std::move(read_end), [&](int fd) { loop.connect_read_pipe([&] { return reader; }, fd); });
  give(std::move(write_end), [&](int fd) { loop.connect_write_pipe([&] { return stage.sender(long_text()); }, fd); });
  reader->until_lost();
  return reader->text;
}

/// Five datagrams, one after the other. Where one is lost, and somebody is told, it is sent again.
class Questions : public DatagramProtocol {
 public:
  Questions(Stage& stage, std::shared_ptr<Questions> asker)
      : done(get_running_loop().create_future<void>()), stage_(stage), asker_(std::move(asker)) {}
  void connection_made(std::shared_ptr<BaseTransport> made) override {
    transport = std::dynamic_pointer_cast<DatagramTransport>(made);
  }
  void datagram_received(std::string_view data, const Address& address) override {
    if (asker_) return transport->sendto(data, address);
    if (data != std::to_string(stage_.text().size())) return;  // the answer to one that was sent twice
    stage_.text() += data;
    ask();
  }
  void error_received(std::exception_ptr error) override {
    stage_.tell("error_received: " + repr(error));
    (asker_ ? *asker_ : *this).ask_again();
  }
  void connection_lost(std::exception_ptr error) override {
    if (error) stage_.tell("lost: " + repr(error));
    transport.reset();
    if (const auto& over = asker_ ? asker_->done : done; !over.done()) over.set_result();
  }
  void ask() {
    if (stage_.text().size() == 5 && !done.done()) done.set_result();
    if (!done.done() && transport) transport->sendto(std::to_string(stage_.text().size()));
  }

  std::shared_ptr<DatagramTransport> transport;
  Future<void> done;

 private:
  // Not at once: an error may be told from within sendto().
  void ask_again() {
    get_running_loop().call_soon([this] { ask(); });
  }

  Stage& stage_;
  const std::shared_ptr<Questions> asker_;  // null for the one that asks
};

std::string datagrams(Stage& stage) {
  auto& loop = get_running_loop();
  const auto asker = std::make_shared<Questions>(stage, nullptr);
  const auto answers = std::make_shared<Questions>(stage, asker);
  loop.create_datagram_endpoint([&] { return answers; }, {.local_addr = Address("127.0.0.1", 0)});
  const auto close = [&] {
    for (const auto& one : {answers, asker}) {
      if (one->transport) one->transport->close();
    }
  };
  try {
    if (!answers->transport) return {};
    const Address server = answers->transport->get_extra_info<Socket>("socket").getsockname();
    loop.create_datagram_endpoint([&] { return asker; }, {.remote_addr = server});
    asker->ask();
    await(asker->done);
  } catch (...) {
    close();
    throw;
  }
  close();
  return stage.text();
}

std::string send_a_file(Stage& stage) {
  auto& loop = get_running_loop();
  std::ofstream(stage.path("file")) << long_text();
  const Descriptor file(::open(stage.path("file").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno("open");
  const auto client = stage.end();
  const auto sender = stage.end();
  stage.keep(loop.create_unix_server([&] { return sender; }, stage.path("socket")));
  loop.create_unix_connection([&] { return client; }, stage.path("socket"));
  sender->until_made();
  try {
    if (sender->transport) loop.sendfile(std::dynamic_pointer_cast<Transport>(sender->transport), file.number());
  } catch (const std::system_error&) {
    stage.tell("sendfile: " + repr(std::current_exception()));
  }
  if (sender->transport) sender->transport->close();
  client->until_lost();
  return client->text;
}

std::string sockets_by_hand(Stage& stage) {
  auto& loop = get_running_loop();
  std::ofstream(stage.path("file")) << "from a file";
  const Descriptor file(::open(stage.path("file").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno("open");
  const Socket listener = stage.keep(open_socket(AF_INET, SOCK_STREAM, 0));
  bind_socket(listener, to_system(Address("127.0.0.1", 0), AF_INET));
  if (::listen(listener.fileno(), 1) < 0) throw_errno("listen");
  const Socket client = stage.keep(open_socket(AF_INET, SOCK_STREAM, 0));
  auto accepting = create_task(
      [&, listener] { return stage.keep(Socket::from_descriptor(get_running_loop().sock_accept(listener).first)); });
  loop.sock_connect(client, listener.getsockname());
  const Socket server = await(accepting);
  loop.sock_sendall(client, "by hand, ");
  loop.sock_sendfile(client, file.number());
  client.shutdown(SHUT_WR);
  for (std::string part = " "; !part.empty();) stage.text() += part = loop.sock_recv(server, 100);
  return stage.text();
}

std::string output_of_a_child(Stage& stage) {
  const Process process = create_subprocess_exec({"cat"}, {.stdin_ = subprocess::PIPE, .stdout_ = subprocess::PIPE});
  try {
    stage.text() = process.communicate(long_text()).first;  // which says nothing of what cat did not read
    process.stdin_().wait_closed();
    return stage.text();
  } catch (const std::system_error&) {
    stage.tell("communicate: " + repr(std::current_exception()));
    process.wait();
    return stage.text();
  }
}

std::string a_child_without_streams(Stage&) {
  const Process process = create_subprocess_exec(
      {"true"}, {.stdin_ = subprocess::DEVNULL, .stdout_ = subprocess::DEVNULL, .stderr_ = subprocess::DEVNULL});
  return "returned " + std::to_string(process.wait());
}

}  // namespace

std::vector<Program> programs() {
  return {
      {.name = "EchoByStreams", .body = echo_by_streams},
      {.name = "EchoOverTcp", .body = echo_over_tcp},
      {.name = "EchoOverUnix", .body = echo_over_unix},
      {.name = "OneOfTwoAddresses", .body = connect_to_one_of_two, .has_spare_addresses = true},
      {.name = "Pipes", .body = pipes},
      {.name = "Datagrams", .body = datagrams},
      {.name = "SendFile", .body = send_a_file},
      {.name = "SocketsByHand", .body = sockets_by_hand},
      {.name = "OutputOfAChild", .body = output_of_a_child},
      {.name = "AChildWithoutStreams", .body = a_child_without_streams},
  };
}

Ending run_program(const Program& program, SystemCallFaults& faults) {
  Ending ending;
  const SystemCallFaults::Scope scope(faults);
  try {
    HurriedLoop loop(ending.turns);
    loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext& context) {
      ending.told.push_back(context.message + (context.exception ? ": " + repr(context.exception) : ""));
    });
    loop.run_until_complete([&] {
      Stage stage(ending);
      try {
        ending.text = timeout(LIMIT, [&] { return program.body(stage); });
      } catch (const TimeoutError&) {
        ending.hangs = true;
      } catch (const std::exception&) {
        ending.told.push_back("thrown: " + repr(std::current_exception()));
      }
      stage.clear();
    });
    loop.run_until_complete([&] { loop.shutdown_default_executor(); });
    loop.close();
  } catch (const std::exception&) {
    ending.told.push_back("thrown: " + repr(std::current_exception()));
  }
  return ending;
}

}  // namespace asyncio
