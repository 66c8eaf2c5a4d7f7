"""A task type that is not asyncio's, and what happens where it forgets a call. Rules S115 to S123."""
import asyncio
from asyncio import tasks

from support import Oops, awaited, new_loop, outcome, say, shown

GOOD = "nothing"


class ForeignTask(asyncio.Future):
    """A task written anew. Four calls make it visible; `forgets` names one that it leaves out."""

    def __init__(self, coro, *, loop, name="foreign", context=None, forgets=GOOD):
        super().__init__(loop=loop)
        self.coro, self.name, self.context, self.forgets = coro, name, context, forgets
        self.waits_for, self.must_cancel, self.requests, self.message = None, False, 0, None
        loop.call_soon(self.step, context=context)
        if forgets != "register":
            tasks._register_task(self)

    def __repr__(self):
        state = "cancelling" if self.requests and not self.done() else self._state.lower()
        result = f" result={self.result()!r}" if state == "finished" and self._exception is None else ""
        return f"<ForeignTask {state} name='{self.name}'{result}>"

    def get_name(self):
        return self.name

    def set_name(self, name):
        self.name = name

    def cancelling(self):
        return self.requests

    def uncancel(self):
        self.requests = max(self.requests - 1, 0)
        if self.requests == 0:
            self.must_cancel = False
        return self.requests

    def cancel(self, msg=None):
        if self.done():
            return False
        self.requests += 1
        if self.waits_for is None or not self.waits_for.cancel(msg=msg):
            self.must_cancel, self.message = True, msg
        return True

    def step(self, error=None):
        loop = self.get_loop()
        if self.must_cancel and not isinstance(error, asyncio.CancelledError):
            error = asyncio.CancelledError() if self.message is None else asyncio.CancelledError(self.message)
        self.must_cancel, self.waits_for = False, None
        if self.forgets != "enter":
            tasks._enter_task(loop, self)
        try:
            self.resume(error)
        finally:
            if self.forgets != "leave":
                tasks._leave_task(loop, self)
        if self.done() and self.forgets != "unregister":
            tasks._unregister_task(self)

    def resume(self, error):
        try:
            stopped_for = self.coro.throw(error) if error else self.coro.send(None)
        except StopIteration as end:
            self.set_result(end.value)
        except asyncio.CancelledError as cancelled:
            super().cancel(*cancelled.args)
        except Exception as failed:
            self.set_exception(failed)
        else:
            self.stop(stopped_for)

    def stop(self, future):
        loop = self.get_loop()
        if future is None:
            loop.call_soon(self.step, context=self.context)
        elif future is self:
            loop.call_soon(self.step, RuntimeError(f"Task cannot await on itself: {self!r}"), context=self.context)
        else:
            future._asyncio_future_blocking = False
            future.add_done_callback(self.wake_up, context=self.context)
            self.waits_for = future
            if self.must_cancel and future.cancel(msg=self.message):
                self.must_cancel = False

    def wake_up(self, future):
        try:
            future.result()
        except BaseException as error:
            self.step(error)
        else:
            self.step()


def _start(coro, name="foreign", forgets=GOOD):
    return ForeignTask(coro, loop=asyncio.get_running_loop(), name=name, forgets=forgets)


def _factory(loop, coro, context=None, **_):
    return ForeignTask(coro, loop=loop, context=context)


def _names():
    return " ".join(sorted(task.get_name() for task in asyncio.all_tasks()))


def _current():
    task = asyncio.current_task()
    return task.get_name() if task else "None"


def _report(_, context):
    say(f"{context['message'][:21]}: {shown(context.get('exception'))}")


async def _wait(name):
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError as error:
        say(f"{name} is told {error.args}")
        raise


async def it_is_seen_like_any_other():  # S115, S120, S123
    asyncio.current_task().set_name("main")

    async def look():
        say(f"{_current()} of {_names()}")
        await asyncio.sleep(1)
        say(f"{_current()} of {_names()}")
        return "done"

    task = _start(look())
    say(f"{_current()} of {_names()}")
    say(await task)
    say(f"{_current()} of {_names()}")


async def it_awaits_and_is_awaited():  # S92, S123
    async def work(value):
        await asyncio.sleep(1)
        return value

    async def fail():
        raise Oops("failed")

    async def sum_up(*awaitables):
        return sum([await awaitable for awaitable in awaitables])

    one, two = asyncio.create_task(work(1)), _start(work(2))
    say(await _start(sum_up(one, two, work(3))))
    say(await awaited(_start(sum_up(one, _start(fail())))))
    holder = []

    async def itself():
        await holder[0]

    holder.append(_start(itself(), "me"))
    say(await awaited(holder[0]))


async def it_is_cancelled():  # S99 to S103, S109, S112
    early = _start(_wait("early"))
    say(early.cancel("at once"))
    say(await awaited(early))
    late = _start(_wait("late"))
    await asyncio.sleep(1)
    say(f"{late.cancel('later')} {late.cancelled()} {late.cancelling()}")
    say(await awaited(late))
    say(f"{late.cancel()} {late.cancelled()} {late.cancelling()}")

    async def by_itself(takes_back):
        asyncio.current_task().cancel("myself")
        if takes_back:
            asyncio.current_task().uncancel()
        await asyncio.sleep(0)
        return "not cancelled"

    say(await awaited(_start(by_itself(True))))
    say(await awaited(_start(by_itself(False))))


async def it_is_a_child_of_a_group():  # S181, S182, S185
    asyncio.get_running_loop().set_task_factory(_factory)

    async def fail():
        await asyncio.sleep(1)
        raise Oops("failed")

    try:
        async with asyncio.TaskGroup() as group:
            child = group.create_task(_wait("a sibling"))
            group.create_task(_wait("a sibling"))
            group.create_task(fail())
    except ExceptionGroup as errors:
        say(f"{errors.message} {len(errors.exceptions)}")
    say(f"{type(child).__name__} {child.cancelled()} {asyncio.current_task().cancelling()}")


async def it_is_the_parent_of_a_group():  # S183, S184, S186
    async def fail():
        await asyncio.sleep(1)
        raise Oops("failed")

    async def parent(child):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child())
                await _wait("body")
        except ExceptionGroup as errors:
            say(f"{errors.message} {len(errors.exceptions)}")
        return asyncio.current_task().cancelling()

    say(await _start(parent(fail)))
    task = _start(parent(lambda: _wait("child")))
    await asyncio.sleep(1)
    task.cancel("outside")
    say(await awaited(task))
    say(task.cancelling())


async def it_has_timeouts():  # S170, S171, S174, S176
    async def slow(outer, inner):
        try:
            async with asyncio.timeout(outer):
                try:
                    async with asyncio.timeout(inner):
                        await asyncio.sleep(100)
                except TimeoutError:
                    say("the inner one")
        except TimeoutError:
            say("the outer one")
        await asyncio.sleep(1)
        return asyncio.current_task().cancelling()

    say(await _start(slow(5, 1)))
    say(await _start(slow(1, 5)))
    task = _start(slow(1, None))
    asyncio.get_running_loop().call_later(1, task.cancel, "outside")
    say(await awaited(task))
    say(task.cancelling())


async def it_is_waited_for_in_every_way():  # S136, S145, S150, S154, S158
    async def work(value, seconds):
        await asyncio.sleep(seconds)
        return value

    say(await asyncio.gather(_start(work("a", 2)), _start(work("b", 1))))
    done, pending = await asyncio.wait([_start(work("c", 1)), _start(work("d", 2))], timeout=1.5)
    say(f"{len(done)} {len(pending)}")
    say(await awaited(asyncio.wait_for(_start(_wait("e")), 1)))
    say(await awaited(asyncio.wait_for(_start(_wait("f")), 0)))
    say(await asyncio.shield(_start(work("g", 1))))
    for task in asyncio.as_completed([_start(work("h", 2)), _start(work("i", 1))]):
        say(await task)


def it_is_cancelled_at_the_end_of_the_run():  # S123, S227
    async def main():
        main.task = _start(_wait("left behind"))
        await asyncio.sleep(0)

    asyncio.run(main(), loop_factory=new_loop)
    say(main.task.cancelled())


async def where_it_does_not_register():  # S119, S120
    asyncio.current_task().set_name("main")

    async def look():
        say(f"{_current()} of {_names()}")
        await asyncio.sleep(0)

    say(await awaited(_start(look(), forgets="register")))


def what_does_not_register_outlives_the_run():  # S119, S227
    async def main():
        main.task = _start(_wait("never"), forgets="register")
        await asyncio.sleep(0)

    asyncio.run(main(), loop_factory=new_loop)
    say(main.task.done())
    main.task.coro.close()


async def where_it_does_not_enter():  # S116, S168, S177
    asyncio.get_running_loop().set_exception_handler(_report)

    async def under(block):
        async with block:
            say("never")

    async def look():
        say(_current())
        say(await awaited(under(asyncio.timeout(1))))
        say((await awaited(under(asyncio.TaskGroup())))[-32:])
        await asyncio.sleep(0)
        say(_current())
        return "done"

    say(await _start(look(), forgets="enter"))


def where_it_does_not_leave():  # S116
    async def look():
        say(_current())
        await asyncio.sleep(0)
        say("never")

    async def other():
        say("never")

    def start():
        tasks_[:] = [_start(look(), "it", "leave"), _start(other(), "other")]

    tasks_ = []
    loop = new_loop()
    loop.set_exception_handler(_report)
    loop.call_soon(start)
    loop.call_later(1, lambda: say(_current()))
    loop.call_later(2, lambda: tasks._leave_task(loop, tasks_[0]))
    loop.call_later(3, lambda: say(_current()))
    loop.call_later(4, loop.stop)
    loop.run_forever()
    say(f"{tasks_[0].done()} {tasks_[1].done()}")
    for task in tasks_:
        task.coro.close()
    loop.close()


async def where_it_does_not_unregister():  # S119, S120
    asyncio.current_task().set_name("main")

    async def look():
        await asyncio.sleep(0)
        say(f"{_current()} of {_names()}")

    task = _start(look(), forgets="unregister")
    await task
    say(f"{_current()} of {_names()}")
    say(task.done())


def calls_that_do_not_fit():  # S116
    async def never():
        pass

    def act():
        one, two = _start(never(), "one"), _start(never(), "two")
        say(outcome(lambda: tasks._leave_task(loop, one)))
        tasks._enter_task(loop, one)
        say(outcome(lambda: tasks._enter_task(loop, one)))
        say(outcome(lambda: tasks._enter_task(loop, two)))
        say(outcome(lambda: tasks._leave_task(loop, two)))
        say(_current())
        tasks._leave_task(loop, one)
        tasks._unregister_task(one)
        tasks._unregister_task(one)
        tasks._register_task(two)
        say(_names())

    loop = new_loop()
    loop.call_soon(act)
    loop.call_later(1, loop.stop)
    loop.run_forever()
    loop.close()
