"""multiuser: solutions, thresholds and prices (chapter multiuser, Certificates)."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from math import inf, isqrt
from sys import float_info
from typing import Any

import documents as doc
from documents import Bad, Refused
from exact import Clock, Value, down, enclosed_sum

MINIMISE = True


class User:
    """What a cut costs: `fixed[s]` seconds, and `shared[s]` seconds over the speed-up, for each cut."""

    def __init__(self, chain: doc.Chain, device: doc.Machine, shared: list[Fraction], uplink: float, rtt: float):
        self.chain, self.device, self.blocks, self.shared = chain, device, chain.blocks, shared
        self.wait, self.byte = Fraction(rtt), 1 / Fraction(uplink)
        self.local = chain.first[device.kind][-1] / device.speed

    @cached_property
    def fixed(self) -> list[Fraction]:
        first, second = self.chain.first[self.device.kind], 1 / self.device.speed
        return [first[s] * second + self.wait + self.chain.bytes[s] * self.byte for s in range(self.blocks)]


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
            leaf = doc.record(price_s=doc.admitted(1e60))
            split = doc.record(user=doc.whole(), units=doc.whole(), at_most=doc.whole(), above=doc.whole())
            nodes = doc.listing(doc.tagged(leaf=leaf, split=split))
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
        """Theorem 2 at each leaf; the least bound of all leaves."""
        if self.total is False:
            raise Refused("prices prove nothing about a maximum")
        doc.tree([(n["at_most"], n["above"]) if kind == "split" else None for kind, n in nodes])
        ranges: list[dict[int, tuple[int, int]]] = [{} for _ in nodes]
        best: Value = inf
        for at, (kind, node) in enumerate(nodes):
            here = ranges[at]
            if kind == "leaf":
                best = min(best, self.leaf(node["price_s"], here, clock))
            else:
                user, units = node["user"], node["units"]
                if user >= len(self.users) or units >= self.units:
                    raise Refused(f"nodes[{at}]: no such user, or as many units as there are")
                low, high = here.get(user, (0, self.units))
                ranges[node["at_most"]] = here | {user: (low, min(high, units))}
                ranges[node["above"]] = here | {user: (max(low, units + 1), high)}
            ranges[at] = {}
        if best == inf:
            raise Refused("no leaf has a solution")
        return best

    def leaf(self, price: Fraction, ranges: dict[int, tuple[int, int]], clock: Clock) -> Value:
        if any(low > high for low, high in ranges.values()) or sum(low for low, _ in ranges.values()) > self.units:
            return inf
        whole = (0, self.units)
        total = -price * self.units
        for i, user in enumerate(self.users):
            clock.check("prices")
            total += down(self.cheapest(user, price, *ranges.get(i, whole)), 250)
        return total

    def cheapest(self, user: User, price: Fraction, low: int, high: int) -> Fraction:
        """The least cost of a user with `low` to `high` units at this price, cut by cut."""
        best = user.local + price * low
        low = max(low, 1)
        if low > high:
            return best
        speedup = self.speedup
        start = price * low
        for fixed, shared in zip(user.fixed, user.shared):
            if fixed + start >= best:
                continue
            if speedup.table:
                last = min(high, len(speedup.table))
                counts = {low} | {f for f in range(low + 1, last + 1) if speedup.table[f - 1] > speedup.table[f - 2]}
            else:
                scale = shared * speedup.parallel
                if scale == 0:
                    counts = {low}
                elif price == 0:
                    counts = {high}
                else:
                    # The floor of a square root is the integer square root of the floor.
                    root = isqrt((scale / price).__floor__())
                    counts = {min(max(f, low), high) for f in (root, root + 1)}
            best = min(best, min(fixed + shared * speedup.inverse(f) + price * f for f in counts))
        return best
