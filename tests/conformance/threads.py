"""What other threads may do with a loop. Rules S44 to S51, S121, S122."""
import asyncio
import threading

from support import new_loop, outcome, say


def _in_a_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


async def a_callback_from_another_thread():  # S44, S48
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(future.set_result, "from afar"))
    thread.start()
    say(await future)
    thread.join()


async def callbacks_of_a_thread_keep_their_order():  # S1, S45
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def act():
        for n in range(3):
            loop.call_soon_threadsafe(say, f"posted {n}")
        loop.call_soon_threadsafe(done.set_result, None)

    _in_a_thread(act)
    loop.call_soon(say, "scheduled after them")
    await done
    await asyncio.sleep(0)


async def the_debug_mode_looks_at_the_thread():  # S50
    loop = asyncio.get_running_loop()
    loop.set_debug(True)

    def act():
        say(outcome(lambda: loop.call_soon(say, "never")))
        say(outcome(lambda: loop.call_later(1, say, "never")))
        say(outcome(lambda: loop.call_at(1, say, "never")))
        loop.call_soon_threadsafe(say, "allowed")

    _in_a_thread(act)
    await asyncio.sleep(0)
    loop.set_debug(False)


async def looking_from_another_thread():  # S120, S121, S122
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    other = asyncio.create_task(asyncio.sleep(1))

    def act():
        say(outcome(asyncio.get_running_loop))
        say(outcome(asyncio.current_task))
        say(len(asyncio.all_tasks(loop)))
        say(asyncio.current_task(loop) is me)
        say(loop.is_running())

    _in_a_thread(act)
    other.cancel()


def a_loop_in_each_thread():  # S42, S122
    async def work(n):
        await asyncio.sleep(n)
        return f"{n} {len(asyncio.all_tasks())}"

    def act(n):
        loop = new_loop()
        asyncio.set_event_loop(loop)
        results.append(loop.run_until_complete(work(n)))
        asyncio.set_event_loop(None)
        loop.close()

    results = []
    for n in (1, 2):
        _in_a_thread(lambda: act(n))
    say(", ".join(results))


def posting_to_a_closed_loop():  # S37, S46
    loop = new_loop()
    loop.close()
    _in_a_thread(lambda: say(outcome(lambda: loop.call_soon_threadsafe(say, "never"))))


def stopping_from_another_thread():  # S44
    loop = new_loop()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(loop.stop))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    say("stopped")
    loop.close()
