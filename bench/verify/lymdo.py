"""lymdo: solutions, slots' trees and the least costs of stages (chapter lymdo, Certificates).

Doubles are only used to choose the points and multipliers at which bounds are computed.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, isfinite, log, log1p as float_log1p, sqrt
from typing import Any, Callable

import documents as doc
from documents import Bad, Refused
from exact import Clock, Value, down, enclosed_sum, ln2, log1p, sqrt_down, sqrt_up, up

MINIMISE = True
CAPACITY = 1 + Fraction(1, 10**9)
Pair = tuple[Fraction, Fraction]
ZERO = Fraction(0)
Curve = Callable[[Fraction], tuple[Fraction, Fraction, Fraction, Fraction, Fraction] | None]
"""Of a convex cost at a point: low and high, the derivative's low and high, and a guess of the second derivative."""


class User:
    def __init__(self, fields: dict[str, Any], chains: list[doc.Chain], edge: doc.Machine, at: str):
        device = doc.machine(fields, "max_macs_per_s", "device", at)
        if fields["model"] >= len(chains):
            raise Bad(f"{at}.model: does not exist")
        chain = chains[fields["model"]]
        if device.kind not in chain.first or edge.kind not in chain.first:
            raise Bad(f"{at}: the model has no work for the device or the edge")
        own, rest = chain.first[device.kind], chain.first[edge.kind]
        self.stages = [(own[m], 8 * chain.bytes[m], rest[-1] - rest[m]) for m in range(chain.blocks + 1)]
        self.speed = device.speed
        self.coeff, self.power = Fraction(fields["energy_per_mac_coeff"]), Fraction(fields["tx_power_w"])
        self.budget, self.backlog = Fraction(fields["energy_budget_j_per_slot"]), Fraction(fields["backlog_j"])
        self.overdraft = Fraction(fields["overdraft_s_per_j"])
        self.key = (fields["model"], device.kind, device.speed, self.coeff, self.power)


class Instance:
    def __init__(self, body: Any, version: int):
        kinds = doc.machine_kinds(body, version)
        numbers = doc.listing(doc.not_negative)
        user = doc.record(model=doc.whole(), energy_per_mac_coeff=doc.not_negative, tx_power_w=doc.not_negative,
                          energy_budget_j_per_slot=doc.not_negative, overdraft_s_per_j=doc.not_negative,
                          backlog_j=doc.not_negative, **doc.machine_fields("max_macs_per_s", "device", kinds))
        law = doc.either(("shannon",), doc.tagged(fixed=doc.record(bit_per_s_per_hz=doc.positive)))
        read = doc.record(origin=doc.origin, machine_kinds=(doc.anything, []), models=doc.chains(kinds),
                          service=(doc.word("deterministic", "exponential"), "deterministic"), rate_law=(law, "shannon"),
                          slot_s=doc.positive, bandwidth_hz=doc.positive, noise_w_per_hz=doc.positive, v=doc.positive,
                          users=doc.listing(user), slots=doc.listing(doc.record(arrivals_per_s=numbers, gains=numbers)),
                          **doc.machine_fields("edge_macs_per_s", "edge", kinds))(body, "body")
        self.exponential = read["service"] == "exponential"
        self.fixed = None if read["rate_law"] == "shannon" else Fraction(read["rate_law"][1]["bit_per_s_per_hz"])
        self.slot, self.noise, self.v = (Fraction(read[name]) for name in ("slot_s", "noise_w_per_hz", "v"))
        edge = doc.machine(read, "edge_macs_per_s", "edge", "body")
        self.edge, self.bandwidth = edge.speed, Fraction(read["bandwidth_hz"])
        self.users = [User(u, read["models"], edge, f"body.users[{n}]") for n, u in enumerate(read["users"])]
        self.slots = [([Fraction(x) for x in s["arrivals_per_s"]], [Fraction(x) for x in s["gains"]]) for s in read["slots"]]
        if any(len(row) != len(self.users) for slot in self.slots for row in slot):
            raise Bad("body.slots: not one number per user")
        if not 1 <= len(self.users) * len(self.slots) <= 10**8:
            raise Bad("body: from 1 to 10^8 users times slots")
        self.ln2 = ln2()

    def rate(self, user: User, gain: Fraction, b: Fraction) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        """Enclosures of the channel's rate r(b) and of r'(b)."""
        if self.fixed is not None:
            return self.fixed * b, self.fixed * b, self.fixed, self.fixed
        x = user.power * gain / self.noise
        if b == 0 or x == 0:
            return ZERO, ZERO, ZERO, ZERO
        low, high, slope_low, slope_high = log1p(x / b)
        two_low, two_high = self.ln2
        return b * low / two_high, b * high / two_low, slope_low / two_high, slope_high / two_low

    def evaluate(self, solution: Any, violations: list[str], clock: Clock) -> tuple[Value, Value, Any]:
        numbers = doc.listing(doc.number)
        slot = doc.record(cuts=doc.listing(doc.whole()), local_macs_per_s=numbers, bandwidth_hz=numbers, edge_macs_per_s=numbers)
        slots = doc.record(slots=doc.listing(slot))(solution, "solution")["slots"]
        count = len(self.users)
        if len(slots) != len(self.slots) or any(len(row) != count for s in slots for row in s.values()):
            violations.append("shape")
            return inf, inf, None
        shares: list[list[tuple[Fraction, Fraction, Fraction]]] = []
        scaled: list[list[tuple[Fraction, Fraction, Fraction]]] = []
        for t, s in enumerate(slots):
            columns = [s["local_macs_per_s"], s["bandwidth_hz"], s["edge_macs_per_s"]]
            if any(m >= len(u.stages) for m, u in zip(s["cuts"], self.users)):
                violations.append(f"slot {t}: no such cut")
            if not all(x == 0 or 1e-60 <= x <= 1e60 for column in columns for x in column):
                violations.append(f"slot {t}: a number out of range")
            if violations:
                return inf, inf, None
            f, b, e = ([Fraction(x) for x in column] for column in columns)
            shares.append(list(zip(f, b, e)))
            if any(x > u.speed * CAPACITY for x, u in zip(f, self.users)):
                violations.append(f"slot {t}: speed of a device")
            f = [min(x, u.speed) if x <= u.speed * CAPACITY else x for x, u in zip(f, self.users)]
            for column, most in ((b, self.bandwidth), (e, self.edge)):
                total = sum(column)
                if total > CAPACITY * most:
                    violations.append(f"slot {t}: capacity")
                elif total > most:
                    column[:] = [up(x * most / total, 400) for x in column]
            scaled.append(list(zip(f, b, e)))
        value = self.objective(slots, scaled, violations, clock)
        if value is None:
            return inf, inf, None
        other = value if shares == scaled else self.objective(slots, shares, [], clock)
        return *value, other

    def objective(self, slots: list, shares: list, violations: list[str], clock: Clock) -> Pair | None:
        single = len(self.slots) == 1
        terms: list[Pair] = []
        energy: list[list[Pair]] = [[] for _ in self.users]
        for t, (s, (arrivals, gains)) in enumerate(zip(slots, self.slots)):
            for n, (user, m, share, rate, gain) in enumerate(zip(self.users, s["cuts"], shares[t], arrivals, gains)):
                clock.check("solution")
                work = user.stages[m]
                r_low, r_high = self.rate(user, gain, share[1])[:2] if work[1] else (ZERO, ZERO)
                if any(w and x <= rate * w for w, x in zip(work, (share[0], r_low, share[2]))):
                    violations.append(f"slot {t}: user {n} is not stable")
                    return None
                ends = [self.user(user, work, rate, share[0], r, share[2]) for r in (r_high, r_low)]
                terms.append((ends[0][0], ends[1][0]))
                energy[n].append((ends[0][1], ends[1][1]))
        count = len(slots)
        if single:
            scale = [(self.v * low, self.v * high) for low, high in terms]
            return enclosed_sum(scale + [(u.backlog * low, u.backlog * high) for u, [(low, high)] in zip(self.users, energy)])
        terms = [(low / count, high / count) for low, high in terms]
        for u, row in zip(self.users, energy):
            low, high = enclosed_sum(row)
            terms.append((u.overdraft * max(ZERO, low / count - u.budget), u.overdraft * max(ZERO, high / count - u.budget)))
        return enclosed_sum(terms)

    def user(self, user: User, work: tuple, rate: Fraction, f: Fraction, r: Fraction, e: Fraction) -> Pair:
        """Delay and energy of a user in a slot."""
        stages = [(w, s) for w, s in zip(work, (f, r, e)) if w]
        if self.exponential:
            delay = sum((w / (s - rate * w) for w, s in stages), ZERO)
        else:
            delay = sum((w / s for w, s in stages), ZERO)
            delay += max((w / s * rate * w / (2 * (s - rate * w)) for w, s in stages), default=ZERO)
        sending = user.power * work[1] / r if work[1] else ZERO
        return delay, self.slot * rate * (user.coeff * f * f * work[0] + sending)

    def replay(self, certificate: Any, clock: Clock, notes: list[str]) -> Value:
        number = doc.admitted(1e60)
        priced = doc.record(prices=doc.whole())
        node = doc.tagged(priced=priced, empty=priced, split=doc.record(
            user=doc.whole(), cuts=doc.listing(doc.whole()), inside=doc.whole(), outside=doc.whole()))
        slot = doc.record(prices=doc.listing(doc.record(bandwidth=number, edge=number)), nodes=doc.listing(node))
        read = doc.record(energy_s_per_j=(doc.listing(number), []), slots=doc.listing(slot))(certificate, "certificate")
        count, energy = len(self.slots), read["energy_s_per_j"]
        if len(read["slots"]) != count or len(energy) != (0 if count == 1 else len(self.users)):
            raise Refused("not one tree per slot, or not one price of energy per user of a horizon")
        if any(mu > u.overdraft for mu, u in zip(energy, self.users)):
            raise Refused("energy_s_per_j: above overdraft_s_per_j")
        weight = self.v if count == 1 else Fraction(1)
        prices = [u.backlog for u in self.users] if count == 1 else energy
        known: dict[tuple, Fraction] = {}
        bounds = [Slot(self, t, weight, prices, known, clock).walk(s["prices"], s["nodes"]) for t, s in enumerate(read["slots"])]
        if count == 1 or inf in bounds:
            return max(bounds)
        spent = sum((mu * u.budget for mu, u in zip(energy, self.users)), ZERO)
        return max(ZERO, sum(bounds, ZERO) / count - spent)


class Slot:
    """The tree of a slot; `known` keeps least costs of users for all slots."""

    def __init__(self, instance: Instance, t: int, weight: Fraction, energy: list[Fraction], known: dict, clock: Clock):
        self.instance, self.weight, self.known, self.clock = instance, weight, known, clock
        self.arrivals, self.gains = instance.slots[t]
        self.energy = energy
        self.keys = [(*u.key, *rest) for u, *rest in zip(instance.users, self.arrivals, self.gains, energy)]
        self.classes: dict[tuple, list[int]] = {}
        for n, key in enumerate(self.keys):
            self.classes.setdefault(key, []).append(n)
        self.stable = [0] * len(self.keys)
        for members in self.classes.values():
            user, rate = instance.users[members[0]], self.arrivals[members[0]]
            channel = instance.rate(user, self.gains[members[0]], instance.bandwidth)[1]
            mask = sum(1 << m for m, work in enumerate(user.stages) if all(
                not w or most > rate * w for w, most in zip(work, (user.speed, channel, instance.edge))))
            for n in members:
                self.stable[n] = mask

    def walk(self, prices: list[dict[str, Fraction]], nodes: list) -> Value:
        """The least bound of all leaves."""

        def branch(at: str, kind: str, node: dict[str, Any], allowed: list[int]) -> tuple[list[int], list[int]]:
            if node["user"] >= len(self.keys):
                raise Refused(f"{at}: no such user")
            cuts = doc.ascending(node["cuts"], len(self.instance.users[node["user"]].stages), f"{at}.cuts")
            chosen = sum(1 << m for m in cuts)
            return doc.restricted(allowed, node["user"], chosen, ~chosen)

        best: Value = inf
        for at, kind, node, allowed in doc.leaves(nodes, {"split": ("inside", "outside")}, self.stable, branch):
            self.clock.check("tree")
            if node["prices"] >= len(prices):
                raise Refused(f"{at}: no such prices")
            if not all(allowed := self.ordered(allowed)):
                continue
            bandwidth, edge = prices[node["prices"]]["bandwidth"], prices[node["prices"]]["edge"]
            capacity = bandwidth * self.instance.bandwidth + edge * self.instance.edge
            cost = self.least if kind == "priced" else self.needed
            total = ZERO
            for n, mask in enumerate(allowed):
                total += min(cost(n, m, bandwidth, edge) for m in range(mask.bit_length()) if mask >> m & 1)
            if kind == "priced":
                best = min(best, max(ZERO, total - capacity))
            elif not (total > 0 and total >= capacity):
                raise Refused(f"{at}: the leaf is not shown to be empty")
        return best

    def ordered(self, allowed: list[int]) -> list[int]:
        """What is left of the allowed cuts if symmetric users have ascending cuts."""
        allowed = allowed.copy()
        for members in self.classes.values():
            for n, m in zip(members, members[1:]):
                if low := allowed[n] & -allowed[n]:
                    allowed[m] &= -low
            for n, m in zip(members[::-1], members[-2::-1]):
                allowed[m] &= (1 << allowed[n].bit_length()) - 1
        return allowed

    def needed(self, n: int, m: int, bandwidth: Fraction, edge: Fraction) -> Fraction:
        """A lower bound of the cost of what a cut needs to be stable (theorem 4)."""
        user, rate = self.instance.users[n], self.arrivals[n]
        _, sent, work = user.stages[m]
        target, b = rate * sent, ZERO
        if target and bandwidth:
            if self.instance.fixed is not None:
                b = target / self.instance.fixed
            else:
                # A tangent of the concave r meets the target at or before the bandwidth that is needed.
                guess = Fraction(Channel(self.instance, user, self.gains[n]).inverse(float(target)) or 0)
                for _ in range(3):
                    low, high, slope, _ = self.instance.rate(user, self.gains[n], guess)
                    if slope:
                        guess = down(guess + (target - high) / slope, 160)
                    if not 0 < guess:
                        break
                b = guess * (1 - Fraction(1, 2**120))
                if b < 0 or self.instance.rate(user, self.gains[n], b)[1] > target:
                    b = ZERO
        return down(bandwidth * b + edge * rate * work, 200)

    def least(self, n: int, m: int, bandwidth: Fraction, edge: Fraction) -> Fraction:
        """A lower bound of the least cost of a user with a cut at these prices."""
        key = (self.keys[n], m, bandwidth, edge)
        if key not in self.known:
            self.clock.check("least costs")
            self.known[key] = max(ZERO, Cost(self, n, m, bandwidth, edge).bound())
        return self.known[key]


def bisected(is_beyond: Callable[[float], bool], low: float, high: float, precision: float) -> tuple[float, float]:
    """Two numbers between which a predicate becomes true, to a relative precision."""
    for _ in range(100):
        middle = (low + high) / 2
        if high - low <= precision * high:
            break
        low, high = (low, middle) if is_beyond(middle) else (middle, high)
    return low, high


class Channel:
    """The rate in doubles, for guesses."""

    def __init__(self, instance: Instance, user: User, gain: Fraction):
        self.fixed = None if instance.fixed is None else float(instance.fixed)
        self.s = float(user.power * gain / instance.noise)
        self.most = float(instance.bandwidth)

    def rate(self, b: float) -> tuple[float, float]:
        """r(b) and r'(b)."""
        if self.fixed is not None:
            return self.fixed * b, self.fixed
        x = self.s / b
        ln = float_log1p(x)
        slope = ln - x / (1 + x) if x > 1e-3 else x * x * (0.5 - x * (2 / 3 - x * (0.75 - x * 0.8)))
        return b * ln / log(2), slope / log(2)

    def inverse(self, rate: float) -> float | None:
        """The bandwidth of a rate, by tangents from below."""
        if self.fixed is not None:
            return rate / self.fixed
        full = self.rate(self.most)[0]
        if rate >= full:
            return self.most
        b = self.most * rate / full
        for count in range(60):
            r, slope = self.rate(b)
            new = b + (rate - r) / slope
            if count == 0 and new <= 0:
                new = b / 2
                while self.rate(new)[0] > rate:
                    new /= 2
            if not isfinite(new) or new <= 0:
                return None
            if abs(new - b) <= 1e-15 * b:
                break
            b = new
        return b


class Cost:
    """The least cost of one user with one cut at given prices: a sum of three stages."""

    def __init__(self, slot: Slot, n: int, m: int, bandwidth: Fraction, edge: Fraction):
        self.instance, self.user, self.gain = slot.instance, slot.instance.users[n], slot.gains[n]
        self.arrivals, self.weight = slot.arrivals[n], slot.weight
        self.work, self.bandwidth, self.edge = self.user.stages[m], bandwidth, edge
        self.theta = slot.energy[n] * self.instance.slot * self.arrivals
        self.psi = self.theta * self.user.coeff * self.work[0]
        self.channel = Channel(self.instance, self.user, self.gain)

    def bound(self) -> Fraction:
        rate, v = self.arrivals, self.weight
        extra, loss = [ZERO] * 3, ZERO
        if rate and not self.instance.exponential:
            try:
                extra = [Fraction(g) for g in self.multipliers()]
            except (OverflowError, ZeroDivisionError, ValueError):
                pass
            # Theorem 3, with the least z that is large enough.
            z = sqrt_up(1 + 2 * sum(extra) / v, 260) - 1
            loss = up(v * z * z / (2 * rate))
        offset = [rate * w if self.instance.exponential else ZERO for w in self.work]
        stages = (self.device, self.send, self.serve)
        return sum((down(stages[i](v + extra[i], offset[i])) for i in range(3) if self.work[i]), ZERO) - loss

    def multipliers(self) -> list[float]:
        """Guesses of the multipliers of the stages' lengths: what lengthening the slowest stage saves."""
        v, rate, work = float(self.weight), float(self.arrivals), [float(w) for w in self.work]
        device, theta, power = float(self.psi) * work[0] ** 2, float(self.theta), float(self.user.power)
        nu, eta = float(self.bandwidth), float(self.edge)
        most = (float(self.user.speed), self.channel.rate(self.channel.most)[0], float(self.instance.edge))
        shortest = [w / s if w else 0.0 for w, s in zip(work, most)]

        def saved(d: float) -> list[float]:
            result = [2 * device / d**3 - v if work[0] else 0.0, 0.0, eta * work[2] / d / d - v if work[2] else 0.0]
            if work[1] and nu and (b := self.channel.inverse(work[1] / d)):
                result[1] = nu * work[1] / d / d / self.channel.rate(b)[1] - theta * power - v
            return [max(0.0, x) for x in result]

        def waiting(d: float) -> float:
            load = rate * d
            return v * load * (2 - load) / (2 * (1 - load) ** 2) if load < 1 else inf

        low, high = max(shortest), 1 / rate
        if not low:
            return [0.0] * 3
        if (least := waiting(low)) >= sum(saved(low)):
            result = saved(low)
            slowest = shortest.index(low)
            result[slowest] = max(0.0, least - sum(result) + result[slowest])
            return result
        return saved(bisected(lambda d: waiting(d) >= sum(saved(d)), low, high, 1e-13)[0])

    def tangent(self, curve: Curve, guess: float, most: Fraction) -> Fraction:
        """Lemma 2 at a point near the minimum, which Newton's method improves."""
        point = min(max(Fraction(guess) if isfinite(guess) and guess > 0 else most, most / 2**400), most)
        best = ZERO
        for _ in range(6):
            at = curve(point)
            if at is None:
                point = (point + most) / 2 if point < most else point
                continue
            low, end, slope_low, slope_high, bend = at
            loss = max(ZERO, -slope_low * (min(max(end, point), most) - point), slope_high * point)
            best = max(best, low - loss)
            if loss <= low / 2**60 or bend <= 0:
                break
            point = min(max(down(point - (slope_low + slope_high) / 2 / bend, 120), point / 2), most)
        return best

    def device(self, weight: Fraction, offset: Fraction) -> Fraction:
        work, most, psi = weight * self.work[0], self.user.speed - offset, self.psi
        if psi == 0:
            return work / most

        def curve(x: Fraction) -> tuple[Fraction, Fraction, Fraction, Fraction, Fraction]:
            value, slope = work / x + psi * (offset + x) ** 2, 2 * psi * (offset + x) - work / x**2
            return value, sqrt_up(value / psi) - offset, slope, slope, 2 * psi + 2 * work / x**3

        ratio, shift = float(work / psi) / 2, float(offset)
        return self.tangent(curve, bisected(lambda x: (shift + x) * x * x >= ratio, 0.0, float(most), 1e-9)[1], most)

    def send(self, weight: Fraction, offset: Fraction) -> Fraction:
        sent, most, price = self.work[1], self.instance.bandwidth, self.bandwidth
        first, second = weight * sent, self.theta * self.user.power * sent

        def curve(b: Fraction) -> tuple[Fraction, Fraction, Fraction, Fraction, Fraction] | None:
            r_low, r_high, s_low, s_high = (down(x, 220) if i % 2 == 0 else up(x, 220) for i, x in enumerate(
                self.instance.rate(self.user, self.gain, b)))
            if r_low <= offset:
                return None
            low = first / (r_high - offset) + second / r_high + price * b
            high = first / (r_low - offset) + second / r_low + price * b
            steep_low = s_low * (first / (r_high - offset) ** 2 + second / r_high**2)
            steep_high = s_high * (first / (r_low - offset) ** 2 + second / r_low**2)
            bend = 2 * s_high**2 * (first / (r_low - offset) ** 3 + second / r_low**3)
            if self.instance.fixed is None:
                x = self.user.power * self.gain / self.instance.noise / b
                bend += (x / (1 + x)) ** 2 / b / self.instance.ln2[0] * (steep_high / s_high if s_high else 0)
            return low, high / price if price else most, price - steep_high, price - steep_low, down(bend)

        one, two, nu, shift = float(first), float(second), float(price), float(offset)

        def flat(b: float) -> bool:
            r, slope = self.channel.rate(b)
            return r > shift and slope * (one / (r - shift) ** 2 + two / r**2) <= nu

        return self.tangent(curve, bisected(flat, 0.0, float(most), 1e-9)[1] if nu else float(most), most)

    def serve(self, weight: Fraction, offset: Fraction) -> Fraction:
        work, most, price = weight * self.work[2], self.instance.edge - offset, self.edge
        if price * most * most <= work:
            return work / most + price * self.instance.edge
        return price * offset + 2 * sqrt_down(work * price)
