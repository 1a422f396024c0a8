"""Exceptions. Each carries the lines that the command printed."""

from __future__ import annotations

from typing import Any

__all__ = [
    "CommandError",
    "Declined",
    "Infeasible",
    "InputError",
    "OffcutError",
    "ProgramNotFoundError",
    "RejectedError",
]


class OffcutError(Exception):
    """Base class of all errors of this package.

    Parameters
    ----------
    message : str
        What is wrong: the lines that the command printed to standard error, or a line of this package.
    """


class ProgramNotFoundError(OffcutError):
    """The program ``offcut`` was not found. The message says where it was looked for."""


class InputError(OffcutError, ValueError):
    """Bad input or usage: exit code 2 of the command.

    The message is the command's own line, or its lines. It names file, place and remedy.
    """


class RejectedError(OffcutError):
    """An answer was rejected, a contradiction was found, or a row differs from its answer: exit code 1 of the command.

    Parameters
    ----------
    message : str
        The command's own lines.
    result : object, optional
        What the call would have returned.

    Attributes
    ----------
    result : object
        What the call would have returned: a `Result` of `solve`, verdicts of `check`, a `Run` of `run`, a table of
        `read_run`.
    """

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class CommandError(OffcutError):
    """The command ended in another way: by a signal, or with an exit code that it does not document.

    Parameters
    ----------
    message : str
        The command's own lines, and how it ended.
    code : int
        The exit code; negative for a signal.

    Attributes
    ----------
    code : int
        The exit code; negative for a signal.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Declined(Exception):
    """Raised by a solver or a policy that does not take an instance. The row then has the status ``declined``.

    Parameters
    ----------
    reason : str
        Why, in one line.
    """


class Infeasible(Exception):
    """Raised by a solver that claims that an instance has no solution. The claim is not checked."""
