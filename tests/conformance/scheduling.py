"""Who runs when: one iteration of the loop. Rules S1 to S15."""
import asyncio
import os
import socket

from support import new_loop, outcome, say


async def callbacks_run_in_the_order_of_scheduling():  # S1
    loop = asyncio.get_running_loop()
    for n in range(3):
        loop.call_soon(say, f"callback {n}")
    loop.call_soon(lambda: (say("outer"), loop.call_soon(say, "inner")))
    loop.call_soon(say, "last")
    await asyncio.sleep(0)
    say("main")
    await asyncio.sleep(0)


async def what_callbacks_schedule_waits_for_the_next_iteration():  # S3
    loop = asyncio.get_running_loop()

    def chain(n):
        say(f"chain {n}")
        if n < 3:
            loop.call_soon(chain, n + 1)

    loop.call_soon(chain, 0)
    for n in range(5):
        say(f"iteration {n}")
        await asyncio.sleep(0)


async def ready_then_input_then_timers():  # S4
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    os.write(writer, b"x")
    loop.add_reader(reader, lambda: (say("input"), loop.remove_reader(reader)))
    loop.call_later(0, say, "timer")
    loop.call_soon(say, "ready")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    os.close(reader)
    os.close(writer)


async def the_reader_goes_before_the_writer():  # S5
    loop = asyncio.get_running_loop()
    a, b = socket.socketpair()
    b.send(b"x")
    loop.add_writer(a.fileno(), lambda: (say("writable"), say(loop.remove_writer(a.fileno()))))
    loop.add_reader(a.fileno(), lambda: (say("readable"), say(loop.remove_reader(a.fileno()))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    say(loop.remove_reader(a.fileno()))
    a.close()
    b.close()


async def a_reader_removed_in_the_same_iteration_is_not_called():  # S7
    loop = asyncio.get_running_loop()
    a, b = socket.socketpair()
    b.send(b"x")
    loop.add_reader(a.fileno(), say, "readable")
    loop.call_soon(lambda: say(f"removed {loop.remove_reader(a.fileno())}"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    loop.add_reader(a.fileno(), say, "first")
    loop.add_reader(a.fileno(), lambda: (say("second"), loop.remove_reader(a.fileno())))
    await asyncio.sleep(0.01)
    a.close()
    b.close()


async def a_cancelled_callback_is_skipped():  # S6
    loop = asyncio.get_running_loop()
    victim = None

    def killer():
        say("killer")
        victim.cancel()

    loop.call_soon(killer)
    victim = loop.call_soon(say, "victim")
    loop.call_soon(say, "after")
    await asyncio.sleep(0)
    say(victim.cancelled())


async def no_delay_is_still_a_timer():  # S13
    loop = asyncio.get_running_loop()
    loop.call_later(0, say, "zero")
    loop.call_later(-1, say, "in the past")
    loop.call_soon(say, "ready")
    loop.call_soon(lambda: loop.call_soon(say, "ready later"))
    await asyncio.sleep(0)
    say("main")
    await asyncio.sleep(0)


async def timers_run_in_the_order_of_time():  # S12
    loop = asyncio.get_running_loop()
    start = loop.time()
    for ms in (30, 10, 20, 5):
        loop.call_later(ms / 1000, say, f"after {ms}")
    loop.call_at(start + 0.015, say, "at 15")
    loop.call_at(start - 1, say, "at -1000")
    await asyncio.sleep(0.05)
    say(round((loop.time() - start) * 1000))


async def a_timer_a_week_away_does_not_end_the_run():  # S9
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(7 * 24 * 3600, done.set_result, "a week later")
    loop.call_later(3600, say, "an hour later")
    say(await done)


async def timers_that_make_timers():  # S14
    loop = asyncio.get_running_loop()
    start = loop.time()

    def tick(n):
        say(f"tick {n} at {round((loop.time() - start) * 1000)}")
        if n < 3:
            loop.call_later(0.01, tick, n + 1)

    loop.call_later(0.01, tick, 1)
    loop.call_later(0.025, say, "between")
    await asyncio.sleep(1)


async def a_cancelled_timer_never_runs():  # S20, S21
    loop = asyncio.get_running_loop()
    timers = [loop.call_later(0.001 * n, say, f"timer {n}") for n in range(1, 6)]
    for timer in timers[1:4]:
        timer.cancel()
    late = loop.call_later(0.003, say, "late")
    loop.call_later(0.002, late.cancel)
    await asyncio.sleep(0.01)
    say(late.cancelled())


async def many_cancelled_timers():  # S20
    loop = asyncio.get_running_loop()
    ran = []
    timers = [loop.call_later(1 + n / 1000, ran.append, n) for n in range(300)]
    for n, timer in enumerate(timers):
        if n % 10:
            timer.cancel()
    await asyncio.sleep(2)
    say(f"{len(ran)} {ran[0]} {ran[-1]} {ran == sorted(ran)}")


async def a_busy_callback_does_not_keep_timers_away():  # S2
    loop = asyncio.get_running_loop()
    rounds = 0
    seen = None

    def busy():
        nonlocal rounds
        rounds += 1
        if seen is None:
            loop.call_soon(busy)

    def timer():
        nonlocal seen
        seen = rounds

    loop.call_later(0, timer)
    loop.call_soon(busy)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    say(f"seen after {seen} of {rounds}")


async def sleeping_tasks_wake_in_order():  # S12, S132
    async def sleeper(name, ms):
        await asyncio.sleep(ms / 1000)
        say(name)
        return name

    tasks = [asyncio.create_task(sleeper(f"{ms} ms", ms)) for ms in (25, 5, 15, 0)]
    await asyncio.sleep(0)
    say("all asleep")
    for task in tasks:
        say(f"got {await task}")


def scheduling_before_the_loop_runs():  # S1, S27
    loop = new_loop()
    loop.call_soon(say, "first")
    loop.call_later(0, say, "timer")
    loop.call_soon(loop.stop)
    loop.call_soon(say, "second")
    say("nothing yet")
    loop.run_forever()
    say("ran once")
    loop.close()


async def a_writer_is_removed_once():  # S280
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    say(loop.remove_reader(reader))
    say(loop.remove_writer(writer))
    loop.add_writer(writer, say, "writable once")
    await asyncio.sleep(0)
    say(loop.remove_writer(writer))
    await asyncio.sleep(0)
    say(outcome(lambda: loop.remove_writer(writer)))
    os.close(reader)
    os.close(writer)
