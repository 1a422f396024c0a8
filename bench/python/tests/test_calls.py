"""generate, solve, check, run: what the command does, as functions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import offcut


@pytest.mark.parametrize("problem", ["multiuser", "throughput", "jpdra", "lymdo"])
def test_generate_is_the_command(problem: str, tmp_path: Path) -> None:
    instance = offcut.generate(problem, seed=7)
    written = subprocess.run([offcut.program(), "generate", problem, "--seed", "7"], capture_output=True, check=True)
    assert instance.document == json.loads(written.stdout)
    assert instance.problem == problem
    instance.write(tmp_path / "instance.json")
    assert offcut.Instance.read(tmp_path / "instance.json") == instance
    with pytest.raises(FileExistsError):
        instance.write(tmp_path / "instance.json")


def test_parameters_of_all_types() -> None:
    instance = offcut.generate("multiuser", "zoo", users=np.int64(3), bandwidth=0.5, models=["vgg16"], objective="sum")
    assert (len(instance), instance.body["objective"]) == (3, "sum")
    assert [model["name"] for model in instance.body["models"]] == ["vgg16"]


def test_solve_and_check() -> None:
    instance = offcut.generate("multiuser", users=5, units=8)
    exact, paper = offcut.solve(instance, "threshold", time_s=10), offcut.solve(instance, "iao:error=0.1", seed=3)
    assert exact.status == "optimal-certified" and paper.status in ("feasible", "optimal-claimed", "optimal-certified")
    assert exact.objective is not None and paper.objective is not None and exact.solution is not None
    assert exact.objective <= paper.objective and exact.solve_s > 0
    assert paper.row["key"]["budget"]["seed"] == 3
    first, second = offcut.check(instance, exact, paper.answer)
    assert first["objective"] == exact.row["checked_objective"] and second["violations"] == []


def test_a_rejected_answer_is_an_exception_with_its_verdict() -> None:
    instance = offcut.generate("multiuser", users=3, units=4)
    answer: dict[str, Any] = json.loads(json.dumps(offcut.solve(instance, "iao").answer))
    answer["body"]["found"]["solution"]["units"] = [4, 4, 4]
    with pytest.raises(offcut.RejectedError) as caught:
        offcut.check(instance, answer)
    assert caught.value.result[0]["violations"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: offcut.generate("multiusers"), "offcut: "),
        (lambda: offcut.generate("multiuser", "zoos"), "zoo, synthetic, plateau"),
        (lambda: offcut.generate("multiuser", users=0), "users"),
        (lambda: offcut.generate("multiuser", user=1), "user"),
        (lambda: offcut.solve(offcut.generate("multiuser"), "iaos"), "iaos"),
        (lambda: offcut.solve(offcut.generate("multiuser"), "iao", time_s=-1), "--time"),
        (lambda: offcut.solve("no/such/file.json", "iao"), "no/such/file.json"),
        (lambda: offcut.check(offcut.generate("multiuser")), "has no answer to check"),
        (lambda: offcut.read_run("no/such/run"), "no/such/run"),
        (lambda: offcut.command("models", "lenet"), "lenet"),
        (lambda: offcut.command("no-such-command"), "no-such-command"),
        (lambda: offcut.Instance.read(__file__), "is not JSON"),
    ],
)
def test_bad_input_is_an_exception_with_the_commands_line(call: Any, said: str) -> None:
    with pytest.raises(offcut.InputError, match=said):
        call()


def test_the_program_is_named_by_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFCUT_PROGRAM", "/no/such/program")
    with pytest.raises(offcut.ProgramNotFoundError, match="/no/such/program"):
        offcut.program()


def test_a_program_that_ends_otherwise_is_an_exception(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "offcut").write_text("#!/bin/sh\nkill -9 $$\n")
    (tmp_path / "offcut").chmod(0o755)
    monkeypatch.setenv("OFFCUT_PROGRAM", str(tmp_path / "offcut"))
    with pytest.raises(offcut.CommandError) as caught:
        offcut.command("methods")
    assert caught.value.code == -9


def test_run_writes_a_report_and_is_resumed(grid: offcut.Run) -> None:
    report = grid.report.read_text()
    assert "mine" in report and "threshold" in report
    rows = (grid.folder / "rows.jsonl").read_text()
    again = offcut.run(
        folder=grid.folder,
        problem="multiuser",
        family="zoo",
        methods=["threshold", "iao", "equal-split"],
        parameters={"units": 10},
        vary={"users": [3, 6]},
        seeds=2,
    )
    assert again.folder == grid.folder and (grid.folder / "rows.jsonl").read_text() == rows
    offcut.check_run(grid.folder, jobs=2)


def test_run_takes_a_suite_as_document_and_as_file(tmp_path: Path) -> None:
    study = {"name": "one", "title": "One", "families": ["zoo"], "set": {"users": 3}, "seeds": [1], "methods": ["iao", "threshold"]}
    budget = {"time_s": 10, "memory_bytes": None, "threads": 1, "seed": 0}
    body = {"title": "A suite", "budget": budget, "order_seed": 1, "studies": [study]}
    suite = {"offcut": "suite", "problem": "multiuser", "version": 1, "body": body}
    first = offcut.run(suite, folder=tmp_path / "first", only=["iao"])
    assert set(offcut.read_run(first).method) == {"iao"}
    (tmp_path / "suite.json").write_text(json.dumps(suite))
    second = offcut.run(tmp_path / "suite.json", folder=tmp_path / "second", studies=["one"], jobs=2)
    assert set(offcut.read_run(second).method) == {"iao", "threshold"}
    with pytest.raises(offcut.InputError, match="two"):
        offcut.run(suite, folder=tmp_path / "third", studies=["two"])


def test_the_commands_words_of_a_run(tmp_path: Path) -> None:
    """One method as a word, parameters that are lists, and several of them."""
    made = offcut.run(
        folder=tmp_path / "run",
        problem="multiuser",
        family="zoo",
        methods="iao",
        parameters={"users": 3, "models": ["nin", "alexnet"]},
        vary={"objective": ["max", "sum"], "units": np.array([4, 8])},
        seeds=1,
    )
    assert set(offcut.read_run(made).variant) == {"max", "sum"}
    with pytest.raises(offcut.InputError, match="write a suite"):
        offcut.run(folder=tmp_path / "lists", family="zoo", vary={"models": [["vgg16"], ["nin", "alexnet"]]})


def test_an_interrupt_ends_the_command_and_its_plugin(tmp_path: Path) -> None:
    (tmp_path / "sleeping.py").write_text(
        "import pathlib, time\n"
        "import offcut\n"
        "@offcut.solver('multiuser')\n"
        "def sleeping(instance, limits):\n"
        "    while True:\n"
        f"        pathlib.Path({str(tmp_path / 'alive')!r}).touch()\n"
        "        time.sleep(0.1)\n"
        "if __name__ == '__main__':\n"
        "    offcut.solve(offcut.generate('multiuser'), sleeping)\n"
    )
    alive = tmp_path / "alive"
    # It writes outside its scratch folder.
    environment = {**os.environ, "OFFCUT_ISOLATION": "no-sandbox"}
    process = subprocess.Popen([sys.executable, str(tmp_path / "sleeping.py")], stderr=subprocess.PIPE, text=True, env=environment)
    while not alive.exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    alive.unlink()
    time.sleep(1)
    assert not alive.exists()
