#!/usr/bin/env python3
"""coverage.py XML_FOLDER: is every public symbol documented? A table for each header, then what is missing.

What each symbol needs, where it applies:

  text        there is any
  parameters  each one has a \\param, or the text names it. A function's only parameter, an options struct
              (which is documented itself) and the source_location of the caller need not be named
  result      a function that gives a value has a \\return, or a first sentence that describes that value:
              "Whether …", "The …"

A text that refers to another ("See …()", "The same …", "For …()", an overload) answers for the last two. That what
may suspend says so is for name_map.py, which knows asyncio's coroutines. Ends with status 1 where anything is missing.
"""

import collections
import re
import sys

import symbols

# How a first sentence begins that is about what the function gives.
DESCRIBES_RESULT = re.compile(
    r"\W*(A|All|An|Another|Any|As|Exactly|Gives|How|In|Makes|Names?|One|Some|The|True|What|When|Where|Whether|Which|Who"
    r"|Takes|Fills|Finds)\b|\W*\""
)
# How a text begins that leaves the rest to another.
REFERS = re.compile(r"(See|The same|Like|For|Ends that|This is an overloaded)\b|.*\bSee \w")


def missing_parameters(symbol):
    named = [
        name
        for name, type_text in symbol.parameters
        if name in symbol.explained
        or re.search(rf"\b{re.escape(name)}\b", symbol.text)
        or re.search(r"\w+Options\b|std::source_location", type_text)
    ]
    if len(symbol.parameters) == 1 and not symbol.explained:
        return []
    return [name for name, _ in symbol.parameters if name not in named]


def gaps(symbol):
    if not symbol.text:
        # A destructor, and a constructor without parameters, have nothing to say but their name.
        unsaid = symbol.name.split("::")[-1].startswith("~") or (symbol.is_constructor and not symbol.parameters)
        return [] if unsaid else ["text"]
    if REFERS.match(symbol.text) or symbol.is_operator:
        return []
    found = []
    if absent := missing_parameters(symbol):
        found.append("parameters: " + ", ".join(absent))
    if symbol.returns and not symbol.says_return and not DESCRIBES_RESULT.match(symbol.brief):
        found.append("result")
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    all_symbols = symbols.read(sys.argv[1])
    if not all_symbols:
        sys.exit(f"coverage: no symbols in {sys.argv[1]}; has doxygen run?")
    headers = collections.defaultdict(lambda: [0, 0])
    complaints = []
    for symbol in all_symbols:
        found = gaps(symbol)
        headers[symbol.header][0] += 1
        headers[symbol.header][1] += not found
        complaints += [f"{symbol.header}:{symbol.line}: {symbol.name}: no {gap}" for gap in found]

    width = max(map(len, headers))
    for header, (total, complete) in headers.items():
        print(f"{header:{width}}  {complete:4} of {total:4}  {100 * complete // total:3} %")
    total, complete = (sum(column) for column in zip(*headers.values()))
    print(f"{'all public symbols':{width}}  {complete:4} of {total:4}  {100 * complete // total:3} %")
    if complaints:
        print("\n".join(["", *complaints]))
        print("Document these, or add those that nobody should call to EXCLUDE_SYMBOLS in docs/Doxyfile.in.")
        sys.exit(1)


if __name__ == "__main__":
    main()
