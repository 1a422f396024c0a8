//! A report as Markdown.

use crate::report::Report;
use crate::table::{markdown_escaped as escaped, markdown_line as line};

/// The report as one Markdown file; figures are referred to by their place in the folder.
pub fn page(report: &Report) -> String {
    let mut text = format!("# {}\n\n", escaped(&report.title));
    if !report.contradictions.is_empty() {
        text += &format!(
            "## CONTRADICTIONS ({})\n\nAn objective beyond a bound: one of the two is wrong. Do not use these numbers.\n\n",
            report.contradictions.len()
        );
        text += &list(&report.contradictions);
    }
    text += "| | |\n|:--|:--|\n";
    for (name, value) in &report.provenance {
        text += &format!("| {} | {} |\n", escaped(name), escaped(value));
    }
    if !report.parts.is_empty() {
        text += "\n## Reports\n\n";
        for (name, place) in &report.parts {
            text += &format!("- [{}]({place})\n", escaped(name));
        }
    }
    text += "\n## What this says\n\n";
    text += &list(&report.summary);
    if let Some(paper) = &report.paper {
        text += &format!("## The paper's claims\n\n{}\n\n", line(paper));
        for verdict in &report.verdicts {
            text += &format!(
                "- **{}**: {}. {}: {}.\n",
                verdict.outcome.name(),
                escaped(&verdict.claim),
                escaped(&verdict.numbers),
                escaped(&verdict.why)
            );
        }
        text.push('\n');
    }
    for section in &report.sections {
        text += &format!("## {}\n\n", escaped(&section.title));
        for paragraph in &section.paragraphs {
            text += &format!("{}\n\n", line(paragraph));
        }
        for table in &section.tables {
            text += &table.markdown();
            text.push('\n');
        }
        for figure in &section.figures {
            text +=
                &format!("![{}](figures/{}.svg)\n\n{}\n\n", escaped(&figure.title), figure.id, line(&figure.caption));
        }
    }
    text += "## How to read\n\n";
    text += &list(&report.reading);
    text += "## Known limitations\n\n";
    text += &list(&report.limitations);
    text.trim_end().to_owned() + "\n"
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|text| format!("- {}\n", line(text))).collect::<String>() + "\n"
}
