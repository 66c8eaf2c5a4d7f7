"""Makes programs out of a kind and a number: the same two always make the same program.

A program is the main of a program, a list of steps. A step is a list: its name, then its arguments. Among these may be
lists of steps again, the body of a task, a timeout, a lock, a callback. Both interpreters read it as JSON:

    [["create_task", [["sleep", 2], ["set_result", 0, 7]], false], ["wait_for", ["future", 0], 1]]

What a step does is read best in on_cpython.py. All steps of a program share three futures, a lock, an event, a queue
and so on, and the tasks, handles and outer futures that were made so far, which arguments name by their number. A
number that is too large wraps around, so that every program means something, and so does each part of it.
"""
import dataclasses
import random

# How often each step is taken in comparison with its neighbours, and its arguments: the methods of Generator that make
# them. These never wait, and are all that a callback may do.
AT_ONCE = {
    "set_result": (1, "future", "number"),
    "set_exception": (1, "future"),
    "set_cancelled_error": (1, "future"),
    "cancel_future": (1, "future"),
    "new_future": (1, "future"),
    "start_gather": (1, "awaitables", "flag"),
    "start_gather_of_scripts": (1, "scripts", "flag"),
    "start_shield": (1, "awaitable"),
    "cancel_outer": (1, "index"),
    "create_task": (3, "steps", "eager"),
    "create_task_in_context": (1, "steps"),
    "create_task_in_group": (3, "steps", "eager"),
    "cancel_group": (1,),
    "cancel": (4, "index", "message"),
    "uncancel": (1, "index"),
    "cancel_self": (1, "message"),
    "uncancel_self": (1,),
    "cancelling": (1,),
    "states": (2,),
    "outer_states": (1,),
    "handle_states": (1,),
    "count_tasks": (1,),
    "call_soon": (1, "steps_at_once"),
    "call_later": (1, "moment", "steps_at_once"),
    "cancel_handle": (1, "index"),
    "add_done_callback": (2, "awaitable", "steps_at_once"),
    "add_done_callback_in_context": (1, "awaitable", "steps_at_once"),
    "add_callbacks_that_leave": (1, "awaitable"),
    "remove_done_callback": (1, "index"),
    "copy_context": (1,),
    "run_in_context": (1, "steps_at_once"),
    "set_variable": (1, "number"),
    "get_variable": (1,),
    "reschedule": (1, "delay"),
    "expired": (1,),
    "stop": (0.2,),
    "event_set": (1,),
    "event_clear": (1,),
    "semaphore_release": (1,),
    "count_up": (1,),
    "put_nowait": (1, "number"),
    "get_nowait": (1,),
    "task_done": (1,),
    "shutdown": (1, "flag"),
    "primitives": (1,),
}

# These may wait, throw, or have a body that does.
MAY_WAIT = {
    "sleep": (3, "pause"),
    "await": (3, "awaitable"),
    "await_shield": (1, "awaitable"),
    "await_outer": (1, "index"),
    "raise": (1, "error"),
    "return_at_the_end": (1, "number"),
    "try": (3, "steps", "afterwards", "handler"),
    "finally": (1, "steps", "steps"),
    "repeat": (1, "times", "steps"),
    "timeout": (2, "delay", "steps"),
    "task_group": (2, "steps"),
    "shared_group": (1, "steps"),
    "gather": (1, "awaitables", "flag"),
    "gather_scripts": (1, "scripts", "flag"),
    "wait": (2, "awaitables", "delay", "return_when"),
    "wait_for": (2, "awaitable", "delay"),
    "wait_for_script": (1, "steps", "delay"),
    "as_completed": (1, "awaitables", "delay"),
    "first_completed": (1, "awaitables", "delay"),
    "lock": (1, "steps"),
    "semaphore": (1, "steps"),
    "condition": (1, "steps_with_the_condition"),
    "condition_wait": (1,),
    "condition_wait_for": (1, "times"),
    "notify": (1, "times"),
    "notify_all": (1,),
    "event_wait": (1,),
    "put": (1, "number"),
    "get": (1,),
    "join": (1,),
    "barrier_wait": (1,),
    "barrier_reset": (1,),
    "barrier_abort": (1,),
}

# Asynchronous generators are a world of their own: programs about them do little else. They do not stop their loop: what
# becomes of a generator that was dropped just before depends on whether Python's closing of it has begun.
GENERATORS_AT_ONCE = AT_ONCE | {"new_generator": (12, "generator_body", "generator_end"), "stop": (0,)}
GENERATORS_MAY_WAIT = {
    "anext": (1, "index"),
    "asend": (1, "index", "number"),
    "athrow": (1, "index", "ordinary_error"),
    "aclose": (1, "index"),
    "async_for": (1, "index", "times"),
    "sleep": (2, "pause"),
    "try": (2, "steps", "afterwards", "handler"),
}
# One that was sent a value before it began has refused it, and counts as begun for CPython only, which shows when it
# is dropped: where generators are dropped nothing is sent.
DROPPED_MAY_WAIT = GENERATORS_MAY_WAIT | {"asend": (0, "index", "number"), "drop_generator": (0.4, "index")}

# A primitive shows in which order it wakes its waiters only where many tasks want it.
PRIMITIVES_AT_ONCE = AT_ONCE | {"create_task": (20, "steps", "eager"), "primitives": (4,)}
PRIMITIVES = "sleep try timeout lock semaphore condition event_wait put get join barrier_wait barrier_reset".split()
PRIMITIVES_MAY_WAIT = {name: MAY_WAIT[name] for name in PRIMITIVES} | {"lock": (6, "steps"), "semaphore": (4, "steps")}

BODIES = {"steps", "steps_at_once", "steps_with_the_condition", "scripts"}  # arguments that go one level deeper


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a kind of program is rich in."""

    depths: tuple = (3, 3)  # how deep bodies nest in each part of the main
    eager: float = 0  # how many tasks start at once, of 1
    interrupts: float = 0.1  # how many errors may be a KeyboardInterrupt or a SystemExit, of 1
    at_once: dict = dataclasses.field(default_factory=lambda: AT_ONCE)
    may_wait: dict = dataclasses.field(default_factory=lambda: MAY_WAIT)


KINDS = {
    "plain": Kind(),
    "small": Kind(depths=(2,)),
    "large": Kind(depths=(4, 4, 3, 3)),
    "eager": Kind(eager=0.5),
    "interrupts": Kind(interrupts=1, may_wait=MAY_WAIT | {"raise": (5, "error")}),
    "primitives": Kind(depths=(3, 3, 3), at_once=PRIMITIVES_AT_ONCE, may_wait=PRIMITIVES_MAY_WAIT),
    "generators": Kind(at_once=GENERATORS_AT_ONCE, may_wait=GENERATORS_MAY_WAIT),
    "dropped": Kind(at_once=GENERATORS_AT_ONCE, may_wait=DROPPED_MAY_WAIT),
}


class Generator:
    """Makes one program. A method below "arguments" makes an argument of the kind that it is named after."""

    def __init__(self, kind, number):
        self.kind = KINDS[kind]
        self.random = random.Random(f"{kind} {number}")
        self.depth = 0  # how many levels of bodies may still open

    def program(self):
        self.depth = 2
        steps = [self.configure(), ["create_task", self.steps(), False], ["create_task", self.steps(), False]]
        for self.depth in self.kind.depths:
            steps += map(self.caught, self.steps())
        return steps

    def configure(self):
        """The first step, which says what the shared primitives are like."""
        r = self.random
        queue = [r.choice(["Queue", "Queue", "LifoQueue", "PriorityQueue"]), r.choice([0, 1, 1, 2, 3])]
        semaphore = [r.choice([0, 1, 1, 2, 3]), r.random() < 0.3]
        return ["configure", *queue, *semaphore, r.choice([1, 2, 2, 3, 3]), r.random() < 0.3]

    def caught(self, step):
        """The main goes on after most of its errors: a program that ends early shows little."""
        may_fail = step[0] in self.kind.may_wait
        return ["try", [step], "pass", []] if may_fail and self.random.random() < 0.8 else step

    def step(self):
        return self.out_of(self.kind.at_once if self.random.random() < 0.45 else self.kind.may_wait)

    def out_of(self, table):
        possible = {name: row for name, row in table.items() if self.depth > 0 or not BODIES.intersection(row)}
        name, = self.random.choices(list(possible), [weight for weight, *_ in possible.values()])
        _, *arguments = possible[name]
        return [name, *(getattr(self, argument)() for argument in arguments)]

    def body(self, make_step, least, most):
        self.depth -= 1
        steps = [make_step() for _ in range(self.random.randint(least, most))]
        self.depth += 1
        return steps

    # ---- Arguments: bodies ----

    def steps(self):
        return self.body(self.step, 1, 6 if self.depth > 2 else 4)

    def steps_at_once(self):
        return self.body(lambda: self.out_of(self.kind.at_once), 0, 3)

    def steps_with_the_condition(self):
        r = self.random
        waits = ["condition_wait"], ["condition_wait_for", r.randint(1, 3)]
        return self.steps() + [r.choice([*waits, ["notify", r.randint(1, 2)], ["notify_all"]])]

    def handler(self):
        return self.steps() if self.depth > 0 and self.random.random() < 0.5 else []

    def scripts(self):
        return [self.steps() for _ in range(self.random.randint(1, 3))]

    def generator_body(self):
        return [self.generator_step() for _ in range(self.random.randint(1, 6))]

    def generator_step(self):
        r = self.random
        if r.random() < 0.5:
            return ["yield", r.randrange(100), r.choice(["pass", "raise", "raise", "oops"])]
        others = ["sleep", 0], ["sleep", 1], ["await", self.awaitable()], ["event_wait"], ["states"], ["raise", "oops"]
        return r.choice([*others, ["cancel_self", "m3"], ["set_variable", 5], ["get_variable"]])

    def generator_end(self):
        return self.random.choice([[], [], [["sleep", 0]], [["sleep", 2]], [["raise", "oops"]]])

    # ---- Arguments: what there is in the program ----

    def future(self):
        return self.random.randrange(3)

    def index(self):
        return self.random.randrange(8)

    def awaitable(self):
        return [self.random.choice(["task", "task", "future"]), self.index()]

    def awaitables(self):
        return [self.awaitable() for _ in range(self.random.randint(1, 4))]

    # ---- Arguments: plain values; times are in ticks ----

    def number(self):
        return self.random.randrange(100)

    def times(self):
        return self.random.randint(1, 3)

    def flag(self):
        return self.random.random() < 0.5

    def eager(self):
        return self.random.random() < self.kind.eager

    def message(self):
        return self.random.choice(["", "m1", "m2"])

    def pause(self):
        return self.random.choice([0, 0, 0, 1, 2, 3, 5, 8])

    def moment(self):
        return self.random.choice([-1, 0, 1, 2, 3, 5, 8])

    def delay(self):
        return self.random.choice([None, -1, 0, 1, 2, 3, 5, 8, 20])

    def return_when(self):
        return self.random.choice(["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"])

    def afterwards(self):
        return self.random.choice(["pass", "pass", "raise", "oops"])

    def ordinary_error(self):
        return self.random.choice(["oops", "oops", "cancel", "timeout"])

    def error(self):
        if self.random.random() < self.kind.interrupts:
            return self.random.choice(["oops", "oops", "cancel", "timeout", "interrupt", "exit"])
        return self.ordinary_error()


def make(kind, number):
    return Generator(kind, number).program()
