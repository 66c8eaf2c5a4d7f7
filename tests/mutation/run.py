#!/usr/bin/env python3
"""Makes the faults of mutants.txt one at a time, and wants the tests to notice each of them.

    python3 tests/mutation/run.py                      all; writes the table into docs/conformance.md
    python3 tests/mutation/run.py --only group         those whose name begins so; prints, writes nothing
    python3 tests/mutation/run.py --check              no build: does each fault still fit its source?

The sources are copied to build/mutation and broken there. A fault that no test notices is a hole in the tests: the
exit status is 1. How long it takes: some 15 s a fault on two processors.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutation"
TABLE = ROOT / "docs" / "conformance.md"
PROGRAMS = ["properties_tests", "reference_tests"]  # properties first: they are what is being tested most
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


def run(command, seconds):
    try:
        done = subprocess.run(command, cwd=WORK, capture_output=True, text=True, errors="replace", timeout=seconds,
                              env={"PATH": "/usr/bin:/bin", "RC_PARAMS": "seed=1 noshrink=1"})
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        return -1, (late.stdout or b"").decode(errors="replace") + "\ntook too long"


def build():
    status, output = run(["cmake", "--build", "build", "--target", *PROGRAMS], 1800)
    return None if status == 0 else output[-3000:]


def killer(program):
    """The first test that fails; None where all pass."""
    status, output = run([f"build/tests/{program}", "--gtest_fail_fast", "--gtest_brief=0"], 120)
    if status == 0 and "  PASSED  " in output:
        return None
    failed = re.findall(r"\[  FAILED  \] (\S+?),? ", output)
    begun = re.findall(r"\[ RUN      \] (\S+)", output)
    return (failed or begun[-1:] or ["before the first test"])[0].rstrip(",")


def prepare():
    WORK.mkdir(parents=True, exist_ok=True)
    for part in ["CMakeLists.txt", "reference", "simulator", "tests", "docs", "tutorials"]:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, WORK / part, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, WORK / part)
    status, output = run(["cmake", "-S", ".", "-B", "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                          "-DCMAKE_CXX_FLAGS_DEBUG=-O1", "-DORRERY_BUILD_TESTS=ON"], 300)
    if status != 0 or (output := build()):
        sys.exit(output)
    for program in PROGRAMS:
        if name := killer(program):
            sys.exit(f"{name} fails without any fault")


def try_out(mutant):
    """Which tests notice: one of each program, or None."""
    path = WORK / mutant.file
    whole = path.read_text()
    path.write_text(mutant.broken(whole))
    try:
        if output := build():
            sys.exit(f"{mutant.name}: does not compile\n{output}")
        return [killer(program) for program in PROGRAMS]
    finally:
        path.write_text(whole)


def write_table(rows):
    text = TABLE.read_text()
    if BEGIN not in text:
        sys.exit(f"{TABLE} has no line {BEGIN}")
    lines = ["| fault | rule | first property that fails | first test that fails |", "| --- | --- | --- | --- |"]
    lines += [f"| {m.name.replace('_', ' ')} | {m.rule} | {a or ''} | {b or ''} |" for m, (a, b) in rows]
    head, rest = text.split(BEGIN)
    TABLE.write_text(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.split(END)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the beginning of the names")
    parser.add_argument("--check", action="store_true", help="only whether each fault fits its source")
    arguments = parser.parse_args()
    mutants = read_mutants()
    if arguments.check:
        return print(f"{len(mutants)} faults fit their sources")

    prepare()
    rows = []
    for mutant in mutants:
        if mutant.name.startswith(arguments.only):
            rows.append((mutant, try_out(mutant)))
            print(f"{mutant.name}: {' / '.join(str(k) for k in rows[-1][1])}", flush=True)
    if not arguments.only:
        write_table(rows)
    survivors = [mutant.name for mutant, killers in rows if not any(killers)]
    print(f"{len(rows)} faults, {len(rows) - len(survivors)} noticed" + "".join(f"\nnot noticed: {s}" for s in survivors))
    return sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
