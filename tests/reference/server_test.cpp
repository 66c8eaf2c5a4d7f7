// server_test.cpp: the books of a server. Rules: semantics.md S243, S247 to S250.

#include "loopback_transport.hpp"

#include <asyncio/tasks.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using loopback::LoopbackLoop;
using loopback::LoopbackTransport;
using loopback::run;
using loopback::settle;

std::shared_ptr<asyncio::BaseProtocol> silent_protocol() { return std::make_shared<asyncio::Protocol>(); }

asyncio::Server make_server(LoopbackLoop& loop, bool start_serving = true) {
  return loop.create_server(silent_protocol, {.host = "h", .port = 80, .start_serving = start_serving});
}

/// Connects a client; gives its transport.
std::shared_ptr<asyncio::Transport> connect(LoopbackLoop& loop) {
  return loop.create_connection([] { return std::make_shared<asyncio::Protocol>(); }, {.host = "h", .port = 80}).first;
}

// S243: listening begins with start_serving().
TEST(NewServer, ListensFromStartServingOn) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop, false);
    EXPECT_FALSE(server->is_serving());
    EXPECT_THROW(connect(loop), std::system_error);

    server->start_serving();
    EXPECT_TRUE(server->is_serving());
    EXPECT_NO_THROW(connect(loop));
  });
}

// S243
TEST(NewServer, GivesWayOnceInStartServing) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop, false);
    std::string order;
    loop.call_soon([&] { order += "callback "; });
    server->start_serving();
    order += "started";
    EXPECT_EQ(order, "callback started");
  });
}

TEST(NewServer, KnowsItsLoopAndItsSockets) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    EXPECT_EQ(&server->get_loop(), &loop);
    ASSERT_EQ(server->sockets().size(), 1u);
    EXPECT_EQ(server->sockets().front().getsockname(), asyncio::Address("h", 80));
    EXPECT_EQ(server->repr(), "<Server sockets=(h:80)>");
  });
}

// S247
TEST(ClosedServer, HasNoSocketsAndServesNobody) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    server->close();
    server->close();
    EXPECT_TRUE(server->sockets().empty());
    EXPECT_FALSE(server->is_serving());
    EXPECT_THROW(connect(loop), std::system_error);
  });
}

// S247
TEST(ClosedServer, LeavesItsConnectionsOpen) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto client = connect(loop);
    server->close();
    settle();
    EXPECT_FALSE(client->is_closing());
    client->close();
    settle();
  });
}

TEST(ClosedServer, CannotServeAgain) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    server->close();
    EXPECT_THROW(server->start_serving(), asyncio::RuntimeError);
    try {
      server->serve_forever();
      ADD_FAILURE() << "no RuntimeError";
    } catch (const asyncio::RuntimeError& error) {
      EXPECT_STREQ(error.what(), "server <Server sockets=()> is closed");
    }
  });
}

// S248
TEST(WaitClosed, WaitsWhileTheServerIsOpen) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto task = asyncio::create_task([server] { server->wait_closed(); });
    settle();
    EXPECT_FALSE(task.done());
    server->close();
    settle();
    EXPECT_TRUE(task.done());
  });
}

// S248
TEST(WaitClosed, WaitsForTheLastConnection) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto first = connect(loop);
    auto second = connect(loop);
    server->close();
    auto task = asyncio::create_task([server] { server->wait_closed(); });
    first->close();
    settle();
    EXPECT_FALSE(task.done());
    second->close();
    settle();
    EXPECT_TRUE(task.done());
    server->wait_closed();  // at once
  });
}

// A task that waits and is cancelled leaves the others waiting.
TEST(WaitClosed, MayBeCancelled) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto first = asyncio::create_task([server] { server->wait_closed(); });
    auto second = asyncio::create_task([server] { server->wait_closed(); });
    settle();
    first.cancel();
    settle();
    EXPECT_TRUE(first.cancelled());
    EXPECT_FALSE(second.done());
    server->close();
    asyncio::await(second);
  });
}

// A transport that nobody keeps dies, and is not waited for.
TEST(WaitClosed, DoesNotWaitForAConnectionThatWasDestroyed) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto lone = std::make_shared<LoopbackTransport>(loop, silent_protocol(), server);
    server->attach(lone);
    server->close();
    lone.reset();
    server->wait_closed();
  });
}

// S249
TEST(ServeForever, StartsServing) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop, false);
    auto task = asyncio::create_task([server] { server->serve_forever(); });
    settle();
    EXPECT_TRUE(server->is_serving());
    task.cancel();
    settle();
  });
}

// S249
TEST(ServeForever, ServesOneTaskAtATime) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto task = asyncio::create_task([server] { server->serve_forever(); });
    settle();
    EXPECT_THROW(server->serve_forever(), asyncio::RuntimeError);
    task.cancel();
    settle();
    EXPECT_TRUE(task.cancelled());
  });
}

// S249: close, close_clients, wait_closed, and only then the CancelledError.
TEST(ServeForever, ClosesEverythingWhenItIsCancelled) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto client = connect(loop);
    auto task = asyncio::create_task([server] { server->serve_forever(); });
    settle();
    task.cancel();
    settle();

    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(server->is_serving());
    EXPECT_TRUE(client->is_closing());
    EXPECT_TRUE(loop.transports.empty());
  });
}

// S247: nobody cancelled the task.
TEST(ServeForever, EndsWithCancelledErrorWhenTheServerIsClosed) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    int cancelling = -1;
    auto task = asyncio::create_task([&] {
      try {
        server->serve_forever();
      } catch (const asyncio::CancelledError&) {
        cancelling = asyncio::current_task().cancelling();
      }
    });
    settle();
    server->close();
    settle();
    EXPECT_TRUE(task.done());
    EXPECT_EQ(cancelling, 0);
  });
}

// S250
TEST(CloseClients, ClosesTheConnectionsAndNotTheServer) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto client = connect(loop);
    settle();
    server->close_clients();
    settle();
    EXPECT_TRUE(client->is_closing());
    EXPECT_TRUE(server->is_serving());
  });
}

// S250: what is buffered is lost.
TEST(AbortClients, AbortsTheConnections) {
  run([](LoopbackLoop& loop) {
    auto server = make_server(loop);
    auto client = connect(loop);
    client->pause_reading();
    const auto far = loop.transports.back();
    far->write("never sent");
    server->abort_clients();
    EXPECT_EQ(far->get_write_buffer_size(), 0u);
    settle();
    EXPECT_TRUE(loop.transports.empty());
  });
}

// The loop holds a server that serves; a program need not.
TEST(ServerThatNobodyHolds, GoesOnServing) {
  run([](LoopbackLoop& loop) {
    make_server(loop);
    settle();
    EXPECT_NO_THROW(connect(loop));
  });
}

// A server may be held longer than its loop lives.
TEST(ServerWithoutALoop, CanBeAskedAndDestroyed) {
  asyncio::Server server;
  run([&](LoopbackLoop& loop) { server = make_server(loop); });
  EXPECT_THROW(server->get_loop(), asyncio::RuntimeError);
  server.reset();
}

}  // namespace
