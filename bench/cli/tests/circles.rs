//! No circle of modules inside any crate.
//!
//! A module is a file. It uses another if a path in its code, `use` or inline, macros' arguments included, leads to something that the other defines;
//! re-exports are followed to where the thing is defined. A `mod` declaration and a `pub use` alone are no use: a folder's `mod.rs` may show what its
//! files hold, and its files may use what it defines, but not both in one direction and the other. Tests (`#[cfg(test)]`) do not count, and calls of
//! methods name no module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{MetadataCommand, TargetKind};
use offcut_instances::problems::NAMES;
use syn::visit::{self, Visit};

/// A module by its path from the crate's root, e.g. `["comparison", "pairs"]`.
type Module = Vec<String>;

/// A module's code.
#[derive(Default)]
struct Code {
    /// What it defines: items and children.
    defined: BTreeSet<String>,
    /// Names that `use` brings in, with their paths, and whether others see them.
    imported: BTreeMap<String, (Vec<String>, bool)>,
    /// Paths that end in `*`, and whether others see what they bring in.
    globs: Vec<(Vec<String>, bool)>,
    /// All paths but those of `use`.
    paths: BTreeSet<Vec<String>>,
    /// Modules in files of their own.
    children: Vec<String>,
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    let is_test =
        |attribute: &syn::Attribute| attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"));
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") && is_test(attribute))
}

fn item_name(item: &syn::Item) -> Option<&syn::Ident> {
    Some(match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Mod(item) => &item.ident,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    })
}

impl Code {
    fn read(text: &str) -> Self {
        let file = syn::parse_file(text).expect("source that compiles");
        let mut code = Self::default();
        let names = file.items.iter().filter_map(item_name).map(ToString::to_string);
        code.defined.extend(names);
        code.visit_file(&file);
        code
    }

    fn import(&mut self, before: &[String], tree: &syn::UseTree, is_public: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        // `a::{self}` is `a`.
        let path = |name: &syn::Ident| if name == "self" { before.to_vec() } else { with(name) };
        match tree {
            syn::UseTree::Path(tree) => self.import(&with(&tree.ident), &tree.tree, is_public),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(before, tree, is_public)),
            syn::UseTree::Glob(_) => self.globs.push((before.to_vec(), is_public)),
            syn::UseTree::Name(tree) => {
                let path = path(&tree.ident);
                self.imported.insert(path.last().cloned().unwrap_or_default(), (path, is_public));
            }
            syn::UseTree::Rename(tree) => {
                // What is called `_` is used without its name; it has to have one of its own here.
                let name =
                    if tree.rename == "_" { format!("_{}", self.imported.len()) } else { tree.rename.to_string() };
                self.imported.insert(name, (path(&tree.ident), is_public));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Code {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Macro(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        match module.content {
            Some(_) => visit::visit_item_mod(self, module),
            None => self.children.push(module.ident.to_string()),
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&[], &item.tree, !matches!(item.vis, syn::Visibility::Inherited));
    }

    // `pub(in crate::a)` uses nothing of `a`.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        let mut text = call.tokens.to_string();
        // The modules of all problems are declared by a macro.
        if text.ends_with("problem_modules") {
            self.children.extend(NAMES.iter().map(ToString::to_string));
            self.defined.extend(NAMES.iter().map(ToString::to_string));
        }
        for space in [" ::", ":: "] {
            text = text.replace(space, "::");
        }
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let paths =
            words.map(|word| word.split("::").map(|name| name.trim_matches(':').to_owned()).collect::<Vec<_>>());
        self.paths.extend(paths.filter(|path| path.iter().all(|name| !name.is_empty())));
    }
}

/// All modules of a crate.
type Crate = BTreeMap<Module, Code>;

/// Where a path that is written in `from` leads: the module that defines what it ends with. None if that is another crate, or nothing.
fn target(all: &Crate, from: &Module, path: &[String], steps: usize) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        _ if steps == 0 => None,
        "crate" => inside(all, Vec::new(), rest, steps),
        "self" => inside(all, from.clone(), rest, steps),
        "super" => {
            let above = from.split_last()?.1.to_vec();
            match rest.first().map(String::as_str) {
                Some("super") => target(all, &above, rest, steps - 1),
                _ => inside(all, above, rest, steps),
            }
        }
        first if all[from].imported.contains_key(first) || all[from].children.iter().any(|child| child == first) => {
            inside(all, from.clone(), path, steps)
        }
        _ => None,
    }
}

/// The same for a path that is written in `module`'s own terms.
fn inside(all: &Crate, module: Module, path: &[String], steps: usize) -> Option<Module> {
    let Some((first, rest)) = path.split_first() else { return Some(module) };
    let deeper = [module.clone(), vec![first.clone()]].concat();
    let code = &all[&module];
    if all.contains_key(&deeper) {
        return inside(all, deeper, rest, steps);
    }
    if let Some((path, _)) = code.imported.get(first).filter(|_| !code.defined.contains(first)) {
        let path = [path, rest].concat();
        return target(all, &module, &path, steps.checked_sub(1)?);
    }
    if !code.defined.contains(first) {
        for (glob, _) in code.globs.iter().filter(|(_, is_public)| *is_public) {
            let behind = target(all, &module, glob, steps.checked_sub(1)?);
            if let Some(behind) = behind.filter(|behind| all[behind].defined.contains(first)) {
                return inside(all, behind, path, steps - 1);
            }
        }
    }
    Some(module)
}

/// Which modules a module uses.
fn used(all: &Crate, module: &Module) -> BTreeSet<Module> {
    let code = &all[module];
    let imported = code.imported.values().chain(&code.globs);
    let imported = imported.filter(|(_, is_public)| !is_public).map(|(path, _)| path);
    let mut found: BTreeSet<Module> =
        imported.chain(&code.paths).filter_map(|path| target(all, module, path, 20)).collect();
    found.remove(module);
    found
}

/// The circles of a crate: the largest sets of modules in which each leads to each.
fn circles(all: &Crate) -> BTreeSet<BTreeSet<Module>> {
    let uses: BTreeMap<&Module, BTreeSet<Module>> = all.keys().map(|module| (module, used(all, module))).collect();
    let reached = |from: &Module| {
        let mut found = BTreeSet::new();
        let mut open: Vec<&Module> = uses[from].iter().collect();
        while let Some(next) = open.pop() {
            if found.insert(next.clone()) {
                open.extend(&uses[next]);
            }
        }
        found
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = all.keys().map(|module| (module, reached(module))).collect();
    let circle = |module: &Module| {
        let back = |other: &&Module| reached[*other].contains(module);
        reached[module].iter().filter(back).cloned().collect::<BTreeSet<Module>>()
    };
    all.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

/// The modules of the crate with this root, `lib.rs` or `main.rs`.
fn modules(root: &Path) -> Crate {
    let mut found = Crate::new();
    let mut open: Vec<(Module, PathBuf)> = vec![(Vec::new(), root.to_owned())];
    while let Some((module, file)) = open.pop() {
        let code = Code::read(&std::fs::read_to_string(&file).expect("text"));
        let folder = if file == root || file.ends_with("mod.rs") {
            file.parent().expect("a folder").to_owned()
        } else {
            file.with_extension("")
        };
        for child in &code.children {
            let places = [folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs")];
            let place = places.into_iter().find(|place| place.exists());
            open.push(([&module[..], std::slice::from_ref(child)].concat(), place.expect("a module's file")));
        }
        found.insert(module, code);
    }
    found
}

fn shown(module: &Module) -> String {
    if module.is_empty() { "crate".into() } else { module.join("::") }
}

/// The circles of modules given by their paths and texts.
fn circles_of(modules: &[(&str, &str)]) -> Vec<Vec<String>> {
    let path = |path: &str| path.split("::").filter(|name| *name != "crate").map(str::to_owned).collect::<Module>();
    let all: Crate = modules.iter().map(|(module, text)| (path(module), Code::read(text))).collect();
    circles(&all).iter().map(|circle| circle.iter().map(shown).collect()).collect()
}

#[test]
fn circles_are_found() {
    let crate_of = |root: &str, a: &str, b: &str, c: &str| {
        let root = format!("mod a; mod b; {root}");
        let found = circles_of(&[("crate", &root), ("a", a), ("b", &format!("pub mod c; {b}")), ("b::c", c)]);
        found.into_iter().map(|circle| circle.join(" ")).collect::<Vec<_>>().join(", ")
    };
    let none: &str = "";
    assert_eq!(crate_of("", "use crate::b::X;", "pub struct X;", ""), none);
    assert_eq!(crate_of("", "use crate::b::X;", "use super::a; pub struct X;", ""), "a b");
    assert_eq!(crate_of("", "fn f() -> crate::b::X { g() }", "pub struct X; fn f() { crate::a::f(); }", ""), "a b");
    assert_eq!(
        crate_of("", "fn f() { assert!(crate::b::X); }", "use crate::a::{self, Y as Z};", ""),
        "a b",
        "in macros"
    );
    assert_eq!(crate_of("", "use crate::b::c::X;", "", "use super::super::{a::Y, Other};"), "a b::c");
    // A module and one of its own.
    assert_eq!(crate_of("", "", "fn f() { c::g() }", "use super::X;"), "b b::c");
    assert_eq!(crate_of("", "", "use c::g;", "use super::X;"), "b b::c");
    // To show is not to use; what is shown is where it is defined.
    assert_eq!(crate_of("", "", "pub use c::g;", "use super::X;"), none);
    assert_eq!(crate_of("", "use crate::b::g;", "pub use c::g;", "use crate::a::X;"), "a b::c");
    assert_eq!(crate_of("", "use crate::b::g;", "pub use c::*;", "use crate::a::X; pub fn g() {}"), "a b::c");
    assert_eq!(crate_of("", "", "pub use c::g; fn f() { g() }", "use super::X;"), "b b::c", "shown and used");
    assert_eq!(crate_of("pub use b::X;", "use crate::X;", "use crate::a::Y; pub struct X;", ""), "a b");
    assert_eq!(
        crate_of("pub use b::X; fn f() { a::g() }", "use crate::X;", "use crate::a::Y; pub struct X;", ""),
        "a b"
    );
    assert_eq!(crate_of("fn f() { a::g() }", "use crate::f;", "", ""), "crate a");
    // Tests and visibility do not count.
    assert_eq!(crate_of("", "use crate::b::X;", "#[cfg(test)] mod tests { use crate::a::Y; }", ""), none);
    assert_eq!(crate_of("", "use crate::b::X;", "pub(in crate::a) struct X;", ""), none);
}

#[test]
fn no_crate_has_a_circle_of_modules() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    let (mut found, mut crates) = (BTreeSet::new(), 0);
    for package in &metadata.packages {
        let is_crate = |kind: &TargetKind| matches!(kind, TargetKind::Lib | TargetKind::Bin);
        for root in package.targets.iter().filter(|target| target.kind.iter().any(is_crate)) {
            let all = modules(root.src_path.as_std_path());
            crates += 1;
            if package.name == "offcut-runner" {
                let uses = used(&all, &vec!["cell".to_owned()]);
                assert!(all.len() > 12 && uses.len() > 4, "modules and what they use are found: {uses:?}");
                assert!(
                    NAMES.iter().all(|name| all.contains_key(&vec![name.to_string()])),
                    "modules of problems are found"
                );
            }
            for circle in circles(&all) {
                let lines = circle.iter().map(|module| {
                    let inside: Vec<String> = used(&all, module).intersection(&circle).map(shown).collect();
                    format!("  {} uses {}", shown(module), inside.join(", "))
                });
                let lines: Vec<String> = lines.collect();
                let circle: BTreeSet<String> = circle.iter().map(shown).collect();
                found.insert((root.name.clone(), circle, lines.join("\n")));
            }
        }
    }
    assert!(crates > 9, "all crates are read");
    let told: Vec<String> = found.iter().map(|(name, _, lines)| format!("{name}\n{lines}")).collect();
    assert!(told.is_empty(), "circles of modules:\n{}", told.join("\n"));
}
