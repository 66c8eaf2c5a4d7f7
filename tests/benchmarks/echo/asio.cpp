// asio.cpp: the echo server on Boost.Asio, in its three styles.
//
//     callbacks   each step names the next one           awaitable   C++20 coroutines
//     spawn       coroutines with a stack, as ours are
//
// One thread, and told so: io_context(1). A connection has a buffer of its own, since an operation that waits in Asio
// has to say where to put what arrives.
#include "endpoint.hpp"

#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <array>
#include <memory>
#include <string_view>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio::generic::stream_protocol;
using Socket = stream_protocol::socket;
using Acceptor = asio::basic_socket_acceptor<stream_protocol>;
using Buffer = std::array<char, echo::READ_BYTES>;

std::unique_ptr<Buffer> new_buffer() { return std::make_unique_for_overwrite<Buffer>(); }

// ---- callbacks ----

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(Socket socket) : socket_(std::move(socket)) {}

  void read() {
    socket_.async_read_some(asio::buffer(*buffer_), [self = shared_from_this()](auto error, std::size_t count) {
      if (!error) self->write(count);
    });
  }

 private:
  void write(std::size_t count) {
    asio::async_write(socket_, asio::buffer(*buffer_, count), [self = shared_from_this()](auto error, std::size_t) {
      if (!error) self->read();
    });
  }

  Socket socket_;
  const std::unique_ptr<Buffer> buffer_ = new_buffer();
};

// ---- awaitable, spawn ----

asio::awaitable<void> echo_awaitable(Socket socket) try {
  const auto buffer = new_buffer();
  for (;;) {
    const std::size_t count = co_await socket.async_read_some(asio::buffer(*buffer), asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(*buffer, count), asio::use_awaitable);
  }
} catch (const boost::system::system_error&) {  // the client is gone
}

void echo_stackful(Socket socket, asio::yield_context yield) try {
  const auto buffer = new_buffer();
  for (;;) {
    const std::size_t count = socket.async_read_some(asio::buffer(*buffer), yield);
    asio::async_write(socket, asio::buffer(*buffer, count), yield);
  }
} catch (const boost::system::system_error&) {
}

// ---- the server ----

void accept(Acceptor& acceptor, const echo::Endpoint& endpoint, std::string_view style) {
  acceptor.async_accept([&acceptor, endpoint, style](auto error, Socket socket) {
    if (error) return;
    endpoint.set_nodelay(socket.native_handle());
    const auto executor = acceptor.get_executor();
    if (style == "awaitable") {
      asio::co_spawn(executor, echo_awaitable(std::move(socket)), asio::detached);
    } else if (style == "spawn") {
      asio::spawn(
          executor,
          [socket = std::move(socket)](asio::yield_context yield) mutable { echo_stackful(std::move(socket), yield); },
          asio::detached);
    } else {
      std::make_shared<Connection>(std::move(socket))->read();
    }
    accept(acceptor, endpoint, style);
  });
}

class Datagrams {
 public:
  Datagrams(asio::io_context& context, int fd) : socket_(context, asio::ip::udp::v4(), fd) {}
  void receive() {
    socket_.async_receive_from(asio::buffer(*buffer_), from_, [this](auto error, std::size_t count) {
      if (error) return receive();
      socket_.async_send_to(asio::buffer(*buffer_, count), from_, [this](auto, std::size_t) { receive(); });
    });
  }

 private:
  asio::ip::udp::socket socket_;
  asio::ip::udp::endpoint from_;
  const std::unique_ptr<Buffer> buffer_ = new_buffer();
};

}  // namespace

int main(int argc, char** argv) {
  const echo::Endpoint endpoint = echo::endpoint_of(argc, argv);
  asio::io_context context(1);
  if (endpoint.datagrams()) {
    Datagrams datagrams(context, endpoint.listen());
    datagrams.receive();
    context.run();
  } else {
    const stream_protocol kind(endpoint.local() ? AF_UNIX : AF_INET, 0);
    Acceptor acceptor(context, kind, endpoint.listen());
    accept(acceptor, endpoint, argv[1]);
    context.run();
  }
}
