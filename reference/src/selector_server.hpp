// selector_server.hpp: a server whose sockets are listening sockets of the operating system.
//
// A listening socket is watched for reading like any other. When connections wait in its queue, up to
// backlog + 1 of them are accepted in one go, and each is set up in a task of its own.
//
//     reader ──► accept_connections() ──┬─ accepted ──► task: protocol, transport, connection_made()
//                     ▲                 ├─ would block: until the next event
//                     └──── 1 s ────────┴─ no descriptors or memory left: reported, not watched meanwhile (S244)
//
// Source: CPython Lib/asyncio/selector_events.py, _start_serving, _accept_connection, _accept_connection2. Rules: S243
// to S246, S251.
#pragma once

#include <asyncio/selector_events.hpp>
#include <asyncio/server.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace asyncio {

/// A listening socket, with what has to be done when it is closed.
struct ListeningSocket {
  Socket socket;
  std::string unlink = {};                  ///< the file of a UNIX socket to remove; empty: none
  std::optional<std::uint64_t> inode = {};  ///< only where it is still that one (S251)
};

/// A server of SelectorEventLoop.
class SelectorServer final : public BaseServer {
 public:
  /// \param sockets   bound, not listening yet
  /// \param security  of its connections
  SelectorServer(SelectorEventLoop& loop, ProtocolFactory factory, std::vector<ListeningSocket> sockets,
                 TransportSecurity security, int backlog);

  /// Starts to listen where `start_serving` says so, as the functions that make servers do.
  ///
  /// \suspends for one iteration where it does (S243)
  static Server make(SelectorEventLoop& loop, ProtocolFactory factory, std::vector<ListeningSocket> sockets,
                     TransportSecurity security, int backlog, bool start_serving);

 protected:
  void start_listening(const Socket& socket, int backlog) override;
  void stop_listening(const Socket& socket) override;

 private:
  void watch(const Socket& socket, int backlog);
  void accept_connections(const Socket& socket, int backlog);
  int accept_one(const Socket& socket);
  void wait_for_resources(const Socket& socket, int backlog, int error);
  void set_up(Socket accepted, Address peer);

  SelectorEventLoop& loop_;
  const Ref<LoopCore> core_;  // says whether the loop is still there
  const ProtocolFactory factory_;
  const TransportSecurity security_;
  const Context context_;  // of the server; each connection runs in a copy (S245)
  std::vector<ListeningSocket> listening_;
};

}  // namespace asyncio
