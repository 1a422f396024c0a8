#!/usr/bin/env python3
"""`lymdo`, a single slot, by Clarabel: the convex hull of every user's cuts as a cone programme, and branching on cuts.

A peer of Offcut's own methods, sharing no code with them: README.md beside this file says how to run it.

| formula     | here           | unit                                                                                      |
|-------------|----------------|-------------------------------------------------------------------------------------------|
| z           | `chosen`       | share of a cut of a user, 0 to 1; 1 for one cut of every user in the end                  |
| u           | `speed`        | device's speed over its greatest, 0 to z                                                  |
| X, Y        | `band`, `edge` | bandwidth and edge speed in equal shares, W/n and F/n, 0 to n z                           |
| P           | `rate`         | rate of the channel over that of an equal share                                           |
| k           | `Pair.device`, `.way`, `.there` | seconds of a stage: device at its greatest speed, channel and edge with an equal share |
| l           | `Pair.arrivals`| tasks per second                                                                          |
| a, q        | `Pair.heat`, `.sending` | Q tau l kappa MACs max^2 / V; Q tau l p / V                                        |
| t, w        | `delay`, `wait`| seconds of a stage with its waiting; waiting before the slowest stage                     |

The objective is divided by V. Every pair of a user and a cut has its own copies of all variables, all of them in proportion to z:

    minimise    sum of delays + a u^2/z + q d2
    subject to  sum_m z_nm = 1,   sum X <= n,   sum Y <= n
    rate        shannon   P <= X ln(1 + s z / X) / ln(1 + s)          an exponential cone; s = p h n / (N0 W)
                fixed     P = X
    stages      S = u, P, Y, each with its seconds k
      exponential    t (S - l k z) >= k z^2,   and for the channel's energy  d2 P >= k z^2
      deterministic  d_i S_i >= k_i z^2,   D >= d_i,   w (z - l D) >= l D^2 / 2:  delay d1 + d2 + d3 + w
    energy      e z >= a u^2

With z = 1 this is the slot with that cut; in between it is the perspective, the convex hull of "this cut" and "not this cut", so the
relaxation is the best that any prices of bandwidth and edge speed can prove. A stage without work is left out; a cut that cannot be stable with all
there is, or sends more than another one with the same MACs, too.

What is exact and what is not. Branching splits the cuts of the user whose shares are the most divided, until the relaxations' values are within 5e-7 of
the best solution: then it is optimal, as far as Clarabel's dual values hold, which are to about 1e-8; they are its word. The cuts of the largest shares
are tried at every node: Clarabel solves the slot with them fixed, its shares are scaled to what there is, and the objective is computed from them by
the definition. Where Clarabel does not come to an end, a node keeps its parent's bound. Horizons are declined.
"""

import argparse
import heapq
import itertools
import json
import math
import os
import random
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import clarabel  # noqa: E402
import numpy as np  # noqa: E402
from scipy import sparse  # noqa: E402

GAP = 5e-7
ALMOST = 1e-7


class Declined(Exception):
    """Not for this programme, in one line."""


def speed_of(owner, name, macs_per_s):
    """A machine's speed: MAC/s, or a factor on the nominal speed of its kind."""
    return owner[name]["speed"] if name in owner else owner[macs_per_s]


def work_of(model, owner, name):
    """Work of each block on a machine: MACs, or seconds on its kind at nominal speed."""
    return model["work_s"][owner[name]["kind"]] if name in owner else model["macs"]


class Pair:
    """A user with one of its cuts."""

    def __init__(self, slot, n, cut):
        user = slot.users[n]
        model = slot.models[user["model"]]
        device, edge, size = work_of(model, user, "device"), work_of(model, slot.body, "edge"), model["cut_bytes"][cut]
        fastest = speed_of(user, "device", "max_macs_per_s")
        users = len(slot.users)
        self.cut, self.arrivals = cut, slot.arrivals[n]
        self.local, self.bits, self.remote = math.fsum(device[:cut]), 8.0 * size, math.fsum(edge[cut:])
        self.device = self.local / fastest
        equal = slot.rate(n, slot.bandwidth / users)
        self.way = 0.0 if self.bits == 0 else self.bits / equal if equal > 0 else math.inf
        self.there = 0.0 if self.remote == 0 else self.remote * users / slot.edge if slot.edge > 0 else math.inf
        seconds = user["backlog_j"] * slot.length * self.arrivals / slot.v
        self.heat = seconds * user["energy_per_mac_coeff"] * self.local * fastest**2
        self.sending = seconds * user["tx_power_w"]
        self.strength = slot.strength(n) * users
        most = slot.rate(n, slot.bandwidth)
        stages = [(self.local, fastest), (self.bits, most), (self.remote, slot.edge)]
        self.can_be_stable = all(work == 0 or speed > self.arrivals * work for work, speed in stages)


class Slot:
    """What the model needs of an instance."""

    def __init__(self, body):
        if len(body["slots"]) != 1:
            raise Declined(f"this model is of a single slot; the instance has {len(body['slots'])}")
        self.users, self.models = body["users"], body["models"]
        self.is_exponential = body.get("service", "deterministic") == "exponential"
        law = body.get("rate_law", "shannon")
        self.efficiency = None if law == "shannon" else law["fixed"]["bit_per_s_per_hz"]
        self.length, self.v, self.noise = body["slot_s"], body["v"], body["noise_w_per_hz"]
        self.body = body
        self.bandwidth, self.edge = body["bandwidth_hz"], speed_of(body, "edge", "edge_macs_per_s")
        self.arrivals, self.gains = body["slots"][0]["arrivals_per_s"], body["slots"][0]["gains"]
        self.pairs = []
        for n, user in enumerate(self.users):
            pairs = [Pair(self, n, cut) for cut in range(len(self.models[user["model"]]["cut_bytes"]))]
            pairs = [pair for pair in pairs if pair.can_be_stable]
            # Of cuts with the same MACs on the device, the one that sends the least.
            least = {}
            for pair in pairs:
                if pair.local not in least or pair.bits < least[pair.local].bits:
                    least[pair.local] = pair
            self.pairs.append(list(least.values()))

    def strength(self, n):
        """Signal to noise with all of the bandwidth."""
        return 0.0 if self.efficiency is not None else self.users[n]["tx_power_w"] * self.gains[n] / (self.noise * self.bandwidth)

    def rate(self, n, bandwidth):
        """In bit/s."""
        if self.efficiency is not None or bandwidth == 0:
            return bandwidth * (self.efficiency or 0.0)
        signal = self.users[n]["tx_power_w"] * self.gains[n] / self.noise
        return bandwidth * math.log1p(signal / bandwidth) / math.log(2)

    def objective(self, allocation):
        """By the definition; None if a stage is not stable."""
        terms = []
        for n, user in enumerate(self.users):
            cut, speed, band, edge = (allocation[name][n] for name in ("cuts", "local_macs_per_s", "bandwidth_hz", "edge_macs_per_s"))
            pair = next(pair for pair in self.pairs[n] if pair.cut == cut)
            rate_of_way = self.rate(n, band)
            waits = [0.0]
            for work, rate in [(pair.local, speed), (pair.bits, rate_of_way), (pair.remote, edge)]:
                if work == 0:
                    continue
                left = rate - pair.arrivals * work
                if left <= 0:
                    return None
                if self.is_exponential:
                    terms.append(self.v * work / left)
                else:
                    terms.append(self.v * work / rate)
                    waits.append(work / rate * pair.arrivals * work / (2 * left))
            terms.append(self.v * max(waits))
            sending_s = pair.bits / rate_of_way if pair.bits > 0 else 0.0
            joules = user["energy_per_mac_coeff"] * speed**2 * pair.local + user["tx_power_w"] * sending_s
            terms.append(user["backlog_j"] * self.length * pair.arrivals * joules)
        return math.fsum(terms)


class Programme:
    """A cone programme as it grows: every row says that a linear expression is part of a member of a cone."""

    def __init__(self):
        self.costs, self.right, self.cones = [], [], []
        self.rows, self.columns, self.values = [], [], []

    def variable(self, cost=0.0):
        self.costs.append(cost)
        return len(self.costs) - 1

    def row(self, terms, constant=0.0):
        for variable, factor in terms:
            self.rows.append(len(self.right))
            self.columns.append(variable)
            self.values.append(-factor)
        self.right.append(constant)

    def zero(self, terms, constant):
        self.row(terms, constant)
        self.cones.append(clarabel.ZeroConeT(1))

    def nonnegative(self, terms, constant=0.0):
        self.row(terms, constant)
        self.cones.append(clarabel.NonnegativeConeT(1))

    def product(self, a, b, c):
        """a b >= c^2, a and b >= 0; each is a list of terms."""
        minus = [(variable, -factor) for variable, factor in b]
        self.row(a + b)
        self.row(a + minus)
        self.row([(variable, 2 * factor) for variable, factor in c])
        self.cones.append(clarabel.SecondOrderConeT(3))

    def solve(self, time_s):
        """Clarabel's solution, and, if asked, the one by another way."""
        size = (len(self.right), len(self.costs))
        matrix = sparse.csc_matrix((self.values, (self.rows, self.columns)), shape=size)
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_threads = 1
        settings.tol_gap_rel = settings.tol_gap_abs = settings.tol_feas = 1e-9
        # What Clarabel calls almost solved.
        settings.reduced_tol_gap_rel = settings.reduced_tol_gap_abs = settings.reduced_tol_feas = ALMOST
        settings.max_iter = 200
        # Where cuts are not chosen all their variables are 0, the tips of many cones at once: steps get short, and long again.
        settings.min_switch_step_length, settings.min_terminate_step_length = 1e-2, 1e-7
        settings.time_limit = time_s
        nothing = sparse.csc_matrix((len(self.costs), len(self.costs)))
        # Everything is about 1 as it is; with Clarabel's own scaling it lost its way in half of the nodes of scarce slots. Without, it rarely does.
        for is_scaled in (False, True):
            settings.equilibrate_enable = is_scaled
            result = clarabel.DefaultSolver(nothing, np.array(self.costs), matrix, np.array(self.right), self.cones, settings).solve()
            yield result


def relaxation(slot, allowed, scale, time_s):
    """Clarabel's solutions, of which the second one is for when the first is none, and the variables z, u, X, Y of every allowed pair of every user; objectives are divided by V `scale`."""
    programme, users = Programme(), len(slot.users)
    kept, bands, edges = [], [], []
    for n, pairs in enumerate(allowed):
        mine = []
        for pair in pairs:
            chosen = programme.variable()
            programme.nonnegative([(chosen, 1.0)])
            of = {"pair": pair, "chosen": chosen}
            mine.append(of)
            stages = []
            if pair.device > 0:
                speed = of["speed"] = programme.variable()
                programme.nonnegative([(chosen, 1.0), (speed, -1.0)])
                stages.append((speed, pair.device, False))
                if pair.heat > 0:
                    root = math.sqrt(pair.heat / scale)
                    heat = programme.variable(1.0)
                    programme.product([(heat, 1.0)], [(chosen, 1.0)], [(speed, root)])
            if pair.way > 0:
                band = of["band"] = programme.variable()
                bands.append((band, 1.0))
                programme.nonnegative([(chosen, float(users)), (band, -1.0)])
                rate = band
                if slot.efficiency is None:
                    rate, strength = programme.variable(), pair.strength
                    # (x, X, (X + s z)/c) in the exponential cone, X e^(x/X) <= (X + s z)/c, with x = ln(1 + s) P - X ln c: the same for any c.
                    factor = max(strength, 1.0)
                    programme.row([(rate, math.log1p(strength)), (band, -math.log(factor))])
                    programme.row([(band, 1.0)])
                    programme.row([(band, 1 / factor), (chosen, strength / factor)])
                    programme.cones.append(clarabel.ExponentialConeT())
                stages.append((rate, pair.way, True))
            if pair.there > 0:
                edge = of["edge"] = programme.variable()
                edges.append((edge, 1.0))
                programme.nonnegative([(chosen, float(users)), (edge, -1.0)])
                stages.append((edge, pair.there, False))
            times = []
            for speed, seconds, is_way in stages:
                load = pair.arrivals * seconds
                root = [(chosen, math.sqrt(seconds / scale))]
                sending = pair.sending if is_way else 0.0
                if slot.is_exponential:
                    delay = programme.variable(1.0)
                    programme.product([(delay, 1.0)], [(speed, 1.0), (chosen, -load)], root)
                    if sending > 0:
                        airtime = programme.variable(sending)
                        programme.product([(airtime, 1.0)], [(speed, 1.0)], root)
                else:
                    delay = programme.variable(1.0 + sending)
                    programme.product([(delay, 1.0)], [(speed, 1.0)], root)
                    times.append(delay)
            if times and pair.arrivals > 0:
                slowest = times[0]
                if len(times) > 1:
                    slowest = programme.variable()
                    for delay in times:
                        programme.nonnegative([(slowest, 1.0), (delay, -1.0)])
                wait = programme.variable(1.0)
                left = [(chosen, 1.0), (slowest, -pair.arrivals * scale)]
                programme.product([(wait, 1.0)], left, [(slowest, math.sqrt(pair.arrivals * scale / 2))])
        programme.zero([(of["chosen"], 1.0) for of in mine], -1.0)
        kept.append(mine)
    for shares in (bands, edges):
        if shares:
            programme.nonnegative([(share, -1.0) for share, _ in shares], float(users))
    return programme.solve(time_s), kept


def allocation_of(slot, values, kept):
    """What a solution with one pair per user says, in the instance's units and within what there is."""
    users = len(slot.users)
    take = lambda of, name: max(float(values[of[name]]), 0.0) if name in of else 0.0  # noqa: E731
    allocation = {"cuts": [of["pair"].cut for [of] in kept]}
    allocation["local_macs_per_s"] = [min(take(of, "speed"), 1.0) * speed_of(user, "device", "max_macs_per_s") for [of], user in zip(kept, slot.users)]
    for field, name, most in [("bandwidth_hz", "band", slot.bandwidth), ("edge_macs_per_s", "edge", slot.edge)]:
        shares = [take(of, name) for [of] in kept]
        total = math.fsum(shares)
        # All that there is, but for a rounding of each share: more is never worse.
        factor = most * (1 - 4e-16 * users) / total if total > 0 else 0.0
        allocation[field] = [share * factor for share in shares]
    return allocation


def solve(body, time_s=None, say=lambda line: None):
    """The answer's body."""
    start, start_cpu = time.perf_counter(), time.process_time()
    slot = Slot(body)
    status = clarabel.SolverStatus
    inside = 0.0
    counts = {"nodes": 0, "programmes": 0, "unsure": 0}
    best, best_allocation = math.inf, None
    tried, is_late = set(), False
    # Objectives of about 1: seconds if everybody has an equal share and does what is fastest.
    fastest = [min((pair.device + pair.way + pair.there for pair in pairs), default=0.0) for pairs in slot.pairs]
    scale = math.fsum(fastest) / len(fastest) or 1.0
    unit = scale * slot.v

    def left():
        return math.inf if time_s is None else time_s - (time.perf_counter() - start)

    def run(allowed):
        nonlocal inside
        results, kept = relaxation(slot, allowed, scale, max(left(), 1e-3))
        for result in results:
            inside += result.solve_time
            counts["programmes"] += 1
            if result.status in (status.Solved, status.AlmostSolved, status.PrimalInfeasible, status.MaxTime):
                break
        return result, kept

    def try_cuts(pairs):
        nonlocal best, best_allocation
        key = tuple(pair.cut for pair in pairs)
        if key in tried or left() <= 0:
            return
        tried.add(key)
        result, kept = run([[pair] for pair in pairs])
        consider(result, kept)

    def consider(result, kept):
        nonlocal best, best_allocation
        if not np.all(np.isfinite(result.x)) or len(result.x) == 0:
            return
        allocation = allocation_of(slot, result.x, kept)
        objective = slot.objective(allocation)
        if objective is not None and objective < best:
            best, best_allocation = objective, allocation
            say({"incumbent": {"solution": {"slots": [allocation]}, "objective": objective}})

    # Nodes: a bound, a number for the order of equal ones, and some cuts of every user.
    serial = itertools.count()
    queue = [(0.0, next(serial), slot.pairs)] if all(slot.pairs) else []
    closed = math.inf  # The least bound of nodes that are not looked into any more.
    said = 0.0
    while queue and queue[0][0] < best * (1 - GAP):
        if queue[0][0] > said:
            said = queue[0][0]
            say({"bound": word(said)})
        if left() <= 0:
            is_late = True
            break
        bound, _, allowed = heapq.heappop(queue)
        result, kept = run(allowed)
        counts["nodes"] += 1
        if result.status == status.PrimalInfeasible:
            continue
        if result.status == status.MaxTime:
            heapq.heappush(queue, (bound, next(serial), allowed))
            is_late = True
            break
        if result.status == status.Solved:
            bound = max(bound, result.obj_val_dual * unit)
        elif result.status == status.AlmostSolved:
            bound = max(bound, result.obj_val_dual * unit * (1 - 2 * ALMOST))
        else:
            counts["unsure"] += 1
        if all(len(pairs) == 1 for pairs in allowed):
            closed = min(closed, bound)
            consider(result, kept)
            continue
        shares = [[share if (share := float(result.x[of["chosen"]])) > 1e-9 else 0.0 for of in mine] for mine in kept]
        if not all(any(mine) and all(map(math.isfinite, mine)) for mine in shares):
            shares = [[1.0] * len(mine) for mine in kept]
        shares = [[share / sum(mine) for share in mine] for mine in shares]
        try_cuts([pairs[mine.index(max(mine))] for pairs, mine in zip(allowed, shares)])
        if bound >= best * (1 - GAP):
            closed = min(closed, bound)
            continue
        # The user with the most divided shares: the cut with the largest is taken or not; half of the cuts, if none stands out.
        n = min((n for n, pairs in enumerate(allowed) if len(pairs) > 1), key=lambda n: (max(shares[n]), n))
        order = sorted(range(len(allowed[n])), key=lambda o: -shares[n][o])
        taken = order[:1] if shares[n][order[0]] > 0.3 else order[: len(order) // 2]
        for side in (taken, [o for o in order if o not in taken]):
            child = [[pairs[o] for o in sorted(side)] if at == n else pairs for at, pairs in enumerate(allowed)]
            heapq.heappush(queue, (bound, next(serial), child))

    bound = min([closed, best] + [entry[0] for entry in queue[:1]])
    found = None if best_allocation is None else {"solution": {"slots": [best_allocation]}, "objective": best}
    if is_late:
        stop = "time_limit"
    elif found is not None:
        stop = "completed"
    else:
        stop = "infeasible" if closed == math.inf else {"failed": "Clarabel finds shares, but they are not stable"}
    is_bound = found is not None or is_late and bound > 0
    counts["solver_us"] = round(1e6 * inside)
    counts["cpu_us"] = round(1e6 * (time.process_time() - start_cpu))
    trace = {"build_s": max(time.perf_counter() - start - inside, 0.0), "counts": counts}
    return {"stop": stop, "found": found, "proved": word(bound) if is_bound else None, "trace": trace}


def word(bound):
    return {"value": bound, "evidence": {"solver_word": "Clarabel's dual values"}}


# Self-test: another reading of the definition, enumeration of cuts, and a search for the shares of two users.


def least_costs(body, n, cut, band, edge):
    """The least that user n costs with cut `cut` and shares given, over its device's speeds; arrays of shares, infinite if not stable."""
    user, slot = body["users"][n], body["slots"][0]
    model, rate = body["models"][user["model"]], slot["arrivals_per_s"][n]
    local, bits, remote = sum(work_of(model, user, "device")[:cut]), 8 * model["cut_bytes"][cut], sum(work_of(model, body, "edge")[cut:])
    if body["rate_law"] == "shannon":
        flow = band * np.log2(1 + user["tx_power_w"] * slot["gains"][n] / (body["noise_w_per_hz"] * band))
    else:
        flow = band * body["rate_law"]["fixed"]["bit_per_s_per_hz"]

    def cost(speed):
        times = [work / stage for work, stage in [(local, speed), (bits, flow), (remote, edge)] if work > 0]
        is_stable = np.all([rate * one < 1 for one in times] + [band > 0], axis=0)
        if body["service"] == "exponential":
            delay = sum(one / np.maximum(1 - rate * one, 1e-300) for one in times)
        else:
            most = np.max([np.broadcast_to(one, band.shape) for one in times] + [0 * band], axis=0)
            delay = sum(times) + rate * most**2 / (2 * np.maximum(1 - rate * most, 1e-300))
        joules = user["energy_per_mac_coeff"] * speed**2 * local + (user["tx_power_w"] * bits / flow if bits else 0)
        whole = body["v"] * delay + user["backlog_j"] * body["slot_s"] * rate * joules
        return np.where(is_stable, whole, np.inf)

    low = np.full(band.shape, speed_of(user, "device", "max_macs_per_s") * 1e-6 + rate * local)
    high = np.full(band.shape, float(speed_of(user, "device", "max_macs_per_s")))
    if local == 0:
        return cost(high)
    for _ in range(40):
        a, b = low + 0.4 * (high - low), low + 0.6 * (high - low)
        is_left = cost(a) < cost(b)
        low, high = np.where(is_left, low, a), np.where(is_left, b, high)
    return np.minimum(cost((low + high) / 2), cost(np.full(band.shape, float(speed_of(user, "device", "max_macs_per_s")))))


def enumerated(body):
    """Nearly the least cost of one or two users: all cuts, and ever finer grids of shares."""
    best = math.inf
    for cuts in itertools.product(*[range(len(body["models"][user["model"]]["cut_bytes"])) for user in body["users"]]):
        middle, width = np.array([0.5, 0.5]), 0.5
        least = math.inf
        for _ in range(25):
            axes = [np.clip(np.linspace(at - width, at + width, 9), 1e-9, 1 - 1e-9) for at in middle]
            x, y = (axis.ravel() for axis in np.meshgrid(*axes))
            one = np.ones_like(x)
            shares = [(x, y), (one - x, one - y)] if len(cuts) == 2 else [(one, one)]
            costs = sum(
                least_costs(body, n, cut, share * body["bandwidth_hz"], edge * speed_of(body, "edge", "edge_macs_per_s"))
                for n, (cut, (share, edge)) in enumerate(zip(cuts, shares))
            )
            at = int(np.argmin(costs))
            if costs[at] < least:
                least, middle = float(costs[at]), np.array([x[at], y[at]])
            width *= 0.6
        best = min(best, least)
    return best


def random_body(stream):
    """A tiny instance of one or two users; some without arrivals, without backlog or without a channel, some too busy."""
    models = []
    for _ in range(2):
        blocks = stream.randint(1, 3)
        amount = lambda: stream.choice([0, 1e6, stream.uniform(1e5, 5e6)])  # noqa: E731
        sizes = [stream.choice([0, stream.uniform(1e2, 1e4)]) for _ in range(blocks)]
        models.append({"name": "", "macs": [amount() for _ in range(blocks)], "cut_bytes": sizes + [0]})
    users = []
    for _ in range(stream.randint(1, 2)):
        user = {"model": stream.randrange(2), "max_macs_per_s": stream.uniform(5e6, 5e7), "energy_per_mac_coeff": 1e-22}
        user |= {"tx_power_w": stream.uniform(0.1, 1), "backlog_j": stream.choice([0, stream.uniform(0, 50)])}
        users.append(user | {"energy_budget_j_per_slot": 1, "overdraft_s_per_j": 1})
    arrivals = [stream.choice([0, stream.uniform(0, 3), stream.uniform(0, 15)]) for _ in users]
    gains = [stream.choice([0, 1e-9, stream.uniform(1e-11, 1e-7)]) for _ in users]
    law = stream.choice(["shannon", {"fixed": {"bit_per_s_per_hz": 3}}])
    body = {"origin": {}, "service": stream.choice(["deterministic", "exponential"]), "rate_law": law, "slot_s": 1, "v": 30}
    body |= {"bandwidth_hz": stream.uniform(1e5, 1e6), "noise_w_per_hz": 4e-15, "edge_macs_per_s": stream.uniform(1e7, 1e8)}
    body |= {"models": models, "users": users, "slots": [{"arrivals_per_s": arrivals, "gains": gains}]}
    if stream.random() < 0.5:
        # Kinds of machines with unrelated work of the same order.
        body["machine_kinds"] = [{"name": "a"}, {"name": "b"}]
        for model in models:
            model["work_s"] = [[stream.choice([0, 1e6, stream.uniform(1e5, 5e6)]) for _ in model["macs"]] for _ in range(2)]
        for owner, name, speed in [(user, "device", "max_macs_per_s") for user in users] + [(body, "edge", "edge_macs_per_s")]:
            if stream.random() < 0.7:
                owner[name] = {"kind": stream.randrange(2), "speed": owner.pop(speed)}
    return body


def self_test(count=60):
    # The spec's golden cases of the deterministic tandem: 8 tasks a second, and the seconds of the three stages.
    user = {"model": 0, "max_macs_per_s": 1, "energy_per_mac_coeff": 0, "tx_power_w": 1, "backlog_j": 0}
    everything = {"cuts": [1], "local_macs_per_s": [1], "bandwidth_hz": [1], "edge_macs_per_s": [1]}
    for times, golden in [((0.05, 0.10, 0.02), 0.37), ((0.03, 0.06, 0.11), 0.2 + 8 * 0.11**2 / 0.24), ((0.10, 0.10, 0.10), 0.5)]:
        model = {"name": "", "macs": [times[0], times[2]], "cut_bytes": [0, times[1] / 8, 0]}
        body = {"rate_law": {"fixed": {"bit_per_s_per_hz": 1}}, "slot_s": 1, "v": 1, "bandwidth_hz": 1, "noise_w_per_hz": 1}
        body |= {"edge_macs_per_s": 1, "models": [model], "users": [user], "slots": [{"arrivals_per_s": [8], "gains": [1]}]}
        assert abs(Slot(body).objective(everything) - golden) < 1e-12
    stream = random.Random(1)
    solved = 0
    for _ in range(count):
        body = random_body(stream)
        with np.errstate(all="ignore"):  # What is not stable may be anything.
            best = enumerated(body)
        answer = json.loads(json.dumps(solve(body)))
        where = f"{json.dumps(body)}\nby enumeration {best}, answer {answer}"
        if best == math.inf:
            assert answer["stop"] == "infeasible" and answer["found"] is None, where
            continue
        solved += 1
        assert answer["stop"] == "completed", where
        [allocation] = answer["found"]["solution"]["slots"]
        assert math.fsum(allocation["bandwidth_hz"]) <= body["bandwidth_hz"], where
        assert math.fsum(allocation["edge_macs_per_s"]) <= speed_of(body, "edge", "edge_macs_per_s"), where
        value = answer["found"]["objective"]
        assert value <= best * (1 + 1e-6) and best <= value * (1 + 1e-4), where
        assert value * (1 - 1e-6) <= answer["proved"]["value"] <= value, where
    assert 0.5 * count < solved
    print(f"self-test passed: {count} random instances against enumeration, {count - solved} of them infeasible")


def main():
    parser = argparse.ArgumentParser(description="Solve a slot of lymdo with Clarabel; speaks Offcut's protocol on standard output.")
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
    if (data["offcut"], data["problem"]) != ("instance", "lymdo") or data["version"] not in (1, 2):
        sys.exit(f"{options.instance}: is no instance of 'lymdo', version 1 or 2")

    def say(line):
        print(json.dumps(line), flush=True)

    say({"ready": True})
    time_s = float(os.environ["OFFCUT_TIME_S"]) if "OFFCUT_TIME_S" in os.environ else None
    try:
        answer = solve(data["body"], time_s, say)
    except Declined as declined:
        answer = {"stop": {"declined": str(declined)}, "found": None, "proved": None}
    say({"offcut": "answer", "problem": "lymdo", "version": 1, "body": answer})
    os._exit(0)  # Taking Python down takes time that is not the solver's.


if __name__ == "__main__":
    main()
