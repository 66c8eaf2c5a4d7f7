// stream_protocol.cpp: from callbacks to a reader and a writer.

#include <asyncio/stream_protocol.hpp>

#include <asyncio/events.hpp>

#include <utility>

namespace asyncio {

namespace {

/// Looks at how the task of a client ended. The transport is held by this callback, so that a
/// report can name it.
void client_task_done(const AnyFuture& task, const std::shared_ptr<WriteTransport>& transport) {
  if (!task.cancelled()) {
    const std::exception_ptr error = task.exception();
    if (!error) return;
    task.get_loop().call_exception_handler(
        {.message = "Unhandled exception in client_connected_cb", .exception = error, .transport = transport});
  }
  transport->close();
}

}  // namespace

StreamReaderProtocol::StreamReaderProtocol(const StreamReader& reader)
    : reader_(reader.state_),
      reader_until_made_(StreamReader::none()),
      server_side_(false),
      closed_(get_running_loop().create_future<void>()) {}

StreamReaderProtocol::StreamReaderProtocol(StreamReader reader, ClientConnected client_connected)
    : reader_(reader.state_),
      reader_until_made_(std::move(reader)),
      client_connected_(std::move(client_connected)),
      server_side_(true),
      closed_(get_running_loop().create_future<void>()) {}

void StreamReaderProtocol::connection_made(std::shared_ptr<BaseTransport> transport) {
  const StreamReader reader = this->reader();
  reader_until_made_ = StreamReader::none();
  over_ssl_ = transport->get_extra_info<std::shared_ptr<SSLContext>>("sslcontext") != nullptr;
  const auto readable = std::dynamic_pointer_cast<ReadTransport>(transport);
  if (reader && readable) reader.set_transport(readable);
  if (client_connected_) serve_client(std::dynamic_pointer_cast<WriteTransport>(transport), reader);
}

/// Starts the task of a client; what it fails with is reported when it is done (S340).
void StreamReaderProtocol::serve_client(const std::shared_ptr<WriteTransport>& transport, StreamReader reader) {
  StreamWriter writer(transport, shared_from_this(), reader);
  const auto task = create_task([client_connected = std::exchange(client_connected_, {}), reader = std::move(reader),
                                 writer = std::move(writer)]() mutable {
    // Moved, not copied: when the callback drops its writer early, no copy here keeps the stream
    // open (Y2).
    client_connected(std::move(reader), std::move(writer));
  });
  task.add_done_callback([transport](const AnyFuture& done) { client_task_done(done, transport); });
}

void StreamReaderProtocol::connection_lost(std::exception_ptr error) {
  if (const StreamReader reader = this->reader()) {
    if (error) {
      reader.set_exception(error);
    } else {
      reader.feed_eof();
    }
  }
  if (!closed_.done()) {  // done: cancelled, with a task that was waiting for it
    if (error) {
      closed_.set_exception(error);
      closed_.get()->mark_retrieved();  // many programs never call wait_closed(), and need not (S339)
    } else {
      closed_.set_result();
    }
  }
  FlowControlMixin::connection_lost(error);
}

void StreamReaderProtocol::data_received(std::string_view data) {
  if (const StreamReader reader = this->reader()) reader.feed_data(data);
}

bool StreamReaderProtocol::eof_received() {
  if (const StreamReader reader = this->reader()) reader.feed_eof();
  return !over_ssl_;
}

std::string StreamReaderProtocol::take_unread() {
  const StreamReader reader = this->reader();
  return reader ? reader.take_unread() : "";
}

Future<void> StreamReaderProtocol::get_close_waiter(const StreamWriter&) { return closed_; }

void StreamReaderProtocol::replace_transport(const std::shared_ptr<Transport>& transport) {
  over_ssl_ = transport->get_extra_info<std::shared_ptr<SSLContext>>("sslcontext") != nullptr;
  if (const StreamReader reader = this->reader()) reader.replace_transport(transport);
}

}  // namespace asyncio
