//! What processes send each other over a socket: a header in JSON, then the numbers of the tensors, in pieces held to a rate.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::clock::{now_ns, ns, sleep_until};

/// Longer headers are refused.
const LONGEST_HEADER: usize = 1 << 20;
/// A piece takes about this long at the rate of its link, in seconds.
const PIECE_S: f64 = 1e-3;
/// The smallest and the largest piece, in bytes.
const PIECE: std::ops::RangeInclusive<f64> = 64.0..=262_144.0;
/// A connection over which nothing comes for so long is given up.
const PATIENCE: Duration = Duration::from_secs(600);

/// What happened to a task at a stage. All times are of [`now_ns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When its last byte had come, or the stage before had ended in the same process.
    pub arrived_ns: u64,
    /// When its computation began.
    pub begun_ns: u64,
    /// Processor time of the computation, in ns.
    pub cpu_ns: u64,
    /// When the stage was due to end: after its processor time, times the slow-down of its machine.
    pub due_ns: u64,
    /// When it ended. It is late if this machine was busy, or a drawn service time was shorter than the computation.
    pub ended_ns: u64,
    /// When its transfer began: later than that, if it waited for the link.
    pub left_ns: u64,
}

/// Factors on the mean service times of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// Shape (stages,).
    pub stages: Vec<f64>,
    /// Shape (stages - 1,).
    pub links: Vec<f64>,
}

impl Factors {
    /// All 1.
    pub fn one(stages: usize) -> Self {
        Self { stages: vec![1.0; stages], links: vec![1.0; stages - 1] }
    }
}

/// A task on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Known to the processes of one run only: a message without it is dropped.
    pub token: u64,
    /// Index of its route.
    pub route: usize,
    /// The stage that it goes to; one beyond the last for a finished task.
    pub stage: usize,
    /// Its number.
    pub task: u64,
    /// When it was born, in ns of the clock.
    pub born_ns: u64,
    /// Factors on its service times.
    pub factors: Factors,
    /// What happened so far, one entry a stage.
    pub marks: Vec<Mark>,
    /// Bytes of the tensors that follow. Shape (tensors,).
    pub sizes: Vec<usize>,
}

/// How bytes leave: the first may arrive after `fixed_s` seconds, the others follow at `s_per_byte`, counted from `from_ns`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// When sending begins.
    pub from_ns: u64,
    /// Seconds before the first byte.
    pub fixed_s: f64,
    /// Seconds for each byte.
    pub s_per_byte: f64,
}

/// Opens a connection to a process of this machine.
///
/// # Errors
/// If nobody listens there.
pub fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).context("cannot connect")?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends a header at once and then the tensors, at the pace of a link if there is one: no byte is sent before it is due.
///
/// # Errors
/// If the connection breaks.
pub fn send(stream: &mut impl Write, header: &Header, tensors: &[Vec<u8>], pace: Option<Pace>) -> Result<()> {
    let text = serde_json::to_vec(header)?;
    stream.write_all(&(text.len() as u32).to_le_bytes())?;
    stream.write_all(&text)?;
    let Some(pace) = pace else {
        tensors.iter().try_for_each(|tensor| stream.write_all(tensor))?;
        return Ok(stream.flush()?);
    };
    let piece = (PIECE_S / pace.s_per_byte).clamp(*PIECE.start(), *PIECE.end()) as usize;
    let mut sent = 0;
    sleep_until(pace.from_ns + ns(pace.fixed_s));
    for bytes in tensors.iter().flat_map(|tensor| tensor.chunks(piece)) {
        sent += bytes.len();
        sleep_until(pace.from_ns + ns(pace.fixed_s + sent as f64 * pace.s_per_byte));
        stream.write_all(bytes)?;
    }
    Ok(stream.flush()?)
}

/// Reads what [`send`] sent: header, tensors, and when the last byte had come. `sizes_of` says which sizes the tensors of a header must have.
///
/// # Errors
/// If the connection breaks, or what comes is not of this run.
pub fn receive(
    stream: &mut TcpStream,
    token: u64,
    sizes_of: impl Fn(&Header) -> Option<Vec<usize>>,
) -> Result<(Header, Vec<Vec<u8>>, u64)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    ensure!(length <= LONGEST_HEADER, "a header of {length} bytes");
    let mut text = vec![0; length];
    stream.read_exact(&mut text)?;
    let header: Header = serde_json::from_slice(&text)?;
    ensure!(header.token == token, "a message of another run");
    let sizes = sizes_of(&header).context("a message for a stage that is not here")?;
    ensure!(header.sizes == sizes, "tensors of {:?} bytes, not {sizes:?}", header.sizes);
    let mut tensors: Vec<Vec<u8>> = sizes.iter().map(|size| vec![0; *size]).collect();
    tensors.iter_mut().try_for_each(|tensor| stream.read_exact(tensor))?;
    Ok((header, tensors, now_ns()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn header() -> Header {
        let mark = Mark { arrived_ns: 1, begun_ns: 2, cpu_ns: 1, due_ns: 3, ended_ns: 4, left_ns: 4 };
        let factors = Factors { stages: vec![1.0, 0.5], links: vec![1.0] };
        let (marks, sizes) = (vec![mark], vec![1000, 3]);
        Header { token: 7, route: 0, stage: 1, task: 3, born_ns: 1, factors, marks, sizes }
    }

    fn exchange(pace: Option<Pace>, token: u64) -> Result<(Header, Vec<Vec<u8>>, u64)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let sender = std::thread::spawn(move || {
            let tensors = [vec![5; 1000], vec![1, 2, 3]];
            send(&mut connect(port)?, &header(), &tensors, pace)
        });
        let (mut stream, _) = listener.accept().expect("a connection");
        let received = receive(&mut stream, token, |header| (header.stage == 1).then(|| vec![1000, 3]));
        let sent = sender.join().expect("no panic");
        assert!(sent.is_ok() || received.is_err());
        received
    }

    #[test]
    fn what_is_sent_arrives_and_not_too_early() {
        let (got, tensors, _) = exchange(None, 7).expect("received");
        assert_eq!((got, tensors[0][999], &tensors[1][..]), (header(), 5, &[1, 2, 3][..]));
        let from_ns = now_ns();
        let pace = Pace { from_ns, fixed_s: 0.01, s_per_byte: 2e-5 };
        let (_, _, arrived_ns) = exchange(Some(pace), 7).expect("received");
        assert!(arrived_ns >= from_ns + ns(0.01 + 1003.0 * 2e-5));
    }

    #[test]
    fn messages_of_others_are_dropped() {
        assert!(exchange(None, 8).is_err_and(|error| error.to_string().contains("another run")));
    }
}
