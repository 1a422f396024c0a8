"""Offcut in Python: how far from optimal are DNN-splitting algorithms, and how fast?

All functions call the program ``offcut`` of the same wheel. So each solve is a process of its own with its limits, as on
the command line, and results are the same bytes.
"""

from ._calls import Result, Run, check, check_run, generate, read_run, run, solve
from ._command import command, program
from ._instance import Instance
from ._plugin import Bound, Claim, Command, Limits, Policy, Program, Solver, State, solver
from .errors import CommandError, Declined, Infeasible, InputError, OffcutError, ProgramNotFoundError, RejectedError

__all__ = [
    "Bound",
    "Claim",
    "Command",
    "CommandError",
    "Declined",
    "Infeasible",
    "InputError",
    "Instance",
    "Limits",
    "OffcutError",
    "Policy",
    "Program",
    "ProgramNotFoundError",
    "RejectedError",
    "Result",
    "Run",
    "Solver",
    "State",
    "check",
    "check_run",
    "command",
    "generate",
    "program",
    "read_run",
    "run",
    "solve",
    "solver",
]
