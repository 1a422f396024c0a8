//! The house of this crate: no circle of modules, not even of a module and one of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module by its path from the crate's root, e.g. `["comparison", "pairs"]`.
type Module = Vec<String>;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every module with its text, without comments and tests.
fn modules() -> BTreeMap<Module, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(source()).expect("inside").with_extension("");
                let mut module: Module = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
                if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                    module.pop();
                }
                let text = std::fs::read_to_string(&path).expect("text");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                found.insert(module, code.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    found
}

/// The paths that begin at `text`: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    let inner: Vec<Vec<String>> = match rest.strip_prefix("::") {
        Some(rest) => match rest.strip_prefix('{') {
            Some(group) => members(group).iter().flat_map(|member| paths(member)).collect(),
            None => paths(rest),
        },
        None => vec![Vec::new()],
    };
    inner.into_iter().map(|path| [vec![first.to_owned()], path].concat()).collect()
}

/// What stands between the commas of a group, up to its end.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.push(group[from..at].trim());
                from = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found.into_iter().filter(|member| !member.is_empty()).collect()
}

/// Which modules a module names. A parent names its children.
fn named(module: &Module, text: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let mut found: BTreeSet<Module> =
        all.keys().filter(|other| other.split_last().is_some_and(|(_, parent)| parent == module)).cloned().collect();
    for begin in ["crate::", "super::"] {
        for (at, _) in text.match_indices(begin) {
            if text[..at].ends_with("::") {
                continue;
            }
            for path in paths(&text[at..]) {
                let mut from = if begin == "crate::" { Vec::new() } else { module.clone() };
                let mut rest = &path[usize::from(begin == "crate::")..];
                while let Some(("super", after)) = rest.split_first().map(|(first, after)| (first.as_str(), after)) {
                    from.pop();
                    rest = after;
                }
                // As deep as there are modules.
                while let Some((next, after)) = rest.split_first() {
                    let deeper = [from.clone(), vec![next.clone()]].concat();
                    if !all.contains_key(&deeper) {
                        break;
                    }
                    (from, rest) = (deeper, after);
                }
                found.insert(from);
            }
        }
    }
    found.remove(module);
    found
}

#[test]
fn paths_are_read_with_their_groups() {
    let read = |text: &str| paths(text).iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(
        read("crate::a::{self, b::{c, D}, e}; more"),
        ["crate::a::self", "crate::a::b::c", "crate::a::b::D", "crate::a::e"]
    );
    assert_eq!(read("super::x(1)"), ["super::x"]);
}

/// The modules that are in circles, or name some that are.
fn in_circles(all: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut left: BTreeMap<Module, BTreeSet<Module>> =
        all.iter().map(|(module, text)| (module.clone(), named(module, text, all))).collect();
    // Modules that name nothing that is left are taken away; in a circle there is none.
    loop {
        let free: Vec<Module> = left.iter().filter(|(_, named)| named.is_empty()).map(|(m, _)| m.clone()).collect();
        if free.is_empty() {
            return left;
        }
        for module in free {
            left.remove(&module);
            left.values_mut().for_each(|named| {
                named.remove(&module);
            });
        }
    }
}

#[test]
fn circles_are_found() {
    let of = |a: &str, b: &str| {
        let module = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect::<Module>();
        let all = [(vec![], ""), (module(&["a"]), a), (module(&["b"]), ""), (module(&["b", "c"]), b)];
        in_circles(&all.into_iter().map(|(module, text)| (module, text.to_owned())).collect()).len()
    };
    assert_eq!(of("use crate::b::X;", ""), 0);
    assert_eq!(of("use crate::b::c::X;", "use crate::b;\n"), 4, "a module and one of its own, and who names them");
    assert_eq!(of("use crate::b::c::X;", "use super::super::{d, a::Y};"), 4);
    assert_eq!(of("use crate::b::{self, c};", "use super::c::Z;"), 0, "itself");
}

#[test]
fn there_is_no_circle_of_modules() {
    let all = modules();
    assert!(all.len() > 40 && all.contains_key(&vec!["comparison".to_owned(), "pairs".to_owned()]));
    let pairs = vec!["comparison".to_owned(), "pairs".to_owned()];
    assert!(named(&pairs, &all[&pairs], &all).len() > 5, "paths are found");
    let circles = in_circles(&all);
    assert!(circles.is_empty(), "{circles:#?}");
}
