"""Functions in other threads, and coroutines from other threads. Rules S36, S44, S78, S79, S161 to S166."""
import asyncio
import concurrent.futures
import contextvars
import threading

from support import Oops, awaited, new_loop, outcome, say, shown

user = contextvars.ContextVar("user", default="nobody")


async def what_a_function_returns_and_throws():  # S163
    loop = asyncio.get_running_loop()

    def fail(error):
        raise error

    say(await loop.run_in_executor(None, lambda: "returned"))
    say(await loop.run_in_executor(None, lambda: None))
    say(await awaited(loop.run_in_executor(None, fail, Oops("thrown"))))
    say(await awaited(loop.run_in_executor(None, fail, ValueError("text"))))
    say(await awaited(loop.run_in_executor(None, fail, LookupError("text"))))


async def the_future_of_a_function():  # S68, S163
    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(None, lambda: 7)
    future.add_done_callback(lambda done: say(f"callback {done.result()}"))
    value = await future
    await asyncio.sleep(0)
    say(f"{value} {future.done()}")


async def a_function_is_outside_every_loop():  # S42, S163
    def look():
        return f"{outcome(asyncio.get_running_loop)}, {outcome(asyncio.current_task)}"

    say(await asyncio.get_running_loop().run_in_executor(None, look))
    say(await asyncio.to_thread(look))


async def to_thread_copies_the_context():  # S162
    def work(name):
        before = user.get()
        user.set(name)
        return f"{before} {user.get()}"

    user.set("caller")
    say(await asyncio.to_thread(work, "thread"))
    say(user.get())
    say(await asyncio.get_running_loop().run_in_executor(None, work, "thread"))
    say(user.get())


async def to_thread_is_awaited_like_any_other():  # S136, S149, S162
    def work(value):
        if value == 0:
            raise Oops("zero")
        return value

    say(await asyncio.gather(asyncio.to_thread(work, 1), asyncio.to_thread(work, 2)))
    say([shown(error) for error in await asyncio.gather(asyncio.to_thread(work, 0), return_exceptions=True)][0])
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.to_thread(work, n)) for n in (3, 4)]
    say(sum(task.result() for task in tasks))
    say(await asyncio.wait_for(asyncio.to_thread(work, 5), None))


async def one_worker_runs_one_after_the_other():  # S163
    loop = asyncio.get_running_loop()
    order = []
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=1)
    await asyncio.gather(*[loop.run_in_executor(pool, order.append, n) for n in (1, 2, 3)])
    say(order)
    pool.shutdown()
    say(outcome(lambda: loop.run_in_executor(pool, order.append, 4)))


async def the_end_of_the_default_executor():  # S163, S166
    loop = asyncio.get_running_loop()
    say(await loop.run_in_executor(None, lambda: "before"))
    await loop.shutdown_default_executor()
    say(outcome(lambda: loop.run_in_executor(None, say, "never")))
    say(await awaited(asyncio.to_thread(say, "never")))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        say(await loop.run_in_executor(pool, lambda: "a pool of one's own"))
    await loop.shutdown_default_executor()
    say("again")


async def the_end_of_an_executor_that_never_was():  # S166
    loop = asyncio.get_running_loop()
    await loop.shutdown_default_executor()
    say(outcome(lambda: loop.run_in_executor(None, say, "never")))


async def what_can_be_the_default_executor():  # S164
    loop = asyncio.get_running_loop()

    class Own(concurrent.futures.Executor):
        pass

    say(outcome(lambda: loop.set_default_executor(Own())))
    say(outcome(lambda: loop.set_default_executor(None)))
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="mine")
    loop.set_default_executor(pool)
    say(await asyncio.to_thread(lambda: threading.current_thread().name))


async def an_executor_of_ones_own():  # S163
    class AtOnce(concurrent.futures.Executor):
        def submit(self, function, /, *args):
            say("submitted")
            future = concurrent.futures.Future()
            future.set_running_or_notify_cancel()
            try:
                future.set_result(function(*args))
            except Exception as error:
                future.set_exception(error)
            return future

    def fail():
        raise Oops("thrown")

    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(AtOnce(), lambda: "run at once")
    say(await future)
    say(await awaited(loop.run_in_executor(AtOnce(), fail)))


async def the_name_of_a_thread():  # S163
    say((await asyncio.to_thread(lambda: threading.current_thread().name)).startswith("asyncio"))


async def cancelling_a_job_that_waits():  # S165
    loop = asyncio.get_running_loop()
    go_on = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        first = loop.run_in_executor(pool, go_on.wait)
        second = loop.run_in_executor(pool, say, "never")
        say(second.cancel())
        await asyncio.sleep(0)  # the pool hears of it through the loop
        go_on.set()
        say(await awaited(second))
        say(await first)


async def cancelling_a_job_that_runs():  # S165
    loop = asyncio.get_running_loop()
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait()
        say("the job goes on to its end")

    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        job = loop.run_in_executor(pool, work)
        begun.wait()
        say(job.cancel())
        say(await awaited(job))
        go_on.set()


async def cancelling_who_waits_for_a_thread():  # S100, S165
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait()

    task = asyncio.create_task(asyncio.to_thread(work))
    await asyncio.sleep(0)
    begun.wait()
    task.cancel("enough")
    say(await awaited(task))
    say(task.cancelled())
    go_on.set()


async def coroutines_from_a_thread():  # S161
    loop = asyncio.get_running_loop()

    async def work(value):
        await asyncio.sleep(0)
        if value == 0:
            raise Oops("zero")
        return f"{value} {asyncio.get_running_loop() is loop}"

    async def cancelled():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    def act():
        say(asyncio.run_coroutine_threadsafe(work(1), loop).result())
        say(outcome(asyncio.run_coroutine_threadsafe(work(0), loop).result))
        say(outcome(asyncio.run_coroutine_threadsafe(cancelled(), loop).result))

    await asyncio.to_thread(act)


async def a_coroutine_that_cannot_become_a_task():  # S161
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say(f"{context['message'][:21]}: {shown(context['exception'])}"))

    async def never():
        say("never")

    def refuse(loop, coro, **_):
        coro.close()
        raise Oops("no more tasks")

    future = None

    def act():
        nonlocal future
        future = asyncio.run_coroutine_threadsafe(never(), loop)

    loop.set_task_factory(refuse)
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    await asyncio.sleep(0)
    loop.set_task_factory(None)
    say(outcome(future.result))


async def the_future_of_a_thread():  # S78
    source = concurrent.futures.Future()
    future = asyncio.wrap_future(source)
    threading.Thread(target=source.set_result, args=("from a thread",)).start()
    say(await future)
    failing = concurrent.futures.Future()
    failing.set_exception(Oops("from a thread"))
    say(await awaited(asyncio.wrap_future(failing)))
    say(asyncio.wrap_future(future) is future)


async def a_callback_runs_in_the_context_of_who_posted_it():  # S44
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def act():
        user.set("thread")
        loop.call_soon_threadsafe(lambda: done.set_result(user.get()))

    user.set("task")
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    say(f"{await done} {user.get()}")


async def taking_back_what_a_thread_posted():  # S17, S44
    loop = asyncio.get_running_loop()
    handles = []

    def act():
        handles.append(loop.call_soon_threadsafe(say, "never"))
        loop.call_soon_threadsafe(say, "not taken back")

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    handles[0].cancel()
    say(handles[0].cancelled())
    await asyncio.sleep(0)


def a_result_for_a_loop_that_is_closed():  # S79
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait()
        return "for nobody"

    pool = concurrent.futures.ThreadPoolExecutor()
    loop = new_loop()
    future = loop.run_in_executor(pool, work)
    begun.wait()
    loop.close()
    go_on.set()
    pool.shutdown()
    say(future.done())
    say(outcome(lambda: loop.run_in_executor(pool, work)))


def what_a_thread_needs_a_loop_for():  # S37, S161
    async def never():
        say("never")

    loop = new_loop()
    loop.close()
    coroutine = never()
    say(outcome(lambda: asyncio.run_coroutine_threadsafe(coroutine, loop)))
    coroutine.close()
