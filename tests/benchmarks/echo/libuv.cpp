// libuv.cpp: the echo server on libuv, the loop below Node and uvloop.
//
//     readable ──► uv_try_write ──► all sent: go on reading
//                       └─────────► not all: uv_read_stop, uv_write for the rest ──► done: uv_read_start
#include "endpoint.hpp"

#include <array>
#include <memory>
#include <string>

#include <uv.h>

namespace {

std::array<char, echo::READ_BYTES> buffer;  // shared: what was read is sent, or copied, at once

void check(int result, const char* call) {
  if (result >= 0) return;
  std::fprintf(stderr, "%s: %s\n", call, uv_strerror(result));
  std::exit(1);
}

union Handle {  // a TCP or a UNIX stream
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

struct Connection {
  Handle handle;  // first: what libuv gives back is this
  uv_write_t request;
  std::string rest;  // what `request` is sending
};

void lend_buffer(uv_handle_t*, std::size_t, uv_buf_t* out) { *out = uv_buf_init(buffer.data(), buffer.size()); }

void close_connection(uv_stream_t* stream) {
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(stream))) return;
  uv_close(reinterpret_cast<uv_handle_t*>(stream),
           [](uv_handle_t* handle) { delete reinterpret_cast<Connection*>(handle); });
}

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* read);

void on_written(uv_write_t* request, int status) {
  if (status < 0) return close_connection(request->handle);
  uv_read_start(request->handle, lend_buffer, on_read);
}

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* read) {
  if (count < 0) return close_connection(stream);
  if (count == 0) return;
  uv_buf_t data = uv_buf_init(read->base, static_cast<unsigned>(count));
  int sent = uv_try_write(stream, &data, 1);
  if (sent == UV_EAGAIN) sent = 0;
  if (sent < 0) return close_connection(stream);
  if (sent == count) return;
  auto& connection = *reinterpret_cast<Connection*>(stream);
  connection.rest.assign(read->base + sent, read->base + count);
  uv_buf_t rest = uv_buf_init(connection.rest.data(), static_cast<unsigned>(connection.rest.size()));
  uv_read_stop(stream);
  uv_write(&connection.request, stream, &rest, 1, on_written);
}

void on_connection(uv_stream_t* server, int status) {
  check(status, "uv_listen");
  auto* connection = new Connection;
  uv_stream_t* stream = &connection->handle.stream;
  const bool tcp = server->type == UV_TCP;
  tcp ? uv_tcp_init(server->loop, &connection->handle.tcp) : uv_pipe_init(server->loop, &connection->handle.pipe, 0);
  check(uv_accept(server, stream), "uv_accept");
  if (tcp) uv_tcp_nodelay(&connection->handle.tcp, 1);
  uv_read_start(stream, lend_buffer, on_read);
}

void on_datagram(uv_udp_t* socket, ssize_t count, const uv_buf_t* read, const sockaddr* from, unsigned) {
  if (count < 0 || !from) return;
  uv_buf_t data = uv_buf_init(read->base, static_cast<unsigned>(count));
  uv_udp_try_send(socket, &data, 1, from);
}

}  // namespace

int main(int argc, char** argv) {
  const echo::Endpoint endpoint = echo::endpoint_of(argc, argv);
  const int fd = endpoint.listen();
  uv_loop_t* loop = uv_default_loop();
  static Handle server;
  static uv_udp_t datagrams;
  if (endpoint.datagrams()) {
    uv_udp_init(loop, &datagrams);
    check(uv_udp_open(&datagrams, fd), "uv_udp_open");
    check(uv_udp_recv_start(&datagrams, lend_buffer, on_datagram), "uv_udp_recv_start");
  } else {
    endpoint.local() ? uv_pipe_init(loop, &server.pipe, 0) : uv_tcp_init(loop, &server.tcp);
    check(endpoint.local() ? uv_pipe_open(&server.pipe, fd) : uv_tcp_open(&server.tcp, fd), "uv_open");
    check(uv_listen(&server.stream, echo::BACKLOG, on_connection), "uv_listen");
  }
  return uv_run(loop, UV_RUN_DEFAULT);
}
