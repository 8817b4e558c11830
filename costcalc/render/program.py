"""Exact formulas as programs that compute them: Python on Fractions, JavaScript on BigInt. Both read 0.35 as 7/20."""

from __future__ import annotations

import json
import keyword
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.network import plain
from costcalc.number.polynomial import Polynomial
from costcalc.render.escape import terminal

JAVASCRIPT_WORDS = """
arguments await break case catch class const continue debugger default delete do else enum eval export extends false
finally for function if implements import in instanceof interface let new null package private protected public return
static super switch this throw true try typeof undefined var void while with yield NaN Infinity add ceil div floor gcd
less make_divisible max min mod mul pow q reduce taps_inside params madds count activations weight_bytes
peak_activation_bytes memory_access_bytes BigInt Math Number String TypeError
"""
PYTHON_WORDS = frozenset({*keyword.kwlist, "Fraction", "q", "math", "ceil", "floor", "max", "min", "int", "mod", "gcd", "str", "sum", "range"})

PYTHON_HEAD = '''from fractions import Fraction
from math import ceil, floor, gcd


def q(x):
    """The exact value of a number: 0.35 is 7/20."""
    return Fraction(str(x))


def mod(a, b):
    return a % b


def make_divisible(value, divisor):
    """`value` rounded to a multiple of `divisor`, never more than 10 % below `value`."""
    new = max(divisor, floor(value + divisor / Fraction(2)) // divisor * divisor)
    return new + divisor if 10 * new < 9 * value else new


def taps_inside(size, outputs, taps, stride, gap, before):
    """How many taps of a window along one axis lie on its `size` elements, over all `outputs` positions."""
    offsets = [before - u * gap for u in range(int(taps))]
    return sum(
        max(min(outputs - 1, (size - 1 + o) // stride) - max(-(-o // stride), 0) + 1, 0) for o in offsets
    )
'''
JAVASCRIPT_HEAD = """const reduce = (n, d) => {
  let [a, b] = [n < 0n ? -n : n, d];
  while (b) [a, b] = [b, a % b];
  return { n: n / a, d: d / a };
};
// the exact value of a number or a text such as "6/7": 0.35 is 7/20
const q = (x) => {
  if (typeof x === "bigint") return { n: x, d: 1n };
  if (typeof x === "object") return x;
  const match = /^(-?)(\\d+)(?:\\.(\\d+))?(?:[eE]([-+]?\\d+))?(?:\\/(\\d+))?$/.exec(String(x));
  if (!match) throw new TypeError(`not a number: ${x}`);
  const [, sign, whole, decimals = "", exponent = "0", below = "1"] = match;
  const power = Number(exponent) - decimals.length;
  const top = BigInt(sign + whole + decimals) * 10n ** BigInt(Math.max(power, 0));
  return reduce(top, BigInt(below) * 10n ** BigInt(Math.max(-power, 0)));
};
const add = (...xs) => xs.reduce((a, b) => reduce(a.n * b.d + b.n * a.d, a.d * b.d));
const mul = (...xs) => xs.reduce((a, b) => reduce(a.n * b.n, a.d * b.d));
const pow = (x, k) => (k < 0 ? div(q(1), pow(x, -k)) : reduce(x.n ** BigInt(k), x.d ** BigInt(k)));
const div = (a, b) => (b.n < 0n ? reduce(-a.n * b.d, -b.n * a.d) : reduce(a.n * b.d, b.n * a.d));
const floor = (x) => ({ n: (x.n - (((x.n % x.d) + x.d) % x.d)) / x.d, d: 1n });
const ceil = (x) => mul(q(-1), floor(mul(q(-1), x)));
const less = (a, b) => a.n * b.d < b.n * a.d;
const max = (...xs) => xs.reduce((a, b) => (less(a, b) ? b : a));
const min = (...xs) => xs.reduce((a, b) => (less(b, a) ? b : a));
const mod = (a, b) => add(a, mul(q(-1), b, floor(div(a, b))));
const gcd = (a, b) => (b.n ? gcd(b, mod(a, b)) : max(a, mul(q(-1), a)));
// rounded to a multiple of the divisor, never more than 10 % below the value
const make_divisible = (v, d) => {
  const rounded = max(d, mul(d, floor(add(div(v, d), q("0.5")))));
  return less(mul(q(10), rounded), mul(q(9), v)) ? add(rounded, d) : rounded;
};
// how many taps of a window along one axis lie on its elements, over all positions
const taps_inside = (size, outputs, taps, stride, gap, before) => {
  let sum = q(0);
  for (let u = 0n; u < taps.n; u++) {
    const offset = add(before, mul(q(-u), gap));
    const last = min(add(outputs, q(-1)), floor(div(add(size, q(-1), offset), stride)));
    sum = add(sum, max(add(last, mul(q(-1), max(ceil(div(offset, stride)), q(0))), q(1)), q(0)));
  }
  return sum;
};
"""
FUNCTIONS = {"made_divisible": "make_divisible", "inside": "taps_inside"}


class Language(NamedTuple):
    """How a language writes sums, products and numbers, and a function of the symbols."""

    number: Callable[[Fraction], str]
    times: Callable[[list[tuple[str, int]], str], str]  # factors with their powers, and a coefficient ("" for 1)
    plus: Callable[[list[str]], str]
    words: frozenset[str]


def _python_number(x: Fraction) -> str:
    return str(x.numerator) if x.denominator == 1 else f"Fraction({x.numerator}, {x.denominator})"


def _python_times(factors: list[tuple[str, int]], coefficient: str) -> str:
    parts = [f"{name}**{power}" if power > 1 else name for name, power in factors if power > 0]
    below = [f"Fraction({name})**{power}" for name, power in factors if power < 0]
    return " * ".join([*([coefficient] if coefficient or not parts + below else []), *parts, *below])


def _javascript_times(factors: list[tuple[str, int]], coefficient: str) -> str:
    parts = [name if power == 1 else f"pow({name}, {power})" for name, power in factors]
    parts = [*([coefficient] if coefficient or not parts else []), *parts]
    return parts[0] if len(parts) == 1 else f"mul({', '.join(parts)})"


PYTHON = Language(_python_number, _python_times, " + ".join, PYTHON_WORDS)
JAVASCRIPT = Language(
    lambda x: f"q({x.numerator}n)" if x.denominator == 1 else f'q("{x.numerator}/{x.denominator}")',
    _javascript_times,
    lambda terms: terms[0] if len(terms) == 1 else f"add({', '.join(terms)})",
    frozenset(JAVASCRIPT_WORDS.split()),
)


class _Body:
    """The statements of one function: each rounding once, before it is used."""

    def __init__(self, language: Language, symbols: Mapping[str, Any]) -> None:
        self.language = language
        self.names = {name: f"{name}_" if name in language.words else name for name in symbols}
        self.lines: list[tuple[str, str]] = []
        self.known: dict[int, str] = {}

    def expression(self, polynomial: Polynomial) -> str:
        language, terms = self.language, []
        for monomial, coefficient in polynomial.terms.items():
            factors = [(self.node(polynomial, node), power) for node, power in monomial]
            c = "" if coefficient == 1 else language.number(Fraction(coefficient))
            terms.append(language.times(factors, c or ("" if factors else language.number(Fraction(1)))))
        return language.plus(terms) if terms else language.number(Fraction(0))

    def node(self, polynomial: Polynomial, node: int) -> str:
        if node not in self.known:
            atom = polynomial.atom(node)
            if atom.op == "symbol":
                self.known[node] = self.names[atom.name]
            else:
                parts = [self.expression(part) for part in atom.parts]
                if atom.op == "div" and self.language is PYTHON:
                    value = f"Fraction({parts[0]}) / ({parts[1]})"
                else:
                    value = f"{FUNCTIONS.get(atom.op, atom.op)}({', '.join(parts)})"
                name = f"c{len(self.lines) + 1}"
                while name in self.names.values():
                    name += "_"
                self.lines.append((name, value))
                self.known[node] = name
        return self.known[node]


def python(about: list[str], symbols: Mapping[str, Any], polynomials: Mapping[str, Polynomial]) -> str:
    """A module with a function for each polynomial."""
    parts = ["".join(f"# {terminal(line)}\n" for line in about) + PYTHON_HEAD]
    for name, polynomial in polynomials.items():
        body = _Body(PYTHON, symbols)
        result = body.expression(polynomial)
        given = ", ".join(f"{body.names[s]}={_default(v)}" for s, v in symbols.items())
        lines = [f"    {body.names[s]} = q({body.names[s]})" for s in symbols]
        lines += [f"    {variable} = {value}" for variable, value in body.lines]
        parts.append("\n".join([f"def {name}({given}):", *lines, f"    return int({result})\n"]))
    return "\n\n".join(parts)


def javascript(about: list[str], symbols: Mapping[str, Any], polynomials: Mapping[str, Polynomial]) -> str:
    """A module that exports a function for each polynomial; the functions return a BigInt."""
    parts = ["".join(f"// {terminal(line)}\n" for line in about) + JAVASCRIPT_HEAD]
    for name, polynomial in polynomials.items():
        body = _Body(JAVASCRIPT, symbols)
        result = body.expression(polynomial)
        given = ", ".join(f"{body.names[s]} = {_default(v)}" for s, v in symbols.items())
        lines = [f"  {body.names[s]} = q({body.names[s]});" for s in symbols]
        lines += [f"  const {variable} = {value};" for variable, value in body.lines]
        parts.append("\n".join([f"export function {name}({given}) {{", *lines, f"  return ({result}).n;", "}\n"]))
    return "\n".join(parts)


def _default(value: Any) -> str:
    return json.dumps(plain(value))
