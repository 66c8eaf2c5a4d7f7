"""TLS: protocols that do something while they are told something, or throw. Rules S259, S265, S291 to S299."""
import asyncio
import ssl

from support import Oops, say
from tls_support import Ends, Noting, client_context, connected, failure, quiet, server_context


class _Reports:
    """What goes to the loop's exception handler from now on."""

    def __init__(self):
        self.errors = []
        self.messages = []
        asyncio.get_running_loop().set_exception_handler(self.note)

    def note(self, loop, context):
        self.errors.append(failure(context.get("exception")))
        message = context["message"]
        self.messages.append("Exception in callback" if "Exception in callback" in message else message)


class _Acting(Noting):
    """Does something the first time that it is told `where`."""

    def __init__(self, where, act):
        super().__init__()
        self.where = where
        self.act = act

    def note(self, what):
        super().note(what)
        if what.startswith(self.where) and self.act:
            act, self.act = self.act, None
            act(self.transport)


def _lenient_client():
    """For ends without a good-bye: CPython takes them for ordinary ones."""
    context = client_context()
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


def _lenient_server():
    context = server_context()
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


# ---- Protocols that act ----

_ACTS = {
    "close": lambda transport: transport.close(),
    "abort": lambda transport: transport.abort(),
    "write": lambda transport: transport.write(b"from inside"),
    "write and close": lambda transport: (transport.write(b"from inside"), transport.close()),
    "pause": lambda transport: transport.pause_reading(),
}


async def acting_when_it_is_connected():  # S291, S294, S295
    for name, act in _ACTS.items():
        if name == "pause":
            continue  # CPython then keeps the end of its handshake back
        ends = Ends(client=_Acting("made", act))
        await ends.connect(_lenient_client(), _lenient_server())
        say(f"{name}: {ends.client_outcome} {ends.server_outcome}")
        if ends.server.transport:
            ends.server.transport.write(b"hello")
        await quiet()
        say(f"[{ends.client}] [{ends.server}]")
        if ends.server.transport:
            ends.server.transport.abort()
        await quiet()


async def acting_when_data_comes():  # S294, S295
    for name, act in _ACTS.items():
        ends = Ends(client=_Acting("hello", act))
        await ends.connect(_lenient_client(), _lenient_server())
        ends.server.transport.write(b"hello")
        await quiet()
        ends.server.transport.write(b"and more")
        await quiet()
        say(f"{name}: [{ends.client}] [{ends.server}]")
        ends.server.transport.abort()
        await quiet()


async def acting_at_the_end():  # S294, S295, S296
    for name, act in _ACTS.items():
        ends = Ends(client=_Acting("end", act))
        await ends.connect(_lenient_client(), _lenient_server())
        ends.server.transport.close()
        await quiet()
        say(f"{name}: [{ends.client}] [{ends.server}]")


async def acting_when_it_is_paused():  # S294, S295, S298
    for name, act in _ACTS.items():
        if name in ("write and close", "pause"):
            continue
        ends = Ends(client=_Acting("pause", act))
        await ends.connect(_lenient_client(), _lenient_server())
        ends.server.transport.pause_reading()
        ends.client.transport.write(b"x" * 1_000_000)
        ends.client.transport.write(b"x" * 1_000_000)
        ends.server.transport.resume_reading()
        await quiet()
        say(f"{name}: [{ends.client}] {ends.server.told[-1]}")
        ends.server.transport.abort()
        await quiet()


async def a_connection_that_is_reset():  # S260, S297
    ends = Ends()
    await ends.connect(_lenient_client(), _lenient_server())
    ends.server.transport.pause_reading()
    for _ in range(3):
        ends.client.transport.write(b"x" * 1_000_000)
    await asyncio.sleep(0)
    ends.server.transport.abort()
    await quiet()
    say(ends.client)
    say(ends.server)
    ends.client.transport.write(b"to nobody")
    say(f"{ends.client.transport.is_closing()} {ends.client.transport.get_write_buffer_size()}")


# ---- Protocols that throw ----


def _failing(where, error=None):
    def fail(_):
        raise error or Oops(where)

    return _Acting(where, fail)


async def a_protocol_that_throws():  # S259, S296, S298
    for where in ("hello", "pause", "resume", "end", "lost"):
        reports = _Reports()
        ends = await connected(client=_failing(where))
        ends.server.transport.write(b"hello")
        await quiet()
        ends.server.transport.pause_reading()
        ends.client.transport.write(b"x" * 1_000_000)
        ends.client.transport.write(b"x" * 1_000_000)
        ends.server.transport.resume_reading()
        await quiet()
        ends.server.transport.close()
        await quiet()
        say(f"{ends.client} | {', '.join(reports.errors)}")
        say("; ".join(reports.messages))


async def a_protocol_that_throws_when_it_is_connected():  # S291
    reports, ends = _Reports(), Ends(client=_failing("made"))
    connecting = asyncio.create_task(ends.connect(client_context(), server_context()))
    await asyncio.wait([connecting], timeout=100)
    say(f"{connecting.done()} {ends.client_outcome}")
    say(f"{ends.client} | {', '.join(reports.errors)}")


async def a_cancellation_out_of_a_protocol():  # S259
    for where in ("hello", "end"):
        reports = _Reports()
        ends = await connected(client=_failing(where, asyncio.CancelledError()))
        ends.server.transport.write(b"hello")
        await quiet()
        ends.server.transport.close()
        await quiet()
        say(f"{ends.client} | {', '.join(reports.errors)}")
