#!/usr/bin/env python3
"""`throughput` by SCIP: the generalised assignment of requests to cloudlets, as a mixed-integer programme.

A peer of Offcut's own methods, sharing no code with them: README.md beside this file says how to run it.

| formula    | here               | unit                                                                       |
|------------|--------------------|----------------------------------------------------------------------------|
| D(S), B(S) | `corners`          | MACs on the device and bytes sent if the layers S run on the device        |
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
edge leads past a layer, the network falls apart there. With the vertices, k_ij is found by bisection: more threads never take longer.

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


class Declined(Exception):
    """Not for this programme, in one line."""


# The cuts that can be best.


def whole(values):
    """Floats as whole numbers, exactly, in a common unit."""
    ratios = [float(value).as_integer_ratio() for value in values]
    unit = max(ratio[1] for ratio in ratios)  # All are powers of two.
    return [numerator * (unit // denominator) for numerator, denominator in ratios], unit


def least_cut(inside, begin, end, edges, macs, sizes, per_mac, per_byte):
    """The layers of `inside` that run on the device, of least weight: `begin` does, and what begins at `end` does not. Dinic's algorithm."""
    index = {v: 2 + 2 * at for at, v in enumerate(inside)}
    source, sink, count = 0, 1, 2 + 2 * len(inside) + 2
    index[begin] = count - 2  # Only to have a place for what it sends.
    arcs = [[] for _ in range(count)]  # (to, rest, index of the arc back)
    infinite = 1 + sum(per_mac * macs[v] for v in inside) + sum(per_byte * sizes[v] for v in [begin, *inside])

    def join(a, b, rest, back=0):
        if rest or back:
            arcs[a].append([b, rest, len(arcs[b])])
            arcs[b].append([a, back, len(arcs[a]) - 1])

    join(source, index[begin], infinite)
    for v in [begin, *inside]:
        join(index[v], index[v] + 1, per_byte * sizes[v])
        if v != begin:
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


class Instance:
    """What the model needs of an instance: who is served by the device, and how many threads everybody needs where."""

    def __init__(self, body):
        requests, cloudlets = body["requests"], body["cloudlets"]
        if len(requests) * len(cloudlets) > MOST_PAIRS:
            raise Declined(f"{len(requests)} requests and {len(cloudlets)} cloudlets are too many pairs for a model in Python")
        self.capacity = [cloudlet["threads"] for cloudlet in cloudlets]
        self.profits = [float(request.get("profit", 1.0)) for request in requests]
        self.model_of = [request["model"] for request in requests]
        self.corners = {m: corners_of(body["models"][m]) for m in set(self.model_of)}
        most = [min(cloudlet["max_threads_per_request"], cloudlet["threads"]) for cloudlet in cloudlets]
        self.speeds = [[cloudlet["thread_macs_per_s"] * s for s in speedups(cloudlet["speedup"], k)] for cloudlet, k in zip(cloudlets, most)]
        latest = np.array([request["deadline_s"] for request in requests]) * (1 + DEADLINE_TOLERANCE)
        self.device = np.array([1 / request["device_macs_per_s"] for request in requests])
        hops = np.array([body["hop_s_per_byte"][request["access_point"]] for request in requests]).reshape(len(requests), len(cloudlets))
        self.per_byte = np.array([1 / request["uplink_bytes_per_s"] for request in requests])[:, None] + hops
        self.is_local = np.zeros(len(requests), dtype=bool)
        self.needs = np.zeros((len(requests), len(cloudlets)), dtype=np.int64)  # 0 if no number of threads is enough
        for m in self.corners:
            mine = np.array([i for i, model in enumerate(self.model_of) if model == m])
            all_macs = math.fsum(body["models"][m]["macs"])
            self.is_local[mine] = all_macs * self.device[mine] <= latest[mine]
            mine = mine[~self.is_local[mine]]
            for j, speeds in enumerate(self.speeds):
                if speeds and len(mine):
                    self.needs[mine, j] = self.least_threads(m, mine, j, np.array(speeds), latest[mine])

    def delays(self, m, requests, j, speeds):
        """The least delays of some requests with model m on cloudlet j at some speeds, and the corners they have them with."""
        device, size, remote = (np.array(column) for column in list(zip(*self.corners[m]))[:3])
        delays = self.device[requests, None] * device + self.per_byte[requests, j, None] * size + remote / np.reshape(speeds, (-1, 1))
        best = np.argmin(delays, axis=1)
        return delays[np.arange(len(delays)), best], best

    def least_threads(self, m, requests, j, speeds, latest):
        low, high = np.zeros(len(requests), dtype=int), np.full(len(requests), len(speeds))
        while np.any(low < high):
            middle = np.minimum((low + high) // 2, len(speeds) - 1)
            enough = self.delays(m, requests, j, speeds[middle])[0] <= latest
            is_open = low < high
            high = np.where(is_open & enough, middle, high)
            low = np.where(is_open & ~enough, middle + 1, low)
        return np.where(low < len(speeds), low + 1, 0)

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
            m, k = self.model_of[i], int(self.needs[i, j])
            corner = int(self.delays(m, [i], j, self.speeds[j][k - 1])[1][0])
            if (m, corner) not in indices:
                indices[m, corner] = len(parts)
                parts.append({"model": m, "device_layers": list(self.corners[m][corner][3])})
            service[i] = {"remote": {"cloudlet": j, "threads": k, "part": indices[m, corner]}}
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
    layers = range(1, len(model["macs"]))
    for chosen in itertools.chain.from_iterable(itertools.combinations(layers, n) for n in range(len(layers) + 1)):
        on_device = {0, *chosen}
        if all(v in on_device or w not in on_device for v, w in model["edges"]):
            yield on_device


def delay(body, i, j, k, on_device):
    request, model = body["requests"][i], body["models"][body["requests"][i]["model"]]
    here = sum(model["macs"][v] for v in on_device) / request["device_macs_per_s"]
    sends = {v for v, w in model["edges"] if v in on_device and w not in on_device}
    size = sum(model["out_bytes"][v] for v in sends)
    way = size / request["uplink_bytes_per_s"] + size * body["hop_s_per_byte"][request["access_point"]][j] if size else 0
    cloudlet = body["cloudlets"][j]
    there = sum(macs for v, macs in enumerate(model["macs"]) if v not in on_device)
    return here + way + there / (cloudlet["thread_macs_per_s"] * speedups(cloudlet["speedup"], k)[k - 1])


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
    return {"origin": {}, "models": models, "cloudlets": cloudlets, "hop_s_per_byte": hops, "requests": requests}


def enumerated(body):
    """The most that requests can add up to."""
    options = []
    for i, request in enumerate(body["requests"]):
        model = body["models"][request["model"]]
        mine = [(None, 0, 0)]
        if sum(model["macs"]) / request["device_macs_per_s"] <= request["deadline_s"]:
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
            assert sum(model["macs"]) / request["device_macs_per_s"] <= limit
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
    if (data["offcut"], data["problem"], data["version"]) != ("instance", "throughput", 1):
        sys.exit(f"{options.instance}: is no instance of 'throughput', version 1")
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
