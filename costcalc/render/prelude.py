"""What every program of formulas begins with: exact arithmetic in Python and in JavaScript, and the words it takes."""

import keyword

_JAVASCRIPT = """
arguments await break case catch class const continue debugger default delete do else enum eval export extends false
finally for function if implements import in instanceof interface let new null package private protected public return
static super switch this throw true try typeof undefined var void while with yield NaN Infinity BigInt Error Math Number
RangeError String TypeError add ceil compare div floor gcd less make_divisible max min mod mul pow q reduce taps_inside
whole holds params madds count activations weight_bytes peak_activation_bytes memory_access_bytes
"""
_PYTHON = """
Fraction ValueError ZeroDivisionError q ceil floor gcd int make_divisible max min mod range str sum taps_inside whole
math holds params madds count activations weight_bytes peak_activation_bytes memory_access_bytes
"""
JAVASCRIPT_WORDS = frozenset(_JAVASCRIPT.split())
PYTHON_WORDS = frozenset({*_PYTHON.split(), *keyword.kwlist})

PYTHON_HEAD = '''import math
from fractions import Fraction
from math import ceil, floor


def q(x):
    """The exact value of a number or a text such as "6/7": 0.35 is 7/20."""
    return Fraction(str(x))


def whole(x):
    """A count, as an int."""
    if x != int(x):
        raise ValueError(f"the formula does not hold here: it gives {x}")
    return int(x)


def gcd(a, b):
    return math.gcd(whole(a), whole(b))


def mod(a, b):
    return a % b


def make_divisible(value, divisor):
    """`value` rounded to a multiple of `divisor`, never more than 10 % below `value`."""
    new = max(divisor, floor(value + divisor / Fraction(2)) // divisor * divisor)
    return new + divisor if 10 * new < 9 * value else new


def taps_inside(size, outputs, taps, stride, gap, before):
    """How many taps of a window along one axis lie on its `size` elements, over all `outputs` positions."""
    offsets = [before - u * gap for u in range(whole(taps))]
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
  const match = /^(-?)(\\d+)(?:\\.(\\d+))?(?:[eE]([-+]?\\d+))?(?:\\/(0*[1-9]\\d*))?$/.exec(String(x));
  if (!match) throw new TypeError(`not a number: ${x}`);
  const [, sign, whole, decimals = "", exponent = "0", below = "1"] = match;
  const power = Number(exponent) - decimals.length;
  const top = BigInt(sign + whole + decimals) * 10n ** BigInt(Math.max(power, 0));
  return reduce(top, BigInt(below) * 10n ** BigInt(Math.max(-power, 0)));
};
const add = (...xs) => xs.reduce((a, b) => reduce(a.n * b.d + b.n * a.d, a.d * b.d));
const mul = (...xs) => xs.reduce((a, b) => reduce(a.n * b.n, a.d * b.d));
const pow = (x, k) => (k < 0 ? div(q(1), pow(x, -k)) : reduce(x.n ** BigInt(k), x.d ** BigInt(k)));
const div = (a, b) => {
  if (!b.n) throw new RangeError("division by zero");
  return b.n < 0n ? reduce(-a.n * b.d, -b.n * a.d) : reduce(a.n * b.d, b.n * a.d);
};
const floor = (x) => ({ n: (x.n - (((x.n % x.d) + x.d) % x.d)) / x.d, d: 1n });
const ceil = (x) => mul(q(-1), floor(mul(q(-1), x)));
const less = (a, b) => a.n * b.d < b.n * a.d;
const compare = (a, b) => (less(a, b) ? -1 : less(b, a) ? 1 : 0);
const whole = (x) => {
  if (x.d !== 1n) throw new RangeError(`the formula does not hold here: it gives ${x.n}/${x.d}`);
  return x.n;
};
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
