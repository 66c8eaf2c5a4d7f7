#!/usr/bin/env python3
"""Runs the commands that the museum's pages and the README show, and puts what they print below them.

    simulator/museum/refresh_pages.py build/release/orrery            writes
    simulator/museum/refresh_pages.py build/release/orrery --check    only looks: exit status 1 where a page is stale

A block whose first line is "$ orrery ..." is replaced as a whole. SCENARIO@TOKEN in a command stands for the case that
`orrery explore SCENARIO` finds; "| tail -n N" at its end is understood. Real time differs from run to run, and is not
compared; neither is a block on a machine so busy that shrinking was cut short.
"""
import difflib
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "simulator/museum").glob("*.md"))]
REAL_TIME = re.compile(r", \d+\.\d s$", re.M)
CUT_SHORT = 9.0  # seconds; shrinking stops after ten, wherever it is

program = pathlib.Path(sys.argv[1]).resolve()
cases = {}


def run(words):
    printed = subprocess.run(["orrery", *words], executable=program, capture_output=True, text=True).stdout
    if found := re.search(r"^trace +orrery trace ((\w+)@\S+)$", printed, re.M):
        cases[found[2]] = found[1]
    return [line.rstrip() for line in printed.rstrip().splitlines()]


def case(scenario):
    if scenario not in cases:
        run(["explore", scenario])
    return cases[scenario]


def refreshed(block):
    begun = time.monotonic()
    command, _, tail = block[1].partition(" | tail -n ")
    words = [quoted or plain for quoted, plain in re.findall(r"'([^']*)'|(\S+)", command)]
    lines = run([re.sub(r"^(\w+)@TOKEN$", lambda m: case(m[1]), word) for word in words])
    if "--check" in sys.argv and time.monotonic() - begun > CUT_SHORT:
        print(f"not compared, for this machine is too busy: orrery {block[1]}")
        return block[0]
    shown = "\n".join(lines[-int(tail):] if tail else lines)
    return f"```text\n$ orrery {block[1]}\n{shown}\n```"


stale = False
for page in PAGES:
    text = page.read_text()
    fresh = re.sub(r"```text\n\$ orrery (.*)\n(?:(?!```).*\n)*```", refreshed, text)
    if "--check" not in sys.argv:
        page.write_text(fresh)
    elif REAL_TIME.sub("", fresh) != REAL_TIME.sub("", text):
        stale = True
        print(f"{page.relative_to(ROOT)} shows what orrery does not print any more:")
        print("\n".join(difflib.unified_diff(text.splitlines(), fresh.splitlines(), "page", "printed", lineterm="")))
if stale:
    sys.exit("refresh with: simulator/museum/refresh_pages.py build/release/orrery")
