"""gather(): results, errors and cancellation of several at once. Rules S136 to S143."""
import asyncio

from support import Oops, after, awaited, fail, new_loop, outcome, say, shown, watched


async def results_stand_in_the_order_of_the_arguments():  # S136
    a, b, c = await asyncio.gather(after(30, "a"), after(10, "b"), after(20, "c"))
    say(a + b + c)


async def children_start_in_the_order_of_the_arguments():  # S136
    async def work(n):
        say(f"work {n}")

    outer = asyncio.gather(work(1), work(2), work(3))
    say("gathered")
    await outer


async def nothing_to_gather():  # S136
    outer = asyncio.gather()
    say(f"{outer.done()} {len(await outer)}")


async def the_same_child_twice():  # S136
    task = asyncio.create_task(after(10, "x"))
    a, b = await asyncio.gather(task, task)
    say(a + b)


async def the_first_error_wins_and_the_others_go_on():  # S137
    other = asyncio.create_task(watched("other", 50))
    say(await awaited(asyncio.gather(other, fail(20, "second"), fail(10, "first"))))
    say(other.done())
    say(await other)


async def errors_as_results():  # S138
    a, b, c = await asyncio.gather(after(1, 7), fail(2, "boxed"), after(3, 9), return_exceptions=True)
    say(f"{a} {shown(b)} {c}")


async def a_cancelled_child_is_an_error():  # S138
    child = asyncio.create_task(watched("child", 50))
    outer = asyncio.gather(child, after(10, 1))
    await asyncio.sleep(0)
    child.cancel("its own")
    say(await awaited(outer))
    say(f"{outer.cancelled()} {outer.done()} {asyncio.current_task().cancelling()}")


async def a_cancelled_child_as_a_result():  # S138
    child = asyncio.create_task(watched("child", 50))
    outer = asyncio.gather(child, after(10, 1), return_exceptions=True)
    await asyncio.sleep(0)
    child.cancel("its own")
    a, b = await outer
    say(f"{shown(a)} {b}")


async def cancelling_the_outer_future():  # S139
    outer = asyncio.gather(watched("a", 50), watched("b", 50))
    await asyncio.sleep(0.01)
    say(f"{outer.cancel('all')} {outer.done()}")
    say(await awaited(outer))
    say(f"{outer.cancelled()} {outer.cancel()}")


async def cancelling_the_waiting_task():  # S139
    async def work():
        await asyncio.gather(watched("a", 50), watched("b", 50))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel("the waiter")
    say(await awaited(task))
    say(task.cancelled())


async def cancelling_before_the_children_began():  # S139
    outer = asyncio.gather(watched("a", 50), watched("b", 50))
    outer.cancel()
    say(await awaited(outer))


async def children_that_swallow_the_cancellation():  # S140
    async def stubborn(value):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            say(f"{value} stays")
        return value

    outer = asyncio.gather(stubborn("a"), stubborn("b"))
    await asyncio.sleep(0)
    outer.cancel()
    say(await awaited(outer))
    outer = asyncio.gather(stubborn("c"), return_exceptions=True)
    await asyncio.sleep(0)
    outer.cancel()
    say(await awaited(outer))


async def cancelling_after_an_error():  # S141
    slow = asyncio.create_task(watched("slow", 30))
    outer = asyncio.gather(slow, fail(10, "quick"))
    say(await awaited(outer))
    say(f"{outer.cancel()} {slow.cancelled()}")
    await slow


async def children_that_are_done_already():  # S142
    loop = asyncio.get_running_loop()
    one, two = loop.create_future(), loop.create_future()
    one.set_result(1)
    two.set_result(2)
    outer = asyncio.gather(one, two)
    say(f"{outer.done()} {await outer}")
    two = loop.create_future()
    two.set_exception(Oops("failed before"))
    outer = asyncio.gather(loop.create_future(), two)
    say(f"{outer.done()} {await awaited(outer)}")


async def gathering_gathers():
    left = asyncio.gather(after(10, 1), after(20, 2))
    right = asyncio.gather(after(15, 3))
    (a, b), (c,) = await asyncio.gather(left, right)
    say(f"{a} {b} {c}")


async def later_errors_are_not_reported():  # S137
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say(f"report {context['message']}"))
    say(await awaited(asyncio.gather(fail(10, "first"), fail(20, "second"))))
    await asyncio.sleep(0.05)
    say("no report")


async def a_gather_that_nobody_awaits():  # S75
    import gc

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say(f"{context['message']}: {context['exception']}"))
    outer = asyncio.gather(fail(10, "lost"))
    await asyncio.sleep(0.05)
    say(outer.done())
    del outer
    gc.collect()


async def done_callbacks_of_a_gather():
    outer = asyncio.gather(after(10, 1), after(5, 2))
    outer.add_done_callback(lambda f: say(f"{sum(f.result())} in the callback"))
    await outer
    await asyncio.sleep(0)


async def futures_of_two_loops():  # S136
    other = new_loop()
    mine = asyncio.get_running_loop().create_future()
    say(outcome(lambda: asyncio.gather(mine, other.create_future())))
    other.close()


async def what_a_cancelled_gather_says():  # S110, S140
    async def stubborn():
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            say("stays")
        return "value"

    async def said(outer):
        await asyncio.sleep(0)
        outer.cancel("all")
        try:
            await outer
        except asyncio.CancelledError as error:
            say(error.args)

    await said(asyncio.gather(stubborn(), watched("last", 50), return_exceptions=True))
    await said(asyncio.gather(watched("first", 50), stubborn(), return_exceptions=True))
    await said(asyncio.gather(stubborn(), stubborn()))


async def errors_beside_those_that_a_cancelled_gather_drops():  # S75, S140
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say(f"report {context['message']}"))
    outer = asyncio.gather(fail(0, "seen"), watched("other", 50), return_exceptions=True)
    await asyncio.sleep(0.01)
    outer.cancel()
    say(await awaited(outer))
    del outer
    await asyncio.sleep(0)
    say("no report")
