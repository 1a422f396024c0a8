//! Two studies beside each other: the rank of every method in both, by its mean gap.
//!
//! A suite pairs them (`beside`): the same families, seeds and methods under another model of costs, say. Ranks are taken among the methods that have a solution of every
//! instance in both studies; means that differ by no more than the tolerance share a rank. Of methods that compute bounds only there is nothing to rank.

use std::collections::{BTreeMap, BTreeSet};

use offcut_ledger::Study;

use super::cells::{gap_cell, partial};
use crate::results::{MeanGap, Results, Series};
use crate::table::{Cell, Column, Table};

/// What one study says of a method.
#[derive(Clone, Copy, Debug)]
struct Place {
    gap: Option<MeanGap>,
    /// Rows with a feasible solution, and attempted ones.
    feasible: (usize, usize),
    rank: Option<usize>,
}

/// A study beside the one that it names, as a table and in a sentence; none if that is not in the run, or nothing of it.
pub fn beside(results: &Results, study: &Study) -> Option<(Table, String)> {
    let other = study.beside.as_ref()?;
    let other = results.manifest.studies.iter().find(|known| known.name == *other)?;
    let studies = [other, study];
    let mut places = studies.map(|study| places(&results.series(study)));
    let is_ranked = |place: &Place| place.gap.is_some() && place.feasible.0 == place.feasible.1;
    let in_both = places[0].keys().filter(|name| places.iter().all(|of| of.get(*name).is_some_and(is_ranked)));
    let in_both: BTreeSet<String> = in_both.cloned().collect();
    places.iter_mut().for_each(|of| rank(results, of, &in_both));
    let table = table(results, study, studies, &places);
    let changes = in_both.iter().filter(|name| places[0][*name].rank != places[1][*name].rank).count();
    let words = match changes {
        _ if in_both.is_empty() => return None,
        0 => format!("No rank of the {} methods that solve all instances of both studies changes.", in_both.len()),
        1 => format!("The rank of 1 of {} methods changes.", in_both.len()),
        more => format!("The ranks of {more} of {} methods change.", in_both.len()),
    };
    Some((table, format!("Beside \"{}\": {words}", other.title)))
}

/// What a study says of its methods, without ranks.
fn places(series: &[Series]) -> BTreeMap<String, Place> {
    let of = |series: &Series| {
        let rows = || series.points.iter().flat_map(|point| &point.results).filter(|result| result.is_attempted());
        let gaps: Vec<_> = rows().filter_map(|result| result.gap).collect();
        let feasible = (rows().filter(|result| result.objective.is_some()).count(), rows().count());
        (series.name.to_owned(), Place { gap: MeanGap::of(&gaps), feasible, rank: None })
    };
    series.iter().filter(|series| !series.is_bound_only()).map(of).collect()
}

/// Ranks some of the methods: 1 and the number of those that are nearer by more than the tolerance.
fn rank(results: &Results, places: &mut BTreeMap<String, Place>, ranked: &BTreeSet<String>) {
    let tolerance = results.tolerance(true);
    let high = |places: &BTreeMap<String, Place>, name: &String| places[name].gap.map_or(f64::INFINITY, |gap| gap.high);
    for name in ranked {
        let own = high(places, name);
        let nearer = ranked.iter().filter(|other| high(places, other) < own - tolerance).count();
        places.get_mut(name).expect("of these").rank = Some(nearer + 1);
    }
}

fn table(results: &Results, study: &Study, studies: [&Study; 2], places: &[BTreeMap<String, Place>; 2]) -> Table {
    let mut columns = vec![Column::words("method", "method")];
    for study in studies {
        columns.push(Column::bounded(format!("{}: mean gap (%)", study.name), format!("{}_percent", study.name)));
        columns.push(Column::numbers(format!("{}: rank", study.name), format!("{}_rank", study.name)));
    }
    let title = format!("{}: ranks beside {}", study.title, studies[0].name);
    let note =
        "Ranks by mean gap, of the methods with a solution in every row of both studies; (a/b): a of b rows have one.";
    let mut table = Table::new(&format!("{}-ranks", study.name), title, note, columns);
    let mut names: Vec<&String> = places.iter().flat_map(BTreeMap::keys).collect();
    let order =
        |name: &&String| (places[0].get(*name).and_then(|place| place.rank).unwrap_or(usize::MAX), (*name).clone());
    names.sort_by_key(order);
    names.dedup();
    for name in names {
        let mut row = vec![Cell::text(name)];
        row.extend(places.iter().flat_map(|of| cells(results, of.get(name))));
        table.push(row);
    }
    table
}

fn cells(results: &Results, place: Option<&Place>) -> [Cell; 2] {
    let gap = place.and_then(|place| place.gap.map(|gap| (gap, place.feasible)));
    let gap = gap.map_or_else(Cell::absent, |(gap, feasible)| {
        let mut cell = gap_cell(results, gap.high, gap.certified);
        cell.text += &partial(feasible);
        cell
    });
    [gap, place.and_then(|place| place.rank).map_or_else(Cell::absent, Cell::count)]
}
