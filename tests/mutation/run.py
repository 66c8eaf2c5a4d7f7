#!/usr/bin/env python3
"""Makes the faults of mutants.txt one at a time, and wants the tests to notice each of them.

    python3 tests/mutation/run.py                      all; writes the table into docs/conformance.md
    python3 tests/mutation/run.py --only group lock    those whose names begin so; only their rows are written
    python3 tests/mutation/run.py --check              no build: does each fault still fit its source?

A fault costs one compilation: build/release stays whole, the broken source alone is compiled, without optimisation, and
its object stands before the libraries in the link of each test program, so that theirs is left out. The programs run
one after the other, each up to its first failing test, until one fails. A fault that no test notices is a hole in the
tests: the exit status is 1.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build" / "release"
WORK = ROOT / "build" / "mutation"
TABLE = ROOT / "docs" / "conformance.md"
PROGRAMS = ["properties_tests", "reference_tests", "conformance_tests"]  # properties first: they are tested most
AT_ONCE = 2  # faults that are tried side by side
PATIENCE = 5  # a program that takes so many times as long as without a fault hangs
NO_TEST = "before-the-first-test"
BEGIN, END = "<!-- mutation table: begin -->", "<!-- mutation table: end -->"


class Mutant:
    """One fault."""

    def __init__(self, header):
        self.name, self.file, self.rule = header.split()
        self.before, self.after = [], []

    def broken(self, text):
        """The source with the fault in it; an error where it does not fit."""
        before = "\n".join(self.before)
        if text.count(before) != 1:
            sys.exit(f"{self.name}: stands {text.count(before)} times in {self.file}, and must stand there once:\n{before}")
        return text.replace(before, "\n".join(self.after))


def read_mutants():
    mutants = []
    for line in (ROOT / "tests/mutation/mutants.txt").read_text().splitlines():
        if line.startswith("= "):
            mutants.append(Mutant(line[2:]))
        elif line.startswith("-"):
            mutants[-1].before.append(line[2:])
        elif line.startswith("+"):
            mutants[-1].after.append(line[2:])
    for mutant in mutants:
        mutant.broken((ROOT / mutant.file).read_text())
    return mutants


def run(command, seconds, folder=WORK):
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=seconds,
                              env={**os.environ, "RC_PARAMS": "seed=1 noshrink=1 max_success=20"})  # of 100
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        return -1, (late.stdout or b"").decode(errors="replace") + "\ntook too long"


def build(command, folder=RELEASE):
    """What the command prints; the end of this script where it fails."""
    status, output = run(command, 3600, folder)
    if status != 0:
        sys.exit(output[-3000:])
    return output


def first_failure(program, seconds, tests="*"):
    """The first test that fails, or that is running when the program dies or its time is up; None where all pass."""
    status, output = run([program, "--gtest_fail_fast", "--gtest_brief=0", f"--gtest_filter={tests}"], seconds)
    if status == 0 and "  PASSED  " in output:
        return None
    failed = re.findall(r"\[  FAILED  \] (\S+?),? ", output)
    begun = re.findall(r"\[ RUN      \] (\S+)", output)
    return (failed or begun[-1:] or [NO_TEST])[0]


class Builder:
    """Makes test programs with one broken source."""

    def __init__(self):
        """Builds all of them whole, and looks how long each takes so."""
        WORK.mkdir(parents=True, exist_ok=True)
        build(["cmake", "--preset", "release"], ROOT)
        build(["cmake", "--build", "--preset", "release", "--target", *PROGRAMS], ROOT)
        entries = json.loads((RELEASE / "compile_commands.json").read_text())
        self.compilations = {os.path.relpath(entry["file"], ROOT): entry["command"] for entry in entries}
        self.links, self.patience = {}, {}
        for program in PROGRAMS:
            self.links[program] = build(["ninja", "-t", "commands", f"tests/{program}"]).splitlines()[-1]
            begun = time.monotonic()
            if name := first_failure(RELEASE / "tests" / program, 600):
                sys.exit(f"{name} fails without any fault")
            self.patience[program] = 10 + PATIENCE * (time.monotonic() - begun)

    def compile(self, mutant):
        whole, folder = ROOT / mutant.file, WORK / mutant.name
        folder.mkdir(exist_ok=True)
        broken, unit = folder / whole.name, folder / "broken.o"
        broken.write_text(mutant.broken(whole.read_text()))
        command, _ = self.compilations[mutant.file].split(" -o ")
        build(["sh", "-c", f"{command} -O0 -w -iquote {whole.parent} -o {unit} -c {broken}"])
        return unit

    def link(self, program, unit):
        made = unit.parent / program
        build(["sh", "-c", self.links[program].replace(f"-o tests/{program}", f"{unit} -o {made}")])
        return made


def killer(builder, mutant):
    """The test that notices, with its program before it: "properties Suite.Name"; None where none does."""
    unit = builder.compile(mutant)
    for program in PROGRAMS:
        made, seconds = builder.link(program, unit), builder.patience[program]
        tests = "*-TheListOfSchedules.*"  # which would notice a change of any schedule
        while name := first_failure(made, seconds, tests):
            if name == NO_TEST or first_failure(made, seconds, name):
                return f"{program.removesuffix('_tests')} {name}"
            tests += f":{name}"  # it failed by chance: the machine is busy
        made.unlink()
    return None


def write_table(mutants, found):
    """Writes a row for each fault: what was found now, and for the others what the table said before."""
    head, rest = TABLE.read_text().split(BEGIN)
    before, tail = rest.split(END)
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in before.splitlines()}
    lines = ["| fault | rule | the test that kills it | of |", "| --- | --- | --- | --- |"]
    for mutant in mutants:
        title = mutant.name.replace("_", " ")
        if mutant.name in found:
            program, test = (found[mutant.name] or "- none").split()
            lines.append(f"| {title} | {mutant.rule} | `{test}` | {program} |")
        elif title in rows:
            lines.append(rows[title])
    TABLE.write_text("\n".join([head + BEGIN, *lines, END]) + tail)


def try_out(builder, mutant):
    begun = time.monotonic()
    test = killer(builder, mutant)
    shutil.rmtree(WORK / mutant.name)
    print(f"{mutant.name}: {test} ({time.monotonic() - begun:.0f} s)", flush=True)
    return test


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="how names begin")
    parser.add_argument("--check", action="store_true", help="only whether each fault fits its source")
    arguments = parser.parse_args()
    mutants = read_mutants()
    if arguments.check:
        return print(f"{len(mutants)} faults fit their sources")

    signal.signal(signal.SIGINT, signal.default_int_handler)  # behind a "&" it is ignored, by the tests about it as well
    builder = Builder()
    chosen = [mutant for mutant in mutants if mutant.name.startswith(tuple(arguments.only))]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        tests = list(pool.map(lambda mutant: try_out(builder, mutant), chosen))
    found = {mutant.name: test for mutant, test in zip(chosen, tests)}
    write_table(mutants, found)
    survivors = [name for name, test in found.items() if test is None]
    print(f"{len(found)} faults, {len(found) - len(survivors)} noticed" + "".join(f"\nnot noticed: {s}" for s in survivors))
    return sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
