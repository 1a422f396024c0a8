//! Text that comes from documents and programs, made safe to print.
//!
//! A name may hold anything a JSON string can: line feeds, a terminal's commands, marks that reverse the direction of text. Printed as they are
//! they can imitate other lines of output. [`OneLine`] writes them as escapes: `\n`, `\u{1b}`, `\u{202e}`.

use std::fmt::{Display, Result, Write};

/// Whether a character does something else than to stand in its place: controls (C0, DEL, C1), line and paragraph separators, marks of direction,
/// and invisible formatting. Joiners (U+200C, U+200D) stay: words of several scripts need them.
/// ```
/// use offcut_instances::terminal::is_unsafe;
/// assert!(['\n', '\u{1b}', '\u{9b}', '\u{202e}'].into_iter().all(is_unsafe));
/// assert!(!['a', 'é', '漢', ' ', '\\'].into_iter().any(is_unsafe));
/// ```
pub fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Hands text on to a writer as a single line: what [`is_unsafe`] is escaped. Text without such characters stays as it is, so escaping twice is escaping once.
#[derive(Debug)]
pub struct OneLine<W>(pub W);

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> Result {
        text.chars().try_for_each(|letter| match letter {
            _ if is_unsafe(letter) => write!(self.0, "{}", letter.escape_default()),
            _ => self.0.write_char(letter),
        })
    }
}

/// The text of a value as a single line, see [`OneLine`].
/// ```
/// assert_eq!(offcut_instances::terminal::one_line("a\nstatus     optimal\u{1b}[1m"), "a\\nstatus     optimal\\u{1b}[1m");
/// ```
pub fn one_line(text: impl Display) -> String {
    let mut line = OneLine(String::new());
    write!(line, "{text}").expect("a string takes any text");
    line.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the Unicode standard calls bidirectional controls, and the controls of terminals.
    #[test]
    fn what_moves_or_reverses_text_is_escaped() {
        let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        let controls = (0..0x20).chain(0x7f..0xa0).map(|code| char::from_u32(code).expect("a character"));
        for letter in controls.chain(bidi.chars()) {
            let shown = one_line(letter);
            assert!(shown.is_ascii() && shown.starts_with('\\'), "{shown}");
        }
        let plain = "zoo-8x16 ümläut 漢字 \u{200d} {braces} \\n \"quotes\"";
        assert_eq!(one_line(plain), plain);
        let once = one_line("a\nb\u{202e}c\0");
        assert_eq!((once.as_str(), one_line(&once)), ("a\\nb\\u{202e}c\\u{0}", once.clone()));
    }
}
