"""What makes a task visible and current, by hand. Rules S115 to S123."""
import asyncio
from asyncio import tasks as _tasks

from support import new_loop, outcome, say, since


def _short(act):
    """The outcome, without the descriptions of objects in it."""
    return outcome(act).split(" <")[0]


async def _idle():
    await asyncio.sleep(0.01)


async def entering_and_leaving_by_hand():  # S116
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    other = asyncio.create_task(_idle(), name="other")
    say(_short(lambda: _tasks._enter_task(loop, other)))
    say(_short(lambda: _tasks._enter_task(loop, me)))
    say(_short(lambda: _tasks._leave_task(loop, other)))
    say(asyncio.current_task() is me)
    _tasks._leave_task(loop, me)
    say(asyncio.current_task())
    say(_short(lambda: _tasks._leave_task(loop, me)))
    _tasks._enter_task(loop, other)
    say(asyncio.current_task().get_name())
    _tasks._leave_task(loop, other)
    _tasks._enter_task(loop, me)
    await other


async def swapping_the_current_task():  # S118
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    other = asyncio.create_task(_idle(), name="other")
    say(_tasks._swap_current_task(loop, other) is me)
    say(asyncio.current_task().get_name())
    say(_tasks._swap_current_task(loop, None) is other)
    say(asyncio.current_task())
    say(_tasks._swap_current_task(loop, me))
    say(asyncio.current_task() is me)
    await other


@since("3.14")
async def only_the_running_loop_has_a_current_task():  # S117
    other = new_loop()
    me = asyncio.current_task()
    say(_short(lambda: _tasks._enter_task(other, me)).split(":")[0])
    say(_short(lambda: _tasks._leave_task(other, me)).split(":")[0])
    say(_short(lambda: _tasks._swap_current_task(other, me)).split(":")[0])
    say(asyncio.current_task() is me)
    other.close()


async def registering_by_hand():  # S119
    other = asyncio.create_task(_idle())
    say(f"{other in asyncio.all_tasks()} {len(asyncio.all_tasks())}")
    _tasks._unregister_task(other)
    _tasks._unregister_task(other)
    say(f"{other in asyncio.all_tasks()} {len(asyncio.all_tasks())}")
    _tasks._register_task(other)
    _tasks._register_task(other)
    say(f"{other in asyncio.all_tasks()} {len(asyncio.all_tasks())}")
    await other
    say(f"{other in asyncio.all_tasks()} {len(asyncio.all_tasks())}")


async def registering_eagerly_by_hand():  # S125
    other = asyncio.create_task(_idle())
    _tasks._unregister_task(other)
    _tasks._register_eager_task(other)
    say(other in asyncio.all_tasks())
    _tasks._unregister_eager_task(other)
    _tasks._unregister_eager_task(other)
    say(other in asyncio.all_tasks())
    await other


async def the_tasks_of_a_loop():  # S120
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(_idle(), name=f"t{n}") for n in range(3)]
    say(" ".join(sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("t"))))
    tasks[0].cancel()
    await asyncio.sleep(0)
    say(len(asyncio.all_tasks(loop)))
    await asyncio.wait(tasks)
    say(len(asyncio.all_tasks()))


async def no_task_is_current_in_a_callback():  # S122
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    done = loop.create_future()

    def callback():
        say(f"{asyncio.current_task()} {me in asyncio.all_tasks()}")
        done.set_result(None)

    loop.call_soon(callback)
    await done
    say(asyncio.current_task() is me)
    say(asyncio.current_task(loop) is me)


async def no_task_is_current_in_a_done_callback():  # S122
    other = asyncio.create_task(_idle())
    other.add_done_callback(lambda _: say(asyncio.current_task()))
    await other
    await asyncio.sleep(0)


def outside_of_any_loop():  # S120, S122
    say(outcome(asyncio.current_task))
    say(outcome(asyncio.all_tasks))
    loop = new_loop()
    say(asyncio.current_task(loop))
    say(len(asyncio.all_tasks(loop)))
    task = loop.create_task(_idle())
    say(len(asyncio.all_tasks(loop)))
    loop.run_until_complete(task)
    say(len(asyncio.all_tasks(loop)))
    loop.close()
