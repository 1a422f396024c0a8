//! Links of the built pages: those within the book must lead somewhere, and nothing may be loaded from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

/// What was checked.
pub struct Checked {
    pub pages: usize,
    pub links: usize,
    /// One line for every link that is wrong.
    pub wrong: Vec<String>,
}

/// Checks all pages of a folder.
pub fn check(folder: &Path) -> Result<Checked> {
    let mut files = BTreeSet::new();
    collect(folder, folder, &mut files)?;
    let mut pages = BTreeMap::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "html")) {
        let text = std::fs::read_to_string(folder.join(file)).with_context(|| file.display().to_string())?;
        pages.insert(file.clone(), text);
    }
    let anchors: BTreeMap<&PathBuf, BTreeSet<&str>> =
        pages.iter().map(|(file, text)| (file, values(text, "id").collect())).collect();
    let mut checked = Checked { pages: pages.len(), links: 0, wrong: Vec::new() };
    for (page, text) in &pages {
        // The page for what is not found does not know where it stands.
        if page.as_os_str() == "404.html" {
            continue;
        }
        for (attribute, link) in ["href", "src"].into_iter().flat_map(|name| values(text, name).map(move |v| (name, v)))
        {
            checked.links += 1;
            if let Some(what) = wrong(page, attribute, link, &files, &anchors) {
                checked.wrong.push(format!("{}: {link}: {what}", page.display()));
            }
        }
    }
    checked.wrong.sort();
    checked.wrong.dedup();
    Ok(checked)
}

/// What is wrong with a link.
fn wrong(
    page: &Path,
    attribute: &str,
    link: &str,
    files: &BTreeSet<PathBuf>,
    anchors: &BTreeMap<&PathBuf, BTreeSet<&str>>,
) -> Option<&'static str> {
    if link.starts_with("data:") || link.starts_with("mailto:") {
        return None;
    }
    if link.contains("://") || link.starts_with("//") {
        // A reader may follow a link to elsewhere; a page may load nothing from there.
        return (attribute == "src").then_some("is loaded from elsewhere");
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        page.to_owned()
    } else {
        normal(&page.parent().unwrap_or(Path::new("")).join(path.replace("%20", " ")))
    };
    if !files.contains(&target) {
        return Some("is not there");
    }
    if anchor.is_empty() {
        return None;
    }
    let is_there = anchors.get(&target).is_none_or(|anchors| anchors.contains(anchor));
    (!is_there).then_some("has no such anchor")
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// The values of an attribute in a page.
fn values<'a>(text: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let mark = format!(" {attribute}=\"");
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(&mark)? + mark.len();
        let length = rest[start..].find('"')?;
        let value = &rest[start..start + length];
        rest = &rest[start + length..];
        Some(value)
    })
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.insert(path.strip_prefix(root)?.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_and_anchors_are_found() {
        let folder = std::env::temp_dir().join(format!("offcut-book-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a")).expect("a folder");
        let page = r##"<p id="here"><a href="b.html#there">1</a> <a href="#nowhere">2</a> <a href="../c.html">3</a> <a href="gone.html">4</a> <img src="https://x.y/z.png"> <a href="https://x.y">5</a></p>"##;
        std::fs::write(folder.join("a/a.html"), page).expect("written");
        std::fs::write(folder.join("a/b.html"), r#"<h2 id="there"></h2>"#).expect("written");
        std::fs::write(folder.join("c.html"), "").expect("written");
        let checked = check(&folder).expect("read");
        std::fs::remove_dir_all(&folder).expect("removed");
        let expected = [
            "a/a.html: #nowhere: has no such anchor",
            "a/a.html: gone.html: is not there",
            "a/a.html: https://x.y/z.png: is loaded from elsewhere",
        ];
        assert_eq!(checked.wrong, expected);
        assert_eq!((checked.pages, checked.links), (3, 6));
    }
}
