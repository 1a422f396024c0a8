"""A second checker of answers, in exact arithmetic, written from the book (chapters The documents and Certificates).

    python3 verify.py INSTANCE ANSWER [--seconds S]     one verdict, as one line of JSON
    python3 verify.py --batch [--seconds S]             lines INSTANCE<tab>ANSWER on standard input, one verdict a line

Exit code 0: nothing is rejected; 1: something is; 2: bad input.
"""

from __future__ import annotations

import argparse
import json
import sys
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import documents as doc  # noqa: E402
import jpdra  # noqa: E402
import lymdo  # noqa: E402
import multiuser  # noqa: E402
import throughput  # noqa: E402
from documents import Bad, Refused  # noqa: E402
from exact import Clock, NotTaken, Value, decimal  # noqa: E402

PROBLEMS: dict[str, Any] = {"multiuser": multiuser, "throughput": throughput, "jpdra": jpdra, "lymdo": lymdo}
TOLERANCE = Fraction(1, 10**9)
WORD_TOLERANCE = Fraction(1, 10**6)


def near(claim: Fraction, low: Value, high: Value) -> bool:
    """Whether a claim is within the tolerance of an enclosed value."""
    if high == inf:
        return False
    distance = max(low - claim, claim - high, 0)
    return distance <= TOLERANCE * max(abs(low), abs(high))


def read_instance(data: bytes) -> tuple[str, Any]:
    """The problem and the instance of a document."""
    problem, version, body = doc.envelope(data, "instance", (1, 2))
    return problem, PROBLEMS[problem].Instance(body, version)


def judge(problem: str, instance: Any, data: bytes, seconds: float) -> dict[str, Any]:
    """The verdict on an answer: solution, bound, contradictions."""
    given, _, body = doc.envelope(data, "answer", (1,))
    if given != problem:
        raise Bad("document.problem: not the instance's")
    answer = doc.answer(body)
    minimise: bool = PROBLEMS[problem].MINIMISE
    rejected: list[str] = []
    not_taken: list[str] = []
    verdict: dict[str, Any] = {"problem": problem, "feasible": None, "objective": None, "violations": [],
                               "proof": "nothing", "proved": None, "notes": []}

    low: Value = inf
    high: Value = inf
    if found := answer["found"]:
        violations: list[str] = verdict["violations"]
        try:
            low, high, unscaled = instance.evaluate(found["solution"], violations, Clock(seconds))
            claim = Fraction(found["objective"])
            if not near(claim, low, high) and not (unscaled and near(claim, *unscaled)):
                violations.append("claim: not the solution's objective")
            verdict["feasible"] = not violations
            if high != inf:
                verdict["objective"] = {"low": decimal(low, False), "high": decimal(high, True)}
            rejected += violations
        except NotTaken as what:
            not_taken.append(str(what))

    bounds: list[Value] = []
    word: Fraction | None = None

    def replayed(claimed: float, certificate: Any) -> tuple[str, str | None]:
        """What becomes of a claimed bound, and its value."""
        claim = Fraction(claimed)
        try:
            value = instance.replay(certificate, Clock(seconds), verdict["notes"])
            weaker = value == inf or (claim <= value if minimise else claim >= value)
            if weaker or near(claim, value, value):
                bounds.append(value)
                return "certified", decimal(value, not minimise)
            rejected.append(f"bound: proves {decimal(value, not minimise)}, not {claimed!r}")
        except Refused as reason:
            rejected.append(f"certificate: {reason}")
        except NotTaken as what:
            not_taken.append(str(what))
            return "not taken", None
        return "refused", None

    if proved := answer["proved"]:
        kind, evidence = proved["evidence"]
        if kind == "solver_word":
            word = Fraction(proved["value"])
            verdict["proof"] = "word"
        else:
            verdict["proof"], verdict["proved"] = replayed(proved["value"], evidence)
    if certified := answer["certified"]:
        verdict["certified"], verdict["certified_value"] = replayed(certified["value"], certified["certificate"])

    if verdict["feasible"]:
        if answer["stop"] == "infeasible":
            rejected.append("contradiction: a solution, and the claim that there is none")
        if any(bound == inf or (bound > high if minimise else bound < low) for bound in bounds):
            rejected.append("contradiction: the certified bound lies beyond the objective")
        if word is not None:
            excess = word - high if minimise else low - word
            if excess > WORD_TOLERANCE * max(abs(low), abs(high)):
                rejected.append("contradiction: the solver's bound lies beyond the objective")
    verdict["rejected"] = rejected
    verdict["not_taken"] = not_taken
    return verdict


def verdict_of(instance: str, answer: str, seconds: float, cache: dict[str, tuple[str, Any]]) -> tuple[dict[str, Any], int]:
    """The verdict on two files, and the exit code."""
    at = "instance"
    try:
        if instance not in cache:
            cache.clear()
            cache[instance] = read_instance(Path(instance).read_bytes())
        at = "answer"
        verdict = judge(*cache[instance], Path(answer).read_bytes(), seconds)
        return verdict, 1 if verdict["rejected"] else 0
    except (Bad, OSError) as error:
        return {"bad": at, "why": str(error)}, 2
    except Refused as error:
        # Only a certificate's reader refuses.
        return {"bad": at, "why": str(error)}, 2


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks an answer in exact arithmetic, independently of offcut check.")
    parser.add_argument("instance", nargs="?")
    parser.add_argument("answer", nargs="?")
    parser.add_argument("--seconds", type=float, default=60, help="processor time for a solution, and for a certificate [60]")
    parser.add_argument("--batch", action="store_true", help="read lines INSTANCE<tab>ANSWER")
    options = parser.parse_args()
    cache: dict[str, tuple[str, Any]] = {}
    if not options.batch:
        if options.answer is None:
            parser.error("an instance and an answer are needed")
        verdict, code = verdict_of(options.instance, options.answer, options.seconds, cache)
        print(json.dumps(verdict))
        return code
    worst = 0
    for line in sys.stdin:
        instance, _, answer = line.rstrip("\n").partition("\t")
        verdict, code = verdict_of(instance, answer, options.seconds, cache)
        print(json.dumps(verdict), flush=True)
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main())
