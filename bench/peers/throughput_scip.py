#!/usr/bin/env python3
"""`throughput` by SCIP: the generalised assignment of requests to cloudlets, as a mixed-integer programme.

A peer of Offcut's own methods, sharing no code with them: README.md beside this file says how to run it.

| formula    | here               | unit                                                                       |
|------------|--------------------|----------------------------------------------------------------------------|
| D(S), B(S) | `corners`          | work on the device and bytes sent if the layers S run on the device        |
| R(S)       | `corners`          | work on the cloudlet; D + R is constant if both are in MACs                |
| k_ij       | `needs[i][j]`      | threads, the least with which request i meets its deadline on cloudlet j   |
| C_j        | `capacity[j]`      | threads                                                                    |
| p_i        | `profits[i]`       | the profit of request i                                                        |
| n_c        | `sizes[c]`         | requests of class c: all with the same k_i1, k_i2, ... and p_i             |
| y_cj       | `takes[c][j]`      | whole, >= 0: requests of class c on cloudlet j; a binary if n_c is 1       |

    maximise  sum_cj p_c y_cj  +  profits of all whom their device serves
    subject to  sum_j y_cj <= n_c,   sum_c k_cj y_cj <= C_j

A request that meets its deadline on its device needs no threads and is admitted beforehand. With a cloudlet, nobody gains from more than the least
threads that do, nor does it matter which cut they do it with: these are chosen once, and the programme is equivalent. Requests of one class can
change places, so whole numbers stand for them instead of binaries.

The least threads. The delay of a cut is D/device + B (1/uplink + hop) + (all MACs - D)/speed, linear in D and B. So only the vertices of the lower
convex hull of all (D, B) can be the best cut, whatever device, uplink and cloudlet are. They are found by minimum cuts, between each two vertices one
more, until none lies below the line through both (Eisner and Severance 1976); the amounts are exact, as whole numbers. In a cut's network the source's
side is the device: layer v -> sink costs its MACs, v -> v' its bytes, and v' -> successor and successor -> v cost infinitely much. Wherever no
edge leads past a layer, the network falls apart there. With the vertices, k_ij is found by bisection: more threads never take longer. On different kinds of
machines, D and R are independent: then k_ij is found with a minimum cut for each of the request's delays that no known cut shows to be short enough.

Deadlines are met up to 1e-9 of themselves, as Offcut's checker has it; half of that is used here, so that no rounding decides.
"""

import argparse
import itertools
import json
import math
import os
import random
import sys
import time
from fractions import Fraction

# SCIP works on one thread; so shall any library below it.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import pyscipopt  # noqa: E402
from pyscipopt import SCIP_EVENTTYPE, quicksum  # noqa: E402

DEADLINE_TOLERANCE = 0.5e-9
MOST_PAIRS = 5_000_000
MOST_CUTS = 20_000


class Declined(Exception):
    """Not for this programme, in one line."""


# The cuts that can be best.


def kind_of(owner, name):
    """The kind of a machine, none if its speed is in MAC/s."""
    return owner[name]["kind"] if name in owner else None


def speed_of(owner, name):
    """In MAC/s, or a factor on the nominal speed of its kind."""
    return owner[name]["speed"] if name in owner else owner[name + "_macs_per_s"]


def work_of(model, kind):
    """Work of each layer: MACs, or seconds on a kind of machine. None if machines of this kind do not run the model."""
    if kind is None:
        return model.get("macs")
    return model["work_s"][kind] if "work_s" in model else None


def whole(values):
    """Floats as whole numbers, exactly, in a common unit."""
    ratios = [float(value).as_integer_ratio() for value in values]
    unit = max(ratio[1] for ratio in ratios)  # All are powers of two.
    return [numerator * (unit // denominator) for numerator, denominator in ratios], unit


def least_cut(inside, begin, end, edges, macs, sizes, per_mac, per_byte):
    """The layers of `inside` that run on the device, of least weight: `begin` does, and what begins at `end` does not. Dinic's algorithm. `macs` below 0
    are of layers that cost less on the device than elsewhere."""
    index = {v: 2 + 2 * at for at, v in enumerate(inside)}
    source, sink, count = 0, 1, 2 + 2 * len(inside) + 2
    index[begin] = count - 2  # Only to have a place for what it sends.
    arcs = [[] for _ in range(count)]  # (to, rest, index of the arc back)
    infinite = 1 + sum(per_mac * abs(macs[v]) for v in inside) + sum(per_byte * sizes[v] for v in [begin, *inside])

    def join(a, b, rest, back=0):
        if rest or back:
            arcs[a].append([b, rest, len(arcs[b])])
            arcs[b].append([a, back, len(arcs[a]) - 1])

    join(source, index[begin], infinite)
    for v in [begin, *inside]:
        join(index[v], index[v] + 1, per_byte * sizes[v])
        if v != begin and macs[v] < 0:
            join(source, index[v], -per_mac * macs[v])
        elif v != begin:
            join(index[v], sink, per_mac * macs[v])
    for v, w in edges:
        if w == end or w not in index:
            join(index[v] + 1, sink, infinite)
        else:
            join(index[v] + 1, index[w], infinite)
            join(index[w], index[v], infinite)
    while True:
        level = [None] * count
        level[source] = 0
        queue = [source]
        for a in queue:
            for b, rest, _ in arcs[a]:
                if rest and level[b] is None:
                    level[b] = level[a] + 1
                    queue.append(b)
        if level[sink] is None:
            return [v for v in inside if level[index[v]] is not None]
        at = [0] * count
        while True:
            # One path along the levels, as much through it as there is room for.
            path, a = [], source
            while a != sink:
                while at[a] < len(arcs[a]):
                    b, rest, _ = arcs[a][at[a]]
                    if rest and level[b] == level[a] + 1:
                        break
                    at[a] += 1
                if at[a] < len(arcs[a]):
                    path.append((a, at[a]))
                    a = arcs[a][at[a]][0]
                elif path:
                    a, _ = path.pop()
                    at[a] += 1
                else:
                    break
            if a != sink:
                break
            much = min(arcs[a][e][1] for a, e in path)
            for a, e in path:
                b, _, back = arcs[a][e]
                arcs[a][e][1] -= much
                arcs[b][back][1] += much


def corners_of(model):
    """The vertices of the lower convex hull of all cuts: MACs on the device (rising), bytes sent, MACs elsewhere, and the device's layers."""
    macs, mac_unit = whole(model["macs"])
    sizes, byte_unit = whole(model["out_bytes"])
    layers = len(macs)
    followers = [[] for _ in range(layers)]
    farthest = 0  # The highest layer that an edge from before leads to.
    for v, w in model["edges"]:
        followers[v].append(w)
    # Gates: no edge leads past them, and nothing before them ends.
    gates, ends_before = [], False
    for v in range(layers):
        if farthest <= v and not ends_before:
            gates.append(v)
        farthest = max([farthest, *followers[v]])
        ends_before = ends_before or not followers[v]
    points = []
    for begin, end in zip(gates, gates[1:] + [layers]):
        inside = range(begin + 1, end)
        edges = [(v, w) for v in range(begin, end) for w in followers[v]]

        def point(chosen):
            on_device = set(chosen) | set(range(begin + 1))
            sends = {v for v, w in edges if v in on_device and w not in on_device}
            return sum(macs[v] for v in on_device), sum(sizes[v] for v in sends), tuple(sorted(on_device))

        def between(low, high):
            per_mac, per_byte = low[1] - high[1], high[0] - low[0]
            if per_mac <= 0 or per_byte <= 0:
                return
            found = point(least_cut(inside, begin, end, edges, macs, sizes, per_mac, per_byte))
            if per_mac * found[0] + per_byte * found[1] < per_mac * low[0] + per_byte * low[1]:
                points.append(found)
                between(low, found)
                between(found, high)

        # The vertices at both ends: least MACs first, and least bytes first.
        low, high = point([]), point(inside)
        if low[0] != high[0] or low[1] != high[1]:
            lowest = sum(sizes) + 1
            low = point(least_cut(inside, begin, end, edges, macs, sizes, lowest, 1))
            high = point(least_cut(inside, begin, end, edges, macs, sizes, 1, sum(macs) + 1))
        points += [low, high]
        between(low, high)
    hull = []
    for candidate in sorted(points, key=lambda p: p[:2]):
        if hull and candidate[1] >= hull[-1][1]:
            continue
        while len(hull) > 1:
            (x, y), (u, v) = hull[-2][:2], hull[-1][:2]
            if (u - x) * (candidate[1] - y) > (v - y) * (candidate[0] - x):
                break
            hull.pop()
        hull.append(candidate)
    total = sum(macs)
    return [(float(Fraction(d, mac_unit)), float(Fraction(b, byte_unit)), float(Fraction(total - d, mac_unit)), s) for d, b, s in hull]


def fastest_cut(model, device, cloudlet, seconds):
    """The cut of least delay on kinds of machines, as in `corners_of`; `seconds` per work on the device, per byte, and per work on the cloudlet."""
    mine, others, sizes = work_of(model, device), work_of(model, cloudlet), model["out_bytes"]
    layers = len(sizes)
    terms, _ = whole([seconds[0] * w for w in mine] + [seconds[2] * w for w in others] + [seconds[1] * b for b in sizes])
    more = [here - there for here, there in zip(terms[:layers], terms[layers : 2 * layers])]
    chosen = least_cut(range(1, layers), 0, layers, model["edges"], more, terms[2 * layers :], 1, 1)
    on_device = {0, *chosen}
    sends = {v for v, w in model["edges"] if v in on_device and w not in on_device}
    there = math.fsum(w for v, w in enumerate(others) if v not in on_device)
    return math.fsum(mine[v] for v in on_device), math.fsum(sizes[v] for v in sends), there, tuple(sorted(on_device))


class Instance:
    """What the model needs of an instance: who is served by the device, and how many threads everybody needs where."""

    def __init__(self, body):
        requests, cloudlets = body["requests"], body["cloudlets"]
        if len(requests) * len(cloudlets) > MOST_PAIRS:
            raise Declined(f"{len(requests)} requests and {len(cloudlets)} cloudlets are too many pairs for a model in Python")
        self.models = body["models"]
        self.capacity = [cloudlet["threads"] for cloudlet in cloudlets]
        self.profits = [float(request.get("profit", 1.0)) for request in requests]
        # Per request: its model and the kind of its device. Per cloudlet: its kind.
        self.owner_of = [(request["model"], kind_of(request, "device")) for request in requests]
        self.kinds = [kind_of(cloudlet, "thread") for cloudlet in cloudlets]
        self.corners = {}
        most = [min(cloudlet["max_threads_per_request"], cloudlet["threads"]) for cloudlet in cloudlets]
        self.speeds = [[speed_of(cloudlet, "thread") * s for s in speedups(cloudlet["speedup"], k)] for cloudlet, k in zip(cloudlets, most)]
        latest = np.array([request["deadline_s"] for request in requests]) * (1 + DEADLINE_TOLERANCE)
        self.device = np.array([1 / speed_of(request, "device") for request in requests])
        hops = np.array([body["hop_s_per_byte"][request["access_point"]] for request in requests]).reshape(len(requests), len(cloudlets))
        self.per_byte = np.array([1 / request["uplink_bytes_per_s"] for request in requests])[:, None] + hops
        self.is_local = np.zeros(len(requests), dtype=bool)
        self.needs = np.zeros((len(requests), len(cloudlets)), dtype=np.int64)  # 0 if no number of threads is enough
        for owner in dict.fromkeys(self.owner_of):
            mine = np.array([i for i, other in enumerate(self.owner_of) if other == owner])
            model = self.models[owner[0]]
            self.is_local[mine] = math.fsum(work_of(model, owner[1])) * self.device[mine] <= latest[mine]
            mine = mine[~self.is_local[mine]]
            for j, speeds in enumerate(self.speeds):
                # A cloudlet that has no work for the model does not run it.
                if speeds and len(mine) and work_of(model, self.kinds[j]) is not None:
                    self.needs[mine, j] = self.least_threads(owner, mine, j, np.array(speeds), latest[mine])

    def corners_on(self, owner, j):
        """The corners of a model on a kind of device and the kind of a cloudlet. With kinds: all cuts that were found so far."""
        m, device = owner
        key = m, device, self.kinds[j]
        if key not in self.corners:
            is_plane = device is None and self.kinds[j] is None
            self.corners[key] = corners_of(self.models[m]) if is_plane else []
        return self.corners[key]

    def delays(self, owner, requests, j, speeds):
        """The least delays of some requests of one owner on cloudlet j at some speeds, and the corners they have them with."""
        device, size, remote = (np.array(column) for column in list(zip(*self.corners_on(owner, j)))[:3])
        delays = self.device[requests, None] * device + self.per_byte[requests, j, None] * size + remote / np.reshape(speeds, (-1, 1))
        best = np.argmin(delays, axis=1)
        return delays[np.arange(len(delays)), best], best

    def least_threads(self, owner, requests, j, speeds, latest):
        if owner[1] is None and self.kinds[j] is None:
            return self.searched(lambda middle: self.delays(owner, requests, j, speeds[middle])[0] <= latest, len(requests), len(speeds))
        least = []
        for i, limit in zip(requests, latest):
            meets = lambda middle: np.array([self.meets(owner, i, j, speeds[middle[0]], limit)])  # noqa: B023, E731
            least.append(self.searched(meets, 1, len(speeds))[0])
        return np.array(least)

    @staticmethod
    def searched(meets, count, most):
        """By bisection, the least threads that are enough, 0 if none are."""
        low, high = np.zeros(count, dtype=int), np.full(count, most)
        while np.any(low < high):
            middle = np.minimum((low + high) // 2, most - 1)
            enough = meets(middle)
            is_open = low < high
            high = np.where(is_open & enough, middle, high)
            low = np.where(is_open & ~enough, middle + 1, low)
        return np.where(low < most, low + 1, 0)

    def meets(self, owner, i, j, speed, limit):
        """Whether request i meets its deadline on cloudlet j at a speed: with a cut that is known, or else with the least one."""
        corners = self.corners_on(owner, j)
        if corners and self.delays(owner, [i], j, speed)[0][0] <= limit:
            return True
        model = self.models[owner[0]]
        found = fastest_cut(model, owner[1], self.kinds[j], (self.device[i], self.per_byte[i, j], 1 / speed))
        self.minimum_cuts = getattr(self, "minimum_cuts", 0) + 1
        if self.minimum_cuts > MOST_CUTS:
            raise Declined(f"more than {MOST_CUTS} minimum cuts are too many in Python")
        if found not in corners:
            corners.append(found)
        return self.delays(owner, [i], j, speed)[0][0] <= limit

    def classes(self):
        """Per class: its requests, its needs and its profit. Who is served by the device, or nowhere, is in none."""
        classes = {}
        for i, needs in enumerate(self.needs):
            if needs.any():
                classes.setdefault((needs.tobytes(), self.profits[i]), []).append(i)
        return [(members, self.needs[members[0]].tolist(), profit) for (_, profit), members in classes.items()]

    def solution(self, places):
        """The solution and its objective value; `places` says which requests go to which cloudlets."""
        service = ["local" if is_local else "rejected" for is_local in self.is_local]
        parts, indices = [], {}
        for i, j in places.items():
            owner, k = self.owner_of[i], int(self.needs[i, j])
            corner = int(self.delays(owner, [i], j, self.speeds[j][k - 1])[1][0])
            part = owner, self.kinds[j], corner
            if part not in indices:
                indices[part] = len(parts)
                parts.append({"model": owner[0], "device_layers": list(self.corners_on(owner, j)[corner][3])})
            service[i] = {"remote": {"cloudlet": j, "threads": k, "part": indices[part]}}
        objective = math.fsum(profit for profit, what in zip(self.profits, service) if what != "rejected")
        return {"parts": parts, "service": service}, objective


def speedups(law, most):
    """Of 1, 2, ..., `most` threads over one."""
    if law["law"] == "linear":
        return [float(k) for k in range(1, most + 1)]
    if law["law"] == "amdahl":
        p = law["parallel_fraction"]
        return [1 / ((1 - p) + p / k) for k in range(1, most + 1)]
    table = law["speedups"]
    return [table[min(k, len(table)) - 1] for k in range(1, most + 1)]


# The model.


def solve(body, time_s=None, seed=0, memory_bytes=None, say=lambda line: None):
    """The answer's body."""
    start, start_cpu = time.perf_counter(), time.process_time()
    instance = Instance(body)
    served = math.fsum(profit for profit, is_local in zip(instance.profits, instance.is_local) if is_local)
    classes = instance.classes()
    model = pyscipopt.Model("throughput")
    model.hideOutput()
    takes = []
    for members, needs, _ in classes:
        kind, most = ("B", 1) if len(members) == 1 else ("I", len(members))
        takes.append({j: model.addVar(vtype=kind, lb=0, ub=most) for j, need in enumerate(needs) if need})
    for (members, _, _), row in zip(classes, takes):
        if len(row) > 1:
            model.addCons(quicksum(row.values()) <= len(members))
    for j, capacity in enumerate(instance.capacity):
        column = [needs[j] * row[j] for (_, needs, _), row in zip(classes, takes) if j in row]
        if column:
            model.addCons(quicksum(column) <= capacity)
    model.setObjective(quicksum(profit * take for (_, _, profit), row in zip(classes, takes) for take in row.values()), "maximize")

    def places(kept):
        chosen = {}
        for (members, _, _), row in zip(classes, takes):
            rest = iter(members)
            for j, take in row.items():
                for _ in range(round(model.getSolVal(kept, take))):
                    chosen[next(rest)] = j
        return chosen

    class Better(pyscipopt.Eventhdlr):
        def eventinit(self):
            model.catchEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

        def eventexit(self):
            model.dropEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

        def eventexec(self, event):
            solution, objective = instance.solution(places(model.getBestSol()))
            say({"incumbent": {"solution": solution, "objective": objective}})

    model.includeEventhdlr(Better(), "better", "says incumbents")
    model.setIntParam("randomization/randomseedshift", seed % 2**31)
    if memory_bytes is not None:
        model.setRealParam("limits/memory", memory_bytes / 2**20)
    built = time.perf_counter()
    if time_s is not None:
        model.setRealParam("limits/time", max(time_s - (built - start), 0.0))
    model.optimize()
    solved = time.perf_counter()

    status = model.getStatus()
    found = places(model.getBestSol()) if model.getNSols() else {}
    solution, objective = instance.solution(found)
    bound = model.getDualbound()
    stops = {"optimal": "completed", "gaplimit": "completed", "timelimit": "time_limit", "memlimit": "memory_limit"}
    proved = {"value": served + bound, "evidence": {"solver_word": "SCIP's dual bound"}}
    counts = {"nodes": model.getNTotalNodes(), "solver_us": round(1e6 * (solved - built))}
    counts["cpu_us"] = round(1e6 * (time.process_time() - start_cpu))
    return {
        "stop": stops.get(status, {"failed": f"SCIP's status is {status}"}),
        "found": {"solution": solution, "objective": objective},
        "proved": proved if abs(bound) < model.infinity() else None,
        "trace": {"build_s": built - start, "counts": counts},
    }


# Self-test: another reading of the definition, and enumeration.


def device_sets(model):
    """All sets of layers that may run on the device."""
    layers = range(1, len(model["out_bytes"]))
    for chosen in itertools.chain.from_iterable(itertools.combinations(layers, n) for n in range(len(layers) + 1)):
        on_device = {0, *chosen}
        if all(v in on_device or w not in on_device for v, w in model["edges"]):
            yield on_device


def delay(body, i, j, k, on_device):
    request, model = body["requests"][i], body["models"][body["requests"][i]["model"]]
    cloudlet = body["cloudlets"][j]
    mine, other = work_of(model, kind_of(request, "device")), work_of(model, kind_of(cloudlet, "thread"))
    if other is None:
        return math.inf
    here = sum(mine[v] for v in on_device) / speed_of(request, "device")
    sends = {v for v, w in model["edges"] if v in on_device and w not in on_device}
    size = sum(model["out_bytes"][v] for v in sends)
    way = size / request["uplink_bytes_per_s"] + size * body["hop_s_per_byte"][request["access_point"]][j] if size else 0
    there = sum(work for v, work in enumerate(other) if v not in on_device)
    return here + way + there / (speed_of(cloudlet, "thread") * speedups(cloudlet["speedup"], k)[k - 1])


def alone(body, request):
    """The delay on the device alone."""
    return sum(work_of(body["models"][request["model"]], kind_of(request, "device"))) / speed_of(request, "device")


def random_body(stream):
    """A tiny instance."""
    models = []
    for _ in range(2):
        layers = stream.randint(2, 6)
        edges = {(stream.randrange(w), w) for w in range(1, layers)}
        edges |= {(v, w) for w in range(layers) for v in range(w) if stream.random() < 0.2}
        amount = lambda: stream.choice([0, 1, 2, stream.uniform(0.1, 5)])  # noqa: E731
        macs = [0] + [amount() for _ in range(layers - 1)]
        models.append({"name": "", "macs": macs, "out_bytes": [amount() for _ in range(layers)], "edges": sorted(edges)})
    cloudlets = []
    for _ in range(stream.randint(0, 2)):
        laws = [{"law": "linear"}, {"law": "amdahl", "parallel_fraction": stream.random()}, {"law": "table", "speedups": [1, 1, 1.5]}]
        law = stream.choice(laws)
        threads = {"threads": stream.randint(0, 5), "max_threads_per_request": stream.randint(1, 4)}
        cloudlets.append(threads | {"thread_macs_per_s": stream.uniform(1, 10), "speedup": law})
    requests = []
    for _ in range(stream.randint(1, 5)):
        request = {"model": stream.randrange(2), "access_point": stream.randrange(2), "device_macs_per_s": stream.uniform(0.5, 2)}
        request |= {"uplink_bytes_per_s": stream.uniform(0.5, 5), "deadline_s": stream.uniform(0.5, 6)}
        if stream.random() < 0.5:
            request["profit"] = stream.choice([1, 3, stream.uniform(0.5, 9)])
        requests.append(request)
    hops = [[stream.choice([0, stream.uniform(0, 0.5)]) for _ in cloudlets] for _ in range(2)]
    body = {"origin": {}, "models": models, "cloudlets": cloudlets, "hop_s_per_byte": hops, "requests": requests}
    if stream.random() < 0.5:
        # Kinds of machines with unrelated work; cloudlets of the last kind do not run the first model.
        body["machine_kinds"] = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
        for model in models:
            work = lambda: [0] + [stream.choice([0, 1, stream.uniform(0.1, 5)]) for _ in model["macs"][1:]]  # noqa: B023, E731
            model["work_s"] = [work() for _ in range(3)]
        models[0]["work_s"][2] = None
        for owner, name, kinds in [(request, "device", 2) for request in requests] + [(cloudlet, "thread", 3) for cloudlet in cloudlets]:
            if stream.random() < 0.7:
                owner[name] = {"kind": stream.randrange(kinds), "speed": owner.pop(name + "_macs_per_s")}
    return body


def enumerated(body):
    """The most that requests can add up to."""
    options = []
    for i, request in enumerate(body["requests"]):
        model = body["models"][request["model"]]
        mine = [(None, 0, 0)]
        if alone(body, request) <= request["deadline_s"]:
            mine = [(None, 0, request.get("profit", 1))]
        for j, cloudlet in enumerate(body["cloudlets"]):
            for k in range(1, min(cloudlet["threads"], cloudlet["max_threads_per_request"]) + 1):
                if any(delay(body, i, j, k, on_device) <= request["deadline_s"] for on_device in device_sets(model)):
                    mine.append((j, k, request.get("profit", 1)))
        options.append(mine)
    best = 0
    for choice in itertools.product(*options):
        used = [sum(k for at, k, _ in choice if at == j) for j in range(len(body["cloudlets"]))]
        if all(u <= cloudlet["threads"] for u, cloudlet in zip(used, body["cloudlets"])):
            best = max(best, sum(profit for _, _, profit in choice))
    return best


def objective_of(body, solution):
    """The objective value of a solution; it must be one."""
    objective, used = 0, [0] * len(body["cloudlets"])
    for i, (request, service) in enumerate(zip(body["requests"], solution["service"])):
        limit = request["deadline_s"] * (1 + 1e-9)
        if service == "rejected":
            continue
        objective += request.get("profit", 1)
        model = body["models"][request["model"]]
        if service == "local":
            assert alone(body, request) <= limit
            continue
        remote = service["remote"]
        part = solution["parts"][remote["part"]]
        assert part["model"] == request["model"] and set(part["device_layers"]) in device_sets(model)
        assert delay(body, i, remote["cloudlet"], remote["threads"], set(part["device_layers"])) <= limit
        assert 1 <= remote["threads"] <= body["cloudlets"][remote["cloudlet"]]["max_threads_per_request"]
        used[remote["cloudlet"]] += remote["threads"]
    assert all(u <= cloudlet["threads"] for u, cloudlet in zip(used, body["cloudlets"]))
    return objective


def self_test(count=200):
    # Worked by hand: what is sent once feeds two successors, and cutting between them sends it as well.
    fork = {"macs": [0, 1, 1, 4], "out_bytes": [6, 1, 1, 1], "edges": [(0, 1), (0, 2), (1, 3), (2, 3)]}
    assert [corner[:3] for corner in corners_of(fork)] == [(0, 6, 6), (2, 2, 4), (6, 0, 0)]
    stream = random.Random(1)
    rejected = 0
    for _ in range(count):
        body = random_body(stream)
        for model in body["models"]:
            check_corners(model)
        best = enumerated(body)
        answer = json.loads(json.dumps(solve(body)))
        where = f"{json.dumps(body)}\nby enumeration {best}, answer {answer}"
        assert answer["stop"] == "completed", where
        objective = objective_of(body, answer["found"]["solution"])
        assert abs(objective - answer["found"]["objective"]) <= 1e-9 * max(objective, 1), where
        assert abs(objective - best) <= 1e-6 * max(best, 1), where
        assert best - 1e-6 * max(best, 1) <= answer["proved"]["value"] <= best + 1e-6 * max(best, 1), where
        rejected += "rejected" in answer["found"]["solution"]["service"]
    assert 0.2 * count < rejected < count
    print(f"self-test passed: {count} random instances against enumeration, in {rejected} of them somebody is rejected")


def check_corners(model):
    """The corners are cuts, and no cut lies below the lines between them."""
    corners = corners_of(model)
    cuts = []
    for on_device in device_sets(model):
        sends = {v for v, w in model["edges"] if v in on_device and w not in on_device}
        cuts.append((math.fsum(model["macs"][v] for v in on_device), math.fsum(model["out_bytes"][v] for v in sends)))
    for a, b in [(1, 0), (0, 1)] + [(p[1] - q[1], q[0] - p[0]) for p, q in itertools.pairwise(corners)]:
        least, mine = (min(a * p[0] + b * p[1] for p in points) for points in (cuts, corners))
        assert abs(least - mine) <= 1e-9 * max(least, 1), (model, corners)
    assert all(any(abs(c[0] - d) + abs(c[1] - b) <= 1e-9 * (d + b) for d, b in cuts) for c in corners), (model, corners)


def main():
    parser = argparse.ArgumentParser(description="Solve a throughput instance with SCIP; speaks Offcut's protocol on standard output.")
    parser.add_argument("instance", nargs="?", help="an Offcut instance document")
    parser.add_argument("--self-test", action="store_true", help="compare with enumeration on tiny instances instead")
    options = parser.parse_args()
    if options.self_test:
        self_test()
        return
    if options.instance is None:
        parser.error("give an instance, or --self-test")
    with open(options.instance, encoding="utf-8") as file:
        data = json.load(file)
    if (data["offcut"], data["problem"]) != ("instance", "throughput") or data["version"] not in (1, 2):
        sys.exit(f"{options.instance}: is no instance of 'throughput', version 1 or 2")
    # Standard output is for our lines: what SCIP itself writes there goes to standard error.
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(line):
        print(json.dumps(line), file=own, flush=True)

    say({"ready": True})
    number = lambda name: float(os.environ[name]) if name in os.environ else None  # noqa: E731
    try:
        answer = solve(data["body"], number("OFFCUT_TIME_S"), int(os.environ.get("OFFCUT_SEED", "0")), number("OFFCUT_MEMORY_BYTES"), say)
    except Declined as declined:
        answer = {"stop": {"declined": str(declined)}, "found": None, "proved": None}
    say({"offcut": "answer", "problem": "throughput", "version": 1, "body": answer})
    os._exit(0)  # Taking Python down takes time that is not the solver's.


if __name__ == "__main__":
    main()
