#!/usr/bin/env node
// A solver of throughput for Offcut: whoever meets the deadline alone is admitted. Put your algorithm into `solve`.
//
// An admitted request is worth its profit, 1 if it has none. Served remotely, it keeps a part of its model's layers that no edge comes into from outside: delay =
// work of the part / the device's speed + out_bytes of those layers in it with a successor outside * (1 / uplink_bytes_per_s + hop_s_per_byte[access point][cloudlet])
// + work outside / (a thread's speed * lambda(threads)), and that within its deadline. Threads of all on a cloudlet: its `threads` at most.
const fs = require("fs");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// Work of each layer on a machine, and its speed; `name` is "device" (of a request) or "thread" (of a cloudlet). Without kinds of machines, work is in MACs and
// speed in MAC/s. A machine of a kind has its work in seconds, and its speed is a factor. A model whose work on a cloudlet's kind is null, or left out, is
// not run there.
function workAndSpeed(model, owner, name) {
  const machine = owner[name];
  return machine ? [model.work_s[machine.kind], machine.speed] : [model.macs, owner[name + "_macs_per_s"]];
}

// The solution and its objective: what all admitted requests are worth.
function solve(instance, timeS, seed, parameters) {
  let objective = 0;
  const service = instance.requests.map((request) => {
    const [work, speed] = workAndSpeed(instance.models[request.model], request, "device");
    const delayS = sum(work) / speed;
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
