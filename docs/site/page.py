#!/usr/bin/env python3
"""page.py FILE: a Markdown page of this repository as Doxygen is to read it. Doxygen's filter for *.md.

The pages are written for those who read them in the repository. Four things are done to them here:

  its name   the first heading gets the page's label: {#page_docs_differences} for docs/differences.md,
             {#page_simulator_museum} for simulator/museum/README.md, {#page_learn} for docs/site/learn.md
  its links  a link to another page, and a page's path in backticks, becomes a \\ref; a link to any other
             file of the repository becomes its name
  its list   a line <!-- pages "The bugs": simulator/museum/*.md !simulator/museum/README.md --> becomes a heading
             and a \\subpage for each of these files, or nothing where there are none. So a new page is a new file
  its code   after a line <!-- cut from tests/consumer/world.cpp -->, the code block that follows must be found in
             that file, which is compiled: what a page shows cannot go stale unnoticed
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TITLES = {ROOT / "README.md": "What it is, and what it refuses"}  # where the heading would say "Orrery" once more
FENCE = re.compile(r"^(```|~~~)")
HEADING = re.compile(r"^# +(.+?) *$", re.MULTILINE)


def label(path):
    """The label of the page that a file is."""
    relative = path.resolve().relative_to(ROOT)
    parts = [*relative.parts[:-1], relative.stem]
    if parts[:2] == ["docs", "site"]:
        parts = parts[2:]
    if parts[-1] == "README" and len(parts) > 1:
        parts.pop()
    return "page_" + re.sub(r"\W", "_", "_".join(parts).lower())


def list_of(heading, patterns):
    def numbers_as_numbers(path):
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]

    found = set()
    for pattern in patterns.split():
        if pattern.startswith("!"):
            found -= set(ROOT.glob(pattern[1:]))
        else:
            found |= set(ROOT.glob(pattern))
    paths = sorted(found, key=numbers_as_numbers)
    if not paths:
        return ""
    lines = [f"- \\subpage {label(path)}" for path in paths]
    # Not "##": Doxygen would list it among the pages.
    return "\n".join(([f"<h2>{heading}</h2>", ""] if heading else []) + lines)


def with_links(text, folder):
    def page_of(target, base):
        path = base / target.partition("#")[0]
        return path if path.suffix == ".md" and path.is_file() else None

    def link(found):
        text, target = found[1], found[2]
        if re.match(r"[a-z]+:|#|@ref|\\ref", target):
            return found[0]
        if path := page_of(target, folder):
            return f"[{text.replace('`', '')}](@ref {label(path)})"  # Doxygen shows backticks here as they are
        if not (folder / target).exists():
            sys.exit(f"{folder}: a link to {target}, which is not there")
        return text if text.startswith("`") else f"`{text}`"

    def path_in_backticks(found):
        path = page_of(found[1], folder) or page_of(found[1], ROOT)
        return f"[{found[1]}](@ref {label(path)})" if path else found[0]

    text = re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, text)
    return re.sub(r"(?<!\[)`([\w./-]+\.md)`", path_in_backticks, text)


def check_cuts(text, path):
    for source, code in re.findall(r"<!-- cut from (\S+) -->\n+```\w*\n(.*?)```", text, re.DOTALL):
        if code not in (ROOT / source).read_text(encoding="utf-8"):
            sys.exit(f"{path}: a code block is no longer found in {source}")


def page(path):
    named = False
    fenced = False
    text = path.read_text(encoding="utf-8")
    check_cuts(text, path)
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        if fenced:
            yield line
        elif not named and (found := HEADING.match(line)):
            named = True
            yield line if "{#" in line else f"# {TITLES.get(path, found[1])} {{#{label(path)}}}"
        elif found := re.fullmatch(r'<!-- pages(?: "(.*)")?: (.+) -->', line):
            yield list_of(found[1], found[2])
        else:
            yield with_links(line, path.parent)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[1]).resolve()
    lines = page(path) if path.is_relative_to(ROOT) and "asyncio_names" not in path.name else [path.read_text()]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
