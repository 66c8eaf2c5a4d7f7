// selector_channel.cpp: opening and closing the socket of a transport.
#include "selector_channel.hpp"

#include "log.hpp"
#include "system_socket.hpp"

#include <string>
#include <system_error>
#include <utility>

namespace asyncio {
namespace {

template <class Ask>
std::optional<Address> address_or_nothing(Ask ask) {
  try {
    return ask();
  } catch (const std::system_error&) {
    return {};
  }
}

}  // namespace

SelectorChannel::SelectorChannel(SelectorEventLoop& loop, Socket socket)
    : loop_(&loop), socket_(std::move(socket)), fileno_(socket_.fileno()) {
  loop.check_no_transport(fileno_);
  set_nonblocking(fileno_);
  // With the first channel of a loop: no read has to look whether it is there.
  if (!loop.read_buffer_) loop.read_buffer_ = std::make_unique_for_overwrite<char[]>(READ_BUFFER_BYTES);
}

SelectorChannel::~SelectorChannel() {
  if (loop_) release();  // it was never opened
}

void SelectorChannel::open(std::shared_ptr<OpenTransport> transport, const char* kind) {
  loop_->transports_.emplace(fileno_, kind);
  loop_->open_transports_->add(std::move(transport));
}

void SelectorChannel::release() noexcept {
  loop_->unwatch(fileno_, Direction::read);
  loop_->unwatch(fileno_, Direction::write);
  loop_ = nullptr;
  socket_.close();
  fileno_ = -1;  // from now on the number may be another file's
}

void SelectorChannel::close(OpenTransport& transport) noexcept {
  if (!loop_) return;
  SelectorEventLoop& loop = *loop_;
  loop.transports_.erase(fileno_);
  release();
  loop.open_transports_->remove(transport);  // last: this may be the end of the transport, and of this channel
}

void SelectorChannel::loop_closed() noexcept {
  if (!loop_) return;
  // Python warns here as well, and shows it in development mode only.
  if (loop_->get_debug()) log_warning("unclosed transport fd=" + std::to_string(fileno_));
  loop_->transports_.erase(fileno_);
  release();
}

Socket SelectorChannel::view() const { return view_of(socket_); }

std::optional<Address> SelectorChannel::sockname() const {
  return address_or_nothing([this] { return socket_.getsockname(); });
}

std::optional<Address> SelectorChannel::peername() const {
  return address_or_nothing([this] { return socket_.getpeername(); });
}

void SelectorChannel::watch(Direction direction, Callback callback, Context context) {
  if (loop_) loop_->watch(fileno_, direction, std::move(callback), std::move(context));
}

void SelectorChannel::unwatch(Direction direction) {
  if (loop_) loop_->unwatch(fileno_, direction);
}

}  // namespace asyncio
