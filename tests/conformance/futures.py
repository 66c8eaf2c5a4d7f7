"""Futures: states, callbacks, and what awaiting one costs. Rules S64 to S79, S94."""
import asyncio
import contextvars

from support import Oops, awaited, new_loop, outcome, say, shown

user = contextvars.ContextVar("user", default="nobody")


async def the_states_of_a_future():  # S64, S65
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    say(f"{future.done()} {future.cancelled()}")
    say(outcome(future.result))
    say(outcome(future.exception))
    future.set_result(7)
    say(f"{future.done()} {future.cancelled()} {future.result()} {shown(future.exception())}")
    say(outcome(lambda: future.set_result(8)))
    say(outcome(lambda: future.set_exception(Oops("too late"))))
    say(f"{future.cancel()} {future.result()} {future.result()}")


async def a_failed_future():  # S65, S74
    future = asyncio.get_running_loop().create_future()
    future.set_exception(Oops("failed"))
    say(f"{future.done()} {future.cancelled()} {shown(future.exception())}")
    say(outcome(future.result))
    say(outcome(future.result))
    say(outcome(lambda: future.set_result(1)))


async def a_cancelled_future():  # S65, S66
    future = asyncio.get_running_loop().create_future()
    say(future.cancel("why not"))
    say(f"{future.done()} {future.cancelled()}")
    say(outcome(future.result))
    say(outcome(future.exception))
    say(outcome(future.result))
    say(future.cancel("again"))
    say(outcome(lambda: future.set_result(1)))
    say(outcome(lambda: future.set_exception(Oops("no"))))
    say(await awaited(future))


async def a_cancelled_error_as_an_exception():  # S67
    future = asyncio.get_running_loop().create_future()
    future.set_exception(asyncio.CancelledError("as an exception"))
    say(f"{future.done()} {future.cancelled()} {shown(future.exception())}")
    say(await awaited(future))


async def callbacks_come_through_the_loop():  # S68
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.add_done_callback(lambda f: say(f"first {f is future} {f.result()}"))
    future.add_done_callback(lambda f: say("second"))
    loop.call_soon(say, "before")
    future.set_result("x")
    loop.call_soon(say, "after")
    say("set")
    await asyncio.sleep(0)


async def a_callback_added_to_a_done_future():  # S69
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.set_result(1)
    loop.call_soon(say, "before")
    future.add_done_callback(lambda f: (say("late"), f.add_done_callback(lambda f: say("later still"))))
    say("added")
    await asyncio.sleep(0)
    say("one iteration")
    await asyncio.sleep(0)


async def removing_callbacks():  # S70
    future = asyncio.get_running_loop().create_future()

    def one(_):
        say("one")

    def two(_):
        say("two")

    future.add_done_callback(one)
    future.add_done_callback(two)
    say(future.remove_done_callback(one))
    say(future.remove_done_callback(one))
    future.set_result(None)
    say(future.remove_done_callback(two))
    await asyncio.sleep(0)


async def callbacks_and_their_contexts():  # S68, S69
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    user.set("at addition")
    future.add_done_callback(lambda _: say(f"copied: {user.get()}"))
    given = contextvars.copy_context()
    given.run(user.set, "given")
    future.add_done_callback(lambda _: (say(f"given: {user.get()}"), user.set("changed")), context=given)
    user.set("at completion")
    future.set_result(None)
    await asyncio.sleep(0)
    say(f"{user.get()} {given[user]}")
    future.add_done_callback(lambda _: say(f"late: {user.get()}"))
    await asyncio.sleep(0)


async def awaiting_a_done_future_does_not_suspend():  # S72
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.set_result("result")
    loop.call_soon(say, "callback")
    say(await future)
    say(await future)
    failed = loop.create_future()
    failed.set_exception(Oops("at once"))
    say(await awaited(failed))
    await asyncio.sleep(0)


async def waiters_resume_in_order():  # S94
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    async def waiter(n):
        say(f"waiter {n} gets {await future}")

    tasks = [asyncio.create_task(waiter(n)) for n in range(3)]
    await asyncio.sleep(0)
    future.add_done_callback(lambda _: say("callback after the waiters"))
    future.set_result("it")
    loop.call_soon(say, "queued after completion")
    say("set")
    for task in tasks:
        await task


async def all_waiters_get_the_error():  # S92
    future = asyncio.get_running_loop().create_future()

    async def waiter(n):
        say(f"waiter {n}: {await awaited(future)}")

    tasks = [asyncio.create_task(waiter(n)) for n in range(3)]
    await asyncio.sleep(0)
    future.set_exception(Oops("for all"))
    for task in tasks:
        await task


async def all_waiters_get_the_cancellation():  # S66, S92
    future = asyncio.get_running_loop().create_future()

    async def waiter(n):
        say(f"waiter {n}: {await awaited(future)}")
        return n

    tasks = [asyncio.create_task(waiter(n)) for n in range(2)]
    await asyncio.sleep(0)
    future.cancel("all of you")
    for task in tasks:
        say(f"{await task} {task.cancelled()} {task.cancelling()}")


async def a_future_completed_before_it_is_awaited():  # S72
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, "by a callback")
    await asyncio.sleep(0)
    say(future.done())
    say(await future)


async def a_chain_of_callbacks():  # S68
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(4)]
    for before, after in zip(futures, futures[1:]):
        before.add_done_callback(lambda f, after=after: after.set_result(f.result() + 1))
    loop.call_soon(say, "iteration 1")
    futures[0].set_result(0)
    for n in range(3):
        await asyncio.sleep(0)
        say([f.done() for f in futures].count(True))
    say(await futures[-1])


async def a_future_of_another_loop():  # S72, S90
    other = new_loop()
    done = other.create_future()
    done.set_result("done is done")
    say(await done)
    pending = other.create_future()
    text = await awaited(pending)
    say(f"{text.split(':')[0]} {'attached to a different loop' in text}")
    say(pending.done())
    other.close()


async def cancelling_from_a_callback():  # S66
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    other = loop.create_future()
    future.add_done_callback(lambda _: other.cancel("chained"))
    loop.call_soon(future.set_result, None)
    say(await awaited(other))


async def the_loop_of_a_future():  # S77
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    say(f"{future.get_loop() is loop} {asyncio.isfuture(future)} {asyncio.isfuture(loop)}")


async def completing_twice_in_one_iteration():  # S65
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say(f"report: {shown(context['exception'])}"))
    future = loop.create_future()
    loop.call_soon(future.set_result, 1)
    loop.call_soon(future.set_result, 2)
    say(await future)


async def the_same_callback_twice():  # S70
    future = asyncio.get_running_loop().create_future()
    calls = []

    def count(_):
        calls.append(len(calls))
        say(f"call {len(calls)}")

    future.add_done_callback(count)
    future.add_done_callback(count)
    future.set_result(None)
    await asyncio.sleep(0)


async def a_timer_completes_a_future():  # S132
    loop = asyncio.get_running_loop()
    start = loop.time()
    future = loop.create_future()
    loop.call_later(0.5, future.set_result, "in time")
    say(f"{await future} {round((loop.time() - start) * 1000)}")


async def texts_of_futures():  # S64
    loop = asyncio.get_running_loop()
    for result in (7, -1, True, None, "text", "a text that is too long to be shown as a whole", "two\nlines"):
        future = loop.create_future()
        future.set_result(result)
        say(repr(future))
    future = loop.create_future()
    say(repr(future))
    future.cancel()
    say(repr(future))
