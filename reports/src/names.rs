//! Names and other text from outside: instances, methods, titles, reasons, anything in a suite or an answer.
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

/// `text` as an identifier of a data file or the name of a file: letters and digits of ASCII, points, equals signs; anything else is an underscore.
/// ```
/// assert_eq!(offcut_reports::names::identifier("Root gap, 1e-9"), "root_gap_1e_9");
/// ```
pub fn identifier(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars() {
        let letter = if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '=') { letter } else { '_' };
        if !(letter == '_' && name.ends_with('_')) {
            name.push(letter.to_ascii_lowercase());
        }
    }
    name.trim_matches(['_', '.']).to_owned()
}

/// The mean of a quantity in words; a quantity that is a mean already stays as it is.
/// ```
/// use offcut_reports::names::mean_of;
/// assert_eq!((mean_of("latency"), mean_of("mean delay")), ("mean latency".into(), "mean delay".into()));
/// ```
pub fn mean_of(quantity: &str) -> String {
    if quantity.starts_with("mean ") { quantity.to_owned() } else { format!("mean {quantity}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_shown() {
        let hidden = "a\0b\u{1b}[31m\u{202e}c\u{2066}\u{200f}\u{61c}\u{2028}\u{85}\nd\te\rf";
        let shown = "a\\u{0}b\\u{1b}[31m\\u{202e}c\\u{2066}\\u{200f}\\u{61c}\\u{2028}\\u{85}\\nd\\te\\rf";
        assert_eq!(visible(hidden), shown);
        assert!(matches!(visible("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn identifiers_are_plain() {
        assert_eq!(identifier("a_b & 50% <script>|{x}\\y \"q\", $1^2~#"), "a_b_50_script_x_y_q_1_2");
    }
}
