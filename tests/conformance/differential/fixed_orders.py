"""Gives CPython's asyncio the orders that ours has where asyncio leaves them open: sets, equal deadlines, all_tasks().

Also a loop on which nothing waits for ever: where no timer is left and nothing is ready, it is left by SystemExit(3).
"""
import asyncio.events
import asyncio.runners
import asyncio.tasks
import inspect
import itertools
import weakref

import support

NOTHING_TO_WAIT_FOR = 3  # the status of the exit


class OrderedSet(dict):
    """A set in the order of insertion, as far as asyncio uses sets."""

    def __init__(self, items=()):
        super().__init__(dict.fromkeys(items))

    def add(self, item):
        self[item] = None

    def discard(self, item):
        self.pop(item, None)

    def remove(self, item):
        del self[item]


class OrderedWeakSet:
    """A set in the order of insertion that keeps nothing alive."""

    def __init__(self):
        self.references = []

    def add(self, item):
        self.references.append(weakref.ref(item))

    def discard(self, item):
        self.references = [weakref.ref(other) for other in self if other is not item]

    def __iter__(self):
        return iter([item for item in (reference() for reference in self.references) if item is not None])

    def __len__(self):
        return sum(1 for _ in self)

    def clear(self):
        self.references = []


class OrderedTimerHandle(asyncio.events.TimerHandle):
    """Of two timers that are due at once, the one that was made first is the earlier one."""

    __slots__ = ("number",)
    numbers = itertools.count()

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.number = next(self.numbers)

    def __lt__(self, other):
        return (self.when(), self.number) < (other.when(), other.number)


class EndingSelector(support.JumpingSelector):
    def select(self, timeout=None):
        if timeout is None:
            raise SystemExit(NOTHING_TO_WAIT_FOR)
        return super().select(timeout)


class Loop(support.ClockworkLoop):
    def __init__(self):
        self._clock = EndingSelector()
        asyncio.SelectorEventLoop.__init__(self, self._clock)
        self._clock_resolution = 1e-9
        self._asyncgens = OrderedWeakSet()


def number_of(task):
    """Tasks are called Task-1, Task-2 and so on."""
    return int(task.get_name().removeprefix("Task-"))


def all_tasks():
    """All tasks of the loop that are not done, in the order in which they were made."""
    return sorted(asyncio.all_tasks(), key=number_of)


def cancel_all_tasks(loop):
    """What a runner does at its end, in the order in which the tasks were made."""
    tasks = sorted(asyncio.all_tasks(loop), key=number_of)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def fix():
    """Puts all of this into asyncio."""
    tasks = asyncio.tasks
    tasks.set = tasks.OrderedSet = OrderedSet
    asyncio.events.TimerHandle = OrderedTimerHandle
    asyncio.runners._cancel_all_tasks = cancel_all_tasks

    in_any_order = "{ensure_future(aw, loop=loop) for aw in set(aws)}"  # which no other name `set` changes
    source = inspect.getsource(tasks._AsCompletedIterator)
    if in_any_order not in source:
        raise SystemExit("This CPython's as_completed() is not the one that fixed_orders.py knows: see its fix().")
    ordered = "OrderedSet(ensure_future(aw, loop=loop) for aw in OrderedSet(aws))"
    exec(source.replace(in_any_order, ordered), tasks.__dict__)
