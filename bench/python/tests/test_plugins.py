"""Functions and classes as solvers and policies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PLUGINS

import offcut
from offcut import Command

SEVERAL = PLUGINS / "several.py"


def plugin(name: str) -> Command:
    return Command.python(SEVERAL, name, is_policy=name[0].isupper())


@pytest.fixture(scope="module")
def instance() -> offcut.Instance:
    return offcut.generate("multiuser", users=4, units=6)


def test_a_function_stands_in_a_report(grid: offcut.Run) -> None:
    rows = offcut.read_run(grid)
    mine = rows[rows.method == "mine"]
    assert len(mine) == 4 and (mine.status == "feasible").all() and (mine.gap_high > 0).all()
    assert ">mine<" in grid.report.read_text()


def test_ten_lines_by_the_command_alone(tmp_path: Path) -> None:
    """As on a command line: no Python calls the command, and the plug-in's folder is the current one."""
    (tmp_path / "my_solver.py").write_text((PLUGINS / "local_only.py").read_text())
    words = ["run", "--problem", "multiuser", "--family", "zoo", "--set", "users=3", "--methods", "threshold", "--seeds", "1"]
    program = ["--solver", f"{sys.executable} -m offcut.plugin my_solver.py", "--folder", "run"]
    subprocess.run([offcut.program(), *words, *program], cwd=tmp_path, check=True, capture_output=True)
    assert set(offcut.read_run(tmp_path / "run").method) == {"threshold", "my_solver"}


def test_the_decorated_function_itself(instance: offcut.Instance) -> None:
    sys.path.insert(0, str(PLUGINS))
    try:
        from local_only import local_only
        from several import LocalOnly
    finally:
        sys.path.pop(0)
    result = offcut.solve(instance, local_only)
    answered = local_only(instance)
    assert isinstance(answered, tuple) and result.objective == pytest.approx(answered[1])
    horizon = offcut.generate("lymdo", users=2, slots=5)
    assert offcut.solve(horizon, LocalOnly).objective == pytest.approx(offcut.solve(horizon, "local-only").objective, rel=0.5)


def test_arrays_are_written(instance: offcut.Instance) -> None:
    assert offcut.solve(instance, plugin("of_numpy")).status == "feasible"


def test_a_generator_is_not_asked_for_more_after_its_limit(instance: offcut.Instance) -> None:
    result = offcut.solve(instance, plugin("improving"), time_s=0.5)
    assert result.status == "feasible" and result.row["stop"] == "time_limit"
    assert result.row["process"]["ended"] == "exit code 0" and 0.5 <= result.solve_s < 3


def test_a_generator_that_hangs_is_ended_and_its_last_solution_counts(instance: offcut.Instance) -> None:
    result = offcut.solve(instance, plugin("hanging"), time_s=0.5)
    assert result.status == "feasible" and result.row["stop"] == "time_limit"
    assert result.row["proof"]["solver_word"]["word"] == "latencies are not negative"
    assert len(result.row["incumbents"]) == 1


def test_limits_reach_the_function(instance: offcut.Instance) -> None:
    result = offcut.solve(instance, plugin("told"), time_s=7, seed=11, threads=2)
    assert result.status == "declined" and result.row["stop"] == {"declined": "seed 11, threads 2, time 7"}


def test_nothing_and_infeasible(instance: offcut.Instance) -> None:
    assert offcut.solve(instance, plugin("nothing")).status == "nothing-found"
    claimed = offcut.solve(instance, plugin("no_solution"))
    assert claimed.status == "infeasible-claimed" and claimed.objective is None and claimed.solution is None


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("crashing", "crash", "of a plug-in"),
        ("too_many_units", "wrong", "units"),
        ("not_a_number", "crash", "JSON"),
        ("no_such_name", "crash", "name one after the file"),
        ("admit_alone", "crash", "is an instance of multiuser"),
    ],
)
def test_what_is_wrong_is_a_row_and_an_exception(instance: offcut.Instance, name: str, status: str, said: str) -> None:
    with pytest.raises(offcut.RejectedError, match=said) as caught:
        offcut.solve(instance, plugin(name))
    assert caught.value.result.status == status


def test_the_other_problems() -> None:
    for problem, name, parameters in (
        ("throughput", "admit_alone", {"requests": 20, "most_profit": 5}),
        ("jpdra", "fastest_server", {"flows": 2, "load": 0.2}),
        ("lymdo", "LocalOnly", {"users": 3, "slots": 5}),
    ):
        for work in ("macs", "seconds"):
            result = offcut.solve(offcut.generate(problem, work=work, **parameters), plugin(name))
            assert result.status in ("feasible", "optimal-claimed"), (problem, work)


def test_a_policy_may_decline() -> None:
    horizon = offcut.generate("lymdo", users=2, slots=3)
    assert offcut.solve(horizon, plugin("Hesitating")).status == "declined"


@pytest.mark.parametrize("name", ["local_only.py", "several.py"])
def test_they_conform(name: str) -> None:
    if name == "local_only.py":
        offcut.command("conform", "multiuser", "--solver", Command.python(PLUGINS / name).words)
    else:
        offcut.command("conform", "lymdo", "--policy", plugin("LocalOnly").words)


def test_what_is_in_no_file_says_so() -> None:
    made: dict[str, offcut.Solver] = {}
    exec("import offcut\n@offcut.solver('multiuser')\ndef mine(instance, limits): return None", made)
    with pytest.raises(offcut.InputError, match="is not in a file"):
        made["mine"].command


def test_python_dash_m() -> None:
    ran = subprocess.run([sys.executable, "-m", "offcut", "--version"], capture_output=True, text=True, env=os.environ)
    assert ran.stdout == offcut.command("--version")
