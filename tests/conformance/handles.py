"""Handles and timers: what call_soon() and call_later() give back. Rules S16 to S23."""
import asyncio
import contextvars
import weakref

from support import new_loop, say

user = contextvars.ContextVar("user", default="nobody")


class _Thing:
    pass


async def a_callback_runs_in_the_context_of_its_scheduling():  # S16
    loop = asyncio.get_running_loop()
    user.set("before")
    loop.call_soon(lambda: say(f"soon {user.get()}"))
    loop.call_later(0.001, lambda: say(f"later {user.get()}"))
    user.set("after")
    given = contextvars.copy_context()
    user.set("last")
    loop.call_soon(lambda: (say(f"given {user.get()}"), user.set("by the callback")), context=given)
    await asyncio.sleep(0.01)
    say(f"{user.get()} {given[user]}")


async def what_a_callback_sets_stays_in_its_copy():  # S16
    loop = asyncio.get_running_loop()
    loop.call_soon(user.set, "callback")
    loop.call_soon(lambda: say(f"the next sees {user.get()}"))
    await asyncio.sleep(0)
    say(user.get())


async def cancelling_drops_what_was_captured_at_once():  # S17
    loop = asyncio.get_running_loop()
    thing = _Thing()
    alive = weakref.ref(thing)
    soon = loop.call_soon(say, thing)
    later = loop.call_later(10, say, thing)
    del thing
    say(alive() is not None)
    soon.cancel()
    say(alive() is not None)
    later.cancel()
    later.cancel()
    say(alive() is not None)
    say(f"{soon.cancelled()} {later.cancelled()}")


async def cancelling_after_the_callback_ran():  # S17
    loop = asyncio.get_running_loop()
    handle = loop.call_soon(say, "ran")
    await asyncio.sleep(0)
    say(handle.cancelled())
    handle.cancel()
    say(handle.cancelled())


async def a_callback_cancels_its_own_handle():  # S17
    loop = asyncio.get_running_loop()

    def act():
        handle.cancel()
        say("still here")

    handle = loop.call_soon(act)
    await asyncio.sleep(0)
    say(handle.cancelled())


async def a_timer_knows_when():  # S14
    loop = asyncio.get_running_loop()
    start = loop.time()
    at = loop.call_at(start + 2, say, "at")
    later = loop.call_later(3, say, "later")
    say(f"{round(at.when() - start)} {round(later.when() - start)}")
    at.cancel()
    say(f"{round(at.when() - start)} {at.cancelled()} {later.cancelled()}")
    later.cancel()


async def equal_handles():  # S22
    loop = asyncio.get_running_loop()
    one = loop.call_soon(say, "one")
    two = loop.call_soon(say, "two")
    same = one
    say(f"{one == same} {one == two}")
    await asyncio.sleep(0)


async def a_handle_has_its_context():  # S16
    loop = asyncio.get_running_loop()
    user.set("the handle's")
    handle = loop.call_soon(say, "ran")
    user.set("mine")
    say(handle.get_context()[user])
    await asyncio.sleep(0)


async def a_threadsafe_handle_can_be_cancelled():  # S23
    loop = asyncio.get_running_loop()
    first = loop.call_soon_threadsafe(say, "first")
    loop.call_soon_threadsafe(say, "second")
    loop.call_soon(say, "third")
    first.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    say(first.cancelled())


def closing_drops_what_is_scheduled():  # S36
    loop = new_loop()
    thing = _Thing()
    alive = weakref.ref(thing)
    loop.call_soon(say, thing)
    loop.call_later(1, say, thing)
    del thing
    say(alive() is not None)
    loop.close()
    say(alive() is not None)
