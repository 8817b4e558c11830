"""Numbers as people write them: `300M`, `4.2k`, `94.86%` read exactly, and counts written for reading."""

from __future__ import annotations

import re
from fractions import Fraction

SUFFIXES = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
MAX_DIGITS = 24
MAX_EXPONENT = 18
# YAML 1.2's decimals and a suffix; no leading zeros, so that 010 is neither 8 nor 10
NUMBER = re.compile(
    r"(?P<whole>0|[1-9][0-9]*)(?:\.(?P<decimals>[0-9]+))?(?:[eE](?P<exp>[+-]?[0-9]+))?(?P<suffix>[kKMGBT])?"
)


def read_number(text: str) -> int | Fraction | None:
    """The exact value of a decimal such as `32`, `0.75`, `1e6`, `569M`; None where the text is none.

    Raises ValueError, with the reason, for one that is too long.
    """
    match = NUMBER.fullmatch(text)
    if not match:
        return None
    whole, decimals, exponent = match["whole"], match["decimals"] or "", match["exp"] or "0"
    if len(whole + decimals) > MAX_DIGITS or len(exponent) > 4 or abs(int(exponent)) > MAX_EXPONENT:
        raise ValueError(f"a number has at most {MAX_DIGITS} digits and an exponent of at most {MAX_EXPONENT}")
    scaled, power = int(whole + decimals) * SUFFIXES.get(match["suffix"], 1), int(exponent) - len(decimals)
    if power >= 0:
        return scaled * int(10**power)
    quotient, remainder = divmod(scaled, 10**-power)
    return Fraction(scaled, 10**-power) if remainder else quotient


SIZES = {prefix + "B": 1000**power for power, prefix in enumerate(("", "k", "M", "G", "T"))} | {
    prefix + "iB": 1024**power for power, prefix in enumerate(("", "K", "M", "G", "T")) if power
}


def read_size(text: str) -> int | None:
    """The bytes of `4 MiB`, `4.2MB`, `512 B`; None where the text is none, or has no unit.

    Raises ValueError where it is no whole number of bytes, or too long.
    """
    match = re.fullmatch(r"(?P<number>[0-9][0-9.]*) ?(?P<unit>[A-Za-z]+)", text)
    if not match or match["unit"] not in SIZES:
        return None
    number = read_number(match["number"])
    if number is None:
        return None
    size = number * SIZES[match["unit"]]
    if size != int(size):
        raise ValueError("it is no whole number of bytes")
    return int(size)


def written(value: int | Fraction) -> str:
    """A number as a spec would say it: `224`, `0.75`, `6/7`."""
    if isinstance(value, int):
        return str(value)
    twos_and_fives = value.denominator
    for prime in (2, 5):
        while twos_and_fives % prime == 0:
            twos_and_fives //= prime
    if twos_and_fives != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = next(n for n in range(1, 400) if 10**n % value.denominator == 0)
    scaled = abs(value.numerator) * 10**digits // value.denominator
    sign = "-" if value < 0 else ""
    return f"{sign}{scaled // 10**digits}.{scaled % 10**digits:0{digits}d}"


def percent(part: int, whole: int, decimals: int = 2) -> str:
    """`part` of `whole` as a percentage, rounded half up from the exact quotient: `94.86%`; `-` of nothing."""
    if whole == 0:
        return "-"
    scaled = (2 * part * 100 * 10**decimals + whole) // (2 * whole)
    return f"{scaled // 10**decimals}.{scaled % 10**decimals:0{decimals}d}%"


def in_bytes(count: int) -> str:
    """A size with both of its usual readings: `10.34 MB (9.86 MiB)`; small ones in bytes."""
    if count < 1000:
        return f"{count} B"
    decimal, binary = _scaled(count, 1000, "kMGTPE"), _scaled(count, 1024, "KMGTPE")
    return f"{decimal}B ({binary}iB)" if count >= 1024 else f"{decimal}B"


def _scaled(count: int, base: int, prefixes: str) -> str:
    power = 1
    while power < len(prefixes) and 200 * count + base**power >= 200 * base ** (power + 1):  # as rounded below
        power += 1
    hundredths = (200 * count + base**power) // (2 * base**power)
    return f"{hundredths // 100}.{hundredths % 100:02d} {prefixes[power - 1]}"
