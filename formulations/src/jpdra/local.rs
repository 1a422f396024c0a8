//! Incumbents: a fractional deployment rounded, then improved by moving one partition or exchanging two.

use offcut_instances::random::Stream;

use super::model::Model;

/// Where deployments are compared: first that all ways exist and all servers have room, then delay.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Worth {
    /// Missing ways, and load beyond servers' speed relative to it.
    pub(super) excess: f64,
    pub(super) delay: f64,
}

/// What partitions put on a server, summed.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u32,
    load: f64,
    roots: f64,
    /// The least units.
    units: f64,
}

/// A deployment under improvement.
pub(super) struct Local<'m> {
    model: &'m Model<'m>,
    pub(super) on: Vec<u32>,
    sums: Vec<Sums>,
    of_server: Vec<Worth>,
    of_flow: Vec<Worth>,
    flow_of: Vec<usize>,
    /// The least units of every partition, if there are units.
    least: Vec<f64>,
}

impl<'m> Local<'m> {
    pub(super) fn new(model: &'m Model<'m>, on: Vec<u32>) -> Self {
        let flow_of =
            model.flows.iter().enumerate().flat_map(|(s, range)| std::iter::repeat_n(s, range.len())).collect();
        let least = match model.unit {
            Some(_) => (0..on.len()).map(|i| model.least_units(i) as f64).collect(),
            None => vec![0.0; on.len()],
        };
        let sums = vec![Sums::default(); model.servers()];
        let mut local = Self { model, on, sums, of_server: Vec::new(), of_flow: Vec::new(), flow_of, least };
        local.of_server = vec![Worth { excess: 0.0, delay: 0.0 }; model.servers()];
        (0..model.servers()).for_each(|m| local.refresh(m));
        local.of_flow = (0..model.flows.len()).map(|s| local.flow(s)).collect();
        local
    }

    /// Sums up a server anew.
    fn refresh(&mut self, m: usize) {
        let mut sums = Sums::default();
        for i in (0..self.on.len()).filter(|i| self.on[*i] as usize == m) {
            sums = self.with(sums, i, 1.0);
        }
        self.sums[m] = sums;
        self.of_server[m] = self.server(m, &sums);
    }

    fn with(&self, sums: Sums, i: usize, sign: f64) -> Sums {
        Sums {
            count: if sign > 0.0 { sums.count + 1 } else { sums.count - 1 },
            load: sums.load + sign * self.model.loads[i],
            roots: sums.roots + sign * self.model.roots[i],
            units: sums.units + sign * self.least[i],
        }
    }

    pub(super) fn worth(&self) -> Worth {
        let all = self.of_server.iter().chain(&self.of_flow);
        all.fold(Worth { excess: 0.0, delay: 0.0 }, |sum, of| Worth {
            excess: sum.excess + of.excess,
            delay: sum.delay + of.delay,
        })
    }

    /// What a server with these sums is worth. With units its partitions are those that are on it now.
    fn server(&self, m: usize, sums: &Sums) -> Worth {
        let speed = self.model.speed(m);
        let excess = |excess: f64| Worth { excess: excess + 1e-9, delay: 0.0 };
        if sums.count == 0 {
            return Worth { excess: 0.0, delay: 0.0 };
        }
        if self.model.unit.is_none() {
            let left = speed - sums.load;
            return if left > self.model.rounding(m, sums.count as usize) {
                Worth { excess: 0.0, delay: sums.roots * sums.roots / left }
            } else {
                excess(-left / speed)
            };
        }
        let has = self.model.units[m] as f64;
        if sums.units > has {
            return excess((sums.units - has) / has.max(1.0));
        }
        let set: Vec<usize> = (0..self.on.len()).filter(|i| self.on[*i] as usize == m).collect();
        match self.model.fox(m, &set) {
            Some((_, delay)) => Worth { excess: 0.0, delay },
            None => excess(0.0),
        }
    }

    fn flow(&self, s: usize) -> Worth {
        let model = self.model;
        let range = model.flows[s].clone();
        let at = |i: usize| self.on[i] as usize;
        let mut worth = Worth { excess: 0.0, delay: 0.0 };
        let mut add = |way: f64| {
            if way < f64::INFINITY { worth.delay += way } else { worth.excess += 1.0 }
        };
        add(model.enter(s)[at(range.start)]);
        range.clone().skip(1).for_each(|i| add(model.hop(i - 1, at(i - 1), at(i))));
        add(model.leave(s)[at(range.end - 1)]);
        worth
    }

    /// Moves some partitions if that is better; says whether it was. At most 8 of them.
    fn try_moving(&mut self, moves: &[(usize, u32)]) -> bool {
        let mut servers: [(usize, Sums); 16] = [(0, Sums::default()); 16];
        let mut touched = 0;
        let mut flows = [0usize; 8];
        let mut crossed = 0;
        let mut before = [0u32; 8];
        for (at, (i, m)) in moves.iter().enumerate() {
            before[at] = self.on[*i];
            for (m, sign) in [(before[at] as usize, -1.0), (*m as usize, 1.0)] {
                let place = servers[..touched].iter().position(|(known, _)| *known == m).unwrap_or_else(|| {
                    servers[touched] = (m, self.sums[m]);
                    touched += 1;
                    touched - 1
                });
                servers[place].1 = self.with(servers[place].1, *i, sign);
            }
            if !flows[..crossed].contains(&self.flow_of[*i]) {
                flows[crossed] = self.flow_of[*i];
                crossed += 1;
            }
        }
        moves.iter().for_each(|(i, m)| self.on[*i] = *m);
        let (mut excess, mut delay) = (0.0, 0.0);
        let mut add = |new: Worth, old: &Worth| {
            excess += new.excess - old.excess;
            delay += new.delay - old.delay;
        };
        servers[..touched].iter().for_each(|(m, sums)| add(self.server(*m, sums), &self.of_server[*m]));
        flows[..crossed].iter().for_each(|s| add(self.flow(*s), &self.of_flow[*s]));
        let is_better = excess < -1e-12 || excess < 1e-12 && delay < -1e-12 * self.scale();
        if is_better {
            servers[..touched].iter().for_each(|(m, _)| self.refresh(*m));
            flows[..crossed].iter().for_each(|s| self.of_flow[*s] = self.flow(*s));
        } else {
            moves.iter().zip(before).for_each(|((i, _), m)| self.on[*i] = m);
        }
        is_better
    }

    fn scale(&self) -> f64 {
        self.of_server.iter().map(|of| of.delay).sum::<f64>().max(f64::MIN_POSITIVE)
    }

    /// Improves until nothing is better: single moves, blocks of neighbours, exchanges.
    pub(super) fn improve(&mut self, is_out_of_time: &dyn Fn() -> bool) {
        let (partitions, servers) = (self.on.len(), self.model.servers() as u32);
        let mut moves = Vec::new();
        loop {
            let mut is_better = false;
            for i in 0..partitions {
                for m in 0..servers {
                    is_better |= m != self.on[i] && self.try_moving(&[(i, m)]);
                }
            }
            for s in 0..self.model.flows.len() {
                let range = self.model.flows[s].clone();
                for first in range.clone() {
                    for last in first + 1..range.end.min(first + 4) {
                        for m in 0..servers {
                            moves.clear();
                            moves.extend((first..=last).filter(|i| self.on[*i] != m).map(|i| (i, m)));
                            is_better |= moves.len() > 1 && self.try_moving(&moves);
                        }
                    }
                }
            }
            for i in 0..partitions {
                for j in 0..i {
                    let (a, b) = (self.on[i], self.on[j]);
                    is_better |= a != b && self.try_moving(&[(i, b), (j, a)]);
                }
            }
            if !is_better || is_out_of_time() {
                break;
            }
        }
    }
}

/// A deployment drawn from shares; shape (partitions, servers), flat.
pub(super) fn drawn(model: &Model, shares: &[f64], stream: &mut Stream) -> Vec<u32> {
    let servers = model.servers();
    let pick = |i: usize| {
        let row = &shares[i * servers..][..servers];
        let mut at = stream.unit() * row.iter().sum::<f64>();
        let found = row.iter().position(|share| {
            at -= share;
            at < 0.0
        });
        found.unwrap_or(0) as u32
    };
    (0..model.partitions()).map(pick).collect()
}
