#!/usr/bin/env node
// A solver of throughput for Offcut: whoever meets the deadline alone is admitted. Put your algorithm into `solve`.
//
// An admitted request is worth its profit, 1 if it has none. Served remotely, it keeps a part of its model's layers that no edge comes into from outside: delay =
// macs of the part / device_macs_per_s + out_bytes of those layers in it with a successor outside * (1 / uplink_bytes_per_s + hop_s_per_byte[access point][cloudlet])
// + macs outside / (thread_macs_per_s * lambda(threads)), and that within its deadline. Threads of all on a cloudlet: its `threads` at most.
const fs = require("fs");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// The solution and its objective: what all admitted requests are worth.
function solve(instance, timeS, seed, parameters) {
  let objective = 0;
  const service = instance.requests.map((request) => {
    const delayS = sum(instance.models[request.model].macs) / request.device_macs_per_s;
    if (delayS > request.deadline_s) return "rejected";
    objective += request.profit ?? 1;
    return "local"; // or { remote: { cloudlet: 0, threads: 2, part: 0 } }, see `offcut schema`
  });
  return { solution: { parts: [], service }, objective };
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
say({ offcut: "answer", problem: "throughput", version: 1, body: { stop, found, proved: null } });
