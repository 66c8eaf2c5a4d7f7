"""Asynchronous generators: values that may have to be waited for. Rule S40."""
import asyncio
import contextvars

from support import Oops, awaited, new_loop, say, shown

user = contextvars.ContextVar("user", default="nobody")


async def _count(to, delay=0):
    try:
        for n in range(1, to + 1):
            await asyncio.sleep(delay)
            yield n
    finally:
        say("the counter ends")


async def _next(generator):
    return await awaited(anext(generator))


async def values_one_after_the_other():  # S40
    say([n async for n in _count(3)])
    say(sum([n * n async for n in _count(4) if n % 2 == 0]))


async def nothing_runs_before_it_is_asked_for():  # S40
    async def body():
        say("begins")
        yield 1
        say("goes on")

    generator = body()
    say("made")
    say(await _next(generator))
    say("between")
    say(await _next(generator))
    say(await _next(generator))


async def other_tasks_run_while_it_waits():  # S40
    async def tick():
        for n in range(3):
            say(f"tick {n}")
            await asyncio.sleep(1)

    task = asyncio.create_task(tick())
    async for n in _count(3, 0.8):
        say(n)
    await task


async def leaving_early_and_closing():  # S40
    generator = _count(100)
    async for n in generator:
        if n == 2:
            break
    say("left")
    await generator.aclose()
    say("closed")
    say(await _next(generator))
    await generator.aclose()


async def closing_what_has_not_begun():  # S40
    generator = _count(1)
    await generator.aclose()
    say(await _next(generator))


async def the_end_may_wait():  # S40
    async def body():
        try:
            yield 1
        finally:
            say("the end begins")
            await asyncio.sleep(1)
            say("a second later")

    loop = asyncio.get_running_loop()
    generator = body()
    say(await _next(generator))
    before = loop.time()
    await generator.aclose()
    say(loop.time() - before >= 1)


async def an_end_that_gives_another_value():  # S40
    async def body():
        try:
            yield 1
        except GeneratorExit:
            say("not yet")
        yield 2

    generator = body()
    say(await _next(generator))
    say(await awaited(generator.aclose()))


async def what_the_body_throws():  # S40
    async def body():
        yield 1
        raise Oops("thrown")

    generator = body()
    say(await _next(generator))
    say(await _next(generator))
    say(await _next(generator))

    async def stops():
        raise StopAsyncIteration
        yield 1

    say(await _next(stops()))


async def throwing_into_it():  # S40
    async def body():
        for n in range(3):
            try:
                yield n
            except Oops as error:
                say(f"caught {error}")

    generator = body()
    say(await _next(generator))
    say(await awaited(generator.athrow(Oops("one"))))
    say(await awaited(generator.athrow(LookupError("other"))))
    say(await _next(generator))
    fresh = body()
    say(await awaited(fresh.athrow(Oops("before it begins"))))
    say(await _next(fresh))


async def sending_into_it():  # S40
    async def echo():
        received = None
        while received != "stop":
            received = yield f"got {received}"

    generator = echo()
    say(await awaited(generator.asend("too early")))
    say(await _next(generator))
    say(await awaited(generator.asend("hello")))
    say(await _next(generator))
    say(await awaited(generator.asend("stop")))


async def two_who_ask_at_once():  # S40
    generator = _count(2, 1)

    async def ask():
        return await anext(generator)

    first, second = asyncio.create_task(ask()), asyncio.create_task(ask())
    say(await awaited(second))
    say(await awaited(first))
    pending = asyncio.create_task(ask())
    await asyncio.sleep(0)
    say(await awaited(generator.aclose()))
    say(await awaited(pending))
    await generator.aclose()


async def cancelled_while_it_waits():  # S100, S40
    async def body():
        try:
            yield 1
            await asyncio.sleep(100)
            yield 2
        except asyncio.CancelledError as error:
            say(f"the body is told {error.args}")
            raise

    generator = body()

    async def consume():
        async for n in generator:
            say(n)

    task = asyncio.create_task(consume())
    await asyncio.sleep(1)
    task.cancel("enough")
    say(await awaited(task))
    say(await _next(generator))


async def cancelled_between_two_values():  # S100, S40
    generator = _count(3)

    async def consume():
        async for n in generator:
            say(n)
            await asyncio.sleep(100)

    task = asyncio.create_task(consume())
    await asyncio.sleep(1)
    task.cancel()
    say(await awaited(task))
    say(await _next(generator))
    await generator.aclose()


async def a_timeout_around_the_loop():  # S171, S40
    async def consume():
        async with asyncio.timeout(2.5):
            async for n in _count(100, 1):
                say(n)

    say(await awaited(consume()))
    say(asyncio.current_task().cancelling())


async def passing_on_the_values_of_another():  # S40
    async def doubled(inner):
        try:
            async for n in inner:
                yield 2 * n
        finally:
            await inner.aclose()
            say("the outer one ends")

    say([n async for n in doubled(_count(2))])
    generator = doubled(_count(100))
    say(await _next(generator))
    await generator.aclose()


async def it_runs_in_the_context_of_who_asks():  # S83, S40
    async def body():
        while True:
            yield user.get()

    generator = body()

    async def ask(name):
        user.set(name)
        return await anext(generator)

    say(await asyncio.create_task(ask("one")))
    say(await asyncio.create_task(ask("two")))
    say(await _next(generator))
    await generator.aclose()


async def what_is_dropped_is_closed_by_the_loop():  # S40
    async def body():
        try:
            yield 1
        finally:
            await asyncio.sleep(1)
            say("cleaned up")

    generator = body()
    say(await _next(generator))
    del generator
    say("dropped")
    await asyncio.sleep(2)
    say("the loop goes on")


def what_is_left_is_closed_at_the_end_of_the_run():  # S40, S227
    async def main():
        main.generator = _count(100)
        say(await _next(main.generator))
        return "main ends"

    say(asyncio.run(main(), loop_factory=new_loop))


def what_fails_at_the_end_is_reported():  # S40
    async def body():
        try:
            yield 1
        finally:
            raise Oops("while being closed")

    async def main():
        main.generator = body()
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: say(f"{context['message'][:60]} {shown(context['exception'])}")
        )
        say(await _next(main.generator))

    asyncio.run(main(), loop_factory=new_loop)


async def closing_all_that_are_left():  # S40
    async def body(name, delay):
        try:
            yield name
        finally:
            await asyncio.sleep(delay)
            say(f"{name} is closed")

    generators = [body("slow", 2), body("quick", 1)]
    for generator in generators:
        say(await _next(generator))
    await asyncio.get_running_loop().shutdown_asyncgens()
    say("all are closed")
    say(await _next(generators[0]))
