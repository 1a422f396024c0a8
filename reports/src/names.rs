//! Names and other text from outside: instances, methods, titles, reasons, whatever somebody wrote into a suite or an answer.
//!
//! Every format (HTML, Markdown, LaTeX, CSV, SVG) passes its text through [`visible`] first and then escapes what is markup there, in one
//! function of its own.

use std::borrow::Cow;

/// Whether a character has no shape of its own and changes what a reader sees of the others, or ends a line: control characters, separators of
/// lines and paragraphs, marks that turn or isolate the direction of text, and the two code points that are no characters in XML.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}'
        )
}

/// `text` on one line, hidden characters (see [`is_hidden`]) written as Rust writes them in literals: `\n`, `\t`, `\r`, `\u{1b}`.
/// ```
/// use offcut_reports::names::visible;
/// assert_eq!(visible("one\ntwo \u{1b}[31m\u{202e}"), "one\\ntwo \\u{1b}[31m\\u{202e}");
/// assert_eq!(visible("5×4, µs – ²"), "5×4, µs – ²");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            hidden if is_hidden(hidden) => shown.extend(hidden.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}
