#!/usr/bin/env node
// A policy of lymdo for Offcut: everybody computes everything. Put your algorithm into `decide`, which is asked slot by slot.
//
// Three stages: d1 = work before the cut / device speed, d2 = 8 cut_bytes / rate(bandwidth), d3 = work behind it / edge speed. With arrivals at rate a the delay is
// the sum of d / (1 - a d) (exponential service) or d1 + d2 + d3 + max of a d^2 / (2 (1 - a d)) (deterministic). Wanted over all slots: little delay, each user's mean
// energy within its budget. Offcut keeps backlogs, Q <- max(Q + energy - budget, 0); Lyapunov's way is to minimise v times delays plus backlogs times energies in every slot.
// Bandwidths sum to bandwidth_hz at most, edge speeds to edge_macs_per_s, a device has max_macs_per_s; up to 1e-9 more, relative, is scaled back.
const fs = require("fs");

// Everybody's cut, given what is seen now: backlogs_j, arrivals_per_s and gains of the state, one entry a user. Best resources are found for you;
// to decide them too, add local_macs_per_s, bandwidth_hz and edge_macs_per_s. No decision: { stop: { declined: "why" } }.
function decide(system, state) {
  return { cuts: system.users.map((user) => system.models[user.model].cut_bytes.length - 1) };
}

const say = (line) => fs.writeSync(1, JSON.stringify(line) + "\n");

const timeS = Number(process.env.OFFCUT_TIME_S ?? Infinity);
const seed = Number(process.env.OFFCUT_SEED ?? 0);
const parameters = JSON.parse(process.env.OFFCUT_PARAMETERS ?? "{}");
let system = null;
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  if (system) return say(decide(system, JSON.parse(line))); // { slot: 0, backlogs_j: [...], arrivals_per_s: [...], gains: [...] }
  system = JSON.parse(line).body; // what stays as it is: models, users, bandwidth_hz, v, ...
  say({ ready: true }); // load your network before this: time counts from here
});
