//! Answers that were run for real, in a report.

use offcut_instances::prototype::{Objective, Outcome, Parts, Prototype, Row};
use offcut_reports::figure::{Plot, Shape};
use offcut_reports::{Options, Report, csv};

use crate::definitions::run;

fn row(route: &str, predicted_s: f64, measured_s: f64) -> Row {
    let parts = |server_s: f64| Parts { device_s: 0.25, link_s: 0.25, server_s: server_s - 0.5, queueing_s: 0.0 };
    Row {
        route: route.into(),
        model: "alexnet".into(),
        cut: "3 of 8".into(),
        tasks: 20,
        predicted: parts(predicted_s),
        predicted_s,
        by_macs_s: Some(2.0 * measured_s),
        same_draws_s: None,
        measured: parts(measured_s),
        measured_s,
        spread_s: [measured_s * 0.9, measured_s * 1.1],
        interval_s: None,
        error: measured_s / predicted_s - 1.0,
        by_macs_error: Some(-0.5),
        same_draws_error: None,
        late_s: 0.0,
        cpu_s: 0.1,
        deadline_s: None,
        met: None,
        largest_difference: 0.0,
    }
}

fn outcome(answer: &str, rows: Vec<Row>) -> Outcome {
    let sum = |of: fn(&Row) -> f64| rows.iter().map(of).fold(0.0, f64::max);
    let (predicted_s, measured_s) = (sum(|row| row.predicted_s), sum(|row| row.measured_s));
    Outcome { answer: answer.into(), predicted_s, measured_s, processes: 3, rows }
}

fn prototype() -> Prototype {
    Prototype {
        offcut: Prototype::KIND.into(),
        version: Prototype::VERSION,
        problem: "multiuser".into(),
        instance: "five users".into(),
        file: "five.json".into(),
        objective: Objective::Largest,
        processor: "a processor".into(),
        logical_processors: 2,
        load: [Some(0.1), None],
        engine: "tract 0".into(),
        date: "2026-01-01".into(),
        seed: 0,
        dilation: 2.0,
        repetitions: Some(20),
        seconds: None,
        service: None,
        kind: None,
        macs_per_s: 1e10,
        calibrations: Vec::new(),
        median_error: 0.0,
        median_error_by_macs: None,
        median_error_same_draws: None,
        largest_difference: 0.0,
        outcomes: vec![
            outcome("some/iao.json", vec![row("user 0", 1.0, 1.1), row("user 1", 2.0, 2.1)]),
            outcome("edge-only.json", vec![row("user 0", 1.5, 1.5), row("user 1", 3.0, 2.0)]),
        ],
    }
}

#[test]
fn predicted_and_measured_stand_side_by_side() {
    let (manifest, rows) = run();
    let options = Options { prototypes: vec![prototype()], ..Options::default() };
    let report = Report::new(&manifest, &rows, &options);
    let section = report.sections.iter().find(|section| section.title.starts_with("Prototype")).expect("there");
    // Errors are 10, 5, 0 and -33 %.
    assert_eq!(
        section.paragraphs[0],
        "4 latencies: the median relative error of the prediction is 7.5 %, by MACs 50.0 %. On 0 of 1 instances the answers are in the same order by prediction and by measurement."
    );
    assert!(section.paragraphs[2].contains("load 0.10 before and unknown after, all durations 2 times as long"));
    let table = |id: &str| csv::table(report.tables().find(|table| table.id == id).expect(id));
    let answers = table("prototype_answers");
    assert!(answers.contains("iao,largest latency,2,2.1,5,1,2,3"), "{answers}");
    assert!(
        answers.contains("edge-only,largest latency,3,2.1,-30,2,1,3")
            || answers.contains("edge-only,largest latency,3,2,"),
        "{answers}"
    );
    let latencies = table("prototype_latencies");
    assert!(latencies.lines().count() == 5 && latencies.contains("user 1"), "{latencies}");
    let Plot::Lines(lines) = &section.figures[0].plot else { panic!("a line chart") };
    assert_eq!((lines.shape, lines.lines.len()), (Shape::Points, 2));
    let names: Vec<&str> = lines.lines.iter().map(|line| line.names[0].as_str()).collect();
    assert_eq!(names, ["edge-only", "iao"]);
    let svg = offcut_reports::drawing::svg(&section.figures[0]);
    assert!(svg.contains("equal") && svg.contains("iao"));
    let without = Report::new(&manifest, &rows, &Options::default());
    assert!(without.sections.iter().all(|section| !section.title.starts_with("Prototype")));
}
