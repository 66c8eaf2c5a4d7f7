#!/usr/bin/env python3
"""links.py HTML_FOLDER: does every link inside the manual lead somewhere, and does no page need the network?

Looks at href, src and data of every page and at what the search knows, and ends with status 1 where a file or an
anchor is missing, or a page loads something from elsewhere. Links to other sites are for a person to follow.
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

# Doxygen 1.9.4 links a class that has private nested classes only to a list of them, which it then leaves out.
HARMLESS = "#nested-classes"
LOADS = {"script": "src", "img": "src", "link": "href", "object": "data", "iframe": "src"}


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.anchors = set()
        self.links = []
        self.loads = []
        self.feed(path.read_text(encoding="utf-8", errors="replace"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors.update(attributes[key] for key in ("id", "name") if attributes.get(key))
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if loaded := attributes.get(LOADS.get(tag)):
            self.loads.append(loaded)


def search_targets(folder):
    """What a search can lead to, as (script, link relative to the folder)."""
    for path in sorted((folder / "search").glob("*.js")):
        for link in re.findall(r"'\.\./([^']+\.html[^']*)'", path.read_text(encoding="utf-8", errors="replace")):
            yield f"search/{path.name}", link


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    pages = {path.name: Page(path) for path in sorted(folder.glob("*.html"))}
    if "index.html" not in pages:
        sys.exit(f"links: no index.html in {folder}; has doxygen run?")
    wrong = []

    def check(source, link):
        target, _, anchor = urllib.parse.unquote(link).partition("#")
        target = target or source
        if not (folder / target).is_file():
            wrong.append(f"{source}: {link}: there is no {target}")
        elif anchor and target in pages and anchor not in pages[target].anchors:
            wrong.append(f"{source}: {link}: {target} has no anchor {anchor}")

    checked = 0
    for name, page in pages.items():
        for link in page.loads:
            if re.match(r"(https?:)?//", link):
                wrong.append(f"{name}: loads {link} from the network")
        for link in [*page.links, *page.loads]:
            if link != HARMLESS and not re.match(r"[a-z]+:|//", link):
                checked += 1
                check(name, link)
    for source, link in search_targets(folder):
        checked += 1
        check(source, link)
    if wrong:
        sys.exit("\n".join(sorted(set(wrong))))
    print(f"{checked} links on {len(pages)} pages lead somewhere")


if __name__ == "__main__":
    main()
