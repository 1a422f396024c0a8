# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# ---

# %% [markdown]
# # `throughput`: as many deadline requests as possible
#
# A request is admitted if its delay meets its deadline: on its own device, or split between the device and threads of a
# cloudlet. The number of admitted requests is maximised.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import offcut

folder = Path(tempfile.mkdtemp())
instance = offcut.generate("throughput", requests=100, cloudlets=5)
instance

# %% [markdown]
# ## Who could do without a cloudlet?

# %%
alone_s = [work.sum() / speed for work, speed in map(instance.device_work, range(len(instance)))]
deadline_s = instance.array("requests", "deadline_s")
figure, axes = plt.subplots()
axes.loglog(deadline_s, alone_s, ".")
axes.axline((1, 1), (2, 2), color="grey")
axes.set(xlabel="deadline (s)", ylabel="delay on the device (s)", title="below the line: met without a cloudlet")

# %% [markdown]
# ## One instance

# %%
best = offcut.solve(instance, "branch")
online = offcut.solve(instance, "online-greedy")
print(best.status, best.objective, online.objective)
assert best.status == "optimal-certified" and online.objective <= best.objective

# %% [markdown]
# ## Admitted against offered

# %%
run = offcut.run(
    folder=folder / "run",
    problem="throughput",
    family="zoo",
    methods=["branch", "local-ratio", "online-primal-dual", "online-greedy"],
    parameters={"cloudlets": 5},
    vary={"requests": [25, 50, 100]},
    seeds=2,
    time_s=10,
)
rows = offcut.read_run(run)
admitted = rows.groupby(["method", "family_requests"]).objective.mean().unstack(0)
axes = admitted.plot(marker="o", xlabel="requests", ylabel="admitted", title="zoo, 5 cloudlets, mean of 2 instances")
admitted

# %% [markdown]
# ## Certified gaps
# Of each method, all instances; the gap is measured against a bound whose certificate the checker replayed.

# %%
gaps = rows[rows.gap_certified == True].groupby("method").gap_high.max()  # noqa: E712
axes = (100 * gaps).plot.barh(xlabel="largest certified gap (%)")
assert (gaps["local-ratio"] <= 0.5) and (rows.status != "wrong").all()
gaps
