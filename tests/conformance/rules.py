#!/usr/bin/env python3
"""Writes docs/conformance.md: each rule, and the tests that hold it.

    python3 tests/conformance/rules.py            writes the page
    python3 tests/conformance/rules.py --check    the page must be as it would be written

A test holds the rules that the comment above it or a comment in it cites; a pair holds those on its first line. The
page says of every other rule why there is no test: rules.tsv knows. A rule that is in neither is an error.
"""
import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "conformance.md"
LAST_RULE = 361
SHOWN = 3  # names in a row; whoever wants all of them searches for the number
# tests/mutation/run.py fills what is between these two lines; this script keeps it.
FAULTS = "`make mutants` breaks the sources in each of these ways, and wants a test to fail; this is the first one that did."
BEGIN, END = "<!-- mutation table: begin -->", "<!-- mutation table: end -->"

RULES = re.compile(r"\bS(\d{1,3})(?: to S?(\d{1,3})|-S?(\d{1,3}))?\b")
TEST = re.compile(r"(?:TEST|TEST_F|SIM_TEST|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\((\w+),\s*(\w+)")
IN_A_WORLD = re.compile(r'\{"\w+",\s*\w+\}')  # a pair in its group's list, without a reason why not
PAIR = re.compile(r"void (\w+)\(\) \{ +// ")


def rules_in(text):
    numbers = []
    for first, to, until in RULES.findall(text):
        numbers += range(int(first), int(to or until or first) + 1)
    return numbers


def scan(path, held):
    """Adds the tests of one file to `held`, a list of names for each rule."""
    text = re.sub(r"(\((?:\w+)),\n\s*", r"\1, ", path.read_text())  # a macro that is broken over two lines
    suite = re.search(r'return \{\s*"(\w+)",\n', text) if path.parent == HERE else None
    above, inside = [], None
    for line in text.splitlines():
        test, pair = TEST.match(line), suite and PAIR.match(line)
        cited = rules_in(line)
        if test or pair:
            inside = f"{test[1]}.{test[2]}" if test else f"{suite[1]}.{pair[1]}"
            cited, above = above + cited, []
        elif line.startswith("//"):
            above += cited
            continue
        elif not line.startswith((" ", "}")):
            above, inside = [], None
        for number in cited if inside else []:
            names = held.setdefault(number, [])
            if inside not in names:
                names.append(inside)


def mains(text):
    """The first of the two lists at the end of a group: the pairs that are the main of a program."""
    found = re.search(r'return \{\s*"\w+",\s+"\w+",\s+\{(.*?)\n\s+\},', text, re.DOTALL)
    return found[1] if found else ""


def read_table():
    sections, notes = [], {}
    for line in (HERE / "rules.tsv").read_text().splitlines():
        if line.startswith("#"):
            continue
        kind, *parts = line.split("\t")
        if kind == "section":
            sections.append((int(parts[0][1:]), int(parts[1][1:]), parts[2]))
        else:
            for number in rules_in(parts[0]):
                notes[number] = f"planned: {parts[1]}" if kind == "planned" else f"no test: {parts[1]}"
    return sections, notes


def what_holds(number, held, notes):
    names = held.get(number)
    if not names:
        if number not in notes:
            sys.exit(f"S{number} is cited by no test, and rules.tsv does not say why. Cite it where it is tested.")
        return notes[number]
    text = ", ".join(f"`{name}`" for name in names[:SHOWN])
    return text + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def page(kept):
    held = {}
    files = sorted(HERE.glob("*.cpp")) + sorted(p for p in (ROOT / "tests").rglob("*.cpp") if p.parent != HERE)
    for path in files:
        scan(path, held)
    sections, notes = read_table()
    pairs = sum(path.read_text().count("== ") for path in HERE.glob("*.txt"))
    by_rules = sum(path.read_text().count(" [3.") for path in HERE.glob("*.txt"))
    random_programs = (HERE / "differential" / "sample.txt").read_text().count("== ")
    rows = [line.split("\t") for line in (HERE / "schedules.tsv").read_text().splitlines() if not line.startswith("#")]
    worlds = sum(len(IN_A_WORLD.findall(mains(path.read_text()))) for path in HERE.glob("*.cpp"))
    same = worlds - sum(row[1] != "fixed" for row in rows)
    lines = [
        "# Conformance with asyncio",
        "",
        "What asyncio does is written down in 361 numbered rules, S1 to S361, read from CPython 3.15. The code and the tests",
        "cite them by number. This page leads from each rule to its tests. `python3 tests/conformance/rules.py` makes it, and",
        "a test checks that it is as that would make it.",
        "",
        f"{pairs} of the tests are *pairs*: a program in Python and the same program in C++ (`tests/conformance/futures.py`",
        "and `futures.cpp`), which must print the same lines. What CPython printed is stored beside them; where CPython is",
        f"installed, a test compares it anew. {by_rules} paragraphs are by rules newer than CPython 3.13 and marked so.",
        "",
        "Most pairs run in a world as well, under many schedules: in asyncio's own order of callbacks, where turns of the loop",
        f"take any time, and in any order. {same} of {worlds} print the same lines under all of them; what the others do not",
        "promise stands in `tests/conformance/schedules.tsv`.",
        "",
        f"{random_programs} random programs are stored with what CPython printed, and run on a real loop and in a world. `make differential`",
        "makes fresh ones, runs them on CPython and on ours, and makes small what differs.",
        "",
        "| rules | about | tested | no test in C++ | planned |",
        "| --- | --- | --- | --- | --- |",
    ]
    details = []
    for first, last, title in sections:
        numbers = range(first, last + 1)
        rows = [(number, what_holds(number, held, notes)) for number in numbers]
        planned = sum(text.startswith("planned: ") for _, text in rows)
        apart = sum(text.startswith("no test: ") for _, text in rows)
        lines.append(f"| S{first} to S{last} | {title} | {len(rows) - planned - apart} | {apart} | {planned} |")
        details += ["", f"## {title}", "", "| rule | held by |", "| --- | --- |"]
        details += [f"| S{number} | {text} |" for number, text in rows]
    lines += ["", "## Faults that the tests notice", "", FAULTS, "", BEGIN, *kept, END]
    return "\n".join(lines + details) + "\n"


def kept_table():
    if not PAGE.exists():
        return ["Made by `python3 tests/mutation/run.py`; it has not been run for this page yet."]
    lines = PAGE.read_text().splitlines()
    return lines[lines.index(BEGIN) + 1 : lines.index(END)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args()
    text = page(kept_table())
    if not options.check:
        PAGE.write_text(text)
        print(f"{PAGE.relative_to(ROOT)} is written")
    elif not PAGE.exists() or PAGE.read_text() != text:
        print("docs/conformance.md is not as the tests are now. Make it anew: python3 tests/conformance/rules.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
