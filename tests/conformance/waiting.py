"""wait(), wait_for(), shield() and as_completed(). Rules S144 to S160."""
import asyncio

from support import Oops, after, awaited, fail, outcome, say, shown, since, watched


async def waiting_for_all():  # S144, S146
    tasks = [asyncio.create_task(after(ms, ms)) for ms in (20, 10)]
    done, pending = await asyncio.wait(tasks)
    say(f"{len(done)} {len(pending)} {sorted(task.result() for task in done)[0]}")


async def waiting_for_the_first():  # S146
    tasks = [asyncio.create_task(after(ms, ms)) for ms in (20, 10, 30)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    say(f"{len(done)} {len(pending)} {[task.result() for task in done][0]}")
    done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    say(f"{len(done)} {len(pending)}")
    await asyncio.wait(pending)


async def waiting_for_the_first_error():  # S146
    good = asyncio.create_task(after(5, 1))
    cancelled = asyncio.create_task(after(100, 2))
    bad = asyncio.create_task(fail(20, "bad"))
    late = asyncio.create_task(after(30, 3))
    asyncio.get_running_loop().call_later(0.01, cancelled.cancel)
    done, pending = await asyncio.wait([good, cancelled, bad, late], return_when=asyncio.FIRST_EXCEPTION)
    say(f"{len(done)} {late in pending} {cancelled in done} {shown(bad.exception())}")
    await late


async def waiting_with_a_timeout():  # S145
    tasks = [asyncio.create_task(watched(f"{ms} ms", ms)) for ms in (10, 30)]
    done, pending = await asyncio.wait(tasks, timeout=0.02)
    say(f"{len(done)} {len(pending)}")
    done, pending = await asyncio.wait(tasks, timeout=1)
    say(f"{len(done)} {len(pending)}")


async def a_cancelled_wait_leaves_the_tasks_alone():  # S145
    inner = asyncio.create_task(watched("inner", 20))

    async def work():
        await asyncio.wait([inner])

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel("only the waiter")
    say(await awaited(task))
    say(await inner)


async def what_wait_refuses():  # S144
    task = asyncio.create_task(after(1, 1))
    say(await awaited(asyncio.wait([])))
    await task


async def the_same_future_twice_in_wait():  # S144
    task = asyncio.create_task(after(1, 1))
    done, pending = await asyncio.wait([task, task])
    say(f"{len(done)} {len(pending)}")


async def what_ended_meanwhile_is_done_too():  # S147
    loop = asyncio.get_running_loop()
    one, two = loop.create_future(), loop.create_future()
    loop.call_soon(lambda: (one.set_result(1), loop.call_soon(two.set_result, 2)))
    done, pending = await asyncio.wait([one, two], return_when=asyncio.FIRST_COMPLETED)
    say(f"{len(done)} {len(pending)}")


async def in_time():  # S149
    say(await asyncio.wait_for(after(10, "in time"), 1))
    say(await asyncio.wait_for(after(10, "no limit"), None))
    say(await awaited(asyncio.wait_for(fail(10, "its error"), 1)))


async def too_late():  # S149, S151
    say(await awaited(asyncio.wait_for(watched("late", 100), 0.01)))
    task = asyncio.create_task(watched("late task", 100))
    say(await awaited(asyncio.wait_for(task, 0.01)))
    say(f"{task.cancelled()} {asyncio.current_task().cancelling()}")


async def it_runs_in_the_calling_task():  # S149
    me = asyncio.current_task()

    async def work():
        return asyncio.current_task() is me

    say(await asyncio.wait_for(work(), 1))


async def no_time_at_all():  # S150
    loop = asyncio.get_running_loop()

    async def work():
        say("never begins")

    say(await awaited(asyncio.wait_for(work(), 0)))
    say(await awaited(asyncio.wait_for(work(), -1)))
    done = loop.create_future()
    done.set_result("done before")
    say(await asyncio.wait_for(done, 0))
    pending = loop.create_future()
    say(await awaited(asyncio.wait_for(pending, 0)))
    say(pending.cancelled())
    failed = loop.create_future()
    failed.set_exception(Oops("failed before"))
    say(await awaited(asyncio.wait_for(failed, 0)))


async def no_time_and_a_stubborn_task():  # S150
    async def stubborn():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
        return "all the same"

    async def angry():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise Oops("while cancelled")

    one, two = asyncio.create_task(stubborn()), asyncio.create_task(angry())
    await asyncio.sleep(0)
    say(await awaited(asyncio.wait_for(one, 0)))
    say(await awaited(asyncio.wait_for(two, 0)))


async def a_value_after_the_deadline():  # S151
    async def stubborn():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)
        return "returned all the same"

    async def angry():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise Oops("raised instead")

    say(await awaited(asyncio.wait_for(stubborn(), 0.01)))
    say(await awaited(asyncio.wait_for(angry(), 0.01)))
    say(asyncio.current_task().cancelling())


async def cancelling_who_waits():  # S153
    inner = asyncio.create_task(watched("inner", 100))

    async def work():
        await asyncio.wait_for(inner, 1)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel("outer")
    say(await awaited(task))
    say(f"{inner.cancelled()} {task.cancelled()}")


async def shielding_a_task():  # S154, S155
    inner = asyncio.create_task(watched("inner", 20))
    outer = asyncio.shield(inner)
    await asyncio.sleep(0)
    say(outer.cancel("the outer"))
    say(await awaited(outer))
    say(inner.cancelled())
    say(await inner)


async def shielding_from_the_waiter():  # S155
    inner = asyncio.create_task(watched("inner", 20))

    async def work():
        return await asyncio.shield(inner)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    say(await awaited(task))
    say(await inner)


async def a_shield_passes_outcomes_on():  # S154
    say(await asyncio.shield(after(10, "result")))
    say(await awaited(asyncio.shield(fail(10, "error"))))
    inner = asyncio.create_task(watched("inner", 20))
    outer = asyncio.shield(inner)
    await asyncio.sleep(0)
    inner.cancel("by itself")
    say(await awaited(outer))
    say(f"{outer.cancelled()} {inner.cancelled()}")


async def a_shield_around_what_is_done():  # S154
    task = asyncio.create_task(after(0, "x"))
    await task
    say(asyncio.shield(task) is task)


async def in_the_order_of_completion():  # S158
    tasks = [asyncio.create_task(after(ms, ms)) for ms in (30, 10, 20)]
    async for task in asyncio.as_completed(tasks):
        say(f"{task in tasks} {await task}")


async def completions_with_errors():  # S158
    tasks = [asyncio.create_task(fail(10, "first")), asyncio.create_task(after(20, 2))]
    async for task in asyncio.as_completed(tasks):
        say(await awaited(task))


async def completions_with_a_deadline():  # S159
    tasks = [asyncio.create_task(after(ms, ms)) for ms in (10, 30)]
    try:
        async for task in asyncio.as_completed(tasks, timeout=0.02):
            say(await task)
    except TimeoutError as error:
        say(f"timeout {error.args} {[task.done() for task in tasks].count(True)}")
    say(await tasks[1])


async def completions_of_what_is_done():  # S157
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(2)]
    futures[1].set_result("done before")
    loop.call_later(0.01, futures[0].set_result, "later")
    async for future in asyncio.as_completed(futures):
        say(await future)


async def leaving_early():  # S158
    tasks = [asyncio.create_task(watched(f"{ms} ms", ms)) for ms in (10, 20)]
    async for task in asyncio.as_completed(tasks):
        say(f"first {await task}")
        break
    say(await tasks[1])


async def cancelling_a_step_of_as_completed():  # S160
    tasks = [asyncio.create_task(after(ms, ms)) for ms in (20, 30)]

    async def work():
        async for task in asyncio.as_completed(tasks):
            say(await task)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    say(await awaited(task))
    say(sum(await asyncio.gather(*tasks)))


@since("3.15")
async def an_error_behind_a_cancelled_shield():  # S155
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say(f"{context['message']}: {context['exception']}"))
    inner = asyncio.create_task(fail(10, "nobody looks"))
    outer = asyncio.shield(inner)
    await asyncio.sleep(0)
    outer.cancel()
    say(await awaited(outer))
    await asyncio.sleep(0.02)
    say(inner.done())
    del inner
    say("dropped")


async def waiting_for_what_is_done_suspends():  # S148
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.set_result(1)
    loop.call_soon(say, "a callback")
    done, pending = await asyncio.wait([future])
    say(f"{len(done)} {len(pending)}")


async def wait_for_outside_a_task():  # S152
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(lambda: say(outcome(lambda: asyncio.wait_for(future, 1).send(None))))
    loop.call_soon(lambda: say(outcome(lambda: asyncio.wait_for(future, None).send(None))))
    await asyncio.sleep(0)
    say(future.cancelled())
