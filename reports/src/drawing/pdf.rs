//! Figures as PDF, for papers: a backend of plotters on `pdf-writer`.
//!
//! Letters are drawn as outlines of DejaVu Sans, each once a file: text has the size that it was measured with and needs no font, but it cannot be
//! searched. A file has no date and no identifier: the same figure gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use ab_glyph::{Font, FontRef, OutlineCurve, Point};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref};
use plotters::prelude::DrawingBackend;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind, FontTransform};

/// PDF points of a pixel.
const POINTS: f32 = 0.75;

/// The height of an x of DejaVu Sans, as a part of its size.
const EX: f32 = 0.547;

/// Steps of a circle's control points from its axes, for a quarter in one cubic curve.
const QUARTER: f32 = 0.552_284_7;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// A page of so many steps, of which `steps` are a pixel.
pub(super) struct PdfBackend<'b> {
    bytes: &'b mut Vec<u8>,
    size: (u32, u32),
    steps: f32,
    content: Content,
    font: FontRef<'static>,
    /// The opacities below 1 that are used, in 1/255.
    opacities: BTreeSet<u8>,
    /// The glyphs that are used, by their number in the font.
    glyphs: BTreeSet<u16>,
}

impl<'b> PdfBackend<'b> {
    /// An empty page of `size` steps; the file is put into `bytes` when it is presented.
    pub(super) fn new(bytes: &'b mut Vec<u8>, size: (u32, u32), steps: f32) -> Self {
        let Ok(font) = FontRef::try_from_slice(dejavu::sans::regular()) else { unreachable!("DejaVu Sans is a font") };
        let mut content = Content::new();
        let unit = POINTS / steps;
        // Downwards, as everywhere but in PDF.
        content.transform([unit, 0.0, 0.0, -unit, 0.0, size.1 as f32 * unit]);
        Self { bytes, size, steps, content, font, opacities: BTreeSet::new(), glyphs: BTreeSet::new() }
    }

    /// Sets colour and opacity of what comes next, within a state of its own.
    fn begin(&mut self, color: BackendColor, width: u32) {
        let (r, g, b) = color.rgb;
        let [r, g, b] = [r, g, b].map(|part| f32::from(part) / 255.0);
        self.content.save_state().set_fill_rgb(r, g, b).set_stroke_rgb(r, g, b).set_line_width(width as f32);
        let opacity = (color.alpha * 255.0).round() as u8;
        if opacity < 255 {
            self.opacities.insert(opacity);
            self.content.set_parameters(Name(format!("a{opacity}").as_bytes()));
        }
    }

    fn end(&mut self) -> Drawn {
        self.content.restore_state();
        Ok(())
    }

    fn path(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        for (at, (x, y)) in points.into_iter().enumerate() {
            let (x, y) = (x as f32, y as f32);
            if at == 0 {
                self.content.move_to(x, y)
            } else {
                self.content.line_to(x, y)
            };
        }
    }

    fn fill_or_stroke(&mut self, fill: bool) {
        if fill {
            self.content.fill_nonzero()
        } else {
            self.content.stroke()
        };
    }

    fn units_per_em(&self) -> f32 {
        self.font.units_per_em().unwrap_or(2048.0)
    }

    /// The outline of a glyph in units of the font, upwards.
    fn glyph(&self, glyph: u16) -> Vec<u8> {
        let mut content = Content::new();
        let curves = self.font.outline(ab_glyph::GlyphId(glyph)).map(|outline| outline.curves).unwrap_or_default();
        let mut last: Option<Point> = None;
        for curve in curves {
            let (from, to) = match &curve {
                OutlineCurve::Line(from, to)
                | OutlineCurve::Quad(from, _, to)
                | OutlineCurve::Cubic(from, _, _, to) => (*from, *to),
            };
            if last != Some(from) {
                content.move_to(from.x, from.y);
            }
            match curve {
                OutlineCurve::Line(_, to) => content.line_to(to.x, to.y),
                OutlineCurve::Quad(_, by, _) => {
                    let control = |end: f32, by: f32| (end + 2.0 * by) / 3.0;
                    let (x1, y1) = (control(from.x, by.x), control(from.y, by.y));
                    content.cubic_to(x1, y1, control(to.x, by.x), control(to.y, by.y), to.x, to.y)
                }
                OutlineCurve::Cubic(_, a, b, to) => content.cubic_to(a.x, a.y, b.x, b.y, to.x, to.y),
            };
            last = Some(to);
        }
        content.fill_nonzero();
        content.finish().to_vec()
    }

    /// The whole file.
    fn file(&mut self) -> Vec<u8> {
        let [catalog, pages, page, contents] = [1, 2, 3, 4].map(Ref::new);
        let mut next = (5..).map(Ref::new);
        let mut fresh = || next.next().expect("references do not end");
        let opacities: BTreeMap<u8, Ref> = self.opacities.iter().map(|opacity| (*opacity, fresh())).collect();
        let glyphs: BTreeMap<u16, Ref> = self.glyphs.iter().map(|glyph| (*glyph, fresh())).collect();
        let unit = POINTS / self.steps;
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(pages);
        pdf.pages(pages).kids([page]).count(1);
        let mut of_page = pdf.page(page);
        of_page.media_box(Rect::new(0.0, 0.0, self.size.0 as f32 * unit, self.size.1 as f32 * unit));
        of_page.parent(pages).contents(contents);
        let mut resources = of_page.resources();
        let mut states = resources.ext_g_states();
        for (opacity, at) in &opacities {
            states.pair(Name(format!("a{opacity}").as_bytes()), *at);
        }
        states.finish();
        let mut forms = resources.x_objects();
        for (glyph, at) in &glyphs {
            forms.pair(Name(format!("g{glyph}").as_bytes()), *at);
        }
        forms.finish();
        resources.finish();
        of_page.finish();
        for (opacity, at) in opacities {
            let share = f32::from(opacity) / 255.0;
            pdf.ext_graphics(at).non_stroking_alpha(share).stroking_alpha(share);
        }
        for (glyph, at) in glyphs {
            let em = self.units_per_em();
            pdf.form_xobject(at, &self.glyph(glyph)).bbox(Rect::new(-em, -em, 2.0 * em, 2.0 * em));
        }
        let content = std::mem::replace(&mut self.content, Content::new()).finish();
        pdf.stream(contents, &content);
        pdf.finish()
    }
}

impl DrawingBackend for PdfBackend<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        *self.bytes = self.file();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.begin(color, 1);
        self.content.rect(x as f32, y as f32, 1.0, 1.0).fill_nonzero();
        self.end()
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.begin(style.color(), style.stroke_width());
        self.content.rect(x0 as f32, y0 as f32, (x1 - x0) as f32, (y1 - y0) as f32);
        self.fill_or_stroke(fill);
        self.end()
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.begin(style.color(), style.stroke_width());
        self.path(path);
        self.content.stroke();
        self.end()
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        self.begin(style.color(), style.stroke_width());
        let (x, y, r) = (x as f32, y as f32, radius as f32);
        let c = QUARTER * r;
        self.content
            .move_to(x + r, y)
            .cubic_to(x + r, y + c, x + c, y + r, x, y + r)
            .cubic_to(x - c, y + r, x - r, y + c, x - r, y)
            .cubic_to(x - r, y - c, x - c, y - r, x, y - r)
            .cubic_to(x + c, y - r, x + r, y - c, x + r, y)
            .close_path();
        self.fill_or_stroke(fill);
        self.end()
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, corners: I, style: &S) -> Drawn {
        self.begin(style.color(), 1);
        self.path(corners);
        self.content.close_path().fill_nonzero();
        self.end()
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        // As plotters' SVG: its size is 1.24 of the font's, and these are its distances from the anchor down to the baseline.
        let em = style.size() as f32 / 1.24;
        let scale = em / self.units_per_em();
        let mut places = Vec::new();
        let (mut along, mut last) = (0.0, None);
        for letter in text.chars() {
            let glyph = self.font.glyph_id(letter);
            along += last.map_or(0.0, |last| self.font.kern_unscaled(last, glyph) * scale);
            places.push((glyph.0, along));
            along += self.font.h_advance_unscaled(glyph) * scale;
            last = Some(glyph);
        }
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -along / 2.0,
            HPos::Right => -along,
        };
        let baseline = match style.anchor().v_pos {
            VPos::Top => 0.76 * em,
            VPos::Center => 0.5 * EX * em,
            VPos::Bottom => -0.5 * EX * em,
        };
        let (a, b) = match style.transform() {
            FontTransform::None => (1.0, 0.0),
            FontTransform::Rotate90 => (0.0, 1.0),
            FontTransform::Rotate180 => (-1.0, 0.0),
            FontTransform::Rotate270 => (0.0, -1.0),
        };
        self.begin(style.color(), 1);
        // The text's own axes: along the line, and down.
        self.content.transform([a, b, -b, a, x as f32, y as f32]);
        for (glyph, along) in places {
            self.glyphs.insert(glyph);
            self.content.save_state().transform([scale, 0.0, 0.0, -scale, left + along, baseline]);
            self.content.x_object(Name(format!("g{glyph}").as_bytes())).restore_state();
        }
        self.end()
    }
}
