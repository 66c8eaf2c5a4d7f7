"""timeout() and timeout_at(). Rules S167 to S176."""
import asyncio

from support import Oops, awaited, outcome, say


def _now():
    return round(asyncio.get_running_loop().time() * 1000)


async def a_deadline_that_passes():  # S170, S171
    try:
        async with asyncio.timeout(0.02) as scope:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError as error:
                say(f"inside {error.args} {scope.expired()} {asyncio.current_task().cancelling()}")
                raise
    except TimeoutError as error:
        say(f"outside {error.args} {scope.expired()} {asyncio.current_task().cancelling()} {_now()}")


async def a_deadline_that_does_not_pass():  # S167
    async with asyncio.timeout(1) as scope:
        await asyncio.sleep(0.01)
        say(scope.expired())
    say(f"{scope.expired()} {round(scope.when())}")
    await asyncio.sleep(2)
    say("nothing happens later")


async def no_deadline():  # S167
    async with asyncio.timeout(None) as scope:
        await asyncio.sleep(100)
        say(scope.when())
    say(scope.expired())


async def moving_the_deadline():  # S168, S169
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(0.01) as scope:
        scope.reschedule(loop.time() + 1)
        await asyncio.sleep(0.5)
        say("moved away")
        scope.reschedule(None)
        await asyncio.sleep(5)
        say("taken away")
    say(outcome(lambda: scope.reschedule(loop.time() + 1)))
    try:
        async with asyncio.timeout(None) as scope:
            scope.reschedule(loop.time() + 0.01)
            await asyncio.sleep(1)
    except TimeoutError:
        say("put there")
    say(outcome(lambda: scope.reschedule(None)))


async def a_deadline_in_the_past():  # S169
    try:
        async with asyncio.timeout(-1) as scope:
            say(f"the body begins {scope.expired()}")
            await asyncio.sleep(0)
            say("one iteration later")
            await asyncio.sleep(0)
            say("never")
    except TimeoutError:
        say("timeout")


async def a_body_that_does_not_suspend():  # S175
    async with asyncio.timeout(0) as scope:
        say("no suspension")
    say(scope.expired())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    say("no timeout")


async def a_time_on_the_clock():  # S167
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(loop.time() + 0.05):
            await asyncio.sleep(1)
    except TimeoutError:
        say(_now())
    async with asyncio.timeout_at(None):
        await asyncio.sleep(0.05)
    say(_now())


async def a_body_that_swallows_it():  # S173
    async with asyncio.timeout(0.01) as scope:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            say("swallowed")
    say(f"{scope.expired()} {asyncio.current_task().cancelling()}")
    await asyncio.sleep(0)
    say("goes on")


async def a_body_that_fails_meanwhile():  # S172
    try:
        async with asyncio.timeout(0.01):
            try:
                await asyncio.sleep(1)
            finally:
                raise Oops("instead")
    except Oops as error:
        say(f"{error} {asyncio.current_task().cancelling()}")
    try:
        async with asyncio.timeout(1):
            raise Oops("in time")
    except Oops as error:
        say(error)


def _chain(error):
    """An error, what it was raised in the middle of, and so on."""
    return type(error).__name__ + (f" {_chain(error.__context__)}" if error.__context__ else "")


async def what_an_error_was_raised_in_the_middle_of():  # S171, S172
    async def under_a_timeout(answer, seconds=1):
        try:
            async with asyncio.timeout(seconds):
                try:
                    await asyncio.sleep(100)
                except asyncio.CancelledError:
                    answer()
        except Exception as error:
            return _chain(error)

    def directly():
        raise Oops("instead")

    def indirectly():
        try:
            raise Oops("instead")
        except Oops:
            raise LookupError from None

    def again():
        raise

    say(await under_a_timeout(again))
    say(await under_a_timeout(directly))
    say(await under_a_timeout(indirectly))
    say(await under_a_timeout(directly, 0))


async def the_inner_deadline_passes():  # S176
    async with asyncio.timeout(1) as outer:
        try:
            async with asyncio.timeout(0.01) as inner:
                await asyncio.sleep(5)
        except TimeoutError:
            say(f"inner {inner.expired()} {outer.expired()}")
        await asyncio.sleep(0.01)
    say("outer is left in time")


async def the_outer_deadline_passes():  # S176
    try:
        async with asyncio.timeout(0.01) as outer:
            try:
                async with asyncio.timeout(1) as inner:
                    await asyncio.sleep(5)
            except TimeoutError:
                say("never")
            finally:
                say(f"inner {inner.expired()} {outer.expired()}")
    except TimeoutError:
        say(f"outer {asyncio.current_task().cancelling()}")


async def both_deadlines_pass():  # S176
    async def work():
        try:
            async with asyncio.timeout(0.01) as outer:
                try:
                    async with asyncio.timeout(0.02) as inner:
                        try:
                            await asyncio.sleep(5)
                        finally:
                            await asyncio.sleep(0.05)
                except TimeoutError:
                    say("inner timeout")
                    raise
        except TimeoutError:
            say(f"outer timeout {inner.expired()} {outer.expired()} {asyncio.current_task().cancelling()}")

    say(await awaited(asyncio.create_task(work())))


async def a_cancellation_from_outside():  # S174
    async def work():
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(5)
        except TimeoutError:
            say("never")

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel("outside")
    say(await awaited(task))
    say(task.cancelling())


async def a_cancellation_together_with_the_deadline():  # S174
    async def work():
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)
        except TimeoutError:
            say("never")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.0099, lambda: asyncio.get_running_loop().call_later(0.0001, task.cancel, "too"))
    say((await awaited(task)).split(":")[0])
    say(f"{task.cancelled()} {task.cancelling()}")


async def in_a_task_that_was_cancelled_before():  # S169, S171
    async def work():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            pass
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(1)
        except TimeoutError:
            return f"timeout at count {asyncio.current_task().cancelling()}"

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    say(await awaited(task))


async def a_timeout_serves_once():  # S168
    scope = asyncio.Timeout(None)
    say(outcome(lambda: scope.reschedule(None)))
    async with scope:
        pass

    async def again():
        async with scope:
            say("never")

    say(await awaited(again()))


def a_timeout_needs_a_task():  # S168
    from support import new_loop

    loop = new_loop()

    def callback():
        coroutine = asyncio.Timeout(None).__aenter__()
        say(outcome(lambda: coroutine.send(None)))
        loop.stop()

    loop.call_soon(callback)
    loop.run_forever()
    loop.close()


async def the_body_gives_a_value():
    async def work():
        async with asyncio.timeout(1):
            return await asyncio.sleep(0.01, "from the body")

    say(await work())


async def a_task_awaited_under_a_deadline():  # S171, S104
    async def work():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            say("the task hears of it")
            raise

    task = asyncio.create_task(work())
    try:
        async with asyncio.timeout(0.01):
            await task
    except TimeoutError:
        say(f"timeout {task.cancelled()}")
