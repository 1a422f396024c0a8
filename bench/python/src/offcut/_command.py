"""Calls the program ``offcut``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .errors import CommandError, InputError, ProgramNotFoundError, RejectedError

#: Names the program, if it is neither in the environment of this interpreter nor in PATH.
VARIABLE = "OFFCUT_PROGRAM"

#: What a line of progress has, which a run writes every 10 seconds.
PROGRESS = " cells done"


def program() -> Path:
    """Find the program that all functions of this package call.

    It is the one that the environment variable ``OFFCUT_PROGRAM`` names; else the one that was installed with this
    package; else ``offcut`` in ``PATH``.

    Returns
    -------
    pathlib.Path
        The program.

    Raises
    ------
    ProgramNotFoundError
        If there is none.

    Examples
    --------
    >>> program().is_file()
    True
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise ProgramNotFoundError(f"{VARIABLE}: {named} is no program; name the program offcut")
        return Path(named).absolute()
    installed = Path(sysconfig.get_path("scripts")) / "offcut"
    if os.access(installed, os.X_OK):
        return installed
    found = shutil.which("offcut")
    if found is None:
        raise ProgramNotFoundError(f"offcut: there is no such program in {installed.parent} and in PATH; set {VARIABLE}")
    return Path(found)


def command(*arguments: str | os.PathLike[str]) -> str:
    """Call ``offcut`` with any arguments, e.g. ``command("models", "resnet50", "--json")``.

    Parameters
    ----------
    *arguments : str or path
        Arguments of the command; ``offcut --help`` lists them.

    Returns
    -------
    str
        What it wrote to standard output.

    Raises
    ------
    InputError
        Exit code 2: bad input or usage.
    RejectedError
        Exit code 1: an answer was rejected, a contradiction found. Its ``result`` is the standard output.
    CommandError
        The command ended in another way.

    Examples
    --------
    >>> command("--version").split()[0]
    'offcut'
    """
    output, rejected = call(*arguments)
    if rejected is not None:
        raise RejectedError(rejected, output)
    return output


def call(*arguments: str | os.PathLike[str], show_progress: bool = False) -> tuple[str, str | None]:
    """Standard output of the command, and its error lines if its exit code is 1."""
    words = [os.fspath(program()), *(os.fspath(argument) for argument in arguments)]
    said: list[str] = []
    with (
        tempfile.TemporaryFile() as written,
        subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.PIPE, text=True, errors="replace") as process,
    ):
        try:
            for line in process.stderr or ():
                said.append(line)
                if show_progress and PROGRESS in line:
                    print(line, end="", file=sys.stderr, flush=True)
            code = process.wait()
        except BaseException:
            # The command ends what it has started, then itself.
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
        written.seek(0)
        output = written.read().decode(errors="replace")
    errors = "".join(said).strip()
    if code == 0:
        return output, None
    if code == 1:
        return output, errors
    if code == 2:
        raise InputError(errors)
    raise CommandError(f"{errors}\noffcut: ended with code {code}".strip(), code)


def plain(value: object) -> Any:
    """The value with arrays and numbers of numpy as lists and numbers of Python, for JSON."""
    if isinstance(value, (np.ndarray, np.generic)):
        array: NDArray[Any] = np.asarray(cast(Any, value))
        return array.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON; give numbers, texts, lists, dictionaries, arrays")


def json_text(value: object) -> str:
    """The value as one line of JSON. Numbers that are not finite are refused."""
    return json.dumps(value, default=plain, allow_nan=False)
