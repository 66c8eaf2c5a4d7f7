// datagram_endpoint.cpp: from two addresses to a datagram endpoint.
//
// Either address may stand for several, of several families. They have to be of the same kind, so the pairs are put
// together first, and then tried until one works.
//
// Source: CPython Lib/asyncio/base_events.py, create_datagram_endpoint. Rules: S284, S285.
#include <asyncio/exceptions.hpp>
#include <asyncio/selector_events.hpp>

#include "selector_datagram_transport.hpp"
#include "system_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace asyncio {
namespace {

/// A kind of socket, and where it is to be.
struct Candidate {
  int family = 0;
  int proto = 0;
  std::optional<Address> local = {};
  std::optional<Address> remote = {};
};

/// A socket that exists already takes no other options (S284).
void check_existing_socket(const DatagramOptions& options) {
  if (options.sock->type() == SOCK_STREAM) {
    throw std::invalid_argument(
        "A datagram socket was expected, got <socket fd=" + std::to_string(options.sock->fileno()) + ">");
  }
  std::string problems;
  const auto add = [&](bool given, const std::string& text) {
    if (given) problems += (problems.empty() ? "" : ", ") + text;
  };
  if (options.local_addr) add(true, "local_addr=" + options.local_addr->to_string());
  if (options.remote_addr) add(true, "remote_addr=" + options.remote_addr->to_string());
  add(options.family != 0, "family=" + std::to_string(options.family));
  add(options.proto != 0, "proto=" + std::to_string(options.proto));
  add(options.flags != 0, "flags=" + std::to_string(options.flags));
  add(options.reuse_port.value_or(false), "reuse_port=True");
  add(options.allow_broadcast, "allow_broadcast=True");
  if (problems.empty()) return;
  throw std::invalid_argument("socket modifier keyword arguments can not be used when sock is specified. (" + problems +
                              ")");
}

Candidate unix_candidate(const DatagramOptions& options) {
  for (const auto& address : {options.local_addr, options.remote_addr}) {
    if (address && address->path().empty()) throw std::invalid_argument("string is expected");
  }
  if (options.local_addr && is_in_file_system(options.local_addr->path())) {
    remove_stale_socket_file(options.local_addr->path());
  }
  return {.family = AF_UNIX, .proto = options.proto, .local = options.local_addr, .remote = options.remote_addr};
}

void check_host_and_port(const std::optional<Address>& address) {
  if (address && !address->path().empty()) throw std::invalid_argument("2-tuple is expected");
}

/// Puts local and remote addresses of the same family and protocol together.
std::vector<Candidate> pair_up(const std::vector<AddressInfo>& local, const std::vector<AddressInfo>& remote) {
  std::vector<Candidate> candidates;
  const auto candidate_for = [&](const AddressInfo& info) -> Candidate& {
    const auto found = std::ranges::find_if(
        candidates, [&](const Candidate& one) { return one.family == info.family && one.proto == info.proto; });
    if (found != candidates.end()) return *found;
    Candidate& added = candidates.emplace_back();
    added.family = info.family;
    added.proto = info.proto;
    return added;
  };
  for (const AddressInfo& info : local) candidate_for(info).local = info.address;
  for (const AddressInfo& info : remote) candidate_for(info).remote = info.address;
  std::erase_if(candidates, [&](const Candidate& one) {
    return (!local.empty() && !one.local) || (!remote.empty() && !one.remote);
  });
  if (candidates.empty()) throw std::invalid_argument("can not get address information");
  return candidates;
}

}  // namespace

std::pair<std::shared_ptr<DatagramTransport>, std::shared_ptr<BaseProtocol>> SelectorEventLoop::open_datagram_endpoint(
    ProtocolFactory factory, DatagramOptions options) {
  Socket socket;
  std::optional<Address> remote;
  if (options.sock) {
    check_existing_socket(options);
    socket = *options.sock;
  } else {
    std::tie(socket, remote) = open_datagram_socket(options);  // suspends
  }
  std::shared_ptr<DatagramTransport> transport;
  try {
    std::shared_ptr<BaseProtocol> protocol = factory();
    const Future<void> made = create_future<void>();
    transport = SelectorDatagramTransport::start(*this, socket, protocol, std::move(remote), made);
    await(made);  // suspends
    return {std::move(transport), std::move(protocol)};
  } catch (...) {
    if (transport) {
      transport->close();
    } else {
      socket.close();
    }
    throw;
  }
}

/// \return  the socket, bound and connected as asked for, and the address that it sends to
std::pair<Socket, std::optional<Address>> SelectorEventLoop::open_datagram_socket(const DatagramOptions& options) {
  std::vector<Candidate> candidates;
  if (!options.local_addr && !options.remote_addr) {
    if (options.family == 0) throw std::invalid_argument("unexpected address family");
    candidates.push_back({.family = options.family, .proto = options.proto});
  } else if (options.family == AF_UNIX) {
    candidates.push_back(unix_candidate(options));
  } else {
    check_host_and_port(options.local_addr);
    check_host_and_port(options.remote_addr);
    const AddressInfoOptions hints{
        .family = options.family, .type = SOCK_DGRAM, .proto = options.proto, .flags = options.flags};
    std::vector<AddressInfo> local, remote;
    if (options.local_addr) local = ensure_resolved(*options.local_addr, hints);     // suspends
    if (options.remote_addr) remote = ensure_resolved(*options.remote_addr, hints);  // suspends
    candidates = pair_up(local, remote);
  }

  std::exception_ptr first_error;
  for (const Candidate& candidate : candidates) {
    try {
      const Socket socket = open_socket(candidate.family, SOCK_DGRAM, candidate.proto);
      if (options.reuse_port.value_or(false)) socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
      if (options.allow_broadcast) socket.setsockopt(SOL_SOCKET, SO_BROADCAST, 1);
      if (candidate.local) bind_socket(socket, to_system(*candidate.local, candidate.family));
      // S285: one that may broadcast stays open for answers from anybody.
      if (candidate.remote && !options.allow_broadcast) sock_connect(socket.fileno(), *candidate.remote);  // suspends
      return {socket, candidate.remote};
    } catch (const std::system_error&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  std::rethrow_exception(first_error);
}

}  // namespace asyncio
