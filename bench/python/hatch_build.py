"""Puts programs into the wheel: all files of the folder that OFFCUT_WHEEL_PROGRAMS names. bench/python/build-wheel calls it."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProgramsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the programs as scripts, and marks the wheel as one of this machine's kind."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Read the folder; an editable installation needs no programs."""
        if version == "editable":
            return
        folder = os.environ.get("OFFCUT_WHEEL_PROGRAMS")
        if not folder:
            raise SystemExit("offcut: the wheel holds programs of Rust; build it with bench/python/build-wheel")
        build_data["shared_scripts"] = {str(program): program.name for program in sorted(Path(folder).iterdir())}
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-linux_{os.uname().machine}"
