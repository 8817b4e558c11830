"""Text from a spec is data: each function makes it harmless in one format, and leaves ordinary text as it is."""

from __future__ import annotations

import re

from costcalc.errors import visible

PLAIN_MARKDOWN = re.compile(r"(?:[A-Za-z0-9 .,:;()/+'%≥?-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9]))*")
LINKED = re.compile(r"://|www\.|:\w+:|\bGH-\d|\b[0-9a-f]{7,40}\b", re.IGNORECASE)  # what GitHub makes more of
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}", "`": r"\textasciigrave{}", "'": r"\textquotesingle{}",
}  # fmt: skip


def terminal(text: str) -> str:
    """One line without anything that a terminal would act on."""
    return visible(text.replace("\n", " "))


def markdown(text: str, cell: bool = True) -> str:
    """Plain words as they are; anything else as code, where no markup, link or mention is read; fit for a `cell`."""
    text = terminal(text)
    if PLAIN_MARKDOWN.fullmatch(text) and not LINKED.search(text):
        return text
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    code = f"{fence}{pad}{text}{pad}{fence}"
    return code.replace("|", r"\|") if cell else code


def inline(text: str) -> str:
    """The same in a line that is no cell."""
    return markdown(text, cell=False)


def csv(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: those are begun with an apostrophe."""
    text = terminal(text)
    return f"'{text}" if text.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def latex(text: str) -> str:
    """Text with every character that TeX reads as a command written out."""
    return "".join(LATEX.get(c, c) for c in terminal(text))
