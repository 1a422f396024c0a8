//! A drawing area with text, lines, areas and markers, the same for SVG and PNG. Text is measured with DejaVu Sans and stays text in SVG, in the
//! reader's sans-serif.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::Pos;
use plotters::style::{FontTransform, register_font};

use crate::figure::Styles;
use crate::names::visible;

/// Okabe and Ito's hues and three more, darkened until text in them has a contrast of 4.5 : 1 or more on white (WCAG 2, AA). On a dark page the template
/// replaces each by a lighter one.
pub(super) const PALETTE: [RGBColor; 10] = [
    RGBColor(0, 96, 160),
    RGBColor(184, 74, 0),
    RGBColor(0, 114, 79),
    RGBColor(18, 112, 140),
    RGBColor(134, 94, 0),
    RGBColor(160, 62, 122),
    RGBColor(70, 70, 70),
    RGBColor(106, 79, 192),
    RGBColor(95, 107, 0),
    RGBColor(176, 32, 60),
];
/// Lengths of dashes and gaps; no lengths is a solid line.
pub(super) const DASHES: [&[f64]; 4] = [&[], &[9.0, 4.0], &[2.5, 3.0], &[9.0, 3.0, 2.5, 3.0]];
pub(super) const INK: RGBColor = RGBColor(30, 30, 30);
pub(super) const GRID: RGBColor = RGBColor(228, 228, 228);
/// Lines that lead from a label to what it belongs to.
pub(super) const LEADER: RGBColor = RGBColor(150, 150, 150);
pub(super) const FONT: &str = "sans-serif";

/// The widths a figure is drawn for, in units of the SVG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Pages and screens: 820, labels at the ends of lines.
    Wide,
    /// Phones: 370, labels below the plotting area.
    Narrow,
}

impl Width {
    pub(super) fn units(self) -> f64 {
        match self {
            Self::Wide => 820.0,
            Self::Narrow => 370.0,
        }
    }
}

/// What stands at a place of a figure, for whoever points at it.
pub(super) struct Hint {
    pub(super) at: (f64, f64),
    pub(super) text: String,
}

pub(super) fn with_font() {
    static FONTS: Once = Once::new();
    FONTS.call_once(|| {
        // plotters keeps its own register by name; the bytes are part of this program, so they are a font.
        if register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_err() {
            unreachable!("DejaVu Sans is a font");
        }
    });
}

/// A drawing area with everything in units of the SVG's size.
pub(super) struct Canvas<'a, B: DrawingBackend> {
    pub(super) root: &'a DrawingArea<B, Shift>,
    /// Pixels of the format to one of the SVG.
    pub(super) k: f64,
    pub(super) width: Width,
    /// What stands where.
    pub(super) hints: RefCell<Vec<Hint>>,
    pub(super) styles: &'a Styles,
}

/// How a line and its marks are drawn: every method has one look in all figures.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) color: RGBColor,
    pub(super) dashes: &'static [f64],
    pub(super) shape: usize,
}

impl Look {
    /// The looks of different numbers below 50 differ in colour or shape.
    pub(super) fn of(number: usize) -> Self {
        let round = number / PALETTE.len();
        Self {
            color: PALETTE[number % PALETTE.len()],
            dashes: DASHES[(number + round) % DASHES.len()],
            shape: number + round,
        }
    }
}

impl<B: DrawingBackend> Canvas<'_, B> {
    pub(super) fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.k).round() as i32, (y * self.k).round() as i32)
    }

    /// The looks of lines or dots with these names: a method's own; where there is none, the next that is free. Of `distinct` ones no two are alike, even if
    /// they are of one method.
    pub(super) fn looks(&self, lines: &[Vec<String>], distinct: bool) -> Vec<Look> {
        let mut taken = BTreeSet::new();
        let known: Vec<Option<usize>> = lines
            .iter()
            .map(|names| names.iter().filter_map(|name| self.styles.of(name)).min())
            .map(|number| number.filter(|number| taken.insert(*number) || !distinct))
            .collect();
        let mut next = 0;
        let mut free = || {
            while !taken.insert(next) {
                next += 1;
            }
            next
        };
        known.into_iter().map(|number| Look::of(number.unwrap_or_else(&mut free))).collect()
    }

    /// Says what stands at a place.
    pub(super) fn hint(&self, at: (f64, f64), text: String) {
        self.hints.borrow_mut().push(Hint { at, text });
    }

    pub(super) fn pixels(&self, width: f64) -> u32 {
        (width * self.k).round().max(1.0) as u32
    }

    pub(super) fn line(&self, points: &[(f64, f64)], color: RGBColor, width: f64) {
        let style = color.stroke_width(self.pixels(width));
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.root.draw(&PathElement::new(points, style)).expect("the canvas takes all");
    }

    /// A polyline in dashes; the pattern runs on around corners.
    pub(super) fn dashed(&self, points: &[(f64, f64)], color: RGBColor, width: f64, pattern: &[f64]) {
        if pattern.is_empty() {
            return self.line(points, color, width);
        }
        let (mut part, mut left) = (0, pattern[0]);
        let mut dash = Vec::new();
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let along = |s: f64| (x0 + (x1 - x0) * s / length, y0 + (y1 - y0) * s / length);
            let mut s = 0.0;
            if part % 2 == 0 && dash.is_empty() {
                dash.push((x0, y0));
            }
            while length - s > left {
                s += left;
                if part % 2 == 0 {
                    dash.push(along(s));
                    self.line(&std::mem::take(&mut dash), color, width);
                } else {
                    dash.push(along(s));
                }
                part = (part + 1) % pattern.len();
                left = pattern[part];
            }
            left -= length - s;
            if part % 2 == 0 {
                dash.push((x1, y1));
            }
        }
        if part % 2 == 0 && dash.len() > 1 {
            self.line(&dash, color, width);
        }
    }

    pub(super) fn area(&self, points: &[(f64, f64)], color: RGBColor) {
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.root.draw(&Polygon::new(points, color.mix(0.13).filled())).expect("the canvas takes all");
    }

    pub(super) fn text(&self, text: &str, at: (f64, f64), size: f64, color: RGBColor, pos: Pos, turned: bool) {
        let turn = if turned { FontTransform::Rotate270 } else { FontTransform::None };
        let style = TextStyle::from((FONT, size * self.k).into_font().transform(turn)).color(&color).pos(pos);
        self.root.draw(&Text::new(visible(text).into_owned(), self.at(at), style)).expect("the canvas takes all");
    }

    /// The marker of a series: a shape that can be told without colour.
    pub(super) fn marker(&self, (x, y): (f64, f64), shape: usize, color: RGBColor) {
        let r = 4.0;
        let corners: &[(f64, f64)] = match shape % 5 {
            0 => {
                let style = color.filled();
                return self
                    .root
                    .draw(&Circle::new(self.at((x, y)), self.pixels(r * 0.95), style))
                    .expect("the canvas takes all");
            }
            1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            2 => &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
            3 => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
            _ => &[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)],
        };
        let corners: Vec<_> = corners.iter().map(|(dx, dy)| self.at((x + r * dx, y + r * dy))).collect();
        self.root.draw(&Polygon::new(corners, color.filled())).expect("the canvas takes all");
    }
}
