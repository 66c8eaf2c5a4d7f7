"""Errors that nobody can receive, and the exception handler. Rules S56 to S63, S74, S75."""
import asyncio
import contextvars
import gc

from support import Oops, new_loop, outcome, say, shown

user = contextvars.ContextVar("user", default="nobody")


def _listen(loop):
    """Has every report printed: its first words, the exception, and which keys it has."""

    def report(_, context):
        words = " ".join(context["message"].split()[:3])
        keys = [key for key in ("future", "task", "handle") if key in context]
        say(f"report: {words}: {shown(context.get('exception'))} {keys}")

    loop.set_exception_handler(report)


async def a_failing_callback_is_reported():  # S56
    loop = asyncio.get_running_loop()
    _listen(loop)

    def fail():
        raise Oops("broken")

    loop.call_soon(fail)
    loop.call_later(0, fail)
    loop.call_soon(say, "goes on")
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def a_cancellation_out_of_a_plain_callback_is_reported():  # S56
    loop = asyncio.get_running_loop()
    _listen(loop)

    def fail():
        raise asyncio.CancelledError("not a task")

    loop.call_soon(fail)
    await asyncio.sleep(0)
    say("goes on")


async def a_failing_done_callback_is_reported():  # S56, S68
    loop = asyncio.get_running_loop()
    _listen(loop)
    future = loop.create_future()

    def fail(_):
        raise Oops("done callback")

    future.add_done_callback(fail)
    future.add_done_callback(lambda f: say(f"the next one gets {f.result()}"))
    future.set_result(5)
    await asyncio.sleep(0)


async def a_handler_that_fails():  # S60
    loop = asyncio.get_running_loop()

    def handler(_, context):
        say(f"handling {context['message']}")
        raise Oops("worse")

    loop.set_exception_handler(handler)
    loop.call_exception_handler({"message": "by hand"})
    say("goes on")


async def a_handler_that_exits():  # S61
    loop = asyncio.get_running_loop()

    def handler(_, context):
        raise KeyboardInterrupt

    loop.set_exception_handler(handler)
    say(outcome(lambda: loop.call_exception_handler({"message": "by hand"})))
    loop.set_exception_handler(None)


async def setting_and_getting_the_handler():  # S63
    loop = asyncio.get_running_loop()
    say(loop.get_exception_handler() is not None)
    _listen(loop)
    say(loop.get_exception_handler() is not None)
    loop.call_exception_handler({"message": "a message of four words"})
    loop.call_exception_handler({"message": "with", "exception": Oops("an error")})
    loop.set_exception_handler(None)
    say(loop.get_exception_handler() is not None)


async def the_handler_runs_in_the_context_of_what_failed():  # S59
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say(f"{context['message'].split()[0]} {user.get()}"))

    def fail():
        raise Oops("broken")

    user.set("callback")
    loop.call_soon(fail)
    user.set("main")
    await asyncio.sleep(0)

    async def work():
        user.set("task")
        raise Oops("lost")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    loop.call_exception_handler({"message": "plain"})


async def a_future_whose_error_nobody_saw():  # S75
    loop = asyncio.get_running_loop()
    _listen(loop)
    future = loop.create_future()
    future.set_exception(Oops("lost"))
    say("dropping it")
    del future
    gc.collect()
    say("dropped")


async def a_task_whose_error_nobody_saw():  # S75
    loop = asyncio.get_running_loop()
    _listen(loop)

    async def fail():
        raise Oops("lost")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    say(task.done())
    del task
    gc.collect()
    say("dropped")


async def errors_that_somebody_saw():  # S66, S74, S99
    loop = asyncio.get_running_loop()
    _listen(loop)

    def failed():
        future = loop.create_future()
        future.set_exception(Oops("seen"))
        return future

    say(shown(failed().exception()))
    say(outcome(failed().result))
    say(failed().cancel())

    async def fail():
        raise Oops("seen as well")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    say(task.cancel())
    del task
    gc.collect()
    say("no report")


async def errors_that_another_saw():  # S74, S137
    loop = asyncio.get_running_loop()
    _listen(loop)

    async def fail(text):
        raise Oops(text)

    say(f"gathered {len(await asyncio.gather(fail(1), fail(2), return_exceptions=True))}")
    done, _ = await asyncio.wait([asyncio.create_task(fail("only waited for"))])
    say(f"waited for {len(done)}")
    del done
    gc.collect()
    say("end")


async def a_failing_reader_is_called_again():  # S56
    import socket

    loop = asyncio.get_running_loop()
    _listen(loop)
    a, b = socket.socketpair()
    b.send(b"x")
    calls = 0

    def fail():
        nonlocal calls
        calls += 1
        if calls == 2:
            loop.remove_reader(a.fileno())
        raise Oops(f"call {calls}")

    loop.add_reader(a.fileno(), fail)
    for _ in range(4):
        await asyncio.sleep(0)
    a.close()
    b.close()


async def a_handler_may_replace_itself():  # S63
    loop = asyncio.get_running_loop()

    def first(_, context):
        say(f"first {context['message']}")
        loop.set_exception_handler(lambda _, c: say(f"second {c['message']}"))

    loop.set_exception_handler(first)
    loop.call_exception_handler({"message": "one"})
    loop.call_exception_handler({"message": "two"})


def errors_of_a_run_that_is_left_by_an_exit():  # S35, S57
    loop = new_loop()
    _listen(loop)

    async def main():
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    say(outcome(lambda: loop.run_until_complete(main())))
    gc.collect()
    say("no report")
    loop.close()
