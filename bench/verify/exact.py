"""Exact arithmetic: rationals, enclosures of square roots and logarithms, decimals rounded to one side."""

from __future__ import annotations

from fractions import Fraction
from math import inf, isqrt
from time import process_time

Value = Fraction | float
"""A rational, or the float `inf`."""


class NotTaken(Exception):
    """The work does not fit into the stated time."""


class Clock:
    """The processor time that is left for a solution or a certificate."""

    def __init__(self, seconds: float):
        self.end = process_time() + seconds

    def check(self, what: str) -> None:
        if process_time() > self.end:
            raise NotTaken(what)


def magnitude(x: Fraction) -> int:
    """A number e with 2^(e-1) < x < 2^(e+1), for x > 0."""
    return x.numerator.bit_length() - x.denominator.bit_length()


def scaled_floor(x: Fraction, bits: int) -> int:
    """The floor of x 2^bits."""
    return (x.numerator << bits) // x.denominator if bits >= 0 else x.numerator // (x.denominator << -bits)


def scaled_ceil(x: Fraction, bits: int) -> int:
    """The ceiling of x 2^bits."""
    return -scaled_floor(-x, bits)


def dyadic(n: int, bits: int) -> Fraction:
    """n 2^(-bits)."""
    return Fraction(n, 1 << bits) if bits >= 0 else Fraction(n << -bits)


def down(x: Fraction, bits: int = 160) -> Fraction:
    """A dyadic number with about `bits` significant bits, at most x."""
    if x == 0:
        return x
    shift = bits - magnitude(abs(x))
    return dyadic(scaled_floor(x, shift), shift)


def up(x: Fraction, bits: int = 160) -> Fraction:
    """A dyadic number with about `bits` significant bits, at least x."""
    return -down(-x, bits)


def sqrt_down(x: Fraction, bits: int = 160) -> Fraction:
    """A lower bound of the square root with about `bits` significant bits."""
    if x == 0:
        return x
    half = bits - magnitude(x) // 2
    return dyadic(isqrt(scaled_floor(x, 2 * half)), half)


def sqrt_up(x: Fraction, bits: int = 160) -> Fraction:
    """An upper bound of the square root with about `bits` significant bits."""
    if x == 0:
        return x
    half = bits - magnitude(x) // 2
    return dyadic(isqrt(scaled_floor(x, 2 * half)) + 1, half)


def two_atanh(t: Fraction, bits: int) -> tuple[int, int]:
    """2 atanh(t) 2^bits for |t| <= 1/3, and a bound of the error.

    The series is t + t^3/3 + t^5/5 + ... Rounding t, its square and each product is an error below 1 each; as powers shrink by
    1/9 or more, a power's error stays below 2 and a term's below 3. The rest of the series after the last power, below 1, is below 1.
    """
    sign, t = (1, t) if t >= 0 else (-1, -t)
    power = scaled_floor(t, bits)
    square = power * power >> bits
    total, terms = 0, 0
    while power:
        total += power // (2 * terms + 1)
        power = power * square >> bits
        terms += 1
    return 2 * sign * total, 8 * terms + 16


LN2: dict[int, tuple[int, int]] = {}


def log1p(x: Fraction) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Enclosures of ln(1+x) and of ln(1+x) - x/(1+x), for x > 0: low, high, low, high.

    1 + x = m 2^k with 2/3 < m < 3/2 or so, and ln(1+x) = k ln 2 + 2 atanh((m-1)/(m+1)). The second is about x^2/2 for
    small x, so twice as many bits are added as x has zeros.
    """
    bits = 200 + 2 * max(0, -magnitude(x))
    y = 1 + x
    k = magnitude(y)
    m = y / (1 << k)
    if m > Fraction(3, 2):
        k, m = k + 1, m / 2
    elif m < Fraction(2, 3):
        k, m = k - 1, m * 2
    value, error = two_atanh((m - 1) / (m + 1), bits)
    if k:
        if bits not in LN2:
            LN2[bits] = two_atanh(Fraction(1, 3), bits)
        value, error = value + k * LN2[bits][0], error + abs(k) * LN2[bits][1]
    part = x / (1 + x)
    low, high = value - error, value + error
    return (dyadic(max(low, 0), bits), dyadic(high, bits),
            dyadic(max(low - scaled_ceil(part, bits), 0), bits), dyadic(high - scaled_floor(part, bits), bits))


def ln2() -> tuple[Fraction, Fraction]:
    """An enclosure of ln 2."""
    value, error = LN2.setdefault(200, two_atanh(Fraction(1, 3), 200))
    return dyadic(value - error, 200), dyadic(value + error, 200)


def decimal(x: Value, upwards: bool, digits: int = 20) -> str:
    """A decimal with `digits` significant digits, rounded up or down."""
    if x == inf:
        return "inf"
    if x == 0:
        return "0"
    exponent = (magnitude(abs(x)) * 30103) // 100000 - digits
    ten = Fraction(10) ** exponent
    n = -(-x // ten) if upwards else x // ten
    text = str(abs(n)).rstrip("0") or "0"
    return f"{'-' if n < 0 else ''}{text}e{exponent + len(str(abs(n))) - len(text)}"


def enclosed_sum(terms: list[tuple[Fraction, Fraction]]) -> tuple[Fraction, Fraction]:
    """An enclosure of a sum of enclosed numbers, with about 250 significant bits of the largest."""
    largest = max((max(abs(low), abs(high)) for low, high in terms), default=Fraction(0))
    if largest == 0:
        return Fraction(0), Fraction(0)
    bits = 250 - magnitude(largest)
    return (dyadic(sum(scaled_floor(low, bits) for low, _ in terms), bits),
            dyadic(sum(scaled_ceil(high, bits) for _, high in terms), bits))
