#!/usr/bin/env python3
"""How much longer general solvers take than Offcut's exact methods, from the rows of runs that have both.

    python bench/peers/ratios.py runs/peers/jpdra runs/peers/throughput ...

One line for every problem, variant, Offcut method and peer, over the instances that neither declines. Times are seconds of solving: Offcut's methods
measure themselves; a peer is measured from outside, from when it has read the instance, so that making its model in Python counts. `alone` is what
the peer says that the solver itself took. `cpu` is CPU seconds, which each measures itself: the ratio to look at if the machine was busy. Whoever does not solve an instance to optimality (or prove that there is no solution) counts with the limit:
a ratio is then marked `>=` if only the peer is late. Means are geometric with a shift of 10 ms; `ratio` is mean over mean, `shifted` the same with the
shift left in both, which is what remains if nobody cares about milliseconds.

`differ` counts instances that both solved with checked objectives that are more than 1e-6 (relative) apart, or on which only one says that there is
no solution. Exit code 1 if there are any, or an answer that the checker rejected.
"""

import argparse
import collections
import json
import math
import pathlib
import sys

SHIFT_S = 0.01
PEERS = ("scip", "cp-sat", "clarabel")
SOLVED = ("optimal-certified", "optimal-claimed", "infeasible-certified", "infeasible-claimed")
APART = 1e-6


def mean(times):
    return math.exp(math.fsum(math.log(t + SHIFT_S) for t in times) / len(times)) - SHIFT_S


def seconds(row):
    return row["times"]["solve_s"]


def alone(row):
    return row["counts"]["solver_us"] / 1e6


def cpu(row):
    return row["counts"]["cpu_us"] / 1e6 if row["key"]["method"] in PEERS else row["times"]["solve_cpu_s"]


def means(measure, rows):
    """The mean of a measure, with the limit where nothing was solved."""
    limits = [row["key"]["budget"]["time_s"] for row in rows]
    return mean([min(measure(row), limit) if row["status"] in SOLVED else limit for row, limit in zip(rows, limits)])


def differ(one, other):
    if one["status"] not in SOLVED or other["status"] not in SOLVED:
        return False
    values = [row["checked_objective"] for row in (one, other)]
    if None in values:
        return values[0] is not values[1]
    a, b = ((value["low"] + value["high"]) / 2 for value in values)
    return abs(a - b) > APART * max(abs(a), abs(b))


def rows_of(folder):
    with open(pathlib.Path(folder) / "rows.jsonl", encoding="utf-8") as file:
        # Of a key that was run again, the last row.
        return list({json.dumps(row["key"], sort_keys=True): row for row in map(json.loads, file)}.values())


def table(rows):
    """The cells of the table, a list for each line."""
    by_method = collections.defaultdict(dict)
    for row in rows:
        group = row["problem"], row["instance"].get("variant", "")
        by_method[group, row["key"]["method"]][row["key"]["instance"]] = row
    lines = []
    for (group, method), own in sorted(by_method.items()):
        if method in PEERS:
            continue
        for peer in PEERS:
            theirs = by_method.get((group, peer), {})
            pairs = [(own[name], theirs[name]) for name in own if name in theirs]
            pairs = [pair for pair in pairs if all(row["status"] != "declined" for row in pair)]
            if not pairs:
                continue
            ours, others = zip(*pairs)
            a, b, c, d = means(seconds, ours), means(seconds, others), means(cpu, ours), means(cpu, others)
            late = [sum(pair[at]["status"] not in SOLVED for pair in pairs) for at in (0, 1)]
            mark = ("" if late == [0, 0] else ">= " if late[0] == 0 else "<= " if late[1] == 0 else "~ ")
            certified = sum(o["status"].endswith("-certified") for o, _ in pairs)
            line = [" ".join(filter(None, group)), method, peer, len(pairs), len(pairs) - late[0], certified, len(pairs) - late[1]]
            line += [f"{a:.4f}", f"{b:.4f}", f"{means(alone, others):.4f}", f"{mark}{b / a:.3g}", f"{mark}{(b + SHIFT_S) / (a + SHIFT_S):.3g}"]
            line += [f"{c:.4f}", f"{d:.4f}", f"{mark}{d / c:.3g}"]
            lines.append(line + [sum(differ(*pair) for pair in pairs)])
    return lines


HEAD = ["problem", "Offcut", "peer", "instances", "solved", "certified", "peer solved", "Offcut s", "peer s", "alone s", "ratio", "shifted"]
HEAD += ["Offcut cpu", "peer cpu", "cpu ratio", "differ"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="folders of runs")
    rows = [row for folder in parser.parse_args().runs for row in rows_of(folder)]
    lines = table(rows)
    cells = [HEAD, *([str(cell) for cell in line] for line in lines)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for at, line in enumerate(cells):
        print("| " + " | ".join(cell.ljust(w) if c < 3 else cell.rjust(w) for c, (cell, w) in enumerate(zip(line, widths))) + " |")
        if at == 0:
            print("|" + "|".join("-" * (w + 2) if c < 3 else "-" * (w + 1) + ":" for c, w in enumerate(widths)) + "|")
    wrong = sum(row["status"] == "wrong" for row in rows)
    broken = sum(row["status"] in ("crash", "memory") for row in rows)
    apart = sum(line[-1] for line in lines)
    print(f"\n{len(rows)} rows; rejected by the checker: {wrong}; broke: {broken}; objectives apart: {apart}")
    return 1 if wrong or apart else 0


if __name__ == "__main__":
    sys.exit(main())
