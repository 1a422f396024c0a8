"""multiuser: solutions, thresholds and prices (chapter multiuser, Certificates)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cached_property
from itertools import chain
from math import inf, isqrt
from sys import float_info
from typing import Any

import core
import documents as doc
from documents import Bad, Refused
from exact import Clock, Value, down, enclosed_sum

MINIMISE = True
Ranges = dict[int, tuple[int, int]]


class User:
    """What a cut costs: `fixed[s]` seconds, and `shared[s]` seconds over the speed-up, for each cut."""

    def __init__(self, model: doc.Chain, device: doc.Machine, shared: list[Fraction], uplink: float, rtt: float):
        self.model, self.device, self.blocks, self.shared, self.group = model, device, model.blocks, shared, 0
        self.wait, self.byte = Fraction(rtt), 1 / Fraction(uplink)
        self.local = model.first[device.kind][-1] / device.speed

    @cached_property
    def fixed(self) -> list[Fraction]:
        first, second = self.model.first[self.device.kind], 1 / self.device.speed
        return [first[s] * second + self.wait + self.model.bytes[s] * self.byte for s in range(self.blocks)]


class Instance:
    def __init__(self, body: Any, version: int):
        kinds = doc.machine_kinds(body, version)
        server = doc.record(units=doc.whole(0, 4_000_000_000), speedup=doc.Speedup,
                            **doc.machine_fields("unit_macs_per_s", "unit", kinds))
        user = doc.record(model=doc.whole(), uplink_bytes_per_s=doc.positive, rtt_s=doc.not_negative,
                          **doc.machine_fields("device_macs_per_s", "device", kinds))
        read = doc.record(origin=doc.origin, machine_kinds=(doc.anything, []), objective=(doc.word("max", "sum"), "max"),
                          models=doc.chains(kinds), server=server, users=doc.listing(user))(body, "body")
        self.total = read["objective"] == "sum"
        self.units: int = read["server"]["units"]
        self.speedup: doc.Speedup = read["server"]["speedup"]
        unit = doc.machine(read["server"], "unit_macs_per_s", "unit", "body.server")
        self.users: list[User] = []
        remote: dict[int, list[Fraction]] = {}
        for i, fields in enumerate(read["users"]):
            at = f"body.users[{i}]"
            device = doc.machine(fields, "device_macs_per_s", "device", at)
            if fields["model"] >= len(read["models"]):
                raise Bad(f"{at}.model: does not exist")
            chain = read["models"][fields["model"]]
            if device.kind not in chain.first or unit.kind not in chain.first:
                raise Bad(f"{at}: the model has no work for its device or the server")
            if fields["model"] not in remote:
                rest = chain.first[unit.kind]
                remote[fields["model"]] = [(rest[-1] - rest[s]) / unit.speed for s in range(chain.blocks)]
            self.users.append(User(chain, device, remote[fields["model"]], fields["uplink_bytes_per_s"], fields["rtt_s"]))
        if not self.users:
            raise Bad("body.users: empty")
        groups: dict[tuple, int] = {}
        for user in self.users:
            user.group = groups.setdefault((id(user.model), user.device.kind, user.local, user.wait, user.byte), len(groups))

    def evaluate(self, solution: Any, violations: list[str], clock: Clock) -> tuple[Value, Value, None]:
        read = doc.record(cut=doc.listing(doc.whole()), units=doc.listing(doc.whole()))(solution, "solution")
        cut, units = read["cut"], read["units"]
        if len(cut) != len(self.users) or len(units) != len(self.users):
            violations.append("shape: not one cut and one number of units per user")
            return inf, inf, None
        if sum(units) > self.units:
            violations.append("units: more than the server has")
        times: list[Fraction] = []
        for i, (user, s, f) in enumerate(zip(self.users, cut, units)):
            clock.check("solution")
            if s > user.blocks:
                violations.append(f"cut[{i}]: does not exist")
            elif s == user.blocks:
                times.append(user.local)
            elif f == 0:
                violations.append(f"units[{i}]: no unit for the server's part")
            else:
                times.append(user.fixed[s] + user.shared[s] * self.speedup.inverse(f))
        if len(times) < len(self.users):
            return inf, inf, None
        low, high = enclosed_sum([(t, t) for t in times]) if self.total else (max(times), max(times))
        return low, high, None

    def replay(self, certificate: Any, clock: Clock, notes: list[str]) -> Value:
        kind = certificate.get("kind") if type(certificate) is dict else None
        if kind == "threshold":
            read = doc.record(kind=doc.text, latency_s=doc.admitted(float_info.max))(certificate, "certificate")
            return self.threshold(read["latency_s"], clock)
        if kind == "prices":
            price = doc.admitted(1e60)
            split = doc.record(user=doc.whole(), units=doc.whole(), at_most=doc.whole(), above=doc.whole())
            nodes = doc.listing(doc.tagged(leaf=doc.record(price_s=price), core=doc.record(price_s=price, cutoff_s=price), split=split))
            return self.prices(doc.record(kind=doc.text, nodes=nodes)(certificate, "certificate")["nodes"], clock)
        raise Bad("certificate.kind: unknown")

    def threshold(self, limit: Fraction, clock: Clock) -> Fraction:
        """Theorem 1: if getting all users below T needs more units than there are, no solution is below T."""
        if self.total:
            raise Refused("a threshold proves nothing about a sum")
        needed = 0
        for user in self.users:
            clock.check("threshold")
            if user.local < limit:
                continue
            least: int | None = None
            for fixed, shared in zip(user.fixed, user.shared):
                room = limit - fixed
                if room > 0:
                    units = self.speedup.least(room / shared, strict=True) if shared else 1
                    if units is not None and (least is None or units < least):
                        least = units
            if least is None or least > self.units:
                return limit
            needed += least
        if needed > self.units:
            return limit
        raise Refused(f"{needed} of {self.units} units get every user below the threshold")

    def prices(self, nodes: list[tuple[str, Any]], clock: Clock) -> Value:
        """Theorems 2 and 3 at each leaf; the least bound of all leaves."""
        if not self.total:
            raise Refused("prices prove nothing about a maximum")

        def branch(at: str, kind: str, node: dict[str, int], ranges: Ranges) -> tuple[Ranges, Ranges]:
            user, units = node["user"], node["units"]
            if user >= len(self.users) or units >= self.units:
                raise Refused(f"{at}: no such user, or as many units as there are")
            low, high = ranges.get(user, (0, self.units))
            return ranges | {user: (low, min(high, units))}, ranges | {user: (max(low, units + 1), high)}

        best: Value = inf
        for _, kind, node, ranges in doc.leaves(nodes, {"split": ("at_most", "above")}, {}, branch):
            if all(low <= high for low, high in ranges.values()) and sum(low for low, _ in ranges.values()) <= self.units:
                best = min(best, self.leaf(node["price_s"], node.get("cutoff_s"), ranges, clock))
        if best == inf:
            raise Refused("no leaf has a solution")
        return best

    def leaf(self, price: Fraction, cutoff: Fraction | None, ranges: Ranges, clock: Clock) -> Fraction:
        """The bound of a price; with a cutoff above it the least cost, if that is below the cutoff."""
        groups = Counter((user.group, *ranges.get(i, (0, self.units))) for i, user in enumerate(self.users))
        some = {user.group: user for user in self.users}
        least: list[Fraction] = []
        for group, low, high in groups:
            clock.check("prices")
            cost = self.cheapest(some[group], price, low, high)
            least.append(cost if cutoff is not None else down(cost, 250))
        bound = sum((count * cost for count, cost in zip(groups.values(), least)), -price * self.units)
        if cutoff is None or bound >= cutoff:
            return bound
        gap = cutoff - bound
        options = [(self.options(some[group], price, low, high, cost, gap, clock), count)
                   for (((group, low, high), count), cost) in zip(groups.items(), least)]
        return bound + core.least(options, price, self.units, gap, clock)

    def sides(self, user: User, price: Fraction, low: int, high: int) -> Iterator[tuple[Fraction, Iterable[tuple[int, Fraction, Fraction]]]]:
        """For each cut with a part on the server: a bound of its costs, and numbers of units with their costs and a bound of those that follow."""
        speedup = self.speedup
        for fixed, shared in zip(user.fixed, user.shared) if low <= high else ():
            def cost(f: int, fixed: Fraction = fixed, shared: Fraction = shared) -> Fraction:
                return fixed + shared * speedup.inverse(f) + price * f

            if speedup.table:
                rises = (f for f in range(low + 1, min(high, len(speedup.table)) + 1) if speedup.table[f - 1] > speedup.table[f - 2])
                yield fixed + price * low, ((f, cost(f), fixed + price * f) for f in chain((low,), rises))
            elif (scale := shared * speedup.parallel) == 0:
                yield fixed + price * low, [(low, cost(low), cost(low))]
            else:
                # The cost is convex, and least next to a square root, whose floor is the integer square root of the floor.
                root = min(max(isqrt((scale / price).__floor__()), low), high) if price else high
                for side in (range(root, low - 1, -1), range(root + 1, high + 1)):
                    yield fixed + price * low, ((f, c, c) for f in side for c in [cost(f)])

    def cheapest(self, user: User, price: Fraction, low: int, high: int) -> Fraction:
        """The least cost of a user with `low` to `high` units at this price, cut by cut."""
        best = user.local + price * low
        for bound, side in self.sides(user, price, max(low, 1), high):
            for _, cost, bound in side if bound < best else ():
                best = min(best, cost)
                if bound >= best:
                    break
        return best

    def options(self, user: User, price: Fraction, low: int, high: int, least: Fraction, gap: Fraction,
                clock: Clock) -> list[tuple[int, Fraction]]:
        """Numbers of units, ascending, with a reduced cost below the gap that are faster than all fewer units."""
        found = {low: user.local + price * low - least}
        for bound, side in self.sides(user, price, max(low, 1), high):
            for f, cost, bound in side if bound - least < gap else ():
                clock.check("options")
                found[f] = min(found.get(f, cost - least), cost - least)
                if bound - least >= gap:
                    break
        kept: list[tuple[int, Fraction]] = []
        fastest: Value = inf
        for f, reduced in sorted(found.items()):
            if reduced < gap and reduced - price * f < fastest:
                fastest = reduced - price * f
                kept.append((f, max(reduced, Fraction(0))))
        return kept
