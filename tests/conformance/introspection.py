"""What a task is in the middle of, and who waits for whom. Rules S98, S344 to S348."""
import asyncio
import io

from support import Oops, new_loop, outcome, say, since


async def stacks_of_tasks():  # S98
    future = asyncio.get_running_loop().create_future()

    async def wait():
        await future

    async def fail():
        raise Oops("failed")

    task, failing = asyncio.create_task(wait()), asyncio.create_task(fail())
    say(f"not begun {len(task.get_stack())}")
    await asyncio.sleep(0)
    say(f"waiting {len(task.get_stack()) >= 1}")
    say(f"at most none {len(task.get_stack(limit=0))}, at most one {len(task.get_stack(limit=1))}")
    future.set_result(None)
    await task
    say(f"returned {len(task.get_stack())}")
    cancelled = asyncio.create_task(wait())
    cancelled.cancel()
    await asyncio.wait([cancelled, failing])
    say(f"cancelled {len(cancelled.get_stack())}")
    failing.exception()


async def printed_stacks():  # S98
    future = asyncio.get_running_loop().create_future()

    async def wait():
        await future

    def printed(**options):
        text = io.StringIO()
        task.print_stack(file=text, **options)
        first, *others = text.getvalue().splitlines()
        return f"{first.split('name=')[0]}{first.endswith('(most recent call last):')} {len(others) > 0}"

    task = asyncio.create_task(wait(), name="it")
    await asyncio.sleep(0)
    say(printed())
    say(printed(limit=0))
    future.set_result(None)
    await task
    say(printed())


def _shape(graph):
    """A graph as text: each future with those who wait for it in brackets."""
    name = graph.future.get_name() if isinstance(graph.future, asyncio.Task) else "future"
    waiters = sorted(_shape(waiter) for waiter in graph.awaited_by)
    return name + (f"({' '.join(waiters)})" if waiters else "")


def _who_waits_for(future):
    return _shape(asyncio.capture_call_graph(future))


@since("3.14")
async def who_waits_for_whom():  # S344, S347
    future = asyncio.get_running_loop().create_future()

    async def wait(awaited):
        await awaited

    worker = asyncio.create_task(wait(future), name="worker")
    other = asyncio.create_task(wait(future), name="other")
    boss = asyncio.create_task(wait(worker), name="boss")
    say(_who_waits_for(future))
    await asyncio.sleep(0)
    say(_who_waits_for(future))
    future.set_result(None)
    await boss
    say(_who_waits_for(future))
    say(_who_waits_for(worker))
    say(other.done())


@since("3.14")
async def the_edges_of_every_wait():  # S344
    async def sleep():
        await asyncio.sleep(1)

    async def wait_by(how):
        task = asyncio.create_task(sleep(), name="task")
        waiter = asyncio.create_task(how(task), name="waiter")
        await asyncio.sleep(0.5)
        during = _who_waits_for(task)
        await waiter
        say(f"{during} {_who_waits_for(task)}")

    async def plainly(task):
        await task

    async def gather(task):
        await asyncio.gather(task)

    async def wait(task):
        await asyncio.wait([task])

    async def wait_for(task):
        await asyncio.wait_for(task, 9)

    async def shield(task):
        await asyncio.shield(task)

    async def as_completed(task):
        for completed in asyncio.as_completed([task]):
            await completed

    for how in (plainly, gather, wait, wait_for, shield, as_completed):
        await wait_by(how)


@since("3.14")
async def the_edges_of_a_group():  # S344
    asyncio.current_task().set_name("main")

    async def child(seconds):
        await asyncio.sleep(seconds)

    async with asyncio.TaskGroup() as group:
        one = group.create_task(child(1), name="one")
        two = group.create_task(child(2), name="two")
        await asyncio.sleep(1.5)
        say(f"{_who_waits_for(one)} {_who_waits_for(two)}")
    say(_who_waits_for(two))


@since("3.14")
async def edges_made_by_hand():  # S345
    loop = asyncio.get_running_loop()
    one, two = loop.create_future(), loop.create_future()
    asyncio.future_add_to_awaited_by(one, two)
    asyncio.future_add_to_awaited_by(one, two)
    say(_who_waits_for(one))
    asyncio.future_discard_from_awaited_by(one, two)
    asyncio.future_discard_from_awaited_by(one, two)
    say(_who_waits_for(one))


@since("3.14")
def where_nobody_runs():  # S346, S348
    loop = new_loop()
    future = loop.create_future()
    say(outcome(asyncio.capture_call_graph))
    say(_who_waits_for(future))
    loop.call_soon(lambda: say(f"{asyncio.capture_call_graph()} '{asyncio.format_call_graph()}'"))
    loop.call_later(1, loop.stop)
    loop.run_forever()
    loop.close()


@since("3.14")
async def how_much_of_a_stack():  # S347
    future = asyncio.get_running_loop().create_future()

    async def wait():
        await future

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    for limit in (0, 1, -1):
        say(len(asyncio.capture_call_graph(task, limit=limit).call_stack))
    say(len(asyncio.capture_call_graph(future).call_stack))
    say(len(asyncio.capture_call_graph(future, limit=0).awaited_by[0].call_stack))
    task.cancel()
