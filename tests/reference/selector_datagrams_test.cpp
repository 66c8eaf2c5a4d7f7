// selector_datagrams_test.cpp: datagram endpoints over the loopback interface. Rules: semantics.md S284 to S290.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>

#include <netinet/in.h>

#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/scripted_loop.hpp"
#include "tests/reference/until.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// A protocol that writes down what it is told.
class Datagrams : public DatagramProtocol {
 public:
  void connection_made(std::shared_ptr<BaseTransport> made) override {
    transport = std::dynamic_pointer_cast<DatagramTransport>(made);
  }
  void datagram_received(std::string_view data, const Address& address) override {
    from = address;
    note("data " + std::string(data));
    if (throws) throw std::out_of_range("not me");
  }
  void error_received(std::exception_ptr error) override { note("error " + describe(error)); }
  void pause_writing() override { note("pause"); }
  void resume_writing() override { note("resume"); }
  void connection_lost(std::exception_ptr error) override {
    note(error ? "lost " + describe(error) : "lost");
    transport.reset();
  }
  /// Waits until so much was told.
  const std::vector<std::string>& wait_for(std::size_t count) {
    while (told.size() < count) {
      news = get_running_loop().create_future<void>();
      await(news);
    }
    return told;
  }

  std::shared_ptr<DatagramTransport> transport;
  std::vector<std::string> told;
  Address from;
  bool throws = false;

 private:
  void note(std::string what) {
    told.push_back(std::move(what));
    if (news && !news.done()) news.set_result();
  }
  Future<void> news;
};

std::shared_ptr<Datagrams> datagrams() { return std::make_shared<Datagrams>(); }
auto open(DatagramOptions options) {
  return get_running_loop().create_datagram_endpoint(datagrams, std::move(options));
}
Address name_of(const std::shared_ptr<DatagramTransport>& transport) {
  return transport->get_extra_info<Address>("sockname");
}

class ADatagramEndpoint : public OnARealLoop {};
using AConnectedEndpoint = ADatagramEndpoint;
using TheOptionsOfAnEndpoint = ADatagramEndpoint;

// S286, S289: empty ones too (gh-113812).
TEST_F(ADatagramEndpoint, CarriesDatagramsOneByOne) {
  for (const std::string& host : loopback_hosts()) {
    run([&] {
      auto [a, a_heard] = open({.local_addr = Address(host, 0)});
      auto [b, b_heard] = open({.local_addr = Address(host, 0)});

      a->sendto("one", name_of(b));
      a->sendto("", name_of(b));
      a->sendto("two", name_of(b));

      EXPECT_THAT(b_heard->wait_for(3), ElementsAre("data one", "data ", "data two"));
      EXPECT_EQ(b_heard->from, name_of(a));
      a->close();
      b->close();
      EXPECT_THAT(a_heard->wait_for(1), ElementsAre("lost"));
      b_heard->wait_for(4);
    });
  }
}

// An address can be written in braces, and none at all too.
TEST_F(ADatagramEndpoint, TakesAnAddressInBraces) {
  run([&] {
    auto [a, a_heard] = open({.local_addr = Address("127.0.0.1", 0)});
    auto [b, b_heard] = open({.remote_addr = name_of(a)});

    a->sendto("one", {"127.0.0.1", name_of(b).port()});
    b->sendto("two", {});

    EXPECT_THAT(b_heard->wait_for(1), ElementsAre("data one"));
    EXPECT_THAT(a_heard->wait_for(1), ElementsAre("data two"));
    a->close();
    b->close();
    a_heard->wait_for(2);
    b_heard->wait_for(2);
  });
}

// S16, S239: each of its callbacks has a context of its own. Only the callbacks of a stream share one.
TEST_F(ADatagramEndpoint, KeepsNoContextBetweenItsCallbacks) {
  static ContextVar<std::string> who("who");
  struct Remembers final : DatagramProtocol {
    std::vector<std::string> seen;
    void connection_made(std::shared_ptr<BaseTransport>) override { who.set("its connection_made()"); }
    void datagram_received(std::string_view, const Address&) override { seen.push_back(who.get()); }
    void connection_lost(std::exception_ptr) override { seen.push_back(who.get()); }
  };
  run([] {
    who.set("its maker");
    const auto [endpoint, protocol] = get_running_loop().create_datagram_endpoint(
        std::make_shared<Remembers>, {.local_addr = Address("127.0.0.1", 0)});
    endpoint->sendto("x", name_of(endpoint));
    until([&, seen = protocol] { return seen->seen.size() == 1; });

    who.set("whoever closes it");
    endpoint->close();
    until([&, seen = protocol] { return seen->seen.size() == 2; });

    EXPECT_THAT(protocol->seen, ElementsAre("its maker", "whoever closes it"));
  });
}

// The address of an answer is not read as text: it must not be mistaken for another's.
TEST_F(ADatagramEndpoint, AnswersOneAndWritesToAnother) {
  run([] {
    auto [server, heard] = open({.local_addr = Address("127.0.0.1", 0)});
    auto [near, near_heard] = open({.local_addr = Address("127.0.0.1", 0)});
    auto [far, far_heard] = open({.local_addr = Address("127.210.9.100", 0)});
    EXPECT_EQ(name_of(far).host(), "127.210.9.100");

    far->sendto("question", name_of(server));
    heard->wait_for(1);
    EXPECT_EQ(heard->from, name_of(far));
    server->sendto("aside", name_of(near));
    server->sendto("answer", heard->from);

    EXPECT_THAT(near_heard->wait_for(1), ElementsAre("data aside"));
    EXPECT_THAT(far_heard->wait_for(1), ElementsAre("data answer"));
    for (const auto& transport : {server, near, far}) transport->abort();
    asyncio::sleep(Duration::zero());
  });
}

// S289: reported, and the endpoint stays open.
TEST_F(ADatagramEndpoint, StaysOpenWhenItsProtocolThrows) {
  run([] {
    auto [a, a_heard] = open({.local_addr = Address("127.0.0.1", 0)});
    auto [b, b_heard] = open({.local_addr = Address("127.0.0.1", 0)});
    b_heard->throws = true;

    a->sendto("one", name_of(b));
    a->sendto("two", name_of(b));

    EXPECT_THAT(b_heard->wait_for(2), ElementsAre("data one", "data two"));
    a->abort();
    b->abort();
    b_heard->wait_for(3);
  });
  EXPECT_THAT(reports.at(0), HasSubstr("out_of_range: not me"));
}

// S287: too large for any network.
TEST_F(ADatagramEndpoint, StaysOpenWhenItCannotSend) {
  run([] {
    auto [a, heard] = open({.local_addr = Address("127.0.0.1", 0)});

    a->sendto(std::string(70'000, 'x'), name_of(a));
    a->sendto("small", name_of(a));

    EXPECT_THAT(heard->wait_for(2), ElementsAre(HasSubstr("Message too long"), "data small"));
    a->close();
    heard->wait_for(3);
  });
}

// Python raises TypeError inside sendto() here; where the system is asked, it answers EDESTADDRREQ.
TEST_F(ADatagramEndpoint, SaysThatItNeedsAnAddress) {
  run([] {
    auto [a, heard] = open({.local_addr = Address("127.0.0.1", 0)});
    a->sendto("to nobody");
    EXPECT_THAT(heard->wait_for(1), ElementsAre(HasSubstr("Destination address required")));
    a->close();
    heard->wait_for(2);
  });
}

// S287: a label of more than 63 letters is refused without asking anybody.
TEST_F(ADatagramEndpoint, StaysOpenWhenANameDoesNotResolve) {
  run([] {
    auto [a, heard] = open({.local_addr = Address("127.0.0.1", 0)});
    a->sendto("to nobody", Address(std::string(70, 'x') + ".invalid", 1));
    EXPECT_THAT(heard->wait_for(1), ElementsAre(HasSubstr("getaddrinfo")));
    a->close();
    heard->wait_for(2);
  });
}

// S286.
TEST_F(AConnectedEndpoint, SendsToOneAddressOnly) {
  run([] {
    auto [server, server_heard] = open({.local_addr = Address("127.0.0.1", 0)});
    auto [client, client_heard] = open({.remote_addr = name_of(server)});
    EXPECT_EQ(client->get_extra_info<Address>("peername"), name_of(server));

    client->sendto("no address");
    client->sendto("the same", name_of(server));
    EXPECT_THAT(server_heard->wait_for(2), ElementsAre("data no address", "data the same"));
    EXPECT_EQ(text_of<std::invalid_argument>([&, c = client] { c->sendto("x", Address("127.0.0.1", 1)); }),
              "Invalid address: must be None or " + name_of(server).to_string());
    client->close();
    server->close();
    server_heard->wait_for(3);
  });
}

// S287: the port is closed, and the system says so.
TEST_F(AConnectedEndpoint, HearsThatNobodyListens) {
  run([] {
    const Socket bound = open_socket(AF_INET, SOCK_DGRAM, 0);
    bind_socket(bound, to_system({"127.0.0.1", 0}, AF_INET));
    const Address address = bound.getsockname();
    auto [client, heard] = open({.remote_addr = address});
    bound.close();

    client->sendto("anybody there?");

    EXPECT_THAT(heard->wait_for(1), ElementsAre(HasSubstr("Connection refused")));
    EXPECT_FALSE(client->is_closing());
    client->close();
    heard->wait_for(2);
  });
}

// S288, S290: what the system does not take waits, counts, and is sent before the end.
TEST_F(AConnectedEndpoint, QueuesWhatTheSystemDoesNotTake) {
  run([] {
    const auto pair = SocketPair::make(SOCK_DGRAM);
    auto [transport, heard] = open({.sock = pair.theirs});
    transport->set_write_buffer_limits({.high = 100});
    const std::string data(60, 'x');
    std::size_t sent = 0;
    while (heard->told.empty()) {
      transport->sendto(data);
      ++sent;
    }
    EXPECT_THAT(heard->told, ElementsAre("pause"));
    EXPECT_EQ(transport->get_write_buffer_size(), 2 * (data.size() + 8));

    transport->close();
    for (std::size_t received = 0; received < sent; ++received) {
      EXPECT_EQ(get_running_loop().sock_recv(pair.ours, 100), data);
    }
    EXPECT_THAT(heard->wait_for(3), ElementsAre("pause", "resume", "lost"));
  });
}

// S290.
TEST_F(AConnectedEndpoint, DropsTheQueueWhenItIsAborted) {
  run([] {
    const auto pair = SocketPair::make(SOCK_DGRAM);
    auto [transport, heard] = open({.sock = pair.theirs});
    while (transport->get_write_buffer_size() == 0) transport->sendto("x");

    transport->abort();
    EXPECT_EQ(transport->get_write_buffer_size(), 0u);

    EXPECT_THAT(heard->wait_for(1), ElementsAre("lost"));
    testing::internal::CaptureStderr();
    for (int i = 0; i < 5; ++i) transport->sendto("x");
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("socket.send() raised exception."));
  });
}

// S284: a path.
TEST_F(ADatagramEndpoint, HasAPathToo) {
  const TemporaryFolder folder;
  run([&] {
    const Address path = Address::unix_path(folder.file("socket"));
    auto [server, heard] = open({.local_addr = path, .family = AF_UNIX});
    auto [client, client_heard] = open({.remote_addr = path, .family = AF_UNIX});

    client->sendto("along the path");

    EXPECT_THAT(heard->wait_for(1), ElementsAre("data along the path"));
    client->close();
    server->close();
    heard->wait_for(2);
  });
}

// S285: it remembers whom to send to, and stays open for answers from others.
TEST_F(ADatagramEndpoint, ThatMayBroadcastIsNotConnected) {
  run([] {
    auto [a, a_heard] = open({.local_addr = Address("127.0.0.1", 0)});
    auto [b, b_heard] =
        open({.local_addr = Address("127.0.0.1", 0), .remote_addr = name_of(a), .allow_broadcast = true});
    EXPECT_EQ(b->get_extra_info<Address>("peername"), Address());
    EXPECT_NE(b->get_extra_info<Socket>("socket").getsockopt(SOL_SOCKET, SO_BROADCAST), 0);

    b->sendto("by default");

    EXPECT_THAT(a_heard->wait_for(1), ElementsAre("data by default"));
    a->close();
    b->close();
    a_heard->wait_for(2);
  });
}

// S284: the texts are CPython's.
TEST_F(TheOptionsOfAnEndpoint, AreCheckedFirst) {
  run([] {
    const auto refusal = [](DatagramOptions options) {
      return text_of<std::invalid_argument>([&] { open(std::move(options)); });
    };
    const auto stream = SocketPair::make();
    const auto datagram = SocketPair::make(SOCK_DGRAM);
    EXPECT_EQ(refusal({}), "unexpected address family");
    EXPECT_THAT(refusal({.sock = stream.ours}), StartsWith("A datagram socket was expected, got <socket fd="));
    EXPECT_EQ(refusal({.local_addr = Address("127.0.0.1", 1), .family = AF_INET, .sock = datagram.ours}),
              "socket modifier keyword arguments can not be used when sock is specified. "
              "(local_addr=127.0.0.1:1, family=2)");
    EXPECT_EQ(refusal({.local_addr = Address::unix_path("p")}), "2-tuple is expected");
    EXPECT_EQ(refusal({.local_addr = Address("h", 1), .family = AF_UNIX}), "string is expected");
    EXPECT_EQ(refusal({.local_addr = Address("127.0.0.1", 0), .remote_addr = Address("::1", 1)}),
              "can not get address information");
  });
}

// S284: candidates are tried in order, and the first error is raised.
TEST_F(TheOptionsOfAnEndpoint, MayAskForAnAddressInUse) {
  run([] {
    auto [a, heard] = open({.local_addr = Address("127.0.0.1", 0)});
    EXPECT_EQ(errno_of([&, a = a] { open({.local_addr = name_of(a)}); }), EADDRINUSE);
    a->close();
    heard->wait_for(1);
  });
}

}  // namespace
}  // namespace asyncio
