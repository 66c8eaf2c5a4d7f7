"""Ctrl-C: the main task is cancelled, and run() ends with KeyboardInterrupt. Rules S224 to S227, S325."""
import asyncio
import signal
import threading

from support import Oops, new_loop, outcome, say


def _run(main):
    """What comes of a main on a loop of its own, where SIGINT has its default action before."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return outcome(lambda: asyncio.run(main, loop_factory=new_loop))


def _interrupt():
    signal.raise_signal(signal.SIGINT)


async def _wait(seconds=100):
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError as error:
        say(f"told {error.args}")
        raise


def it_cancels_the_main_task():  # S225, S226
    async def main():
        _interrupt()
        await _wait()

    say(_run(main()))


def it_comes_while_the_loop_waits():  # S225
    async def main():
        asyncio.get_running_loop().call_later(5, _interrupt)
        await _wait()

    say(_run(main()))


def a_main_that_swallows_it():  # S226
    async def main():
        _interrupt()
        try:
            await _wait()
        except asyncio.CancelledError:
            pass
        return f"a value, {asyncio.current_task().cancelling()}"

    say(_run(main()))


def a_main_that_fails_because_of_it():  # S226
    async def main():
        _interrupt()
        try:
            await _wait()
        except asyncio.CancelledError:
            raise Oops("instead") from None

    say(_run(main()))


def a_main_that_cleans_up():  # S225, S226
    async def main():
        _interrupt()
        try:
            await _wait()
        finally:
            await asyncio.sleep(3)
            say("cleaned up")

    say(_run(main()))


def a_cancellation_that_is_none_of_its():  # S226
    async def main():
        asyncio.current_task().cancel("somebody")
        await _wait()

    say(_run(main()))


def a_cancellation_beside_it():  # S226
    async def main():
        asyncio.current_task().cancel()
        _interrupt()
        await _wait()

    say(_run(main()))


def taking_it_back():  # S112, S226
    async def main():
        _interrupt()
        try:
            await _wait()
        except asyncio.CancelledError:
            say(asyncio.current_task().uncancel())
        await _wait(1)
        return "not interrupted"

    say(_run(main()))


def the_second_one():  # S225
    async def main():
        _interrupt()
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            say("the first")
        _interrupt()
        await asyncio.sleep(100)
        say("never")

    say(_run(main()))


def the_others_are_cancelled_afterwards():  # S225, S227
    async def main():
        main.other = asyncio.create_task(_wait())
        await asyncio.sleep(1)
        _interrupt()
        try:
            await asyncio.sleep(100)
        finally:
            say(main.other.done())

    say(_run(main()))
    say(main.other.cancelled())


def a_group_in_the_main_task():  # S183, S225
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(_wait())
            group.create_task(_wait())
            await asyncio.sleep(1)
            _interrupt()

    say(_run(main()))


def a_timeout_in_the_main_task():  # S176, S225
    async def main():
        async with asyncio.timeout(50):
            _interrupt()
            await _wait()

    say(_run(main()))


def the_default_action_comes_back():  # S224
    async def main():
        return signal.getsignal(signal.SIGINT) is signal.default_int_handler

    say(_run(main()))
    say(signal.getsignal(signal.SIGINT) is signal.default_int_handler)


def a_handler_that_is_there_already():  # S224
    async def main():
        _interrupt()
        await asyncio.sleep(1)
        return "main ends"

    signal.signal(signal.SIGINT, lambda *_: say("the program's own"))
    say(outcome(lambda: asyncio.run(main(), loop_factory=new_loop)))
    _interrupt()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def a_handler_of_the_loop():  # S224, S325
    async def main():
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, say, "the loop's")
        _interrupt()
        await asyncio.sleep(1)
        return "main ends"

    say(_run(main()))


def signals_in_the_order_in_which_they_came():  # S326
    async def main():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, say, "SIGUSR1")
        loop.add_signal_handler(signal.SIGUSR2, say, "SIGUSR2")
        for number in signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR1, signal.SIGUSR2:
            signal.raise_signal(number)
        await asyncio.sleep(1)
        return "main ends"

    say(_run(main()))


def a_runner_is_used_again():  # S222, S225
    async def interrupted():
        _interrupt()
        await _wait()

    async def work():
        return f"works, {asyncio.current_task().cancelling()}"

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        say(outcome(lambda: runner.run(interrupted())))
        say(outcome(lambda: runner.run(work())))
        say(outcome(lambda: runner.run(interrupted())))


def a_runner_in_another_thread():  # S224
    async def main():
        say(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        return "main ends"

    signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=lambda: say(asyncio.run(main(), loop_factory=new_loop)))
    thread.start()
    thread.join()
