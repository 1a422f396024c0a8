#!/usr/bin/env node
// A solver of lymdo for Offcut: everybody computes everything, as fast as the device can. Put your algorithm into `solve`.
//
// Three stages: d1 = work before the cut / device speed, d2 = 8 cut_bytes / rate(bandwidth), d3 = work behind it / edge speed. With arrivals at rate a the delay is
// the sum of d / (1 - a d) (exponential service) or d1 + d2 + d3 + max of a d^2 / (2 (1 - a d)) (deterministic). The objective of one slot is V times delays plus
// backlogs times energies; of a horizon, the mean over slots of delays plus overdraft_s_per_j times what a user's mean energy is above its budget.
// Bandwidths sum to bandwidth_hz at most, edge speeds to edge_macs_per_s, a device has max_macs_per_s; up to 1e-9 more, relative, is scaled back.
const fs = require("fs");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// Work of each block on a machine, and its speed: (model, user, "device", "max_macs_per_s") or (model, instance, "edge", "edge_macs_per_s"). Without kinds
// of machines, work is in MACs and speed in MAC/s. A machine of a kind has its work in seconds, and its speed is a factor.
function workAndSpeed(model, owner, name, macsPerS) {
  const machine = owner[name];
  return machine ? [model.work_s[machine.kind], machine.speed] : [model.macs, owner[macsPerS]];
}

// The solution and its objective. Nothing if a queue is not stable that way.
function solve(instance, timeS, seed, parameters) {
  const users = instance.users, count = instance.slots.length, slots = [];
  const taken = users.map(() => 0);
  let delayS = 0, energyCost = 0;
  for (const slot of instance.slots) {
    const devices = users.map((user) => workAndSpeed(instance.models[user.model], user, "device", "max_macs_per_s"));
    const speeds = devices.map(([, speed]) => speed), none = users.map(() => 0);
    const cuts = devices.map(([work]) => work.length);
    slots.push({ cuts, local_macs_per_s: speeds, bandwidth_hz: none, edge_macs_per_s: none });
    for (const [n, user] of users.entries()) {
      const rate = slot.arrivals_per_s[n], work = sum(devices[n][0]), stageS = work / speeds[n];
      if (rate * stageS >= 1) return null;
      const wait = (stageS ** 2 * rate) / (1 - rate * stageS); // exponential service; half of it if deterministic
      delayS += stageS + (instance.service === "exponential" ? wait : wait / 2);
      const energyJ = instance.slot_s * rate * user.energy_per_mac_coeff * speeds[n] ** 2 * work;
      taken[n] += energyJ;
      energyCost += user.backlog_j * energyJ;
    }
  }
  if (count === 1) return { solution: { slots }, objective: instance.v * delayS + energyCost };
  const over = (user, n) => user.overdraft_s_per_j * Math.max(taken[n] / count - user.energy_budget_j_per_slot, 0);
  return { solution: { slots }, objective: delayS / count + sum(users.map(over)) };
}

const say = (line) => fs.writeSync(1, JSON.stringify(line) + "\n");

const instance = JSON.parse(fs.readFileSync(process.argv[2])).body;
say({ ready: true }); // time counts from here
const timeS = Number(process.env.OFFCUT_TIME_S ?? Infinity);
const seed = Number(process.env.OFFCUT_SEED ?? 0);
const parameters = JSON.parse(process.env.OFFCUT_PARAMETERS ?? "{}");
const found = solve(instance, timeS, seed, parameters);
// Improving? Say so as you go: say({ incumbent: { solution, objective } }). Proved something? See `offcut schema`.
say({ offcut: "answer", problem: "lymdo", version: 1, body: { stop: "completed", found, proved: null } });
