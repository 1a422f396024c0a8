"""Puts two judges beside each other: `offcut check` and the verifier in this folder. Every disagreement is reported.

    python3 agree.py PROGRAM [--answers N] [--mutants M] [--seed K] [--seconds S] [--keep FOLDER]
    python3 agree.py PROGRAM --library [--seconds S]

Instances of all families are generated and solved by PROGRAM, and the answers are changed at random. Exit code 1 if the
judges disagree about one of them.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import verify  # noqa: E402

TOLERANCE = Fraction(1, 10**9)
DATA = Path(__file__).resolve().parents[2] / "instances" / "data"
SERIOUS = "SERIOUS"
CONTRADICTIONS = ("an infeasible instance has no solution", "no objective lies beyond a bound")

FAMILIES: dict[str, dict[str, list[Any]]] = {
    "multiuser": {"family": ["zoo", "synthetic", "plateau"], "users": [1, 2, 3, 5, 8, 12, 30], "units": [0, 1, 3, 8, 20, 60, 200],
                  "objective": ["max", "sum"], "speedup": ["linear", "amdahl", "table"], "blocks": [2, 5, 8],
                  "work": ["macs", "macs", "seconds"]},
    "throughput": {"family": ["zoo", "synthetic", "tight", "equal", "single"], "requests": [1, 3, 8, 20, 40, 60],
                   "cloudlets": [1, 2, 3, 5], "threads": [0, 2, 5, 12, 16], "max_threads": [1, 4, 8, 12], "layers": [2, 5, 8],
                   "access_points": [1, 3], "most_profit": [1, 1, 5, 50], "speedup": ["linear", "amdahl", "table"],
                   "deadline": [0.5, 1.0, 2.0], "work": ["macs", "macs", "seconds"], "view": ["dag", "chain"],
                   "models": [["alexnet"], ["alexnet", "squeezenet1_0"], ["tiny_yolov2", "resnet18"]]},
    "jpdra": {"family": ["zoo", "synthetic", "queue", "transfer", "missing", "equal"], "flows": [1, 2, 3], "servers": [1, 2, 3],
              "partitions": [1, 2, 3], "load": [0.3, 0.6, 0.9, 1.5], "units": [0, 0, 8, 30], "missing": [0.0, 0.3],
              "work": ["macs", "macs", "seconds"]},
    "lymdo": {"family": ["rayleigh", "markov", "bursty", "tight", "steady", "synthetic"], "users": [1, 2, 3, 5],
              "blocks": [1, 3, 5], "slots": [1, 1, 2, 4], "rate_law": ["shannon", "fixed"], "backlog": [0.0, 1.0],
              "service": ["deterministic", "exponential"], "arrivals_per_s": [0.1, 1.0, 5.0],
              "bandwidth_hz": [1e6, 1e7], "work": ["macs", "macs", "seconds"]},
}
# Where trees, inequalities and core leaves are needed; a quarter of the instances of these problems.
HARD: dict[str, dict[str, list[Any]]] = {
    "multiuser": {"family": ["plateau", "plateau", "zoo"], "users": [12, 30, 60], "units": [30, 60, 150], "objective": ["sum"],
                  "speedup": ["linear", "amdahl", "table"]},
    "throughput": {"family": ["synthetic"], "requests": [20, 30, 60], "cloudlets": [3, 4, 6], "threads": [8, 12], "max_threads": [8, 12],
                   "most_profit": [50], "parallel_fraction": [0.9, 1.0]},
}
CERTIFYING = {"multiuser": ["threshold", "branch", "price", "dp"], "throughput": ["branch", "price", "lp"],
              "jpdra": ["branch", "price"], "lymdo": ["branch", "clairvoyant", "milp-oa"]}


class Judges:
    """Both judges on pairs of files."""

    def __init__(self, program: str, seconds: float):
        self.program, self.seconds = program, seconds
        self.cache: dict[str, tuple[str, Any]] = {}

    def offcut(self, instance: Path, answer: Path) -> dict[str, Any]:
        run = subprocess.run([self.program, "check", "--json", instance, answer], capture_output=True, text=True)
        if run.returncode not in (0, 1, 2):
            raise SystemExit(f"{self.program} check ended with {run.returncode}: {run.stderr}")
        verdict = json.loads(run.stdout) if run.stdout.strip() else {}
        proof = verdict.get("proof", "nothing")
        kind, value = (proof, None) if isinstance(proof, str) else next(iter(proof.items()))
        names = {"solver_word": "word", "infeasible": "certified"}
        nothing = not verdict.get("objective") and not verdict.get("violations") and kind == "nothing"
        unreadable = run.returncode == 2 or (run.returncode == 1 and nothing)
        return {"code": run.returncode, "unreadable": unreadable, "violations": verdict.get("violations"),
                "objective": verdict.get("objective"), "proof": names.get(kind, kind),
                "value": "inf" if kind == "infeasible" else value["value"] if kind == "certified" else None,
                "raw": run.stdout + run.stderr}

    def disagreements(self, instance: Path, answer: Path) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
        """What the judges disagree about."""
        ours, code = verify.verdict_of(str(instance), str(answer), self.seconds, self.cache)
        theirs = self.offcut(instance, answer)
        found: list[str] = []
        if "bad" in ours or theirs["unreadable"]:
            if code == 0 or theirs["code"] == 0:
                found.append(f"{SERIOUS if code else 'other'}: only one of them reads it: {ours}")
            return found, ours, theirs
        partly = bool(ours["not_taken"])
        if code and not theirs["code"]:
            found.append(f"{SERIOUS}: only offcut accepts; {ours['rejected']}")
        if theirs["code"] and not code and not partly:
            found.append("other: only verify accepts")
        minimise = verify.PROBLEMS[ours["problem"]].MINIMISE
        if ours["feasible"] is not None:
            # Contradictions are violations there, and apart here.
            feasible = all(v["constraint"] in CONTRADICTIONS for v in theirs["violations"])
            if feasible != ours["feasible"]:
                found.append(f"{SERIOUS if feasible else 'other'}: offcut says feasible={feasible}: {ours['violations']}")
            elif feasible:
                mine, other = ours["objective"], theirs["objective"]
                low, high = Fraction(mine["low"]), Fraction(mine["high"])
                if other is None:
                    found.append("other: objective: offcut has none")
                elif ours["problem"] != "lymdo" and Fraction(other["high"]) - Fraction(other["low"]) > TOLERANCE * high:
                    found.append("other: objective: offcut's interval is wide")
                elif max(low - Fraction(other["high"]), Fraction(other["low"]) - high) > TOLERANCE * max(abs(low), abs(high)):
                    found.append(f"{SERIOUS}: objective")
        if ours["proof"] != "not taken" and theirs["proof"] != ours["proof"]:
            found.append(f"{SERIOUS if theirs['proof'] == 'certified' else 'other'}: proof: offcut {theirs['proof']}, verify {ours['proof']}")
        elif ours["proof"] == "certified":
            mine, other = ours["proved"], theirs["value"]
            if "inf" in (mine, other):
                if mine != other:
                    found.append(f"{SERIOUS if other == 'inf' else 'other'}: bound: offcut {other}, verify {mine}")
            else:
                stronger = (Fraction(other) - Fraction(mine)) * (1 if minimise else -1)
                room = TOLERANCE * abs(Fraction(mine))
                if stronger > room:
                    found.append(f"{SERIOUS}: bound: offcut {other}, verify {mine}")
                elif stronger < -room and not (ours["notes"] and -stronger <= len(ours["notes"])):
                    found.append(f"other: bound: offcut {other}, verify {mine}")
        if found and ours["problem"] == "lymdo" and theirs["objective"] and (mine := ours["objective"]):
            # Where a channel's rate and a load cancel, the interval may be wide; a claim is then only compared with the interval.
            low, high = (Fraction(theirs["objective"][end] or 0) for end in ("low", "high"))
            claim_only = all(v.startswith("claim") for v in ours["violations"])
            if claim_only and high - low > TOLERANCE * high and low <= Fraction(mine["low"]) and Fraction(mine["high"]) <= high:
                return ["wide interval"], ours, theirs
        if found and not any(text.startswith(SERIOUS) for text in found) and self.excused(instance, answer, ours):
            return ["rounding"], ours, theirs
        return found, ours, theirs

    def excused(self, instance: Path, answer: Path, ours: dict[str, Any]) -> bool:
        """Whether offcut only proves less because it rounds outwards: it accepts what is relaxed by 1e-11, or prices cancel.

        Prices of jpdra that are 10^5 times the bound cancel in exact arithmetic; intervals keep their roundings.
        """
        document = json.loads(answer.read_bytes())
        certificate = document["body"]["proved"]["evidence"].get("certificate") if document["body"].get("proved") else None
        if certificate is None or ours.get("proved") in (None, "inf"):
            return False
        proved = float(ours["proved"])
        if ours["problem"] == "jpdra":
            return max((abs(x) for p in places(certificate["prices"]) if type(x := inside(certificate["prices"], p)) in (int, float)),
                       default=0) > 1e5 * abs(proved)
        if certificate.get("kind") == "threshold":
            certificate["latency_s"] *= 1 - 1e-11
            document["body"]["proved"]["value"] = min(document["body"]["proved"]["value"], certificate["latency_s"])
            relaxed = answer.with_suffix(".relaxed")
            relaxed.write_text(json.dumps(document))
            return self.offcut(instance, relaxed)["code"] == 0
        return False


def kinds(answer: dict) -> set[str]:
    """What occurs in a certificate: kinds of nodes, parts, values below 0."""
    certificate = answer["body"]["proved"]["evidence"]["certificate"]
    nodes = [*certificate.get("nodes", []), *(node for slot in certificate.get("slots", []) for node in slot["nodes"])]
    found = {certificate.get("kind", ""), *(kind for node in nodes for kind in node)}
    found.update(part for part in ("cuts", "hulls", "energy_s_per_j") if certificate.get(part))
    found.update("stay" for prices in certificate.get("prices", []) if prices.get("stay"))
    leaves = [node["values"] for node in nodes if "values" in node]
    found.update("multipliers" for leaf in leaves if leaf.get("multipliers"))
    found.update("values below 0" for leaf in leaves if any(value < 0 for _, value in leaf["values"]))
    return found - {""}


def places(node: Any, at: tuple = ()) -> list[tuple]:
    """The places of all values inside of a document's part."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [at, *(place for key, child in items for place in places(child, (*at, key)))]


def inside(node: Any, place: tuple) -> Any:
    for key in place:
        node = node[key]
    return node


class Mutator:
    def __init__(self, rng: random.Random):
        self.rng = rng

    def number(self, x: int | float) -> Any:
        rng = self.rng
        if isinstance(x, int) and not isinstance(x, bool) and rng.random() < 0.7:
            return rng.choice([x + 1, x - 1, 0, x + rng.randrange(1, 4), 2 * x, float(x), -x, 10**20])
        factor = rng.choice([1e-12, 1e-10, 5e-10, 3e-9, 1e-7, 1e-4, 1e-2, 0.5, 3.0]) * rng.choice([-1, 1])
        return rng.choice([x * (1 + factor)] * 12 + [0, -0.0, 0.0, -x, 1e-61, 1e-60, 1e60, 1.1e60, 1e200, 5e-324, 1e-3, 1.0])

    def mutant(self, document: dict, pool: list[dict]) -> dict:
        """An answer with one to three changes; often in its numbers, often in what it claims."""
        rng = self.rng
        document = copy.deepcopy(document)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            body = document.get("body")
            body = body if isinstance(body, dict) else {}
            kind = rng.random()
            if kind < 0.12:
                # A claim is strengthened or weakened.
                part, field = rng.choice([("found", "objective"), ("proved", "value")])
                if isinstance(body.get(part), dict) and isinstance(body[part].get(field), (int, float)):
                    step = rng.choice([1e-12, 1e-10, 5e-10, 3e-9, 1e-8, 5e-7, 2e-6, 1e-3, 1.0])
                    body[part][field] *= 1 + step * rng.choice([-1, 1])
            elif kind < 0.15:
                body["stop"] = rng.choice(["infeasible", "completed", "time_limit", {"failed": "x"}, {"failed": 1}, "other"])
            elif kind < 0.25 and pool:
                # A part is taken from another answer.
                other = rng.choice(pool)["body"]
                part = rng.choice(["found", "proved"])
                body[part] = copy.deepcopy(other.get(part))
            else:
                self.change(document, pool)
        return document

    def change(self, document: dict, pool: list[dict]) -> None:
        rng = self.rng
        body = document.get("body")
        parts = [part for part in ("found", "proved") if isinstance(body, dict) and isinstance(body.get(part), dict)]
        root = document["body"][rng.choice(parts)] if parts and rng.random() < 0.97 else document
        spots = [p for p in places(root) if p]
        numbers = [p for p in spots if type(inside(root, p)) in (int, float)]
        place = rng.choice(numbers) if numbers and rng.random() < 0.8 else rng.choice(spots) if spots else None
        if place is None:
            return
        parent, key = inside(root, place[:-1]), place[-1]
        value = parent[key]
        if type(value) in (int, float):
            parent[key] = self.number(value)
        elif isinstance(parent, list):
            action = rng.randrange(5)
            if action == 0:
                del parent[key]
            elif action == 1:
                parent.insert(key, copy.deepcopy(value))
            elif action == 2:
                parent[key] = copy.deepcopy(rng.choice(parent))
            elif action == 3:
                parent.append(copy.deepcopy(value))
            else:
                other = rng.randrange(len(parent))
                parent[key], parent[other] = parent[other], parent[key]
        elif isinstance(value, dict) and rng.random() < 0.15:
            parent[key] = list(value.values())
        elif isinstance(value, str) and rng.random() < 0.15:
            parent[key] = {value: None}
        elif isinstance(value, list) and value and rng.random() < 0.8:
            rng.choice([value.reverse, value.clear, value.pop, lambda: rng.shuffle(value)])()
        elif rng.random() < 0.3 and pool:
            same = [p for other in pool for p in [other["body"]] if isinstance(p, dict)]
            source = rng.choice(same)
            options = [inside(source, p) for p in places(source) if p and p[-1] == key]
            if options:
                parent[key] = copy.deepcopy(rng.choice(options))
        else:
            action = rng.randrange(4)
            if action == 0:
                del parent[key]
            elif action == 1:
                parent["unknown"] = value
            elif action == 2:
                parent[key] = None
            else:
                parent[key] = rng.choice([[], {}, "", 0, True])


def methods(program: str) -> dict[str, list[str]]:
    """The methods of each problem."""
    result: dict[str, list[str]] = {}
    for line in subprocess.run([program, "methods"], capture_output=True, text=True, check=True).stdout.splitlines():
        word = line.split()[0] if line.split() else ""
        if word and not line.startswith(" "):
            result[problem := word] = []
        elif word and word != "method" and not word.startswith(":"):
            result[problem].append(word)
    return result


class Session:
    def __init__(self, options: argparse.Namespace, folder: Path, n: int):
        self.options, self.folder, self.n = options, folder, n
        self.rng = random.Random(f"{options.seed} {n}")
        self.judges = Judges(options.program, options.seconds)
        self.mutator = Mutator(self.rng)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.failures: list[str] = []

    def compare(self, problem: str, what: str, instance: Path, answer: Path, label: str) -> None:
        found, ours, theirs = self.judges.disagreements(instance, answer)
        self.counts[problem, what] += 1
        bad = "bad" in ours
        self.counts[problem, "unreadable" if bad else "rejected" if ours["rejected"] else "accepted"] += 1
        if not bad:
            self.counts[problem, f"proof {ours['proof']}"] += 1
            if what == "answers" and ours["proof"] == "certified":
                self.counts.update((problem, f"with {kind}") for kind in kinds(json.loads(answer.read_bytes())))
            if ours["proved"] == "inf":
                self.counts[problem, "no solution proved"] += 1
            if ours["not_taken"]:
                self.counts[problem, "partly not taken"] += 1
        if found in (["rounding"], ["wide interval"]):
            self.counts[problem, f"differ by {found[0]}"] += 1
        elif found:
            self.counts[problem, "DISAGREE"] += 1
            self.failures += found
            name = f"{len(self.failures)}-{problem}"
            print(f"DISAGREEMENT {label}: {'; '.join(found)}", flush=True)
            if self.options.keep:
                keep = Path(self.options.keep)
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{name}-instance.json").write_bytes(instance.read_bytes())
                (keep / f"{name}-answer.json").write_bytes(answer.read_bytes())
                (keep / f"{name}.txt").write_text(f"{label}\n{found}\n{json.dumps(ours, indent=1)}\n{theirs['raw']}\n")

    def instance(self, problem: str, n: int) -> Path | None:
        path = self.folder / f"{problem}-{n}.json"
        command = [self.options.program, "generate", problem, "--seed", str(self.rng.randrange(10**6)), "-o", str(path)]
        hard = problem in HARD and self.rng.random() < 0.25
        always = HARD[problem] if hard else ("users", "units", "requests", "flows", "servers", "partitions", "models")
        for name, values in (HARD if hard else FAMILIES)[problem].items():
            value = self.rng.choice(values)
            if name == "family":
                command += ["--family", value]
            elif name in always or self.rng.random() < 0.8:
                command += ["--set", f"{name}={json.dumps(value) if isinstance(value, list) else value}"]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            self.counts[problem, "not generated"] += 1
        return path if run.returncode == 0 else None

    def run(self) -> None:
        available = methods(self.options.program)
        pools: dict[str, list[dict]] = {problem: [] for problem in FAMILIES}
        if self.n == 0:
            for problem in FAMILIES:
                for method in available[problem]:
                    self.answered(problem, DATA / problem / "toy.json", method, 5, pools[problem])
        share, jobs = self.options.answers // self.options.jobs, self.options.jobs
        for made in range(0, share, 3):
            problem = list(FAMILIES)[made // 3 % 4]
            instance = self.instance(problem, made)
            if instance is None:
                continue
            for method in ["branch" if made % 2 else self.rng.choice(CERTIFYING[problem]), *self.rng.sample(available[problem], 2)]:
                self.answered(problem, instance, method, self.options.mutants // jobs / share, pools[problem])
            if self.rng.random() < 0.5:
                self.instance_mutant(problem, instance, self.folder / "answer.json")
            instance.unlink()

    def answered(self, problem: str, instance: Path, method: str, mutants: float, pool: list[dict]) -> None:
        """Compares the verdicts on a method's answer, and on so many mutants of it."""
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        subprocess.run([self.options.program, "solve", instance, "-m", method, "--time", "1", "-o", answer], capture_output=True)
        if not answer.exists():
            self.counts[problem, "not solved"] += 1
            return
        document = json.loads(answer.read_bytes())
        self.compare(problem, "answers", instance, answer, f"{instance.name} by {method}")
        if len(json.dumps(document)) < 200_000:
            pool[:-5] = []
            pool.append(document)
        for _ in range(int(mutants) + (self.rng.random() < mutants % 1)):
            mutant = self.folder / "mutant.json"
            mutant.write_text(json.dumps(self.mutator.mutant(document, pool)))
            self.compare(problem, "mutants", instance, mutant, f"mutant of {instance.name} by {method}")

    def instance_mutant(self, problem: str, instance: Path, answer: Path) -> None:
        """An answer to an instance that was changed."""
        if not answer.exists():
            return
        document = json.loads(instance.read_bytes())
        wrapped = {"body": {"found": document, "proved": None}}
        self.mutator.change(wrapped, [])
        changed = self.folder / "changed.json"
        changed.write_text(json.dumps(wrapped["body"]["found"]))
        self.judges.cache.clear()
        self.compare(problem, "changed instances", changed, answer, f"changed {instance.name}")
        self.judges.cache.clear()

    def library(self) -> None:
        """All answers that the ledgers of the frozen library name."""
        for problem in FAMILIES:
            folder = DATA / problem / "library"
            names = {e["hash"]: e for e in json.loads((folder / "index.json").read_bytes())["body"]["instances"]}
            pairs = dict.fromkeys((line["instance"], line["answer"])
                                  for line in map(json.loads, (folder / "ledger.jsonl").read_text().splitlines()) if line["answer"])
            for key, answer in list(pairs)[self.n::self.options.jobs]:
                start = time.process_time()
                entry = names[key]
                before = self.counts[problem, "partly not taken"]
                self.compare(problem, "library", folder / entry["file"], folder / "answers" / answer, entry["name"])
                taken = "" if before == self.counts[problem, "partly not taken"] else ", partly not taken"
                print(f"{problem} {entry['name']}: {time.process_time() - start:.1f} s{taken}", flush=True)


def part(options: argparse.Namespace, n: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """What process n of all does: counts and disagreements."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(options, Path(folder), n)
        if options.library:
            session.library()
        else:
            session.run()
        return session.counts, session.failures


def report(counts: Counter[tuple[str, str]], failures: list[str]) -> int:
    for problem in FAMILIES:
        line = ", ".join(f"{name} {n}" for (p, name), n in sorted(counts.items()) if p == problem)
        print(f"{problem}: {line}")
    serious = sum(text.startswith(SERIOUS) for text in failures)
    print(f"{len(failures)} disagreements, {serious} of them of the serious kind")
    return 1 if failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares the verdicts of `offcut check` and of verify.py.")
    parser.add_argument("program", help="the built command offcut")
    parser.add_argument("--answers", type=int, default=1000, help="answers to generate and solve, besides those to the toys [1000]")
    parser.add_argument("--mutants", type=int, default=1000, help="changed answers in all [1000]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5, help="time of verify.py for a solution, and for a certificate [5]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes [one per processor]")
    parser.add_argument("--library", action="store_true", help="judge the frozen library instead")
    parser.add_argument("--keep", help="folder for what the judges disagree about")
    options = parser.parse_args()
    options.program = str(Path(options.program).resolve())
    counts: Counter[tuple[str, str]] = Counter()
    failures: list[str] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for more, found in pool.map(part, [options] * options.jobs, range(options.jobs)):
            counts += more
            failures += found
    return report(counts, failures)


if __name__ == "__main__":
    sys.exit(main())
