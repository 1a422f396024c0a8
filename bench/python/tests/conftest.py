"""What tests share: a finished run, and plug-ins in files."""

from __future__ import annotations

from pathlib import Path

import pytest

import offcut

PLUGINS = Path(__file__).parent / "plugins"


@pytest.fixture(scope="session")
def grid(tmp_path_factory: pytest.TempPathFactory) -> offcut.Run:
    """A small run, with a function and a policy's problem left out."""
    return offcut.run(
        folder=tmp_path_factory.mktemp("runs") / "grid",
        problem="multiuser",
        family="zoo",
        methods=["threshold", "iao", "equal-split"],
        parameters={"units": 10},
        vary={"users": [3, 6]},
        seeds=2,
        programs={"mine": offcut.Command.python(PLUGINS / "local_only.py")},
    )
