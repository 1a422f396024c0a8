# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# ---

# %% [markdown]
# # `lymdo`: cuts slot by slot under energy budgets
#
# In every slot users cut their DNNs and share bandwidth and an edge server. Mean delay is minimised; the mean energy of a
# user above its budget is charged.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import offcut

folder = Path(tempfile.mkdtemp())
instance = offcut.generate("lymdo", "rayleigh", users=4, slots=40)
gains = instance.array("slots", "gains")
figure, axes = plt.subplots()
axes.semilogy(gains)
axes.set(xlabel="slot", ylabel="power gain", title="channels of 4 users")
gains.shape

# %% [markdown]
# ## A policy of your own
# A policy sees backlogs, arrivals and gains of now, and nothing that comes. This one computes locally until a user's
# backlog is above the mean, and at the edge from then on.

# %%
(folder / "threshold_policy.py").write_text('''
import numpy as np
from offcut import Policy


class Threshold(Policy):
    def __init__(self, system, limits):
        super().__init__(system, limits)
        self.blocks = np.array([len(system.device_work(i)[0]) for i in range(len(system))])

    def decide(self, state):
        return np.where(state.backlogs_j > state.backlogs_j.mean(), 0, self.blocks)
''')
mine = offcut.Command.python(folder / "threshold_policy.py", is_policy=True)
for method in ("lymdo-exact", "lymdo", "local-only", mine):
    result = offcut.solve(instance, method)
    print(f"{result.row['key']['method']:20} {result.status:12} {result.objective:.4f} s, {result.solve_s:.3f} s of solving")

# %% [markdown]
# ## In a report, beside Offcut's own

# %%
run = offcut.run(
    folder=folder / "run",
    problem="lymdo",
    family=["rayleigh", "markov"],
    methods=["clairvoyant", "lymdo-exact", "lymdo", "local-only"],
    parameters={"slots": 20},
    seeds=1,
    programs={"mine": mine},
)
rows = offcut.read_run(run)
gaps = rows[rows.method != "clairvoyant"].groupby(["method", "family"]).gap_high.mean().unstack()
axes = (100 * gaps).plot.barh(xlabel="mean certified gap (%)", title="20 slots, 5 users", logx=True)
assert "mine" in gaps.index and (rows.status != "wrong").all()
gaps
