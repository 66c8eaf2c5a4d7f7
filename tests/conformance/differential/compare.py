#!/usr/bin/env python3
"""Runs random programs on CPython's asyncio and on ours, and makes small what differs.

    compare.py                         6,000 fresh programs of all kinds
    compare.py --kind eager --count 500 --first 7000
    compare.py --in-a-world            ours as the main of a client in a world
    compare.py --show eager 17         one program and what both print
    compare.py --program '[["sleep", 1]]'   likewise
    compare.py --write                 stores the sample that conformance_tests runs without Python
    compare.py --check                 the sample must be what CPython prints

What differs is made smaller as long as it differs, and shown with the command that shows it again. Exit status 1: a
program differed; 77: no Python of 3.13 or newer was found.
"""
import argparse
import concurrent.futures
import json
import pathlib
import secrets
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SAMPLE = HERE / "sample.txt"
OURS = ROOT / "build" / "release" / "tests" / "conformance_tests"
OF_EACH_KIND = {
    "plain": 50,
    "small": 40,
    "large": 15,
    "eager": 40,
    "interrupts": 40,
    "primitives": 60,
    "generators": 40,
    "dropped": 20,
}
AT_ONCE = 50  # programs that one process runs
PATIENCE = 60  # seconds, after which such a process hangs
SHOWN = 3  # differences that are made small; each takes a while

sys.path.insert(0, str(HERE.parent))  # for pairs.py

import pairs  # noqa: E402
import programs  # noqa: E402
from on_cpython import TOO_DEEP  # noqa: E402


class Runner:
    """A command that reads programs and prints what they say."""

    def __init__(self, *command):
        self.command = list(map(str, command))

    def lines(self, some):
        """What each of the programs says. One that ends the process says so in its last line."""
        found = []
        while len(found) < len(some):
            found += self.lines_of_one_process(some[len(found) :])
        return found

    def lines_of_one_process(self, some):
        text = "".join(json.dumps(program) + "\n" for program in some)
        try:
            done = subprocess.run(self.command, input=text, capture_output=True, text=True, timeout=PATIENCE)
            output, last_words = done.stdout, done.returncode and f"the process ended with {done.returncode}"
            errors = done.stderr
        except subprocess.TimeoutExpired as late:
            output, last_words, errors = (late.stdout or b"").decode(), "the process hangs", ""
        found = [part.splitlines()[1:] for part in ("\n" + output).split("\n== ")[1:]]
        if not found:
            sys.exit(f"{shlex.join(self.command)}: {last_words or 'it printed nothing'}\n{errors}")
        if last_words:
            found[-1].append(last_words)
        return found


def leaves_the_loop(program):
    """A client of a world is not run by a Runner, which would tidy up after that."""
    return any(word in json.dumps(program) for word in ('"stop"', '"interrupt"', '"exit"'))


def up_to_the_end_of_main(lines):
    ends = [n for n, line in enumerate(lines, 1) if line.partition(" ")[2].startswith(("T0 returns", "T0 ends"))]
    return lines[: ends[0]] if ends else lines


class Comparison:
    def __init__(self, ours, in_a_world):
        self.in_a_world = in_a_world
        self.cpython = Runner(sys.executable, HERE / "on_cpython.py")
        self.ours = Runner(ours, "--run-programs-in-a-world" if in_a_world else "--run-programs")

    def both(self, some):
        """Pairs of what CPython and we print of each program."""
        with concurrent.futures.ThreadPoolExecutor() as threads:
            theirs, ours = threads.map(lambda runner: runner.lines(some), [self.cpython, self.ours])
        return list(zip(map(up_to_the_end_of_main, theirs) if self.in_a_world else theirs, ours))

    def differing(self, some):
        """Those of the programs that differ, but for those that are too deep for CPython."""
        return [p for p, (theirs, ours) in zip(some, self.both(some)) if theirs not in (ours, [TOO_DEEP])]

    def shrunk(self, program):
        """A part of a program which differs, and of which no part does."""
        while True:
            smaller = list(parts_of(program))
            for begin in range(0, len(smaller), AT_ONCE):
                if found := self.differing(smaller[begin : begin + AT_ONCE]):
                    program = found[0]
                    break
            else:
                return program

    def show(self, program):
        theirs, ours = self.both([program])[0]
        same = next((n for n, (a, b) in enumerate(zip(theirs, ours)) if a != b), min(len(theirs), len(ours)))
        print(f"  {json.dumps(program)}\n")
        for line in theirs[:same]:
            print(f"    both     {line}")
        for who, lines in ("CPython", theirs[same:]), ("ours", ours[same:]):
            for line in lines:
                print(f"    {who:8} {line}")
        return theirs == ours

    def command(self, program):
        world = "--in-a-world " if self.in_a_world else ""
        return f"python3 tests/conformance/differential/compare.py {world}--program {shlex.quote(json.dumps(program))}"


def is_steps(value):
    return isinstance(value, list) and all(map(is_step, value))


def is_step(value):
    return isinstance(value, list) and value != [] and isinstance(value[0], str) and value[0] in STEP_NAMES


STEP_NAMES = {name for kind in programs.KINDS.values() for name in [*kind.at_once, *kind.may_wait]} | {"configure", "yield"}


def parts_of(steps):
    """All that is left of steps without one of them, or with the body of one in its place, at any depth."""
    for n, step in enumerate(steps):
        before, after = steps[:n], steps[n + 1 :]
        yield before + after
        for position, argument in enumerate(step):
            if is_steps(argument):
                if step[0] in programs.MAY_WAIT and argument:
                    yield before + argument + after
                smaller = parts_of(argument)
            elif isinstance(argument, list) and argument and all(map(is_steps, argument)):  # scripts
                smaller = (
                    [*argument[:k], part, *argument[k + 1 :]]
                    for k in range(len(argument))
                    for part in parts_of(argument[k])
                )
            else:
                continue
            for part in smaller:
                yield before + [[*step[:position], part, *step[position + 1 :]]] + after


def look_for_differences(comparison, kinds, first, count):
    """Runs fresh programs; gives how many differed."""
    made = [programs.make(kind, first + n) for n in range(count // len(kinds) or 1) for kind in kinds]
    if comparison.in_a_world:
        made = [program for program in made if not leaves_the_loop(program)]
    differed = 0
    for begin in range(0, len(made), AT_ONCE):
        for program in comparison.differing(made[begin : begin + AT_ONCE]):
            differed += 1
            if differed <= SHOWN:
                smallest = comparison.shrunk(program)
                print("\nCPython and we differ:\n")
                comparison.show(smallest)
                print(f"\n  {comparison.command(smallest)}", flush=True)
    print(f"{len(made)} programs ({', '.join(kinds)}) from number {first}: {differed} differed")
    return differed


def sample_text(comparison):
    """The sample as CPython prints it now."""
    text = ""
    for kind, count in OF_EACH_KIND.items():
        made = [programs.make(kind, number) for number in range(count)]
        for number, lines in enumerate(comparison.cpython.lines(made)):
            if lines != [TOO_DEEP]:
                text += "\n".join([f"== {kind} {number}", json.dumps(made[number]), *lines]) + "\n"
    return text


def stored_program(kind, number):
    """A program of the sample as it is stored there; any other one is made."""
    _, found, rest = SAMPLE.read_text().partition(f"== {kind} {number}\n")
    return json.loads(rest.split("\n", 1)[0]) if found else programs.make(kind, int(number))


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=programs.KINDS, help="programs of one kind only")
    parser.add_argument("--count", type=int, default=6000, help="how many programs (%(default)s)")
    parser.add_argument("--first", type=int, default=secrets.randbelow(10**9), help="the first one's number (any)")
    parser.add_argument("--in-a-world", action="store_true", help="ours run in a world")
    parser.add_argument("--ours", type=pathlib.Path, default=OURS, help="the conformance_tests of another build")
    parser.add_argument("--show", nargs=2, metavar=("KIND", "NUMBER"), help="one program")
    parser.add_argument("--program", type=json.loads, metavar="JSON", help="one program, as JSON")
    parser.add_argument("--write", action="store_true", help="write the sample")
    parser.add_argument("--check", action="store_true", help="compare the sample with CPython")
    return parser.parse_args(arguments)


def main():
    options = options_of(sys.argv[1:])
    pairs.become_newest_python()
    comparison = Comparison(options.ours.resolve(), options.in_a_world)
    if options.write:
        SAMPLE.write_text(sample_text(comparison))
        return 0
    if options.check:
        same = SAMPLE.read_text() == sample_text(comparison)
        print("the sample is", "as" if same else "not as", f"CPython {sys.version.split()[0]} has it")
        return 0 if same else 1
    if not options.ours.exists():
        sys.exit(f"{options.ours} is not there. Build it: cmake --build --preset release --target conformance_tests")
    if options.show or options.program:
        return 0 if comparison.show(options.program or stored_program(*options.show)) else 1
    kinds = [options.kind] if options.kind else list(programs.KINDS)
    return 1 if look_for_differences(comparison, kinds, options.first, options.count) else 0


if __name__ == "__main__":
    sys.exit(main())
