//! Where the numbers come from.

use std::collections::{BTreeMap, BTreeSet};

use offcut_instances::problem::Sense;
use offcut_ledger::Manifest;

use crate::comparison::noise;
use crate::numbers::{self, whole};
use crate::options::Options;
use crate::results::Results;

/// Names and values.
pub(super) fn lines(results: &Results, options: &Options) -> Vec<(String, String)> {
    let Manifest { id, problem, sense, objective, order_seed, jobs, tolerance, environment, .. } = results.manifest;
    let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    let mut budgets: BTreeMap<String, usize> = BTreeMap::new();
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for row in results.rows {
        let budget = &row.key.budget;
        let time = budget.time_s.map_or("no time limit".into(), |s| format!("{} s", numbers::data(s)));
        let memory = budget.memory_bytes.map_or("no memory limit".into(), numbers::bytes);
        let threads = if budget.threads == 1 { "1 thread".into() } else { format!("{} threads", budget.threads) };
        *budgets.entry(format!("{time}, {memory}, {threads}")).or_default() += 1;
        *codes.entry(&row.key.code).or_default() += 1;
    }
    let listed = |of: Vec<(String, usize)>| match &of[..] {
        [] => "none".to_owned(),
        [(only, _)] => only.clone(),
        _ => of.iter().map(|(what, rows)| format!("{what} ({rows} rows)")).collect::<Vec<_>>().join("; "),
    };
    let sense = match sense {
        Sense::Minimise => "minimise",
        Sense::Maximise => "maximise",
    };
    let unit = if objective.unit.is_empty() { String::new() } else { format!(" ({})", objective.unit) };
    let mut lines: Vec<(&str, String)> = vec![
        ("run", id.clone()),
        ("problem", format!("{problem}: {sense} {}{unit}", objective.name)),
        ("Offcut", known(&environment.version)),
        ("commit", known(&environment.commit)),
        ("code of the rows", listed(codes.into_iter().map(|(code, n)| (code.to_owned(), n)).collect())),
        ("processor", format!("{}, {} logical processors", known(&environment.processor), environment.processors)),
        ("memory", numbers::bytes(environment.memory_bytes)),
        ("system", known(&environment.system)),
        ("started", numbers::utc(environment.began_unix_s)),
        (
            "rows",
            format!("{} on {} instances", whole(results.rows.len() as u64), whole(results.instances().len() as u64)),
        ),
        ("instances", families(results)),
        ("budget", listed(budgets.into_iter().collect())),
        (
            "tolerances",
            format!(
                "claims {:e}, certified gaps {:e}, solver-reported bounds {:e} (relative)",
                tolerance.claim_relative, tolerance.gap_relative, tolerance.word_relative
            ),
        ),
        ("order seed", order_seed.to_string()),
        ("cells in parallel", jobs.to_string()),
    ];
    lines.push(("isolation of cells", isolation(results)));
    lines.extend(beyond_threads(results).map(|rows| ("CPU beyond threads x wall", rows)));
    lines.extend(options.evidence.as_ref().map(|evidence| ("evidence", evidence.told())));
    let known = results.best.keys().filter(|instance| options.library.contains_key(*instance)).count();
    if known > 0 {
        let known = format!("of this run and of a frozen library for {} of its instances", whole(known as u64));
        lines.push(("best known values", known));
    }
    lines.extend(noise::description(&results.manifest.reference).map(|noise| ("machine noise", noise)));
    lines.extend(noise::nodes(&results.manifest.reference, results.rows).map(|nodes| ("nodes", nodes)));
    lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What kept the processes of cells to themselves, and of how many rows.
fn isolation(results: &Results) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for process in results.rows.iter().filter_map(|row| row.process.as_ref()) {
        let words = if process.isolation.is_empty() { "not recorded".into() } else { process.isolation.join(" ") };
        *kinds.entry(words).or_default() += 1;
    }
    match kinds.is_empty() {
        true => "not recorded".into(),
        false => kinds.iter().map(|(words, n)| format!("{words} ({n} rows)")).collect::<Vec<_>>().join("; "),
    }
}

/// The methods with rows whose CPU seconds exceed threads x wall-clock seconds; none if there are no such rows.
fn beyond_threads(results: &Results) -> Option<String> {
    let mut methods: BTreeMap<&str, usize> = BTreeMap::new();
    for row in results.rows {
        let is_beyond = row.process.as_ref().is_some_and(|process| process.shows_more_than(row.key.budget.threads));
        if is_beyond {
            *methods.entry(&row.key.method).or_default() += 1;
        }
    }
    let listed: Vec<String> = methods.iter().map(|(method, n)| format!("{method} ({n} rows)")).collect();
    (!listed.is_empty()).then(|| format!("{}: compare their times with care", listed.join(", ")))
}

/// The families of the instances with what the suite sets and is no number, e.g. their machines, and how many instances there are of each.
fn families(results: &Results) -> String {
    const SHOWN: usize = 12;
    let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for row in results.rows {
        let label = &row.instance;
        let settings: Vec<String> = label.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let family = if label.family.is_empty() { "from files" } else { &label.family };
        let group =
            if settings.is_empty() { family.to_owned() } else { format!("{family} with {}", settings.join(", ")) };
        groups.entry(group).or_default().insert(&row.key.instance);
    }
    let mut lines: Vec<String> = groups
        .iter()
        .take(SHOWN)
        .map(|(group, instances)| format!("{} of {group}", whole(instances.len() as u64)))
        .collect();
    if groups.len() > SHOWN {
        lines.push(format!("{} further groups", groups.len() - SHOWN));
    }
    lines.join("; ")
}
