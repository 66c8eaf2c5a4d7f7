"""Running, stopping and closing a loop; which loop runs. Rules S24 to S43."""
import asyncio

from support import Oops, new_loop, outcome, say, since


def stop_before_the_run_means_one_iteration():  # S27
    loop = new_loop()
    loop.call_soon(lambda: (say("one"), loop.call_soon(say, "two")))
    loop.stop()
    loop.run_forever()
    say("between")
    loop.stop()
    loop.run_forever()
    loop.close()


def stop_does_not_cut_an_iteration_short():  # S26
    loop = new_loop()
    loop.call_soon(say, "before")
    loop.call_soon(loop.stop)
    loop.call_soon(lambda: (say("after"), loop.call_soon(say, "in the next run")))
    loop.run_forever()
    say("stopped")
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()


def stopping_twice_is_stopping_once():  # S28
    loop = new_loop()
    loop.call_soon(loop.stop)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.call_soon(lambda: loop.call_soon(lambda: (say("two iterations later"), loop.stop())))
    loop.run_forever()
    loop.close()


def run_until_complete_gives_the_result():  # S29, S31
    loop = new_loop()

    async def answer():
        return 42

    async def fail():
        raise Oops("failed")

    say(loop.run_until_complete(answer()))
    say(outcome(lambda: loop.run_until_complete(fail())))
    future = loop.create_future()
    future.set_result("done already")
    say(loop.run_until_complete(future))
    future = loop.create_future()
    loop.call_later(1, future.set_result, "after a second")
    say(loop.run_until_complete(future))
    cancelled = loop.create_future()
    cancelled.cancel("by hand")
    say(outcome(lambda: loop.run_until_complete(cancelled)))
    loop.close()


def a_run_that_is_stopped_too_early():  # S30
    loop = new_loop()
    future = loop.create_future()
    loop.call_soon(loop.stop)
    say(outcome(lambda: loop.run_until_complete(future)))
    say(future.done())

    async def quick():
        return "in one step"

    loop.stop()
    say(loop.run_until_complete(quick()))
    loop.close()


def callbacks_beside_the_stop_still_run():  # S32
    loop = new_loop()
    future = loop.create_future()
    loop.call_soon(lambda: (future.set_result("result"), loop.call_soon(say, "same iteration")))
    say(loop.run_until_complete(future))
    loop.close()


def another_loops_future_is_refused():  # S29
    loop = new_loop()
    other = new_loop()
    say(outcome(lambda: loop.run_until_complete(other.create_future())))
    loop.close()
    other.close()


@since("3.14")  # gh-130145: a refused run_forever() of 3.13.0 makes the running loop forget that it runs
async def a_running_loop_cannot_be_run_or_closed():  # S24, S36
    loop = asyncio.get_running_loop()
    say(outcome(loop.run_forever))
    say(outcome(lambda: loop.run_until_complete(loop.create_future())))
    say(outcome(loop.close))
    other = new_loop()
    say(outcome(other.run_forever))
    say(outcome(lambda: other.run_until_complete(other.create_future())))
    say(f"{loop.is_running()} {other.is_running()} {asyncio.get_running_loop() is loop}")
    other.close()
    say(f"{loop.is_closed()} {other.is_closed()}")


def a_closed_loop_refuses():  # S37
    loop = new_loop()
    loop.close()
    loop.close()

    async def never():
        say("never")

    def create():
        coroutine = never()
        try:
            return loop.create_task(coroutine)
        finally:
            coroutine.close()

    def run():
        coroutine = never()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            coroutine.close()

    say(outcome(lambda: loop.call_soon(say, "x")))
    say(outcome(lambda: loop.call_later(1, say, "x")))
    say(outcome(lambda: loop.call_at(1, say, "x")))
    say(outcome(lambda: loop.call_soon_threadsafe(say, "x")))
    say(outcome(create))
    say(outcome(loop.run_forever))
    say(outcome(run))
    say(outcome(lambda: loop.run_until_complete(loop.create_future())))
    loop.stop()
    say(f"{loop.is_closed()} {loop.is_running()} {loop.create_future().done()}")


def completing_a_future_of_a_closed_loop():  # S71
    loop = new_loop()
    quiet = loop.create_future()
    future = loop.create_future()
    future.add_done_callback(lambda _: say("never"))
    loop.close()
    quiet.set_result(1)
    say(outcome(lambda: future.set_result(2)))
    say(f"{quiet.result()} {future.done()} {future.result()}")


def an_exit_leaves_the_loop_at_once():  # S57
    loop = new_loop()

    def leave():
        raise KeyboardInterrupt

    loop.call_soon(say, "before")
    loop.call_soon(leave)
    loop.call_soon(say, "left over")
    say(outcome(loop.run_forever))
    say(f"{loop.is_running()} {loop.is_closed()}")
    loop.call_soon(loop.stop)
    loop.call_soon(say, "new")
    loop.run_forever()
    loop.close()


def a_task_that_exits():  # S34, S87
    loop = new_loop()

    async def leave():
        await asyncio.sleep(0)
        raise SystemExit

    task = loop.create_task(leave())
    say(outcome(lambda: loop.run_until_complete(task)))
    say(f"{task.done()} {task.cancelled()} {outcome(task.result)}")
    loop.call_later(1, lambda: (say("the next run is whole"), loop.stop()))
    loop.run_forever()
    loop.close()


def which_loop_is_current():  # S25, S41, S42
    asyncio.set_event_loop(None)
    say(outcome(asyncio.get_running_loop))
    loop = new_loop()
    asyncio.set_event_loop(loop)
    say(asyncio.get_event_loop() is loop)
    say(outcome(asyncio.get_running_loop))
    other = new_loop()

    async def inside():
        return asyncio.get_event_loop() is other and asyncio.get_running_loop() is other

    say(other.run_until_complete(inside()))
    say(asyncio.get_event_loop() is loop)
    asyncio.set_event_loop(None)
    loop.close()
    other.close()


@since("3.14")  # the same
def nested_calls_inside_callbacks():  # S24
    loop = new_loop()
    loop.call_soon(lambda: say(outcome(loop.run_forever)))
    loop.call_soon(lambda: say(loop.is_running()))
    loop.call_soon(loop.stop)
    loop.run_forever()
    say(loop.is_running())
    loop.close()


def a_loop_runs_again_and_again():  # S28, S31
    loop = new_loop()
    count = 0

    async def step():
        nonlocal count
        count += 1
        await asyncio.sleep(1)
        return count

    start = loop.time()
    say(sum(loop.run_until_complete(step()) for _ in range(4)))
    say(round(loop.time() - start))
    loop.close()


def an_error_in_a_callback_does_not_end_the_run():  # S56
    loop = new_loop()
    loop.set_exception_handler(lambda _, context: say(f"reported {context['exception']}"))

    def fail():
        raise Oops("in a callback")

    loop.call_soon(fail)
    loop.call_soon(say, "goes on")
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()


def a_task_left_over_from_a_run():  # S30, S97
    loop = new_loop()
    reports = []
    loop.set_exception_handler(lambda _, context: reports.append(context["message"]))

    async def background():
        say("background begins")
        await asyncio.sleep(1)
        say("background ends")

    async def main():
        task = asyncio.create_task(background())
        await asyncio.sleep(0)
        return task

    task = loop.run_until_complete(main())
    say(task.done())
    loop.run_until_complete(task)
    say(f"{task.done()} {reports}")
    loop.close()


def the_debug_flag():  # S49
    loop = new_loop()
    say(loop.get_debug())
    loop.set_debug(True)
    say(loop.get_debug())
    loop.close()


def closing_with_pending_tasks():  # S36, S97, S359
    loop = new_loop()
    loop.set_exception_handler(lambda _, context: say(f"{context['message']} {context['task'].get_name()}"))

    loop.create_task(asyncio.sleep(100), name="sleeper")
    loop.stop()
    loop.run_forever()
    loop.close()
