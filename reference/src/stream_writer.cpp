// stream_writer.cpp: a transport, its protocol and its reader under one handle.

#include <asyncio/stream_writer.hpp>

#include <asyncio/events.hpp>
#include <asyncio/loop_core.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/stream_protocol.hpp>

#include <stdexcept>
#include <utility>

namespace asyncio {

/// What lies behind the handles of one stream.
class StreamWriterState {
 public:
  StreamWriterState(std::shared_ptr<WriteTransport> transport, std::shared_ptr<streams::FlowControlMixin> protocol,
                    StreamReader reader)
      : transport_(std::move(transport)),
        protocol_(std::move(protocol)),
        reader_(std::move(reader)),
        loop_(&get_running_loop().core()) {}
  StreamWriterState(const StreamWriterState&) = delete;
  StreamWriterState& operator=(const StreamWriterState&) = delete;
  ~StreamWriterState() { close_unless_closing(); }

  const std::shared_ptr<WriteTransport>& transport() const noexcept { return transport_; }
  streams::FlowControlMixin& protocol() const noexcept { return *protocol_; }

  /// Whether drain() would return at once, without an error.
  bool drained() const { return protocol_->drained() && !transport_->is_closing() && !(reader_ && reader_.failed()); }
  void drain() const;
  void start_tls(std::shared_ptr<SSLContext> context, StreamTlsOptions options);

 private:
  void close_unless_closing() noexcept;

  std::shared_ptr<WriteTransport> transport_;
  const std::shared_ptr<streams::FlowControlMixin> protocol_;
  const StreamReader reader_;  // may be none
  const Ref<LoopCore> loop_;   // the stream may outlive its loop
};

/// \source CPython Lib/asyncio/streams.py, StreamWriter.__del__
void StreamWriterState::close_unless_closing() noexcept {
  try {
    // On a loop that is closed or gone nothing can be scheduled. The transport closes its socket
    // when it dies (S279).
    const AbstractEventLoop* loop = loop_->loop();
    if (!loop || loop->is_closed()) return;
    if (!transport_->is_closing()) transport_->close();  // Y2
  } catch (...) {
    // A destructor has nobody to tell. close() does not suspend (Y1), so this is no CoroutineExit.
  }
}

void StreamWriterState::drain() const {
  if (reader_) {
    if (const std::exception_ptr error = reader_.exception()) std::rethrow_exception(error);
  }
  // Let connection_lost() be called. Otherwise a loop of write() and drain() on a closed stream,
  // which does not wait for anything, would never get to hear that it is closed.
  if (transport_->is_closing()) sleep(Duration::zero());  // suspends
  protocol_->drain_helper();                              // suspends
}

void StreamWriterState::start_tls(std::shared_ptr<SSLContext> context, StreamTlsOptions options) {
  const auto protocol = std::dynamic_pointer_cast<StreamReaderProtocol>(protocol_);
  if (!protocol) throw NotImplementedError("start_tls() needs a stream of open_connection() or start_server()");
  drain();                                        // suspends
  auto transport = get_running_loop().start_tls(  // suspends
      std::dynamic_pointer_cast<Transport>(transport_), protocol, std::move(context),
      {.server_side = protocol->is_server_side(),
       .server_hostname = std::move(options.server_hostname),
       .ssl_handshake_timeout = options.ssl_handshake_timeout,
       .ssl_shutdown_timeout = options.ssl_shutdown_timeout});
  protocol->replace_transport(transport);
  transport_ = std::move(transport);
}

// ---- The handle. What suspends works on a copy of it: while a task waits, its caller may let go of the stream. ----

StreamWriter::StreamWriter(std::shared_ptr<WriteTransport> transport,
                           std::shared_ptr<streams::FlowControlMixin> protocol, StreamReader reader)
    : state_(std::make_shared<StreamWriterState>(std::move(transport), std::move(protocol), std::move(reader))) {}

StreamWriterState& StreamWriter::state() const {
  if (!state_) throw std::logic_error("this StreamWriter has no stream");
  return *state_;
}

std::shared_ptr<WriteTransport> StreamWriter::write_transport() const { return state().transport(); }
std::shared_ptr<Transport> StreamWriter::transport() const {
  return std::dynamic_pointer_cast<Transport>(write_transport());
}

// A transport's write() may call pause_writing(), which may let go of this stream: the copy of the
// pointer stays.
void StreamWriter::write(std::string_view data) const { write_transport()->write(data); }
void StreamWriter::writelines(const std::vector<std::string>& pieces) const { write_transport()->writelines(pieces); }
void StreamWriter::write_eof() const { write_transport()->write_eof(); }
bool StreamWriter::can_write_eof() const { return write_transport()->can_write_eof(); }
void StreamWriter::close() const { write_transport()->close(); }
bool StreamWriter::is_closing() const { return write_transport()->is_closing(); }

void StreamWriter::wait_closed() const {
  await(state().protocol().get_close_waiter(*this));  // suspends
}

void StreamWriter::drain() const {
  if (state().drained()) return;  // nearly always
  const StreamWriter kept = *this;
  kept.state().drain();
}

void StreamWriter::start_tls(std::shared_ptr<SSLContext> context, StreamTlsOptions options) const {
  const StreamWriter kept = *this;
  kept.state().start_tls(std::move(context), std::move(options));
}

}  // namespace asyncio
