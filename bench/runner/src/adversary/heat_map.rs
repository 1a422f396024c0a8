//! The table of [`super::matrix`] as a picture: a heat map in SVG that reads without scripts or other files.
//!
//! The shade is the logarithm of how many times worse the row's method is; the ratio is written in each field, so nothing depends on colour alone.

use std::fmt::Write;

use offcut_instances::problem::Sense;

use super::judge::Ratio;
use super::matrix::{Cell, OPTIMUM, methods_of, ratio_of, rows_of, short, worse};

/// Sizes in pixels: a field, the letters, the margin, and about how wide a letter is.
const FIELD: (usize, usize) = (76, 30);
const FONT: usize = 13;
const MARGIN: usize = 12;
const LETTER: f64 = 7.6;

/// Times worse from which on the shade is darkest.
const DARKEST: f64 = 10.0;

/// The lightest and the darkest shade.
const LIGHT: [f64; 3] = [255.0, 250.0, 240.0];
const DARK: [f64; 3] = [150.0, 40.0, 20.0];

/// How dark a field is, from 0 to 1.
fn darkness(ratio: &Ratio, sense: Sense) -> f64 {
    (ratio.times_worse(sense).ln() / DARKEST.ln()).clamp(0.0, 1.0)
}

fn shade(darkness: f64) -> String {
    let part = |i: usize| (LIGHT[i] + darkness * (DARK[i] - LIGHT[i])).round();
    format!("rgb({},{},{})", part(0), part(1), part(2))
}

/// A name as text of an SVG.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A field with its text; without a ratio it is left white.
fn field(text: &mut String, at: (usize, usize), label: &str, ratio: Option<(&Ratio, Sense)>) {
    let (width, height) = FIELD;
    let darkness = ratio.map(|(ratio, sense)| darkness(ratio, sense));
    let fill = darkness.map_or("#ffffff".to_owned(), shade);
    let ink = if darkness.is_some_and(|darkness| darkness > 0.5) { "#ffffff" } else { "#1a1a1a" };
    let (x, y) = at;
    let (middle, base) = (x + width / 2, y + height / 2 + FONT / 3);
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\" stroke=\"#d0d0d0\"/>"
    );
    let _ = writeln!(text, "<text x=\"{middle}\" y=\"{base}\" text-anchor=\"middle\" fill=\"{ink}\">{label}</text>");
}

/// A heat map: a row for each method, columns for the optimum, for what is proved, and for each method it is compared with.
pub fn heat_map(problem: &str, variant: &str, sense: Sense, cells: &[Cell]) -> String {
    let methods = methods_of(cells);
    let rows = rows_of(cells);
    let longest = methods.iter().map(|method| method.chars().count()).max().unwrap_or(0).max(OPTIMUM.len());
    let label = (longest as f64 * LETTER).ceil() as usize + MARGIN;
    let columns = [OPTIMUM, "proven"].into_iter().chain(methods.iter().copied());
    // Names of columns rise at 45 degrees; the last one needs room to its right.
    let slant = (label as f64 * 0.75).ceil() as usize;
    let (left, top) = (MARGIN + label, 2 * MARGIN + 3 * FONT + slant);
    let width = left + FIELD.0 * (methods.len() + 2) + slant;
    let height = top + FIELD.1 * rows.len() + 2 * FONT + 2 * MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         style=\"max-width:100%;height:auto\" font-family=\"sans-serif\" font-size=\"{FONT}\" role=\"img\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let title = format!("Worst ratios found: {problem}, {variant}");
    let _ = writeln!(
        text,
        "<title>{0}</title>\n<text x=\"{MARGIN}\" y=\"{1}\" font-weight=\"bold\">{0}</text>",
        escaped(&title),
        MARGIN + FONT
    );
    let _ =
        writeln!(text, "<text x=\"{MARGIN}\" y=\"{}\">row over column; {}</text>", MARGIN + 2 * FONT + 6, worse(sense));
    for (i, column) in columns.clone().enumerate() {
        let (x, y) = (left + FIELD.0 * i + FIELD.0 / 2, top - 8);
        let _ =
            writeln!(text, "<text x=\"{x}\" y=\"{y}\" transform=\"rotate(-45 {x} {y})\">{}</text>", escaped(column));
    }
    for (r, method) in rows.iter().enumerate() {
        let y = top + FIELD.1 * r;
        let base = y + FIELD.1 / 2 + FONT / 3;
        let _ = writeln!(text, "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>", left - 8, escaped(method));
        let ratio = |against: &str| ratio_of(cells, method, against);
        for (i, column) in columns.clone().enumerate() {
            let at = (left + FIELD.0 * i, y);
            let proven = ratio(OPTIMUM).and_then(|ratio| ratio.proven);
            match (i, ratio(column)) {
                (1, _) => field(&mut text, at, &short(proven), None),
                (_, Some(ratio)) => field(&mut text, at, &short(Some(ratio.ratio)), Some((&ratio, sense))),
                (_, None) if column == *method => field(&mut text, at, "", None),
                (_, None) => field(&mut text, at, "-", None),
            }
        }
    }
    let note =
        format!("lightest: as good; darkest: {DARKEST} times worse or more; -: nothing counted, or nothing proved");
    let _ = writeln!(text, "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"11\">{note}</text>\n</svg>", height - MARGIN);
    text
}

#[cfg(test)]
mod tests {
    use super::super::matrix::tests::cell;
    use super::*;

    #[test]
    fn every_ratio_is_written_and_shaded() {
        let cells = [cell("a", None, Some(2.5)), cell("a", Some("b<c"), None), cell("b<c", Some("a"), Some(3.2e9))];
        let picture = heat_map("jpdra", "continuous", Sense::Minimise, &cells);
        assert!(
            picture.contains(">2.5000<") && picture.contains(">3.20e9<") && picture.contains("b&lt;c"),
            "{picture}"
        );
        assert!(!picture.contains("b<c"), "names are escaped");
        assert!(picture.contains(&shade(1.0)), "3.2e9 times worse is darkest");
        assert_eq!(picture.matches("<rect").count(), 1 + 2 * 4, "a background, and four fields for each of two rows");
    }

    #[test]
    fn nothing_at_all_is_darkest_and_as_good_is_lightest() {
        let ratio = |ratio| cell("a", None, Some(ratio)).ratio.expect("given");
        assert_eq!(darkness(&ratio(0.0), Sense::Maximise), 1.0);
        assert_eq!(darkness(&ratio(1.0), Sense::Maximise), 0.0);
        assert_eq!(darkness(&ratio(1.0), Sense::Minimise), 0.0);
    }
}
