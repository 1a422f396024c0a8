"""Cases solved by hand: the toy instances and the examples of the book, and what has to be refused."""

from __future__ import annotations

import copy
import json
import sys
import unittest
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]
DATA = FOLDER.parents[1] / "instances" / "data"
sys.path.insert(0, str(FOLDER))

import documents as doc  # noqa: E402
import exact  # noqa: E402
import verify  # noqa: E402

NEAR = Fraction(1, 10**12)


def toy(problem: str) -> dict[str, Any]:
    return json.loads((DATA / problem / "toy.json").read_bytes())


def optimum(problem: str) -> Fraction:
    return Fraction((DATA / problem / "toy_optimum.txt").read_text().strip())


def answer(problem: str, found: Any = None, certificate: Any = None, value: float = 0.0, stop: Any = "completed") -> dict[str, Any]:
    proved = None if certificate is None else {"value": value, "evidence": {"certificate": certificate}}
    return {"offcut": "answer", "problem": problem, "version": 1, "body": {"stop": stop, "found": found, "proved": proved}}


class Case(unittest.TestCase):
    problem = ""

    def judge(self, *args: Any, instance: dict | None = None, **named: Any) -> dict[str, Any]:
        problem, read = verify.read_instance(json.dumps(instance or toy(self.problem)).encode())
        return verify.judge(problem, read, json.dumps(answer(self.problem, *args, **named)).encode(), 60)

    def proves(self, certificate: Any, value: Fraction | float | None, claim: float | None = None, instance: dict | None = None) -> None:
        """The certificate proves the value; None: it is refused."""
        maximise = self.problem == "throughput"
        if claim is None:
            claim = 1e9 if maximise else 0.0
        verdict = self.judge(None, certificate, claim, instance=instance)
        if value is None:
            self.assertEqual(verdict["proof"], "refused", verdict)
            self.assertTrue(verdict["rejected"])
        else:
            self.assertEqual((verdict["proof"], verdict["rejected"]), ("certified", []), verdict)
            if value == inf:
                self.assertEqual(verdict["proved"], "inf")
            else:
                self.assertLessEqual(abs(Fraction(verdict["proved"]) - value), NEAR * abs(value))

    def solves(self, solution: Any, z: Fraction | float, feasible: bool = True, instance: dict | None = None) -> None:
        verdict = self.judge({"solution": solution, "objective": float(z)}, instance=instance)
        self.assertEqual(verdict["feasible"], feasible, verdict)
        if feasible:
            self.assertLessEqual(abs(Fraction(verdict["objective"]["low"]) - Fraction(z)), NEAR)
            self.assertEqual(verdict["rejected"], [])
            worse = self.judge({"solution": solution, "objective": float(z) * 1.0001}, instance=instance)
            self.assertEqual(worse["feasible"], False)


class Exact(unittest.TestCase):
    def test_square_roots_enclose(self) -> None:
        for x in (Fraction(2), Fraction(1, 3), Fraction(10) ** 60, Fraction(1, 10**60), Fraction(49, 64)):
            low, high = exact.sqrt_down(x), exact.sqrt_up(x)
            self.assertTrue(low * low <= x < high * high)
            self.assertLess(high - low, high / 2**100)

    def test_logarithms_enclose(self) -> None:
        # ln 2 and ln(1 + 1/10), to 40 digits; ln(1 + x) - x/(1 + x) is near x^2/2.
        known = {Fraction(1): "0.6931471805599453094172321214581765680755",
                 Fraction(1, 10): "0.0953101798043248600439521232807650922207"}
        for x, text in known.items():
            low, high, *_ = exact.log1p(x)
            self.assertLess(abs(low - Fraction(text)), Fraction(1, 10**39))
            self.assertTrue(0 < high - low < Fraction(1, 10**50))
        for power in range(-40, 41, 4):
            x = Fraction(10) ** power
            low, high, part_low, part_high = exact.log1p(x)
            self.assertTrue(x / (1 + x) < low <= high < x)
            self.assertTrue(0 < part_low <= part_high and part_high - part_low <= part_high / 2**90)
            twice = exact.log1p((1 + x) ** 2 - 1)
            self.assertTrue(twice[0] <= 2 * high and 2 * low <= twice[1])

    def test_decimals_are_rounded_to_their_side(self) -> None:
        for x in (Fraction(1, 3), Fraction(-2, 3), Fraction(10) ** 30 / 7, Fraction(5)):
            self.assertTrue(Fraction(exact.decimal(x, False)) <= x <= Fraction(exact.decimal(x, True)))
        self.assertEqual(Fraction(exact.decimal(Fraction(5), True)), 5)


class Reading(Case):
    problem = "multiuser"

    def test_strict_json(self) -> None:
        for text in ('{"a": 1, "a": 1}', "[NaN]", "[1e999]", '["\\ud800"]', "[1] 2", "[" * 100_000, "{", "\ufeff\ufeff1"):
            with self.assertRaises(doc.Bad):
                doc.parse(text.encode())
        with self.assertRaises(doc.Bad):
            doc.parse(b'"\xff"')
        self.assertEqual(doc.parse("\ufeff[0.5, 1]".encode()), [0.5, 1])

    def test_bad_instances(self) -> None:
        def change(*place: Any, value: Any) -> dict:
            document = toy("multiuser")
            node = document
            for key in place[:-1]:
                node = node[key]
            node[place[-1]] = value
            return document

        bad = [change("version", value=3), change("body", "more", value=1), change("body", "users", value=[]),
               change("body", "users", 0, "model", value=1), change("body", "users", 0, "model", value=0.0),
               change("body", "users", 0, "rtt_s", value=-1), change("body", "users", 0, "rtt_s", value=1e-31),
               change("body", "users", 0, "uplink_bytes_per_s", value=0), change("body", "models", 0, "macs", value=[1]),
               change("body", "models", 0, "cut_bytes", value=[8, 1, 1]), change("body", "server", "units", value=4_000_000_001),
               change("body", "server", "speedup", value={"law": "table", "speedups": [1, 2, 1.5]}),
               change("body", "users", 0, "device", value={"kind": 0, "speed": 1}),
               change("body", "machine_kinds", value=[{"name": "k"}])]
        for document in bad:
            with self.assertRaises(doc.Bad):
                verify.read_instance(json.dumps(document).encode())

    def test_speedups(self) -> None:
        for text in ({"law": "linear"}, {"law": "amdahl", "parallel_fraction": 0.75}, {"law": "table", "speedups": [1, 1, 2, 3]}):
            law = doc.Speedup(text, "")
            for limit in (Fraction(1, 3), Fraction(1, 2), Fraction(5, 8), Fraction(1), Fraction(2)):
                for strict in (False, True):
                    least = law.least(limit, strict)
                    fits = [k for k in range(1, 50) if law.inverse(k) < limit or (law.inverse(k) == limit and not strict)]
                    self.assertEqual(least, fits[0] if fits else None, (text, limit, strict))

    def test_trees(self) -> None:
        def walk(*pairs: tuple[int, int] | None) -> list[tuple[str, str]]:
            nodes = [("split", {"low": pair[0], "high": pair[1]}) if pair else ("leaf", {}) for pair in pairs]
            found = doc.leaves(nodes, {"split": ("low", "high")}, "", lambda at, kind, node, path: (path + "l", path + "h"))
            return [(at, path) for at, _, _, path in found]

        self.assertEqual(walk((2, 1), None, (3, 4), None, None), [("nodes[1]", "h"), ("nodes[3]", "ll"), ("nodes[4]", "lh")])
        for bad in ([], [None, None], [(1, 1), None], [(1, 2), None], [(1, 2), (2, 3), None, None], [(0, 1), None], [(1, 2), (0, 2), None]):
            with self.assertRaises(doc.Refused):
                walk(*bad)

    def test_domains(self) -> None:
        read = doc.admitted(1e60)
        self.assertEqual([read(0, ""), read(-0.0, ""), read(1e-60, "")], [0, 0, Fraction(1e-60)])
        for x in (-1, 1e-61, 1.1e60):
            with self.assertRaises(doc.Refused):
                read(x, "")
        self.assertEqual(doc.signed(1.0)(-5e-324, ""), 0)


class Multiuser(Case):
    problem = "multiuser"
    total = copy.deepcopy(toy("multiuser"))
    total["body"]["objective"] = "sum"

    def test_solutions(self) -> None:
        self.solves({"cut": [1, 0], "units": [2, 2]}, optimum("multiuser"))
        self.solves({"cut": [2, 0], "units": [0, 4]}, 9.5, instance=self.total)
        self.solves({"cut": [1, 0], "units": [3, 2]}, 5, feasible=False)
        self.solves({"cut": [1, 0], "units": [0, 2]}, 5, feasible=False)
        self.solves({"cut": [3, 0], "units": [2, 2]}, 5, feasible=False)
        self.solves({"cut": [1], "units": [2]}, 5, feasible=False)

    def test_thresholds(self) -> None:
        self.proves({"kind": "threshold", "latency_s": 5}, 5)
        self.proves({"kind": "threshold", "latency_s": 5.000001}, None)
        self.proves({"kind": "threshold", "latency_s": -1}, None)
        self.proves({"kind": "threshold", "latency_s": 5}, None, instance=self.total)
        refused = self.judge(None, {"kind": "threshold", "latency_s": 4.9}, 5.0)
        self.assertEqual(refused["proof"], "refused")

    def test_prices(self) -> None:
        for price, bound in ((1, 9), (1.5, 8), (2, 7)):
            self.proves({"kind": "prices", "nodes": [{"leaf": {"price_s": price}}]}, bound, -10.0, self.total)
        nodes = [{"split": {"user": 0, "units": 1, "at_most": 1, "above": 2}}, {"leaf": {"price_s": 0.5}}, {"leaf": {"price_s": 1}}]
        self.proves({"kind": "prices", "nodes": nodes}, Fraction(19, 2), 9.5, self.total)
        self.proves({"kind": "prices", "nodes": nodes}, None, 9.6, self.total)
        self.proves({"kind": "prices", "nodes": nodes}, None, 0.0)
        self.proves({"kind": "prices", "nodes": nodes[:2]}, None, 0.0, self.total)
        nodes[0]["split"]["units"] = 4
        self.proves({"kind": "prices", "nodes": nodes}, None, 0.0, self.total)

    def test_core(self) -> None:
        """The book's example: the optimum 9.5, up to the cutoff."""
        def core(cutoff: float) -> dict:
            return {"kind": "prices", "nodes": [{"core": {"price_s": 1, "cutoff_s": cutoff}}]}

        for cutoff, bound in ((9.5, 9.5), (9.9, 9.5), (9.2, 9.2), (8, 9), (1e6, 9.5)):
            self.proves(core(cutoff), Fraction(bound), -10.0, self.total)
        self.proves(core(9.9), None, 9.6, self.total)
        self.proves(core(-1), None, -10.0, self.total)
        self.proves(core(9.5), None, 0.0)

    def test_core_is_the_least_of_all_allocations(self) -> None:
        from itertools import product
        from random import Random
        rng = Random(5)
        for law in ({"law": "linear"}, {"law": "amdahl", "parallel_fraction": 0.9}, {"law": "table", "speedups": [1, 1.5, 1.5, 4]}):
            for _ in range(60):
                document = copy.deepcopy(self.total)
                units = rng.randrange(6)
                document["body"]["server"].update(units=units, speedup=law)
                users = [{**rng.choice(document["body"]["users"]), "rtt_s": rng.choice([0, 0.5])} for _ in range(rng.randrange(1, 5))]
                document["body"]["users"] = users
                _, instance = verify.read_instance(json.dumps(document).encode())
                ranges = {i: tuple(sorted(rng.choices(range(units + 1), k=2))) for i in range(len(users)) if rng.random() < 0.3}

                def least(f: int, user: Any) -> Fraction:
                    return min([user.local, *(a + r * instance.speedup.inverse(f) for a, r in zip(user.fixed, user.shared) if f)])

                spans = [range(ranges.get(i, (0, units))[0], ranges.get(i, (0, units))[1] + 1) for i in range(len(users))]
                sums = [sum(map(least, given, instance.users)) for given in product(*spans) if sum(given) <= units]
                if not sums:
                    continue
                price, cutoff = (Fraction(rng.choice(x)) for x in ((0, 0.125, 1, 2.5), (1, 9.5, 20, 1000)))
                found = instance.leaf(price, cutoff, ranges, exact.Clock(60))
                bound = instance.leaf(price, None, ranges, exact.Clock(60))
                self.assertLessEqual(abs(found - max(min(min(sums), cutoff), bound)), NEAR * found)

    def test_contradictions(self) -> None:
        found = {"solution": {"cut": [1, 0], "units": [2, 2]}, "objective": 5.0}
        self.assertEqual(len(self.judge(found, stop="infeasible")["rejected"]), 1)

    def test_cheapest_is_the_least_of_all(self) -> None:
        for law in ({"law": "linear"}, {"law": "amdahl", "parallel_fraction": 0.9}, {"law": "table", "speedups": [1, 1.5, 1.5, 4]}):
            document = copy.deepcopy(self.total)
            document["body"]["server"].update(units=40, speedup=law)
            _, instance = verify.read_instance(json.dumps(document).encode())
            for user in instance.users:
                for price in map(Fraction, (0, 0.01, 0.125, 3)):
                    for low, high in ((0, 0), (0, 40), (1, 3), (7, 40), (40, 40)):
                        costs = [user.local + price * low] + [
                            a + r * instance.speedup.inverse(f) + price * f
                            for a, r in zip(user.fixed, user.shared) for f in range(max(low, 1), high + 1)]
                        self.assertEqual(instance.cheapest(user, price, low, high), min(costs))


class Throughput(Case):
    problem = "throughput"
    envelope = {"corners": [[0, 4], [2, 1], [6, 0]], "flows": [[8, 2], [6, 4]]}

    def remote(self, threads: int) -> dict:
        return {"remote": {"cloudlet": 0, "threads": threads, "part": 0}}

    def test_solutions(self) -> None:
        part = {"model": 0, "device_layers": [0, 1]}
        good = {"parts": [part], "service": ["local", self.remote(1), self.remote(2), "rejected", "rejected"]}
        self.solves(good, optimum("throughput"))
        for changes in ({"service": ["local", self.remote(2), self.remote(2), "rejected", "rejected"]},
                        {"service": ["local", "local", self.remote(2), "rejected", "rejected"]},
                        {"service": ["local", self.remote(1), self.remote(1), "rejected", "rejected"]},
                        {"service": ["local"]}, {"parts": []}, {"parts": [{"model": 0, "device_layers": [0, 2]}]},
                        {"parts": [{"model": 0, "device_layers": [1]}]}, {"parts": [part, {"model": 1, "device_layers": [0]}]}):
            self.solves({**good, **changes}, 3, feasible=False)

    def test_prices(self) -> None:
        self.proves({"envelopes": [self.envelope], "nodes": [{"leaf": {"prices": [0.5]}}]}, 3)
        self.proves({"envelopes": [self.envelope], "nodes": [{"leaf": {"prices": [0]}}]}, 4)
        self.proves({"envelopes": [self.envelope], "nodes": [{"leaf": {"prices": [0.5]}}]}, None, 2.9)
        self.proves({"envelopes": [self.envelope], "nodes": [{"leaf": {"prices": []}}]}, None)
        self.proves({"envelopes": [], "nodes": [{"leaf": {"prices": [0.5]}}]}, None)

    def test_values_and_splits(self) -> None:
        self.proves({"envelopes": [self.envelope], "nodes": [{"values": {"values": []}}]}, 3)
        self.proves({"envelopes": [self.envelope], "nodes": [{"values": {"values": [[1, 1], [2, 1]]}}]}, 4)
        self.proves({"envelopes": [self.envelope], "nodes": [{"values": {"values": [[2, 1], [1, 1]]}}]}, None)
        leaf = {"leaf": {"prices": [0.5]}}
        split = {"split": {"request": 4, "cloudlet": 0, "served": 1, "elsewhere": 2}}
        self.proves({"envelopes": [self.envelope], "nodes": [split, leaf, leaf]}, 3)

    def test_inequalities(self) -> None:
        """The book's: cloudlet 0 gains at most 1 from requests 2 and 3; and what must be refused."""
        def certificate(cut: dict, nodes: list) -> dict:
            return {"envelopes": [self.envelope], "cuts": [cut], "nodes": nodes}

        cut = {"cloudlets": [0], "values": [[2, 0], [3, 0]]}
        leaf = {"values": {"values": [], "multipliers": [[0, 1]]}}
        split = {"split": {"request": 2, "cloudlet": 0, "served": 1, "elsewhere": 2}}
        self.proves(certificate(cut, [leaf]), 3)
        self.proves(certificate(cut, [split, leaf, leaf]), 3)
        self.proves(certificate(cut, [leaf]), None, 2.9)
        self.proves(certificate(cut, [{"values": {"values": [], "multipliers": [[0, 0.5]]}}]), 3)
        # Values of 1 leave no knapsack: the bound of the inequality is 2.
        self.proves(certificate({"cloudlets": [0], "values": [[2, 1], [3, 1]]}, [leaf]), 4)
        for bad in ({"cloudlets": [0, 0]}, {"cloudlets": [1]}, {"values": [[3, 0], [2, 0]]}, {"values": [[5, 0]]}, {"values": [[2, -1]]}):
            self.proves(certificate({**cut, **bad}, [leaf]), None)
        for bad in ([[1, 1]], [[0, -1]], [[0, 1], [0, 1]]):
            self.proves(certificate(cut, [{"values": {"values": [], "multipliers": bad}}]), None)

    def test_admission(self) -> None:
        """The book's split on request 1, with a value below 0 where it is admitted."""
        def certificate(*nodes: dict) -> dict:
            return {"envelopes": [self.envelope], "nodes": [{"service": {"request": 1, "admitted": 1, "rejected": 2}}, *nodes]}

        below, zero = {"values": {"values": [[1, -1]]}}, {"values": {"values": []}}
        self.proves(certificate(below, zero), 3)
        self.proves(certificate(zero, {"leaf": {"prices": [0]}}), 3)
        self.proves(certificate(below, below), None)
        self.proves({"envelopes": [self.envelope], "nodes": [below]}, None)
        # Admitted, then rejected: no solution agrees, and the later of the two decides whether a value may be below 0.
        again = {"service": {"request": 1, "admitted": 3, "rejected": 4}}
        self.proves(certificate(again, zero, below, zero), 3)
        self.proves(certificate(again, zero, below, below), None)
        served = {"split": {"request": 1, "cloudlet": 0, "served": 3, "elsewhere": 4}}
        self.proves(certificate(zero, served, {"leaf": {"prices": [0]}}, zero), 3)

    def test_envelopes(self) -> None:
        for change in ({"corners": [[0, 4], [2, 1]]}, {"corners": [[0, 4], [2, 4], [6, 0]]}, {"flows": [[8, 2]]},
                       {"flows": [[8, 2], [0, 0]]}, {"flows": [[8, 2], [6]]}):
            self.proves({"envelopes": [{**self.envelope, **change}], "nodes": [{"leaf": {"prices": [0.5]}}]}, None)

    def test_hull(self) -> None:
        """Two cuts, (0, 1, 1) and (1, 0, 0), equally good where the second and third weight sum to the first."""
        instance = toy("throughput")
        instance["version"] = 2
        request = {"model": 0, "access_point": 0, "device": {"kind": 0, "speed": 1}, "uplink_bytes_per_s": 8, "deadline_s": 0.5}
        instance["body"] = {
            "origin": {}, "machine_kinds": [{"name": "a"}, {"name": "b"}], "hop_s_per_byte": [[0]],
            "models": [{"name": "m", "out_bytes": [1, 1], "edges": [[0, 1]], "work_s": [[0, 1], [0, 1]]}],
            "cloudlets": [{"threads": 2, "thread": {"kind": 1, "speed": 2}, "max_threads_per_request": 2, "speedup": {"law": "linear"}}],
            "requests": [request]}
        weights = [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1]]
        hull = {"model": 0, "device_kind": 0, "cloudlet_kind": 1, "vertices": [[0, 1, 1], [1, 0, 0]],
                "nodes": [{"weights": w, "flow": [1 if w == [1, 1, 0] else 0]} for w in weights],
                "cells": [{"vertex": 0, "nodes": [0, 1, 4]}, {"vertex": 1, "nodes": [1, 2, 3, 4]}], "outline": [0, 1, 2, 3, 4]}
        empty = {"corners": [], "flows": []}
        leaf = {"leaf": {"prices": [0]}}
        self.proves({"envelopes": [empty], "hulls": [hull], "nodes": [leaf]}, 1, instance=instance)
        for change in ({"outline": [0, 4, 3, 2, 1]}, {"outline": []}, {"cells": []}, {"device_kind": None}, {"outline": [1, 2, 3, 4, 0]},
                       {"vertices": [[0, 3, 1], [1, 0, 0]]}, {"cells": hull["cells"][:1]}, {"cells": [{"vertex": 0, "nodes": [0, 1, 2, 3, 4]}]},
                       {"outline": [0, 2, 3]}, {"nodes": [{**n, "flow": [0]} for n in hull["nodes"]]}):
            self.proves({"envelopes": [empty], "hulls": [{**hull, **change}], "nodes": [leaf]}, None, instance=instance)
        self.proves({"envelopes": [empty], "hulls": [], "nodes": [leaf]}, None, instance=instance)
        request["deadline_s"] = 0.3
        self.proves({"envelopes": [empty], "hulls": [hull], "nodes": [leaf]}, 0, instance=instance)

    def test_sums_and_knapsacks(self) -> None:
        import throughput
        from itertools import combinations, product
        clock = exact.Clock(60)
        for sizes in ({2}, {3, 5}, {6, 10, 15}, {4, 6}):
            for room in range(40):
                sums = {sum(n * s for n, s in zip(counts, sizes)) for counts in product(range(21), repeat=len(sizes))}
                self.assertEqual(throughput.largest_sum(sizes, room, clock), max(n for n in sums if n <= room))
        items = [(1, 3), (2, 4), (2, 5), (3, 9), (1, 1)]
        for room in range(10):
            sets = [c for n in range(6) for c in combinations(items, n) if sum(s for s, _ in c) <= room]
            self.assertEqual(throughput.knapsack(items, room, clock), max(sum(v for _, v in c) for c in sets))


class Jpdra(Case):
    problem = "jpdra"
    nodes = [{"split": {"flow": 0, "partition": 1, "servers": [1], "inside": 1, "outside": 2}},
             {"marginal": {"rates": [0.25, 0.5]}}, {"marginal": {"rates": [1, 0]}}]
    prices = {"place": [[0.25, 0.14285714285714285], [4, 1]]}

    def test_solutions(self) -> None:
        self.solves({"servers": [[0, 1]], "speeds": {"macs_per_s": [[5, 8]]}}, optimum("jpdra"))
        self.solves({"servers": [[0, 1]], "speeds": {"macs_per_s": [[5.0000000001, 8]]}}, optimum("jpdra"))
        for speeds in ({"macs_per_s": [[5.1, 8]]}, {"macs_per_s": [[1, 8]]}, {"units": [[5, 8]]}, {"macs_per_s": [[5]]}, {"macs_per_s": [[0, 8]]}):
            self.solves({"servers": [[0, 1]], "speeds": speeds}, 2.25, feasible=False)

    def test_marginal(self) -> None:
        self.proves({"prices": [], "nodes": self.nodes}, Fraction(9, 4), 2.25)
        self.proves({"prices": [], "nodes": [{"marginal": {"rates": [0.25]}}]}, None)
        self.proves({"prices": [], "nodes": [{"marginal": {"rates": [-0.25, 0.5]}}]}, None)
        self.proves({"prices": [], "nodes": self.nodes}, None, 2.26)

    def test_priced(self) -> None:
        self.proves({"prices": [self.prices], "nodes": [{"priced": {"prices": 0}}]}, Fraction(9, 4), 2.25)
        self.proves({"prices": [self.prices], "nodes": [{"priced": {"prices": 1}}]}, None)
        self.proves({"prices": [{**self.prices, "stay": [[0, 0], [0, 0]]}], "nodes": [{"priced": {"prices": 0}}]}, None)
        self.proves({"prices": [self.prices], "nodes": [{"empty": {"prices": 0}}]}, None)

    def crowd(self, servers: int, flows: int) -> dict:
        """Flows of one partition with a load of 0.6 on servers of speed 1."""
        instance = toy("jpdra")
        flow = {"rate_per_s": 1, "input_bytes": 0, "partitions": [{"macs": 0.6, "out_bytes": 0}], "uplink_bytes_per_s": [1] * servers}
        instance["body"].update(flows=[flow] * flows, servers=[{"macs_per_s": 1}] * servers, link_bytes_per_s=[[1] * servers] * servers)
        return instance

    def test_empty(self) -> None:
        leaf = [{"empty": {"prices": 0}}]
        self.proves({"prices": [{"place": [[-1]] * 2}], "nodes": leaf}, inf, instance=self.crowd(1, 2))
        self.proves({"prices": [{"place": [[1] * 3] * 4}], "nodes": leaf}, inf, instance=self.crowd(3, 4))
        self.proves({"prices": [{"place": [[1] * 3] * 3}], "nodes": leaf}, None, instance=self.crowd(3, 3))
        self.proves({"prices": [{"place": [[0] * 3] * 4}], "nodes": leaf}, None, instance=self.crowd(3, 4))

    def golden(self, allocation: Any) -> dict:
        instance = toy("jpdra")
        flow = {"rate_per_s": 0.9, "input_bytes": 0, "uplink_bytes_per_s": [1],
                "partitions": [{"macs": w, "out_bytes": 0} for w in (0.8, 1.5, 2.2, 1.1)]}
        instance["body"].update(flows=[flow], servers=[{"macs_per_s": 10}], link_bytes_per_s=[[0]], allocation=allocation)
        return instance

    def test_one_server(self) -> None:
        """The specification's golden case, from the server's minimum with prices of 0 (the four have to be there)."""
        for allocation, z in (("continuous", 4.361664), ({"units": {"macs_per_s": 0.25}}, 4.384605)):
            verdict = self.judge(None, {"prices": [{"place": [[0]] * 4}], "nodes": [{"priced": {"prices": 0}}]}, 0.0,
                                 instance=self.golden(allocation))
            self.assertLess(abs(float(Fraction(verdict["proved"])) - z), 1e-6)

    def test_minimum_is_the_least_of_all_sets(self) -> None:
        import jpdra
        from random import Random
        rng = Random(3)
        for allocation in ("continuous", {"units": {"macs_per_s": 0.25}}):
            _, instance = verify.read_instance(json.dumps(self.golden(allocation)).encode())
            instance.rows = [[0, 1], [2, 3]]
            server = jpdra.Server(instance, 0, "continuous" if allocation == "continuous" else "units")
            for _ in range(40):
                place = [int(rng.uniform(-0.5, 2) * jpdra.ONE) for _ in range(4)]
                stay = [int(rng.uniform(-1, 1) * jpdra.ONE) for _ in range(4)]
                inside, outside = rng.choice([(0, 0), (1, 0), (2, 8), (0, 5)])
                sets = [x for x in range(16) if not inside & ~x and not outside & x and server.fits(x)]
                least = min(server.worth(x, place, stay, 1.0) for x in sets)
                value = server.minimum(inside, outside, place, stay, 0, exact.Clock(60), [])
                self.assertTrue(value <= least + 2**20 and least - value <= abs(least) // 10**11)


class Lymdo(Case):
    problem = "lymdo"
    prices = [{"bandwidth": 0.1953125, "edge": 0.0625}, {"bandwidth": 0, "edge": 0}]
    nodes = [{"split": {"user": 0, "cuts": [0], "inside": 1, "outside": 2}}, {"priced": {"prices": 0}}, {"priced": {"prices": 1}}]

    def slot(self, **changes: Any) -> dict:
        return {"slots": [{"cuts": [0, 1], "local_macs_per_s": [0, 4], "bandwidth_hz": [16, 0], "edge_macs_per_s": [8, 0], **changes}]}

    def test_solutions(self) -> None:
        self.solves(self.slot(), optimum("lymdo"))
        self.solves(self.slot(bandwidth_hz=[16.000000001, 0]), optimum("lymdo"))
        for changes in ({"bandwidth_hz": [16.1, 0]}, {"edge_macs_per_s": [8, 1]}, {"edge_macs_per_s": [2, 0]}, {"cuts": [0, 2]},
                        {"local_macs_per_s": [0, 8.1]}, {"local_macs_per_s": [0, -4]}, {"cuts": [0]}):
            self.solves(self.slot(**changes), optimum("lymdo"), feasible=False)

    def certificate(self, nodes: list | None = None, prices: list | None = None, **more: Any) -> dict:
        return {"slots": [{"prices": prices or self.prices, "nodes": nodes or self.nodes}], **more}

    def test_priced(self) -> None:
        self.proves(self.certificate(), optimum("lymdo"), 5.375)
        self.proves(self.certificate([{"priced": {"prices": 1}}]), Fraction(43, 8))
        self.proves(self.certificate([{"priced": {"prices": 2}}]), None)
        self.proves(self.certificate(), None, 5.38)
        self.proves(self.certificate(energy_s_per_j=[1, 1]), None)
        self.proves({"slots": []}, None)

    def test_empty(self) -> None:
        leaf = [{"empty": {"prices": 0}}]
        instance = toy("lymdo")
        instance["body"]["users"] = [{**instance["body"]["users"][0], "max_macs_per_s": 1}] * 2
        instance["body"]["models"][0].update(macs=[5], cut_bytes=[0, 0])
        self.proves(self.certificate(leaf, [{"bandwidth": 0, "edge": 1}]), None)
        self.proves(self.certificate(leaf, [{"bandwidth": 0, "edge": 1}]), inf, instance=instance)
        self.proves(self.certificate(leaf, [{"bandwidth": 0, "edge": 0}]), None, instance=instance)

    def test_horizon(self) -> None:
        instance = toy("lymdo")
        instance["body"]["slots"] *= 2
        slot = {"prices": [{"bandwidth": 0, "edge": 0}], "nodes": [{"priced": {"prices": 0}}]}
        # Without prices each user runs at its shortest delay: 1/4 + 1/24 on the device, and user 0 cannot send faster.
        self.proves({"energy_s_per_j": [0, 0], "slots": [slot, slot]}, Fraction(7, 12), instance=instance)
        self.proves({"energy_s_per_j": [5, 0], "slots": [slot, slot]}, None, instance=instance)
        self.proves({"energy_s_per_j": [0], "slots": [slot, slot]}, None, instance=instance)
        self.proves({"energy_s_per_j": [0, 0], "slots": [slot]}, None, instance=instance)

    def test_tandem_delays(self) -> None:
        """The specification's delays: rate 8, stages of 0.05, 0.10, 0.02 s and two others."""
        _, instance = verify.read_instance((DATA / "lymdo" / "toy.json").read_bytes())
        for stages, delay in (((".05", ".10", ".02"), 0.37), ((".03", ".06", ".11"), 0.60333333), ((".10",) * 3, 0.5)):
            work = tuple(map(Fraction, stages))
            value, _ = instance.user(instance.users[0], work, Fraction(8), Fraction(1), Fraction(1), Fraction(1))
            self.assertLess(abs(float(value) - delay), 1e-7)


if __name__ == "__main__":
    unittest.main()
