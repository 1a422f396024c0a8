//! Lindley's recursion through a tandem, and the numbers it draws.

use offcut_instances::random::Stream;

use crate::arrivals::{Arrivals, Gaps, exponential};
use crate::estimate::{Batches, Estimate};
use crate::service::Service;
use crate::tandem::Tandem;

/// The mean delay of `tasks` tasks through `tandem`, which is flow `s`.
pub(crate) fn mean_delay(
    tandem: &Tandem,
    service: Service,
    arrivals: &Arrivals,
    tasks: u64,
    s: usize,
    seed: u64,
) -> Estimate {
    let mut draws = Draws::new(tandem, service, arrivals, s, seed);
    let mut line = Line::empty(tandem);
    let mut batches = Batches::new(tasks);
    for _ in 0..tasks {
        let gap_s = draws.gap_s();
        batches.add(line.pass(gap_s, |n| draws.service_s(n)));
    }
    batches.estimate()
}

/// The stages of a tandem, between tasks.
struct Line<'a> {
    hops_s: &'a [f64],
    /// When the last task left each stage, on a clock that starts anew with every arrival.
    left_s: Vec<f64>,
}

impl<'a> Line<'a> {
    /// No task has ever come.
    fn empty(tandem: &'a Tandem) -> Self {
        Self { hops_s: &tandem.hops_s, left_s: vec![f64::NEG_INFINITY; tandem.service_s.len()] }
    }

    /// Sends one more task through, `gap_s` after the one before it. Its end-to-end delay.
    fn pass(&mut self, gap_s: f64, mut service_s: impl FnMut(usize) -> f64) -> f64 {
        let mut now = 0.0f64;
        for (n, left) in self.left_s.iter_mut().enumerate() {
            now = (now + self.hops_s[n]).max(*left - gap_s) + service_s(n);
            *left = now;
        }
        now + self.hops_s[self.left_s.len()]
    }
}

/// The random numbers of one flow: a gap for every task, and service times in the order of its stages.
struct Draws<'a> {
    tandem: &'a Tandem,
    service: Service,
    gaps: Gaps<'a>,
    services: Stream,
}

impl<'a> Draws<'a> {
    fn new(tandem: &'a Tandem, service: Service, arrivals: &'a Arrivals, s: usize, seed: u64) -> Self {
        let stream = |purpose| Stream::new(&["simulator", purpose, &s.to_string()], seed);
        Self { tandem, service, gaps: Gaps::new(arrivals, stream("arrivals")), services: stream("services") }
    }

    /// Time from one arrival to the next.
    fn gap_s(&mut self) -> f64 {
        self.gaps.next() / self.tandem.rate_per_s
    }

    /// Service time of the next task at stage `n`.
    fn service_s(&mut self, n: usize) -> f64 {
        let mean = self.tandem.service_s[n];
        match self.service {
            Service::Exponential => exponential(&mut self.services) * mean,
            Service::Deterministic => mean,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::{Ordering, Reverse};
    use std::collections::{BinaryHeap, VecDeque};

    use super::*;
    use crate::arrivals::Bursty;

    /// What can happen to a task.
    #[derive(Clone, Copy, Debug)]
    enum EventKind {
        Reaches,
        Completes,
    }

    /// Something that happens at a time; equal times in the order in which they were noted.
    struct Event {
        at_s: f64,
        noted: usize,
        task: usize,
        stage: usize,
        kind: EventKind,
    }

    impl Ord for Event {
        fn cmp(&self, other: &Self) -> Ordering {
            self.at_s.total_cmp(&other.at_s).then(self.noted.cmp(&other.noted))
        }
    }
    impl PartialOrd for Event {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl PartialEq for Event {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other) == Ordering::Equal
        }
    }
    impl Eq for Event {}

    #[derive(Default)]
    struct Agenda {
        events: BinaryHeap<Reverse<Event>>,
        noted: usize,
    }

    impl Agenda {
        fn note(&mut self, at_s: f64, task: usize, stage: usize, kind: EventKind) {
            self.noted += 1;
            self.events.push(Reverse(Event { at_s, noted: self.noted, task, stage, kind }));
        }
    }

    /// Delays of tasks by an explicit list of events, queues and busy servers; on one clock from beginning to end.
    fn by_events(tandem: &Tandem, gaps_s: &[f64], service_s: &[Vec<f64>]) -> Vec<f64> {
        let stages = tandem.service_s.len();
        let mut agenda = Agenda::default();
        let mut arrived_s = Vec::new();
        let mut clock = 0.0;
        for (task, gap) in gaps_s.iter().enumerate() {
            clock += gap;
            arrived_s.push(clock);
            agenda.note(clock + tandem.hops_s[0], task, 0, EventKind::Reaches);
        }
        let mut waiting = vec![VecDeque::new(); stages];
        let mut is_busy = vec![false; stages];
        let mut delays = vec![f64::NAN; gaps_s.len()];
        while let Some(Reverse(Event { at_s, task, stage, kind, .. })) = agenda.events.pop() {
            match kind {
                EventKind::Reaches => waiting[stage].push_back(task),
                EventKind::Completes => {
                    is_busy[stage] = false;
                    let next_s = at_s + tandem.hops_s[stage + 1];
                    if stage + 1 < stages {
                        agenda.note(next_s, task, stage + 1, EventKind::Reaches);
                    } else {
                        delays[task] = next_s - arrived_s[task];
                    }
                }
            }
            if !is_busy[stage]
                && let Some(next) = waiting[stage].pop_front()
            {
                is_busy[stage] = true;
                agenda.note(at_s + service_s[next][stage], next, stage, EventKind::Completes);
            }
        }
        delays
    }

    #[test]
    fn the_recursion_is_what_an_event_list_does() {
        let tandems = [
            (0.7, vec![0.6, 1.1, 0.9, 1.0], vec![0.0; 5]),
            (0.7, vec![0.6, 1.1, 0.9, 1.0], vec![2.0, 0.0, 0.3, 7.0, 0.1]),
            (0.95, vec![1.0], vec![0.5, 0.0]),
            (0.1, vec![1.0, 1.0, 1.0], vec![0.0, 50.0, 0.0, 0.0]),
        ];
        let tasks = 5000;
        for (rate_per_s, service_s, hops_s) in tandems {
            let tandem = Tandem { rate_per_s, service_s, hops_s };
            let bursty = Arrivals::Bursty(Bursty::new(20.0).expect("legal"));
            for (service, arrivals) in [
                (Service::Exponential, &Arrivals::Poisson),
                (Service::Deterministic, &Arrivals::Poisson),
                (Service::Exponential, &bursty),
            ] {
                let stages = tandem.service_s.len();
                let mut draws = Draws::new(&tandem, service, arrivals, 0, 1);
                let (mut gaps, mut services) = (Vec::new(), Vec::new());
                for _ in 0..tasks {
                    gaps.push(draws.gap_s());
                    services.push((0..stages).map(|n| draws.service_s(n)).collect::<Vec<_>>());
                }
                let expected = by_events(&tandem, &gaps, &services);
                let mut line = Line::empty(&tandem);
                for (k, expected) in expected.iter().enumerate() {
                    let delay = line.pass(gaps[k], |n| services[k][n]);
                    assert!((delay - expected).abs() <= 1e-9, "task {k}: {delay} against {expected}");
                }
            }
        }
    }

    #[test]
    fn the_order_of_constant_stages_does_not_matter() {
        let orders = [[0.6, 1.1, 0.9, 1.0], [1.1, 1.0, 0.9, 0.6], [0.9, 0.6, 1.0, 1.1]];
        let means = orders.map(|order| {
            let tandem = Tandem { rate_per_s: 0.7, service_s: order.to_vec(), hops_s: vec![0.0; 5] };
            mean_delay(&tandem, Service::Deterministic, &Arrivals::Poisson, 10_000, 0, 3).mean()
        });
        assert!((means[0] - means[1]).abs() < 1e-9 && (means[0] - means[2]).abs() < 1e-9, "{means:?}");
    }
}
