#!/usr/bin/env python3
"""Runs the commands that the museum's pages show, and puts what they print below them.

    simulator/museum/refresh_pages.py build/release/orrery

A block whose first line is "$ orrery ..." is replaced as a whole. SCENARIO@TOKEN in a command stands for the case that
the last `orrery explore SCENARIO` on that page has found.
"""
import pathlib
import re
import subprocess
import sys

program = sys.argv[1]
cases = {}


def output_of(arguments):
    words = ["orrery"] + [re.sub(r"^(\w+)@TOKEN$", lambda m: cases[m[1]], word) for word in arguments]
    printed = subprocess.run(words, executable=program, capture_output=True, text=True).stdout
    if found := re.search(r"^trace +orrery trace ((\w+)@\S+)$", printed, re.M):
        cases[found[2]] = found[1]
    return "\n".join(line.rstrip() for line in printed.rstrip().splitlines())


def refreshed(block):
    arguments = [quoted or plain for quoted, plain in re.findall(r"'([^']*)'|(\S+)", block[1])]
    return f"```text\n$ orrery {block[1]}\n{output_of(arguments)}\n```"


for page in sorted(pathlib.Path(__file__).parent.glob("*.md")):
    text = page.read_text()
    page.write_text(re.sub(r"```text\n\$ orrery (.*)\n(?:(?!```).*\n)*```", refreshed, text))
