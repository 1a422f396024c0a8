//! What tests of the command have in common.

use std::path::Path;

use assert_cmd::Command;

/// The command, in a folder.
pub fn offcut(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("offcut").expect("built");
    command.current_dir(folder);
    command
}
