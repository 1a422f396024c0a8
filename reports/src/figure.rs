//! A figure: what it shows, not how it is drawn.

use std::collections::BTreeMap;

use crate::statistics::range;

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The name of its files.
    pub id: String,
    /// Its title, for the caption.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// What is in it.
    pub plot: Plot,
}

/// The kinds of figures.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// A quantity over an axis, one line a series.
    Lines(Lines),
    /// Line charts one under the other, over the same axis.
    Panels(Vec<Lines>),
    /// One value a method, with an interval, side by side.
    Dots(Dots),
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its name with its unit.
    pub label: String,
    /// Whether it is logarithmic. Values that are 0 then have a place of their own, beside the smallest.
    pub log: bool,
}

/// A line chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// What is varied.
    pub x: Axis,
    /// What is measured.
    pub y: Axis,
    /// The lines; series that coincide are one line with several names.
    pub lines: Vec<Line>,
    /// A proven limit or a virtual best, drawn as a line of its own: its name and its points.
    pub limit: Option<(String, Vec<(f64, f64)>)>,
    /// What lies between points.
    pub shape: Shape,
}

/// What lies between the points of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// They are joined, and marked.
    Joined,
    /// Nothing: they are marked, and bands are bars.
    Points,
    /// Shares in percent that hold until the next place.
    Stairs {
        /// Whether places are seconds, to be written with a unit that fits each.
        over_seconds: bool,
    },
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The series it stands for.
    pub names: Vec<String>,
    /// Its points by place on the axis.
    pub points: Vec<Mark>,
    /// A proven limit of its own, one value for all places, dashed in the line's colour.
    pub limit: Option<f64>,
}

/// One point of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// The place on the axis.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// The band around it.
    pub band: Option<(f64, f64)>,
}

/// A dot chart of gaps in percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Dots {
    /// The axis of the gaps; if logarithmic, gaps that count as 0 have a place of their own left of it.
    pub axis: Axis,
    /// The dots from top to bottom.
    pub dots: Vec<Dot>,
    /// The label of a second, logarithmic axis of seconds beside the first; none if no times are drawn.
    pub times: Option<String>,
}

/// One method's gap in percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// The method.
    pub name: String,
    /// The mean; exactly 0 if it counts as 0.
    pub mean: f64,
    /// A 95 % interval of the mean.
    pub interval: Option<(f64, f64)>,
    /// The largest.
    pub max: f64,
    /// Whether it rests on certificates (a filled dot) or on a solver-reported bound (a hollow one).
    pub certified: bool,
    /// Its mean time in seconds, on the second axis.
    pub time_s: Option<f64>,
    /// What the method is to the report.
    pub role: Role,
}

/// What a method is to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The paper's algorithm.
    Paper,
    /// A program from outside, given to `offcut run`.
    PlugIn,
    /// Any other method without a bound of its own.
    Heuristic,
    /// A method that returned a bound.
    Exact,
}

impl Role {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper\u{2019}s algorithm",
            Self::PlugIn => "plug-in",
            Self::Heuristic => "heuristic",
            Self::Exact => "exact",
        }
    }
}

/// The colour and mark of every method, the same in all figures of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Styles(BTreeMap<String, usize>);

impl Styles {
    /// Numbers the methods: `first` (the paper's algorithm) before all others, these in their order.
    pub fn new<'n>(first: Option<&'n str>, names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut styles = BTreeMap::new();
        for name in first.into_iter().chain(names) {
            let next = styles.len();
            styles.entry(method_of(name).to_owned()).or_insert(next);
        }
        Self(styles)
    }

    /// The number of a method's style, whatever a figure adds to its name in parentheses; none of a name that is no method.
    /// ```
    /// use offcut_reports::figure::Styles;
    /// let styles = Styles::new(Some("iao"), ["greedy", "iao"]);
    /// assert_eq!([styles.of("iao (max)"), styles.of("greedy"), styles.of("other")], [Some(0), Some(1), None]);
    /// ```
    pub fn of(&self, name: &str) -> Option<usize> {
        self.0.get(method_of(name)).copied()
    }
}

/// The method that a name in a figure or table stands for: without variant or kind in parentheses.
pub(crate) fn method_of(name: &str) -> &str {
    name.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")).map_or(name, |(method, _)| method)
}

/// Beyond this ratio of largest to smallest value an axis is logarithmic.
const LOG_RATIO: f64 = 20.0;

/// Whether the axis of these values is logarithmic.
pub(crate) fn is_log(values: impl Iterator<Item = f64>) -> bool {
    let values: Vec<f64> = values.collect();
    range(&values).is_some_and(|(low, high)| low > 0.0 && high / low > LOG_RATIO)
}
