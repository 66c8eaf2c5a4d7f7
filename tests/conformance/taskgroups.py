"""Task groups: what ends together, what fails together. Rules S177 to S192."""
import asyncio

from support import Oops, after, awaited, fail, outcome, say, shown, since, watched


def _members(group):
    return " ".join(shown(error) for error in group.exceptions)


async def a_group_waits_for_its_tasks():  # S183
    async with asyncio.TaskGroup() as group:
        one = group.create_task(after(20, 1))
        two = group.create_task(after(10, 2), name="two")
        say(f"body ends {one.done()} {two.get_name()}")
    say(one.result() + two.result())


async def an_empty_group():  # S93
    async with asyncio.TaskGroup():
        pass
    say("left")


async def one_failure_cancels_the_others():  # S182, S185
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(watched("sibling", 500))
            group.create_task(fail(10, "the failure"))
            await asyncio.sleep(1)
            say("never")
    except BaseExceptionGroup as errors:
        say(f"{type(errors).__name__} {errors.message}: {_members(errors)} {asyncio.current_task().cancelling()}")


async def failures_of_one_iteration():  # S182
    try:
        async with asyncio.TaskGroup() as group:
            for text in ("one", "two", "three"):
                group.create_task(fail(0, text))
    except ExceptionGroup as errors:
        say(_members(errors))
        say(errors)


async def a_failure_while_being_cancelled():  # S182
    async def untidy():
        try:
            await asyncio.sleep(1)
        finally:
            raise Oops("untidy")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(untidy())
            group.create_task(fail(10, "first"))
    except ExceptionGroup as errors:
        say(_members(errors))


async def the_body_fails():  # S183, S185
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(watched("child", 500))
            await asyncio.sleep(0)
            raise Oops("the body")
    except ExceptionGroup as errors:
        say(_members(errors))


async def the_body_and_a_child_fail():  # S185
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(10, "child"))
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                raise Oops("body")
    except ExceptionGroup as errors:
        say(_members(errors))


async def a_cancelled_child_is_ignored():  # S181
    async with asyncio.TaskGroup() as group:
        one = group.create_task(watched("one", 500))
        group.create_task(watched("two", 20))
        await asyncio.sleep(0.01)
        one.cancel()
    say(f"{one.cancelled()} no error")


async def a_child_that_raises_a_cancelled_error():  # S181
    async def by_hand():
        raise asyncio.CancelledError("by hand")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(by_hand())
        group.create_task(watched("other", 10))
    say(task.cancelled())


async def children_add_children():  # S178, S179
    async def grow(group, n):
        say(f"child {n}")
        await asyncio.sleep(0.01)
        if n < 3:
            group.create_task(grow(group, n + 1))

    async with asyncio.TaskGroup() as group:
        group.create_task(grow(group, 1))
        say("body ends")
    say("all have ended")


async def when_a_group_takes_no_tasks():  # S178
    def refusal(group):
        coroutine = after(0)
        try:
            return outcome(lambda: group.create_task(coroutine))
        finally:
            coroutine.close()

    group = asyncio.TaskGroup()
    say(refusal(group))
    async with group:
        await asyncio.sleep(0)
    say(refusal(group))

    async def late(group):
        try:
            await asyncio.sleep(1)
        finally:
            say(refusal(group))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(late(group))
            group.create_task(fail(10, "x"))
    except ExceptionGroup as errors:
        say(_members(errors))


async def a_group_serves_once():  # S177
    group = asyncio.TaskGroup()
    async with group:
        pass

    async def again():
        async with group:
            say("never")

    say(await awaited(again()))


async def cancelled_from_outside():  # S183, S184
    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(watched("child", 500))
            await asyncio.sleep(1)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel("outside")
    say(await awaited(task))
    say(f"{task.cancelled()} {task.cancelling()}")


async def cancelled_from_outside_while_leaving():  # S183
    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(watched("child", 500))
        say("never")

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel("outside")
    say(await awaited(task))


async def cancelled_from_outside_and_a_failure():  # S184, S186
    async def untidy():
        try:
            await asyncio.sleep(1)
        finally:
            raise Oops("untidy")

    async def work():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(untidy())
        except ExceptionGroup as errors:
            say(f"{_members(errors)} {asyncio.current_task().cancelling()}")
            await asyncio.sleep(0)
            say("never")

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel("outside")
    say(await awaited(task))


async def groups_in_groups():  # S187
    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(watched("outer child", 500))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(fail(10, "inner failure"))
                inner.create_task(watched("inner child", 500))
    except ExceptionGroup as errors:
        (inner,) = errors.exceptions
        say(f"{type(inner).__name__}: {_members(inner)} {asyncio.current_task().cancelling()}")


async def groups_that_fail_at_the_same_time():  # S187
    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(fail(10, "outer failure"))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(fail(10, "inner failure"))
    except ExceptionGroup as errors:
        say(" ".join(type(error).__name__ for error in errors.exceptions))
        say(asyncio.current_task().cancelling())


def an_exit_in_a_child():  # S184, S87
    from support import new_loop

    loop = new_loop()

    async def leave():
        await asyncio.sleep(0.01)
        raise KeyboardInterrupt

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(watched("sibling", 500))
            group.create_task(leave())

    task = loop.create_task(work())
    say(outcome(lambda: loop.run_until_complete(task)))
    say(task.done())
    say(outcome(lambda: loop.run_until_complete(task)))
    say(f"{task.done()} {shown(task.exception())}")
    loop.close()


async def a_body_that_raises_a_cancelled_error():  # S183
    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(watched("child", 500))
            await asyncio.sleep(0)
            raise asyncio.CancelledError("a body's own")

    say(await awaited(asyncio.create_task(work())))


async def a_deadline_around_a_group():  # S171, S184
    try:
        async with asyncio.timeout(0.02):
            async with asyncio.TaskGroup() as group:
                group.create_task(watched("child", 500))
    except TimeoutError:
        say(f"timeout {asyncio.current_task().cancelling()}")


async def the_count_is_the_same_afterwards():  # S192
    me = asyncio.current_task()
    for fails in (False, True):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(5, "x") if fails else after(5))
                await asyncio.sleep(0.01)
        except ExceptionGroup:
            say("failed")
        say(me.cancelling())
        await asyncio.sleep(0)


async def a_body_that_swallows_the_cancellation():  # S182, S184
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(10, "child"))
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                say(f"swallowed {asyncio.current_task().cancelling()}")
            await asyncio.sleep(0.01)
            say("the body ends by itself")
    except ExceptionGroup as errors:
        say(f"{_members(errors)} {asyncio.current_task().cancelling()}")


@since("3.15")
async def ending_a_group_early():  # S190
    async with asyncio.TaskGroup() as group:
        group.create_task(watched("child", 500))
        await asyncio.sleep(0)
        group.cancel()
        say("the body goes on")
        await asyncio.sleep(1)
        say("never")
    say(f"left without an error {asyncio.current_task().cancelling()}")
    group.cancel()
    await asyncio.sleep(0)


@since("3.15")
async def ending_a_group_before_it_begins():  # S190
    group = asyncio.TaskGroup()
    group.cancel()
    async with group:
        say("the body begins")
        await asyncio.sleep(1)
        say("never")
    say("left")


@since("3.15")
async def ending_the_inner_of_two_groups():  # S190
    async with asyncio.TaskGroup() as outer:
        outer.create_task(watched("outer", 50))
        async with asyncio.TaskGroup() as inner:
            inner.create_task(watched("inner", 500))
            await asyncio.sleep(0)
            inner.cancel()
            inner.cancel()
        say(f"the inner one is left {asyncio.current_task().cancelling()}")
    say("both are left")


@since("3.15")
async def ending_a_group_that_somebody_cancels():  # S190
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(watched("child", 500))
            await asyncio.sleep(0)
            group.cancel()
            asyncio.current_task().cancel("outside")
            await asyncio.sleep(1)

    task = asyncio.create_task(main())
    say(shown((await asyncio.gather(task, return_exceptions=True))[0])[:14])
    say(f"{task.cancelled()} {task.cancelling()}")


@since("3.15")
async def joining_a_group_that_ends():  # S178, S190
    async def never():
        say("never")

    async with asyncio.TaskGroup() as group:
        group.create_task(watched("child", 500))
        await asyncio.sleep(0)
        group.cancel()
        say(outcome(lambda: group.create_task(never()))[-16:])
    say(repr(group))


@since("3.15")
async def a_child_ends_the_group():  # S190
    async with asyncio.TaskGroup() as group:

        async def found():
            await asyncio.sleep(0.01)
            group.cancel()

        group.create_task(watched("slow", 500))
        group.create_task(found())
    say("left")


@since("3.15")
async def ending_a_group_that_fails():  # S190
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(10, "a failure"))
            await asyncio.sleep(0.02)
    except ExceptionGroup as errors:
        say(_members(errors))
        group.cancel()
    try:
        async with asyncio.TaskGroup() as group:
            group.cancel()
            raise Oops("from the body")
    except ExceptionGroup as errors:
        say(_members(errors))


async def cancelled_from_outside_while_a_body_that_failed_is_leaving():  # S184, S186
    async def work():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_slow_to_end())
                await asyncio.sleep(0)
                raise Oops("the body")
        except ExceptionGroup as errors:
            say(f"{_members(errors)} {asyncio.current_task().cancelling()}")
            await asyncio.sleep(0)
            say("never")

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel("outside")
    say(await awaited(task))


async def _slow_to_end():
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        await asyncio.sleep(0.05)
