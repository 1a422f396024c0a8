#!/usr/bin/env python3
"""`multiuser`, both objectives, by CP-SAT: every user climbs some of its steps.

A peer of Offcut's own methods, sharing no code with them: README.md beside this file says how to run it.

| formula   | here            | unit                                                                            |
|-----------|-----------------|---------------------------------------------------------------------------------|
| T_i(s,f)  | `latencies`     | seconds of user i with s blocks on the device and f units                       |
| T_i*(f)   | `best`          | seconds, the least over s; with f = 0 everything is on the device               |
| steps     | `steps[i]`      | (f, T_i*(f)) for every f with which T_i* is less than with f - 1                |
| x_io      | `climbs[i][o]`  | binary: user i gets at least the u_io units of its step o, and latency t_io     |
| beta      | `units`         | units of the server                                                             |
| r_io      | `ranks`         | t_io's place among all users' latencies in order, from 0, ties having the same  |
| c_io      | `costs`         | (t_io - min_o t_io) / unit, rounded down                                        |

    subject to  x_io <= x_i,o-1,   sum_io (u_io - u_i,o-1) x_io <= beta
    max         minimise z,   z >= r_i0 + sum_o (r_io - r_i,o-1) x_io for every user
    sum         minimise sum_io (c_io - c_i,o-1) x_io + sum_i c_i0,   o from 1 in all sums

A binary for each step of which exactly one is 1 says the same; with the sum and 100 users CP-SAT took three to four times as long with it. Nobody gains from units that do not lower its latency, so steps are enough. CP-SAT computes with whole numbers.

max: only the order of latencies matters, so their ranks stand for them, and nothing is lost; a step no user could make the worst one does not count:
every user has at least min_o t_io, so ranks begin at the largest of these. A bound on z is the latency with that rank.

sum: the unit is 1e-8 of what everybody takes at least, sum_i min_o t_io, over the number of users. Costs are rounded down, each by less than a unit, so
    unit (CP-SAT's bound) + sum_i min_o t_io
is a bound as it stands, and an optimum of the whole numbers is less than 1e-8 (relative) above the true one. If the first sum is 0, or numbers would
be beyond 2^50, the unit is as much larger as it takes; then the rounding still only lowers the bound.
"""

import argparse
import itertools
import json
import math
import os
import random
import sys
import time

import numpy as np
from ortools.sat.python import cp_model

MOST_STEPS = 5_000_000
ERROR = 1e-8
LARGEST = 2**50


class Declined(Exception):
    """Not for this programme, in one line."""


def speedups(law, most):
    """Of 1, 2, ..., `most` units over one."""
    f = np.arange(1, most + 1, dtype=float)
    if law["law"] == "linear":
        return f
    if law["law"] == "amdahl":
        p = law["parallel_fraction"]
        return 1 / ((1 - p) + p / f)
    table = np.array(law["speedups"], dtype=float)
    return table[np.minimum(np.arange(most), len(table) - 1)]


def kind_of(owner, name):
    """The kind of a machine, none if its speed is in MAC/s."""
    return owner[name]["kind"] if name in owner else None


def speed_of(owner, name):
    """In MAC/s, or a factor on the nominal speed of its kind."""
    return owner[name]["speed"] if name in owner else owner[name + "_macs_per_s"]


def work_of(model, kind):
    """Work of each block: MACs, or seconds on a kind of machine."""
    return model["macs"] if kind is None else model["work_s"][kind]


class Instance:
    """What the model needs of an instance: everybody's steps."""

    def __init__(self, body):
        server = body["server"]
        self.units, self.objective = server["units"], body.get("objective", "max")
        if len(body["users"]) * (self.units + 1) > MOST_STEPS:
            raise Declined(f"{len(body['users'])} users and {self.units} units are too many pairs for a model in Python")
        speeds = speed_of(server, "unit") * speedups(server["speedup"], self.units)
        # More units that are no faster are no step.
        self.counts = np.flatnonzero(np.diff(speeds, prepend=0.0) > 0) + 1
        speeds = speeds[self.counts - 1]
        sums = {}
        # Per user and step: units, latency, cut.
        self.steps = []
        for user in body["users"]:
            key = user["model"], kind_of(user, "device")
            if key not in sums:
                sums[key] = self.sums(body["models"][user["model"]], key[1], kind_of(server, "unit"))
            local, remote, size = sums[key]
            blocks = len(local) - 1
            before = local / speed_of(user, "device")
            before[:-1] += user["rtt_s"] + size[:-1] / user["uplink_bytes_per_s"]
            steps, least = [(0, float(before[-1]), blocks)], before[-1]
            if len(speeds) and blocks:
                # Cuts that no speed prefers to another one are left out first.
                kept = self.not_dominated(before[:-1])
                latencies = before[kept] + remote[kept] / speeds[:, None]
                cuts = np.argmin(latencies, axis=1)
                best = latencies[np.arange(len(speeds)), cuts]
                lowest = np.minimum.accumulate(np.concatenate(([least], best)))
                for at in np.flatnonzero(best < lowest[:-1]):
                    steps.append((int(self.counts[at]), float(best[at]), int(kept[cuts[at]])))
            self.steps.append(steps)

    @staticmethod
    def sums(model, device, unit):
        """Work on the device and on the server by cut, and bytes sent."""
        device, unit = work_of(model, device), work_of(model, unit)
        local = np.array([math.fsum(device[:s]) for s in range(len(device) + 1)])
        remote = np.array([math.fsum(unit[s:]) for s in range(len(unit) + 1)])
        return local, remote, np.array(model["cut_bytes"], dtype=float)

    @staticmethod
    def not_dominated(before):
        """Cuts such that no later one, which never leaves more to the server, is as fast before it."""
        later = np.minimum.accumulate(np.append(before[1:], np.inf)[::-1])[::-1]
        return np.flatnonzero(before < later)

    def solution(self, chosen):
        """The solution that takes these steps, and its objective in seconds."""
        steps = [steps[o] for steps, o in zip(self.steps, chosen)]
        latencies = [latency for _, latency, _ in steps]
        objective = max(latencies) if self.objective == "max" else math.fsum(latencies)
        return {"cut": [cut for _, _, cut in steps], "units": [units for units, _, _ in steps]}, objective


def solve(body, time_s=None, seed=0, memory_bytes=None, threads=1, say=lambda line: None):
    """The answer's body."""
    start, start_cpu = time.perf_counter(), time.process_time()
    instance = Instance(body)
    model = cp_model.CpModel()
    climbs = [[model.new_bool_var("") for _ in steps[1:]] for steps in instance.steps]
    for row in climbs:
        for lower, higher in itertools.pairwise(row):
            model.add_implication(higher, lower)

    def rises(row, values):
        """The coefficients of a user's steps, and the steps, so that their sum and the first value is the value of the step it ends on."""
        return [(after - before, step) for (before, after), step in zip(itertools.pairwise(values), row) if after != before]

    def total(terms):
        return cp_model.LinearExpr.weighted_sum([step for _, step in terms], [factor for factor, _ in terms])

    asked = [term for row, steps in zip(climbs, instance.steps) for term in rises(row, [units for units, _, _ in steps])]
    model.add(total(asked) <= instance.units)
    least = [min(latency for _, latency, _ in steps) for steps in instance.steps]
    if instance.objective == "max":
        floor = max(least)
        ladder = sorted({max(latency, floor) for steps in instance.steps for _, latency, _ in steps})
        rank = {latency: at for at, latency in enumerate(ladder)}
        worst = model.new_int_var(0, len(ladder) - 1, "")
        for row, steps in zip(climbs, instance.steps):
            ranks = [rank[max(latency, floor)] for _, latency, _ in steps]
            if max(ranks) > 0:
                model.add(worst >= ranks[0] + total(rises(row, ranks)))
        model.minimize(worst)
        bound_of = lambda value: ladder[min(max(math.ceil(value - 1e-6), 0), len(ladder) - 1)]  # noqa: E731
    else:
        everybody = math.fsum(least)
        most = math.fsum(max(latency for _, latency, _ in steps) for steps in instance.steps) - everybody
        unit = max(ERROR * everybody / len(climbs), most / LARGEST) or 1.0
        # A rounding of the division might round up; what is taken off covers it.
        cost = lambda latency, low: max(math.floor((latency - low) / unit * (1 - 1e-15)), 0)  # noqa: E731
        costs = [[cost(latency, low) for _, latency, _ in steps] for low, steps in zip(least, instance.steps)]
        terms = [term for row, values in zip(climbs, costs) for term in rises(row, values)]
        model.minimize(total(terms) + sum(values[0] for values in costs))
        bound_of = lambda value: (value * unit + everybody) * (1 - 1e-14)  # noqa: E731

    def chosen(value):
        return [sum(value(step) for step in row) for row in climbs]

    class Better(cp_model.CpSolverSolutionCallback):
        said = -math.inf

        def on_solution_callback(self):
            # CP-SAT waits meanwhile, so it is not asked for every one.
            if time.perf_counter() >= self.said + 0.05:
                solution, objective = instance.solution(chosen(self.boolean_value))
                say({"incumbent": {"solution": solution, "objective": objective}})
                self.said = time.perf_counter()

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = threads
    solver.parameters.linearization_level = 2
    solver.parameters.random_seed = seed % 2**31
    if memory_bytes is not None:
        solver.parameters.max_memory_in_mb = int(memory_bytes / 2**20)
    built = time.perf_counter()
    if time_s is not None:
        solver.parameters.max_time_in_seconds = max(time_s - (built - start), 1e-3)
    status = solver.solve(model, Better())
    solved = time.perf_counter()

    is_found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    stop = "completed" if status == cp_model.OPTIMAL else "time_limit"
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.UNKNOWN):
        stop = {"failed": f"CP-SAT's status is {solver.status_name(status)}"}
    # Everything on the devices is a solution whatever CP-SAT finds.
    solution, objective = instance.solution(chosen(solver.boolean_value) if is_found else [0] * len(climbs))
    bound = bound_of(solver.best_objective_bound) if is_found else bound_of(0)
    counts = {"branches": solver.num_branches, "solver_us": round(1e6 * (solved - built))}
    counts["cpu_us"] = round(1e6 * (time.process_time() - start_cpu))
    return {
        "stop": stop,
        "found": {"solution": solution, "objective": objective},
        "proved": {"value": bound, "evidence": {"solver_word": "CP-SAT's best bound"}},
        "trace": {"build_s": built - start, "counts": counts},
    }


# Self-test: another reading of the definition, and enumeration.


def latency_of(body, i, cut, units):
    user, server = body["users"][i], body["server"]
    model = body["models"][user["model"]]
    latency = sum(work_of(model, kind_of(user, "device"))[:cut]) / speed_of(user, "device")
    if cut == len(model["cut_bytes"]) - 1:
        return latency
    assert units > 0
    law = server["speedup"]
    if law["law"] == "linear":
        speedup = units
    elif law["law"] == "amdahl":
        speedup = 1 / (1 - law["parallel_fraction"] + law["parallel_fraction"] / units)
    else:
        speedup = law["speedups"][min(units, len(law["speedups"])) - 1]
    way = user["rtt_s"] + model["cut_bytes"][cut] / user["uplink_bytes_per_s"]
    return latency + way + sum(work_of(model, kind_of(server, "unit"))[cut:]) / (speed_of(server, "unit") * speedup)


def random_body(stream):
    """A tiny instance: zeros, ties and plateaus among the rest."""
    models = []
    for _ in range(2):
        blocks = stream.randint(1, 4)
        amount = lambda: stream.choice([0, 1, 2, stream.uniform(0.1, 5)])  # noqa: E731
        models.append({"name": "", "macs": [amount() for _ in range(blocks)], "cut_bytes": [amount() for _ in range(blocks)] + [0]})
    laws = [{"law": "linear"}, {"law": "amdahl", "parallel_fraction": stream.random()}, {"law": "table", "speedups": [1, 1, 1.5, 4]}]
    server = {"units": stream.randint(0, 6), "unit_macs_per_s": stream.uniform(0.5, 4), "speedup": stream.choice(laws)}
    users = []
    for _ in range(stream.randint(1, 4)):
        user = {"model": stream.randrange(2), "device_macs_per_s": stream.choice([1, stream.uniform(0.5, 2)])}
        users.append(user | {"uplink_bytes_per_s": stream.uniform(0.5, 5), "rtt_s": stream.choice([0, stream.uniform(0, 0.5)])})
    body = {"origin": {}, "objective": stream.choice(["max", "sum"]), "models": models, "users": users, "server": server}
    if stream.random() < 0.5:
        # Kinds of machines with unrelated work.
        body["machine_kinds"] = [{"name": "a"}, {"name": "b"}]
        for model in models:
            model["work_s"] = [[stream.choice([0, 1, stream.uniform(0.1, 5)]) for _ in model["macs"]] for _ in range(2)]
        for owner, name in [(user, "device") for user in users] + [(server, "unit")]:
            if stream.random() < 0.7:
                owner[name] = {"kind": stream.randrange(2), "speed": owner.pop(name + "_macs_per_s")}
    return body


def enumerated(body):
    """The least objective."""
    beta, total = body["server"]["units"], max if body["objective"] == "max" else sum
    best = math.inf
    rows = []
    for i, user in enumerate(body["users"]):
        blocks = len(body["models"][user["model"]]["cut_bytes"]) - 1
        rows.append([min(latency_of(body, i, cut, f) for cut in range(blocks + 1) if f or cut == blocks) for f in range(beta + 1)])
    for counts in itertools.product(range(beta + 1), repeat=len(rows)):
        if sum(counts) <= beta:
            best = min(best, total(row[f] for row, f in zip(rows, counts)))
    return best


def self_test(count=200):
    # Worked by hand: devices take 4 s each, with the one unit it is 2 s, and there is one. The worst still takes 4 s; the sum is 6 s.
    user = {"model": 0, "device_macs_per_s": 1, "uplink_bytes_per_s": 1, "rtt_s": 0}
    server = {"units": 1, "unit_macs_per_s": 2, "speedup": {"law": "linear"}}
    models = [{"name": "", "macs": [4], "cut_bytes": [0, 0]}]
    for objective, best in [("max", 4), ("sum", 6)]:
        answer = solve({"objective": objective, "models": models, "users": [user, user], "server": server})
        assert answer["found"]["objective"] == best and abs(answer["proved"]["value"] - best) < 1e-7
    stream = random.Random(1)
    shared = 0
    for _ in range(count):
        body = random_body(stream)
        best = enumerated(body)
        answer = json.loads(json.dumps(solve(body)))
        where = f"{json.dumps(body)}\nby enumeration {best}, answer {answer}"
        assert answer["stop"] == "completed", where
        cut, units = (answer["found"]["solution"][name] for name in ("cut", "units"))
        assert sum(units) <= body["server"]["units"], where
        latencies = [latency_of(body, i, s, f) for i, (s, f) in enumerate(zip(cut, units))]
        value = max(latencies) if body["objective"] == "max" else sum(latencies)
        assert abs(value - answer["found"]["objective"]) <= 1e-12 * value, where
        assert abs(value - best) <= 1e-8 * best, where
        assert best * (1 - 2e-8) <= answer["proved"]["value"] <= best * (1 + 1e-12), where
        shared += sum(units) > 0
    assert 0.3 * count < shared < count
    print(f"self-test passed: {count} random instances against enumeration, in {shared} of them units are used")


def main():
    parser = argparse.ArgumentParser(description="Solve a multiuser instance with CP-SAT; speaks Offcut's protocol on standard output.")
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
    if (data["offcut"], data["problem"]) != ("instance", "multiuser") or data["version"] not in (1, 2):
        sys.exit(f"{options.instance}: is no instance of 'multiuser', version 1 or 2")

    def say(line):
        print(json.dumps(line), flush=True)

    say({"ready": True})
    number = lambda name: float(os.environ[name]) if name in os.environ else None  # noqa: E731
    seed, threads = int(os.environ.get("OFFCUT_SEED", "0")), int(os.environ.get("OFFCUT_THREADS", "1"))
    try:
        answer = solve(data["body"], number("OFFCUT_TIME_S"), seed, number("OFFCUT_MEMORY_BYTES"), threads, say)
    except Declined as declined:
        answer = {"stop": {"declined": str(declined)}, "found": None, "proved": None}
    say({"offcut": "answer", "problem": "multiuser", "version": 1, "body": answer})
    os._exit(0)  # Taking Python down takes time that is not the solver's.


if __name__ == "__main__":
    main()
