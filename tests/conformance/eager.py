"""Tasks whose first step runs at once. Rules S124 to S131."""
import asyncio
import contextvars

from support import Oops, awaited, new_loop, outcome, say, shown

user = contextvars.ContextVar("user", default="nobody")


def _eager(coro, **kwargs):
    """An eager task; create_task() takes eager_start only since 3.14."""
    return asyncio.eager_task_factory(asyncio.get_running_loop(), coro, **kwargs)


async def the_first_step_runs_inside_create_task():  # S125, S126
    me = asyncio.current_task()

    async def work():
        say(f"in it: {asyncio.current_task() is me} {len(asyncio.all_tasks())}")
        await asyncio.sleep(0)
        say(f"later: {len(asyncio.all_tasks())}")
        return "result"

    task = _eager(work())
    say(f"created: {asyncio.current_task() is me} {task.done()} {len(asyncio.all_tasks())}")
    say(await task)


async def a_coroutine_that_ends_in_its_first_step():  # S127
    async def work():
        say("work")
        return 7

    loop = asyncio.get_running_loop()
    loop.call_soon(say, "callback")
    task = _eager(work(), name="quick")
    say(f"{task.done()} {task.result()} {task.get_name()} {len(asyncio.all_tasks())} {task.get_coro() is None}")
    task.add_done_callback(lambda t: say(f"done callback {t.result()}"))
    say(await task)
    await asyncio.sleep(0)


async def an_error_in_the_first_step_is_kept():  # S128
    async def fail():
        raise Oops("early")

    task = _eager(fail())
    say(f"{task.done()} {shown(task.exception())}")
    say(await awaited(task))


async def an_exit_in_the_first_step_is_not():  # S128
    async def leave():
        raise SystemExit

    say(outcome(lambda: _eager(leave())))
    say(asyncio.current_task() is not None)


async def cancelling_itself_in_the_first_step():  # S129
    async def and_return():
        asyncio.current_task().cancel("and returned")
        return 1

    async def and_wait():
        asyncio.current_task().cancel("and waited")
        await asyncio.sleep(100)

    task = _eager(and_return())
    say(f"{task.done()} {task.cancelled()} {await awaited(task)}")
    task = _eager(and_wait())
    say(f"{task.done()} {task.cancelling()}")
    say(await awaited(task))


async def an_eager_task_has_its_own_context():  # S125
    async def work():
        user.set("eager")
        await asyncio.sleep(0)
        return user.get()

    user.set("mine")
    task = _eager(work())
    say(user.get())
    say(await task)
    given = contextvars.copy_context()
    task = _eager(work(), context=given)
    say(f"{user.get()} {given[user]}")
    await task


async def the_eager_factory():  # S131
    loop = asyncio.get_running_loop()

    async def work(n):
        say(f"work {n}")
        return n

    loop.set_task_factory(asyncio.eager_task_factory)
    one = asyncio.create_task(work(1))
    say(f"after one {one.done()}")
    say(sum(await asyncio.gather(work(2), work(3))))
    loop.set_task_factory(None)
    four = asyncio.create_task(work(4))
    say(f"after four {four.done()}")
    await four


async def eager_tasks_that_start_eager_tasks():  # S125
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    async def level(n):
        name = asyncio.current_task().get_name()
        say(f"enter {n}")
        if n:
            await asyncio.create_task(level(n - 1), name=f"level {n - 1}")
        say(f"leave {n} {asyncio.current_task().get_name() == name}")
        return n

    task = asyncio.create_task(level(2), name="level 2")
    say(f"{task.done()} {await task}")


async def an_eager_task_that_waits():  # S124
    future = asyncio.get_running_loop().create_future()

    async def work():
        say("waits")
        return await future

    task = _eager(work())
    say("created")
    future.set_result("set")
    say(await task)


def without_a_running_loop_the_start_is_not_eager():  # S124
    loop = new_loop()

    async def work():
        say("work")

    task = asyncio.Task(work(), loop=loop, eager_start=True)
    say(task.done())
    loop.run_until_complete(task)
    loop.close()


async def eager_children_of_a_group():  # S131, S180
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    async def fail():
        raise Oops("eager failure")

    async def work():
        say("work")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            group.create_task(fail())
            say("the body goes on")
            await asyncio.sleep(1)
            say("never")
    except* Oops as errors:
        say(errors.exceptions[0])
