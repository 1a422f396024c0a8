//! A program that is asked line by line, over its standard input and output.
//!
//! It is started by a cell's process and stays in that one's group, so that whoever watches the cell ([`crate::process`]) watches it too: time, memory and
//! error output are seen to there. Here is only what the one who asks must not be harmed by.
//!
//! | what it does | what becomes of it |
//! |---|---|
//! | ends, or closes its output | [`NoReply`] instead of a line |
//! | writes a line without end | its output is closed, [`NoReply`] |
//! | writes more than it is asked for | it waits: what is not taken stays in the pipe |
//! | does not answer | nothing: its time runs out |

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::ended::{Ended, by_itself};

/// How long a program has to go by itself once nothing more is asked, or its output is closed.
const PARTING: Duration = Duration::from_secs(1);

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoReply {
    /// It ended.
    Ended(Ended),
    /// It closed its output, lived on, and was ended.
    Closed,
    /// It wrote a line of more than so many bytes.
    TooLong(u64),
}

impl std::fmt::Display for NoReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(_) => f.write_str("it ended instead of answering"),
            Self::Closed => f.write_str("it closed its output instead of answering"),
            Self::TooLong(bytes) => write!(f, "it wrote a line of more than {bytes} bytes"),
        }
    }
}

/// What comes of its output.
enum Reply {
    Line(Vec<u8>),
    TooLong,
}

/// A program and the pipes to it. Dropped, it is ended.
#[derive(Debug)]
pub struct Dialogue {
    child: Child,
    /// None once nothing more is asked.
    input: Option<ChildStdin>,
    lines: Receiver<Reply>,
    longest_line: u64,
    ended: Option<Ended>,
}

impl Dialogue {
    /// Starts a program in this process's group. A line it says may have so many bytes.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command, longest_line: u64) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("piped"));
        // One line is held, a second one waits here, and the rest in the pipe: a program that says too much waits.
        let (sender, lines) = sync_channel(1);
        thread::spawn(move || read_lines(output, longest_line, &sender));
        Ok(Self { child, input, lines, longest_line, ended: None })
    }

    /// Says a line, without its line feed, and waits for one in return.
    ///
    /// # Errors
    /// Why there is none.
    pub fn ask(&mut self, line: &[u8]) -> Result<Vec<u8>, NoReply> {
        if let Some(input) = &mut self.input {
            // Whoever does not listen may have gone: what it said last tells.
            let _ = input.write_all(&[line, b"\n"].concat());
        }
        self.hear()
    }

    /// Waits for a line that was not asked for.
    ///
    /// # Errors
    /// Why there is none.
    pub fn hear(&mut self) -> Result<Vec<u8>, NoReply> {
        match self.lines.recv() {
            Ok(Reply::Line(line)) => Ok(line),
            Ok(Reply::TooLong) => Err(NoReply::TooLong(self.longest_line)),
            Err(_) => {
                self.ended = self.part(Instant::now() + PARTING);
                Err(self.ended.map_or(NoReply::Closed, NoReply::Ended))
            }
        }
    }

    /// Asks nothing more: the program reads the end of its input, and has a second to go. The answer is the first line it said without being asked, if
    /// there is one.
    pub fn end(&mut self) -> Option<Vec<u8>> {
        self.input = None;
        let until = Instant::now() + PARTING;
        match self.lines.recv_timeout(PARTING) {
            Ok(Reply::Line(line)) => Some(line),
            Ok(Reply::TooLong) => Some(Vec::new()),
            Err(_) => {
                self.part(until);
                None
            }
        }
    }

    /// How it ended, if it did when it should have answered.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Waits for it to end by itself; none if it had to be ended.
    fn part(&mut self, until: Instant) -> Option<Ended> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(by_itself(status)),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                Ok(None) | Err(_) => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    return None;
                }
            }
        }
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        let _ = self.child.kill();
        // What it took counts once it is waited for.
        let _ = self.child.wait();
    }
}

/// Hands over lines without their line feeds, until the end or one that is too long. What has no line feed is no line.
fn read_lines(output: impl Read, longest: u64, to: &SyncSender<Reply>) {
    let mut output = BufReader::with_capacity(1 << 16, output);
    loop {
        let mut line = Vec::new();
        // An error is an end: the pipe is broken.
        let read = (&mut output).take(longest + 1).read_until(b'\n', &mut line).unwrap_or(0) as u64;
        let reply = match line.pop() {
            Some(b'\n') => Reply::Line(line),
            _ if read > longest => Reply::TooLong,
            _ => return,
        };
        let is_last = matches!(reply, Reply::TooLong);
        if to.send(reply).is_err() || is_last {
            return;
        }
    }
}

/// The beginning of a line, to be shown.
pub fn beginning_of(line: &[u8]) -> String {
    /// Characters that are shown.
    const SHOWN: usize = 60;
    let text = String::from_utf8_lossy(&line[..line.len().min(4 * SHOWN)]).into_owned();
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push_str(" ...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell's script as the program.
    fn start(script: &str) -> Dialogue {
        Dialogue::start(Command::new("sh").args(["-c", script]), 1000).expect("a shell")
    }

    #[test]
    fn lines_come_back_in_turn_and_the_end_of_input_ends_it() {
        let mut echo = start("while read -r line; do echo \"$line\"; done");
        for line in ["one", "", "three"] {
            assert_eq!(echo.ask(line.as_bytes()).expect("an echo"), line.as_bytes());
        }
        assert_eq!(echo.end(), None);
        assert_eq!(echo.ended(), None);
    }

    #[test]
    fn silence_tells_why() {
        assert_eq!(start("exit 3").ask(b"?"), Err(NoReply::Ended(Ended::Exit(3))));
        assert_eq!(start("kill -6 $$").ask(b"?"), Err(NoReply::Ended(Ended::Signal(6))));
        assert_eq!(start("exec >&-; sleep 100").ask(b"?"), Err(NoReply::Closed));
        // What has no line feed is no line.
        assert_eq!(start("printf 'half a li'").ask(b"?"), Err(NoReply::Ended(Ended::Exit(0))));
        assert_eq!(start("while printf xxxxxxxxxx; do :; done").ask(b"?"), Err(NoReply::TooLong(1000)));
    }

    #[test]
    fn what_is_said_without_being_asked_is_told_and_who_stays_is_ended() {
        let mut chatty = start("read -r line; echo a; echo b; sleep 100");
        assert_eq!(chatty.ask(b"?").as_deref(), Ok(b"a".as_slice()));
        assert_eq!(chatty.end().as_deref(), Some(b"b".as_slice()));
        let mut stays = start("read -r line; echo a; exec sleep 100");
        assert_eq!(stays.ask(b"?").as_deref(), Ok(b"a".as_slice()));
        assert_eq!(stays.end(), None);
        // A line that nobody reads, longer than a pipe holds, does not hold up the one who says it once the program is gone.
        assert_eq!(start("exec <&-; echo a").ask(&[b'x'; 1 << 20]).as_deref(), Ok(b"a".as_slice()));
    }

    #[test]
    fn the_beginning_of_a_line_fits_on_one() {
        assert_eq!(beginning_of(b"{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(beginning_of(b"a\tb\x1b[31m"), "ab[31m ...");
        assert_eq!(beginning_of(&[b'x'; 1000]), format!("{} ...", "x".repeat(60)));
    }
}
