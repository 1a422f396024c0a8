#!/usr/bin/env node
// A solver of multiuser for Offcut: everybody computes on the own device. Put your algorithm into `solve`.
//
// A user's latency: work before the cut / the device's speed, + rtt_s + cut_bytes / uplink_bytes_per_s if anything is sent, + work behind the cut /
// (a unit's speed * lambda(units)), lambda being the server's speedup. Nothing behind the last cut: no units needed. Units of all users: server.units at most.
const fs = require("fs");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// Work of each block on a machine, and its speed; `name` is "device" (of a user) or "unit" (of the server). Without kinds of machines, work is in MACs and
// speed in MAC/s. A machine of a kind has its work in seconds, and its speed is a factor.
function workAndSpeed(model, owner, name) {
  const machine = owner[name];
  return machine ? [model.work_s[machine.kind], machine.speed] : [model.macs, owner[name + "_macs_per_s"]];
}

// The solution and its objective, in seconds: the largest latency, or the sum of all if the instance asks for `sum`.
function solve(instance, timeS, seed, parameters) {
  const cut = [], units = [], latencyS = [];
  for (const user of instance.users) {
    const [work, speed] = workAndSpeed(instance.models[user.model], user, "device");
    cut.push(work.length); // blocks on the device, 0 to all; all of them needs no units
    units.push(0); // units of the server, instance.server.units in all
    latencyS.push(sum(work) / speed);
  }
  const objective = (instance.objective ?? "max") === "max" ? latencyS.reduce((a, b) => Math.max(a, b)) : sum(latencyS);
  return { solution: { cut, units }, objective };
}

const say = (line) => fs.writeSync(1, JSON.stringify(line) + "\n");

const instance = JSON.parse(fs.readFileSync(process.argv[2])).body;
say({ ready: true }); // time counts from here
const timeS = Number(process.env.OFFCUT_TIME_S ?? Infinity);
const seed = Number(process.env.OFFCUT_SEED ?? 0);
const parameters = JSON.parse(process.env.OFFCUT_PARAMETERS ?? "{}");
const found = solve(instance, timeS, seed, parameters);
// Improving? Say so as you go: say({ incumbent: { solution, objective } }). Proved something? See `offcut schema`.
const stop = found ? "completed" : { declined: "this way of solving finds nothing here" };
say({ offcut: "answer", problem: "multiuser", version: 1, body: { stop, found, proved: null } });
