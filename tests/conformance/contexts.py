"""Context variables and contexts. Rules S349 to S351."""
import asyncio
import contextvars

from support import awaited, outcome, say

user = contextvars.ContextVar("user")
level = contextvars.ContextVar("level", default=0)


async def the_value_of_a_variable():  # S349
    say(outcome(user.get))
    say(f"{user.get('fallback')} {level.get()} {level.get(5)}")
    user.set("set")
    level.set(3)
    say(f"{user.get()} {user.get('fallback')} {level.get()} {level.get(5)}")
    say(f"{user.name} {level.name}")


async def tokens_put_things_back():  # S349
    first = user.set("one")
    second = user.set("two")
    user.reset(second)
    say(user.get())
    say(outcome(lambda: user.reset(second)).split(":")[0])
    user.reset(first)
    say(outcome(user.get))
    third = level.set(1)
    level.reset(third)
    say(level.get())


async def a_foreign_token_is_refused():  # S349
    other = contextvars.ContextVar("other", default=0)
    token = user.set("x")
    say(outcome(lambda: other.reset(token)))
    elsewhere = contextvars.copy_context()
    say(outcome(lambda: elsewhere.run(user.reset, token)))
    user.reset(token)
    say(user.get("nothing"))


async def tokens_out_of_order():  # S349
    a = level.set(1)
    b = level.set(2)
    level.reset(a)
    say(level.get())
    level.reset(b)
    say(level.get())


async def a_context_is_a_snapshot():  # S350
    user.set("before")
    context = contextvars.copy_context()
    user.set("after")
    say(f"{context[user]} {context.run(user.get)} {user.get()}")
    context.run(user.set, "inside")
    say(f"{context[user]} {user.get()}")
    copy = context.copy()
    context.run(user.set, "again")
    say(f"{copy[user]} {context[user]}")


async def looking_into_a_context():  # S349, S350
    context = contextvars.Context()
    say(f"{len(context)} {user in context} {context.get(user, 'missing')}")
    say(outcome(lambda: context[user]))
    context.run(user.set, "here")
    say(f"{len(context)} {user in context} {context[user]} {context.get(user, 'missing')}")
    say(context.run(level.get))
    say(level in context)


async def a_context_is_entered_once():  # S350
    context = contextvars.copy_context()
    say(outcome(lambda: context.run(lambda: context.run(say, "never"))).split(":")[0])
    say(context.run(lambda: "afterwards"))


async def contexts_within_contexts():  # S350
    outer, inner = contextvars.copy_context(), contextvars.copy_context()

    def nested():
        user.set("outer")
        inner.run(user.set, "inner")
        return user.get()

    say(outer.run(nested))
    say(f"{outer[user]} {inner[user]} {user.get('nobody')}")


async def an_error_leaves_the_context():  # S350
    context = contextvars.copy_context()

    def fail():
        user.set("half done")
        raise ValueError

    say(outcome(lambda: context.run(fail)))
    say(f"{context[user]} {user.get('nobody')} {context.run(user.get)}")


async def tasks_and_their_tasks():  # S351
    async def child():
        say(f"child sees {user.get()}")
        user.set("child")
        return user.get()

    async def parent():
        user.set("parent")
        value = await asyncio.create_task(child())
        say(f"parent still sees {user.get()}, not {value}")
        value = await child()
        say(f"a plain call changes it: {user.get()}")

    user.set("main")
    await asyncio.create_task(parent())
    say(user.get())


async def contexts_of_gather_and_groups():  # S351
    async def work(name):
        before = user.get()
        user.set(name)
        await asyncio.sleep(0)
        return f"{before}/{user.get()}"

    user.set("main")
    a, b = await asyncio.gather(work("a"), work("b"))
    async with asyncio.TaskGroup() as group:
        c = group.create_task(work("c"))
        shared = contextvars.copy_context()
        d = group.create_task(work("d"), context=shared)
    say(f"{a} {b} {c.result()} {d.result()} {shared[user]} {user.get()}")


async def wait_for_does_not_copy():  # S149
    async def work():
        user.set("by the awaited")

    user.set("main")
    await asyncio.wait_for(work(), 1)
    say(user.get())
    await asyncio.create_task(work())
    say(await awaited(asyncio.sleep(0, user.get())))


async def the_context_of_a_task():  # S351
    async def work():
        level.set(level.get() + 1)
        await asyncio.sleep(0)
        level.set(level.get() + 1)

    context = contextvars.copy_context()
    task = asyncio.create_task(work(), context=context)
    say(task.get_context() is context)
    await asyncio.sleep(0)
    say(context[level])
    await task
    say(f"{context[level]} {level.get()}")
    other = asyncio.create_task(work())
    await asyncio.sleep(0)
    say(other.get_context() is context)
    await other


async def a_context_that_is_replaced_while_it_runs():  # S350
    context = contextvars.copy_context()

    def inside():
        nonlocal context
        user.set("inside")
        context = contextvars.Context()
        say(f"{user.get()} {outcome(lambda: context[user])}")

    context.run(inside)
    say(outcome(user.get))
