//! Formulas in LaTeX become MathML.

use anyhow::{Result, bail};
use mdbook_preprocessor::book::{Book, BookItem};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{RenderConfig, Storage, push_mathml};

/// The preprocessor: `$...$` in a line, `$$...$$` on lines of their own.
pub struct Formulas;

impl Preprocessor for Formulas {
    fn name(&self) -> &str {
        "formulas"
    }

    fn run(&self, _: &PreprocessorContext, mut book: Book) -> mdbook_preprocessor::errors::Result<Book> {
        let mut wrong = Vec::new();
        book.for_each_mut(|item| {
            let BookItem::Chapter(chapter) = item else { return };
            match rendered(&chapter.content) {
                Ok(content) => chapter.content = content,
                Err(error) => {
                    let path = chapter.source_path.as_deref().unwrap_or(chapter.name.as_ref());
                    wrong.push(format!("{}: {error:#}", path.display()));
                }
            }
        });
        if !wrong.is_empty() {
            bail!("{}", wrong.join("\n"));
        }
        Ok(book)
    }
}

/// A chapter in which every formula is MathML.
pub fn rendered(chapter: &str) -> Result<String> {
    // Those of mdBook, and formulas.
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_MATH;
    let mut content = String::with_capacity(chapter.len() * 4);
    let mut done = 0;
    let mut is_code = false;
    for (event, range) in Parser::new_ext(chapter, options).into_offset_iter() {
        let line = || chapter[..range.start].matches('\n').count() + 1;
        let (latex, mode) = match &event {
            Event::InlineMath(latex) => (latex, DisplayMode::Inline),
            Event::DisplayMath(latex) => (latex, DisplayMode::Block),
            Event::Start(Tag::CodeBlock(_)) => {
                is_code = true;
                continue;
            }
            Event::End(TagEnd::CodeBlock) => {
                is_code = false;
                continue;
            }
            Event::Text(text) if !is_code && text.contains('$') => {
                bail!("line {}: a dollar sign without a partner: {text}", line());
            }
            _ => continue,
        };
        let formula = mathml(latex, mode).map_err(|error| error.context(format!("line {}: {latex}", line())))?;
        content.push_str(&chapter[done..range.start]);
        content.push_str(&formula);
        done = range.end;
    }
    content.push_str(&chapter[done..]);
    Ok(content)
}

/// A formula as MathML, in one line, with nothing that Markdown would read.
fn mathml(latex: &str, display_mode: DisplayMode) -> Result<String> {
    let storage = Storage::new();
    let events: Vec<_> = pulldown_latex::Parser::new(latex, &storage).collect();
    if let Some(error) = events.iter().find_map(|event| event.as_ref().err()) {
        bail!("{error}");
    }
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut formula = String::new();
    push_mathml(&mut formula, events.into_iter(), config)?;
    let formula = repaired(&formula);
    check_children(&formula)?;
    Ok(escaped(&formula))
}

/// The elements of MathML that have a fixed number of children.
const CHILDREN: [(&str, usize); 8] = [
    ("msub", 2),
    ("msup", 2),
    ("msubsup", 3),
    ("munder", 2),
    ("mover", 2),
    ("munderover", 3),
    ("mfrac", 2),
    ("mroot", 2),
];

/// What pulldown-latex 0.8 gets wrong, put right.
fn repaired(formula: &str) -> String {
    // "Less than" is not escaped; two attributes are without a space between them; an entity is escaped twice.
    let mut escaped = String::with_capacity(formula.len());
    let mut rest = formula.chars().peekable();
    while let Some(c) = rest.next() {
        let is_text = c == '<' && !rest.peek().is_some_and(|next| next.is_ascii_alphabetic() || *next == '/');
        if is_text { escaped.push_str("&lt;") } else { escaped.push(c) }
    }
    let mut formula =
        escaped.replace("\"minsize", "\" minsize").replace("&amp;nbsp;", "\u{a0}").replace("&nbsp;", "\u{a0}");
    // The space before a function's name is within the element that puts an index below the name.
    const SPACE: &str = "<mspace width=\"0.1667em\" />";
    for (name, _) in CHILDREN {
        formula = formula.replace(&format!("<{name}>{SPACE}"), &format!("{SPACE}<{name}>"));
    }
    formula
}

/// Every element has as many children as it has to have; tags are closed in turn.
fn check_children(formula: &str) -> Result<()> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    for tag in formula.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { bail!("a tag is not closed: {tag}") };
        if let Some(name) = tag.strip_prefix('/') {
            let Some((opened, children)) = open.pop() else { bail!("{name} was not opened") };
            let expected = CHILDREN.iter().find(|(of, _)| *of == name).map_or(children, |(_, expected)| *expected);
            if opened != name || children != expected {
                bail!("{opened} has {children} children and ends with {name}");
            }
            continue;
        }
        if let Some((_, children)) = open.last_mut() {
            *children += 1;
        }
        if !tag.ends_with('/') {
            open.push((tag.split(' ').next().expect("a name"), 0));
        }
    }
    if open.is_empty() { Ok(()) } else { bail!("{} is not closed", open[0].0) }
}

fn escaped(formula: &str) -> String {
    let mut line = String::with_capacity(formula.len());
    let mut is_tag = false;
    for c in formula.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            _ => {}
        }
        match c {
            '\n' | '\r' => line.push(' '),
            '*' | '_' | '[' | ']' | '`' | '~' | '|' | '\\' | '$' | '#' | '!' | '(' | ')' | '"' | '\'' | '+' | '-'
                if !is_tag =>
            {
                // (A number sign begins no entity here: this is text between tags.)
                line.push_str(&format!("&#{};", u32::from(c)));
            }
            _ => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_rendered_outside_of_code_only() {
        let chapter = "Let $a_1 * b$ be.\n\n```text\n$x$\n```\n\n`$y$`\n\n$$ \\frac12 $$\n";
        let content = rendered(chapter).expect("fine");
        assert!(content.contains("```text\n$x$\n```") && content.contains("`$y$`"), "{content}");
        assert_eq!(content.matches("<math").count(), 2, "{content}");
        assert!(content.contains("<mfrac>") && content.contains("display=\"block\""), "{content}");
        assert!(content.contains('∗') && !content.contains(['*', '_']), "{content}");
    }

    #[test]
    fn less_than_is_escaped_once() {
        let content = rendered("$a < b$").expect("fine");
        assert!(content.contains("&lt;") && !content.contains("&amp;"), "{content}");
    }

    #[test]
    fn big_brackets_spaces_and_functions_with_an_index_are_whole() {
        let content = rendered("$$ a \\ge \\ \\min_p \\big( x \\big) $$").expect("fine");
        assert!(!content.contains("&lt;") && !content.contains("nbsp") && content.contains('\u{a0}'), "{content}");
        assert!(content.contains("<munder><mi>min</mi><mi>p</mi></munder>"), "{content}");
        assert!(check_children("<math><mfrac><mi>a</mi></mfrac></math>").is_err());
        assert!(check_children("<math><mi>a</math></mi>").is_err());
    }

    #[test]
    fn bad_formulas_and_lonely_dollars_are_errors_with_their_line() {
        for (chapter, line) in
            [("a\n\n$\\frac{1}{$", "line"), ("a\n\n$\\nosuchcommand$", "line 3"), ("it costs 5$ here", "line 1")]
        {
            let error = format!("{:#}", rendered(chapter).expect_err(chapter));
            assert!(error.contains(line), "{chapter}: {error}");
        }
    }
}
