"""read_run is ``offcut rows``."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import pandas
import pytest

import offcut


def rows_of(*words: str | Path) -> list[dict[str, Any]]:
    ran = subprocess.run([offcut.program(), "rows", *words, "--format", "json"], capture_output=True, check=True)
    rows: list[dict[str, Any]] = json.loads(ran.stdout)
    return rows


def same(read: object, printed: object) -> bool:
    if printed is None:
        return read is None or read is pandas.NA or (isinstance(read, float) and math.isnan(read))
    return read == printed and isinstance(read, bool) == isinstance(printed, bool)


@pytest.mark.parametrize("to", ["pandas", "polars"])
@pytest.mark.parametrize("by_study", [False, True])
def test_read_run_equals_rows(grid: offcut.Run, to: Any, by_study: bool) -> None:
    printed = rows_of(grid.folder, *(["--by-study"] if by_study else []))
    table = offcut.read_run(grid, to=to, by_study=by_study)
    columns = list(table.columns)
    read = table.to_dict("records") if isinstance(table, pandas.DataFrame) else table.to_dicts()
    assert columns == list(printed[0]) and len(read) == len(printed) == 16
    for got, want in zip(read, printed):
        for column in columns:
            assert same(got[column], want[column]), (column, got[column], want[column])


def test_several_runs_are_one_table(grid: offcut.Run, tmp_path: Path) -> None:
    other = offcut.run(folder=tmp_path / "other", problem="lymdo", family="steady", methods=["local-only"], seeds=1)
    table = offcut.read_run(grid, other.folder)
    assert set(table.problem) == {"multiuser", "lymdo"} and len(table) == 17


def test_a_row_that_was_changed_is_left_out_and_named(grid: offcut.Run, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(grid.folder, tmp_path / "changed")
    lines = (tmp_path / "changed" / "rows.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    first["claimed_objective"] = 1e-3
    (tmp_path / "changed" / "rows.jsonl").write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n")
    with pytest.raises(offcut.RejectedError, match="MISMATCH") as caught:
        offcut.read_run(tmp_path / "changed")
    assert len(caught.value.result) == 15


def test_another_library_is_refused(grid: offcut.Run) -> None:
    with pytest.raises(offcut.InputError, match="numpy"):
        offcut.read_run(grid, to="numpy")  # type: ignore[call-overload]
