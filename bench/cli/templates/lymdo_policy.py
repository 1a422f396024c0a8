#!/usr/bin/env python3
"""A policy of lymdo for Offcut: everybody computes everything. Put your algorithm into `decide`, which is asked slot by slot.

Three stages: d1 = work before the cut / device speed, d2 = 8 cut_bytes / rate(bandwidth), d3 = work behind it / edge speed. With arrivals at rate a the delay is
the sum of d / (1 - a d) (exponential service) or d1 + d2 + d3 + max of a d^2 / (2 (1 - a d)) (deterministic). Wanted over all slots: little delay, each user's mean
energy within its budget. Offcut keeps backlogs, Q <- max(Q + energy - budget, 0); Lyapunov's way is to minimise v times delays plus backlogs times energies in every slot.
Bandwidths sum to bandwidth_hz at most, edge speeds to edge_macs_per_s, a device has max_macs_per_s; up to 1e-9 more, relative, is scaled back.
"""
import json, os, sys

def decide(system, state):
    """Everybody's cut, given what is seen now: backlogs_j, arrivals_per_s and gains of the state, one entry a user. Best resources are found for you;
    to decide them too, add local_macs_per_s, bandwidth_hz and edge_macs_per_s. No decision: {"stop": {"declined": "why"}}."""
    return {"cuts": [len(system["models"][user["model"]]["cut_bytes"]) - 1 for user in system["users"]]}

def say(line):
    print(json.dumps(line), flush=True)

system = json.loads(sys.stdin.readline())["body"]  # what stays as it is: models, users, bandwidth_hz, v, ...
time_s = float(os.environ.get("OFFCUT_TIME_S", "inf"))
seed, parameters = int(os.environ.get("OFFCUT_SEED", "0")), json.loads(os.environ.get("OFFCUT_PARAMETERS", "{}"))
say({"ready": True})  # load your network before this: time counts from here
for line in sys.stdin:  # {"slot": 0, "backlogs_j": [...], "arrivals_per_s": [...], "gains": [...]}
    say(decide(system, json.loads(line)))
