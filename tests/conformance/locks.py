"""Locks, events, conditions, semaphores, barriers: who is woken, in which order. Rules S193 to S212."""
import asyncio

from support import Oops, awaited, outcome, say


async def a_lock_is_taken_and_freed():  # S194, S195
    lock = asyncio.Lock()
    say(f"{lock.locked()} {await lock.acquire()} {lock.locked()}")
    lock.release()
    say(lock.locked())
    say(outcome(lock.release))
    async with lock:
        say(lock.locked())
    say(lock.locked())


async def waiters_of_a_lock_come_in_order():  # S197
    lock = asyncio.Lock()

    async def work(n):
        async with lock:
            say(f"in {n}")
            await asyncio.sleep(0)

    await asyncio.gather(*(work(n) for n in range(4)))
    say(lock.locked())


async def nobody_overtakes_a_woken_waiter():  # S194, S195
    lock = asyncio.Lock()
    await lock.acquire()

    async def waiter():
        async with lock:
            say("waiter")

    async def late():
        async with lock:
            say("late")

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    lock.release()
    say(lock.locked())
    await asyncio.gather(late(), task)


async def a_cancelled_waiter_of_a_lock():  # S196
    lock = asyncio.Lock()
    await lock.acquire()

    async def work(n):
        async with lock:
            say(f"in {n}")

    tasks = [asyncio.create_task(work(n)) for n in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    lock.release()
    tasks[1].cancel()
    await asyncio.wait(tasks)
    say(f"{tasks[0].cancelled()} {tasks[1].cancelled()} {lock.locked()}")


async def a_waiter_cancelled_after_it_was_woken():  # S196
    lock = asyncio.Lock()
    await lock.acquire()

    async def work(n):
        async with lock:
            say(f"in {n}")

    tasks = [asyncio.create_task(work(n)) for n in range(2)]
    await asyncio.sleep(0)
    lock.release()
    tasks[0].cancel()
    await asyncio.wait(tasks)
    say(f"{tasks[0].cancelled()} {lock.locked()}")


async def an_event_wakes_all():  # S198
    event = asyncio.Event()

    async def waiter(n):
        say(f"{n} {await event.wait()}")

    tasks = [asyncio.create_task(waiter(n)) for n in range(3)]
    await asyncio.sleep(0)
    event.set()
    event.set()
    event.clear()
    say(event.is_set())
    await asyncio.gather(*tasks)
    event.set()
    say(f"{event.is_set()} {await event.wait()}")


async def a_cancelled_waiter_of_an_event():  # S198
    event = asyncio.Event()
    one = asyncio.create_task(event.wait())
    two = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    one.cancel()
    event.set()
    say(f"{await awaited(one)} {await awaited(two)}")


async def a_condition_needs_its_lock():  # S199
    condition = asyncio.Condition()
    say(await awaited(condition.wait()))
    say(outcome(condition.notify))
    say(outcome(condition.notify_all))
    say(outcome(condition.release))
    await condition.acquire()
    say(condition.locked())
    condition.notify()
    condition.release()


async def notifying_some():  # S200, S202
    condition = asyncio.Condition()

    async def waiter(n):
        async with condition:
            say(f"{n} woken {await condition.wait()} {condition.locked()}")

    tasks = [asyncio.create_task(waiter(n)) for n in range(4)]
    await asyncio.sleep(0)
    async with condition:
        condition.notify(2)
        say("notified two")
    await asyncio.sleep(0.01)
    async with condition:
        condition.notify_all()
        say("notified all")
    await asyncio.gather(*tasks)


async def waiting_for_a_predicate():  # S203
    condition = asyncio.Condition()
    level = 0

    async def waiter():
        async with condition:
            return await condition.wait_for(lambda: level >= 2 and f"level {level}")

    task = asyncio.create_task(waiter())
    for _ in range(3):
        await asyncio.sleep(0.01)
        async with condition:
            level += 1
            say(f"raised to {level}")
            condition.notify()
    say(await task)


async def a_cancelled_condition_has_the_lock():  # S200
    condition = asyncio.Condition()

    async def waiter():
        await condition.acquire()
        try:
            await condition.wait()
        except asyncio.CancelledError as error:
            say(f"cancelled {error} {condition.locked()}")
            raise
        finally:
            condition.release()

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    await condition.acquire()
    task.cancel("one")
    await asyncio.sleep(0.01)
    say(f"waits for the lock {task.done()}")
    task.cancel("two")
    await asyncio.sleep(0.01)
    say(f"still {task.done()}")
    condition.release()
    say(await awaited(task))


async def a_notified_waiter_that_is_cancelled():  # S201
    condition = asyncio.Condition()

    async def waiter(n):
        async with condition:
            await condition.wait()
            say(f"{n} woken")

    tasks = [asyncio.create_task(waiter(n)) for n in range(2)]
    await asyncio.sleep(0)
    async with condition:
        condition.notify()
        tasks[0].cancel()
    say(await awaited(tasks[0]))
    say(await awaited(tasks[1]))


async def two_conditions_on_one_lock():  # S199
    lock = asyncio.Lock()
    empty, full = asyncio.Condition(lock), asyncio.Condition(lock)
    items = []

    async def consumer():
        for _ in range(3):
            async with full:
                await full.wait_for(lambda: items)
                say(f"took {items.pop()}")
                empty.notify()

    task = asyncio.create_task(consumer())
    for n in range(3):
        async with empty:
            await empty.wait_for(lambda: not items)
            items.append(n)
            say(f"put {n}")
            full.notify()
    await task
    say(lock.locked())


async def permits_of_a_semaphore():  # S204
    semaphore = asyncio.Semaphore(2)
    await semaphore.acquire()
    say(semaphore.locked())
    await semaphore.acquire()
    say(semaphore.locked())
    semaphore.release()
    semaphore.release()
    semaphore.release()
    say(semaphore.locked())
    say(outcome(lambda: asyncio.Semaphore(-1)))
    say(asyncio.Semaphore(0).locked())


async def a_permit_is_handed_over():  # S204, S205
    semaphore = asyncio.Semaphore(1)
    await semaphore.acquire()

    async def waiter(name):
        await semaphore.acquire()
        say(name)

    first = asyncio.create_task(waiter("first"))
    await asyncio.sleep(0)
    semaphore.release()
    say(semaphore.locked())
    second = asyncio.create_task(waiter("second"))
    await first
    await asyncio.sleep(0)
    say(second.done())
    semaphore.release()
    await second


async def a_woken_waiter_stands_in_line_until_it_runs():  # S204
    semaphore = asyncio.Semaphore(2)
    await semaphore.acquire()
    await semaphore.acquire()

    async def waiter():
        await semaphore.acquire()
        say("waiter")

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    semaphore.release()
    semaphore.release()
    say(semaphore.locked())
    await semaphore.acquire()
    say("newcomer")
    await task


async def a_cancelled_waiter_of_a_semaphore():  # S206
    semaphore = asyncio.Semaphore(0)

    async def waiter(n):
        await semaphore.acquire()
        say(f"{n} in")

    tasks = [asyncio.create_task(waiter(n)) for n in range(3)]
    await asyncio.sleep(0)
    semaphore.release()
    tasks[0].cancel()
    say(await awaited(tasks[0]))
    await asyncio.sleep(0)
    say([task.done() for task in tasks].count(True))
    semaphore.release()
    await tasks[2]
    say(semaphore.locked())


async def a_semaphore_limits_how_many():  # S205
    semaphore = asyncio.Semaphore(2)
    inside = most = 0

    async def work(n):
        nonlocal inside, most
        async with semaphore:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01 * (n + 1))
            say(f"leaves {n}")
            inside -= 1

    await asyncio.gather(*(work(n) for n in range(5)))
    say(most)


async def a_bounded_semaphore():  # S207
    semaphore = asyncio.BoundedSemaphore(1)
    say(outcome(semaphore.release))
    async with semaphore:
        say(semaphore.locked())
    say(outcome(semaphore.release))


async def a_barrier_lets_all_go():  # S208, S209
    barrier = asyncio.Barrier(3)
    say(outcome(lambda: asyncio.Barrier(0)))

    async def work(n):
        position = await barrier.wait()
        say(f"{n} was {position} {barrier.n_waiting}")

    tasks = [asyncio.create_task(work(n)) for n in range(2)]
    await asyncio.sleep(0)
    say(f"{barrier.n_waiting} {barrier.parties} {barrier.broken}")
    await work(2)
    say("the last one did not wait")
    await asyncio.gather(*tasks)
    say(barrier.n_waiting)


async def a_barrier_again_and_again():  # S209, S210
    barrier = asyncio.Barrier(2)

    async def work(name):
        for turn in range(3):
            await barrier.wait()
            say(f"{name} {turn}")

    await asyncio.gather(work("a"), work("b"))


async def a_barrier_that_is_reset():  # S211
    barrier = asyncio.Barrier(3)
    tasks = [asyncio.create_task(barrier.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    await barrier.reset()
    for task in tasks:
        say((await awaited(task)).split(":")[0])
    say(f"{barrier.broken} {barrier.n_waiting}")
    tasks = [asyncio.create_task(barrier.wait()) for _ in range(3)]
    say(sorted(await asyncio.gather(*tasks))[2])


async def a_barrier_that_is_broken():  # S211
    barrier = asyncio.Barrier(2)
    task = asyncio.create_task(barrier.wait())
    await asyncio.sleep(0)
    await barrier.abort()
    say(await awaited(task))
    say(f"{barrier.broken} {await awaited(barrier.wait())}")
    await barrier.reset()
    say(barrier.broken)


async def a_cancelled_waiter_of_a_barrier():  # S210
    barrier = asyncio.Barrier(2)
    task = asyncio.create_task(barrier.wait())
    await asyncio.sleep(0)
    task.cancel()
    say(await awaited(task))
    say(f"{barrier.n_waiting} {barrier.broken}")
    others = [asyncio.create_task(barrier.wait()) for _ in range(2)]
    say(sum(await asyncio.gather(*others)))


def a_lock_belongs_to_the_loop_it_blocked_on():  # S193
    from support import new_loop

    lock = asyncio.Lock()

    async def contend():
        await lock.acquire()
        task = asyncio.create_task(lock.acquire())
        await asyncio.sleep(0)
        lock.release()
        await task
        return lock.locked()

    async def again():
        return await awaited(lock.acquire())

    loop = new_loop()
    say(loop.run_until_complete(contend()))
    loop.close()
    loop = new_loop()
    say(loop.run_until_complete(again()).split(":")[0])
    loop.close()


async def an_error_inside_the_lock_frees_it():  # S195
    lock = asyncio.Lock()

    async def work():
        async with lock:
            raise Oops("inside")

    say(await awaited(work()))
    say(lock.locked())


async def how_many_wait_at_a_barrier():  # S208, S212
    barrier = asyncio.Barrier(3)
    say(f"{barrier.parties} {barrier.n_waiting} {barrier.broken}")
    tasks = [asyncio.create_task(barrier.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    say(barrier.n_waiting)
    say(await barrier.wait())
    say(barrier.n_waiting)
    say(sorted(await asyncio.gather(*tasks)))
    say(barrier.n_waiting)
    await barrier.abort()
    say(f"{barrier.n_waiting} {barrier.broken}")
