"""Plug-ins of every kind, and some that are wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from local_only import local_only  # what lies beside it can be imported, and is none of its plug-ins
from numpy.typing import NDArray

from offcut import Bound, Claim, Declined, Infeasible, Instance, Limits, Policy, State, solver


@solver("multiuser")
def improving(instance: Instance, limits: Limits) -> Iterator[Claim | Bound]:
    """Yields without an end."""
    while True:
        claim = local_only(instance, limits)
        assert isinstance(claim, tuple)
        yield claim
        time.sleep(0.1)


@solver("multiuser")
def hanging(instance: Instance, limits: Limits) -> Iterator[Claim | Bound]:
    """Yields a solution and a bound, prints, and is then ended after its limit."""
    print("printed by a plug-in")
    os.system("echo printed by a program that it started")
    claim = local_only(instance, limits)
    assert isinstance(claim, tuple)
    yield claim
    yield Bound(0.0, "latencies are not negative")
    while limits.parameters.get("sleep") is None and limits.time_s < 60:
        time.sleep(0.1)


@solver("multiuser")
def of_numpy(instance: Instance, limits: Limits) -> Claim:
    cut = np.array([len(instance.device_work(i)[0]) for i in range(len(instance))])
    latency_s = np.array([work.sum() / speed for work, speed in map(instance.device_work, range(len(instance)))])
    return {"cut": cut, "units": np.zeros(len(cut), dtype=np.uint32)}, latency_s.max()


@solver("multiuser")
def told(instance: Instance, limits: Limits) -> None:
    raise Declined(f"seed {limits.seed}, threads {limits.threads}, time {limits.time_s:g}")


@solver("multiuser")
def no_solution(instance: Instance, limits: Limits) -> None:
    raise Infeasible


@solver("multiuser")
def nothing(instance: Instance, limits: Limits) -> None:
    return None


@solver("multiuser")
def crashing(instance: Instance, limits: Limits) -> None:
    raise ZeroDivisionError("of a plug-in")


@solver("multiuser")
def too_many_units(instance: Instance, limits: Limits) -> Claim:
    units = instance.body["server"]["units"] + 1
    return {"cut": [0] * len(instance), "units": [units] * len(instance)}, 1.0


@solver("multiuser")
def not_a_number(instance: Instance, limits: Limits) -> Claim:
    return {"cut": [0] * len(instance), "units": [0] * len(instance)}, float("nan")


@solver("throughput")
def admit_alone(instance: Instance, limits: Limits) -> Claim:
    profit = instance.array("requests", "profit", default=1.0)
    works = [instance.device_work(i) for i in range(len(instance))]
    meets = np.array([work.sum() / speed for work, speed in works]) <= instance.array("requests", "deadline_s")
    return {"parts": [], "service": ["local" if met else "rejected" for met in meets]}, profit[meets].sum()


@solver("jpdra")
def fastest_server(instance: Instance, limits: Limits) -> Claim:
    """Every flow on the server with the least seconds of work, equal shares beyond the load."""
    flows, servers = instance.body["flows"], len(instance.body["servers"])
    up, rate = instance.array("flows", "uplink_bytes_per_s"), instance.array("flows", "rate_per_s")
    rest = np.array([instance.server_work(0, m)[1] for m in range(servers)])
    place: list[int] = []
    for i in range(len(flows)):
        m = int(np.where(up[i] > 0, rest, -np.inf).argmax())
        rest[m] -= rate[i] * instance.server_work(i, m)[0].sum()
        place.append(m)
    if rest.min() <= 0:
        raise Declined("too full")
    parts = np.array([len(flow["partitions"]) for flow in flows])
    speeds: list[NDArray[Any]] = []
    delay_s = np.zeros(len(flows))
    for i, m in enumerate(place):
        work, _ = instance.server_work(i, m)
        extra = rest[m] / sum(parts[j] for j in range(len(flows)) if place[j] == m) * (1 - 1e-12)
        speeds.append(rate[i] * work + extra)
        back_s = flows[i]["result_bytes"] / flows[i]["downlink_bytes_per_s"][m] if "result_bytes" in flows[i] else 0
        delay_s[i] = flows[i]["input_bytes"] / up[i][m] + (work / extra).sum() + back_s
    solution = {"servers": [[m] * k for m, k in zip(place, parts)], "speeds": {"macs_per_s": speeds}}
    return solution, float((rate * delay_s).sum() / rate.sum())


class LocalOnly(Policy):
    def decide(self, state: State) -> list[int]:
        print("printed by a policy")
        assert state.gains.shape == (len(self.system),)
        return [len(self.system.device_work(i)[0]) for i in range(len(self.system))]


class Hesitating(Policy):
    def decide(self, state: State) -> list[int]:
        raise Declined("no decision")
