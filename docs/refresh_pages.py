#!/usr/bin/env python3
"""Puts into pages what they show of programs: parts of the source, and what commands print.

    docs/refresh_pages.py build/release README.md simulator/museum/*.md tutorials/*/README.md
    docs/refresh_pages.py --check build/release tutorials/*/README.md      changes nothing; status 1 where it would

Three things on a page are kept true, and the rest is left alone:

- A code block below `<!-- file.cpp: name -->` is what stands between the two lines `// [name]` of that file, which is
  looked for beside the page; without `: name` the whole file. On such a page no other code may stand.
- A block whose first line is `$ orrery ...`, `$ build/release/...` or `$ python3 ...` is what this command, run in the
  repository, writes to standard output (progress goes to standard error); `| tail -n N` at its end is understood.
  SCENARIO@TOKEN in it stands for the case that the last `explore SCENARIO` on the page, or one run for it, has found.
- Code in `hints.md` beside the page has to be found in the chapter's files, the third hint excepted: it shows the fix.

The programs are those of the build folder, whatever its name. Real time differs from run to run and is not compared, nor
is a block on a machine so busy that shrinking was cut short.
"""
import argparse
import difflib
import pathlib
import re
import subprocess
import sys
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = re.compile(r"^<!-- (?P<file>\S+?)(?:: (?P<part>\w+))? -->\n```(?P<language>\w+)\n.*?^```$", re.M | re.S)
TYPED_CODE = re.compile(r"^```(?:cpp|python)$", re.M)
OUTPUT = re.compile(r"^```text\n\$ (?P<command>(?:orrery|build/release/|python3).*)\n(?:(?!```).*\n)*```$", re.M)
REAL_TIME = re.compile(r", \d+\.\d s$", re.M)
CUT_SHORT = 9.0  # seconds; shrinking stops after ten, wherever it is


class Page:
    def __init__(self, path, build):
        self.path, self.build, self.cases, self.complaints = path, build, {}, []
        self.text = path.read_text()

    def refreshed(self):
        text = OUTPUT.sub(self.output, CODE.sub(self.code, self.text))
        if CODE.search(self.text):
            for block in TYPED_CODE.finditer(CODE.sub("", self.text)):
                self.complain(f"code that is taken from no file: {block[0]}")
        if (hints := self.path.with_name("hints.md")).exists():
            self.check_hints(hints)
        return text

    def complain(self, what):
        self.complaints.append(f"{self.path}: {what}")

    def code(self, block):
        source = self.path.parent / block["file"]
        if not source.exists():
            self.complain(f"there is no {source}")
            return block[0]
        text = source.read_text()
        if block["part"]:
            marker = rf"^ *(?://|#) \[{block['part']}\]\n"
            found = re.findall(rf"{marker}(.*?){marker}", text, re.M | re.S)
            if len(found) != 1:
                self.complain(f"{source} has {len(found)} parts called {block['part']}")
                return block[0]
            text = textwrap.dedent(found[0])
        shown = re.sub(r"^ *(//|#) \[\w+\]\n", "", text, flags=re.M)
        header = block[0].splitlines()[0]
        return f"{header}\n```{block['language']}\n{shown.strip()}\n```"

    def output(self, block):
        command, _, tail = block["command"].partition(" | tail -n ")
        words = [quoted or plain for quoted, plain in re.findall(r"'([^']*)'|(\S+)", command)]
        if self.edited_by_a_reader(words):
            return block[0]
        begun = time.monotonic()
        lines = self.run([re.sub(r"^(\w+)@TOKEN$", lambda m: self.case(words[0], m[1]), word) for word in words])
        if time.monotonic() - begun > CUT_SHORT:
            print(f"not compared, for this machine is too busy: {block['command']}")
            return block[0]
        printed = "\n".join(lines[-int(tail):] if tail else lines)
        fresh = f"```text\n$ {block['command']}\n{printed}\n```"
        return block[0] if REAL_TIME.sub("", fresh) == REAL_TIME.sub("", block[0]) else fresh

    def run(self, words):
        program = re.sub(r"^build/release/|^(?=orrery$)", f"{self.build}/", words[0])
        printed = subprocess.run(words, executable=program, cwd=ROOT, capture_output=True, text=True).stdout
        if found := re.search(r"^trace +\S+ trace ((\w+)@\S+)$", printed, re.M):
            self.cases[found[2]] = found[1]
        return [line.rstrip() for line in printed.rstrip().splitlines()]

    def case(self, program, scenario):
        if scenario not in self.cases:
            self.run([program, "explore", scenario])
        return self.cases[scenario]

    def edited_by_a_reader(self, words):
        """Whether a command checks an exercise that is not as it was shipped: what it prints is the reader's."""
        if words[1:3] != ["learn", "check"]:
            return False
        differs = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", self.path.with_name("exercise")], cwd=ROOT,
                                 stderr=subprocess.DEVNULL)
        return differs.returncode == 1

    def check_hints(self, hints):
        sources = "\n".join(file.read_text() for file in hints.parent.rglob("*") if file.suffix in (".cpp", ".hpp"))
        before_the_fix = hints.read_text().split("\n## 3\n")[0]
        for span in re.findall(r"`([^`]+)`", before_the_fix):
            if span not in sources and not (hints.parent / span).exists() and not (ROOT / span).exists():
                self.complain(f"hints.md speaks of `{span}`, which is in no file of the chapter")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="change nothing, and say what would change")
    arguments.add_argument("build", type=lambda path: pathlib.Path(path).resolve())
    arguments.add_argument("pages", nargs="+", type=lambda path: pathlib.Path(path).resolve())
    given = arguments.parse_args()

    complaints = []
    for path in given.pages:
        page = Page(path, given.build)
        fresh = page.refreshed()
        complaints += page.complaints
        if fresh == page.text:
            continue
        if given.check:
            complaints += difflib.unified_diff(page.text.splitlines(), fresh.splitlines(), f"{path} as it is",
                                               f"{path} as it has to be", lineterm="")
            complaints.append(f"{path}: refresh it by docs/refresh_pages.py {given.build} {path}")
        else:
            path.write_text(fresh)
    print(*complaints, sep="\n", end="\n" if complaints else "", file=sys.stderr)
    return 1 if complaints else 0


sys.exit(main())
