#!/usr/bin/env node
// A solver of jpdra for Offcut: every flow as a whole on the emptiest server it can reach. Put your algorithm into `solve`.
//
// A flow's delay: input_bytes / uplink to its first server, + out_bytes / link between servers of neighbours (nothing on the same one; a link of 0 is none), +
// result_bytes / downlink from its last, + 1 / (speed / work - rate) for every partition. Objective: the mean, weighed by rates. Speeds on a server: its own at most
// (up to 1e-9 more, relative, is scaled back).
const fs = require("fs");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// A server's speed, in MAC/s; that of a server of a kind is a factor.
const speedOf = (server) => (server.machine ? server.machine.speed : server.macs_per_s);

// Work of each partition on a server: MACs, or seconds at the nominal speed of its kind.
const workOn = (flow, server) => (server.machine ? flow.work_s[server.machine.kind] : flow.partitions.map((part) => part.macs));

// The solution and its objective, in seconds: the mean delay of a task. Nothing if a server is too full.
function solve(instance, timeS, seed, parameters) {
  const rest = instance.servers.map(speedOf); // what is left of each server
  const users = rest.map(() => 0);
  const place = [];
  for (const flow of instance.flows) {
    const returns = (flow.result_bytes ?? null) !== null;
    const ways = rest.map((_, m) => m);
    const open = ways.filter((m) => flow.uplink_bytes_per_s[m] > 0 && (!returns || flow.downlink_bytes_per_s[m] > 0));
    if (open.length === 0) return null;
    const m = open.reduce((best, m) => (rest[m] > rest[best] ? m : best));
    rest[m] -= flow.rate_per_s * sum(workOn(flow, instance.servers[m]));
    users[m] += flow.partitions.length;
    place.push(m);
  }
  if ((instance.allocation ?? "continuous") !== "continuous" || place.some((m) => rest[m] <= 0)) return null;
  const rate = sum(instance.flows.map((flow) => flow.rate_per_s));
  let objective = 0;
  const speeds = instance.flows.map((flow, s) => {
    const m = place[s];
    const extra = (rest[m] / users[m]) * (1 - 1e-12); // beyond the load, equal shares
    let delayS = flow.input_bytes / flow.uplink_bytes_per_s[m];
    if ((flow.result_bytes ?? null) !== null) delayS += flow.result_bytes / flow.downlink_bytes_per_s[m];
    const work = workOn(flow, instance.servers[m]);
    delayS += sum(work.map((part) => part / extra)); // 1 / (speed / work - rate)
    objective += (flow.rate_per_s / rate) * delayS;
    return work.map((part) => flow.rate_per_s * part + extra);
  });
  const servers = instance.flows.map((flow, s) => flow.partitions.map(() => place[s]));
  return { solution: { servers, speeds: { macs_per_s: speeds } }, objective };
}

const say = (line) => fs.writeSync(1, JSON.stringify(line) + "\n");

const instance = JSON.parse(fs.readFileSync(process.argv[2])).body;
say({ ready: true }); // time counts from here
const timeS = Number(process.env.OFFCUT_TIME_S ?? Infinity);
const seed = Number(process.env.OFFCUT_SEED ?? 0);
const parameters = JSON.parse(process.env.OFFCUT_PARAMETERS ?? "{}");
const found = solve(instance, timeS, seed, parameters);
// Improving? Say so as you go: say({ incumbent: { solution, objective } }). Proved something? See `offcut schema`.
say({ offcut: "answer", problem: "jpdra", version: 1, body: { stop: "completed", found, proved: null } });
