//! The file of an instance, held to its hash.

use std::io::Read;
use std::path::{Path, PathBuf};

use offcut_instances::document::{InputError, hash, parse_instance, read_bytes};
use offcut_instances::problem::Problem;

/// The file of an instance, and what it must hold.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its path.
    pub path: &'a Path,
    /// The instance's hash.
    pub hash: &'a str,
    /// Writes the file anew, when it no longer holds the instance.
    pub restore: &'a (dyn Fn() -> Result<(), InputError> + Sync),
}

impl<'a> Source<'a> {
    /// How often something is tried again because the file was changed meanwhile: only other cells of the same run can do so again.
    pub(super) const TRIES: usize = 3;

    /// A folder that a program may write to, removed when this is dropped.
    pub(super) fn scratch() -> Result<tempfile::TempDir, InputError> {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(remove_copies_of_the_dead);
        let prefix = format!("{COPIES}{}-", std::process::id());
        tempfile::Builder::new().prefix(&prefix).tempdir().map_err(no_room)
    }

    /// A copy in the scratch folder of a program. The name is the file's.
    pub(super) fn private_copy<P: Problem>(&self, scratch: &Path) -> Result<PathBuf, InputError> {
        let copy = scratch.join(self.path.file_name().unwrap_or("instance.json".as_ref()));
        for tried in 0.. {
            let _ = std::fs::remove_file(&copy);
            // The copy is looked at, not the file: that may change again.
            let copied = std::fs::copy(self.path, &copy);
            if copied.is_ok() && holds::<P>(&copy, self.hash) {
                return Ok(copy);
            }
            match copied {
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Err(no_room(error)),
                _ if tried < Self::TRIES => (self.restore)()?,
                _ => break,
            }
        }
        Err(not_the_instance(self.path, self.hash))
    }
}

fn no_room(error: std::io::Error) -> InputError {
    let what = format!("there is no room for a program's copy of an instance: {error}");
    InputError::at("", what, "make room, or set TMPDIR")
}

/// What folders of copies are called; then come the runner's process and letters.
const COPIES: &str = "offcut-cell-";

/// Removes copies of runners that were killed before a supervisor could do so.
fn remove_copies_of_the_dead() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let runner = name.to_str().and_then(|name| name.strip_prefix(COPIES)?.split_once('-')?.0.parse::<u32>().ok());
        if runner.is_some_and(|runner| !Path::new("/proc").join(runner.to_string()).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a file holds the instance of this hash: as its document to the byte, which is what is hashed, or written in another way.
pub(super) fn holds<P: Problem>(path: &Path, hash: &str) -> bool {
    let is_document = std::fs::File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len().saturating_sub(1);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader((&mut file).take(length))?;
        let mut last = Vec::new();
        file.read_to_end(&mut last)?;
        let is_it = |hasher: &blake3::Hasher| hasher.finalize().to_hex()[..32] == *hash;
        // Files that people name end with a line feed, those of a run do not.
        Ok((last == b"\n" && is_it(&hasher)) || is_it(hasher.update(&last)))
    });
    is_document.unwrap_or(false) || instance_of::<P>(path, hash).is_ok()
}

/// Reads the instance of this hash.
pub(super) fn instance_of<P: Problem>(path: &Path, expected: &str) -> Result<P::Instance, InputError> {
    let bytes = read_bytes(path).map_err(|error| error.in_file(path))?;
    let document = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let is_document = blake3::hash(document).to_hex()[..32] == *expected;
    let instance = parse_instance::<P>(&bytes).map_err(|error| error.in_file(path))?;
    if is_document || hash::<P>(&instance) == *expected { Ok(instance) } else { Err(not_the_instance(path, expected)) }
}

fn not_the_instance(path: &Path, hash: &str) -> InputError {
    InputError::at("", format!("is not the instance {hash}: it was changed"), "leave the files of a run as they are")
        .in_file(path)
}

/// Exit code of a cell's process that was given a file which is not what it is said to be.
pub(super) const CHANGED: i32 = 3;

/// What is read, or this process ends with [`CHANGED`] and a line.
pub(super) fn or_changed<T>(read: Result<T, InputError>) -> T {
    read.unwrap_or_else(|error| {
        eprintln!("offcut: {error}");
        std::process::exit(CHANGED)
    })
}
