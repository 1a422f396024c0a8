//! What is printed of a run.

use offcut_instances::lymdo::Service;
use offcut_instances::prototype::{Objective, Outcome, Prototype};
use offcut_instances::terminal::one_line;

use crate::report::{seconds, table};

/// Everything, ready to print.
pub fn text(results: &Prototype) -> String {
    let mut text = head(results);
    for outcome in &results.outcomes {
        text +=
            &format!("\n{}: {} processes\n{}\n", one_line(&outcome.answer), outcome.processes, rows(results, outcome));
    }
    text += "\nThe parts are what each adds to the error, in percentage points. Late is by how much, in percent of the prediction, stages ended after they were due: this machine was busy then.\n";
    text + &summary(results)
}

fn head(results: &Prototype) -> String {
    let load = |load: Option<f64>| load.map_or_else(|| "unknown".into(), |load| format!("{load:.2}"));
    let mut text = format!(
        "{} {}: {} on {}, load {} before and {} after\n",
        results.problem,
        one_line(&results.instance),
        results.engine,
        results.processor,
        load(results.load[0]),
        load(results.load[1]),
    );
    if results.dilation != 1.0 {
        text += &format!(
            "All durations are {} times as long; times are printed as those of the instance.\n",
            results.dilation
        );
    }
    text += match results.service {
        None => {
            "Tasks come one at a time: units, cores and links are nobody else's in the model, and running all at once would make them share this machine's.\n"
        }
        Some(Service::Exponential) => {
            "Tasks arrive as Poisson processes; every stage is a queue with a share of its own, and service times are drawn from exponential distributions.\n"
        }
        Some(Service::Deterministic) => {
            "Tasks arrive as Poisson processes; every stage is a queue with a share of its own, and takes the same time for every task.\n"
        }
    };
    match &results.kind {
        Some(kind) => text += &format!("This core is a machine of the kind {}.\n", one_line(kind)),
        None => text += &format!("This core: {:.3e} MAC/s over these networks.\n", results.macs_per_s),
    }
    let mut whole = table(&["whole network", "here", "by the instance", "here / instance"]);
    for one in &results.calibrations {
        let ratio = one.instance_s.map(|instance_s| format!("{:.3}", one.whole_s / instance_s));
        let instance = one.instance_s.map(seconds).unwrap_or_else(|| "-".into());
        whole.add_row([one_line(&one.model), seconds(one.whole_s), instance, ratio.unwrap_or_else(|| "-".into())]);
    }
    format!("{text}\n{whole}\n")
}

fn percent(error: f64) -> String {
    format!("{:+.1} %", 100.0 * error)
}

fn rows(results: &Prototype, outcome: &Outcome) -> comfy_table::Table {
    let arrives = results.seconds.is_some();
    let mut header = vec!["", "model", "cut", "tasks", "predicted", "measured", "10 %", "90 %", "error"];
    header.extend(["device", "link", "server", "queueing", "late", "by MACs", "its error"]);
    if arrives {
        header.extend(["mean, 95 %", "same draws", "its error"]);
    }
    if outcome.rows.iter().any(|row| row.met.is_some()) {
        header.push("in time");
    }
    let mut rows = table(&header);
    for row in &outcome.rows {
        let mut cells = vec![row.route.clone(), one_line(&row.model), row.cut.clone(), row.tasks.to_string()];
        cells.extend([row.predicted_s, row.measured_s, row.spread_s[0], row.spread_s[1]].map(seconds));
        cells.push(percent(row.error));
        cells.extend(row.error_parts().map(|share| format!("{:+.1}", 100.0 * share)));
        cells.push(format!("{:.1}", 100.0 * row.late_s / row.predicted_s));
        cells.push(row.by_macs_s.map_or_else(|| "-".into(), seconds));
        cells.push(row.by_macs_error.map_or_else(|| "-".into(), percent));
        if arrives {
            cells.push(row.interval_s.map_or_else(|| "-".into(), |ends| ends.map(seconds).join(" to ")));
            cells.push(row.same_draws_s.map_or_else(|| "-".into(), seconds));
            cells.push(row.same_draws_error.map_or_else(|| "-".into(), percent));
        }
        cells.extend(row.met.map(|met| format!("{:.0} %", 100.0 * met)));
        rows.add_row(cells);
    }
    rows
}

fn summary(results: &Prototype) -> String {
    let mut text = format!("\nmedian relative error {:.1} %", 100.0 * results.median_error);
    if let Some(by_macs) = results.median_error_by_macs {
        text += &format!(", predicted by MACs {:.1} %", 100.0 * by_macs);
    }
    if let Some(same) = results.median_error_same_draws {
        text += &format!(", with the arrivals and service times as drawn {:.1} %", 100.0 * same);
    }
    text += &format!("; outputs differ from the uncut network's by {:.1e} at most\n", results.largest_difference);
    if results.outcomes.len() > 1 {
        let what = match results.objective {
            Objective::Largest => "largest latency",
            Objective::Sum => "weighted sum of latencies",
            Objective::MeanOfAdmitted => "mean latency of the admitted",
        };
        let mut answers = table(&["answer", what, "measured", "place", "place measured"]);
        let place = |order: &[usize], i: usize| (1 + order.iter().position(|&at| at == i).unwrap_or(0)).to_string();
        let [by, measured] = results.orders();
        for (i, outcome) in results.outcomes.iter().enumerate() {
            let [predicted_s, measured_s] = [outcome.predicted_s, outcome.measured_s].map(seconds);
            answers.add_row([one_line(&outcome.answer), predicted_s, measured_s, place(&by, i), place(&measured, i)]);
        }
        let same = if by == measured { "the same order" } else { "another order" };
        text += &format!("\n{answers}\nby prediction and by measurement: {same}\n");
    }
    text
}
