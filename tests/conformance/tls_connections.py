"""TLS: what goes through a connection, and how it ends. Rules S265, S270, S291 to S301."""
import asyncio
import socket
import ssl

from support import outcome, say
from tls_support import Ends, Noting, client_context, connected, failure, outcome_of, quiet, server_context


# ---- Streams ----


async def an_echo_over_streams():  # S270, S341
    ours, theirs = socket.socketpair()

    async def serve():
        reader, writer = await _accepted(theirs)
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        say("the client has ended")
        writer.close()
        await writer.wait_closed()

    serving = asyncio.create_task(serve())
    reader, writer = await asyncio.open_connection(sock=ours, ssl=client_context(), server_hostname="localhost")
    for line in (b"one\n", b"two\n"):
        writer.write(line)
        await writer.drain()
        say((await reader.readline()).decode().strip())
    say(writer.can_write_eof())
    say(writer.get_extra_info("cipher")[1])
    writer.close()
    await writer.wait_closed()
    await serving
    say(f"{await reader.read()} {reader.at_eof()}")


async def _accepted(sock):
    """The two streams of a server's end."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=server_context())
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def starting_tls_in_the_middle_of_a_stream():  # S301, S343
    async def serve(reader, writer):
        say(f"server heard {(await reader.readline()).decode().strip()}")
        writer.write(b"go on\n")
        await writer.start_tls(server_context())
        say(f"server heard {(await reader.readline()).decode().strip()}")
        writer.write(b"secretly\n")
        writer.close()
        await writer.wait_closed()
        done.set()

    done = asyncio.Event()
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    server_reader = asyncio.StreamReader()
    await loop.connect_accepted_socket(lambda: asyncio.StreamReaderProtocol(server_reader, serve), theirs)
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(b"start\n")
    say(f"client heard {(await reader.readline()).decode().strip()}")
    before = writer.transport
    await writer.start_tls(client_context(), server_hostname="localhost")
    say(f"{writer.transport is before} {writer.get_extra_info('cipher')[1]}")
    writer.write(b"hush\n")
    say(f"client heard {(await reader.readline()).decode().strip()}")
    await done.wait()
    say(await reader.read())
    writer.close()
    await writer.wait_closed()


# ---- start_tls() of the loop ----


async def _plain():
    """Two ends that are connected in the clear."""
    ends = Ends()
    await ends.connect(None, None, server_hostname=None)
    return ends


async def starting_tls_on_both_sides():  # S301
    ends = await _plain()
    loop = asyncio.get_running_loop()
    below = ends.client.transport
    both = await asyncio.gather(
        loop.start_tls(ends.client.transport, ends.client, client_context(), server_hostname="localhost"),
        loop.start_tls(ends.server.transport, ends.server, server_context(), server_side=True),
    )
    say(f"{both[0] is below} {both[0].get_protocol() is ends.client} {both[0].is_closing()}")
    both[0].write(b"hello")
    await quiet()
    both[1].write(b"hi")
    both[1].close()
    await quiet()
    say(ends.client)
    say(ends.server)


async def starting_tls_with_what_is_none():  # S301
    ends = await _plain()
    loop = asyncio.get_running_loop()

    async def tried(transport, context, **keywords):
        try:
            await loop.start_tls(transport, ends.client, context, **keywords)
        except (ValueError, TypeError):
            say("ValueError")
        except Exception as error:
            say(failure(error))

    await tried(ends.client.transport, None)
    await tried(ends.client.transport, server_context(), server_hostname="localhost")
    await tried(ends.client.transport, client_context(), server_side=True)
    await tried(ends.client.transport, client_context(), server_hostname="h", ssl_handshake_timeout=0)
    await tried(ends.client.transport, client_context(), server_hostname="h", ssl_shutdown_timeout=-1)
    await tried(asyncio.Transport(), client_context(), server_hostname="h")
    say(f"{ends.client.transport.is_closing()} {ends.client}")
    ends.client.transport.close()
    await quiet()


async def starting_tls_where_nobody_answers():  # S292, S301
    ends = await _plain()
    loop = asyncio.get_running_loop()
    starting = loop.start_tls(
        ends.client.transport, ends.client, client_context(), server_hostname="h", ssl_handshake_timeout=2.0
    )
    say(await outcome_of(starting))
    await quiet()
    say(f"{ends.client.transport.is_closing()} {ends.client}")
    ends.server.transport.close()
    await quiet()


async def starting_tls_with_somebody_else():  # S292, S301
    ends = await _plain()
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(
        outcome_of(loop.start_tls(ends.server.transport, ends.server, server_context(), server_side=True))
    )
    say(await outcome_of(loop.start_tls(ends.client.transport, ends.client, client_context(), server_hostname="h")))
    say(await serving != "ok")
    await quiet()
    say(ends.client)


async def tls_inside_of_tls():  # S301
    ends = await connected()
    loop = asyncio.get_running_loop()
    inner = await asyncio.gather(
        loop.start_tls(ends.client.transport, ends.client, client_context(), server_hostname="localhost"),
        loop.start_tls(ends.server.transport, ends.server, server_context(), server_side=True),
    )
    inner[0].write(b"twice")
    await quiet()
    inner[0].close()
    await quiet()
    say(ends.client)
    say(ends.server)


# ---- Data ----


async def writing_has_no_end_of_its_own():  # S270
    ends = await connected()
    say(ends.client.transport.can_write_eof())
    try:
        ends.client.transport.write_eof()
    except NotImplementedError:
        say("NotImplementedError")
    ends.client.transport.write(b"goes on")
    ends.client.transport.close()
    await quiet()
    say(ends.server)


async def pausing_and_resuming():  # S299
    ends = await connected()
    reading = ends.client.transport
    say(reading.is_reading())
    reading.pause_reading()
    reading.pause_reading()
    ends.server.transport.write(b"one")
    await quiet()
    say(f"{reading.is_reading()} {ends.client}")
    reading.resume_reading()
    say(f"{reading.is_reading()} {ends.client}")
    await quiet()
    say(ends.client)
    reading.resume_reading()
    reading.pause_reading()
    ends.server.transport.write(b"two")
    ends.server.transport.close()
    await quiet()
    say(ends.client)
    reading.resume_reading()
    await quiet()
    say(ends.client)
    say(ends.server)


async def closing_with_data_that_waits():  # S265, S295
    ends = await connected()
    writing = ends.client.transport
    writing.write(b"x" * 3_000_000)
    say(f"{writing.get_write_buffer_size() > 0} {ends.client}")
    writing.close()
    say(f"{writing.is_closing()} {ends.client}")
    await quiet()
    say(ends.server.bytes)
    say(", ".join(ends.server.told[-2:]))
    say(ends.client)


async def the_marks_of_a_transport():  # S298
    ends = await connected()
    writing = ends.client.transport
    for limits in ({}, {"high": 1000}, {"low": 10}, {"high": 100, "low": 100}):
        writing.set_write_buffer_limits(**limits)
        writing.set_read_buffer_limits(**limits)
        low, high = writing.get_write_buffer_limits()
        read_low, read_high = writing.get_read_buffer_limits()
        say(f"{low} {high} {read_low} {read_high}")
    say(outcome(lambda: writing.set_write_buffer_limits(high=1, low=2)))
    say(outcome(lambda: writing.set_read_buffer_limits(low=-1)))


async def where_a_program_is_paused():  # S298
    ends = await connected()
    writing = ends.client.transport
    ends.server.transport.pause_reading()
    for _ in range(3):
        writing.write(b"x" * 1_000_000)
        say(f"{ends.client} {writing.get_write_buffer_size() >= 512 * 1024}")
    ends.server.transport.resume_reading()
    await quiet()
    say(f"{ends.client} {ends.server.bytes} {writing.get_write_buffer_size()}")


async def writing_after_the_end():  # S294
    ends = await connected()
    writing = ends.client.transport
    writing.close()
    writing.write(b"too late")
    writing.close()
    await quiet()
    writing.close()
    writing.abort()
    await quiet()
    say(ends.client)
    say(ends.server)


async def changing_the_protocol():  # S276
    ends = await connected()
    other = Noting()
    ends.client.transport.set_protocol(other)
    say(ends.client.transport.get_protocol() is other)
    ends.server.transport.write(b"hello")
    await quiet()
    ends.server.transport.close()
    await quiet()
    say(f"[{ends.client}] [{other}]")


class _Filling(asyncio.BufferedProtocol):
    """Has a small buffer."""

    def __init__(self):
        self.told = []
        self.buffer = bytearray(4)

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, count):
        self.told.append(self.buffer[:count].decode())

    def eof_received(self):
        self.told.append("end")

    def connection_lost(self, error):
        self.told.append(f"lost: {failure(error)}")


async def a_protocol_with_a_small_buffer():  # S262, S276, S295
    ends, filling = await connected(), _Filling()
    ends.client.transport.set_protocol(filling)
    ends.server.transport.write(b"hello, world")
    await quiet()
    say(", ".join(filling.told))
    ends.client.transport.close()
    await quiet()
    say(", ".join(filling.told))
    say(ends.client)


# ---- Ends ----


async def an_end_by_each_side():  # S295, S296
    for first in ("client", "server", "both"):
        ends = await connected()
        if first != "server":
            ends.client.transport.close()
        if first != "client":
            ends.server.transport.close()
        await quiet()
        say(f"{first}: [{ends.client}] [{ends.server}]")


async def an_abrupt_end():  # S257, S296
    ends, of_client = Ends(), client_context()
    of_client.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    await ends.connect(of_client, server_context())
    ends.server.transport.write(b"in haste")
    ends.server.transport.abort()
    say(f"{ends.server.transport.is_closing()} {ends.server}")
    await quiet()
    say(ends.client)
    say(ends.server)


async def nobody_answers_the_close():  # S295
    loop = asyncio.get_running_loop()
    for keywords in ({}, {"ssl_shutdown_timeout": 0.5}):
        ends = Ends()
        await ends.connect(client_context(), server_context(), **keywords)
        ends.server.transport.pause_reading()
        ends.client.transport.close()
        begun = loop.time()
        while len(ends.client.told) < 2:
            await asyncio.sleep(0.25)
        say(f"{ends.client}, within {round((loop.time() - begun) * 1000)} ms")
        ends.server.transport.abort()
        await quiet()


async def an_end_while_the_other_side_has_more_to_say():  # S295, S296
    ends = await connected()
    ends.server.transport.pause_reading()
    ends.client.transport.write(b"last words")
    ends.client.transport.close()
    await quiet()
    ends.server.transport.write(b"not heard any more")
    ends.server.transport.resume_reading()
    await quiet()
    say(ends.client)
    say(ends.server)
