"""Polynomials as text: for reading, for Python, for LaTeX. The same walk over terms and roundings in three dialects."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from costcalc.number.polynomial import Atom, Monomial, Polynomial
from costcalc.render.escape import latex as latex_text

GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
FUNCTIONS = {"made_divisible": "make_divisible", "inside": "taps_inside"}  # the others go by their own names


class Dialect(NamedTuple):
    """How products and powers are written."""

    times: str
    power: str
    name: Literal["text", "python", "latex"]


TEXT, PYTHON, LATEX = (
    Dialect(" ", "{}^{}", "text"),
    Dialect("*", "{}**{}", "python"),
    Dialect(r"\,", "{}^{{{}}}", "latex"),
)
DIALECTS = {d.name: d for d in (TEXT, PYTHON, LATEX)}


def written(polynomial: Polynomial, dialect: Dialect, point: Mapping[str, Any] | None = None) -> str:
    """The polynomial on one line; with a point, its largest terms there come first, else its highest powers."""
    terms = [(m, c) for m, c, _ in polynomial.sizes(point)] if point is not None else _by_degree(polynomial)
    if not terms:
        return "0"
    first, *rest = (term(polynomial, m, c, dialect) for m, c in terms)
    return first + "".join(f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in rest)


def _by_degree(polynomial: Polynomial) -> list[tuple[Monomial, Any]]:
    return sorted(polynomial.terms.items(), key=lambda t: (-sum(power for _, power in t[0]), t[0]))


def term(polynomial: Polynomial, monomial: Monomial, coefficient: int | Fraction, dialect: Dialect) -> str:
    """One term; negative powers, and the denominator of the coefficient, as divisions."""
    sign, c = ("-" if coefficient < 0 else ""), abs(Fraction(coefficient))
    above = [_powered(polynomial, node, power, dialect) for node, power in _ordered(polynomial, monomial) if power > 0]
    below = [_powered(polynomial, node, -power, dialect) for node, power in _ordered(polynomial, monomial) if power < 0]
    if c.numerator != 1 or not above:
        above.insert(0, str(c.numerator))
    if c.denominator != 1:
        below.insert(0, str(c.denominator))
    if not below:
        return sign + dialect.times.join(above)
    if dialect is LATEX:
        return rf"{sign}\frac{{{dialect.times.join(above)}}}{{{dialect.times.join(below)}}}"
    divisor = below[0] if len(below) == 1 else f"({dialect.times.join(below)})"
    return f"{sign}{dialect.times.join(above)}/{divisor}"


def _ordered(polynomial: Polynomial, monomial: Monomial) -> list[tuple[int, int]]:
    """Symbols before roundings, by name: the order of the nodes, that of the network, tells a reader nothing."""

    def key(factor: tuple[int, int]) -> tuple[bool, str, int]:
        atom = polynomial.atom(factor[0])
        return atom.op != "symbol", atom.name or min(atom.parts[0].symbols(), default=""), factor[0]

    return sorted(monomial, key=key)


def _powered(polynomial: Polynomial, node: int, power: int, dialect: Dialect) -> str:
    atom = atom_text(polynomial.atom(node), dialect)
    if power == 1:
        return atom
    if dialect is LATEX and "^" in atom and not atom.startswith("\\left"):
        atom = rf"\left({atom}\right)"
    return dialect.power.format(atom, power)


def atom_text(atom: Atom, dialect: Dialect) -> str:
    """A symbol or a rounding."""
    if atom.op == "symbol":
        return _latex_symbol(atom.name) if dialect is LATEX else atom.name
    parts = [written(part, dialect) for part in atom.parts]
    if atom.op in ("div", "mod") and dialect is not LATEX:
        sign = "/" if atom.op == "div" else " % " if dialect is PYTHON else " mod "
        return f"(({parts[0]}){sign}({parts[1]}))"
    if dialect is not LATEX:
        return f"{FUNCTIONS.get(atom.op, atom.op)}({', '.join(parts)})"
    if atom.op in ("floor", "ceil"):
        return rf"\left\l{atom.op} {parts[0]} \right\r{atom.op}"
    if atom.op == "div":
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if atom.op == "mod":
        return rf"\left({parts[0]} \bmod {parts[1]}\right)"
    name = rf"\{atom.op}" if atom.op in ("max", "min", "gcd") else rf"\operatorname{{{latex_text(FUNCTIONS[atom.op])}}}"
    return rf"{name}\left({', '.join(parts)}\right)"


def _latex_symbol(name: str) -> str:
    """`alpha` as a letter, `D_K` with its index, `resolution` upright."""
    head, _, index = name.partition("_")
    if head in GREEK.split() and not index:
        return f"\\{name}"
    if len(head) == 1:
        return (
            f"{head}_{{{index}}}"
            if index and len(index) <= 2
            else head
            if not index
            else rf"{head}_{{\mathrm{{{latex_text(index)}}}}}"
        )
    return rf"\mathrm{{{latex_text(name)}}}"
