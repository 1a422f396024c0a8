"""throughput: solutions, envelopes, hulls, least threads and leaves (chapter throughput, Certificates)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from itertools import pairwise
from math import inf, nextafter
from typing import Any

import documents as doc
from documents import Bad, Kind, Refused
from exact import Clock, Value, dyadic

MINIMISE = False
Vertex = tuple[Fraction, Fraction, Fraction]
Bounds = tuple[list[Vertex], Fraction]
"""Vertices (device work, bytes, cloudlet work) and the slack."""
SIDES = ((0, 2), (1, 2), (1, 0), (2, 0), (2, 1), (0, 1))


class Model:
    def __init__(self, fields: dict[str, Any], kinds: int, at: str):
        self.out = [Fraction(x) for x in fields["out_bytes"]]
        self.layers = len(self.out)
        self.edges: list[tuple[int, int]] = [(a, b) for a, b in fields["edges"]]
        if not 2 <= self.layers <= 1_000_000 or len(set(self.edges)) < len(self.edges):
            raise Bad(f"{at}: from 2 to 1000000 layers, no edge twice")
        if any(not a < b < self.layers for a, b in self.edges) or len({b for _, b in self.edges}) < self.layers - 1:
            raise Bad(f"{at}.edges: ascending, and one into each layer but the first")
        self.work = doc.works(fields, self.layers, kinds, at)
        if any(row[0] for row in self.work.values()):
            raise Bad(f"{at}: the input has work")
        self.total = {kind: sum(row) for kind, row in self.work.items()}

    def cut(self, layers: set[int], device: Kind, cloudlet: Kind) -> Vertex:
        """Device work, bytes and cloudlet work of a set of layers on the device."""
        own, other = self.work[device], self.work[cloudlet]
        senders = {a for a, b in self.edges if a in layers and b not in layers}
        return (sum((own[v] for v in layers), Fraction(0)), sum((self.out[v] for v in senders), Fraction(0)),
                sum((w for v, w in enumerate(other) if v not in layers), Fraction(0)))

    def flow(self, flow: list[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
        """in - out and pass of each layer."""
        if len(flow) != len(self.edges):
            raise Refused("flow: not one number per edge")
        keep = [Fraction(0)] * self.layers
        passed = [Fraction(0)] * self.layers
        for (a, b), n in zip(self.edges, flow):
            if n:
                keep[b] += n
                keep[a] -= n
                if n > 0:
                    passed[a] += n
        return keep, passed


class Cloudlet:
    def __init__(self, fields: dict[str, Any], at: str):
        self.threads: int = fields["threads"]
        self.most: int = fields["max_threads_per_request"]
        self.thread = doc.machine(fields, "thread_macs_per_s", "thread", at)
        self.speedup: doc.Speedup = fields["speedup"]
        self.largest = min(self.most, self.threads)

    def second(self, threads: int) -> Fraction:
        """Seconds per work with so many threads."""
        return self.speedup.inverse(threads) / self.thread.speed


class Request:
    def __init__(self, fields: dict[str, Any], at: str):
        self.model: int = fields["model"]
        self.point: int = fields["access_point"]
        self.device = doc.machine(fields, "device_macs_per_s", "device", at)
        self.alpha = 1 / self.device.speed
        self.uplink = 1 / Fraction(fields["uplink_bytes_per_s"])
        self.profit = Fraction(fields["profit"])
        self.latest = Fraction(nextafter(fields["deadline_s"] * 1.000000001, inf))


def largest_sum(sizes: set[int], room: int, clock: Clock) -> int:
    """The largest number up to `room` that is a sum of sizes, each taken any number of times."""
    if not sizes or min(sizes) > room:
        return 0
    least = min(sizes)
    if least == 1:
        return room
    first = {0: 0}
    heap = [0]
    while heap:
        n = heappop(heap)
        if n > first[n % least]:
            continue
        clock.check("sums of threads")
        for size in sizes:
            m = n + size
            if m <= room and m < first.get(m % least, room + 1):
                first[m % least] = m
                heappush(heap, m)
    return max(n + (room - n) // least * least for n in first.values())


def knapsack(items: list[tuple[int, int]], room: int, clock: Clock) -> int:
    """The largest value of items (size, value) that fit. Of each size only the most valuable that fit matter."""
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    for size, value in items:
        if value > 0:
            by_size[size].append(value)
    best = [0] * (room + 1)
    for size, values in by_size.items():
        for value in sorted(values, reverse=True)[: room // size]:
            clock.check("knapsack")
            for n in range(room, size - 1, -1):
                if (other := best[n - size] + value) > best[n]:
                    best[n] = other
    return best[room]


class Instance:
    def __init__(self, body: Any, version: int):
        self.kinds = kinds = doc.machine_kinds(body, version)
        numbers = doc.listing(doc.not_negative)
        model = doc.record(name=doc.text, macs=(numbers, []), out_bytes=numbers,
                           edges=doc.listing(doc.listing(doc.whole(), 2)), work_s=(doc.listing(doc.nullable(numbers)), []))
        cloudlet = doc.record(threads=doc.whole(0, 2**32 - 1), max_threads_per_request=doc.whole(1, 65535),
                              speedup=doc.Speedup, **doc.machine_fields("thread_macs_per_s", "thread", kinds))
        request = doc.record(model=doc.whole(), access_point=doc.whole(), uplink_bytes_per_s=doc.positive,
                             deadline_s=doc.positive, profit=(doc.positive, 1.0),
                             **doc.machine_fields("device_macs_per_s", "device", kinds))
        read = doc.record(origin=doc.origin, machine_kinds=(doc.anything, []), models=doc.listing(model),
                          cloudlets=doc.listing(cloudlet), hop_s_per_byte=doc.listing(numbers),
                          requests=doc.listing(request))(body, "body")
        self.models = [Model(m, kinds, f"body.models[{i}]") for i, m in enumerate(read["models"])]
        self.cloudlets = [Cloudlet(c, f"body.cloudlets[{i}]") for i, c in enumerate(read["cloudlets"])]
        self.hops = [[Fraction(x) for x in row] for row in read["hop_s_per_byte"]]
        if any(len(row) != len(self.cloudlets) for row in self.hops):
            raise Bad("body.hop_s_per_byte: not one number per cloudlet")
        self.requests = [Request(r, f"body.requests[{i}]") for i, r in enumerate(read["requests"])]
        if not self.requests:
            raise Bad("body.requests: empty")
        for i, r in enumerate(self.requests):
            if r.model >= len(self.models) or r.point >= len(self.hops):
                raise Bad(f"body.requests[{i}]: no such model or access point")
            if r.device.kind not in self.models[r.model].work:
                raise Bad(f"body.requests[{i}]: the model has no work for the device")
        self.local = [r.alpha * self.models[r.model].total[r.device.kind] <= r.latest for r in self.requests]
        self.whole_profits = all(r.profit.denominator == 1 for r in self.requests)

    def evaluate(self, solution: Any, violations: list[str], clock: Clock) -> tuple[Value, Value, None]:
        part = doc.record(model=doc.whole(), device_layers=doc.listing(doc.whole()))
        remote = doc.record(cloudlet=doc.whole(), threads=doc.whole(), part=doc.whole())
        read = doc.record(parts=doc.listing(part), service=doc.listing(
            doc.either(("rejected", "local"), doc.tagged(remote=remote))))(solution, "solution")
        if len(read["service"]) != len(self.requests):
            violations.append("service: not one entry per request")
            return inf, inf, None
        parts: list[tuple[int, set[int]] | None] = []
        for n, p in enumerate(read["parts"]):
            layers = set(p["device_layers"])
            good = p["model"] < len(self.models) and 0 in layers and all(a < b for a, b in pairwise(p["device_layers"]))
            if good:
                model = self.models[p["model"]]
                good = max(layers) < model.layers and all(a in layers for a, b in model.edges if b in layers)
            if not good:
                violations.append(f"parts[{n}]: no such model, or layers are no part of it")
            parts.append((p["model"], layers) if good else None)
        used = [0] * len(self.cloudlets)
        cuts: dict[tuple[int, Kind, Kind], Vertex] = {}
        z = Fraction(0)
        for i, (r, service) in enumerate(zip(self.requests, read["service"])):
            clock.check("solution")
            if service == "rejected":
                continue
            z += r.profit
            if service == "local":
                if not self.local[i]:
                    violations.append(f"service[{i}]: deadline")
                continue
            j, k, n = service[1]["cloudlet"], service[1]["threads"], service[1]["part"]
            if j >= len(self.cloudlets) or n >= len(parts):
                violations.append(f"service[{i}]: no such cloudlet or part")
                continue
            c = self.cloudlets[j]
            used[j] += k
            if not 1 <= k <= c.most:
                violations.append(f"service[{i}]: number of threads")
                continue
            if parts[n] is None:
                continue
            owner, layers = parts[n]
            if owner != r.model or c.thread.kind not in self.models[r.model].work:
                violations.append(f"service[{i}]: the part of another model, or no work for the cloudlet")
                continue
            key = (n, r.device.kind, c.thread.kind)
            if key not in cuts:
                cuts[key] = self.models[r.model].cut(layers, r.device.kind, c.thread.kind)
            own, sent, other = cuts[key]
            if r.alpha * own + (r.uplink + self.hops[r.point][j]) * sent + c.second(k) * other > r.latest:
                violations.append(f"service[{i}]: deadline")
        violations += [f"cloudlet {j}: threads" for j, c in enumerate(self.cloudlets) if used[j] > c.threads]
        return z, z, None

    def replay(self, certificate: Any, clock: Clock, notes: list[str]) -> Value:
        number, flow = doc.admitted(1e60), doc.listing(doc.signed(1e120))
        envelope = doc.record(corners=doc.listing(doc.listing(number, 2)), flows=doc.listing(flow))
        hull = doc.record(model=doc.whole(), device_kind=doc.nullable(doc.whole()), cloudlet_kind=doc.nullable(doc.whole()),
                          vertices=doc.listing(doc.listing(number, 3)),
                          nodes=doc.listing(doc.record(weights=doc.listing(number, 3), flow=flow)),
                          cells=doc.listing(doc.record(vertex=doc.whole(), nodes=doc.listing(doc.whole()))),
                          outline=doc.listing(doc.whole()))

        def pair(item: doc.Reader) -> doc.Reader:
            def read(entry: Any, at: str) -> tuple[int, Fraction]:
                if type(entry) is not list or len(entry) != 2:
                    raise Bad(f"{at}: not a pair")
                return doc.whole()(entry[0], at), item(entry[1], at)

            return read

        values = doc.record(values=doc.listing(pair(doc.signed(1e60))), multipliers=(doc.listing(pair(number)), []))
        node = doc.tagged(leaf=doc.record(prices=doc.listing(number)), values=values,
                          split=doc.record(request=doc.whole(), cloudlet=doc.whole(), served=doc.whole(), elsewhere=doc.whole()),
                          service=doc.record(request=doc.whole(), admitted=doc.whole(), rejected=doc.whole()))
        cut = doc.record(cloudlets=doc.listing(doc.whole()), values=doc.listing(pair(number)))
        read = doc.record(envelopes=doc.listing(envelope), hulls=(doc.listing(hull), []), cuts=(doc.listing(cut), []),
                          nodes=doc.listing(node))(certificate, "certificate")
        bounds = self.bounds(read["envelopes"], read["hulls"], clock)
        relaxation = Relaxation(self, self.least_threads(bounds, clock), clock, notes)
        relaxation.cuts = [relaxation.cut(n, c["cloudlets"], c["values"]) for n, c in enumerate(read["cuts"])]
        return relaxation.walk(read["nodes"])

    def bounds(self, envelopes: list, hulls: list, clock: Clock) -> dict[tuple[int, Kind, Kind], Bounds]:
        """Vertices and slack for each model, kind of device and kind of cloudlet."""
        if len(envelopes) != len(self.models):
            raise Refused("envelopes: not one per model")
        devices = {(r.model, r.device.kind) for r in self.requests}
        clouds = {c.thread.kind for c in self.cloudlets if c.threads}
        mac_cloudlet = any(c.thread.kind is None for c in self.cloudlets)
        result: dict[tuple[int, Kind, Kind], Bounds] = {}
        for m, fields in enumerate(envelopes):
            clock.check("envelopes")
            needed = not self.kinds or ((m, None) in devices and mac_cloudlet)
            if fields["corners"] or needed:
                result[m, None, None] = self.envelope(self.models[m], fields["corners"], fields["flows"], clock)
            elif fields["flows"]:
                raise Refused(f"envelopes[{m}]: flows without corners")
        wanted = {(m, d, c) for m, d in devices for c in clouds if c in self.models[m].work}
        given = set()
        for fields in hulls:
            clock.check("hulls")
            key = fields["model"], fields["device_kind"], fields["cloudlet_kind"]
            if key in given or key not in wanted:
                raise Refused("hulls: given twice, or not of the instance")
            given.add(key)
            hull = self.hull(key, fields, clock)
            if key[1:] != (None, None):
                result[key] = hull
        if any(key not in result for key in wanted):
            raise Refused("hulls: one is missing")
        return result

    def envelope(self, model: Model, corners: list[list[Fraction]], flows: list[list[Fraction]], clock: Clock) -> Bounds:
        """Theorem 1: the cost of each cut is at least 1 - slack times that of some corner."""
        if None not in model.work or len(flows) != len(corners) - 1 or corners[0][0] != 0 or corners[-1][1] != 0:
            raise Refused("envelope: no MACs, shape, or its first and last corner")
        work, total = model.work[None], model.total[None]
        slack = Fraction(0)
        for (dp, bp), (dq, bq), flow in zip(corners, corners[1:], flows):
            clock.check("envelope")
            a, b = bp - bq, dq - dp
            if a <= 0 or b <= 0:
                raise Refused("envelope: work rises and bytes fall from corner to corner")
            keep, passed = model.flow(flow)
            proved = -keep[0]
            for v in range(model.layers):
                if v and (excess := keep[v] - a * work[v]) > 0:
                    proved -= excess
                if passed[v] and (excess := passed[v] - b * model.out[v]) > 0:
                    proved -= excess
            slack = max(slack, 1 - proved / max(a * dp + b * bp, a * dq + b * bq))
        if slack >= Fraction(1, 2):
            raise Refused("envelope: the slack is at least 1/2")
        return [(d, b, max(Fraction(0), total - d)) for d, b in corners], slack

    def hull(self, key: tuple[int, Kind, Kind], fields: dict[str, Any], clock: Clock) -> Bounds:
        """Theorem 2: the same as theorem 1, for all weights of the instance."""
        model = self.models[key[0]]
        own, other = model.work[key[1]], model.work[key[2]]
        nodes, cells, outline, vertices = fields["nodes"], fields["cells"], fields["outline"], fields["vertices"]
        proved: list[Fraction] = []
        for node in nodes:
            clock.check("hull")
            w1, w2, w3 = node["weights"]
            if w1 == w2 == w3 == 0:
                raise Refused("hull: weights are all 0")
            keep, passed = model.flow(node["flow"])
            total = -keep[0]
            for v in range(model.layers):
                if v:
                    total += min(w3 * other[v], w1 * own[v] - keep[v])
                if passed[v] and (excess := passed[v] - w2 * model.out[v]) > 0:
                    total -= excess
            proved.append(total)
        slack = Fraction(0)
        sides: Counter[tuple[int, int]] = Counter()
        for sign, ring in [(1, cell["nodes"]) for cell in cells] + [(-1, outline)]:
            if any(n >= len(nodes) for n in ring):
                raise Refused("hull: no such node")
            for n, m in zip(ring, ring[1:] + ring[:1]):
                if n != m:
                    sides[min(n, m), max(n, m)] += sign if n < m else -sign
        for cell in cells:
            clock.check("hull")
            if cell["vertex"] >= len(vertices):
                raise Refused("hull: no such vertex")
            vertex = vertices[cell["vertex"]]
            for n in cell["nodes"]:
                cost = sum(w * x for w, x in zip(nodes[n]["weights"], vertex))
                if cost > 0:
                    slack = max(slack, 1 - proved[n] / cost)
        if slack >= Fraction(1, 2):
            raise Refused("hull: the slack is at least 1/2")
        if any(sides.values()) or set(outline) - {n for cell in cells for n in cell["nodes"]}:
            raise Refused("hull: sides do not cancel, or a node of the outline is in no cell")
        self.surrounds([nodes[n]["weights"] for n in outline], *self.box(key))
        return [(d, b, r) for d, b, r in vertices], slack

    def box(self, key: tuple[int, Kind, Kind]) -> tuple[list[Fraction], list[Fraction]]:
        """The least and largest weights of the instance for a model and two kinds."""
        requests = [r for r in self.requests if (r.model, r.device.kind) == key[:2]]
        clouds = [(j, c) for j, c in enumerate(self.cloudlets) if c.threads and c.thread.kind == key[2]]
        hops = [self.hops[a][j] for a in {r.point for r in self.requests} for j, _ in clouds]
        alphas, links = [r.alpha for r in requests], [r.uplink for r in requests]
        return ([min(alphas), min(links) + min(hops), min(c.second(c.largest) for _, c in clouds)],
                [max(alphas), max(links) + max(hops), max(c.second(1) for _, c in clouds)])

    def surrounds(self, outline: list[list[Fraction]], low: list[Fraction], high: list[Fraction]) -> None:
        """Refuse an outline that does not go once around the box."""

        def beyond(w: list[Fraction], side: int) -> bool:
            q, r = SIDES[side]
            return w[q] * low[r] > w[r] * high[q] or w[q] == w[r] == 0

        if not outline or not beyond(outline[0], 0) or not beyond(outline[0], 5):
            raise Refused("hull: the outline's first node")
        side, stand = 0, outline[0]
        for following in outline[1:] + outline[:1]:
            while not beyond(following, side):
                side += 1
                if side == 6 or not beyond(stand, side):
                    raise Refused("hull: the outline does not surround the weights")
            stand = following
        if not all(beyond(stand, rest) for rest in range(side, 6)):
            raise Refused("hull: the outline does not surround the weights")

    def least_threads(self, bounds: dict[tuple[int, Kind, Kind], Bounds], clock: Clock) -> list[dict[int, int]]:
        """Theorem 3: for each request, the least threads of each cloudlet that may serve it."""
        result: list[dict[int, int]] = []
        for i, r in enumerate(self.requests):
            clock.check("least threads")
            row: dict[int, int] = {}
            left: dict[Kind, list[tuple[Fraction, Fraction, Fraction]]] = {}
            for j, c in enumerate(self.cloudlets):
                kind = c.thread.kind
                if not c.threads or kind not in self.models[r.model].work:
                    continue
                if self.local[i]:
                    row[j] = 1
                    continue
                if kind not in left:
                    vertices, slack = bounds[r.model, r.device.kind, kind]
                    limit = r.latest / (1 - slack)
                    left[kind] = [(x, b, w) for d, b, w in vertices if (x := limit - r.alpha * d) >= 0]
                beta = r.uplink + self.hops[r.point][j]
                best: Value = -1
                for x, b, w in left[kind]:
                    if (rest := x - beta * b) >= 0:
                        best = max(best, rest / w if w else inf)
                k = 1 if best == inf else c.speedup.least(best * c.thread.speed, strict=False) if best >= 0 else None
                if k is not None and k <= c.largest:
                    row[j] = k
            result.append(row)
        return result


Path = tuple[tuple[int, int | None, bool], ...]
"""Decisions above a node, in order: a request, a cloudlet that serves it or does not, or None: whether it is admitted."""


class Decisions:
    """What a path decides: the cloudlets that serve each request, pairs that are excluded, and for each request whether it is admitted."""

    def __init__(self, path: Path):
        self.served: defaultdict[int, set[int]] = defaultdict(set)
        self.admitted: defaultdict[int, list[bool]] = defaultdict(list)
        self.excluded = {(i, j) for i, j, choice in path if j is not None and not choice}
        for i, j, choice in dict.fromkeys(path):
            if j is None:
                self.admitted[i].append(choice)
            elif choice:
                self.served[i].add(j)

    def rejects(self, i: int) -> bool:
        return False in self.admitted.get(i, ())


class Relaxation:
    """Bounds of leaves: theorems 4 and 5. Numbers are dyadic: in units of 2^-shift they are whole."""

    def __init__(self, instance: Instance, threads: list[dict[int, int]], clock: Clock, notes: list[str]):
        self.instance, self.threads, self.clock, self.notes = instance, threads, clock, notes
        self.requests, self.room = instance.requests, [c.threads for c in instance.cloudlets]
        self.open = [i for i, row in enumerate(threads) if not instance.local[i] and row]
        self.local_profit = sum((r.profit for r, local in zip(self.requests, instance.local) if local), Fraction(0))
        self.profits = bits_of(r.profit for r in self.requests)
        self.cuts: list[tuple[frozenset[int], set[int], Fraction]] = []

    def cut(self, n: int, cloudlets: list[int], pairs: list[tuple[int, Fraction]]) -> tuple[frozenset[int], set[int], Fraction]:
        """Lemma 5: cloudlets, requests, and a bound of the profit that these cloudlets gain from these requests."""
        doc.ascending(cloudlets, len(self.room), f"cuts[{n}].cloudlets")
        doc.ascending([i for i, _ in pairs], len(self.requests), f"cuts[{n}].values")
        values = {i: value for i, value in pairs if not self.instance.local[i]}
        shift = max(self.profits, bits_of(values.values()))
        total = sum((whole(value, shift) for value in values.values()), 0)
        for j in cloudlets:
            items = [(self.threads[i][j], whole(self.requests[i].profit - value, shift))
                     for i, value in values.items() if j in self.threads[i]]
            total += knapsack(items, self.room[j], self.clock)
        return frozenset(cloudlets), set(values), self.rounded(dyadic(total, shift))

    def walk(self, nodes: list) -> Fraction:
        """The largest bound of all leaves."""

        def branch(at: str, kind: str, node: dict[str, int], path: Path) -> tuple[Path, Path]:
            i, j = node["request"], node.get("cloudlet")
            if i >= len(self.requests) or j is not None and j >= len(self.room):
                raise Refused(f"{at}: no such request or cloudlet")
            return (*path, (i, j, True)), (*path, (i, j, False))

        splits = {"split": ("served", "elsewhere"), "service": ("admitted", "rejected")}
        best = Fraction(0)
        for at, kind, node, path in doc.leaves(nodes, splits, (), branch):
            self.clock.check("leaves")
            decisions = Decisions(path)
            if kind == "leaf" and len(node["prices"]) != len(self.room):
                raise Refused(f"{at}: not one price per cloudlet")
            if kind == "values":
                doc.ascending([i for i, _ in node["values"]], len(self.requests), f"{at}.values")
                doc.ascending([c for c, _ in node["multipliers"]], len(self.cuts), f"{at}.multipliers")
                if any(u < 0 and not decisions.admitted.get(i, [False])[-1] for i, u in node["values"]):
                    raise Refused(f"{at}: a value below 0 of a request that is not admitted")
            room = self.room_left(decisions)
            if room is not None:
                best = max(best, self.prices(node["prices"], decisions, room) if kind == "leaf" else
                           self.values(dict(node["values"]), dict(node["multipliers"]), decisions, room))
        return best

    def room_left(self, decisions: Decisions) -> list[int] | None:
        """The threads that the served leave on each cloudlet; None if no solution agrees with the decisions."""
        room = list(self.room)
        for i, cloudlets in decisions.served.items():
            j = min(cloudlets)
            if len(cloudlets) > 1 or (i, j) in decisions.excluded or j not in self.threads[i] or decisions.rejects(i):
                return None
            room[j] -= self.threads[i][j]
        return None if min(room, default=0) < 0 or any(len(both) > 1 for both in decisions.admitted.values()) else room

    def undecided(self, decisions: Decisions) -> Iterator[tuple[int, dict[int, int]]]:
        """Open requests that some cloudlet may serve, with the least threads of each of these."""
        touched = {i for i, _ in decisions.excluded}
        for i in self.open:
            row = self.threads[i]
            if i in touched:
                row = {j: k for j, k in row.items() if (i, j) not in decisions.excluded}
            if row and i not in decisions.served and not decisions.rejects(i):
                yield i, row

    def prices(self, prices: list[Fraction], decisions: Decisions, room: list[int]) -> Fraction:
        """Theorem 4."""
        shift = max(self.profits, bits_of(prices))
        price = [whole(p, shift) for p in prices]
        sizes: list[set[int]] = [set() for _ in room]
        gains: Counter[frozenset[int]] = Counter()
        for i, row in self.undecided(decisions):
            profit = whole(self.requests[i].profit, shift)
            gains[frozenset(row)] += max(0, profit - min(price[j] * k for j, k in row.items()))
            for j, k in row.items():
                sizes[j].add(k)
        rest = [p * largest_sum(size, left, self.clock) if p else 0 for p, size, left in zip(price, sizes, room)]
        return self.grouped(gains, rest, shift, decisions)

    def values(self, values: dict[int, Fraction], multipliers: dict[int, Fraction], decisions: Decisions, room: list[int]) -> Fraction:
        """Theorem 5."""
        used = [(*self.cuts[c], mu) for c, mu in multipliers.items()]
        most = max(self.profits, bits_of(bound for _, _, bound, _ in used))
        shift = max(bits_of(values.values()), most + bits_of(multipliers.values()))
        items: list[list[tuple[int, int]]] = [[] for _ in room]
        gains: Counter[frozenset[int]] = Counter()
        for cloudlets, requests, bound, mu in used:
            spent = sum(self.requests[i].profit for i, on in decisions.served.items() if i in requests and on <= cloudlets)
            gains[cloudlets] += whole(mu * max(bound - spent, 0), shift)
        for i, row in self.undecided(decisions):
            profit, value = self.requests[i].profit, values.get(i, 0)
            gains[frozenset(row)] += whole(value, shift)
            own = [(cloudlets, mu) for cloudlets, requests, _, mu in used if i in requests]
            for j, k in row.items():
                items[j].append((k, whole(profit - value - profit * sum(mu for on, mu in own if j in on), shift)))
        rest = [knapsack(of, left, self.clock) for of, left in zip(items, room)]
        return self.grouped(gains, rest, shift, decisions)

    def grouped(self, gains: Counter[frozenset[int]], rest: list[int], shift: int, decisions: Decisions) -> Fraction:
        """The bound of a leaf: what is gained from sets of cloudlets and what each cloudlet adds, rounded group by group."""
        groups: list[frozenset[int]] = []
        for cloudlets in gains:
            apart = [g for g in groups if not g & cloudlets]
            groups = [*apart, cloudlets.union(*(g for g in groups if g & cloudlets))] if cloudlets else groups
        served = (self.requests[i].profit for i in decisions.served if not self.instance.local[i])
        total = sum(served, self.local_profit)
        for group in groups:
            bound = sum(gain for cloudlets, gain in gains.items() if cloudlets & group) + sum(rest[j] for j in group)
            total += self.rounded(dyadic(bound, shift))
        return self.rounded(total)

    def rounded(self, x: Fraction) -> Fraction:
        """A bound, rounded down if all profits are whole."""
        if not self.instance.whole_profits:
            return x
        floor = Fraction(x.__floor__())
        if x - floor > 1 - Fraction(1, 10**9) * max(x, 1):
            self.notes.append("a group's value is just below a whole number")
        return floor


def bits_of(numbers: Iterable[Fraction]) -> int:
    """The least number of binary places that all dyadic numbers have."""
    return max((x.denominator.bit_length() - 1 for x in numbers), default=0)


def whole(x: Fraction | int, shift: int) -> int:
    """x 2^shift."""
    return x.numerator * (1 << shift) // x.denominator
