"""Sizes as people write them: a number and a unit, exactly a whole number of bytes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costcalc.units import SIZES, in_bytes, read_size

KNOWN = {
    "0 B": 0, "512 B": 512, "1B": 1, "1kB": 1000, "4 kB": 4000, "4MB": 4_000_000, "4.2MB": 4_200_000, "2GB": 2 * 10**9,
    "1TB": 10**12, "1KiB": 1024, "4 MiB": 4 * 2**20, "4.5MiB": 9 * 2**19, "0.5 KiB": 512, "3GiB": 3 * 2**30,
    "1TiB": 2**40, "0.001kB": 1, "1234567.89kB": 1_234_567_890,
}  # fmt: skip
NONE = [
    "", "4", "MB", "4M", "4K", "4Mb", "4mb", "4MIB", "4kiB", "4KB", "4  MB", " 4MB", "4MB ", "4MB5", "-4MB", "+4MB",
    "4e3MB", "4,000B", "04MB", "4.MB", ".5MB", "1.2.3MB", "1_000B", "٤MB", "4 MiB/s", "0x10B", "infB", "nanB",
]  # fmt: skip


@pytest.mark.parametrize("text", KNOWN)
def test_sizes(text: str) -> None:
    assert read_size(text) == KNOWN[text]
    assert type(read_size(text)) is int


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_size(text: str) -> None:
    assert read_size(text) is None


@pytest.mark.parametrize("text", ["0.5B", "1.0001kB", "0.3KiB", "1.5 B", "0.1MiB"])
def test_parts_of_a_byte(text: str) -> None:
    with pytest.raises(ValueError, match="it is no whole number of bytes"):
        read_size(text)


def test_digits_without_end() -> None:
    with pytest.raises(ValueError, match="at most 24 digits"):
        read_size("1" * 25 + "MB")


@given(st.integers(0, 10**6), st.integers(0, 999), st.sampled_from(sorted(SIZES)), st.booleans())
def test_sizes_are_exact(whole: int, thousandths: int, unit: str, space: bool) -> None:
    size = (whole + Fraction(thousandths, 1000)) * SIZES[unit]
    text = f"{whole}.{thousandths:03d}{' ' * space}{unit}"
    if size.denominator == 1:
        assert read_size(text) == size
    else:
        with pytest.raises(ValueError, match="bytes"):
            read_size(text)


@given(st.integers(0, 9999), st.sampled_from(["k", "M", "G"]))
def test_what_is_written_is_read_again(hundredths: int, prefix: str) -> None:
    """Sizes of three digits are written in full, as decimal multiples."""
    size = (hundredths + 100) * 10 * 1000 ** "kMG".index(prefix)
    assert read_size(in_bytes(size).partition(" (")[0]) == size
