#!/usr/bin/env python3
"""Runs the Python programs of the pairs on CPython 3.13 or newer, and keeps what they print.

    python3 tests/conformance/pairs.py --check    what CPython prints must be what is stored
    python3 tests/conformance/pairs.py --write    stores what CPython prints
    python3 tests/conformance/pairs.py --show futures.a_done_future_costs_nothing

A pair marked @since("3.15") is by rules that an older Python does not have. Its stored paragraph is then kept as
it is, and its header says so. Exit status 77: no Python of 3.13 or newer was found.
"""
import argparse
import asyncio
import contextlib
import difflib
import gc
import importlib.util
import inspect
import io
import os
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
OLDEST = (3, 13)
NOT_FOUND = 77


def become_newest_python():
    """Starts this script again in the newest Python that is installed, unless it is the one that runs."""
    if sys.version_info >= OLDEST:
        return
    names = [f"python3.{minor}" for minor in range(20, OLDEST[1] - 1, -1)]
    found = [path for path in map(shutil.which, names) if path and "shims" not in path]
    versions = pathlib.Path.home() / ".pyenv" / "versions"
    found += [str(path) for name in names for path in sorted(versions.glob(f"*/bin/{name}"), reverse=True)]
    if not found:
        print("no Python of 3.13 or newer on PATH or in ~/.pyenv: CPython was not asked")
        sys.exit(NOT_FOUND)
    os.execv(found[0], [found[0], *sys.argv])


def load(path):
    spec = importlib.util.spec_from_file_location("conformance_" + path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pairs_of(path):
    """The pairs of a file, in its order: public functions without parameters."""
    functions = inspect.getmembers(load(path), inspect.isfunction)
    own = [(name, f) for name, f in functions if f.__module__ == "conformance_" + path.stem]
    own = [(name, f) for name, f in own if not name.startswith("_") and not inspect.signature(f).parameters]
    return sorted(own, key=lambda pair: pair[1].__code__.co_firstlineno)


def run(function):
    from support import new_loop

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if inspect.iscoroutinefunction(function):
            asyncio.run(function(), loop_factory=new_loop)
        else:
            function()
        gc.collect()
    return out.getvalue()


def stored(path):
    """The paragraphs of a stored text, by name."""
    paragraphs = {}
    name = None
    for line in path.read_text().splitlines(keepends=True) if path.exists() else []:
        if line.startswith("== "):
            name = line.split()[1]
            paragraphs[name] = ""
        elif name:
            paragraphs[name] += line
    return paragraphs


def text_of(path, kept):
    """The whole text of a group: by CPython, where this one has the rules; else as it is stored."""
    lines = []
    for name, function in pairs_of(path):
        since = getattr(function, "since", None)
        too_old = since is not None and tuple(map(int, since.split("."))) > sys.version_info[:2]
        lines.append(f"== {name}" + (f" [{since}]" if since else "") + "\n")
        lines.append(kept.get(name, "nothing is stored yet\n") if too_old else run(function))
    return "".join(lines)


def names_in_cpp(path):
    return re.findall(r'^\s*\{"(\w+)",\s', path.read_text(), re.MULTILINE)


def check_group(path, write):
    """Compares or writes one group; gives what is wrong."""
    target = path.with_suffix(".txt")
    text = text_of(path, stored(target))
    if write:
        target.write_text(text)
    before = target.read_text() if target.exists() else ""
    wrong = list(difflib.unified_diff(before.splitlines(), text.splitlines(), target.name, "CPython", lineterm=""))
    here, there = set(names_in_cpp(path.with_suffix(".cpp"))), {name for name, _ in pairs_of(path)}
    wrong += [f"{path.stem}: {name} has no twin in Python" for name in sorted(here - there)]
    wrong += [f"{path.stem}: {name} has no twin in C++" for name in sorted(there - here)]
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with what is stored")
    parser.add_argument("--write", action="store_true", help="store what CPython prints")
    parser.add_argument("--show", metavar="GROUP.PAIR", help="print what one pair prints")
    options = parser.parse_args()
    become_newest_python()
    if options.show:
        group, name = options.show.split(".")
        print(run(dict(pairs_of(HERE / f"{group}.py"))[name]), end="")
        return 0
    if options.check == options.write:
        parser.error("one of --check and --write")
    groups = [path for path in sorted(HERE.glob("*.py")) if path.with_suffix(".cpp").exists() and path.stem != "pairs"]
    wrong = [line for path in groups for line in check_group(path, options.write)]
    print("\n".join(wrong) if wrong else f"{len(groups)} groups are as CPython {sys.version.split()[0]} has them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
