#!/usr/bin/env python3
"""A solver of jpdra for Offcut: every flow as a whole on the emptiest server it can reach. Put your algorithm into `solve`.

A flow's delay: input_bytes / uplink to its first server, + out_bytes / link between servers of neighbours (nothing on the same one; a link of 0 is none), +
result_bytes / downlink from its last, + 1 / (speed / work - rate) for every partition. Objective: the mean, weighed by rates. Speeds on a server: its own at most
(up to 1e-9 more, relative, is scaled back).
"""
import json, os, sys

def speed_of(server):
    """In MAC/s; a server of a kind has a factor."""
    return server["machine"]["speed"] if "machine" in server else server["macs_per_s"]

def work_on(flow, server):
    """Work of each partition on a server: MACs, or seconds at the nominal speed of its kind."""
    return flow["work_s"][server["machine"]["kind"]] if "machine" in server else [part["macs"] for part in flow["partitions"]]

def solve(instance, time_s, seed, parameters):
    """The solution and its objective, in seconds: the mean delay of a task. None, None if a server is too full."""
    flows, servers = instance["flows"], instance["servers"]
    rest = [speed_of(server) for server in servers]  # what is left of each server
    place, users = [], [0] * len(servers)
    for flow in flows:
        leaves = lambda m: flow.get("result_bytes") is None or flow["downlink_bytes_per_s"][m] > 0
        ways = [m for m in range(len(servers)) if flow["uplink_bytes_per_s"][m] > 0 and leaves(m)]
        if not ways:
            return None, None
        m = max(ways, key=lambda m: rest[m])
        rest[m] -= flow["rate_per_s"] * sum(work_on(flow, servers[m]))
        users[m] += len(flow["partitions"])
        place.append(m)
    if instance.get("allocation", "continuous") != "continuous" or any(rest[m] <= 0 for m in place):
        return None, None
    speeds, delay_s, rate = [], 0.0, sum(flow["rate_per_s"] for flow in flows)
    for flow, m in zip(flows, place):
        extra = rest[m] / users[m] * (1 - 1e-12)  # beyond the load, equal shares
        work = work_on(flow, servers[m])
        speeds.append([flow["rate_per_s"] * part + extra for part in work])
        way_s = flow["input_bytes"] / flow["uplink_bytes_per_s"][m]
        if flow.get("result_bytes") is not None:
            way_s += flow["result_bytes"] / flow["downlink_bytes_per_s"][m]
        queues_s = sum(part / extra for part in work)  # 1 / (speed / work - rate)
        delay_s += flow["rate_per_s"] / rate * (way_s + queues_s)
    places = [[m] * len(flow["partitions"]) for flow, m in zip(flows, place)]
    return {"servers": places, "speeds": {"macs_per_s": speeds}}, delay_s

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
say({"offcut": "answer", "problem": "jpdra", "version": 1, "body": body})
