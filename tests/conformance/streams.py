"""StreamReader, fed by hand. Rules S329 to S336."""
import asyncio

from support import Oops, awaited, outcome, say


def _fed(data=b"", eof=True, limit=2**16):
    reader = asyncio.StreamReader(limit=limit)
    reader.feed_data(data)
    if eof:
        reader.feed_eof()
    return reader


async def _text(awaitable):
    """How a read ends, as text."""
    try:
        return repr((await awaitable).decode())
    except asyncio.IncompleteReadError as error:
        return f"IncompleteReadError: {error} {error.partial.decode()!r} {error.expected}"
    except asyncio.LimitOverrunError as error:
        return f"LimitOverrunError: {error} {error.consumed}"
    except BaseException as error:
        return await awaited(_again(error))


async def _again(error):
    raise error


async def reading_what_is_there():  # S332
    reader = _fed(b"hello world")
    say(await _text(reader.read(0)))
    say(await _text(reader.read(5)))
    say(await _text(reader.read(100)))
    say(f"{await _text(reader.read(1))} {reader.at_eof()}")
    say(await _text(_fed(b"all of it").read()))
    say(await _text(_fed(b"").read(-1)))


async def reading_waits_for_data():  # S332
    reader = _fed(eof=False)
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, reader.feed_data, b"first")
    loop.call_later(0.02, reader.feed_data, b"second")
    loop.call_later(0.03, reader.feed_eof)
    say(await _text(reader.read(100)))
    say(await _text(reader.read(3)))
    say(await _text(reader.read()))
    say(reader.at_eof())


async def reading_exactly():  # S333
    reader = _fed(b"abcdefgh")
    say(await _text(reader.readexactly(3)))
    say(await _text(reader.readexactly(0)))
    say(await _text(reader.readexactly(-1)))
    say(await _text(reader.readexactly(10)))
    say(f"{await _text(reader.read())} {reader.at_eof()}")


async def reading_lines():  # S335
    reader = _fed(b"one\ntwo\n\nrest")
    for _ in range(5):
        say(await _text(reader.readline()))


async def iterating_over_lines():  # S336
    reader = _fed(b"one\ntwo\nrest")
    async for line in reader:
        say(repr(line.decode()))
    say(reader.at_eof())


async def reading_to_a_separator():  # S334
    reader = _fed(b"key=value;next=other;end")
    say(await _text(reader.readuntil(b"=")))
    say(await _text(reader.readuntil(b";")))
    say(await _text(reader.readuntil((b";", b"="))))
    say(await _text(reader.readuntil(b"er;")))
    say(await _text(reader.readuntil(b";")))
    say(await _text(reader.readuntil(b"")))
    say(await _text(reader.readuntil(())))


async def a_separator_in_two_parts():  # S334
    reader = _fed(eof=False)
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, reader.feed_data, b"line\r")
    loop.call_later(0.02, reader.feed_data, b"\nnext")
    say(await _text(reader.readuntil(b"\r\n")))


async def a_line_over_the_limit():  # S334, S335
    reader = _fed(b"a rather long line\nshort\n", limit=8)
    say(await _text(reader.readuntil(b"\n")))
    say(await _text(reader.readline()))
    say(await _text(reader.readline()))
    reader = _fed(b"no end in sight", limit=4)
    say(await _text(reader.readuntil(b"\n")))
    say(await _text(reader.readline()))
    say(await _text(reader.read()))
    say(outcome(lambda: asyncio.StreamReader(limit=0)))


async def a_stream_that_broke():  # S331
    reader = _fed(b"data", eof=False)
    reader.set_exception(Oops("broken"))
    say(await awaited(reader.read(1)))
    say(await awaited(reader.readline()))
    say(str(reader.exception()))
    reader = _fed(eof=False)
    asyncio.get_running_loop().call_soon(reader.set_exception, Oops("while waiting"))
    say(await awaited(reader.readexactly(2)))


async def one_reader_at_a_time():  # S330
    reader = _fed(eof=False)
    first = asyncio.create_task(reader.read(1))
    await asyncio.sleep(0)
    say(await awaited(reader.readline()))
    reader.feed_data(b"x")
    say((await first).decode())


async def a_cancelled_read_takes_nothing():  # S331
    reader = _fed(b"half", eof=False)
    task = asyncio.create_task(reader.readexactly(8))
    await asyncio.sleep(0)
    task.cancel()
    say(await awaited(task))
    reader.feed_data(b"more")
    say(await _text(reader.readexactly(8)))


async def reads_with_a_deadline():  # S331
    reader = _fed(eof=False)
    say(await awaited(asyncio.wait_for(reader.readline(), 0.01)))
    reader.feed_data(b"late line\n")
    say(await _text(asyncio.wait_for(reader.readline(), 0.01)))


async def the_end_comes_after_the_data():  # S333
    reader = _fed(eof=False)
    task = asyncio.create_task(_text(reader.readexactly(6)))
    await asyncio.sleep(0)
    reader.feed_data(b"abc")
    await asyncio.sleep(0)
    say(f"{task.done()} {reader.at_eof()}")
    reader.feed_eof()
    say(await task)
