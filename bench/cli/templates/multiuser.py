#!/usr/bin/env python3
"""A solver of multiuser for Offcut: everybody computes on the own device. Put your algorithm into `solve`.

A user's latency: macs before the cut / device_macs_per_s, + rtt_s + cut_bytes / uplink_bytes_per_s if anything is sent, + macs behind the cut /
(unit_macs_per_s * lambda(units)), lambda being the server's speedup. Nothing behind the last cut: no units needed. Units of all users: server.units at most.
"""
import json, os, sys

def solve(instance, time_s, seed, parameters):
    """The solution and its objective, in seconds: the largest latency, or the sum of all if the instance asks for `sum`."""
    cut, units, latency_s = [], [], []
    for user in instance["users"]:
        macs = instance["models"][user["model"]]["macs"]
        cut.append(len(macs))  # blocks on the device, 0 to all; all of them needs no units
        units.append(0)        # units of the server, instance["server"]["units"] in all
        latency_s.append(sum(macs) / user["device_macs_per_s"])
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
