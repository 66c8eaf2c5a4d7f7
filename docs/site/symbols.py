"""What Doxygen's XML says about the public symbols: one Symbol for each, as coverage.py and name_map.py read them.

A symbol is a class, a concept, a function, a variable, a type or an enumerator of a public header that a user
may name: private members are none, and neither are the parts that the Doxyfile keeps out of the manual.
"""

import dataclasses
import pathlib
import re
import xml.etree.ElementTree as ElementTree

COMPOUNDS = {"class", "struct", "union", "concept"}
# What is deleted cannot be called, and what is defaulted does what its name says.
SKIPPED = re.compile(r"=\s*(delete|default)$")


@dataclasses.dataclass
class Symbol:
    name: str  # qualified: "asyncio::Lock::acquire"
    kind: str  # Doxygen's: "class", "function", "variable", …
    header: str
    line: int
    link: str  # relative to the HTML folder
    text: str  # the whole documentation, as plain text
    brief: str
    suspends: bool  # it has a paragraph "Suspends:"
    explained: set[str]  # the parameters that have a \param
    parameters: list[tuple[str, str]]  # name and type; without those that have no name
    returns: bool  # gives a value
    says_return: bool  # has a \return

    @property
    def is_constructor(self):
        *_, owner, name = ["", *re.sub(r"<.*?>", "", self.name).split("::")]
        return self.kind == "function" and owner.strip() == name

    @property
    def is_operator(self):
        return self.name.split("::")[-1].startswith("operator")


def _text(element):
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def _link(refid, is_member):
    if not is_member:
        return f"{refid}.html"
    page, _, anchor = refid.rpartition("_1")
    return f"{page}.html#{anchor}"


def _symbol(name, element, is_member, fallback=None):
    location = element.find("location")
    if location is None:
        location = fallback
    parameters = [(p.findtext("declname"), _text(p.find("type"))) for p in element.findall("param")]
    kind = element.get("kind", "enumerator")
    type_text = _text(element.find("type"))
    detailed = element.find("detaileddescription")
    titles = [_text(t) for t in detailed.iter("title")] if detailed is not None else []
    returned = detailed is not None and any(s.get("kind") == "return" for s in detailed.iter("simplesect"))
    explained = {_text(n) for n in detailed.iter("parametername")} if detailed is not None else set()
    return Symbol(
        name=name,
        kind=kind,
        header=location.get("declfile") or location.get("file"),
        line=int(location.get("declline") or location.get("line")),
        link=_link(element.get("id"), is_member),
        text=" ".join([_text(element.find("briefdescription")), _text(detailed)]).strip(),
        brief=_text(element.find("briefdescription")) or _text(detailed),
        suspends="Suspends:" in titles,
        explained=explained,
        parameters=[(name, type_text) for name, type_text in parameters if name],
        returns=kind == "function" and type_text not in ("", "void", "constexpr", "virtual void", "static void"),
        says_return=returned,
    )


def read(xml_folder):
    """All symbols, sorted by header and line."""
    found = {}
    for path in sorted(pathlib.Path(xml_folder).glob("*.xml")):
        for compound in ElementTree.parse(path).getroot().iter("compounddef"):
            kind, name = compound.get("kind"), compound.findtext("compoundname")
            if kind not in COMPOUNDS | {"namespace", "file"} or compound.get("prot") == "private":
                continue
            if kind in COMPOUNDS:
                found[compound.get("id")] = _symbol(name, compound, False)
            for member in compound.iter("memberdef"):
                if member.get("prot") == "private" or (kind == "file" and member.get("kind") != "define"):
                    continue
                if SKIPPED.search(member.findtext("argsstring") or "") and member.get("kind") == "function":
                    continue
                if member.get("kind") == "friend" and not member.findtext("argsstring"):
                    continue  # `friend class X` grants access and is nobody's to call
                short = member.findtext("name")
                qualified = short if kind == "file" else f"{name}::{short}"
                found[member.get("id")] = _symbol(qualified, member, True)
                for value in member.iter("enumvalue"):
                    found[value.get("id")] = _symbol(
                        f"{qualified}::{value.findtext('name')}", value, True, member.find("location")
                    )
    return sorted(found.values(), key=lambda s: (s.header, s.line, s.name))
