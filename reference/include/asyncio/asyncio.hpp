// asyncio.hpp: everything that a program may use.
//
// Each of these headers stands alone and begins with what it is about; the order here is that of the
// layers, the lowest first.
#pragma once

#include <asyncio/asyncgen.hpp>
#include <asyncio/callback.hpp>
#include <asyncio/clock.hpp>
#include <asyncio/contextvars.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/datagram_transport.hpp>
#include <asyncio/exception_groups.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/handles.hpp>
#include <asyncio/instrument.hpp>
#include <asyncio/outcome.hpp>
#include <asyncio/random.hpp>
#include <asyncio/sockets.hpp>
#include <asyncio/tasks.hpp>
#include <asyncio/traceback.hpp>

#include <asyncio/base_events.hpp>
#include <asyncio/base_subprocess.hpp>
#include <asyncio/events.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/loop_options.hpp>
#include <asyncio/protocols.hpp>
#include <asyncio/selector_events.hpp>
#include <asyncio/server.hpp>
#include <asyncio/ssl.hpp>
#include <asyncio/ssl_object.hpp>
#include <asyncio/sslproto.hpp>
#include <asyncio/stream_transport.hpp>
#include <asyncio/transports.hpp>

#include <asyncio/gather.hpp>
#include <asyncio/graph.hpp>
#include <asyncio/locks.hpp>
#include <asyncio/queues.hpp>
#include <asyncio/runners.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/streams.hpp>
#include <asyncio/subprocess.hpp>
#include <asyncio/taskgroups.hpp>
#include <asyncio/threads.hpp>
#include <asyncio/timeouts.hpp>
#include <asyncio/tools.hpp>
#include <asyncio/waiting.hpp>
