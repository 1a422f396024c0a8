"""jpdra: solutions, paths, servers' minima and leaves (chapter jpdra, Certificates).

Costs are whole multiples of 2^-BITS seconds. Each is rounded down and constants that are subtracted are rounded up, so all sums are
lower bounds. Prices cancel between paths and sets, so rounding a price gives another certificate, equally valid.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from heapq import heapify, heappop, heappush
from math import inf, sqrt
from typing import Any

import documents as doc
from documents import Bad, Kind, Refused
from exact import Clock, Value, scaled_ceil, scaled_floor, sqrt_down

MINIMISE = True
BITS = 300
ONE = 1 << BITS
BIG = 1 << 4000
"""Stands for an infinite cost."""
CAPACITY = 1 + Fraction(1, 10**9)
NODES = 20_000


def shifted(x: int, bits: int) -> int:
    """The floor of x 2^-bits."""
    return x >> bits if bits >= 0 else x << -bits


def bits_of(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Server:
    """Lemmas 1 and 2 on one server: `mode` is "continuous", "units" or "empty" (no delays)."""

    def __init__(self, instance: "Instance", m: int, mode: str):
        self.mode, self.flows = mode, instance.rows
        kind, speed, unit = instance.servers[m].kind, instance.servers[m].speed, instance.unit
        total = sum(f.rate for f in instance.flows)
        loads = [(f.rate * w, f.rate * w / total) for f in instance.flows for w in f.work[kind]]
        self.shift = max(x.denominator.bit_length() - 1 for x in (speed, unit or speed, *(load for load, _ in loads)))
        self.rho = [scaled_floor(load, self.shift) for load, _ in loads]
        self.squares = [scaled_floor(x, BITS) for _, x in loads]
        self.roots = [scaled_floor(sqrt_down(x, BITS), BITS) for _, x in loads]
        self.speed = scaled_floor(speed, self.shift)
        if unit:
            self.unit = scaled_floor(unit, self.shift)
            self.units = instance.units[m]
            self.least = [rho // self.unit + 1 for rho in self.rho]
            self.sizes, self.room = self.least, self.units
        else:
            self.sizes, self.room = self.rho, self.speed - 1
        scale = 1 << self.shift
        self.loads = [rho / scale for rho in self.rho]
        self.weights = [root / ONE for root in self.roots]

    def fits(self, chosen: int) -> bool:
        return sum(self.sizes[i] for i in bits_of(chosen)) <= self.room

    def costs(self, rate: Fraction) -> tuple[list[int], int, list[int]]:
        """Costs of all partitions at a rate r >= 0, the constant to subtract, and what each uses of the capacity."""
        n, bits = rate.numerator, rate.denominator.bit_length() - 1
        if self.mode == "empty":
            unit = self.sizes is self.rho
            lift = bits - BITS + (self.shift if unit else 0)
            return [shifted(n * x, lift) for x in self.sizes], -shifted(-n * (self.room + unit), lift), self.sizes
        if self.mode == "continuous":
            lift = 2 * bits + self.shift - BITS
            return ([(2 * n * a >> bits) + shifted(n * n * x, lift) for a, x in zip(self.roots, self.rho)],
                    -shifted(-n * n * self.speed, lift), self.rho)
        # Whole units: a convex function of k is searched from a guess; 2^14 is for the rounding of at most 4096 steps.
        price, guess = n << BITS >> bits, float(rate)
        costs, used = [], []
        for i, least in enumerate(self.least):
            if least > self.units:
                costs.append(BIG)
                used.append(least)
                continue
            size = self.unit / (1 << self.shift)
            start = (self.loads[i] + self.weights[i] * sqrt(size / guess)) / size if guess > 0 else self.units
            k = int(min(max(start, least), self.units))
            here = self.stage(i, k) + price * k
            for step in (1, -1):
                while least <= k + step <= self.units and (other := self.stage(i, k + step) + price * (k + step)) < here:
                    k, here = k + step, other
            costs.append(here - (1 << 14))
            used.append(k)
        return costs, -shifted(-n * self.units, bits - BITS), used

    def stage(self, i: int, k: int) -> int:
        """a^2 / (k u - rho), rounded down."""
        return (self.squares[i] << self.shift) // (k * self.unit - self.rho[i])

    def at(self, rate: Fraction, inside: int, outside: int, place: list[int], stay: list[int]) -> "Point":
        """The least sum of costs less earnings over sets with `inside` and without `outside`, a dynamic program along each flow."""
        costs, constant, used = self.costs(rate)
        value, chosen = -constant, 0
        for row in self.flows:
            off, on, off_set, on_set = 0, BIG, 0, 0
            for i in row:
                bit = 1 << i
                here, here_set = BIG, 0
                if not outside & bit:
                    together = on - stay[i]
                    here, here_set = (together, on_set | bit) if together < off else (off, off_set | bit)
                    here += costs[i] - place[i]
                if inside & bit:
                    off, off_set = BIG, 0
                elif on < off:
                    off, off_set = on, on_set
                on, on_set = here, here_set
            value += min(on, off)
            chosen |= on_set if on < off else off_set
        amount = sum(used[i] for i in bits_of(chosen))
        if self.mode == "continuous":
            curve = (amount - self.speed) / (1 << self.shift)
            slope = 2 * sum(self.weights[i] for i in bits_of(chosen)) + 2 * curve * float(rate)
        else:
            curve = 0.0
            full = self.room + (self.sizes is self.rho)
            slope = (amount - full) / (1 << self.shift) if self.sizes is self.rho else float(amount - full)
        return Point(float(rate), value, chosen, slope, curve)

    def best_rate(self, inside: int, outside: int, place: list[int], stay: list[int], guess: float) -> tuple["Point", int]:
        """A rate with a nearly largest bound, and the partitions about which the sets on either side differ."""
        low = best = self.at(Fraction(0), inside, outside, place, stay)
        if low.slope <= 0:
            return low, 0
        rate = guess
        for _ in range(80):
            high = self.at(Fraction(rate), inside, outside, place, stay)
            best = max(best, high, key=lambda p: p.value)
            if high.slope <= 0 or high.value >= BIG // 2:
                break
            low, rate = high, 4 * rate
        for _ in range(60):
            rate = low.rate + between(low, high)
            if not low.rate < rate < high.rate:
                break
            here = self.at(Fraction(rate), inside, outside, place, stay)
            best = max(best, here, key=lambda p: p.value)
            known = any(here.chosen == p.chosen and (here.curve or here.slope == p.slope) for p in (low, high))
            if here.slope > 0:
                low = here
            else:
                high = here
            if known:
                break
        return best, 0 if best.slope == 0 else low.chosen ^ high.chosen

    def worth(self, chosen: int, place: list[int], stay: list[int], guess: float) -> int:
        """The delay of a set that fits, less what it earns (with units: the best bound by rates, which is tight)."""
        if self.mode == "units":
            return self.best_rate(chosen, ~chosen, place, stay, guess)[0].value
        earned = sum(place[i] for i in bits_of(chosen))
        earned += sum(stay[b] for row in self.flows for a, b in zip(row, row[1:]) if chosen >> a & chosen >> b & 1)
        if self.mode == "empty" or not chosen:
            return -earned
        root = sum(self.roots[i] for i in bits_of(chosen))
        return (root * root << self.shift) // ((self.speed - sum(self.rho[i] for i in bits_of(chosen))) << BITS) - earned

    def minimum(self, inside: int, outside: int, place: list[int], stay: list[int], scale: int, clock: Clock,
                notes: list[str], closely: bool = True) -> int:
        """A lower bound of the minimum over sets X of delay less earnings; `closely`: within about 1e-13, by branch and bound."""
        everything = (1 << len(self.rho)) - 1
        outside |= sum(1 << i for i, size in enumerate(self.sizes) if size > self.room)
        if inside & outside or not self.fits(inside):
            return BIG
        guess = max(sum(self.weights), 1e-100) / (self.speed / (1 << self.shift))
        if self.mode == "empty":
            guess = max(map(abs, place)) / ONE / max(guess, 1e-200) or 1.0
        best, known = BIG, set()
        heap: list[tuple[int, int, int, int, int, float]] = []

        def add(inside: int, outside: int, guess: float) -> None:
            nonlocal best
            point, differ = self.best_rate(inside, outside, place, stay, guess)
            for chosen in (point.chosen, point.chosen ^ differ):
                if chosen not in known and not chosen & outside and not inside & ~chosen and self.fits(chosen):
                    known.add(chosen)
                    best = min(best, self.worth(chosen, place, stay, guess))
            open_ = everything & ~inside & ~outside
            value = point.value if open_ or self.mode == "units" else self.worth(inside, place, stay, guess)
            heappush(heap, (value, inside, outside, open_ & differ or open_ & point.chosen or open_, 0, point.rate or guess))

        add(inside, outside, guess)
        for count in range(NODES):
            value, inside, outside, candidates, _, rate = heap[0]
            if not closely or not candidates or value >= best - (abs(best) + scale) // 10**13:
                return value
            clock.check("servers' minima")
            heappop(heap)
            bit = 1 << max(bits_of(candidates), key=lambda i: self.sizes[i])
            add(inside, outside | bit, rate)
            if self.fits(inside | bit):
                add(inside | bit, outside, rate)
        notes.append("a server's minimum is only bounded: too many nodes")
        return heap[0][0]


class Point:
    """A bound by rates: near `rate` it is at most value + slope t + curve t^2."""

    def __init__(self, rate: float, value: int, chosen: int, slope: float, curve: float):
        self.rate, self.value, self.chosen, self.slope, self.curve = rate, value, chosen, slope, curve


def between(low: Point, high: Point) -> float:
    """Where the lesser of the curves of two points is largest, as a distance from the lower one. Only a guess."""
    if high.value >= BIG // 2:
        return (high.rate - low.rate) / 2
    wide = high.rate - low.rate
    c = (low.value - high.value) / ONE + high.slope * wide - high.curve * wide * wide
    b = low.slope - high.slope + 2 * high.curve * wide
    a = low.curve - high.curve
    q = -(b + (1 if b >= 0 else -1) * sqrt(max(b * b - 4 * a * c, 0.0))) / 2
    meet = [t for t in (q / a if a else -1.0, c / q if q else -1.0) if 0 <= t <= wide] or [wide / 2]
    if low.curve < 0 and 0 < (peak := -low.slope / (2 * low.curve)) <= meet[0]:
        return peak
    if high.curve < 0 and meet[0] <= (peak := wide - high.slope / (2 * high.curve)) < wide:
        return peak
    return meet[0] if 0 < meet[0] < wide else wide / 2


class Flow:
    def __init__(self, fields: dict[str, Any], servers: list[doc.Machine], kinds: int, at: str):
        self.rate, self.input = Fraction(fields["rate_per_s"]), Fraction(fields["input_bytes"])
        self.up = [Fraction(x) for x in fields["uplink_bytes_per_s"]]
        self.down = [Fraction(x) for x in fields["downlink_bytes_per_s"]]
        self.out = [Fraction(p["out_bytes"]) for p in fields["partitions"]]
        self.result = None if fields["result_bytes"] is None else Fraction(fields["result_bytes"])
        if not self.out or len(self.up) != len(servers) or len(self.down) != len(servers) and (
                self.down or self.result is not None):
            raise Bad(f"{at}: no partitions, or not one speed per server")
        self.work: dict[Kind, list[Fraction]] = {None: [Fraction(p["macs"]) for p in fields["partitions"]]}
        rows = fields["work_s"]
        if rows and (len(rows) != kinds or any(len(row) != len(self.out) for row in rows)):
            raise Bad(f"{at}.work_s: not one number per kind and partition")
        self.work.update((kind, [Fraction(x) for x in row]) for kind, row in enumerate(rows))
        if any(s.kind not in self.work or not all(self.work[s.kind]) for s in servers):
            raise Bad(f"{at}: no work for some server")


class Instance:
    def __init__(self, body: Any, version: int):
        kinds = doc.machine_kinds(body, version)
        numbers = doc.listing(doc.not_negative)
        partition = doc.record(macs=(doc.not_negative, 0.0), out_bytes=doc.not_negative)
        flow = doc.record(rate_per_s=doc.positive, input_bytes=doc.not_negative, partitions=doc.listing(partition),
                          work_s=(doc.listing(doc.listing(doc.positive)), []), result_bytes=(doc.not_negative, None),
                          uplink_bytes_per_s=numbers, downlink_bytes_per_s=(numbers, []))
        allocation = doc.either(("continuous",), doc.tagged(units=doc.record(macs_per_s=doc.positive)))
        read = doc.record(origin=doc.origin, machine_kinds=(doc.anything, []), flows=doc.listing(flow),
                          servers=doc.listing(doc.record(**doc.machine_fields("macs_per_s", "machine", kinds))),
                          link_bytes_per_s=doc.listing(numbers), allocation=(allocation, "continuous"))(body, "body")
        self.servers = [doc.machine(s, "macs_per_s", "machine", f"body.servers[{m}]") for m, s in enumerate(read["servers"])]
        self.flows = [Flow(f, self.servers, kinds, f"body.flows[{s}]") for s, f in enumerate(read["flows"])]
        self.links = [[Fraction(x) for x in row] for row in read["link_bytes_per_s"]]
        count = len(self.servers)
        if not 1 <= count <= 65535 or len(self.links) != count or any(len(row) != count for row in self.links):
            raise Bad("body: from 1 to 65535 servers, and one link for each two")
        if not 1 <= sum(len(f.out) for f in self.flows) <= 1_000_000:
            raise Bad("body.flows: from 1 to 1000000 partitions")
        self.unit: Fraction | None = None
        if read["allocation"] != "continuous":
            self.unit = Fraction(read["allocation"][1]["macs_per_s"])
            if len({s.kind is None for s in self.servers}) > 1:
                raise Bad("body.allocation: units of servers with and without kinds")
            self.units = [min((s.speed / self.unit).__floor__(), 2**53) for s in self.servers]
        self.rows: list[list[int]] = []
        for f in self.flows:
            start = self.rows[-1][-1] + 1 if self.rows else 0
            self.rows.append(list(range(start, start + len(f.out))))

    def evaluate(self, solution: Any, violations: list[str], clock: Clock) -> tuple[Value, Value, tuple | None]:
        table = lambda item: doc.listing(doc.listing(item))  # noqa: E731
        speeds = doc.tagged(macs_per_s=table(doc.number), units=table(doc.whole()))
        read = doc.record(servers=table(doc.whole()), speeds=speeds)(solution, "solution")
        servers, (kind, numbers) = read["servers"], read["speeds"]
        shape = [len(f.out) for f in self.flows]
        if [len(row) for row in servers] != shape or [len(row) for row in numbers] != shape:
            violations.append("shape")
        elif any(m >= len(self.servers) for row in servers for m in row):
            violations.append("a server does not exist")
        elif (kind == "units") != (self.unit is not None):
            violations.append("speeds: of the other kind")
        elif kind == "macs_per_s" and not all(1e-60 <= x <= 1e60 for row in numbers for x in row):
            violations.append("speeds: out of range")
        if violations:
            return inf, inf, None
        used: list[Fraction] = [Fraction(0)] * len(self.servers)
        for row, line in zip(servers, numbers):
            for m, x in zip(row, line):
                used[m] += Fraction(x)
        factor = [Fraction(1)] * len(self.servers)
        for m, (server, total) in enumerate(zip(self.servers, used)):
            if total > (CAPACITY * server.speed if self.unit is None else self.units[m]):
                violations.append(f"server {m}: capacity")
            elif self.unit is None and total > server.speed:
                factor[m] = server.speed / total
        values = [self.delay(servers, numbers, scaling, violations) for scaling in (factor, [Fraction(1)] * len(factor))]
        return values[0], values[0], (values[1], values[1])

    def delay(self, servers: list, numbers: list, factor: list[Fraction], violations: list[str]) -> Value:
        z: Value = Fraction(0)
        for s, (f, row, line) in enumerate(zip(self.flows, servers, numbers)):
            hops = [(f.input, f.up[row[0]])]
            hops += [(out, self.links[m][n]) for out, m, n in zip(f.out, row, row[1:]) if m != n]
            hops += [] if f.result is None else [(f.result, f.down[row[-1]])]
            if not all(speed for _, speed in hops):
                violations.append(f"flow {s}: no link")
                return inf
            time = sum((size / speed for size, speed in hops), Fraction(0))
            for n, (m, x) in enumerate(zip(row, line)):
                work = f.work[self.servers[m].kind][n]
                free = Fraction(x) * (factor[m] if self.unit is None else self.unit) - f.rate * work
                if free <= 0:
                    violations.append(f"flow {s}: partition {n} is not stable")
                    return inf
                time += work / free
            z += f.rate * time
        return z / sum(f.rate for f in self.flows)

    def replay(self, certificate: Any, clock: Clock, notes: list[str]) -> Value:
        table = doc.listing(doc.listing(doc.signed(1e60)))
        node = doc.tagged(marginal=doc.record(rates=doc.listing(doc.admitted(1e60))), priced=doc.record(prices=doc.whole()),
                          empty=doc.record(prices=doc.whole()),
                          split=doc.record(flow=doc.whole(), partition=doc.whole(), servers=doc.listing(doc.whole()),
                                           inside=doc.whole(), outside=doc.whole()))
        read = doc.record(prices=doc.listing(doc.record(place=table, stay=(table, []))),
                          nodes=doc.listing(node))(certificate, "certificate")
        return Replay(self, read["prices"], clock, notes).walk(read["nodes"])


class Replay:
    """A certificate's tree, with what its leaves share."""

    def __init__(self, instance: Instance, prices: list[dict[str, Any]], clock: Clock, notes: list[str]):
        self.instance, self.clock, self.notes = instance, clock, notes
        self.count = count = len(instance.servers)
        whole = instance.unit is not None and max(instance.units) <= 4096
        self.servers = [Server(instance, m, "units" if whole else "continuous") for m in range(count)]
        self.bare = [Server(instance, m, "empty") for m in range(count)]
        rows = [count] * sum(map(len, instance.rows))
        later = [0 if i == row[0] else count for row in instance.rows for i in row]
        self.prices: list[tuple[list[list[int]], list[list[int]]]] = []
        for n, entry in enumerate(prices):
            if [len(x) for x in entry["place"]] != rows or entry["stay"] and [len(x) for x in entry["stay"]] != later:
                raise Refused(f"prices[{n}]: shape")
            self.prices.append(tuple([[scaled_floor(row[m], BITS) if row else 0 for row in table or [[]] * len(rows)]
                                      for m in range(count)] for table in (entry["place"], entry["stay"])))
        total = sum(f.rate for f in instance.flows)
        self.transfers = []
        for f in instance.flows:
            def seconds(size: Fraction, speed: Fraction) -> int:
                return scaled_floor(f.rate / total * size / speed, BITS) if speed else BIG

            self.transfers.append(([seconds(f.input, x) for x in f.up],
                                   [[[seconds(size, x) for x in row] for row in instance.links] for size in f.out[:-1]],
                                   [0] * count if f.result is None else [seconds(f.result, x) for x in f.down]))
        self.known: dict[tuple, int] = {}

    def walk(self, nodes: list) -> Value:
        flows, everywhere = self.instance.rows, (1 << self.count) - 1

        def branch(at: str, kind: str, node: dict[str, Any], allowed: list[int]) -> tuple[list[int], list[int]]:
            if node["flow"] >= len(flows) or node["partition"] >= len(flows[node["flow"]]):
                raise Refused(f"{at}: no such flow or partition")
            chosen = sum(1 << m for m in doc.ascending(node["servers"], self.count, f"{at}.servers"))
            return doc.restricted(allowed, flows[node["flow"]][node["partition"]], chosen, everywhere & ~chosen)

        root = [sum(1 << m for m, s in enumerate(self.servers) if s.sizes[i] <= s.room) for row in flows for i in row]
        best, leaves = BIG, []
        for n, (at, kind, node, allowed) in enumerate(doc.leaves(nodes, {"split": ("inside", "outside")}, root, branch)):
            self.clock.check("tree")
            if kind == "marginal" and len(node["rates"]) != self.count or kind != "marginal" and node["prices"] >= len(self.prices):
                raise Refused(f"{at}: not one rate per server, or no such prices")
            if not all(allowed):
                continue
            if kind == "marginal":
                best = min(best, self.marginal(node["rates"], allowed))
            elif kind == "priced":
                leaves.append((-BIG, n, 0, node["prices"], allowed))
            elif self.priced(node["prices"], allowed, 0, self.bare) <= 0 >= self.priced(node["prices"], allowed, 2, self.bare):
                raise Refused(f"{at}: the leaf is not shown to be empty")
        # The least leaf only: each is bounded more and more closely until one that is bounded closely is the least.
        heapify(leaves)
        while leaves and leaves[0][0] < best:
            bound, n, stage, prices, allowed = heappop(leaves)
            if stage == 3:
                best = bound
                break
            heappush(leaves, (self.priced(prices, allowed, stage, self.servers), n, stage + 1, prices, allowed))
        return inf if best >= BIG // 2 else max(Fraction(0), Fraction(best, ONE))

    def paths(self, place: list[list[int]], stay: list[list[int]], allowed: list[int], free: bool = False) -> int:
        """The least cost of all flows' paths; `free`: without the times of transfers."""
        total = 0
        for row, (first, hops, last) in zip(self.instance.rows, self.transfers):
            cost = (lambda x: x if x >= BIG else 0) if free else (lambda x: x)
            reach = {m: cost(first[m]) + place[m][row[0]] for m in bits_of(allowed[row[0]])}
            for i, hop in zip(row[1:], hops):
                reach = {m: place[m][i] + min([v + stay[m][i] if n == m else v + cost(hop[n][m]) for n, v in reach.items()])
                         for m in bits_of(allowed[i])}
            total += min(v + cost(last[m]) for m, v in reach.items())
        return total

    def marginal(self, rates: list[Fraction], allowed: list[int]) -> int:
        """Theorem 1."""
        costs, constants = [], 0
        zero = [0] * len(allowed)
        for server, rate in zip(self.servers, rates):
            mode, server.mode = server.mode, "continuous"
            row, constant, _ = server.costs(rate)
            server.mode = mode
            costs.append(row)
            constants += constant
        return self.paths(costs, [zero] * self.count, allowed) - constants

    def priced(self, prices: int, allowed: list[int], stage: int, servers: list[Server]) -> int:
        """Theorem 2 (or 3, with servers without delays); stage 0: by rates, 1: also by the minima over any leaf's sets, 2: closely."""
        place, stay = self.prices[prices]
        total = self.paths(place, stay, allowed, servers is self.bare)
        if total >= BIG // 2:
            return BIG
        # Within 5e-12 of the sum over all servers.
        scale = abs(total) * 50 // len(servers)
        for m, server in enumerate(servers):
            sets = (sum(1 << i for i, mask in enumerate(allowed) if mask == 1 << m),
                    sum(1 << i for i, mask in enumerate(allowed) if not mask >> m & 1))
            first = (servers is self.bare, prices, m)
            key = (*first, 1, 0, 0) if stage == 1 else (*first, stage, *sets)
            if key not in self.known:
                self.known[key] = server.minimum(*key[-2:], place[m], stay[m], scale, self.clock, self.notes, stage > 0)
            total += max(self.known[key], self.known.get((*first, 0, *sets), -BIG))
        return BIG if total >= BIG // 2 else total
