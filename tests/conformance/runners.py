"""run() and Runner: the way in and the way out. Rules S221 to S227."""
import asyncio
import contextvars

from support import ClockworkLoop, Oops, new_loop, outcome, say

user = contextvars.ContextVar("user", default="nobody")


def run_gives_the_result():  # S221
    async def main():
        await asyncio.sleep(1)
        return "result"

    async def fail():
        raise Oops("failed")

    async def cancelled():
        asyncio.current_task().cancel("myself")
        await asyncio.sleep(0)

    say(asyncio.run(main(), loop_factory=new_loop))
    say(outcome(lambda: asyncio.run(fail(), loop_factory=new_loop)))
    say(outcome(lambda: asyncio.run(cancelled(), loop_factory=new_loop)))


async def run_inside_a_running_loop():  # S221
    async def never():
        say("never")

    def refused(runner):
        coroutine = never()
        try:
            return outcome(lambda: runner(coroutine))
        finally:
            coroutine.close()

    say(refused(asyncio.run))
    runner = asyncio.Runner(loop_factory=new_loop)
    say(refused(runner.run))
    runner.close()


def what_is_left_is_cancelled():  # S227
    async def background():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            say("cancelled at the end")
            await asyncio.sleep(1)
            say("after a second of cleaning up")
            raise

    async def main():
        main.task = asyncio.create_task(background())
        await asyncio.sleep(0)
        return "main ends"

    say(asyncio.run(main(), loop_factory=new_loop))
    say(main.task.cancelled())


def what_fails_at_the_end_is_reported():  # S227
    async def stubborn():
        try:
            await asyncio.sleep(100)
        finally:
            raise Oops("while being cancelled")

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, c: say(f"{c['message']}: {c['exception']} {c['task'].get_name()}"))
        main.task = asyncio.create_task(stubborn(), name="stubborn")
        await asyncio.sleep(0)

    asyncio.run(main(), loop_factory=new_loop)
    say("ended")


def what_swallows_the_cancellation_at_the_end():  # S227
    async def stubborn():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            return "stayed"

    async def main():
        main.task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)

    asyncio.run(main(), loop_factory=new_loop)
    say(f"{main.task.result()} {main.task.cancelled()}")


def several_runs_of_one_runner():  # S222, S223
    async def work(name):
        before = user.get()
        user.set(name)
        return f"{before} {asyncio.get_running_loop() is runner.get_loop()}"

    with asyncio.Runner(loop_factory=new_loop) as runner:
        say(runner.run(work("one")))
        say(runner.run(work("two")))
        given = contextvars.copy_context()
        say(runner.run(work("given"), context=given))
        say(f"{runner.run(work('three'))} {given[user]}")
    say(user.get())


def a_closed_runner():  # S222
    async def never():
        say("never")

    runner = asyncio.Runner(loop_factory=new_loop)
    say(runner.get_loop().is_closed())
    runner.close()
    runner.close()
    say(outcome(runner.get_loop))
    coroutine = never()
    say(outcome(lambda: runner.run(coroutine)))
    coroutine.close()
    unused = asyncio.Runner()
    unused.close()
    say("closed without a loop")


def tasks_live_from_run_to_run():  # S223
    async def tick(n):
        await asyncio.sleep(n)
        say(f"tick {n}")

    async def start():
        start.tasks = [asyncio.create_task(tick(n)) for n in (1, 2, 3)]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(start())
        say("between")
        runner.run(asyncio.sleep(1.5))
        say([task.done() for task in start.tasks].count(True))
    say([task.cancelled() for task in start.tasks].count(True))


def which_loop_is_set():  # S222
    asyncio.set_event_loop(None)
    runner = asyncio.Runner(loop_factory=new_loop)
    loop = runner.get_loop()
    say(outcome(asyncio.get_running_loop))
    say(isinstance(loop, ClockworkLoop))

    async def inside():
        return asyncio.get_event_loop() is loop

    say(runner.run(inside()))
    runner.close()


def the_debug_argument():  # S222
    async def mode():
        return asyncio.get_running_loop().get_debug()

    say(asyncio.run(mode(), debug=True, loop_factory=new_loop))
    say(asyncio.run(mode(), debug=False, loop_factory=new_loop))
    say(asyncio.run(mode(), loop_factory=new_loop))
    runner = asyncio.Runner(debug=True, loop_factory=new_loop)
    say(runner.get_loop().get_debug())
    runner.close()


def an_error_leaves_the_runner_usable():  # S222
    async def fail():
        raise Oops("first")

    async def work():
        return "second"

    with asyncio.Runner(loop_factory=new_loop) as runner:
        say(outcome(lambda: runner.run(fail())))
        say(runner.run(work()))


def an_exit_out_of_main():  # S87, S227
    async def background():
        try:
            await asyncio.sleep(100)
        finally:
            say("background cleaned up")

    async def main():
        main.task = asyncio.create_task(background())
        await asyncio.sleep(0)
        raise SystemExit

    say(outcome(lambda: asyncio.run(main(), loop_factory=new_loop)))
    say(main.task.cancelled())


def the_name_of_the_main_task():  # S360
    async def main():
        return asyncio.current_task().get_name().startswith("Task-")

    say(asyncio.run(main(), loop_factory=new_loop))
