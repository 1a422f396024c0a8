"""Instances, with their numbers as arrays."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ._command import json_text
from .errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Instance:
    """An instance of a problem. It is not to be changed.

    Parameters
    ----------
    document : dict
        The document as the JSON file has it: ``offcut``, ``problem``, ``version``, ``body``.
        ``offcut schema PROBLEM instance`` says what every field of the body is, with units and shapes.

    Examples
    --------
    >>> from offcut import generate
    >>> instance = generate("multiuser", users=3)
    >>> instance.array("users", "uplink_bytes_per_s").shape
    (3,)
    """

    document: dict[str, Any]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Instance:
        """Read an instance file. Its content is checked when the command reads it, not here.

        Parameters
        ----------
        path : str or path
            A file that ``offcut generate`` or `write` wrote.

        Returns
        -------
        Instance
            The instance.

        Raises
        ------
        InputError
            If the file is no document of Offcut.
        OSError
            If the file cannot be read.
        """
        try:
            document: Any = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise InputError(f"{os.fspath(path)}: is not JSON: {error}") from error
        if not isinstance(document, dict) or not all(name in document for name in ("offcut", "problem", "body")):
            raise InputError(f"{os.fspath(path)}: has no fields offcut, problem and body; give an instance file")
        return cls(cast("dict[str, Any]", document))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the instance to a new file.

        Parameters
        ----------
        path : str or path
            The file. One that is there already is not written over.

        Raises
        ------
        FileExistsError
            If the file is there.
        """
        with open(path, "x", encoding="utf-8") as file:
            file.write(json_text(self.document))

    @property
    def problem(self) -> str:
        """The problem's name, e.g. ``"multiuser"``."""
        return str(self.document["problem"])

    @property
    def body(self) -> dict[str, Any]:
        """The content of the document, as ``offcut schema PROBLEM instance`` describes it."""
        body: dict[str, Any] = self.document["body"]
        return body

    def __len__(self) -> int:
        """Number of users, requests or flows."""
        return len(self.body[_OWNERS[self.problem]])

    def __repr__(self) -> str:
        name = self.body.get("origin", {}).get("name", "")
        return f"<Instance of {self.problem}: {name}, {len(self)} {_OWNERS[self.problem]}>"

    def array(self, *path: str, default: float | None = None, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """The numbers at a path of field names, as one array. Every list on the way is an axis.

        Parameters
        ----------
        *path : str
            Names of fields below ``body``.
        default : float, optional
            Stands where a record does not have the last field.
        dtype : dtype, optional
            Type of the entries; ``int`` for indices.

        Returns
        -------
        numpy.ndarray
            ``array("users", "rtt_s")`` has the shape (users,), ``array("slots", "gains")`` (slots, users), and
            ``array("link_bytes_per_s")`` (servers, servers). Units are those of the fields: ``_s`` seconds, ``_bytes``
            bytes, ``_macs_per_s`` MAC/s.

        Raises
        ------
        KeyError
            If a record does not have a field, and there is no default.
        ValueError
            If lists are not equally long (see `arrays`), or an entry is no number.

        Examples
        --------
        >>> from offcut import generate
        >>> generate("lymdo", users=4, slots=2).array("slots", "gains").shape
        (2, 4)
        """
        found = _collect(self.body, path, default)
        try:
            return np.array(found, dtype=dtype)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{'.'.join(path)}: is no array of numbers of one shape ({error}); see arrays") from error

    def arrays(self, table: str, *path: str, dtype: DTypeLike = np.float64) -> list[NDArray[Any]]:
        """As `array`, one array for every record of a table. They may differ in length.

        Parameters
        ----------
        table : str
            Name of a list of records, e.g. ``"models"``.
        *path : str
            Names of fields of each record.
        dtype : dtype, optional
            Type of the entries.

        Returns
        -------
        list of numpy.ndarray
            ``arrays("models", "cut_bytes")[m]`` has the shape (blocks of model m + 1,), in bytes.

        Examples
        --------
        >>> from offcut import generate
        >>> models = generate("multiuser", users=2).arrays("models", "cut_bytes")
        >>> models[0].ndim
        1
        """
        return [np.array(_collect(record, path, None), dtype=dtype) for record in self.body[table]]

    def device_work(self, i: int) -> tuple[Floats, float]:
        """Work of the model of user or request `i` on its own device, and the device's speed.

        Work over speed is seconds, whether work is in MACs (speed in MAC/s) or in seconds of a kind of machine (speed
        is a factor). In `lymdo` it is the greatest speed.

        Parameters
        ----------
        i : int
            The user or request, from 0.

        Returns
        -------
        work : numpy.ndarray, shape (blocks,)
            Work of every block; of every layer in `throughput`.
        speed : float
            Speed of the device.

        Raises
        ------
        InputError
            In `jpdra`, whose flows have no devices.
        """
        if self.problem == "jpdra":
            raise InputError("jpdra: flows have no devices; ask for server_work")
        owner = self.body[_OWNERS[self.problem]][i]
        speed = "max_macs_per_s" if self.problem == "lymdo" else "device_macs_per_s"
        return _work_and_speed(self.body["models"][owner["model"]], owner, "device", speed)

    def server_work(self, i: int, server: int = 0) -> tuple[Floats, float]:
        """Work of the model of user or request `i` (partitions of flow `i`) on a server, and the server's speed.

        Parameters
        ----------
        i : int
            The user, request or flow, from 0.
        server : int, optional
            The cloudlet of `throughput` or the server of `jpdra`, from 0; the others have one server.

        Returns
        -------
        work : numpy.ndarray, shape (blocks,)
            Work of every block (layer, partition): MACs, or seconds. Infinite where the model is not run.
        speed : float
            Speed of one unit (`multiuser`), one thread (`throughput`), the whole server (`jpdra`), the whole edge
            (`lymdo`): MAC/s, or a factor.
        """
        body, problem = self.body, self.problem
        if problem == "jpdra":
            flow = body["flows"][i]
            chain = {"macs": [part["macs"] for part in flow["partitions"] if "macs" in part], "work_s": flow.get("work_s")}
            return _work_and_speed(chain, body["servers"][server], "machine", "macs_per_s")
        model = body["models"][body[_OWNERS[problem]][i]["model"]]
        if problem == "multiuser":
            return _work_and_speed(model, body["server"], "unit", "unit_macs_per_s")
        if problem == "throughput":
            return _work_and_speed(model, body["cloudlets"][server], "thread", "thread_macs_per_s")
        return _work_and_speed(model, body, "edge", "edge_macs_per_s")


#: Who has a model, in each problem.
_OWNERS = {"multiuser": "users", "throughput": "requests", "jpdra": "flows", "lymdo": "users"}


def _collect(value: Any, path: Sequence[str], default: float | None) -> Any:
    if isinstance(value, list):
        return [_collect(entry, path, default) for entry in value]  # pyright: ignore[reportUnknownVariableType]
    if not path:
        return value
    if path[0] not in value and default is not None:
        return default
    return _collect(value[path[0]], path[1:], default)


def _work_and_speed(model: Mapping[str, Any], owner: Mapping[str, Any], kind: str, speed: str) -> tuple[Floats, float]:
    machine = owner.get(kind)
    if machine is None:
        return np.array(model["macs"], dtype=np.float64), float(owner[speed])
    work = model["work_s"][machine["kind"]]
    if work is None:
        return np.full(len(model["cut_bytes"]) - 1 if "cut_bytes" in model else len(model["out_bytes"]), np.inf), 1.0
    return np.array(work, dtype=np.float64), float(machine["speed"])
