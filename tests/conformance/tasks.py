"""Tasks: names, steps, results, and what each await costs. Rules S80 to S98, S132 to S135."""
import asyncio
import contextvars

from support import Oops, awaited, new_loop, outcome, say, shown, since

user = contextvars.ContextVar("user", default="nobody")


async def creating_runs_nothing_yet():  # S81
    async def work():
        say("work")
        return 1

    asyncio.get_running_loop().call_soon(say, "callback 1")
    task = asyncio.create_task(work())
    asyncio.get_running_loop().call_soon(say, "callback 2")
    say("created")
    say(await task)


async def names_of_tasks():  # S80, S360
    async def work():
        return asyncio.current_task().get_name()

    named = asyncio.create_task(work(), name="worker")
    plain = asyncio.create_task(work())
    plain_name = plain.get_name()
    say(f"{named.get_name()} {plain_name.startswith('Task-')}")
    named.set_name("renamed")
    plain.set_name("no longer plain")
    say(f"{await named} {await plain}")
    one = asyncio.create_task(work())
    two = asyncio.create_task(work())
    say(int(two.get_name()[5:]) - int(one.get_name()[5:]))
    await asyncio.gather(one, two)


async def results_of_tasks():  # S85, S88
    async def value():
        return "value"

    async def nothing():
        pass

    async def error():
        raise Oops("error")

    for work in (value, nothing, error):
        task = asyncio.create_task(work())
        say(outcome(task.result))
        say(await awaited(task))
        say(f"{task.done()} {task.cancelled()} {outcome(lambda: shown(task.exception()))}")


async def a_task_cannot_be_completed_by_hand():  # S96
    async def work():
        return 1

    task = asyncio.create_task(work())
    say(outcome(lambda: task.set_result(2)))
    say(outcome(lambda: task.set_exception(Oops("x"))))
    say(await task)


async def steps_interleave():  # S91
    async def work(name, steps):
        for n in range(steps):
            say(f"{name}{n}")
            await asyncio.sleep(0)
        return name

    tasks = [asyncio.create_task(work(name, steps)) for name, steps in (("a", 3), ("b", 1), ("c", 2))]
    say("".join([await task for task in tasks]))


async def awaiting_a_coroutine_is_calling_it():  # S93
    asyncio.get_running_loop().call_soon(say, "callback")

    async def inner():
        say("inner")
        return asyncio.current_task()

    say(await inner() is asyncio.current_task())
    await asyncio.sleep(0)


async def _iterations(awaitable):
    """How many iterations of the loop an await takes."""
    loop = asyncio.get_running_loop()
    count = -1
    running = True

    def tick():
        nonlocal count
        count += 1
        if running:
            loop.call_soon(tick)

    tick()
    result = await awaited(awaitable() if callable(awaitable) else awaitable)
    running = False
    taken = count
    await asyncio.sleep(0)
    return f"{taken} {result}"


async def what_awaiting_costs():  # S93
    loop = asyncio.get_running_loop()

    async def quick():
        return "quick"

    done = loop.create_future()
    done.set_result("done")
    say(f"coroutine {await _iterations(quick)}")
    say(f"done future {await _iterations(done)}")
    say(f"sleep(0) {await _iterations(lambda: asyncio.sleep(0, 'slept'))}")
    say(f"task {await _iterations(lambda: asyncio.create_task(quick()))}")

    async def gathered():
        (result,) = await asyncio.gather(quick())
        return result

    say(f"gather {await _iterations(gathered)}")
    say(f"shield {await _iterations(lambda: asyncio.shield(quick()))}")
    say(f"wait_for {await _iterations(lambda: asyncio.wait_for(quick(), 1))}")
    say(f"wait_for 0 {await _iterations(lambda: asyncio.wait_for(quick(), 0))}")

    async def waited(task, **kwargs):
        done, pending = await asyncio.wait([task], **kwargs)
        return f"{len(done)} {len(pending)}"

    say(f"wait {await _iterations(lambda: waited(asyncio.create_task(quick())))}")
    say(f"wait done {await _iterations(lambda: waited(done))}")
    pending = loop.create_future()
    say(f"wait timeout 0 {await _iterations(lambda: waited(pending, timeout=0))}")

    async def group(count):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(count):
                tasks.create_task(quick())

    say(f"group of none {await _iterations(lambda: group(0))}")
    say(f"group of one {await _iterations(lambda: group(1))}")

    async def no_time():
        async with asyncio.timeout(0):
            await pending

    say(f"timeout 0 {await _iterations(no_time)}")


async def what_locks_cost():  # S93
    lock = asyncio.Lock()
    say(f"lock {await _iterations(lock.acquire)}")

    async def hand_over():
        waiter = asyncio.create_task(lock.acquire())
        await asyncio.sleep(0)
        lock.release()
        return await _iterations(waiter)

    say(f"hand over {await hand_over()}")
    queue = asyncio.Queue()
    say(f"put {await _iterations(lambda: queue.put(1))}")
    say(f"get {await _iterations(queue.get)}")
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    say(f"event {await _iterations(event.wait)}")
    say(f"set event {await _iterations(event.wait)}")
    semaphore = asyncio.Semaphore(1)
    say(f"semaphore {await _iterations(semaphore.acquire)}")
    asyncio.get_running_loop().call_soon(semaphore.release)
    say(f"handed permit {await _iterations(semaphore.acquire)}")


async def a_task_that_awaits_itself():  # S90
    async def work():
        say((await awaited(asyncio.current_task())).split(":")[0])
        return "alive"

    task = asyncio.create_task(work(), name="t")
    say(await task)


async def tasks_that_await_tasks():  # S92
    async def level(n):
        if n == 0:
            raise Oops("deep")
        await asyncio.create_task(level(n - 1))

    task = asyncio.create_task(level(3))
    say(await awaited(task))
    say(shown(task.exception()))


async def several_await_one_task():  # S92
    async def work():
        await asyncio.sleep(0.01)
        return "result"

    task = asyncio.create_task(work())

    async def waiter(n):
        say(f"{n} {await task}")

    await asyncio.gather(*(waiter(n) for n in range(3)))
    say(await task)


async def a_task_works_on_a_copy_of_the_context():  # S83, S351
    async def work():
        say(f"sees {user.get()}")
        user.set("the task's")
        await asyncio.sleep(0)
        say(f"still {user.get()}")

    user.set("mine")
    task = asyncio.create_task(work())
    user.set("changed")
    await task
    say(f"{user.get()} {task.get_context()[user]}")


async def tasks_share_a_given_context():  # S82, S351
    shared = contextvars.copy_context()

    async def work(name):
        say(f"{name} sees {user.get()}")
        user.set(name)
        await asyncio.sleep(0)
        say(f"{name} then sees {user.get()}")

    a = asyncio.create_task(work("a"), context=shared)
    b = asyncio.create_task(work("b"), context=shared)
    await asyncio.gather(a, b)
    say(f"{shared[user]} {user.get()}")


async def done_callbacks_of_a_task():  # S68
    async def work():
        say("work")
        return 3

    task = asyncio.create_task(work())
    task.add_done_callback(lambda t: say(f"callback {t.result()} {t is task}"))
    say(await task)
    await asyncio.sleep(0)
    task.add_done_callback(lambda t: say("added late"))
    await asyncio.sleep(0)


@since("3.14")  # the factory is given the keywords of create_task(), gh-128308
async def a_task_factory_makes_the_tasks():  # S135
    loop = asyncio.get_running_loop()
    say(loop.get_task_factory() is not None)

    def factory(loop, coro, **kwargs):
        say(f"making {kwargs.get('name')}")
        return asyncio.Task(coro, loop=loop, **kwargs)

    async def work():
        return asyncio.current_task().get_name()

    loop.set_task_factory(factory)
    say(loop.get_task_factory() is not None)
    say(await loop.create_task(work(), name="one"))
    say(await asyncio.create_task(work(), name="two"))
    loop.set_task_factory(None)
    say(await asyncio.create_task(work(), name="three"))


def create_task_needs_a_running_loop():  # S134
    async def work():
        return "made before the run"

    def create():
        coroutine = work()
        try:
            asyncio.create_task(coroutine)
        finally:
            coroutine.close()

    say(outcome(create))
    loop = new_loop()
    task = loop.create_task(work())
    say(loop.run_until_complete(task))
    loop.close()


async def ensuring_a_future():  # S133
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    say(asyncio.ensure_future(future) is future)

    async def work():
        return "work"

    task = asyncio.create_task(work())
    say(asyncio.ensure_future(task) is task)
    made = asyncio.ensure_future(work())
    say(f"{asyncio.isfuture(made)} {await made} {await task}")
    other = new_loop()
    say(outcome(lambda: asyncio.ensure_future(future, loop=other)))
    other.close()


async def fractions_of_seconds():  # S14, S132
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await asyncio.sleep(0.5)
    say(round((loop.time() - begin) * 1000))
    loop.call_later(0.25, say, "called")
    await asyncio.sleep(0.75, None)
    say(round((loop.time() - begin) * 1000))
    say(await awaited(asyncio.wait_for(loop.create_future(), 0.125)))
    say(round((loop.time() - begin) * 1000))
    say(await awaited(asyncio.sleep(float("nan"))))


async def sleeping():  # S132
    loop = asyncio.get_running_loop()
    start = loop.time()
    say(await asyncio.sleep(0.25, "result"))
    say(await asyncio.sleep(-1, "at once"))
    await asyncio.sleep(0.25)
    say(round((loop.time() - start) * 1000))


async def a_cancelled_sleep():  # S132
    task = asyncio.create_task(asyncio.sleep(100, "never"))
    await asyncio.sleep(0.01)
    task.cancel()
    say(await awaited(task))
    say(round(asyncio.get_running_loop().time() * 100))


async def errors_of_every_kind():  # S86, S88
    class Strange(BaseException):
        pass

    async def fail(error):
        raise error

    for error in (Oops("an error"), asyncio.TimeoutError("late"), asyncio.CancelledError("by hand"), Strange()):
        task = asyncio.create_task(fail(error))
        say(f"{await awaited(task)} {task.cancelled()}")


async def one_task_awaits_another_that_fails_later():  # S92
    async def failing():
        await asyncio.sleep(0.01)
        raise Oops("later")

    async def careful(task):
        try:
            await task
        except Oops as error:
            await asyncio.sleep(0.01)
            say(f"handled {error}")
            raise

    task = asyncio.create_task(failing())
    say(await awaited(careful(task)))
