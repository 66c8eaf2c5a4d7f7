// sim_sockets.hpp: the socket handles that programs see in a world: a number and two addresses.
#pragma once

#include <asyncio/sockets.hpp>

namespace asyncio::sim {

class SimHost;

/// The socket of a connection. Its descriptor is free again when it is closed or forgotten.
Socket make_connected_socket(SimHost& host, Address local, Address remote);
/// A socket that is bound and has no peer: it listens or will, or it is one for datagrams.
Socket make_bound_socket(SimHost& host, Address local);

}  // namespace asyncio::sim
