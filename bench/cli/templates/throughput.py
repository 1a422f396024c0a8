#!/usr/bin/env python3
"""A solver of throughput for Offcut: whoever meets the deadline alone is admitted. Put your algorithm into `solve`.

An admitted request is worth its profit, 1 if it has none. Served remotely, it keeps a part of its model's layers that no edge comes into from outside: delay =
macs of the part / device_macs_per_s + out_bytes of those layers in it with a successor outside * (1 / uplink_bytes_per_s + hop_s_per_byte[access point][cloudlet])
+ macs outside / (thread_macs_per_s * lambda(threads)), and that within its deadline. Threads of all on a cloudlet: its `threads` at most.
"""
import json, os, sys

def solve(instance, time_s, seed, parameters):
    """The solution and its objective: what all admitted requests are worth."""
    service, worth = [], 0.0
    for request in instance["requests"]:
        delay_s = sum(instance["models"][request["model"]]["macs"]) / request["device_macs_per_s"]
        if delay_s <= request["deadline_s"]:
            service.append("local")  # or {"remote": {"cloudlet": 0, "threads": 2, "part": 0}}, see `offcut schema`
            worth += request.get("profit", 1.0)
        else:
            service.append("rejected")
    return {"parts": [], "service": service}, worth

def say(line):
    print(json.dumps(line), flush=True)

instance = json.load(open(sys.argv[1]))["body"]
say({"ready": True})  # time counts from here
time_s = float(os.environ.get("OFFCUT_TIME_S", "inf"))
seed, parameters = int(os.environ.get("OFFCUT_SEED", "0")), json.loads(os.environ.get("OFFCUT_PARAMETERS", "{}"))
solution, objective = solve(instance, time_s, seed, parameters)
# Improving? Say so as you go: say({"incumbent": {"solution": ..., "objective": ...}}). Proved something? See `offcut schema`.
body = {"stop": "completed", "found": {"solution": solution, "objective": objective}, "proved": None}
say({"offcut": "answer", "problem": "throughput", "version": 1, "body": body})
