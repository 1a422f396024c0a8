#!/usr/bin/env python3
"""`throughput` by CP-SAT: the generalised assignment of requests to cloudlets, in whole numbers.

A peer of Offcut's own methods, sharing no code with them: README.md beside this file says how to run it.

| formula    | here               | unit                                                                       |
|------------|--------------------|----------------------------------------------------------------------------|
| D(S), B(S) | `corners`          | work on the device and bytes sent if the layers S run on the device        |
| R(S)       | `corners`          | work on the cloudlet; D + R is constant if both are in MACs                |
| k_ij       | `needs[i][j]`      | threads, the least with which request i meets its deadline on cloudlet j   |
| C_j        | `capacity[j]`      | threads                                                                    |
| w_i        | `weights`          | the profit of request i    , in units small enough to be whole numbers         |
| n_c        | `len(members)`     | requests of class c: all with the same k_i1, k_i2, ... and w_i             |
| y_cj       | `takes[c][j]`      | 0 to n_c: requests of class c on cloudlet j                                |

    maximise  sum_cj w_c y_cj  +  profits of all whom their device serves
    subject to  sum_j y_cj <= n_c,   sum_c k_cj y_cj <= C_j

A request that meets its deadline on its device needs no threads and is admitted beforehand. With a cloudlet, nobody gains from more than the least
threads that do, nor does it matter which cut they do it with: these are chosen once, and the programme is equivalent. Requests of one class can
change places, so whole numbers stand for them instead of binaries. Profits are binary fractions, so in a small enough unit they are whole numbers; only
where those would be too large for CP-SAT they are rounded up, to 2^-50 of their sum: then the bound still is one, and says that much less.

The least threads. The delay of a cut is D/device + B (1/uplink + hop) + (all MACs - D)/speed, linear in D and B. So only the vertices of the lower
convex hull of all (D, B) can be the best cut, whatever device, uplink and cloudlet are. They are found layer by layer: what is still to come only asks
which of the layers with successors to come are on the device, and whether they have been sent; for each such state the hull of what was before is
all that matters, because amounts add. Real models have few layers open at a time; a model with too many states is declined. With the vertices, k_ij is
found by bisection: more threads never take longer. On different kinds of machines, D and R are independent: then of every state all cuts are kept that no
other one is below in D, B and R.

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

import numpy as np
from ortools.sat.python import cp_model

DEADLINE_TOLERANCE = 0.5e-9
MOST_PAIRS = 5_000_000
MOST_STATES = 50_000
# CP-SAT's objective must stay far from 2^63.
LARGEST = 2**50


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
    unit = max((ratio[1] for ratio in ratios), default=1)  # All are powers of two.
    return [numerator * (unit // denominator) for numerator, denominator in ratios], unit


def hull(points):
    """The vertices of the lower left convex hull."""
    vertices = []
    for point in sorted(points):
        if vertices and point[1] >= vertices[-1][1]:
            continue
        while len(vertices) > 1:
            (x, y), (u, v) = vertices[-2][:2], vertices[-1][:2]
            if (u - x) * (point[1] - y) > (v - y) * (point[0] - x):
                break
            vertices.pop()
        vertices.append(point)
    return vertices


def front(points):
    """The points that no other one is below in all of device work, bytes and cloudlet work."""
    kept = []
    for point in sorted(points):
        if not any(other[1] <= point[1] and other[2] <= point[2] for other in kept):
            kept.append(point)
    return kept


def corners_of(model, device=None, cloudlet=None):
    """The cuts that can be the fastest: work on the device, bytes sent, work on the cloudlet, and the device's layers. With MACs on both sides they are the
    vertices of the lower convex hull, device work rising; with kinds of machines, all that no other cut is below."""
    is_plane = device is None and cloudlet is None
    macs, mac_unit = whole(work_of(model, device))
    others, other_unit = whole(work_of(model, cloudlet))
    sizes, byte_unit = whole(model["out_bytes"])
    before, last = [[] for _ in macs], [0 for _ in macs]
    for v, w in model["edges"]:
        before[w].append(v)
        last[v] = max(last[v], w)
    # A state: of every layer with successors to come, whether it is elsewhere (0), on the device (1), or on the device and sent (2).
    states = {(): [(0, 0, 0, 0)]}  # Work on the device, bytes sent, work on the cloudlet, the device's layers as bits
    for v, work in enumerate(macs):
        following = {}
        for state, points in states.items():
            of = dict(state)
            here = all(of[u] for u in before[v])
            for on_device in [1] if v == 0 else [0, 1] if here else [0]:
                then, size = dict(of), 0
                if not on_device:
                    for u in before[v]:
                        if then[u] == 1:
                            then[u] = 2
                            size += sizes[u]
                then[v] = on_device
                key = tuple((u, what) for u, what in then.items() if last[u] > v)
                there = 0 if is_plane or on_device else others[v]
                shifted = [(d + work * on_device, b + size, r + there, bits | on_device << v) for d, b, r, bits in points]
                following.setdefault(key, []).extend(shifted)
        if len(following) > MOST_STATES:
            raise Declined(f"model '{model['name']}' has too many layers open at a time")
        states = {state: hull(points) if is_plane else front(points) for state, points in following.items()}
        if sum(map(len, states.values())) > MOST_STATES:
            raise Declined(f"model '{model['name']}' has too many cuts that can be the fastest")
    total = sum(macs)
    float_of = lambda amount, unit: float(Fraction(amount, unit))  # noqa: E731
    layers_of = lambda bits: tuple(v for v in range(len(macs)) if bits >> v & 1)  # noqa: E731
    rest = lambda d, r: float_of(total - d, mac_unit) if is_plane else float_of(r, other_unit)  # noqa: E731
    return [(float_of(d, mac_unit), float_of(b, byte_unit), rest(d, r), layers_of(bits)) for d, b, r, bits in states[()]]


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
        """The corners of a model on a kind of device and the kind of a cloudlet."""
        m, device = owner
        key = m, device, self.kinds[j]
        if key not in self.corners:
            self.corners[key] = corners_of(self.models[m], device, self.kinds[j])
        return self.corners[key]

    def delays(self, owner, requests, j, speeds):
        """The least delays of some requests of one owner on cloudlet j at some speeds, and the corners they have them with."""
        device, size, remote = (np.array(column) for column in list(zip(*self.corners_on(owner, j)))[:3])
        delays = self.device[requests, None] * device + self.per_byte[requests, j, None] * size + remote / np.reshape(speeds, (-1, 1))
        best = np.argmin(delays, axis=1)
        return delays[np.arange(len(delays)), best], best

    def least_threads(self, owner, requests, j, speeds, latest):
        low, high = np.zeros(len(requests), dtype=int), np.full(len(requests), len(speeds))
        while np.any(low < high):
            middle = np.minimum((low + high) // 2, len(speeds) - 1)
            enough = self.delays(owner, requests, j, speeds[middle])[0] <= latest
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


def solve(body, time_s=None, seed=0, memory_bytes=None, threads=1, say=lambda line: None):
    """The answer's body."""
    start, start_cpu = time.perf_counter(), time.process_time()
    instance = Instance(body)
    served = math.fsum(profit for profit, is_local in zip(instance.profits, instance.is_local) if is_local)
    classes = instance.classes()
    weights, unit = whole([profit for _, _, profit in classes])
    most = sum(weight * len(members) for weight, (members, _, _) in zip(weights, classes))
    unit = Fraction(1, unit)
    if most > LARGEST:
        larger = Fraction(most, LARGEST)
        unit, weights = unit * larger, [math.ceil(weight / larger) for weight in weights]
    model = cp_model.CpModel()
    takes = []
    for members, needs, _ in classes:
        takes.append({j: model.new_int_var(0, len(members), "") for j, need in enumerate(needs) if need})
    for (members, _, _), row in zip(classes, takes):
        if len(row) > 1 and len(members) == 1:
            model.add_at_most_one(row.values())
        elif len(row) > 1:
            model.add(sum(row.values()) <= len(members))
    for j, capacity in enumerate(instance.capacity):
        column = [needs[j] * row[j] for (_, needs, _), row in zip(classes, takes) if j in row]
        if column:
            model.add(sum(column) <= capacity)
    model.maximize(sum(weight * take for weight, row in zip(weights, takes) for take in row.values()))

    def places(value):
        chosen = {}
        for (members, _, _), row in zip(classes, takes):
            rest = iter(members)
            for j, take in row.items():
                for _ in range(value(take)):
                    chosen[next(rest)] = j
        return chosen

    class Better(cp_model.CpSolverSolutionCallback):
        said = -math.inf

        def on_solution_callback(self):
            # CP-SAT waits meanwhile, so it is not asked for every one.
            if time.perf_counter() >= self.said + 0.05:
                solution, objective = instance.solution(places(self.value))
                say({"incumbent": {"solution": solution, "objective": objective}})
                self.said = time.perf_counter()

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = threads
    solver.parameters.linearization_level = 2  # Knapsacks belong into the LP: up to 40 times faster with profits, never much slower.
    solver.parameters.random_seed = seed % 2**31
    if memory_bytes is not None:
        solver.parameters.max_memory_in_mb = int(memory_bytes / 2**20)
    built = time.perf_counter()
    if time_s is not None:
        solver.parameters.max_time_in_seconds = max(time_s - (built - start), 1e-3)
    status = solver.solve(model, Better())
    solved = time.perf_counter()

    is_found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    solution, objective = instance.solution(places(solver.value) if is_found else {})
    bound = served + float(Fraction(solver.best_objective_bound) * unit) if is_found else None
    stop = "completed" if status == cp_model.OPTIMAL else "time_limit"
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.UNKNOWN):
        stop = {"failed": f"CP-SAT's status is {solver.status_name(status)}"}
    counts = {"branches": solver.num_branches, "solver_us": round(1e6 * (solved - built))}
    counts["cpu_us"] = round(1e6 * (time.process_time() - start_cpu))
    return {
        "stop": stop,
        "found": {"solution": solution, "objective": objective},
        "proved": None if bound is None else {"value": bound, "evidence": {"solver_word": "CP-SAT's best bound"}},
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
    parser = argparse.ArgumentParser(description="Solve a throughput instance with CP-SAT; speaks Offcut's protocol on standard output.")
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

    def say(line):
        print(json.dumps(line), flush=True)

    say({"ready": True})
    number = lambda name: float(os.environ[name]) if name in os.environ else None  # noqa: E731
    seed, threads = int(os.environ.get("OFFCUT_SEED", "0")), int(os.environ.get("OFFCUT_THREADS", "1"))
    try:
        answer = solve(data["body"], number("OFFCUT_TIME_S"), seed, number("OFFCUT_MEMORY_BYTES"), threads, say)
    except Declined as declined:
        answer = {"stop": {"declined": str(declined)}, "found": None, "proved": None}
    say({"offcut": "answer", "problem": "throughput", "version": 1, "body": answer})
    os._exit(0)  # Taking Python down takes time that is not the solver's.


if __name__ == "__main__":
    main()
