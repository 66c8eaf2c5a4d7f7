// stream_protocol.hpp: the protocol between a transport and a stream.
//
// A transport talks to a protocol; a program wants a reader and a writer. StreamReaderProtocol
// translates:
//
//     connection_made ──► tells the reader its transport; on a server, starts the task of the new client
//     data_received ────► reader.feed_data          pause_writing, resume_writing ──► drain()
//     eof_received ─────► reader.feed_eof           connection_lost ──► reader, drain() and wait_closed()
//
// On a server the callback that serves a client always gets a task of its own. asyncio makes one
// only for coroutine functions; here every callable may suspend, so every callable may be one.
//
// Who owns whom: the transport owns the protocol. The protocol refers to its reader and to its
// transport weakly; a stream whose reader and writer are gone has nobody to tell, and what still
// arrives is dropped. Only before connection_made() does the protocol of a server own its reader,
// since nobody else can.
//
// asyncio's protocol also owns the client's task, because its loop keeps tasks by weak references.
// A task here is owned by whatever will wake it, so the protocol need not; and if it did, task,
// writer, transport and protocol would be a ring.
//
// Source: CPython Lib/asyncio/streams.py, StreamReaderProtocol. Rules: S338 to S341.
#pragma once

#include <asyncio/futures.hpp>
#include <asyncio/protocols.hpp>
#include <asyncio/stream_flow_control.hpp>
#include <asyncio/stream_reader.hpp>
#include <asyncio/stream_writer.hpp>
#include <asyncio/tasks.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio {

/// Serves one client of start_server(): any callable, which takes the streams as values or by reference. Runs in a task
/// of its own; may suspend. Copies are the same callable, which may have a state, and need not be copyable.
class ClientConnected {
 public:
  /// Serves nobody: converts to false.
  ClientConnected() = default;
  /// \tparam F      called with a StreamReader and a StreamWriter; what it returns is ignored
  /// \param  serve  the callable
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, ClientConnected> &&
             (std::is_invocable_v<std::decay_t<F>&, StreamReader, StreamWriter> ||
              std::is_invocable_v<std::decay_t<F>&, StreamReader&, StreamWriter&>))
  ClientConnected(F&& serve)  // NOLINT(google-explicit-constructor)
      : serve_([shared = std::make_shared<std::decay_t<F>>(std::forward<F>(serve))](StreamReader reader,
                                                                                    StreamWriter writer) {
          if constexpr (std::is_invocable_v<std::decay_t<F>&, StreamReader, StreamWriter>) {
            std::invoke(*shared, std::move(reader), std::move(writer));  // suspends
          } else {
            std::invoke(*shared, reader, writer);  // suspends
          }
        }) {}

  /// \suspends as the callable does
  void operator()(StreamReader reader, StreamWriter writer) const { serve_(std::move(reader), std::move(writer)); }
  /// Whether there is a callable.
  explicit operator bool() const noexcept { return static_cast<bool>(serve_); }

 private:
  std::function<void(StreamReader, StreamWriter)> serve_;
};

/// Feeds a StreamReader with what a transport receives. Must be made while its loop is running.
class StreamReaderProtocol : public Protocol,
                             public streams::FlowControlMixin,
                             public std::enable_shared_from_this<StreamReaderProtocol> {
 public:
  /// A protocol that feeds `reader`. Whoever made it keeps the reader.
  explicit StreamReaderProtocol(const StreamReader& reader);
  /// A protocol that feeds `reader` from a connection that came in: connection_made() starts a task
  /// with `client_connected` (S340). Must be owned by a std::shared_ptr.
  StreamReaderProtocol(StreamReader reader, ClientConnected client_connected);

  void connection_made(std::shared_ptr<BaseTransport> transport) override;
  void connection_lost(std::exception_ptr error) override;
  void pause_writing() override { FlowControlMixin::pause_writing(); }
  void resume_writing() override { FlowControlMixin::resume_writing(); }
  void data_received(std::string_view data) override;
  /// True, so that the writing side stays open, except under TLS, which cannot (S341).
  bool eof_received() override;
  std::string take_unread() override;

  Future<void> get_close_waiter(const StreamWriter& writer) override;

  /// Whether this end accepted the connection: decides who is the server in start_tls().
  bool is_server_side() const noexcept { return server_side_; }
  /// Says that another transport has taken the place of the one before, to the reader too (S343).
  void replace_transport(const std::shared_ptr<Transport>& transport);

 private:
  void serve_client(const std::shared_ptr<WriteTransport>& transport, StreamReader reader);
  StreamReader reader() const { return StreamReader(reader_.lock()); }

  std::weak_ptr<StreamReaderState> reader_;
  StreamReader reader_until_made_;    // of a server, before connection_made()
  ClientConnected client_connected_;  // of a server, before connection_made()
  const bool server_side_;
  bool over_ssl_ = false;
  Future<void> closed_;  // done from connection_lost() on
};

}  // namespace asyncio
