"""Offcut's exact search beside SCIP on the same instances of `jpdra`, one after the other, one thread each.

    python bench/peers/compare_jpdra.py [--offcut target/release/offcut] [--time 120]

Sizes 3x5x4 and 4x6x5, loads .3, .6, .9, seeds 1 to 3, family synthetic. Both are asked for a relative gap of 1e-6 or better; times are
those of solving (SCIP's model building apart). Offcut's bound is the one that its checker replayed. Means are shifted geometric, shift
10 ms; a run out of time counts with its limit, so the ratio is then a lower bound.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

SHIFT_S = 0.01


def output(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def mean(times):
    return math.exp(sum(math.log(t + SHIFT_S) for t in times) / len(times)) - SHIFT_S


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--offcut", default=str(here.parent.parent / "target/release/offcut"))
    parser.add_argument("--time", type=float, default=120, help="limit of each run, in seconds")
    parser.add_argument("--family", default="synthetic")
    options = parser.parse_args()
    ours, theirs = [], []
    print(f"{'instance':<28} {'branch s':>9} {'SCIP s':>9} {'ratio':>8}  objectives")
    with tempfile.TemporaryDirectory() as folder:
        for flows, partitions, servers in [(3, 5, 4), (4, 6, 5)]:
            for load in [0.3, 0.6, 0.9]:
                for seed in [1, 2, 3]:
                    path = str(Path(folder) / f"{flows}-{load}-{seed}.json")
                    sizes = [f"flows={flows}", f"partitions={partitions}", f"servers={servers}", f"load={load}"]
                    settings = [word for size in sizes for word in ("--set", size)]
                    generate = [options.offcut, "generate", "jpdra", "--family", options.family, *settings]
                    output([*generate, "--seed", str(seed), "-o", path])
                    solve = [options.offcut, "solve", path, "--method", "branch", "--time", str(options.time), "--json"]
                    row = json.loads(output(solve))
                    scip = [sys.executable, str(here / "jpdra_scip.py"), path, "--time", str(options.time)]
                    peer = json.loads(output(scip).splitlines()[-1])
                    a, b = row["times"]["solve_s"], peer["solve_s"]
                    ours.append(a)
                    theirs.append(b)
                    name = f"{flows}x{partitions}x{servers} load {load} seed {seed}"
                    found = row["checked_objective"]["low"]
                    note = f"{found:.6f} {row['status']}, {peer['objective']:.6f} {peer['status']}"
                    print(f"{name:<28} {a:9.4f} {b:9.3f} {b / a:8.1f}  {note}", flush=True)
    ratio = (mean(theirs) + SHIFT_S) / (mean(ours) + SHIFT_S)
    print(f"shifted geometric means, shift 10 ms: branch {mean(ours):.4f} s, SCIP {mean(theirs):.3f} s")
    print(f"ratio {mean(theirs) / mean(ours):.1f}; with the shift in both {ratio:.1f}")


if __name__ == "__main__":
    main()
