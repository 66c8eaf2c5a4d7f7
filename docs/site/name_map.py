#!/usr/bin/env python3
"""name_map.py XML_FOLDER PAGE: the page that says what became of each of asyncio's names, checked.

docs/asyncio_names.tsv is the list: area, name in asyncio, kind, state, name here (without "asyncio::"; several are
separated by spaces), note. What it says is held against Doxygen's XML, so that it cannot grow old:

  mapped, differs  the name here exists; what is a coroutine in asyncio says here until when it suspends
  planned          no name here, or one that every loop inherits as it is, to throw NotImplementedError
  left out         no name here, and a reason

Ends with status 1 where the list is wrong, and names each line of it that is.
"""

import csv
import html
import pathlib
import re
import sys

import symbols

NAMES = pathlib.Path(__file__).parent.parent / "asyncio_names.tsv"
STATES = {
    "mapped": "means here what it means in asyncio",
    "differs": "C++ had to differ, or we chose to: the note says how, the page behind the word why",
    "planned": "not there yet; where a name is given, it is declared and throws NotImplementedError",
    "left out": "will not come: the note says why",
}
LOOPS = ("BaseEventLoop", "SelectorEventLoop")  # of these, what is declared in AbstractEventLoop has its code


class Manual:
    """The names that the manual has, without namespace and template arguments: "Lock::acquire"."""

    def __init__(self, xml_folder):
        self.by_name = {}
        for symbol in symbols.read(xml_folder):
            name = re.sub(r"<.*>", "", symbol.name).replace(" ", "").removeprefix("asyncio::")
            self.by_name.setdefault(name, []).append(symbol)

    def has(self, name):
        return name in self.by_name

    def says_suspension(self, name):
        return any(s.suspends or "suspend" in s.text for s in self.by_name[name])

    def has_code_for(self, name):
        """Whether a loop overrides this method of AbstractEventLoop, or there is nothing to override."""
        owner, _, method = name.rpartition("::")
        return owner != "AbstractEventLoop" or any(self.has(f"{loop}::{method}") for loop in LOOPS)

    def link(self, name):
        return f'<a href="{self.by_name[name][0].link}"><code>{html.escape(name)}</code></a>'


def mistakes(row, manual):
    """What is wrong with one line of the list, as sentences."""
    state, here = row["state"], row["here"].split()
    absent = [name for name in here if not manual.has(name)]
    if state not in STATES:
        yield f"there is no state {state!r}, only {', '.join(STATES)}"
    if absent:
        yield f"{state}, but the manual has no {', '.join(absent)}"
        return
    if state in ("mapped", "differs"):
        if not here:
            yield f"{state}, but to what?"
        elif row["kind"] == "coroutine" and not manual.says_suspension(here[0]):
            yield f"a coroutine in asyncio; {here[0]} does not say until when it suspends"
    own_name = row["asyncio"].replace(".", "::")
    if state in ("planned", "left out") and not here and manual.has(own_name):
        yield f"{state}, but {own_name} is there: say mapped or differs"
    if state == "planned":
        # An earlier name in the cell is the template, the last one what a loop overrides.
        if here and "::" in here[-1] and manual.has_code_for(here[-1]):
            yield f"planned, but a loop has {here[-1]}: say mapped or differs"
    if state in ("differs", "left out") and not row["note"]:
        yield f"{state}, but the note does not say why"


def page(rows, manual):
    count = {state: sum(row["state"] == state for row in rows) for state in STATES}
    yield "# asyncio's names, and ours {#page_asyncio_names}"
    yield ""
    yield "Looking for something you know from Python? Find its name here. A name that asyncio keeps for itself, with an"
    yield "underscore, is listed where a loop or a task type of your own meets it; here it has no underscore."
    yield ""
    yield "| state | names | meaning |"
    yield "| --- | ---: | --- |"
    yield from (f"| {state} | {count[state]} | {meaning} |" for state, meaning in STATES.items())
    areas = dict.fromkeys(row["area"] for row in rows)
    for area in areas:
        yield ""
        yield f"## {area}"
        yield ""
        yield "<table class='markdownTable names'><tr><th>asyncio</th><th>here</th><th>state</th><th>note</th></tr>"
        for row in (r for r in rows if r["area"] == area):
            here = "<br>".join(manual.link(name) for name in row["here"].split())
            note = re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(row["note"], quote=False))
            state = row["state"]
            shown = '<a href="page_docs_differences.html">differs</a>' if state == "differs" else state
            yield (
                f"<tr class='{state.replace(' ', '-')}'><td><code>{html.escape(row['asyncio'])}</code></td>"
                f"<td>{here}</td><td>{shown}</td><td>{note}</td></tr>"
            )
        yield "</table>"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    manual = Manual(sys.argv[1])
    with NAMES.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    wrong = [
        f"docs/{NAMES.name}:{number}: {row['asyncio']}: {mistake}"
        for number, row in enumerate(rows, start=2)
        for mistake in mistakes(row, manual)
    ]
    if len({row["asyncio"] for row in rows}) != len(rows):
        wrong.append(f"docs/{NAMES.name}: a name is listed twice")
    if wrong:
        sys.exit("\n".join(wrong))
    pathlib.Path(sys.argv[2]).write_text("\n".join(page(rows, manual)) + "\n", encoding="utf-8")
    print(f"{len(rows)} names of asyncio are accounted for")


if __name__ == "__main__":
    main()
