"""The same thing said in other words: what may be passed where, and what may be left out."""
import asyncio
import functools

from support import Oops, awaited, say, shown


def _plain():
    return 4


class _Worker:
    def __init__(self, n):
        self.n = n

    async def run(self):
        await asyncio.sleep(0)
        return self.n


async def what_callbacks_return_is_dropped():  # S68
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(_plain)
    loop.call_soon(future.cancel)
    loop.call_later(0, _plain)
    future.add_done_callback(lambda f: f.cancelled())
    say(await awaited(future))


async def coroutines_of_every_kind():  # S80
    worker = _Worker(3)

    async def adds(a, b):
        return a + b

    say(await asyncio.create_task(worker.run()))
    say(await asyncio.create_task(functools.partial(adds, 1, 2)()))
    say(sum(await asyncio.gather(worker.run(), adds(3, 4), _Worker(5).run())))
    say(await asyncio.wait_for(worker.run(), None))


async def lists_in_braces():  # S136, S144, S157
    async def work(n):
        await asyncio.sleep(n / 100)
        return n

    one, two = asyncio.create_task(work(1)), asyncio.create_task(work(2))
    done, pending = await asyncio.wait([one, two], return_when=asyncio.FIRST_COMPLETED)
    say(f"{len(done)} {len(pending)}")
    async for task in asyncio.as_completed([one, two]):
        say(await task)
    say(sum(await asyncio.gather(one, two)))


async def all_tasks_but_this_one():  # S120, S138
    async def work(n):
        await asyncio.sleep(n)

    for n in range(1, 4):
        asyncio.create_task(work(n), name=f"w{n}")
    others = asyncio.all_tasks() - {asyncio.current_task()}
    say(len(others))
    await asyncio.wait(others, timeout=1.5)
    say([task.done() for task in others].count(True))
    for task in others:
        task.cancel()
    results = await asyncio.gather(*others, return_exceptions=True)
    say([isinstance(result, asyncio.CancelledError) for result in results].count(True))


async def awaiting_without_the_type():  # S72
    async def work():
        await asyncio.sleep(0.01)
        return "not looked at"

    async def fail():
        raise Oops("thrown all the same")

    task = asyncio.create_task(work())
    await task
    say(task.done())
    say(await awaited(asyncio.create_task(fail())))


async def results_that_can_only_be_moved():  # S65
    async def make(n):
        await asyncio.sleep(0.01)
        return [n]

    (n,) = await asyncio.create_task(make(1))
    say(n)
    (n,) = await asyncio.wait_for(make(2), 1)
    say(n)
    (a,), (b,) = await asyncio.gather(make(3), make(4))
    say(a + b)
    (n,) = await asyncio.shield(make(5))
    say(n)
    queue = asyncio.Queue()
    queue.put_nowait([6])
    (n,) = await queue.get()
    say(n)
    say(sum(n for (n,) in await asyncio.gather(*(make(n) for n in (7, 8)))))


async def names_and_contexts_together():  # S80
    import contextvars

    async def work():
        return asyncio.current_task().get_name()

    context = contextvars.copy_context()
    say(await asyncio.create_task(work(), name="n", context=context))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work(), name="g", context=context)
    say(task.result())


async def structures_as_results():  # S85
    async def pair():
        return 1, "two"

    async def optional(empty):
        return None if empty else 5

    number, text = await asyncio.create_task(pair())
    say(f"{number} {text}")
    say(f"{await asyncio.create_task(optional(True))} {await asyncio.create_task(optional(False))}")


async def bodies_that_give_values():
    async def grouped():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0.01, 2))
            return await task

    async def limited():
        async with asyncio.timeout(1):
            return await grouped() + 1

    say(await limited())


async def references_are_copied():  # S85
    counter = 1

    async def name():
        return "the name"

    async def number():
        return counter

    task = asyncio.create_task(number())
    say(await asyncio.create_task(name()))
    counter = 2
    say(f"{await task} {await asyncio.wait_for(number(), 1)}")
    text, value = await asyncio.gather(name(), number())
    async with asyncio.timeout(1):
        say(f"{text} {value} {await name()}")
    counter = 3
    async with asyncio.TaskGroup():
        pass
    say(f"{value} {counter}")


async def fractions_of_seconds_added_to_times():  # S14, S169
    loop = asyncio.get_running_loop()
    start = loop.time()

    def milliseconds():
        return round((loop.time() - start) * 1000)

    loop.call_at(start + 0.25, lambda: say(f"at {milliseconds()}"))
    loop.call_at(start + 0.5, lambda: say(f"at {milliseconds()}"))
    await asyncio.sleep(1)

    async def limited(when):
        try:
            async with asyncio.timeout_at(when):
                await asyncio.sleep(5)
        except TimeoutError:
            say(f"TimeoutError at {milliseconds()}")

    await limited(loop.time() + 0.5)
    await limited(start + 2)
    try:
        async with asyncio.timeout(5) as scope:
            scope.reschedule(loop.time() + 0.25)
            scope.reschedule(scope.when() + 0.25)
            await asyncio.sleep(5)
    except TimeoutError:
        say("TimeoutError")
    say(milliseconds())


async def sets_of_tasks():  # S136, S157
    async def work(n):
        await asyncio.sleep(n / 100)
        return n

    tasks = {asyncio.create_task(work(n)) for n in (3, 1, 2)}
    async for task in asyncio.as_completed(tasks):
        say(task.result())
    say(sum(await asyncio.gather(*tasks)))
    say(len(await asyncio.gather(*tasks, return_exceptions=True)))


async def shielding_without_the_type():  # S154, S155
    task = asyncio.create_task(asyncio.sleep(0.02))
    outer = asyncio.shield(task)
    outer.cancel()
    say(f"{await awaited(outer)} {task.done()}")
    say(f"{await awaited(asyncio.shield(task))} {task.done()}")
    say(asyncio.shield(task) is task)


async def errors_without_a_text():
    for error in (RuntimeError, asyncio.InvalidStateError, asyncio.BrokenBarrierError, TimeoutError):
        try:
            raise error
        except Exception as caught:
            say(shown(caught))
