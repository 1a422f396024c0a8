//! Printed tables: within the page of an article, with labels of their own.

use std::collections::BTreeSet;

use offcut_reports::drawing;
use offcut_reports::figure::{Axis, Dot, Dots, Figure, Plot, Role, Styles};
use offcut_reports::latex::{self, MAX_COLUMNS, TEXT_WIDTH_PT};
use offcut_reports::table::{Cell, Column, Style, Table};

/// A table like those of a run with many methods: long names, many columns, marks.
fn of_many_methods(methods: usize, places: usize) -> Table {
    let name = |at: usize| ["cra-markov:beta=50 (continuous)", "equal-split", "online-primal-dual", "iao"][at % 4];
    let columns = std::iter::once(Column::numbers("estimation error e", "e"));
    let columns = columns.chain((0..methods).map(|at| Column::bounded(format!("{} gap (%)", name(at)), name(at))));
    let mut table = Table::new("many-methods", "Many methods", "A note.", columns.collect());
    table.turns = true;
    for place in 0..places {
        let cell = |at: usize| match at % 3 {
            0 => Cell::number("10,621.7 (17/23)", 1.0).styled(Style::Unchecked),
            1 => Cell::text("none (0/23)").styled(Style::Failure),
            _ => Cell::number("0.244", 2.0),
        };
        table.push(
            std::iter::once(Cell::number(place.to_string(), place as f64)).chain((0..methods).map(cell)).collect(),
        );
    }
    table
}

#[test]
fn every_printed_table_fits_the_page() {
    for methods in [1, 3, 6, 7, 12, 30] {
        for places in [1, 4, 6, 7, 30, 200] {
            let table = of_many_methods(methods, places);
            let width = latex::width_pt(&table);
            assert!(width <= TEXT_WIDTH_PT, "{methods} methods, {places} places: {width}");
            let text = latex::table_of("jpdra", &table);
            let rows: Vec<&str> = text.lines().filter(|line| line.ends_with(" \\\\")).collect();
            assert!(rows.iter().all(|row| row.matches('&').count() < MAX_COLUMNS), "{text}");
            // Whatever has no room is named.
            let is_turned = methods + 1 > MAX_COLUMNS && places < MAX_COLUMNS;
            assert_eq!(text.contains("Left out here"), methods + 1 > MAX_COLUMNS && !is_turned, "{methods} {places}");
        }
    }
}

#[test]
fn labels_are_of_their_problem() {
    let table = of_many_methods(2, 2);
    let labels: BTreeSet<String> = ["jpdra", "lymdo", ""]
        .map(|problem| {
            let text = latex::table_of(problem, &table);
            let label = text.split("\\label{").nth(1).and_then(|rest| rest.split('}').next()).expect("a label");
            label.to_owned()
        })
        .into();
    assert!(latex::table_of("a\tb} c", &table).contains("\\label{tab:a-b-c:many-methods}"));
    assert_eq!(
        labels,
        ["tab:jpdra:many-methods", "tab:lymdo:many-methods", "tab:many-methods"].map(str::to_owned).into()
    );
}

#[test]
fn figures_are_pdf_of_one_page_with_every_letter() {
    let dot = |name: &str, mean| Dot {
        name: name.into(),
        mean,
        interval: Some((0.5, 4.0)),
        max: 9.0,
        certified: true,
        time_s: None,
        role: Role::Heuristic,
    };
    let dots = Dots {
        axis: Axis { label: "gap (%)".into(), log: false },
        dots: vec![dot("iao", 1.0), dot("µ×–", 2.0)],
        times: None,
    };
    let figure = Figure { id: "f".into(), title: "t".into(), caption: String::new(), plot: Plot::Dots(dots) };
    let file = drawing::pdf(&figure, &Styles::default());
    assert!(file.starts_with(b"%PDF-1.") && file.trim_ascii_end().ends_with(b"%%EOF"));
    assert_eq!(file, drawing::pdf(&figure, &Styles::default()), "the same bytes");
    let text = String::from_utf8_lossy(&file);
    assert_eq!(text.matches("/Type /Page\n").count(), 1, "{text}");
    // 820 pixels of 0.75 points; an outline for every letter, used more often than there are letters.
    assert!(text.contains("/MediaBox [0 0 615 "), "{text}");
    let (outlines, uses) = (text.matches("/Subtype /Form").count(), text.matches(" Do\n").count());
    assert!(outlines > 10 && outlines < 40 && uses > outlines, "{outlines} {uses}");
}
