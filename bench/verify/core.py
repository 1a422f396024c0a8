"""The dynamic program of core leaves (chapter multiuser, Certificates, theorem 3)."""

from __future__ import annotations

from fractions import Fraction
from math import inf

from exact import Clock, dyadic, magnitude, scaled_floor

Options = list[tuple[int, Fraction]]
"""Numbers of units, ascending, each with its reduced cost."""


def least(groups: list[tuple[Options, int]], price: Fraction, units: int, gap: Fraction, clock: Clock) -> Fraction:
    """The least of the gap and of the reduced costs and idle units' prices of an allocation; `groups`: options, and how many users have them.

    Numbers are rounded down to multiples of 2^-bits of about 2^-200 of the gap. That makes all costs smaller by next to nothing.
    """
    bits = 200 - magnitude(gap)
    limit, cost = -scaled_floor(-gap, bits), scaled_floor(price, bits)
    scaled = [([(f, scaled_floor(reduced, bits)) for f, reduced in options], count) for options, count in groups]
    idle, groups_of_moves = bases(scaled, units)
    up, down = [inf] * (len(groups_of_moves) + 1), [inf] * (len(groups_of_moves) + 1)
    for n in reversed(range(len(groups_of_moves))):
        moves = groups_of_moves[n][0]
        up[n] = min([up[n + 1], *(Fraction(r, d) for d, r in moves if d > 0)])
        down[n] = min([down[n + 1], *(Fraction(r, -d) for d, r in moves if d < 0)])
    most = most_moves(groups_of_moves, idle, limit, cost)
    states = {0: 0}
    for n, (moves, count) in enumerate(groups_of_moves):
        for round_ in range(min(count, most)):
            clock.check("dynamic program")
            later = n if round_ + 1 < min(count, most) else n + 1
            grown = dict(states)
            for at, spent in states.items():
                for d, r in moves:
                    if spent + r < grown.get(at + d, limit):
                        grown[at + d] = spent + r
            grown = undominated({at: spent for at, spent in grown.items() if spent + (
                (idle - at) * min(cost, up[later]) if at < idle else (at - idle) * down[later] if at > idle else 0) < limit}, cost)
            if grown == states:
                break
            states = grown
    values = [spent + cost * (idle - at) for at, spent in states.items() if at <= idle]
    return min(gap, dyadic(min(values, default=limit), bits))


def bases(groups: list[tuple[list[tuple[int, int]], int]], units: int) -> tuple[int, list[tuple[list[tuple[int, int]], int]]]:
    """What is idle if all users have their base, and for each group the changes from it with their costs, and its users.

    A base is an option that costs nothing, the fewest units or, where there is room, the most; users with the most form a group.
    """
    free = [[f for f, r in options if r == 0] for options, _ in groups]
    idle = units - sum(zero[0] * count for zero, (_, count) in zip(free, groups))
    result = []
    for zero, (options, count) in sorted(zip(free, groups), key=lambda entry: entry[0][0] - entry[0][-1]):
        rise = zero[-1] - zero[0]
        risen = min(count, max(idle, 0) // rise) if rise else 0
        idle -= risen * rise
        for base, users in ((zero[-1], risen), (zero[0], count - risen)):
            moves = [(f - base, r) for f, r in options if f != base]
            if users and moves:
                result.append((moves, users))
    return idle, sorted(result, key=lambda entry: min(Fraction(r, abs(d)) for d, r in entry[0]))


def most_moves(groups: list[tuple[list[tuple[int, int]], int]], idle: int, limit: int, cost: int) -> int:
    """Lemma 3: no more users than this need to leave their base."""
    users = sum(count for _, count in groups)
    if cost == 0:
        return users
    changes = [d for moves, _ in groups for d, _ in moves]
    return min(users, max([0, *changes]) - min([0, *changes]) + abs(idle) + -(-limit // cost))


def undominated(states: dict[int, int], cost: int) -> dict[int, int]:
    """States that no other with fewer units is as good as, counting the price of the units between."""
    kept, best = {}, inf
    for at, spent in sorted(states.items()):
        if spent - cost * at < best:
            best = spent - cost * at
            kept[at] = spent
    return kept
