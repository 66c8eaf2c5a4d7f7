"""Queues: items, waiters, join and shutdown. Rules S213 to S220."""
import asyncio

from support import awaited, outcome, say


async def first_in_first_out():  # S213
    queue = asyncio.Queue()
    for n in range(3):
        queue.put_nowait(n)
    say(f"{queue.qsize()} {queue.empty()} {queue.full()} {queue.maxsize}")
    say(f"{await queue.get()} {await queue.get()}")
    say(f"{queue.get_nowait()} {queue.empty()}")
    say(outcome(queue.get_nowait))


async def a_queue_with_a_limit():  # S213, S216
    queue = asyncio.Queue(maxsize=1)
    queue.put_nowait("a")
    say(f"{queue.full()} {outcome(lambda: queue.put_nowait('b'))}")
    putter = asyncio.create_task(queue.put("b"))
    await asyncio.sleep(0)
    say(f"{putter.done()} {queue.qsize()}")
    say(await queue.get())
    await putter
    say(queue.qsize())
    unlimited = asyncio.Queue(-1)
    for n in range(100):
        unlimited.put_nowait(n)
    say(f"{unlimited.full()} {unlimited.qsize()}")


async def getters_are_served_in_order():  # S214
    queue = asyncio.Queue()

    async def getter(name):
        say(f"{name} got {await queue.get()}")

    tasks = [asyncio.create_task(getter(name)) for name in "abc"]
    await asyncio.sleep(0)
    for n in range(3):
        queue.put_nowait(n)
    await asyncio.gather(*tasks)


async def putters_are_served_in_order():  # S214
    queue = asyncio.Queue(1)
    queue.put_nowait(0)

    async def putter(n):
        await queue.put(n)
        say(f"put {n}")

    tasks = [asyncio.create_task(putter(n)) for n in (1, 2, 3)]
    await asyncio.sleep(0)
    for _ in range(4):
        say(f"got {await queue.get()}")
    await asyncio.gather(*tasks)


async def a_woken_getter_that_comes_too_late():  # S214
    queue = asyncio.Queue()

    async def getter(name):
        say(f"{name} got {await queue.get()}")

    one = asyncio.create_task(getter("one"))
    await asyncio.sleep(0)
    queue.put_nowait("x")
    say(f"taken {queue.get_nowait()}")
    two = asyncio.create_task(getter("two"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    queue.put_nowait("y")
    queue.put_nowait("z")
    await asyncio.gather(one, two)


async def a_cancelled_getter_passes_it_on():  # S215
    queue = asyncio.Queue()
    one = asyncio.create_task(queue.get())
    two = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait("item")
    one.cancel()
    say(f"{await awaited(one)} {await awaited(two)}")


async def a_cancelled_putter_puts_nothing():  # S215
    queue = asyncio.Queue(1)
    queue.put_nowait("first")
    one = asyncio.create_task(queue.put("one"))
    two = asyncio.create_task(queue.put("two"))
    await asyncio.sleep(0)
    say(queue.get_nowait())
    one.cancel()
    say(await awaited(one))
    await two
    say(queue.get_nowait())


async def joining():  # S217
    queue = asyncio.Queue()
    await queue.join()
    say("nothing to wait for")
    for n in range(3):
        queue.put_nowait(n)

    async def worker():
        while True:
            n = await queue.get()
            await asyncio.sleep(0.01)
            say(f"done {n}")
            queue.task_done()

    task = asyncio.create_task(worker())
    await queue.join()
    say("joined")
    task.cancel()
    say(await awaited(task))
    say(outcome(queue.task_done))


async def several_wait_in_join():  # S217
    queue = asyncio.Queue()
    queue.put_nowait(1)

    async def waiter(n):
        await queue.join()
        say(f"joined {n}")

    tasks = [asyncio.create_task(waiter(n)) for n in range(2)]
    await asyncio.sleep(0)
    queue.get_nowait()
    say("fetched")
    await asyncio.sleep(0)
    queue.task_done()
    await asyncio.gather(*tasks)


async def shutting_down():  # S218
    queue = asyncio.Queue()
    queue.put_nowait("left")
    queue.shutdown()
    say(await awaited(queue.put("more")))
    say(outcome(lambda: queue.put_nowait("more")))
    say(await queue.get())
    say(await awaited(queue.get()))
    say(outcome(queue.get_nowait))
    queue.task_done()
    await queue.join()
    queue.shutdown()
    say("joined")


async def shutting_down_wakes_all():  # S218
    queue = asyncio.Queue()
    getters = [asyncio.create_task(queue.get()) for _ in range(2)]
    full = asyncio.Queue(1)
    full.put_nowait(0)
    putters = [asyncio.create_task(full.put(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    queue.shutdown()
    full.shutdown()
    for task in getters + putters:
        say(await awaited(task))
    say(full.qsize())


async def shutting_down_at_once():  # S219
    queue = asyncio.Queue()
    for n in range(3):
        queue.put_nowait(n)
    joiner = asyncio.create_task(queue.join())
    await asyncio.sleep(0)
    queue.shutdown(immediate=True)
    say(f"{queue.qsize()} {outcome(queue.get_nowait)}")
    await joiner
    say("joined")
    held = asyncio.Queue()
    held.put_nowait("in work")
    held.put_nowait("dropped")
    held.get_nowait()
    joiner = asyncio.create_task(held.join())
    await asyncio.sleep(0)
    held.shutdown(immediate=True)
    await asyncio.sleep(0.01)
    say(joiner.done())
    held.task_done()
    await joiner
    say("joined as well")


async def the_smallest_first():  # S220
    queue = asyncio.PriorityQueue()
    for n in (5, 1, 4, 2, 3):
        queue.put_nowait(n)
    say(" ".join([str(await queue.get()) for _ in range(5)]))


async def the_newest_first():  # S220
    queue = asyncio.LifoQueue()
    for n in (1, 2, 3):
        await queue.put(n)
    say(" ".join([str(await queue.get()) for _ in range(3)]))


async def a_producer_and_two_consumers():  # S214
    queue = asyncio.Queue(2)

    async def consumer(name):
        while True:
            try:
                item = await queue.get()
            except asyncio.QueueShutDown:
                say(f"{name} ends")
                return
            say(f"{name} got {item}")
            await asyncio.sleep(0.01)

    consumers = [asyncio.create_task(consumer(name)) for name in ("a", "b")]
    for n in range(5):
        await queue.put(n)
        say(f"put {n}")
    queue.shutdown()
    await asyncio.gather(*consumers)


async def a_get_with_a_deadline():  # S215
    queue = asyncio.Queue()
    say(await awaited(asyncio.wait_for(queue.get(), 0.01)))
    queue.put_nowait("not lost")
    say(await asyncio.wait_for(queue.get(), 0.01))
