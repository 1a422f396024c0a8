# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# ---

# %% [markdown]
# # `multiuser`: many users, one server
#
# Each user computes the first blocks of a DNN on its device, sends the tensor at the cut, and the server computes the rest
# with the resource units that the user got. The largest latency is minimised.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import offcut

folder = Path(tempfile.mkdtemp())
instance = offcut.generate("multiuser", users=8, units=16, models=["resnet50", "vgg16"])
instance

# %% [markdown]
# ## What a cut costs
# Latency of user 0 against its cut, for 1, 4 and 16 units. Work over speed is seconds.

# %%
user = instance.body["users"][0]
work, device = instance.device_work(0)
_, unit = instance.server_work(0)
cut_bytes = instance.arrays("models", "cut_bytes")[user["model"]]
before_s = np.concatenate([[0], np.cumsum(work)]) / device
behind = work.sum() - np.concatenate([[0], np.cumsum(work)])
send_s = np.where(behind > 0, user["rtt_s"] + cut_bytes / user["uplink_bytes_per_s"], 0)
parallel = instance.body["server"]["speedup"].get("parallel_fraction", 1.0)

figure, axes = plt.subplots()
for units in (1, 4, 16):
    speedup = 1 / (1 - parallel + parallel / units)  # Amdahl's law
    axes.plot(before_s + send_s + behind / (unit * speedup), marker=".", label=f"{units} units")
axes.set(xlabel="blocks on the device", ylabel="latency (s)", title=f"user 0, {instance.body['models'][user['model']]['name']}")
axes.legend()

# %% [markdown]
# ## One instance
# `threshold` is exact and proves it; the checker replays the proof. `iao` is the paper's algorithm.

# %%
results = {method: offcut.solve(instance, method) for method in ("threshold", "iao", "equal-split", "local-only")}
{method: (result.status, result.objective) for method, result in results.items()}

# %%
assert results["threshold"].status == "optimal-certified"
verdicts = offcut.check(instance, *results.values())  # no solver involved
len(verdicts)

# %% [markdown]
# ## A function beside them
# A function becomes a solver by `@solver`. It lies in a file, as each cell of a run is a process of its own.

# %%
(folder / "greedy.py").write_text('''
import numpy as np
from offcut import solver


@solver("multiuser")
def greedy(instance, limits):
    """Every unit to the user with the largest latency; Amdahl's law."""
    law = instance.body["server"]["speedup"]
    fraction = law.get("parallel_fraction", 1.0)
    sent, local, far = [], [], []
    for i, user in enumerate(instance.body["users"]):
        (work, device), (remote, unit) = instance.device_work(i), instance.server_work(i)
        bytes_ = np.array(instance.body["models"][user["model"]]["cut_bytes"])
        local.append(np.append(0, np.cumsum(work)) / device)
        far.append(np.append(np.cumsum(remote[::-1])[::-1], 0) / unit)
        sent.append(np.append(user["rtt_s"] + bytes_[:-1] / user["uplink_bytes_per_s"], 0))

    def latencies(i, units):
        slow = np.inf if units == 0 else 1 - fraction + fraction / units
        behind = np.where(far[i] > 0, far[i] * slow if units else np.inf, 0)
        return local[i] + sent[i] + behind

    units = np.zeros(len(instance), int)
    worst = np.array([latencies(i, 0).min() for i in range(len(units))])
    for _ in range(instance.body["server"]["units"]):
        i = worst.argmax()
        units[i] += 1
        worst[i] = latencies(i, units[i]).min()
    cut = [latencies(i, u).argmin() for i, u in enumerate(units)]
    return {"cut": cut, "units": np.where([far[i][c] > 0 for i, c in enumerate(cut)], units, 0)}, worst.max()
''')
run = offcut.run(
    folder=folder / "run",
    problem="multiuser",
    family="zoo",
    methods=["threshold", "iao", "equal-split"],
    vary={"users": [5, 10, 20]},
    seeds=2,
    programs={"mine": offcut.Command.python(folder / "greedy.py")},
)
run.report.name

# %%
rows = offcut.read_run(run)
rows = rows[rows.method != "threshold"]
gaps = rows.groupby(["method", "family_users"]).gap_high.mean().unstack(0)
axes = (100 * gaps).plot(marker="o", logy=False, xlabel="users", ylabel="mean certified gap (%)", title="zoo, 40 units")
gaps

# %%
assert gaps.loc[:, "iao"].max() <= 1e-9
assert "mine" in gaps and (rows.status != "wrong").all()
