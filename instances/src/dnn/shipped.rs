//! Measured machines that Offcut ships, by name. `offcut measure` wrote their files, `instances/data/machines/`.

/// Names and files.
const MACHINES: [(&str, &str); 1] = [("epyc-core", include_str!("../../data/machines/epyc-core.json"))];

const NAMES: [&str; MACHINES.len()] = {
    let mut names = [""; MACHINES.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = MACHINES[i].0;
        i += 1;
    }
    names
};

/// The names of all machines.
pub const fn names() -> &'static [&'static str] {
    &NAMES
}

/// The file of the machine of the given name.
pub(super) fn text(name: &str) -> Option<&'static str> {
    MACHINES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
