"""Exact formulas as programs that compute them: Python on Fractions, JavaScript on BigInt. Both read 0.35 as 7/20.

Beside a function for each total there is `holds`, which says whether the formulas are proven at a setting.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.explore.conditions import Where
from costcalc.network import plain
from costcalc.number.polynomial import Polynomial
from costcalc.render.escape import terminal
from costcalc.render.prelude import JAVASCRIPT_HEAD, JAVASCRIPT_WORDS, PYTHON_HEAD, PYTHON_WORDS

WIDTH = 100  # of a line; longer sums get a line for each term
PROVEN = "Whether the formulas are proven here; elsewhere they may still be right."
SIGNS = {"==": "===", "!=": "!=="}  # of JavaScript, where they are others
FUNCTIONS = {"made_divisible": "make_divisible", "inside": "taps_inside"}


def safe_names(symbols: Iterable[str], words: Collection[str]) -> dict[str, str]:
    """What each symbol is called where some words mean something else: `class_` for `class`."""
    names: dict[str, str] = {}
    taken = set(symbols)
    for name in symbols:
        safe = name
        while safe in words or (safe != name and safe in taken):
            safe += "_"
        taken.add(safe)
        names[name] = safe
    return names


class Language(NamedTuple):
    """How a language writes numbers, products, sums and comparisons, and a function of the symbols."""

    words: frozenset[str]
    number: Callable[[Fraction], str]
    times: Callable[[list[tuple[str, int]], str], str]  # factors with their powers, and a coefficient ("" for 1)
    plus: Callable[[list[str], str], str]  # the terms, and the margin of the line
    compare: Callable[[str, str, str], str]


def _python_number(x: Fraction) -> str:
    return str(x.numerator) if x.denominator == 1 else f"Fraction({x.numerator}, {x.denominator})"


def _python_times(factors: list[tuple[str, int]], coefficient: str) -> str:
    parts = [f"{name}**{power}" if power > 1 else name for name, power in factors if power > 0]
    below = [f"Fraction({name})**{power}" for name, power in factors if power < 0]
    return " * ".join([*([coefficient] if coefficient or not parts + below else []), *parts, *below])


def _python_plus(terms: list[str], margin: str) -> str:
    line = " + ".join(terms)
    if len(margin + line) <= WIDTH or len(terms) == 1:
        return line
    return "(" + f"\n{margin}    + ".join([f"\n{margin}    {terms[0]}", *terms[1:]]) + f"\n{margin})"


def _javascript_times(factors: list[tuple[str, int]], coefficient: str) -> str:
    parts = [name if power == 1 else f"pow({name}, {power})" for name, power in factors]
    parts = [*([coefficient] if coefficient or not parts else []), *parts]
    return parts[0] if len(parts) == 1 else f"mul({', '.join(parts)})"


def _javascript_plus(terms: list[str], margin: str) -> str:
    line = terms[0] if len(terms) == 1 else f"add({', '.join(terms)})"
    if len(margin + line) <= WIDTH or len(terms) == 1:
        return line
    return "add(" + "".join(f"\n{margin}  {term}," for term in terms) + f"\n{margin})"


PYTHON = Language(PYTHON_WORDS, _python_number, _python_times, _python_plus, "{} {} {}".format)
JAVASCRIPT = Language(
    JAVASCRIPT_WORDS,
    lambda x: f"q({x.numerator}n)" if x.denominator == 1 else f'q("{x.numerator}/{x.denominator}")',
    _javascript_times,
    _javascript_plus,
    lambda a, relation, b: f"compare({a}, {b}) {SIGNS.get(relation, relation)} 0",
)


class _Body:
    """The statements of one function: each rounding once, before it is used."""

    def __init__(self, language: Language, symbols: Mapping[str, Any]) -> None:
        self.language, self.margin = language, "    " if language is PYTHON else "  "
        self.names = safe_names(symbols, language.words)
        self.lines: list[tuple[str, str]] = []
        self.known: dict[int, str] = {}

    def expression(self, polynomial: Polynomial) -> str:
        """The polynomial in the language, after statements for what it needs."""
        language, terms = self.language, []
        for monomial, coefficient in polynomial.terms.items():
            factors = [(self.node(polynomial, node), power) for node, power in monomial]
            c = "" if coefficient == 1 else language.number(Fraction(coefficient))
            terms.append(language.times(factors, c or ("" if factors else language.number(Fraction(1)))))
        return language.plus(terms, self.margin) if terms else language.number(Fraction(0))

    def node(self, polynomial: Polynomial, node: int) -> str:
        if node not in self.known:
            for index in polynomial.needed(node, self.known):  # what it needs first: chains may be long
                self.known[index] = self._atom(polynomial, index)
        return self.known[node]

    def _atom(self, polynomial: Polynomial, node: int) -> str:
        op, symbol, parts = polynomial.atom(node)
        if op == "symbol":
            return self.names[symbol]
        texts = [self.expression(part) for part in parts]
        value = f"{FUNCTIONS.get(op, op)}({', '.join(texts)})"
        if op == "div" and self.language is PYTHON:
            value = f"Fraction({texts[0]}) / ({texts[1]})"
        name = f"c{len(self.lines) + 1}"
        while name in self.names.values():
            name += "_"
        self.lines.append((name, value))
        return name

    def comparisons(self, where: Where) -> list[str]:
        """The conditions, each as an expression that is true or false."""
        language = self.language
        found = [
            language.compare(self.names[name], relation, language.number(Fraction(value)))
            for name, relation, value in where.bounds
        ]
        for left, relation, right in where.relations:
            found.append(language.compare(self.expression(left), relation, self.expression(right)))
        return found


def python(about: list[str], symbols: Mapping[str, Any], polynomials: Mapping[str, Polynomial], where: Where) -> str:
    """A module with a function for each polynomial, and `holds`."""
    comments = ["Formulas of counts, written by costcalc.", "", *about]  # Python reads an encoding in two lines only
    head = "".join(f"# {terminal(line)}".rstrip() + "\n" for line in comments) + PYTHON_HEAD

    def function(name: str, says: str, body: _Body, result: str) -> str:
        given = ", ".join(f"{body.names[s]}={_default(v)}" for s, v in symbols.items())
        lines = [f"    {body.names[s]} = q({body.names[s]})" for s in symbols]
        lines += [f"    {variable} = {value}" for variable, value in body.lines]
        return "\n".join([f"def {name}({given}):", f'    """{says}"""', *lines, f"    return {result}\n"])

    made = [(name, says, body, f"whole({value})") for name, says, body, value in _totals(PYTHON, symbols, polynomials)]
    body = _Body(PYTHON, symbols)
    tests = body.comparisons(where)
    made.append(("holds", PROVEN, body, _all(tests) if len(tests) > 2 else " and ".join(tests) or "True"))
    return "\n\n".join([head, *(function(*each) for each in made)])


def _all(tests: list[str]) -> str:
    return "(" + "\n        and ".join([f"\n        {tests[0]}", *tests[1:]]) + "\n    )"


def javascript(
    about: list[str], symbols: Mapping[str, Any], polynomials: Mapping[str, Polynomial], where: Where
) -> str:
    """A module that exports a function for each polynomial, which return a BigInt, and `holds`."""
    head = "".join(f"// {terminal(line)}\n" for line in about) + JAVASCRIPT_HEAD

    def function(name: str, says: str, body: _Body, result: str) -> str:
        given = ", ".join(f"{body.names[s]} = {_default(v)}" for s, v in symbols.items())
        lines = [f"  {body.names[s]} = q({body.names[s]});" for s in symbols]
        lines += [f"  const {variable} = {value};" for variable, value in body.lines]
        return "\n".join([f"// {says}", f"export function {name}({given}) {{", *lines, f"  return {result};", "}\n"])

    made = [
        (name, says, body, f"whole({value})") for name, says, body, value in _totals(JAVASCRIPT, symbols, polynomials)
    ]
    body = _Body(JAVASCRIPT, symbols)
    made.append(("holds", PROVEN, body, "\n    && ".join(body.comparisons(where)) or "true"))
    return "\n".join([head, *(function(*each) for each in made)])


def _totals(
    language: Language, symbols: Mapping[str, Any], polynomials: Mapping[str, Polynomial]
) -> Iterator[tuple[str, str, _Body, str]]:
    """For each total its name, what it is, the statements and the expression of its function."""
    for name, polynomial in polynomials.items():
        body = _Body(language, symbols)
        yield name, f"The total `{name}`, exact where `holds` is true.", body, body.expression(polynomial)


def _default(value: Any) -> str:
    return json.dumps(plain(value))
