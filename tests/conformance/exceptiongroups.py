"""Groups of errors: what they hold, and how they are taken apart. Rules S185, S187."""
import asyncio

from support import Oops, outcome, say, shown


class _Strange(BaseException):
    pass


def _tree(error):
    """A group with its members, as a line."""
    if error is None:
        return "None"
    if not isinstance(error, BaseExceptionGroup):
        return shown(error)
    return f"{type(error).__name__}({error.message}: {', '.join(_tree(member) for member in error.exceptions)})"


def splitting_a_group():
    group = ExceptionGroup("several", [Oops("a"), TimeoutError("b"), Oops("c")])
    say(str(group))
    oops, rest = group.split(Oops)
    say(_tree(oops))
    say(_tree(rest))
    say(_tree(group.subgroup(TimeoutError)))
    say(_tree(group.subgroup(asyncio.QueueEmpty)))
    everything, nothing = group.split((Oops, TimeoutError))
    say(f"{_tree(everything)} {_tree(nothing)}")


def splitting_keeps_the_tree():
    inner = ExceptionGroup("inner", [Oops("deep"), TimeoutError("late")])
    group = ExceptionGroup("outer", [inner, Oops("flat")])
    oops, rest = group.split(Oops)
    say(_tree(oops))
    say(_tree(rest))
    say(_tree(group.subgroup(lambda error: str(error) == "late")))


def which_group_it_is():  # S185
    say(_tree(BaseExceptionGroup("g", [Oops("x")])))
    say(_tree(BaseExceptionGroup("g", [Oops("x"), asyncio.CancelledError("y")])))
    say(outcome(lambda: ExceptionGroup("g", [asyncio.CancelledError("y")])))
    say(outcome(lambda: ExceptionGroup("g", [])))
    mixed = BaseExceptionGroup("g", [Oops("x"), asyncio.CancelledError("y")])
    ordinary, rest = mixed.split(Exception)
    say(f"{_tree(ordinary)} {_tree(rest)}")


async def a_task_group_with_something_else():  # S185
    async def fail(error):
        raise error

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(Oops("ordinary")))
            group.create_task(fail(_Strange()))
    except Exception:
        say("never")
    except BaseExceptionGroup as errors:
        say(f"{type(errors).__name__} {len(errors.exceptions)} {asyncio.current_task().cancelling()}")


async def handling_a_part_of_the_errors():  # S187
    async def fail(error):
        raise error

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(Oops("handled")))
            group.create_task(fail(TimeoutError("left")))
    except ExceptionGroup as errors:
        handled, left = errors.split(Oops)
        say(_tree(handled))
        say(_tree(left))
