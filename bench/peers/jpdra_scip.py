#!/usr/bin/env python3
"""`jpdra` with continuous allocation, by SCIP, as a mixed-integer second-order-cone programme.

A peer of Offcut's own methods, sharing no code with them: README.md beside this file says how to run it, by hand or as a solver of Offcut's.

| formula    | here                  | unit                                                              |
|------------|-----------------------|-------------------------------------------------------------------|
| a_im       | `roots[i][m]`         | sqrt(lambda_s w_snm / Lambda) of partition i = (s, n) on server m |
| rho_im     | `loads[i][m]`         | lambda_s w_snm, in the unit of the server's speed                 |
| F_m        | `speeds[m]`           | MAC/s                                                             |
| x_im       | `runs[i][m]`          | binary, one server for each partition                             |
| y_i,m,m'   | `hops`                | >= 0: partition i on m and the next one on m'                     |
| A_m, R_m   | `root`, `rest`        | sum of a_i on server m, F_m less the sum of rho_i on it           |
| t_m        | `delay`               | A_m^2 <= t_m R_m, a rotated cone: what server m adds to the delay |

    minimise  sum_s (lambda_s / Lambda) transfers_s + sum_m t_m
    subject to  sum_m x_im = 1,  sum_m' y_imm' = x_im,  sum_m y_imm' = x_i+1,m'

A way of 0 bytes/s is forbidden whatever it would carry: its variable is fixed at 0 or absent. Speeds are divided by the servers' mean speed, and
delays by those of one server as fast as all of them together, so that everything SCIP sees is about 1.

Tried on six generated instances (3 flows of 4 or 5 partitions, 3 or 4 servers) and left out, because SCIP was not faster with it: a cone for each
partition and server with its share of the rest at most F_m - rho_i (2 to 40 times slower); t_m >= sum_i a_i^2 / (F_m - rho_i) x_im (no difference);
tangents of the cones in advance (up to 3 times slower); the cone as a norm (half the time to twice the time, whatever the instance).
"""

import argparse
import contextlib
import itertools
import json
import math
import os
import random
import sys
import time

# SCIP works on one thread; so shall any library below it.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import pyscipopt  # noqa: E402
from pyscipopt import SCIP_EVENTTYPE, quicksum  # noqa: E402

EPSILON = sys.float_info.epsilon
# SCIP's own 1e-6 let it call objectives optimal that were 6e-6 (relative) too low; 1e-8 costs no time worth telling.
FEASIBILITY_TOLERANCE = 1e-8


class InputError(Exception):
    """Bad input, in one line."""


class Declined(InputError):
    """Good input, but not for this model."""


def speed_of(server):
    """In MAC/s; that of a server of a kind is a factor."""
    return server["machine"]["speed"] if "machine" in server else server["macs_per_s"]


def work_on(flow, n, server):
    """Work of partition n on a server: MACs, or seconds at the nominal speed of its kind."""
    return flow["work_s"][server["machine"]["kind"]][n] if "machine" in server else flow["partitions"][n]["macs"]


class Instance:
    """What the model needs of an instance: numbers in the instance's own units."""

    def __init__(self, body):
        if body.get("allocation", "continuous") != "continuous":
            raise Declined("body.allocation: is not 'continuous'; this model shares speeds continuously")
        flows = body["flows"]
        self.speeds = [float(speed_of(server)) for server in body["servers"]]
        self.has_one_unit = len({server.get("machine", {}).get("kind") for server in body["servers"]}) == 1
        self.links = body["link_bytes_per_s"]
        self.lengths = [len(flow["partitions"]) for flow in flows]
        total = math.fsum(flow["rate_per_s"] for flow in flows)
        self.flow_of, self.loads, self.roots = [], [], []
        # Weighted seconds: of running partition i on server m (entering, leaving; None if forbidden), and bytes from i to i + 1 by weight.
        self.visits, self.weighted_bytes = [], []
        for s, flow in enumerate(flows):
            weight = flow["rate_per_s"] / total
            last = len(flow["partitions"]) - 1
            for n, partition in enumerate(flow["partitions"]):
                loads = [flow["rate_per_s"] * work_on(flow, n, server) for server in body["servers"]]
                self.flow_of.append(s)
                self.loads.append(loads)
                self.roots.append([math.sqrt(load / total) for load in loads])
                visits = [0.0 for _ in self.speeds]
                if n == 0:
                    visits = self.with_way(visits, weight * flow["input_bytes"], flow["uplink_bytes_per_s"])
                if n == last and flow.get("result_bytes") is not None:
                    visits = self.with_way(visits, weight * flow["result_bytes"], flow["downlink_bytes_per_s"])
                self.visits.append(visits)
                self.weighted_bytes.append(None if n == last else weight * partition["out_bytes"])

    @staticmethod
    def with_way(visits, weighted_bytes, ways):
        return [None if visit is None or way == 0 else visit + weighted_bytes / way for visit, way in zip(visits, ways)]

    def hop(self, i, m, to):
        """Weighted seconds from partition i on server m to partition i + 1 on server `to`; None if forbidden."""
        if m == to:
            return 0.0
        return None if self.links[m][to] == 0 else self.weighted_bytes[i] / self.links[m][to]

    def shares(self, placement):
        """Per server: its partitions, A_m and R_m."""
        for m, speed in enumerate(self.speeds):
            here = [i for i, server in enumerate(placement) if server == m]
            yield here, math.fsum(self.roots[i][m] for i in here), math.fsum([speed] + [-self.loads[i][m] for i in here])

    def objective(self, placement):
        """The least mean delay with this placement, by the closed form; None if it is forbidden or overloads a server."""
        terms = [self.visits[i][m] for i, m in enumerate(placement)]
        terms += [self.hop(i, placement[i], placement[i + 1]) for i, b in enumerate(self.weighted_bytes) if b is not None]
        if any(term is None for term in terms):
            return None
        for here, root, rest in self.shares(placement):
            if here and rest <= 0:
                return None
            terms.append(root * root / rest if here else 0.0)
        return math.fsum(terms)

    def shared_speeds(self, placement):
        """The best speeds, by the square-root rule; what is shared is a few roundings less than there is."""
        speeds = [0.0 for _ in placement]
        for m, (here, root, rest) in enumerate(self.shares(placement)):
            rest -= len(here) * 4 * EPSILON * self.speeds[m]
            for i in here:
                speeds[i] = self.loads[i][m] + rest * self.roots[i][m] / root
        return speeds

    def by_flow(self, values):
        values = iter(values)
        return [list(itertools.islice(values, length)) for length in self.lengths]


def model_of(instance):
    """The model, its binaries, and the factor from its objective to seconds."""
    partitions, servers = range(len(instance.loads)), range(len(instance.speeds))
    # Servers whose speeds have one unit are scaled by their mean, others each by its own.
    mean = math.fsum(instance.speeds) / len(servers)
    units = [mean if instance.has_one_unit else speed for speed in instance.speeds]
    # Servers' delays about 1 for the cones, then the whole objective about 1: all partitions spread over the servers.
    stages_s = []
    for m, speed in enumerate(instance.speeds):
        rest = speed - math.fsum(loads[m] for loads in instance.loads) / len(servers)
        root = math.fsum(roots[m] for roots in instance.roots) / len(servers)
        stages_s.append(root * root / max(rest, 0.05 * speed))
    stage_s = math.fsum(stages_s)
    seconds = stage_s + math.fsum(min((v for v in visits if v is not None), default=0.0) for visits in instance.visits)
    loads = [[load / unit for load, unit in zip(of_servers, units)] for of_servers in instance.loads]
    speeds = [speed / unit for speed, unit in zip(instance.speeds, units)]
    roots = [[root / math.sqrt(unit * stage_s) for root, unit in zip(of_servers, units)] for of_servers in instance.roots]

    model = pyscipopt.Model("jpdra")
    runs = [[model.addVar(f"x_{i}_{m}", vtype="B") for m in servers] for i in partitions]
    terms = []
    for i in partitions:
        model.addCons(quicksum(runs[i]) == 1)
        for m in servers:
            if instance.visits[i][m] is None or instance.loads[i][m] >= instance.speeds[m]:
                model.chgVarUb(runs[i][m], 0)
            elif instance.visits[i][m] > 0:
                terms.append(instance.visits[i][m] / seconds * runs[i][m])
    for i in partitions:
        if instance.weighted_bytes[i] is None:
            continue
        costs = {(m, to): instance.hop(i, m, to) for m in servers for to in servers}
        if all(cost == 0 for cost in costs.values()):
            continue  # Every hop is possible and free.
        hops = {hop: model.addVar(f"y_{i}_{hop[0]}_{hop[1]}", lb=0, ub=1) for hop, cost in costs.items() if cost is not None}
        terms += [costs[hop] / seconds * flow for hop, flow in hops.items() if costs[hop] > 0]
        for m in servers:
            model.addCons(quicksum(hops[m, to] for to in servers if (m, to) in hops) == runs[i][m])
            model.addCons(quicksum(hops[to, m] for to in servers if (to, m) in hops) == runs[i + 1][m])
    for m in servers:
        delay = model.addVar(f"t_{m}", lb=0)
        root = model.addVar(f"A_{m}", lb=0, ub=math.fsum(of_servers[m] for of_servers in roots))
        rest = model.addVar(f"R_{m}", lb=0, ub=speeds[m])
        model.addCons(quicksum(roots[i][m] * runs[i][m] for i in partitions) == root)
        model.addCons(speeds[m] - quicksum(loads[i][m] * runs[i][m] for i in partitions) == rest)
        model.addCons(root * root <= delay * rest)
        terms.append(stage_s / seconds * delay)
    model.setObjective(quicksum(terms), "minimize")
    return model, runs, seconds


class Better(pyscipopt.Eventhdlr):
    """Says SCIP's better solutions as it finds them."""

    def __init__(self, say):
        self.say = say

    def eventinit(self):
        self.model.catchEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexit(self):
        self.model.dropEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexec(self, event):
        self.say(self.model.getBestSol())


def solve(instance, time_s=None, gap=1e-6, is_loud=False, seed=0, memory_bytes=None, say=None):
    """What SCIP says: a summary, and the best placement it found (None if none). `say` is told of placements on the way."""
    start, start_cpu = time.perf_counter(), time.process_time()
    model, runs, seconds = model_of(instance)

    def placement_of(kept):
        return [max(range(len(row)), key=lambda m: model.getSolVal(kept, row[m])) for row in runs]

    if say is not None:
        model.includeEventhdlr(Better(lambda kept: say(placement_of(kept))), "better", "says incumbents")
    if memory_bytes is not None:
        model.setRealParam("limits/memory", memory_bytes / 2**20)
    model.setIntParam("randomization/randomseedshift", seed % 2**31)
    model.setRealParam("limits/gap", gap)
    model.setRealParam("numerics/feastol", FEASIBILITY_TOLERANCE)
    model.hideOutput(not is_loud)
    built = time.perf_counter()
    if time_s is not None:
        model.setRealParam("limits/time", max(time_s - (built - start), 0.0))
    with contextlib.nullcontext() if is_loud else silent_stderr():
        model.optimize()
    solved = time.perf_counter()

    # Within its tolerances SCIP may take a server for barely not overloaded: of all placements it kept, the best by the closed form.
    found = []
    for kept in model.getSols():
        placement = placement_of(kept)
        objective = instance.objective(placement)
        if objective is not None:
            found.append((objective, placement))
    objective, placement = min(found, default=(None, None))
    bound = model.getDualbound()
    is_bound = abs(bound) < model.infinity() and model.getStatus() != "infeasible"
    summary = {
        "objective": objective,
        "bound": bound * seconds if is_bound else None,
        "status": model.getStatus(),
        "seconds": solved - start,
        "build_s": built - start,
        "solve_s": solved - built,
        "cpu_s": time.process_time() - start_cpu,
        "nodes": model.getNTotalNodes(),
    }
    return summary, placement


@contextlib.contextmanager
def silent_stderr():
    """SCIP's LP solver complains there, past SCIP's own switch, about each tolerance below its least (1e-10), and goes on with that."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def answer_of(instance, summary, placement):
    """The Offcut answer document."""
    status = summary["status"]
    stops = {"optimal": "completed", "gaplimit": "completed", "infeasible": "infeasible", "timelimit": "time_limit", "memlimit": "memory_limit"}
    stop = stops.get(status, {"failed": f"SCIP's status is {status}"})
    if stop == "completed" and placement is None:
        stop = {"failed": "within its tolerances SCIP finds placements, but they overload a server"}
    found = proved = None
    if placement is not None:
        found = claim_of(instance, placement, summary["objective"])
    if summary["bound"] is not None:
        proved = {"value": summary["bound"], "evidence": {"solver_word": "SCIP dual bound"}}
    counts = {"nodes": summary["nodes"], "solver_us": round(1e6 * summary["solve_s"]), "cpu_us": round(1e6 * summary["cpu_s"])}
    trace = {"build_s": summary["build_s"], "counts": counts}
    return document("answer", {"stop": stop, "found": found, "proved": proved, "trace": trace})


def claim_of(instance, placement, objective):
    servers, speeds = instance.by_flow(placement), instance.by_flow(instance.shared_speeds(placement))
    return {"solution": {"servers": servers, "speeds": {"macs_per_s": speeds}}, "objective": objective}


def document(kind, body):
    return {"offcut": kind, "problem": "jpdra", "version": 1, "body": body}


def read(path):
    """The instance in a file. Offcut reads strictly; here only what would be misread is rejected."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        head = tuple(data[key] for key in ("offcut", "problem", "version"))
        if head[:2] != ("instance", "jpdra") or head[2] not in (1, 2):
            what = f"is {head[0]} of '{head[1]}', version {head[2]}"
            raise InputError(f"{what}; give an instance of 'jpdra', version 1 or 2")
        return Instance(data["body"])
    except Declined:
        raise
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path}: cannot be read as an instance ({type(error).__name__}: {error})") from None


# Self-test: another reading of the definition, and enumeration.


def by_definition(body, servers, speeds):
    """Mean delay stage by stage and hop by hop; None if a server, a queue or a hop does not allow it."""
    total = sum(flow["rate_per_s"] for flow in body["flows"])
    used = [0.0 for _ in body["servers"]]
    mean = 0.0
    for flow, at, rates in zip(body["flows"], servers, speeds):
        ways = [(flow["input_bytes"], flow["uplink_bytes_per_s"][at[0]])]
        for n in range(1, len(at)):
            if at[n - 1] != at[n]:
                ways.append((flow["partitions"][n - 1]["out_bytes"], body["link_bytes_per_s"][at[n - 1]][at[n]]))
        if "result_bytes" in flow:
            ways.append((flow["result_bytes"], flow["downlink_bytes_per_s"][at[-1]]))
        if any(way == 0 for _, way in ways):
            return None
        delay = sum(count / way for count, way in ways)
        for n, (m, rate) in enumerate(zip(at, rates)):
            work = work_on(flow, n, body["servers"][m])
            used[m] += rate
            if rate <= flow["rate_per_s"] * work:
                return None
            delay += 1 / (rate / work - flow["rate_per_s"])
        mean += flow["rate_per_s"] / total * delay
    return mean if all(u <= speed_of(server) for u, server in zip(used, body["servers"])) else None


def random_body(stream):
    """A tiny instance: some ways missing, some hops free, some without result, loads from little to too much."""
    servers = stream.randint(1, 3)
    unit = 10.0 ** stream.randint(-2, 10)
    way = lambda share: 0 if stream.random() < share else stream.uniform(0.5, 4)  # noqa: E731
    count = lambda: stream.choice([0, stream.uniform(0.1, 3)])  # noqa: E731
    speeds = [unit * stream.uniform(2, 8) for _ in range(servers)]
    flows = []
    for _ in range(stream.randint(1, 3)):
        partitions = [{"macs": unit * stream.uniform(0.2, 2), "out_bytes": count()} for _ in range(stream.randint(1, 3))]
        flow = {"rate_per_s": stream.uniform(0.5, 2), "input_bytes": count(), "partitions": partitions}
        flow["uplink_bytes_per_s"] = [way(0.15) for _ in range(servers)]
        if stream.random() < 0.5:
            flow["result_bytes"] = count()
            flow["downlink_bytes_per_s"] = [way(0.15) for _ in range(servers)]
        flows.append(flow)
    work = sum(flow["rate_per_s"] * partition["macs"] for flow in flows for partition in flow["partitions"])
    factor = stream.uniform(0.2, 1.1) * sum(speeds) / work
    for flow in flows:
        flow["rate_per_s"] *= factor
    missing = stream.choice([0, 0.3, 0.8])
    links = [[0 if m == to else way(missing) for to in range(servers)] for m in range(servers)]
    servers = [{"macs_per_s": speed} for speed in speeds]
    if stream.random() < 0.5:
        # Kinds of servers with unrelated work, seconds on a whole server at its nominal speed.
        for flow in flows:
            flow["work_s"] = [[p["macs"] / max(speeds) * stream.uniform(0.5, 2) for p in flow["partitions"]] for _ in range(2)]
        for server in servers:
            if stream.random() < 0.7:
                speed = server.pop("macs_per_s") / max(speeds)
                server["machine"] = {"kind": stream.randrange(2), "speed": speed}
        kinds = [{"name": "a"}, {"name": "b"}]
        return {"machine_kinds": kinds, "flows": flows, "servers": servers, "link_bytes_per_s": links}
    return {"origin": {}, "flows": flows, "servers": servers, "link_bytes_per_s": links, "allocation": "continuous"}


def check(body):
    """SCIP against enumeration on one instance; whether it has a solution."""
    instance = Instance(body)
    best = None
    for placement in itertools.product(range(len(instance.speeds)), repeat=len(instance.loads)):
        speeds = instance.by_flow(instance.shared_speeds(placement))
        value = by_definition(body, instance.by_flow(placement), speeds)
        if value is not None and (best is None or value < best):
            best = value
    summary, placement = solve(instance)
    answer = json.loads(json.dumps(answer_of(instance, summary, placement)))["body"]
    where = f"{json.dumps(body)}\nby enumeration {best}, SCIP {summary}"
    if best is None:
        assert answer["stop"] == "infeasible" and answer["found"] is None and answer["proved"] is None, where
        return False
    assert answer["stop"] == "completed", where
    solution = answer["found"]["solution"]
    value = by_definition(body, solution["servers"], solution["speeds"]["macs_per_s"])
    assert value is not None and abs(value - answer["found"]["objective"]) <= 1e-9 * value, where
    assert abs(value - best) <= 3e-6 * best, where
    assert best * (1 - 3e-6) <= answer["proved"]["value"] <= best * (1 + 1e-6), where
    return True


def self_test(count=200):
    # Worked by hand: one server, so nothing to choose; the golden case of the square-root rule.
    macs = [0.8, 1.5, 2.2, 1.1]
    flow = {"rate_per_s": 0.9, "input_bytes": 0, "partitions": [{"macs": w, "out_bytes": 1} for w in macs]}
    golden = {"flows": [flow | {"uplink_bytes_per_s": [1]}], "servers": [{"macs_per_s": 10}], "link_bytes_per_s": [[0]]}
    assert abs(solve(Instance(golden))[0]["objective"] - 4.361664) < 5e-7
    # A free hop over a way that is missing is forbidden: the second partition stays where the first can enter, unless that is too slow.
    flow = {"rate_per_s": 1, "input_bytes": 0, "partitions": [{"macs": 1, "out_bytes": 0}] * 2, "uplink_bytes_per_s": [1, 0]}
    missing = {"flows": [flow], "servers": [{"macs_per_s": 4}, {"macs_per_s": 40}], "link_bytes_per_s": [[0, 0], [1, 0]]}
    summary, placement = solve(Instance(missing))
    assert placement == [0, 0] and abs(summary["objective"] - 2) < 1e-12
    # Exactly full is too full.
    for speed, is_possible in [(1.5, False), (2, False), (2.01, True)]:
        missing["servers"][0]["macs_per_s"] = speed
        instance = Instance(missing)
        stop = answer_of(instance, *solve(instance))["body"]["stop"]
        assert (stop == "completed") == is_possible, (speed, stop)

    stream = random.Random(1)
    feasible = sum(check(random_body(stream)) for _ in range(count))
    assert 0.3 * count < feasible < 0.9 * count
    print(f"self-test passed: {count} random instances against enumeration, {count - feasible} of them infeasible")


def speak(path):
    """Offcut's protocol: what is allowed is in the environment, incumbents and the answer go to standard output."""
    # What SCIP itself writes there goes to standard error.
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(line):
        print(json.dumps(line), file=own, flush=True)

    number = lambda name: float(os.environ[name]) if name in os.environ else None  # noqa: E731
    best = math.inf

    def say(placement):
        nonlocal best
        objective = instance.objective(placement)
        if objective is not None and objective < best:
            best = objective
            tell({"incumbent": claim_of(instance, placement, objective)})

    try:
        instance = read(path)
        tell({"ready": True})
        limits = {"time_s": number("OFFCUT_TIME_S"), "memory_bytes": number("OFFCUT_MEMORY_BYTES")}
        found = solve(instance, seed=int(os.environ.get("OFFCUT_SEED", "0")), say=say, **limits)
        tell(answer_of(instance, *found))
    except Declined as declined:
        tell(document("answer", {"stop": {"declined": str(declined)}, "found": None, "proved": None}))
    os._exit(0)  # Taking Python down takes time that is not the solver's.


def main():
    parser = argparse.ArgumentParser(description="Solve a jpdra instance (continuous allocation) with SCIP; write one line of JSON.")
    parser.add_argument("instance", nargs="?", help="an Offcut instance document")
    parser.add_argument("-o", "--output", metavar="ANSWER", help="write the Offcut answer document here (a new file)")
    parser.add_argument("--time", type=float, metavar="SECONDS", help="limit on SCIP's time; none if left out")
    parser.add_argument("--gap", type=float, default=1e-6, help="relative gap to stop at (default: %(default)s)")
    parser.add_argument("--threads", type=int, choices=[1], default=1, help="SCIP works on one")
    parser.add_argument("--log", action="store_true", help="show SCIP's log on standard error")
    parser.add_argument("--self-test", action="store_true", help="compare with enumeration on tiny instances instead")
    options = parser.parse_args()
    if options.self_test:
        self_test()
        return 0
    if options.instance is None:
        parser.error("give an instance, or --self-test")
    if "OFFCUT_THREADS" in os.environ:
        try:
            speak(options.instance)
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
    try:
        instance = read(options.instance)
        if options.output is not None and os.path.exists(options.output):
            raise InputError(f"{options.output}: exists already; choose another name or remove the file first")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    # Standard output is for our line: what SCIP itself writes there goes to standard error.
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    summary, placement = solve(instance, options.time, options.gap, options.log)
    print(json.dumps(summary), file=own, flush=True)
    if options.output is not None:
        with open(options.output, "x", encoding="utf-8") as file:
            file.write(json.dumps(answer_of(instance, summary, placement)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
