#!/usr/bin/env python3
"""A solver of throughput for Offcut: whoever meets the deadline alone is admitted. Put your algorithm into `solve`.

An admitted request is worth its profit, 1 if it has none. Served remotely, it keeps a part of its model's layers that no edge comes into from outside: delay =
work of the part / the device's speed + out_bytes of those layers in it with a successor outside * (1 / uplink_bytes_per_s + hop_s_per_byte[access point][cloudlet])
+ work outside / (a thread's speed * lambda(threads)), and that within its deadline. Threads of all on a cloudlet: its `threads` at most.
"""
import json, os, sys

def work_and_speed(model, owner, name):
    """Work of each layer on a machine, and its speed. `name` is "device" (of a request) or "thread" (of a cloudlet).

    Without kinds of machines, work is in MACs and speed in MAC/s. A machine of a kind has its work in seconds, and its speed is a factor. A model whose
    work on a cloudlet's kind is None, or left out, is not run there."""
    if name in owner:
        return model["work_s"][owner[name]["kind"]], owner[name]["speed"]
    return model.get("macs"), owner[name + "_macs_per_s"]

def solve(instance, time_s, seed, parameters):
    """The solution and its objective: what all admitted requests are worth."""
    service, worth = [], 0.0
    for request in instance["requests"]:
        work, speed = work_and_speed(instance["models"][request["model"]], request, "device")
        delay_s = sum(work) / speed
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
