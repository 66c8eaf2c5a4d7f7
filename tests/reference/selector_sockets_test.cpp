// selector_sockets_test.cpp: sockets by hand on a real loop. Rules: semantics.md S280 to S283.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>

#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// A socket that listens on the loopback interface.
Socket listening_socket(int family = AF_INET) {
  const Socket socket = open_socket(family, SOCK_STREAM, 0);
  bind_socket(socket, to_system({family == AF_INET ? "127.0.0.1" : "::1", 0}, family));
  if (::listen(socket.fileno(), 8) < 0) throw_errno("listen");
  return socket;
}

Socket datagram_socket() {
  const Socket socket = open_socket(AF_INET, SOCK_DGRAM, 0);
  bind_socket(socket, to_system({"127.0.0.1", 0}, AF_INET));
  return socket;
}

class ASocketByHand : public OnARealLoop {};
using SockRecv = ASocketByHand;
using SockSendall = ASocketByHand;
using SockConnect = ASocketByHand;
using SockAccept = ASocketByHand;
using SockSendto = ASocketByHand;
using TheDescriptorOfATransport = ASocketByHand;

// S281: what is there is read without suspending.
TEST_F(SockRecv, ReadsAtOnceWhatIsThere) {
  run([] {
    const auto pair = SocketPair::make();
    pair.write("hello");
    const auto others_ran = std::make_shared<bool>(false);  // the callback outlives this body
    get_running_loop().call_soon([others_ran] { *others_ran = true; });

    EXPECT_EQ(get_running_loop().sock_recv(pair.theirs, 3), "hel");
    EXPECT_EQ(get_running_loop().sock_recv(pair.theirs, 10), "lo");

    EXPECT_FALSE(*others_ran);
  });
}

TEST_F(SockRecv, WaitsForData) {
  run([] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    loop.call_soon([&] { pair.write("late"); });

    std::array<char, 8> place{};
    EXPECT_EQ(loop.sock_recv_into(pair.theirs, place), 4u);

    EXPECT_EQ(std::string_view(place.data(), 4), "late");
    EXPECT_FALSE(loop.remove_reader(pair.theirs));
  });
}

TEST_F(SockRecv, GivesNothingAtTheEnd) {
  run([] {
    const auto pair = SocketPair::make();
    pair.ours.close();
    EXPECT_EQ(get_running_loop().sock_recv(pair.theirs, 10), "");
  });
}

// As Python's socket.recv(0): the system would say that nothing has come yet.
TEST_F(SockRecv, OfNothingWaitsForNothing) {
  run([] {
    const auto pair = SocketPair::make();
    EXPECT_EQ(get_running_loop().sock_recv(pair.theirs, 0), "");
    EXPECT_EQ(get_running_loop().sock_recv_into(pair.theirs, {}), 0u);
  });
}

// S281: nothing is lost, and nothing is left behind.
TEST_F(SockRecv, CanBeCancelledAndTriedAgain) {
  run([] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    auto task = loop.create_task([&] { loop.sock_recv(pair.theirs, 10); });
    sleep(Duration::zero());

    task.cancel();
    EXPECT_THROW(await(task), CancelledError);
    EXPECT_FALSE(loop.remove_reader(pair.theirs));

    pair.write("kept");
    EXPECT_EQ(loop.sock_recv(pair.theirs, 10), "kept");
  });
}

// What is cancelled in the moment in which its data has come. asyncio loses the data here.
TEST_F(SockRecv, LosesNothingWhenItIsCancelledInTime) {
  run([] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    auto task = loop.create_task([&] { loop.sock_recv(pair.theirs, 10); });
    sleep(Duration::zero());
    pair.write("kept");
    loop.call_soon([&] { loop.call_soon([&] { task.cancel(); }); });

    EXPECT_THROW(await(task), CancelledError);
    EXPECT_EQ(loop.sock_recv(pair.theirs, 10), "kept");
  });
}

// S281: a watch that somebody has put in the place of ours stays.
TEST_F(SockRecv, LeavesAReaderThatHasReplacedIt) {
  run([] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    auto task = loop.create_task([&] { loop.sock_recv(pair.theirs, 10); });
    sleep(Duration::zero());
    loop.add_reader(pair.theirs, [] {});

    task.cancel();
    EXPECT_THROW(await(task), CancelledError);

    EXPECT_TRUE(loop.remove_reader(pair.theirs));
  });
}

// S54: a ValueError in Python.
TEST_F(SockRecv, RefusesABlockingSocketInDebugMode) {
  run([] {
    auto& loop = get_running_loop();
    loop.set_debug(true);
    const auto pair = SocketPair::make();
    ::fcntl(pair.theirs.fileno(), F_SETFL, 0);

    EXPECT_EQ(text_of<std::invalid_argument>([&] { loop.sock_recv(pair.theirs, 1); }),
              "the socket must be non-blocking");
  });
}

// And without it, it does not stop the loop.
TEST_F(SockRecv, DoesNotBlockTheLoopOnABlockingSocket) {
  run([] {
    auto& loop = get_running_loop();
    loop.set_debug(false);
    const auto pair = SocketPair::make();
    ::fcntl(pair.theirs.fileno(), F_SETFL, 0);
    loop.call_soon([&] { pair.write("x"); });

    EXPECT_EQ(loop.sock_recv(pair.theirs, 1), "x");
  });
}

TEST_F(SockSendall, SendsMoreThanTheSystemTakesAtOnce) {
  run([] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    std::string much(4 << 20, 'x');
    auto sender = loop.create_task([&] {
      loop.sock_sendall(pair.theirs, much);
      pair.theirs.close();
    });

    std::size_t received = 0;
    while (const std::size_t count = loop.sock_recv(pair.ours, 1 << 18).size()) received += count;

    EXPECT_EQ(received, much.size());
    await(sender);
  });
}

// Api: EPIPE, never a signal.
TEST_F(SockSendall, SaysThatThePeerIsGone) {
  run([] {
    const auto pair = SocketPair::make();
    pair.ours.close();
    EXPECT_EQ(errno_of([&] { get_running_loop().sock_sendall(pair.theirs, "x"); }), EPIPE);
  });
}

// S281, S283.
TEST_F(SockConnect, MeetsSockAccept) {
  run([] {
    auto& loop = get_running_loop();
    for (const std::string& host : loopback_hosts()) {
      const int family = host == "::1" ? AF_INET6 : AF_INET;
      const Socket server = listening_socket(family);
      const Socket client = open_socket(family, SOCK_STREAM, 0);
      auto accepting = loop.create_task([&] { return loop.sock_accept(server); });

      loop.sock_connect(client, server.getsockname());
      const auto [descriptor, peer] = await(accepting);
      const Socket accepted = Socket::from_descriptor(descriptor);

      EXPECT_EQ(peer, client.getsockname());
      EXPECT_EQ(accepted.getsockname(), client.getpeername());
      EXPECT_NE(::fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);  // S283
    }
  });
}

// S282.
TEST_F(SockConnect, ResolvesAName) {
  run([] {
    auto& loop = get_running_loop();
    const Socket server = listening_socket();
    const Socket client = open_socket(AF_INET, SOCK_STREAM, 0);

    loop.sock_connect(client, {"localhost", server.getsockname().port()});

    EXPECT_EQ(client.getpeername(), server.getsockname());
  });
}

TEST_F(SockConnect, SaysWhereNobodyListens) {
  run([] {
    const Socket bound = open_socket(AF_INET, SOCK_STREAM, 0);
    bind_socket(bound, to_system({"127.0.0.1", 0}, AF_INET));
    const Socket client = open_socket(AF_INET, SOCK_STREAM, 0);
    try {
      get_running_loop().sock_connect(client, bound.getsockname());
      FAIL();
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::connection_refused);
      EXPECT_THAT(error.what(), StartsWith("Connect call failed " + bound.getsockname().to_string()));
    }
  });
}

TEST_F(SockConnect, SaysThatAPathIsNotThere) {
  run([] {
    const Socket client = open_socket(AF_UNIX, SOCK_STREAM, 0);
    const auto connect = [&] { get_running_loop().sock_connect(client, Address::unix_path("/nowhere/at/all")); };
    EXPECT_EQ(errno_of(connect), ENOENT);
  });
}

// There is no connection, and nobody would tell when there is room: asyncio believes that there is one.
TEST_F(SockConnect, SaysThatAUnixServerHasNoRoom) {
  run([] {
    const Address name = Address::unix_path(std::string(1, '\0') + "orrery-full-" + std::to_string(::getpid()));
    const Socket server = open_socket(AF_UNIX, SOCK_STREAM, 0);
    bind_socket(server, to_system(name, AF_UNIX));
    ::listen(server.fileno(), 0);
    const Socket first = open_socket(AF_UNIX, SOCK_STREAM, 0);
    get_running_loop().sock_connect(first, name);

    const Socket second = open_socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(errno_of([&] { get_running_loop().sock_connect(second, name); }), EAGAIN);
  });
}

// S281: the connection that a cancelled accept waited for goes to the next one.
TEST_F(SockAccept, LosesNoConnectionWhenItIsCancelled) {
  run([] {
    auto& loop = get_running_loop();
    const Socket server = listening_socket();
    const Socket client = open_socket(AF_INET, SOCK_STREAM, 0);
    auto accepting = loop.create_task([&] { loop.sock_accept(server); });
    sleep(Duration::zero());
    const SystemAddress to = to_system(server.getsockname(), AF_INET);
    ::connect(client.fileno(), to.get(), to.size);  // on the loopback interface it is done when this returns
    accepting.cancel();
    EXPECT_THROW(await(accepting), CancelledError);

    const auto [descriptor, peer] = loop.sock_accept(server);

    EXPECT_EQ(peer, client.getsockname());
    ::close(descriptor);
  });
}

TEST_F(SockSendto, MeetsSockRecvfrom) {
  run([] {
    auto& loop = get_running_loop();
    const Socket a = datagram_socket();
    const Socket b = datagram_socket();
    std::array<char, 4> place{};

    EXPECT_EQ(loop.sock_sendto(a, "ping", b.getsockname()), 4u);
    EXPECT_EQ(loop.sock_recvfrom(b, 100), std::pair(std::string("ping"), a.getsockname()));
    loop.sock_sendto(b, "pong", a.getsockname());
    EXPECT_EQ(loop.sock_recvfrom_into(a, place), std::pair(std::size_t{4}, b.getsockname()));
    EXPECT_EQ(std::string_view(place.data(), 4), "pong");
  });
}

// The only way to send an empty datagram to a peer that a socket is connected to.
TEST_F(SockSendall, SendsAnEmptyDatagram) {
  run([] {
    auto& loop = get_running_loop();
    const Socket a = datagram_socket();
    const Socket b = datagram_socket();

    loop.sock_connect(a, b.getsockname());
    loop.sock_sendall(a, "");

    EXPECT_EQ(loop.sock_recvfrom(b, 100), std::pair(std::string(), a.getsockname()));
  });
}

// S280, bpo-28369.
TEST_F(TheDescriptorOfATransport, IsRefused) {
  run([] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    auto [transport, protocol] =
        loop.create_connection([] { return std::make_shared<RecordingProtocol>(); }, {.sock = pair.theirs});
    const int fd = pair.theirs.fileno();
    const std::string refusal = "File descriptor " + std::to_string(fd) + " is used by transport ";

    EXPECT_THAT(text_of<RuntimeError>([&] { loop.add_reader(fd, [] {}); }), StartsWith(refusal));
    EXPECT_THAT(text_of<RuntimeError>([&] { loop.remove_reader(fd); }), StartsWith(refusal));
    EXPECT_THAT(text_of<RuntimeError>([&] { loop.add_writer(fd, [] {}); }), StartsWith(refusal));
    EXPECT_THAT(text_of<RuntimeError>([&] { loop.remove_writer(fd); }), StartsWith(refusal));
    EXPECT_THAT(text_of<RuntimeError>([&] { loop.sock_recv(fd, 1); }), StartsWith(refusal));

    transport->close();
    await(protocol->lost);
  });
}

// S280: and it is free again when the connection is lost.
TEST_F(TheDescriptorOfATransport, IsFreeAfterwards) {
  run([] {
    auto& loop = get_running_loop();
    auto pair = SocketPair::make();
    const int fd = pair.theirs.fileno();
    auto [transport, protocol] = loop.create_connection([] { return std::make_shared<RecordingProtocol>(); },
                                                        {.sock = std::exchange(pair.theirs, {})});
    transport->abort();
    await(protocol->lost);
    sleep(Duration::zero());

    EXPECT_FALSE(loop.remove_reader(fd));
  });
}

}  // namespace
}  // namespace asyncio
