#!/usr/bin/env python3
"""Runs programs on CPython's asyncio: one in each line of the input, as programs.py makes them.

    python3.13 tests/conformance/differential/on_cpython.py < programs

For each it prints "== " with its number, counted from 0, and what it says: the time in ticks, the task, the step, and
how that went. machine.hpp and what belongs to it is the same in C++; the steps stand in the same order here and there.
"""
import asyncio
import contextvars
import gc
import json
import pathlib
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # for support.py

import fixed_orders  # noqa: E402
import support  # noqa: E402
from support import Oops  # noqa: E402
from task_group import TaskGroup  # noqa: E402

TICK = 1 / 512  # in seconds; a floating point number holds each multiple of it
PATIENCE = 2000  # ticks, after which everything that still waits is cancelled
CANCELLATIONS = 12  # how often that happens
TOO_DEEP = "recursion"  # all that is printed of a program in which CPython's recursion went too deep



def shown(error):
    """An exception in few words. The texts of plain RuntimeErrors name objects by their address, and are left away."""
    if isinstance(error, RecursionError):
        Machine.too_deep = True
    if isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__}[{', '.join(map(shown, error.exceptions))}]"
    if isinstance(error, (RuntimeError, StopAsyncIteration, SystemExit)) and type(error).__module__ == "builtins":
        return type(error).__name__
    return support.shown(error)


def error_called(name):
    errors = {"oops": Oops, "cancel": asyncio.CancelledError, "timeout": TimeoutError}
    if name in errors:
        return errors[name]("by hand")
    return KeyboardInterrupt() if name == "interrupt" else SystemExit(1)


def state(future):
    if not future.done():
        return "pending"
    if future.cancelled():
        return "cancelled"
    return shown(future.exception()) if future.exception() else str(future.result())


class Scope:
    """What the steps of one script have for themselves."""

    def __init__(self):
        self.groups = []  # those around the step, the innermost last
        self.timeouts = []  # likewise
        self.result = 0  # what the script will return


NOWHERE = Scope()  # callbacks are in no group and under no timeout


class Machine:
    """Runs one program. A step "name" is the method do_name, with the step's arguments after its scope."""

    too_deep = False

    def __init__(self, program):
        self.program = program
        self.lines = []
        self.closed = False  # what is destroyed after the end says no more

    async def main(self):
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self.report)
        self.first_task = fixed_orders.number_of(asyncio.current_task())
        self.futures = [self.loop.create_future() for _ in range(3)]
        self.tasks, self.outer, self.handles, self.callbacks, self.generators = [], [], [], [], []
        self.lock, self.event = asyncio.Lock(), asyncio.Event()
        self.shared_group = TaskGroup()
        self.context = contextvars.copy_context()
        self.variable = contextvars.ContextVar("variable", default=0)
        self.count = 0
        self.do_configure(NOWHERE, "Queue", 2, 2, False, 2, False)
        for n in range(1, CANCELLATIONS + 1):
            self.loop.call_later(n * PATIENCE * TICK, self.cancel_all)
        return await self.script(self.program)

    def cancel_all(self):
        for task in fixed_orders.all_tasks():
            task.cancel("too late")

    def report(self, loop, context):
        if "handle" in context:
            self.say("reported " + shown(context.get("exception")))

    # ---- Running steps ----

    async def script(self, steps):
        scope = Scope()
        try:
            await self.run(steps, scope)
        except GeneratorExit:
            raise
        except BaseException as error:
            self.say("ends with " + shown(error))
            raise
        self.say(f"returns {scope.result}")
        return scope.result

    async def run(self, steps, scope):
        for step in steps:
            await self.step(step, scope)

    async def step(self, step, scope):
        name, *arguments = step
        do = getattr(self, "do_" + name)
        if not asyncio.iscoroutinefunction(do):
            return self.step_at_once(step, scope)
        result = await do(scope, *arguments)
        self.say(name if result is None else f"{name}: {result}")

    def step_at_once(self, step, scope):
        """A step that cannot wait; its errors go no further."""
        name, *arguments = step
        try:
            result = getattr(self, "do_" + name)(scope, *arguments)
            if result is not None:
                self.say(f"{name}: {result}")
        except BaseException as error:
            self.say(f"{name} fails: {shown(error)}")

    def run_at_once(self, steps):
        for step in steps:
            self.step_at_once(step, NOWHERE)

    def say(self, text):
        task = asyncio.current_task()
        who = "-" if task is None else f"T{fixed_orders.number_of(task) - self.first_task}"
        if not self.closed:
            self.lines.append(f"{round(self.loop.time() / TICK)} {who} {text}")

    # ---- What arguments name ----

    def chosen(self, things, index):
        return things[index % len(things)] if things else None

    def awaitable(self, name):
        """A task, but for the one that runs, or else a future."""
        kind, index = name
        task = self.chosen(self.tasks, index) if kind == "task" else None
        return self.chosen(self.futures, index) if task is None or task is asyncio.current_task() else task

    def awaitables(self, names):
        return [self.awaitable(name) for name in names]

    def scripts(self, bodies):
        return [self.script(steps) for steps in bodies]

    def seconds(self, delay):
        return None if delay is None else delay * TICK

    # ---- Steps at once: futures ----

    def do_configure(self, scope, queue, size, value, bounded, parties, shares_the_lock):
        self.queue = getattr(asyncio, queue)(size)
        self.semaphore = (asyncio.BoundedSemaphore if bounded else asyncio.Semaphore)(value)
        self.barrier = asyncio.Barrier(parties)
        self.condition = asyncio.Condition(self.lock if shares_the_lock else None)

    def do_set_result(self, scope, future, value):
        self.futures[future].set_result(value)

    def do_set_exception(self, scope, future):
        self.futures[future].set_exception(Oops(f"of future {future}"))

    def do_set_cancelled_error(self, scope, future):
        self.futures[future].set_exception(asyncio.CancelledError("as an error"))

    def do_cancel_future(self, scope, future):
        return self.futures[future].cancel("the future")

    def do_new_future(self, scope, future):
        self.futures[future] = self.loop.create_future()

    def do_start_gather(self, scope, names, return_exceptions):
        self.outer.append(asyncio.gather(*self.awaitables(names), return_exceptions=return_exceptions))

    def do_start_gather_of_scripts(self, scope, bodies, return_exceptions):
        self.outer.append(asyncio.gather(*self.scripts(bodies), return_exceptions=return_exceptions))

    def do_start_shield(self, scope, name):
        self.outer.append(asyncio.shield(self.awaitable(name)))

    def do_cancel_outer(self, scope, index):
        outer = self.chosen(self.outer, index)
        return None if outer is None else outer.cancel("the outer future")

    # ---- Steps at once: tasks ----

    def do_create_task(self, scope, steps, eager):
        self.tasks.append(asyncio.Task(self.script(steps), loop=self.loop, eager_start=eager))

    def do_create_task_in_context(self, scope, steps):
        self.tasks.append(asyncio.create_task(self.script(steps), context=self.context))

    def do_create_task_in_group(self, scope, steps, eager):
        if scope.groups:
            self.tasks.append(scope.groups[-1].create_task(self.script(steps), eager))

    def do_cancel_group(self, scope):
        if scope.groups:
            scope.groups[-1].cancel()

    def do_cancel(self, scope, index, message):
        task = self.chosen(self.tasks, index)
        return None if task is None else f"{task.cancel(message)} {task.cancelling()}"

    def do_uncancel(self, scope, index):
        task = self.chosen(self.tasks, index)
        return None if task is None else task.uncancel()

    def do_cancel_self(self, scope, message):
        task = asyncio.current_task()
        return None if task is None else task.cancel(message)

    def do_uncancel_self(self, scope):
        task = asyncio.current_task()
        return None if task is None else task.uncancel()

    def do_cancelling(self, scope):
        task = asyncio.current_task()
        return None if task is None else task.cancelling()

    def do_states(self, scope):
        return ", ".join(map(state, self.futures + self.tasks))

    def do_outer_states(self, scope):
        states = ["pending" if not f.done() else "cancelled" if f.cancelled() else "done" for f in self.outer]
        return ", ".join(states) or "none"

    def do_handle_states(self, scope):
        return ", ".join("cancelled" if handle.cancelled() else "kept" for handle in self.handles) or "none"

    def do_count_tasks(self, scope):
        return len(asyncio.all_tasks())

    # ---- Steps at once: callbacks, contexts, deadlines ----

    def do_call_soon(self, scope, steps):
        self.handles.append(self.loop.call_soon(self.run_at_once, steps))

    def do_call_later(self, scope, ticks, steps):
        self.handles.append(self.loop.call_later(ticks * TICK, self.run_at_once, steps))

    def do_cancel_handle(self, scope, index):
        if self.handles:
            self.chosen(self.handles, index).cancel()

    def do_add_done_callback(self, scope, name, steps):
        def callback(done):
            self.say("callback: " + state(done))
            self.run_at_once(steps)

        future = self.awaitable(name)
        future.add_done_callback(callback)
        self.callbacks.append((future, callback))

    def do_add_done_callback_in_context(self, scope, name, steps):
        def callback(done):
            self.say(f"callback in the context of {self.variable.get()}: {state(done)}")
            self.run_at_once(steps)

        self.awaitable(name).add_done_callback(callback, context=self.context)

    def do_add_callbacks_that_leave(self, scope, name):
        def callback(done):
            self.say(f"callbacks leave: {done.remove_done_callback(callback)}")

        future = self.awaitable(name)
        future.add_done_callback(callback)
        future.add_done_callback(callback)

    def do_remove_done_callback(self, scope, index):
        if self.callbacks:
            future, callback = self.chosen(self.callbacks, index)
            return future.remove_done_callback(callback)

    def do_copy_context(self, scope):
        self.context = contextvars.copy_context()

    def do_run_in_context(self, scope, steps):
        self.context.run(self.run_at_once, steps)

    def do_set_variable(self, scope, value):
        self.variable.set(value)

    def do_get_variable(self, scope):
        return self.variable.get()

    def do_reschedule(self, scope, delay):
        if scope.timeouts:
            scope.timeouts[-1].reschedule(None if delay is None else self.loop.time() + delay * TICK)

    def do_expired(self, scope):
        return scope.timeouts[-1].expired() if scope.timeouts else None

    def do_stop(self, scope):
        self.loop.stop()

    # ---- Steps at once: what tasks share ----

    def do_event_set(self, scope):
        self.event.set()

    def do_event_clear(self, scope):
        self.event.clear()

    def do_semaphore_release(self, scope):
        self.semaphore.release()

    def do_count_up(self, scope):
        self.count += 1

    def do_put_nowait(self, scope, item):
        self.queue.put_nowait(item)

    def do_get_nowait(self, scope):
        return self.queue.get_nowait()

    def do_task_done(self, scope):
        self.queue.task_done()

    def do_shutdown(self, scope, immediate):
        self.queue.shutdown(immediate=immediate)

    def do_primitives(self, scope):
        flags = self.lock.locked(), self.semaphore.locked(), self.condition.locked(), self.event.is_set()
        return f"{' '.join(map(str, flags))} {self.queue.qsize()} {self.barrier.n_waiting}"

    def do_new_generator(self, scope, steps, at_the_end):
        self.generators.append(self.generator(steps, at_the_end, f"generator {len(self.generators)}"))

    async def generator(self, steps, at_the_end, name):
        scope = Scope()
        try:
            for step in steps:
                if step[0] != "yield":
                    await self.step(step, scope)
                    continue
                _, value, afterwards = step
                try:
                    sent = yield value
                    self.say(f"{name} is sent {sent}")
                except GeneratorExit:
                    self.say(f"{name} is to end")
                    raise
                except BaseException as error:
                    self.say(f"{name} catches {shown(error)}")
                    if afterwards == "raise":
                        raise
                    if afterwards == "oops":
                        raise Oops("of a generator")
        except GeneratorExit:
            await self.run(at_the_end, scope)
            self.say(f"{name} has ended")
            raise
        except BaseException as error:
            self.say(f"{name} fails: {shown(error)}")
            await self.run(at_the_end, scope)
            raise
        self.say(f"{name} ends")
        await self.run(at_the_end, scope)

    # ---- Steps that may wait: awaiting ----

    async def do_sleep(self, scope, ticks):
        await asyncio.sleep(ticks * TICK)

    async def do_await(self, scope, name):
        return await self.awaitable(name)

    async def do_await_shield(self, scope, name):
        return await asyncio.shield(self.awaitable(name))

    async def do_await_outer(self, scope, index):
        if self.outer:
            await self.chosen(self.outer, index)

    async def do_gather(self, scope, names, return_exceptions):
        results = await asyncio.gather(*self.awaitables(names), return_exceptions=return_exceptions)
        return self.outcomes(results)

    async def do_gather_scripts(self, scope, bodies, return_exceptions):
        results = await asyncio.gather(*self.scripts(bodies), return_exceptions=return_exceptions)
        return self.outcomes(results)

    def outcomes(self, results):
        return ", ".join(shown(r) if isinstance(r, BaseException) else str(r) for r in results)

    async def do_wait(self, scope, names, delay, return_when):
        done, pending = await asyncio.wait(
            self.awaitables(names), timeout=self.seconds(delay), return_when=return_when
        )
        return f"{len(done)} done, {len(pending)} pending"

    async def do_wait_for(self, scope, name, delay):
        return await asyncio.wait_for(self.awaitable(name), self.seconds(delay))

    async def do_wait_for_script(self, scope, steps, delay):
        return await asyncio.wait_for(self.script(steps), self.seconds(delay))

    async def do_as_completed(self, scope, names, delay):
        async for done in asyncio.as_completed(self.awaitables(names), timeout=self.seconds(delay)):
            try:
                self.say(f"completed: {await done}")
            except Exception as error:
                self.say("completed: " + shown(error))

    async def do_first_completed(self, scope, names, delay):
        async for done in asyncio.as_completed(self.awaitables(names), timeout=self.seconds(delay)):
            return state(done)

    # ---- Steps that may wait: control ----

    async def do_raise(self, scope, error):
        raise error_called(error)

    async def do_return_at_the_end(self, scope, value):
        scope.result = value

    async def do_try(self, scope, steps, afterwards, handler):
        try:
            await self.run(steps, scope)
        except GeneratorExit:
            raise
        except BaseException as error:
            self.say(f"caught {shown(error)} at {asyncio.current_task().cancelling()}")
            await self.run(handler, scope)
            if afterwards == "raise":
                raise
            if afterwards == "oops":
                raise Oops("of a handler")

    async def do_finally(self, scope, steps, cleanup):
        try:
            await self.run(steps, scope)
        except GeneratorExit:
            raise
        except BaseException:
            await self.run(cleanup, scope)
            raise
        await self.run(cleanup, scope)

    async def do_repeat(self, scope, times, steps):
        for _ in range(times):
            await self.run(steps, scope)

    async def do_timeout(self, scope, delay, steps):
        timeout = asyncio.timeout(self.seconds(delay))
        scope.timeouts.append(timeout)
        try:
            async with timeout:
                await self.run(steps, scope)
        finally:
            scope.timeouts.pop()
        return timeout.expired()

    async def do_task_group(self, scope, steps):
        group = TaskGroup()
        scope.groups.append(group)
        try:
            async with group:
                await self.run(steps, scope)
        finally:
            scope.groups.pop()

    async def do_shared_group(self, scope, steps):
        """The same group for all, which only the first may enter."""
        async with self.shared_group:
            scope.groups.append(self.shared_group)
            try:
                await self.run(steps, scope)
            finally:
                scope.groups.pop()

    # ---- Steps that may wait: what tasks share ----

    async def do_lock(self, scope, steps):
        await self.holding(self.lock, steps, scope)

    async def do_semaphore(self, scope, steps):
        await self.holding(self.semaphore, steps, scope)

    async def do_condition(self, scope, steps):
        await self.holding(self.condition, steps, scope)

    async def holding(self, primitive, steps, scope):
        async with primitive:
            self.say(type(primitive).__name__ + " acquired")
            await self.run(steps, scope)

    async def do_condition_wait(self, scope):
        return await self.condition.wait()

    async def do_condition_wait_for(self, scope, count):
        return await self.condition.wait_for(lambda: self.count >= count)

    async def do_notify(self, scope, times):
        self.condition.notify(times)

    async def do_notify_all(self, scope):
        self.condition.notify_all()

    async def do_event_wait(self, scope):
        return await self.event.wait()

    async def do_put(self, scope, item):
        await self.queue.put(item)

    async def do_get(self, scope):
        return await self.queue.get()

    async def do_join(self, scope):
        await self.queue.join()

    async def do_barrier_wait(self, scope):
        return await self.barrier.wait()

    async def do_barrier_reset(self, scope):
        await self.barrier.reset()

    async def do_barrier_abort(self, scope):
        await self.barrier.abort()

    # ---- Steps that may wait: asynchronous generators, those that were not dropped ----
    #
    # No variable holds the generator: an error's traceback would keep it alive.

    async def do_anext(self, scope, index):
        if self.chosen(self.generators, index):
            return await anext(self.chosen(self.generators, index))

    async def do_asend(self, scope, index, value):
        if self.chosen(self.generators, index):
            return await self.chosen(self.generators, index).asend(value)

    async def do_athrow(self, scope, index, error):
        if self.chosen(self.generators, index):
            value = await self.chosen(self.generators, index).athrow(error_called(error))
            if value is None:  # a generator that was closed while this waited
                raise StopAsyncIteration
            return value

    async def do_aclose(self, scope, index):
        if self.chosen(self.generators, index):
            await self.chosen(self.generators, index).aclose()

    async def do_async_for(self, scope, index, times):
        if self.chosen(self.generators, index):
            left = times
            async for value in self.chosen(self.generators, index):
                self.say(f"item: {value}")
                left -= 1
                if left == 0:
                    break

    async def do_drop_generator(self, scope, index):
        """Waits for the loop to begin with its closing: how a generator is closed depends on that."""
        if self.generators:
            self.generators[index % len(self.generators)] = None
            await asyncio.sleep(TICK)


def run(program):
    """What a program prints."""
    machine = Machine(program)
    Machine.too_deep = False
    end = "end"
    try:
        with asyncio.Runner(loop_factory=fixed_orders.Loop) as runner:
            runner.run(machine.main())
    except BaseException as error:
        end += " with " + shown(error)
    machine.closed = True
    return [TOO_DEEP] if Machine.too_deep else [*machine.lines, end]


def main():
    warnings.simplefilter("ignore")  # of coroutines that nobody awaited
    fixed_orders.fix()
    gc.disable()  # a generator is destroyed when the last name of it is gone, and at no other time
    for number, line in enumerate(sys.stdin):
        print(f"== {number}", *run(json.loads(line)), sep="\n", flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
