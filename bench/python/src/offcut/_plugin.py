"""Solvers and policies as functions: what the protocol of ``offcut new-solver`` needs is done here."""

from __future__ import annotations

import abc
import contextlib
import importlib.util
import inspect
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._command import json_text
from ._instance import Instance
from .errors import Declined, Infeasible, InputError


@dataclass(frozen=True)
class Limits:
    """What a solver or policy may use.

    Attributes
    ----------
    time_s : float
        Seconds, infinite if there is no limit. Of a policy: all slots together.
    memory_bytes : int or None
        Memory, in bytes; none if there is no limit.
    threads : int
        Threads.
    seed : int
        Seed of everything random.
    parameters : dict
        What follows the colon of ``mine:key=value``.
    """

    time_s: float = float("inf")
    memory_bytes: int | None = None
    threads: int = 1
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of_environment(cls) -> Limits:
        """The limits that the runner gave this process."""
        memory = os.environ.get("OFFCUT_MEMORY_BYTES")
        return cls(
            time_s=float(os.environ.get("OFFCUT_TIME_S", "inf")),
            memory_bytes=None if memory is None else int(memory),
            threads=int(os.environ.get("OFFCUT_THREADS", "1")),
            seed=int(os.environ.get("OFFCUT_SEED", "0")),
            parameters=json.loads(os.environ.get("OFFCUT_PARAMETERS", "{}")),
        )


@dataclass(frozen=True)
class Bound:
    """A bound on the optimum, for a generator to yield.

    Parameters
    ----------
    value : float
        Below the optimum if the objective is minimised, above it otherwise; in the objective's unit.
    why : str or dict
        A text, e.g. the solver's name: the bound is then reported as unchecked. Or a certificate, which the checker
        replays (``offcut schema PROBLEM answer``).
    """

    value: float
    why: str | Mapping[str, object]

    def document(self) -> dict[str, object]:
        """The bound as the protocol has it."""
        evidence = {"solver_word" if isinstance(self.why, str) else "certificate": self.why}
        return {"value": float(self.value), "evidence": evidence}


#: A solution as ``offcut schema PROBLEM answer`` describes it, and the objective that it is claimed to have.
Claim: TypeAlias = tuple[Mapping[str, object], float]

#: What `solver` decorates.
SolveFunction: TypeAlias = Callable[[Instance, Limits], "Claim | None | Iterator[Claim | Bound]"]


@dataclass(frozen=True)
class Command:
    """A program in any language, as ``offcut run --solver`` takes it.

    Parameters
    ----------
    words : str
        The command with its arguments, e.g. ``"julia my_solver.jl"``.
    is_policy : bool, optional
        Whether it is a policy of `lymdo`, which is asked slot by slot.
    """

    words: str
    is_policy: bool = False

    @classmethod
    def python(cls, file: str | os.PathLike[str], name: str | None = None, *, is_policy: bool = False) -> Command:
        """The command of a plug-in in a file, run by this interpreter.

        Parameters
        ----------
        file : str or path
            The Python file.
        name : str, optional
            The plug-in's name, if the file has several.
        is_policy : bool, optional
            Whether it is a `Policy`.

        Returns
        -------
        Command
            The command.
        """
        words = [sys.executable, "-m", "offcut.plugin", str(Path(file).resolve()), *([] if name is None else [name])]
        return cls(shlex.join(words), is_policy)


class Solver:
    """A function that solves instances of one problem. Made by `solver`; it can be called like the function.

    Attributes
    ----------
    problem : str
        The problem's name.
    function : callable
        The function.
    """

    def __init__(self, problem: str, function: SolveFunction) -> None:
        self.problem = problem
        self.function = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    def __call__(self, instance: Instance, limits: Limits | None = None) -> Claim | None | Iterator[Claim | Bound]:
        """Call the function in this process, without limits and without a check.

        Parameters
        ----------
        instance : Instance
            The instance.
        limits : Limits, optional
            What the function is told; no limits by default.

        Returns
        -------
        tuple or None or iterator
            What the function returns.
        """
        return self.function(instance, Limits() if limits is None else limits)

    @property
    def command(self) -> Command:
        """The command that runs it in a process of its own."""
        return Command.python(_file(self.function, self.__name__), self.__name__)

    def run(self, path: str, output: TextIO) -> None:
        """Solve the instance in a file, and write the lines of the protocol.

        Parameters
        ----------
        path : str
            The instance file.
        output : text file
            Where the lines go.

        Raises
        ------
        InputError
            If the instance is of another problem.
        """
        instance = Instance.read(path)
        if instance.problem != self.problem:
            raise InputError(f"{path}: is an instance of {instance.problem}; {self.__name__} solves {self.problem}")
        _say(output, {"ready": True})
        stop: object = "completed"
        claim: Claim | None = None
        proved: Bound | None = None
        limits = Limits.of_environment()
        until = time.monotonic() + limits.time_s
        try:
            answered = self.function(instance, limits)
            if isinstance(answered, Iterator):
                for step in answered:
                    if isinstance(step, Bound):
                        proved = step
                        _say(output, {"bound": step.document()})
                    else:
                        claim = step
                        _say(output, {"incumbent": _found(step)})
                    if time.monotonic() >= until:
                        stop = "time_limit"
                        break
            else:
                claim = answered
        except Declined as error:
            stop = {"declined": str(error)}
        except Infeasible:
            stop = "infeasible"
        body = {
            "stop": stop,
            "found": None if claim is None else _found(claim),
            "proved": None if proved is None else proved.document(),
        }
        _say(output, {"offcut": "answer", "problem": self.problem, "version": 1, "body": body})


def solver(problem: str) -> Callable[[SolveFunction], Solver]:
    """Make a solver of a function.

    The function takes an `Instance` and `Limits`. It returns a solution and its objective, or ``None`` if it found
    nothing. A generator yields better and better ones, and `Bound` objects; the last of each is the answer. It is not
    asked for more when time is up. It raises `Declined` for an instance that it does not take. What it prints goes to standard error.

    Parameters
    ----------
    problem : str
        The problem: ``"multiuser"``, ``"throughput"``, ``"jpdra"`` or ``"lymdo"``.

    Returns
    -------
    callable
        The decorator, which returns a `Solver`.

    Examples
    --------
    >>> @solver("multiuser")
    ... def local_only(instance, limits):
    ...     users = [instance.device_work(i) for i in range(len(instance))]
    ...     latency_s = [work.sum() / speed for work, speed in users]
    ...     return {"cut": [len(work) for work, speed in users], "units": [0] * len(users)}, max(latency_s)
    >>> local_only.problem
    'multiuser'
    """
    return lambda function: Solver(problem, function)


@dataclass(frozen=True)
class State:
    """What a policy sees of a slot. Shapes are (users,).

    Attributes
    ----------
    slot : int
        The slot, from 0.
    backlogs_j : numpy.ndarray
        Backlog of each user's virtual energy queue before the slot, in J.
    arrivals_per_s : numpy.ndarray
        Tasks of each user, per second.
    gains : numpy.ndarray
        Power gain of each user's channel.
    """

    slot: int
    backlogs_j: NDArray[np.float64]
    arrivals_per_s: NDArray[np.float64]
    gains: NDArray[np.float64]


class Policy(abc.ABC):
    """An online algorithm of `lymdo`: a subclass with `decide`, which is called once a slot.

    One object is made per cell, before time counts: load networks in ``__init__``.

    Parameters
    ----------
    system : Instance
        What stays as it is: models, users, bandwidth, ``v``. It has no slots (``offcut schema lymdo system``).
    limits : Limits
        What the policy may use.

    Examples
    --------
    >>> class EdgeOnly(Policy):
    ...     def decide(self, state):
    ...         return [0] * len(self.system)
    """

    def __init__(self, system: Instance, limits: Limits) -> None:
        self.system = system
        self.limits = limits

    @abc.abstractmethod
    def decide(self, state: State) -> ArrayLike | Mapping[str, object]:
        """Decide one slot.

        Parameters
        ----------
        state : State
            What is seen of the slot.

        Returns
        -------
        array_like of int, shape (users,), or mapping
            Blocks that each user computes itself; best resources are found for them. Or a mapping with ``cuts``,
            ``local_macs_per_s``, ``bandwidth_hz`` and ``edge_macs_per_s``, each of shape (users,).

        Raises
        ------
        Declined
            If there is no decision.
        """

    @classmethod
    def command(cls) -> Command:
        """The command that runs it in a process of its own."""
        return Command.python(_file(cls, cls.__name__), cls.__name__, is_policy=True)

    @classmethod
    def run(cls, lines: Iterator[str], output: TextIO) -> None:
        """Read the lines of the protocol, and answer each.

        Parameters
        ----------
        lines : iterator of str
            The system, then the states.
        output : text file
            Where the decisions go.
        """
        policy = cls(Instance(json.loads(next(lines))), Limits.of_environment())
        _say(output, {"ready": True})
        for line in lines:
            seen = json.loads(line)
            names = ("backlogs_j", "arrivals_per_s", "gains")
            state = State(seen["slot"], *(np.array(seen[name], dtype=np.float64) for name in names))
            try:
                decision = policy.decide(state)
            except Declined as error:
                decision = {"stop": {"declined": str(error)}}
            _say(output, decision if isinstance(decision, Mapping) else {"cuts": np.asarray(decision)})


#: What stands beside Offcut's methods: a function, a policy, or a command.
Program: TypeAlias = "Solver | type[Policy] | Command"


def command_of(program: Program) -> Command:
    """The command that runs a program."""
    if isinstance(program, Command):
        return program
    return program.command if isinstance(program, Solver) else program.command()


def main(arguments: list[str]) -> None:
    """Run a plug-in: ``python3 -m offcut.plugin FILE [NAME] [INSTANCE]``.

    Parameters
    ----------
    arguments : list of str
        The file, the plug-in's name if the file has several, and of a solver the instance's path.

    Raises
    ------
    InputError
        If the file has no such plug-in.
    """
    file, *rest = arguments
    # Standard output is the protocol's. What a plug-in prints, and programs that it starts, goes to standard error.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output, contextlib.redirect_stdout(sys.stderr):
        os.dup2(2, 1)
        plugins = _plugins(_load(Path(file)))
        if rest and rest[0] in plugins:
            plugin = plugins[rest.pop(0)]
        elif len(plugins) == 1:
            plugin = next(iter(plugins.values()))
        else:
            raise InputError(f"{file}: has the plug-ins {', '.join(plugins) or '(none)'}; name one after the file")
        if isinstance(plugin, Solver):
            if len(rest) != 1:
                raise InputError(f"{file}: give the path of one instance")
            plugin.run(rest[0], output)
        else:
            plugin.run(iter(sys.stdin.readline, ""), output)


def _load(file: Path) -> ModuleType:
    """The module in a file. It may import what lies beside it, as a script does."""
    if file.stem in sys.modules:
        raise InputError(f"{file}: has the name of a module that is loaded already; give the file another name")
    sys.path.insert(0, str(file.resolve().parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise InputError(f"{file}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def _plugins(module: ModuleType) -> dict[str, Solver | type[Policy]]:
    """The plug-ins that a module defines, by name; what it imports is none of them."""
    found: dict[str, Solver | type[Policy]] = {}
    for name, value in vars(module).items():
        if isinstance(value, Solver) and value.function.__module__ == module.__name__:
            found[name] = value
        elif inspect.isclass(value) and issubclass(value, Policy) and value.__module__ == module.__name__:
            found[name] = value
    return found


def _file(made: object, name: str) -> str:
    """The file in which something was made."""
    try:
        file = inspect.getsourcefile(made)  # type: ignore[arg-type]
    except (TypeError, OSError):
        file = None
    if file is None or not Path(file).is_file() or not file.endswith(".py"):
        raise InputError(f"{name}: is not in a file; write it into a .py file, so that a process of its own can load it")
    return file


def _found(claim: Claim) -> dict[str, object]:
    solution, objective = claim
    return {"solution": solution, "objective": float(objective)}


def _say(output: TextIO, line: object) -> None:
    output.write(json_text(line) + "\n")
    output.flush()
