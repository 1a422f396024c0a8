//! The worst ratio of every method against every other one, as a table.

use offcut_instances::problem::Sense;
use serde::Serialize;

use super::judge::Ratio;

/// An ordered pair of methods.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The method that is worse.
    pub method: String,
    /// The method it is compared with; the certified optimum if none.
    pub against: Option<String>,
    /// The worst ratio found; none if no instance counted.
    pub ratio: Option<Ratio>,
    /// Seconds of searching.
    pub seconds: f64,
    /// Instances judged.
    pub tried: u64,
}

/// What the column of the certified optimum is called.
pub(super) const OPTIMUM: &str = "optimum";

impl Cell {
    pub(super) fn against(&self) -> &str {
        self.against.as_deref().unwrap_or(OPTIMUM)
    }
}

/// One line a pair.
pub fn csv(cells: &[Cell]) -> String {
    let mut lines = vec!["method,against,ratio,other_end,objective,reference,bound,proven,seconds,tried".to_owned()];
    // A name of a method holds no quote; with several parameters it holds commas.
    let quoted = |name: &str| if name.contains(',') { format!("\"{name}\"") } else { name.to_owned() };
    for cell in cells {
        let of = |value: &dyn Fn(&Ratio) -> Option<f64>| {
            cell.ratio.as_ref().and_then(value).map_or(String::new(), |value| value.to_string())
        };
        let numbers = [
            of(&|ratio| Some(ratio.ratio)),
            of(&|ratio| Some(ratio.other_end).filter(|end| end.is_finite())),
            of(&|ratio| Some(ratio.objective[0])),
            of(&|ratio| Some(ratio.reference[0])),
            of(&|ratio| ratio.bound),
            of(&|ratio| ratio.proven),
        ];
        let (method, against) = (quoted(&cell.method), quoted(cell.against()));
        lines.push(format!("{method},{against},{},{:.1},{}", numbers.join(","), cell.seconds, cell.tried));
    }
    lines.join("\n") + "\n"
}

/// All methods of the cells, in the order in which they come.
pub(super) fn methods_of(cells: &[Cell]) -> Vec<&str> {
    let mut methods: Vec<&str> = Vec::new();
    let names = cells.iter().flat_map(|cell| [Some(cell.method.as_str()), cell.against.as_deref()]);
    for name in names.flatten() {
        if !methods.contains(&name) {
            methods.push(name);
        }
    }
    methods
}

/// The methods that have a row: those that were searched.
pub(super) fn rows_of(cells: &[Cell]) -> Vec<&str> {
    methods_of(cells).into_iter().filter(|method| cells.iter().any(|cell| cell.method == *method)).collect()
}

/// The worst ratio found of a method against another one, or against [`OPTIMUM`].
pub(super) fn ratio_of(cells: &[Cell], method: &str, against: &str) -> Option<Ratio> {
    cells.iter().find(|cell| cell.method == method && cell.against() == against).and_then(|cell| cell.ratio)
}

/// Which ratios are worse, in words.
pub(super) fn worse(sense: Sense) -> &'static str {
    match sense {
        Sense::Maximise => "less is worse",
        Sense::Minimise => "more is worse",
    }
}

/// A ratio as it is written in a table: four decimals, or three digits and a power of ten where it is large, or small and not 0.
pub(super) fn short(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 1e4 || (value > 0.0 && value < 1e-3) => format!("{value:.2e}"),
        Some(value) => format!("{value:.4}"),
    }
}

/// A table: a row for each method, a column for the optimum, one for what is proved, one for each method it is compared with.
pub fn markdown(problem: &str, variant: &str, sense: Sense, cells: &[Cell]) -> String {
    let methods = methods_of(cells);
    let seconds = cells.iter().map(|cell| cell.seconds).fold(0.0, f64::max);
    let worse = worse(sense);
    let mut text = format!(
        "Worst ratios found, `{problem}` ({variant}): the row's objective over the column's on one instance, both checked; {worse}. \
         At most {seconds:.0} s a pair. `proven`: what the ratio to the optimum cannot be worse than, on the instance found.\n\n"
    );
    text += &format!("| method | {OPTIMUM} | proven | {} |\n", methods.join(" | "));
    text += &format!("|---|--:|--:|{}\n", "--:|".repeat(methods.len()));
    for method in rows_of(cells) {
        let ratio = |against: &str| ratio_of(cells, method, against);
        let others = methods
            .iter()
            .map(|other| if *other == method { String::new() } else { short(ratio(other).map(|ratio| ratio.ratio)) });
        let others: Vec<String> = others.collect();
        let optimum = ratio(OPTIMUM);
        let (found, proven) = (short(optimum.map(|ratio| ratio.ratio)), short(optimum.and_then(|ratio| ratio.proven)));
        text += &format!("| `{method}` | {found} | {proven} | {} |\n", others.join(" | "));
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A pair that took 3 s and 7 instances; against the optimum a ratio of 1/4 is proved.
    pub(in crate::adversary) fn cell(method: &str, against: Option<&str>, ratio: Option<f64>) -> Cell {
        let ratio = ratio.map(|ratio| Ratio {
            ratio,
            other_end: ratio,
            objective: [1.0, 1.0],
            reference: [2.0, 2.0],
            bound: against.is_none().then_some(2.0),
            proven: against.is_none().then_some(0.25),
        });
        Cell { method: method.into(), against: against.map(str::to_owned), ratio, seconds: 3.0, tried: 7 }
    }

    #[test]
    fn ratios_are_short() {
        let written = [None, Some(0.0), Some(0.5), Some(0.0001), Some(9999.5), Some(1.0076e33)].map(short);
        assert_eq!(written, ["-", "0.0000", "0.5000", "1.00e-4", "9999.5000", "1.01e33"]);
    }

    #[test]
    fn every_pair_has_its_place() {
        let cells =
            [cell("a", None, Some(0.5)), cell("a", Some("b:x=1,y=2"), Some(0.75)), cell("b:x=1,y=2", Some("a"), None)];
        let table = markdown("throughput", "count", Sense::Maximise, &cells);
        assert!(table.contains("| `a` | 0.5000 | 0.2500 |  | 0.7500 |\n"), "{table}");
        assert!(table.contains("| `b:x=1,y=2` | - | - | - |  |\n"), "{table}");
        let csv = csv(&cells);
        assert_eq!(csv.lines().count(), 4);
        assert!(csv.contains("a,optimum,0.5,0.5,1,2,2,0.25,3.0,7\n"), "{csv}");
        assert!(csv.contains("\"b:x=1,y=2\",a,,,,,,,3.0,7\n"), "{csv}");
    }
}
