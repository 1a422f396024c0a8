#!/usr/bin/env python3
"""A solver of lymdo for Offcut: everybody computes everything, as fast as the device can. Put your algorithm into `solve`.

Three stages: d1 = work before the cut / device speed, d2 = 8 cut_bytes / rate(bandwidth), d3 = work behind it / edge speed. With arrivals at rate a the delay is
the sum of d / (1 - a d) (exponential service) or d1 + d2 + d3 + max of a d^2 / (2 (1 - a d)) (deterministic). The objective of one slot is V times delays plus
backlogs times energies; of a horizon, the mean over slots of delays plus overdraft_s_per_j times what a user's mean energy is above its budget.
Bandwidths sum to bandwidth_hz at most, edge speeds to edge_macs_per_s, a device has max_macs_per_s; up to 1e-9 more, relative, is scaled back.
"""
import json, os, sys

def work_and_speed(model, owner, name, macs_per_s):
    """Work of each block on a machine, and its speed: (model, user, "device", "max_macs_per_s") or (model, instance, "edge", "edge_macs_per_s").

    Without kinds of machines, work is in MACs and speed in MAC/s. A machine of a kind has its work in seconds, and its speed is a factor."""
    if name in owner:
        return model["work_s"][owner[name]["kind"]], owner[name]["speed"]
    return model["macs"], owner[macs_per_s]

def solve(instance, time_s, seed, parameters):
    """The solution and its objective. None, None if a queue is not stable that way."""
    users, slots, taken = instance["users"], [], [0.0] * len(instance["users"])
    delay_s = energy_cost = 0.0
    for slot in instance["slots"]:
        slots.append({"cuts": [], "local_macs_per_s": [], "bandwidth_hz": [], "edge_macs_per_s": []})
        for n, (user, rate) in enumerate(zip(users, slot["arrivals_per_s"])):
            work, speed = work_and_speed(instance["models"][user["model"]], user, "device", "max_macs_per_s")
            stage_s = sum(work) / speed
            if rate * stage_s >= 1:
                return None, None
            wait = stage_s**2 * rate / (1 - rate * stage_s)  # exponential service; half of it if deterministic
            delay_s += stage_s + (wait if instance.get("service") == "exponential" else wait / 2)
            energy_j = instance["slot_s"] * rate * user["energy_per_mac_coeff"] * speed**2 * sum(work)
            taken[n] += energy_j
            energy_cost += user["backlog_j"] * energy_j
            for name, value in zip(slots[-1], [len(work), speed, 0.0, 0.0]):
                slots[-1][name].append(value)
    if len(slots) == 1:  # a slot: V times delays, and backlogs times energies
        return {"slots": slots}, instance["v"] * delay_s + energy_cost
    over = sum(user["overdraft_s_per_j"] * max(joules / len(slots) - user["energy_budget_j_per_slot"], 0)
               for user, joules in zip(users, taken))
    return {"slots": slots}, delay_s / len(slots) + over

def say(line):
    print(json.dumps(line), flush=True)

instance = json.load(open(sys.argv[1]))["body"]
say({"ready": True})  # time counts from here
time_s = float(os.environ.get("OFFCUT_TIME_S", "inf"))
seed, parameters = int(os.environ.get("OFFCUT_SEED", "0")), json.loads(os.environ.get("OFFCUT_PARAMETERS", "{}"))
solution, objective = solve(instance, time_s, seed, parameters)
# Improving? Say so as you go: say({"incumbent": {"solution": ..., "objective": ...}}). Proved something? See `offcut schema`.
found = None if solution is None else {"solution": solution, "objective": objective}
body = {"stop": "completed", "found": found, "proved": None}
say({"offcut": "answer", "problem": "lymdo", "version": 1, "body": body})
