from offcut import Instance, Limits, solver


@solver("multiuser")
def local_only(instance: Instance, limits: Limits) -> tuple[dict[str, list[int]], float]:
    users = [instance.device_work(i) for i in range(len(instance))]
    latency_s = [float(work.sum() / speed) for work, speed in users]
    objective = max(latency_s) if instance.body.get("objective", "max") == "max" else sum(latency_s)
    return {"cut": [len(work) for work, _ in users], "units": [0] * len(users)}, objective
