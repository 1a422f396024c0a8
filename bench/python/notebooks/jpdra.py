# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# ---

# %% [markdown]
# # `jpdra`: partitions on edge servers
#
# Flows of tasks pass through DNN partitions, each on a server. Partitions on a server share its speed, and tasks queue. The
# mean delay of a task is minimised.

# %%
import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import offcut

folder = Path(tempfile.mkdtemp())
instance = offcut.generate("jpdra", flows=4, servers=4, load=0.7)
instance

# %% [markdown]
# ## The optimal deployment
# `branch` closes the gap to 1e-9, and the checker replays its tree.

# %%
best = offcut.solve(instance, "branch")
paper = offcut.solve(instance, "jpdra")
print(best.status, best.objective, paper.objective)
assert best.status == "optimal-certified" and paper.objective >= best.objective * (1 - 1e-9)

# %%
placed = best.solution["servers"]
figure, axes = plt.subplots()
for flow, servers in enumerate(placed):
    axes.plot(range(1, len(servers) + 1), servers, marker="o", label=f"flow {flow}")
axes.set(xlabel="partition", ylabel="server", title="where partitions run")
axes.set(xticks=range(1, 5), yticks=range(len(instance.body["servers"])))
axes.legend()

# %% [markdown]
# ## Delay against load

# %%
run = offcut.run(
    folder=folder / "run",
    problem="jpdra",
    family="zoo",
    methods=["branch", "jpdra", "greedy", "equal-split"],
    parameters={"flows": 3},
    vary={"load": [0.3, 0.6, 0.9]},
    seeds=2,
    time_s=5,
)
rows = offcut.read_run(run)
delay_s = rows.groupby(["method", "family_load"]).objective.mean().unstack(0)
axes = delay_s.plot(marker="o", logy=True, xlabel="load", ylabel="mean delay (s)", title="zoo, 3 flows, mean of 2 instances")
delay_s

# %% [markdown]
# ## Is the formula right?
# `offcut simulate` sends tasks through the queues of an answer.

# %%
instance.write(folder / "flows.json")
(folder / "best.json").write_text(json.dumps(best.answer))
print(offcut.command("simulate", folder / "flows.json", folder / "best.json"))
