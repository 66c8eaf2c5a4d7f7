"""Cancelling tasks: when it arrives, how often, and what becomes of it. Rules S99 to S114."""
import asyncio

from support import Oops, awaited, outcome, say


async def _sleeper(name="sleeper"):
    say(f"{name} begins")
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError as error:
        say(f"{name} sees {error.args}")
        raise


async def cancelling_before_the_first_step():  # S102
    task = asyncio.create_task(_sleeper())
    say(f"{task.cancel()} {task.cancelled()} {task.cancelling()}")
    say(await awaited(task))
    say(f"{task.cancelled()} {task.cancelling()}")


async def the_last_message_wins_before_the_first_step():  # S109
    task = asyncio.create_task(_sleeper())
    task.cancel("first")
    task.cancel("second")
    say(await awaited(task))
    say(task.cancelling())


async def the_first_message_wins_once_it_waits():  # S109
    task = asyncio.create_task(_sleeper())
    await asyncio.sleep(0)
    say(f"{task.cancel('first')} {task.cancel('second')} {task.cancelling()}")
    say(await awaited(task))


async def cancelling_a_done_task():  # S99
    async def work():
        return 1

    task = asyncio.create_task(work())
    await task
    say(f"{task.cancel()} {task.cancelling()} {task.cancelled()} {task.result()}")
    cancelled = asyncio.create_task(_sleeper())
    await asyncio.sleep(0)
    cancelled.cancel("once")
    say(await awaited(cancelled))
    say(f"{cancelled.cancel('twice')} {cancelled.cancelling()} {await awaited(cancelled)}")


async def the_message_travels():  # S110
    async def outer():
        await asyncio.create_task(_sleeper("inner"))

    task = asyncio.create_task(outer())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel("from afar")
    say(await awaited(task))
    say(outcome(task.result))


async def the_innermost_hears_of_it_first():  # S104
    loop = asyncio.get_running_loop()

    async def level(n):
        try:
            if n:
                await asyncio.create_task(level(n - 1))
            else:
                await asyncio.sleep(100)
        except asyncio.CancelledError:
            say(f"level {n}")
            raise

    task = asyncio.create_task(level(3))
    await asyncio.sleep(0.01)
    task.cancel()
    for n in range(4):
        loop.call_soon(say, f"iteration {n + 1}")
        await asyncio.sleep(0)
    say(task.cancelled())


async def an_inner_task_that_swallows_it():  # S105
    async def inner():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            return "kept"

    async def outer():
        result = await asyncio.create_task(inner())
        return f"{result} {asyncio.current_task().cancelling()}"

    task = asyncio.create_task(outer())
    await asyncio.sleep(0.01)
    task.cancel()
    say(await awaited(task))
    say(f"{task.cancelled()} {task.cancelling()}")


async def a_result_that_came_just_before():  # S106
    future = asyncio.get_running_loop().create_future()

    async def work():
        return await awaited(future)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    future.set_result("too late")
    say(task.cancel("now"))
    say(await awaited(task))
    say(future.result())


async def an_error_that_came_just_before():  # S107
    future = asyncio.get_running_loop().create_future()

    async def work():
        return await awaited(future)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    future.set_exception(Oops("replaced"))
    task.cancel()
    say(await awaited(task))


async def a_task_that_cancels_itself():  # S108
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    done.set_result("done")

    async def work():
        say(asyncio.current_task().cancel("myself"))
        say(await done)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            say(f"at the next suspension: {error}")
            raise

    task = asyncio.create_task(work())
    say(await awaited(task))


async def cancelled_and_returning():  # S85
    async def returns():
        asyncio.current_task().cancel("lost")
        return "value"

    async def raises():
        asyncio.current_task().cancel("ignored")
        raise Oops("stronger")

    task = asyncio.create_task(returns())
    say(f"{await awaited(task)} {task.cancelled()}")
    task = asyncio.create_task(raises())
    say(f"{await awaited(task)} {task.cancelled()}")


async def swallowing_it_leaves_the_count():  # S111
    async def stubborn():
        for _ in range(3):
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                say(f"swallowed {asyncio.current_task().cancelling()}")
        return "done"

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    say(await awaited(task))
    say(f"{task.cancelled()} {task.cancelling()}")


async def taking_it_back():  # S112
    async def work():
        me = asyncio.current_task()
        me.cancel()
        me.cancel()
        say(f"{me.cancelling()} {me.uncancel()} {me.uncancel()} {me.uncancel()} {me.cancelling()}")
        await asyncio.sleep(0)
        return "not cancelled"

    say(await awaited(asyncio.create_task(work())))


async def taking_it_back_in_part():  # S112
    async def work():
        me = asyncio.current_task()
        me.cancel("a")
        me.cancel("b")
        me.uncancel()
        await asyncio.sleep(0)

    say(await awaited(asyncio.create_task(work())))


async def taking_it_back_too_late():  # S112
    async def work():
        await asyncio.sleep(100)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel("sent")
    say(task.uncancel())
    say(await awaited(task))


async def taking_it_back_before_the_first_step():  # S112
    async def work():
        return "ran all the same"

    task = asyncio.create_task(work())
    task.cancel()
    say(task.uncancel())
    say(await awaited(task))


async def the_second_result_has_no_message():  # S76
    async def work():
        raise asyncio.CancelledError("only once")

    task = asyncio.create_task(work())
    await asyncio.wait([task])
    say(outcome(task.result))
    say(outcome(task.result))
    say(outcome(task.exception))


async def ordinary_handlers_let_it_pass():  # S113
    async def work():
        try:
            await asyncio.sleep(100)
        except Exception:
            say("never")
        finally:
            say("cleaned up")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    say(await awaited(task))


async def children_live_on():  # S114
    async def child():
        await asyncio.sleep(0.01)
        return "child lives"

    children = []

    async def parent():
        children.append(asyncio.create_task(child()))
        await asyncio.sleep(100)

    task = asyncio.create_task(parent())
    await asyncio.sleep(0)
    task.cancel()
    say(await awaited(task))
    say(await children[0])


async def cleaning_up_takes_time():  # S103
    async def work():
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0.02)
            say("cleaned up")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.01)
    say(f"{task.done()} {task.cancelled()} {task.cancelling()}")
    say(await awaited(task))


async def cancelled_while_cleaning_up():  # S100, S109
    async def work():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError as error:
            say(f"first {error}")
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError as again:
                say(f"second {again}")
            raise

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel("one")
    await asyncio.sleep(0)
    task.cancel("two")
    say(await awaited(task))
    say(task.cancelling())


async def cancelled_errors_become_other_errors():  # S88
    async def work():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            raise Oops("instead")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    say(f"{await awaited(task)} {task.cancelled()}")


async def several_waiters_and_one_is_cancelled():  # S100
    async def work():
        await asyncio.sleep(0.01)
        return "result"

    inner = asyncio.create_task(work())

    async def waiter():
        return await inner

    one = asyncio.create_task(waiter())
    two = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    one.cancel()
    say(await awaited(one))
    say(await awaited(two))
    say(f"{inner.cancelled()} {two.cancelling()}")


async def cancelled_between_two_waits():  # S101
    loop = asyncio.get_running_loop()

    async def work():
        await asyncio.sleep(0)
        say("step 2")
        await asyncio.sleep(0)
        say("step 3")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    loop.call_soon(say, "between")
    task.cancel("after the first")
    say(await awaited(task))


async def cancelling_the_caller():  # S104
    caller = asyncio.current_task()

    async def work():
        caller.cancel("by my own child")
        await asyncio.sleep(0.01)
        return "never seen"

    task = asyncio.create_task(work())
    say(await awaited(task))
    say(f"{task.cancelled()} {caller.cancelling()}")
    caller.uncancel()


async def an_error_by_hand_is_a_cancellation():  # S86
    async def work():
        raise asyncio.CancelledError("by hand")

    async def outer():
        await work()

    task = asyncio.create_task(outer())
    say(f"{await awaited(task)} {task.cancelled()} {task.cancelling()}")
