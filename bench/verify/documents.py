"""Documents: strict reading of JSON, ranges, machines, chains, speed-ups, answers (chapter The documents)."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from math import inf
from typing import Any, Callable

Reader = Callable[[Any, str], Any]
Kind = int | None
"""A machine kind, or None: MACs and MAC/s."""

MISSING = object()
WHOLE_MAX = 2**64 - 1


class Bad(Exception):
    """A document that is not accepted; the text names the place."""


class Refused(Exception):
    """A certificate that proves nothing."""


def parse(data: bytes) -> Any:
    """A JSON text, read strictly: UTF-8, no field twice, no overflow, no NaN."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            raise Bad("a field is given twice")
        return result

    def real(text: str) -> float:
        value = float(text)
        if value in (inf, -inf):
            raise Bad("a number is too large")
        return value

    def integer(text: str) -> int | float:
        if text == "-0":
            return -0.0
        if len(text) > 320:
            raise Bad("a number is too large")
        return int(text)

    def constant(text: str) -> None:
        raise Bad(f"{text} is not JSON")

    try:
        text = data.decode("utf-8")
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=pairs, parse_float=real, parse_int=integer,
                           parse_constant=constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except (ValueError, RecursionError) as error:
        raise Bad(f"not JSON in UTF-8: {error}") from None


def text(value: Any, at: str) -> str:
    if type(value) is not str:
        raise Bad(f"{at}: not a text")
    return value


def number(value: Any, at: str) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise Bad(f"{at}: not a number")
    try:
        return float(value)
    except OverflowError:
        raise Bad(f"{at}: too large") from None


def between(low: float, high: float, zero: bool = False) -> Reader:
    """A number from `low` to `high`, or 0 if that is allowed."""

    def read(value: Any, at: str) -> float:
        x = number(value, at)
        if low <= x <= high or (zero and x == 0):
            return x
        raise Bad(f"{at}: out of range")

    return read


positive = between(1e-30, 1e30)
not_negative = between(1e-30, 1e30, zero=True)


def whole(low: int = 0, high: int = WHOLE_MAX) -> Reader:
    """A whole number, written without point and exponent."""

    def read(value: Any, at: str) -> int:
        if type(value) is not int or not low <= value <= high:
            raise Bad(f"{at}: not a whole number from {low} to {high}")
        return value

    return read


def index(count: int) -> Reader:
    return whole(0, count - 1)


def listing(item: Reader, length: int | None = None) -> Reader:
    """A list, of a given length if there is one."""

    def read(value: Any, at: str) -> list:
        if type(value) is not list:
            raise Bad(f"{at}: not a list")
        if length is not None and len(value) != length:
            raise Bad(f"{at}: {len(value)} entries, not {length}")
        return [item(entry, f"{at}[{i}]") for i, entry in enumerate(value)]

    return read


def mapping(item: Reader) -> Reader:
    """An object from names to values."""

    def read(value: Any, at: str) -> dict[str, Any]:
        if type(value) is not dict:
            raise Bad(f"{at}: not an object")
        return {name: item(entry, f"{at}.{name}") for name, entry in value.items()}

    return read


def record(**fields: Reader | tuple[Reader, Any]) -> Reader:
    """An object with these fields; a pair is an optional field with its default."""

    def read(value: Any, at: str) -> dict[str, Any]:
        if type(value) is not dict:
            raise Bad(f"{at}: not an object")
        result = {}
        for name, reader in fields.items():
            if name in value:
                result[name] = (reader[0] if type(reader) is tuple else reader)(value[name], f"{at}.{name}")
            elif type(reader) is tuple:
                result[name] = reader[1]
            else:
                raise Bad(f"{at}.{name}: missing")
        for name in value:
            if name not in fields:
                raise Bad(f"{at}.{name}: unknown")
        return result

    return read


def tagged(**variants: Reader) -> Reader:
    """An object with exactly one field, which names the variant; the value is a pair."""

    def read(value: Any, at: str) -> tuple[str, Any]:
        if type(value) is not dict or len(value) != 1 or (name := next(iter(value))) not in variants:
            raise Bad(f"{at}: not an object with one field of {', '.join(variants)}")
        return name, variants[name](value[name], f"{at}.{name}")

    return read


def either(words: tuple[str, ...], other: Reader) -> Reader:
    """One of some words, or something else."""

    def read(value: Any, at: str) -> Any:
        return value if type(value) is str and value in words else other(value, at)

    return read


def word(*words: str) -> Reader:
    def fail(value: Any, at: str) -> None:
        raise Bad(f"{at}: not one of {', '.join(words)}")

    return either(words, fail)


def nullable(item: Reader) -> Reader:
    return lambda value, at: None if value is None else item(value, at)


def envelope(data: bytes, offcut: str, versions: tuple[int, ...]) -> tuple[str, int, Any]:
    """The problem, the version and the body of a document."""
    document = record(offcut=word(offcut), problem=word("multiuser", "throughput", "jpdra", "lymdo"), version=whole(),
                      body=lambda value, at: value)(parse(data), "document")
    if document["version"] not in versions:
        raise Bad("document.version: unknown")
    return document["problem"], document["version"], document["body"]


origin = record(name=(text, ""), family=(text, ""), seed=(whole(), 0), parameters=(mapping(number), {}))


def machine_kinds(value: Any, version: int) -> int:
    """The number of machine kinds of an instance's body."""
    given = value.get("machine_kinds", []) if type(value) is dict else []
    kinds = listing(record(name=text, about=(text, "")))(given, "body.machine_kinds")
    names = {kind["name"] for kind in kinds}
    if len(kinds) > 1000 or len(names) != len(kinds) or "" in names:
        raise Bad("body.machine_kinds: more than 1000, or a name is empty or given twice")
    if kinds and version < 2:
        raise Bad("body.machine_kinds: needs version 2")
    return len(kinds)


def anything(value: Any, at: str) -> Any:
    return value


class Machine:
    """A machine: its kind (None: MAC/s) and its speed."""

    def __init__(self, kind: Kind, speed: float):
        self.kind, self.speed = kind, Fraction(speed)


def machine_fields(mac_field: str, kind_field: str, kinds: int) -> dict[str, tuple[Reader, Any]]:
    """The two optional fields that write a machine."""
    return {mac_field: (positive, MISSING), kind_field: (record(kind=index(kinds), speed=positive), MISSING)}


def machine(fields: dict[str, Any], mac_field: str, kind_field: str, at: str) -> Machine:
    """The machine of a record that was read with `machine_fields`."""
    speed, kind = fields[mac_field], fields[kind_field]
    if (speed is MISSING) == (kind is MISSING):
        raise Bad(f"{at}: exactly one of {mac_field} and {kind_field}")
    return Machine(None, speed) if kind is MISSING else Machine(kind["kind"], kind["speed"])


def works(model: dict[str, Any], length: int, kinds: int, at: str) -> dict[Kind, list[Fraction]]:
    """The work of each block or layer, for each kind of machine that runs the model."""
    result: dict[Kind, list[Fraction]] = {}
    if model["macs"]:
        result[None] = [Fraction(x) for x in model["macs"]]
    if model["work_s"]:
        if len(model["work_s"]) != kinds:
            raise Bad(f"{at}.work_s: not one entry per kind")
        result.update((kind, [Fraction(x) for x in row]) for kind, row in enumerate(model["work_s"]) if row is not None)
    if not result or any(len(row) != length for row in result.values()):
        raise Bad(f"{at}: no work, or not as many numbers as blocks")
    return result


class Chain:
    """A chain of blocks: bytes of each cut, and for each kind of machine the sums of the first blocks' work."""

    def __init__(self, model: dict[str, Any], kinds: int, at: str):
        self.bytes = [Fraction(x) for x in model["cut_bytes"]]
        self.blocks = len(self.bytes) - 1
        if self.blocks < 1 or self.bytes[-1] != 0:
            raise Bad(f"{at}.cut_bytes: at least two numbers, the last 0")
        self.first: dict[Kind, list[Fraction]] = {}
        for kind, row in works(model, self.blocks, kinds, at).items():
            sums = [Fraction(0)]
            for x in row:
                sums.append(sums[-1] + x)
            self.first[kind] = sums


def chains(kinds: int) -> Reader:
    read = listing(record(name=text, macs=(listing(not_negative), []), cut_bytes=listing(not_negative),
                          work_s=(listing(nullable(listing(not_negative))), [])))
    return lambda value, at: [Chain(model, kinds, f"{at}[{i}]") for i, model in enumerate(read(value, at))]


class Speedup:
    """The speed-up over one unit or thread."""

    def __init__(self, value: Any, at: str):
        law = value.get("law") if type(value) is dict else None
        self.table: list[float] = []
        self.parallel = Fraction(1)
        if law == "linear":
            record(law=text)(value, at)
        elif law == "amdahl":
            self.parallel = Fraction(record(law=text, parallel_fraction=between(0, 1))(value, at)["parallel_fraction"])
        elif law == "table":
            self.table = record(law=text, speedups=listing(between(1, 1e30)))(value, at)["speedups"]
            if not self.table or self.table[0] != 1 or self.table != sorted(self.table):
                raise Bad(f"{at}.speedups: starts with 1 and never falls")
        else:
            raise Bad(f"{at}: unknown law")
        self.serial = 1 - self.parallel

    def inverse(self, units: int) -> Fraction:
        """1 / speed-up of at least one unit."""
        if self.table:
            return 1 / Fraction(self.table[min(units, len(self.table)) - 1])
        return self.serial + self.parallel / units

    def least(self, limit: Fraction, strict: bool) -> int | None:
        """The least number of units with an inverse of at most (strict: below) the limit."""
        if self.table:
            if limit <= 0:
                return None
            place = (bisect_right if strict else bisect_left)(self.table, 1 / limit)
            return place + 1 if place < len(self.table) else None
        rest = limit - self.serial
        if self.parallel == 0:
            return 1 if rest > 0 or (rest == 0 and not strict) else None
        if rest <= 0:
            return None
        quotient = self.parallel / rest
        return max(1, quotient.__floor__() + 1 if strict else quotient.__ceil__())


def answer(body: Any) -> dict[str, Any]:
    """The body of an answer; solution and certificate are read by the problem."""
    trace = record(build_s=(nullable(number), None), counts=(mapping(whole()), {}),
                   incumbents=(listing(record(at_s=number, objective=number)), []),
                   series=(mapping(listing(listing(number, 2))), {}))
    stop = either(("completed", "infeasible", "time_limit", "memory_limit"), tagged(declined=text, failed=text, invalid=text))
    found = record(solution=anything, objective=number)
    proved = record(value=number, evidence=tagged(certificate=anything, solver_word=text))
    certified = record(value=number, certificate=anything)
    return record(stop=stop, found=(nullable(found), None), proved=(nullable(proved), None), certified=(nullable(certified), None),
                  trace=(trace, {}))(body, "body")


def admitted(most: float) -> Reader:
    """The domain NotNegative(m) of a certificate's numbers."""

    def read(value: Any, at: str) -> Fraction:
        x = number(value, at)
        if x == 0 or 1e-60 <= x <= most:
            return Fraction(x)
        raise Refused(f"{at}: outside its domain")

    return read


def signed(most: float) -> Reader:
    """The domain Signed(m) of a certificate's numbers."""

    def read(value: Any, at: str) -> Fraction:
        x = number(value, at)
        if not abs(x) <= most:
            raise Refused(f"{at}: outside its domain")
        return Fraction(x) if abs(x) >= 2.0**-1022 else Fraction(0)

    return read


def leaves(nodes: list[tuple[str, Any]], splits: dict[str, tuple[str, str]], root: Any,
           branch: Callable[[str, str, Any, Any], tuple[Any, Any]]) -> Iterator[tuple[str, str, Any, Any]]:
    """The leaves of a tree: place, kind, fields and state. `branch` says the states of a split's two children."""
    children = [[node[field] for field in splits.get(kind, ())] for kind, node in nodes]
    parents = Counter(child for pair in children for child in pair)
    if not nodes or set(parents) != set(range(1, len(nodes))) or len(parents) < parents.total():
        raise Refused("nodes: no node, or a child that does not exist, that is missing, or that has two parents")
    if any(child <= at for at, pair in enumerate(children) for child in pair):
        raise Refused("nodes: a child before its parent")
    states = {0: root}
    for at, (kind, node) in enumerate(nodes):
        place, state = f"nodes[{at}]", states.pop(at)
        if kind in splits:
            states.update(zip(children[at], branch(place, kind, node, state)))
        else:
            yield place, kind, node, state


def restricted(allowed: list[int], at: int, *sides: int) -> tuple[list[int], ...]:
    """Copies of bit sets of which one is intersected with each of the sides."""
    return tuple([*allowed[:at], allowed[at] & side, *allowed[at + 1:]] for side in sides)


def ascending(items: list[int], count: int, at: str) -> list[int]:
    """Indices below `count`, strictly ascending."""
    if any(a >= b for a, b in zip(items, items[1:])) or any(i >= count for i in items):
        raise Refused(f"{at}: not strictly ascending, or out of range")
    return items
