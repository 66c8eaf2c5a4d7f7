"""What the Python programs of the pairs are written with; pairs.hpp says what a pair is."""
import asyncio
import selectors


def since(version):
    """Marks a pair whose rules came with a later Python, such as "3.15": an older one is not asked."""

    def mark(function):
        function.since = version
        return function

    return mark


def say(line):
    print(line)


class Oops(Exception):
    """An error of the program's own."""


def shown(error):
    """An exception as pairs print it. The texts of Python's plain errors, none of asyncio's, are left away."""
    if error is None:
        return "None"
    if isinstance(error, (ValueError, TypeError)):
        return "ValueError"
    if isinstance(error, LookupError):
        return "LookupError"
    text = str(error)
    return type(error).__name__ + (f": {text}" if text else "")


def outcome(act):
    """What `act` returns, or how it fails."""
    try:
        return str(act())
    except BaseException as error:
        return shown(error)


async def awaited(awaitable):
    """How an awaitable ends."""
    try:
        return str(await awaitable)
    except BaseException as error:
        return shown(error)


async def after(ms, value=None):
    """Returns `value` after so many milliseconds."""
    await asyncio.sleep(ms / 1000)
    return value


async def fail(ms, text):
    """Raises Oops after so many milliseconds."""
    await asyncio.sleep(ms / 1000)
    raise Oops(text)


async def watched(name, ms):
    """Says how it ends: after so many milliseconds, or by a cancellation."""
    try:
        await asyncio.sleep(ms / 1000)
        say(f"{name} ends")
        return name
    except asyncio.CancelledError as error:
        say(f"{name} is cancelled {error.args}")
        raise


class JumpingSelector(selectors.DefaultSelector):
    """Asks the system only whether anything is there; what a poll would have waited, the clock jumps."""

    now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            return super().select(None)
        events = super().select(0)
        if not events:
            self.now += max(timeout, 0)
        return events


class ClockworkLoop(asyncio.SelectorEventLoop):
    """A real loop whose clock jumps to the next timer where nothing else is to do."""

    def __init__(self):
        self._clock = JumpingSelector()
        super().__init__(self._clock)
        self._clock_resolution = 1e-9

    def time(self):
        return self._clock.now


def new_loop():
    return ClockworkLoop()
