// start_tls_test.cpp: connections that begin in the clear, or inside of another one.
#include <gtest/gtest.h>

#include "tests/reference/tls_connection.hpp"

namespace asyncio {
namespace {

// S301, S343: a protocol that begins in the clear, as SMTP does. The client does not wait for the answer, so that the
// server has the beginning of TLS in its reader already (gh-142352).
TEST_F(ATlsConnection, MayBeginInTheClear) {
  const auto serve = [](StreamReader reader, StreamWriter writer) {
    EXPECT_EQ(reader.readline(), "STARTTLS\n");
    writer.start_tls(server_context());
    EXPECT_EQ(reader.readline(), "secret\n");
    writer.write("thanks\n");
    writer.close();
  };
  connect_in_the_clear(serve, [](StreamReader reader, StreamWriter writer) {
    writer.start_tls(client_context(), {.server_hostname = "localhost"});
    writer.write("secret\n");
    EXPECT_EQ(reader.readline(), "thanks\n");
    EXPECT_EQ(reader.read(), "");
    EXPECT_EQ(object_of(writer)->version(), "TLSv1.3");
    writer.close();
    writer.wait_closed();
  });
}

// S301: TLS in TLS, as a proxy needs it.
TEST_F(ATlsConnection, MayGoThroughAnother) {
  run([] {
    const auto serve = [](StreamReader reader, StreamWriter writer) {
      EXPECT_EQ(reader.readline(), "again\n");
      writer.write("yes\n");
      writer.start_tls(server_context());
      writer.write(reader.readline());
      writer.close();
    };
    const auto server = start_server(serve, "127.0.0.1", 0, {.ssl = server_context()});
    auto [reader, writer] = open_connection("127.0.0.1", port_of(server), {.ssl = client_context()});
    writer.write("again\n");
    EXPECT_EQ(reader.readline(), "yes\n");
    writer.start_tls(client_context(), {.server_hostname = "localhost"});
    writer.write("inside of both\n");
    EXPECT_EQ(reader.readline(), "inside of both\n");
    EXPECT_EQ(reader.read(), "");
    writer.close();
    writer.wait_closed();
    server->close();
    server->wait_closed();
  });
}

// S301
TEST_F(ATlsConnection, IsNotMadeFromJustAnything) {
  run([] {
    struct Unfit : Transport {};
    auto& loop = get_running_loop();
    const auto protocol = std::make_shared<Protocol>();
    EXPECT_THROW(loop.start_tls(std::make_shared<Unfit>(), protocol, client_context(), {.server_hostname = "h"}),
                 std::invalid_argument);
    EXPECT_THROW(loop.start_tls(nullptr, protocol, nullptr), std::invalid_argument);
    EXPECT_THROW(Unfit().force_close(nullptr), NotImplementedError);  // abort(), where nobody has one
  });
}

// S301: CPython waits for ever, whatever the timeout.
TEST_F(ATlsConnection, IsNotMadeOfOneThatIsLost) {
  run([] {
    auto& loop = get_running_loop();
    const SocketPair pair = SocketPair::make();
    auto [transport, protocol] =
        loop.create_connection([] { return std::make_shared<RecordingProtocol>(); }, {.sock = pair.ours});
    transport->abort();
    await(protocol->lost);
    try {
      loop.start_tls(transport, protocol, client_context(), {.server_hostname = "localhost"});
      ADD_FAILURE() << "there is no connection";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::connection_aborted);
    }
  });
}

// S301, CVE-2011-0411: what somebody has added to the answer must not pass for what TLS has protected.
TEST_F(ATlsConnection, RefusesWhatWasAddedInTheClear) {
  const auto serve = [](StreamReader reader, StreamWriter writer) {
    reader.readline();
    writer.write("go\nadded\n");
    reader.read();
    writer.close();
  };
  connect_in_the_clear(serve, [](StreamReader reader, StreamWriter writer) {
    EXPECT_EQ(reader.readline(), "go\n");
    try {
      writer.start_tls(client_context(), {.server_hostname = "localhost"});
      ADD_FAILURE() << "something was added";
    } catch (const SSLError& error) {
      EXPECT_EQ(error.reason(), "UNREAD_PLAINTEXT");
    }
    EXPECT_TRUE(writer.is_closing());
  });
}

// S301: the connection is closed where the handshake fails.
TEST_F(ATlsConnection, IsClosedWhereStartTlsFails) {
  const auto serve = [](StreamReader reader, StreamWriter writer) {
    reader.readline();
    writer.write("no\n");
    EXPECT_EQ(reader.readexactly(1)[0], 22);  // a record of a handshake
    writer.write("no, not at all\n");
    reader.read();
    writer.close();
  };
  connect_in_the_clear(serve, [](StreamReader reader, StreamWriter writer) {
    EXPECT_EQ(reader.readline(), "no\n");
    EXPECT_THROW(writer.start_tls(client_context(), {.server_hostname = "localhost"}), SSLError);
    EXPECT_TRUE(writer.is_closing());
  });
}

}  // namespace
}  // namespace asyncio
