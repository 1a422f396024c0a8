#!/usr/bin/env python3
"""A solver of multiuser for Offcut: everybody computes on the own device. Put your algorithm into `solve`.

A user's latency: work before the cut / the device's speed, + rtt_s + cut_bytes / uplink_bytes_per_s if anything is sent, + work behind the cut /
(a unit's speed * lambda(units)), lambda being the server's speedup. Nothing behind the last cut: no units needed. Units of all users: server.units at most.
"""
import json, os, sys

def work_and_speed(model, owner, name):
    """Work of each block on a machine, and its speed. `name` is "device" (of a user) or "unit" (of the server).

    Without kinds of machines, work is in MACs and speed in MAC/s. A machine of a kind has its work in seconds, and its speed is a factor."""
    if name in owner:
        return model["work_s"][owner[name]["kind"]], owner[name]["speed"]
    return model["macs"], owner[name + "_macs_per_s"]

def solve(instance, time_s, seed, parameters):
    """The solution and its objective, in seconds: the largest latency, or the sum of all if the instance asks for `sum`."""
    cut, units, latency_s = [], [], []
    for user in instance["users"]:
        work, speed = work_and_speed(instance["models"][user["model"]], user, "device")
        cut.append(len(work))  # blocks on the device, 0 to all; all of them needs no units
        units.append(0)        # units of the server, instance["server"]["units"] in all
        latency_s.append(sum(work) / speed)
    objective = max(latency_s) if instance.get("objective", "max") == "max" else sum(latency_s)
    return {"cut": cut, "units": units}, objective

def say(line):
    print(json.dumps(line), flush=True)

instance = json.load(open(sys.argv[1]))["body"]
say({"ready": True})  # time counts from here
time_s = float(os.environ.get("OFFCUT_TIME_S", "inf"))
seed, parameters = int(os.environ.get("OFFCUT_SEED", "0")), json.loads(os.environ.get("OFFCUT_PARAMETERS", "{}"))
solution, objective = solve(instance, time_s, seed, parameters)
# Improving? Say so as you go: say({"incumbent": {"solution": ..., "objective": ...}}). Proved something? See `offcut schema`.
body = {"stop": "completed", "found": {"solution": solution, "objective": objective}, "proved": None}
say({"offcut": "answer", "problem": "multiuser", "version": 1, "body": body})
