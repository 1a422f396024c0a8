"""The commands ``generate``, ``solve``, ``check``, ``run`` and ``rows`` as functions."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from ._command import call, command, json_text
from ._instance import Instance
from ._plugin import Program, command_of
from .errors import InputError, RejectedError

if TYPE_CHECKING:
    import pandas
    import polars

PathLike: TypeAlias = "str | os.PathLike[str]"
Document: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True)
class Result:
    """What `solve` returns.

    Attributes
    ----------
    row : dict
        The row as a run has it: times, memory, and the checker's verdict.
    answer : dict
        The answer's document, which `check` takes.
    """

    row: Document
    answer: Document

    @property
    def status(self) -> str:
        """What the row counts as, e.g. ``"optimal-certified"``, ``"feasible"``, ``"wrong"``."""
        return str(self.row["status"])

    @property
    def objective(self) -> float | None:
        """The objective that the checker computed, in the problem's unit; none if there is no feasible solution."""
        return _objective(self.row)

    @property
    def solution(self) -> Document | None:
        """The decisions, see ``offcut schema PROBLEM answer``; none if nothing was found."""
        found: Document | None = self.answer["body"].get("found")
        return None if found is None else found["solution"]

    @property
    def solve_s(self) -> float:
        """Seconds of solving, without reading and checking."""
        return float(self.row["times"]["solve_s"])


@dataclass(frozen=True)
class Run:
    """What `run` returns: the folder of a run.

    Attributes
    ----------
    folder : pathlib.Path
        The folder. It has the report, the rows, and every answer.
    output : str
        What the command printed.
    """

    folder: Path
    output: str

    @property
    def report(self) -> Path:
        """The report, an HTML file that opens offline."""
        return self.folder / "report" / "report.html"


def generate(problem: str, family: str | None = None, *, seed: int = 1, **parameters: object) -> Instance:
    """Generate an instance. The same arguments give the same instance on every platform.

    Parameters
    ----------
    problem : str
        ``"multiuser"``, ``"throughput"``, ``"jpdra"`` or ``"lymdo"``.
    family : str, optional
        The family; the problem's first if left out. ``offcut generate PROBLEM --list`` lists them.
    seed : int, optional
        Seed of the generator, 0 or above.
    **parameters
        Parameters of the families, in the units that ``--list`` names: numbers, texts or lists.

    Returns
    -------
    Instance
        The instance.

    Raises
    ------
    InputError
        If there is no such problem, family or parameter, or a value is out of range.

    Examples
    --------
    >>> generate("multiuser", users=5, units=8)
    <Instance of multiuser: ..., 5 users>
    """
    words = ["generate", problem, *_option("--family", family), f"--seed={seed}"]
    return Instance(json.loads(command(*words, *_settings(parameters))))


def solve(
    instance: Instance | PathLike,
    method: str | Program,
    *,
    time_s: float | None = None,
    seed: int = 0,
    threads: int = 1,
) -> Result:
    """Solve an instance in a process of its own, and check the answer.

    Parameters
    ----------
    instance : Instance or path
        The instance.
    method : str, Solver, Policy class or Command
        A method with its parameters, e.g. ``"iao:error=0.1"`` (``offcut methods`` lists them), or a program.
    time_s : float, optional
        Time limit in seconds; none if left out.
    seed : int, optional
        Seed of everything random in the method.
    threads : int, optional
        Threads that the method may use.

    Returns
    -------
    Result
        The row, and the answer.

    Raises
    ------
    InputError
        If instance, method or limits are not good.
    RejectedError
        If the checker rejects the answer, or the program crashed or gave no answer. ``result`` is the `Result`.

    Examples
    --------
    >>> solve(generate("multiuser", users=5), "threshold").status
    'optimal-certified'
    """
    if isinstance(method, str):
        named = [f"--method={method}"]
    else:
        program = command_of(method)
        named = _option("--policy" if program.is_policy else "--solver", program.words)
    options = [f"--seed={seed}", f"--threads={threads}", *_option("--time", time_s)]
    with tempfile.TemporaryDirectory() as folder, _as_file(instance) as path:
        answer = Path(folder, "answer.json")
        output, rejected = call("solve", path, *named, *options, "--json", "--output", answer)
        result = Result(json.loads(output), json.loads(answer.read_bytes()))
    if rejected is not None:
        raise RejectedError("\n".join(filter(None, [_what_stands_against(result.row), rejected])), result)
    return result


def check(instance: Instance | PathLike, *answers: Result | Document | PathLike) -> list[Document]:
    """Check answers to an instance, no solver involved: evaluate each solution, replay each bound.

    Parameters
    ----------
    instance : Instance or path
        The instance.
    *answers : Result, dict or path
        Answers: of `solve`, documents, or files.

    Returns
    -------
    list of dict
        The verdict on each, as ``offcut check --json`` prints it.

    Raises
    ------
    InputError
        If the instance is bad, or a file is missing.
    RejectedError
        If an answer is rejected, contradicted or cannot be read. ``result`` is the list of verdicts.

    Examples
    --------
    >>> instance = generate("multiuser", users=5)
    >>> len(check(instance, solve(instance, "iao"), solve(instance, "threshold")))
    2
    """
    with contextlib.ExitStack() as stack:
        paths = [stack.enter_context(_as_file(answer)) for answer in answers]
        output, rejected = call("check", stack.enter_context(_as_file(instance)), *paths, "--json")
    printed: Any = json.loads(output)
    verdicts: list[Document] = printed if len(answers) > 1 else [printed]
    if rejected is not None:
        raise RejectedError(rejected or "offcut check: an answer is rejected; see result", verdicts)
    return verdicts


def check_run(folder: PathLike, *, jobs: int | None = None) -> Document:
    """Check all answers of a run again, no solver involved, and compare every row.

    Parameters
    ----------
    folder : path
        The folder of the run.
    jobs : int, optional
        Answers at a time; as many as there are processors if left out.

    Returns
    -------
    dict
        How many rows are as they were, and what differs, as ``offcut check RUN --json`` prints it.

    Raises
    ------
    InputError
        If there is no run.
    RejectedError
        If a row differs or an answer is rejected. ``result`` is the dictionary.
    """
    output, rejected = call("check", folder, "--json", *_option("--jobs", jobs))
    checked: Document = json.loads(output)
    if rejected is not None:
        raise RejectedError(rejected or f"{os.fspath(folder)}: rows differ or answers are rejected; see result", checked)
    return checked


def run(
    suite: PathLike | Document | None = None,
    *,
    folder: PathLike,
    programs: Mapping[str, Program] | None = None,
    random: bool = False,
    problem: str | None = None,
    family: str | Sequence[str] = (),
    methods: str | Sequence[str] = (),
    parameters: Mapping[str, object] | None = None,
    vary: Mapping[str, Iterable[object]] | None = None,
    only: str | Sequence[str] = (),
    studies: str | Sequence[str] = (),
    time_s: float | None = None,
    threads: int | None = None,
    seeds: int | None = None,
    method_seeds: int | None = None,
    jobs: int = 1,
) -> Run:
    """Run a grid of instances and methods, and write its report. Every cell is a process of its own.

    A run is resumed by the same call: only what is missing is run. Progress is written to standard error every 10 seconds.

    Parameters
    ----------
    suite : path or dict, optional
        Suite file, or its document, in which paths have to be absolute. Or none: then `family`.
    folder : path
        Folder of the run.
    programs : mapping of str to Solver, Policy class or Command, optional
        Programs to run on every instance beside the methods, by the name that they have in the report.
    random : bool, optional
        Whether the programs are random: each is then run with all seeds of the suite.
    problem : str, optional
        The problem, where families and methods do not tell it. Without a suite.
    family : str or sequence of str, optional
        Families of instances. Without a suite.
    methods : str or sequence of str, optional
        Methods; all of the problem if left out. Without a suite.
    parameters : mapping, optional
        Parameters of the families. Without a suite.
    vary : mapping of str to iterable, optional
        Parameters that take several values, numbers or texts; the first that varies over numbers is the axis. Lists
        vary in suites only. Without a suite.
    only : str or sequence of str, optional
        Run these methods of the suite only.
    studies : str or sequence of str, optional
        Run these studies of the suite only.
    time_s : float, optional
        Seconds for every cell, instead of the suite's.
    threads : int, optional
        Threads for every cell, instead of the suite's.
    seeds : int, optional
        Instances of every family and setting: seeds 1 to this.
    method_seeds : int, optional
        Seeds of random methods: 0 to this, less one.
    jobs : int, optional
        Cells at a time. With more than one, cells slow each other down.

    Returns
    -------
    Run
        Its folder, with the report.

    Raises
    ------
    InputError
        If suite, names or values are not good.
    RejectedError
        If an answer was rejected or a contradiction found. ``result`` is the `Run`; its report says which.

    Examples
    --------
    >>> import tempfile
    >>> made = run(family="zoo", problem="multiuser", methods=["threshold", "iao"], vary={"users": [5, 10]},
    ...            folder=tempfile.mkdtemp() + "/grid")
    >>> made.report.name
    'report.html'
    """
    words = [f"--folder={os.fspath(folder)}", f"--jobs={jobs}", *(["--random"] if random else [])]
    for name, program in (programs or {}).items():
        found = command_of(program)
        words += _option("--policy" if found.is_policy else "--solver", f"{name}={found.words}")
    for option, values in (("--only", only), ("--study", studies), ("--family", family), ("--methods", methods)):
        words += [f"{option}={value}" for value in ([values] if isinstance(values, str) else values)]
    numbers = (("--time", time_s), ("--threads", threads), ("--seeds", seeds), ("--method-seeds", method_seeds))
    for option, value in (("--problem", problem), *numbers):
        words += _option(option, value)
    words += _settings(parameters or {})
    words += [f"--set={name}={_values(name, values_of)}" for name, values_of in (vary or {}).items()]
    with contextlib.nullcontext() if suite is None else _as_file(suite) as path:
        output, rejected = call("run", *([] if path is None else [path]), *words, show_progress=True)
    made = Run(Path(folder), output)
    if rejected is not None:
        raise RejectedError(rejected or output.strip(), made)
    return made


@overload
def read_run(
    *runs: Run | PathLike, to: Literal["pandas"] = ..., by_study: bool = ..., library: PathLike | None = ...
) -> pandas.DataFrame: ...


@overload
def read_run(
    *runs: Run | PathLike, to: Literal["polars"], by_study: bool = ..., library: PathLike | None = ...
) -> polars.DataFrame: ...


def read_run(
    *runs: Run | PathLike,
    to: Literal["pandas", "polars"] = "pandas",
    by_study: bool = False,
    library: PathLike | None = None,
) -> pandas.DataFrame | polars.DataFrame:
    """Read the rows of runs as a table: that of ``offcut rows``, with its columns, types and order.

    Parameters
    ----------
    *runs : Run or path
        Runs, or their folders.
    to : {"pandas", "polars"}, optional
        The library. It is installed by ``pip install 'offcut[pandas]'`` or ``'offcut[polars]'``.
    by_study : bool, optional
        A line for every study that a row belongs to, with ``study``, ``series`` and ``x``.
    library : path, optional
        Also measure gaps against the best known values of a frozen library: the folder with PROBLEM/library.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        A line a row. ``offcut rows --help`` describes the columns; a unit ends a name: ``solve_s``, ``_bytes``. Gaps
        are relative: 0.01 is 1 %. What a row does not have is null; in numbers of pandas NaN.

    Raises
    ------
    InputError
        If a folder is no run.
    RejectedError
        If rows differ from their answers. ``result`` is the table without them.
    ImportError
        If the library is not installed.

    Examples
    --------
    >>> rows = read_run("runs/demo/multiuser")  # doctest: +SKIP
    >>> rows.groupby("method").gap_high.mean()  # doctest: +SKIP
    """
    if to not in ("pandas", "polars"):
        raise InputError(f"read_run: to={to!r} is no library of tables; give 'pandas' or 'polars'")
    folders = [one.folder if isinstance(one, Run) else one for one in runs]
    options = [*(["--by-study"] if by_study else []), *_option("--library", library)]
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "rows.parquet")
        _, rejected = call("rows", *folders, *options, "--output", path)
        table = _read_parquet(path, to)
    if rejected is not None:
        raise RejectedError(rejected, table)
    return table


def _read_parquet(path: Path, to: str) -> pandas.DataFrame | polars.DataFrame:
    if to == "polars":
        import polars

        # From memory: the file is removed.
        return polars.read_parquet(path.read_bytes())
    import pandas

    return pandas.read_parquet(path)


#: Statuses of rows with a feasible solution.
_FEASIBLE = ("feasible", "optimal-claimed", "optimal-certified")


def _objective(row: Document) -> float | None:
    """The middle of the checker's interval, as the ledger takes it."""
    if row["status"] not in _FEASIBLE:
        return None
    checked = row["checked_objective"]
    low, high = float(checked["low"]), float(checked["high"])
    return low if low == high else low + (high - low) / 2


def _what_stands_against(row: Document) -> str:
    """One line on a row that is no good: its status, how the method stopped, and what is violated."""
    # What has no parts is a word: "completed", "nothing".
    stop: Document = {} if isinstance(row["stop"], str) else row["stop"]
    proof: Document = {} if isinstance(row["proof"], str) else row["proof"]
    said = [f"{name}: {text}" for name, text in stop.items()]
    violations: list[Document] = row["violations"] + proof.get("refused", {}).get("violations", [])
    broken = [f"{one['constraint']} at {one['at']} by {one['amount']} {one['unit']}" for one in violations]
    return "; ".join([f"{row['key']['method']}: {row['status']}", *said, *broken])


def _option(name: str, value: str | float | os.PathLike[str] | None) -> list[str]:
    """An option in one word, so that a value may begin with a dash."""
    return [] if value is None else [f"{name}={value if isinstance(value, int | float) else os.fspath(value)}"]


def _value(value: object) -> str:
    """A value for ``--set``: JSON, or a word as it is."""
    return value if isinstance(value, str) else json_text(value)


def _values(name: str, values: Iterable[object]) -> str:
    """Several values for ``--set``, which separates them by commas."""
    texts = [_value(value) for value in values]
    if any("," in text for text in texts):
        raise InputError(f"vary: {name}: values with commas cannot vary; write a suite whose study has vary")
    return ",".join(texts)


def _settings(parameters: Mapping[str, object]) -> list[str]:
    return [f"--set={name}={_value(value)}" for name, value in parameters.items()]


@contextlib.contextmanager
def _as_file(what: Instance | Result | Document | PathLike) -> Generator[str]:
    """A path of it: of what is no file yet, that of a temporary one."""
    if isinstance(what, str | os.PathLike):
        yield os.fspath(what)
        return
    document = what.document if isinstance(what, Instance) else what.answer if isinstance(what, Result) else what
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "document.json")
        path.write_text(json_text(document), encoding="utf-8")
        yield str(path)
