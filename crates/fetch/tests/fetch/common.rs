//! A small HTTP server that misbehaves as told, and an artifact to fetch from it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ae_fetch::{Artifact, Digest, Fetcher, Progress, Source};
use sha2::Digest as _;

/// 3 MB of bytes without a short period.
pub(crate) fn content() -> Vec<u8> {
    (0..750_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn artifact(folder: &Path, sources: Vec<Source>) -> Artifact {
    Artifact {
        name: "the numbers".into(),
        destination: folder.join("sub/numbers.bin"),
        accepted: vec![Digest::new(sha256(&content()))],
        sources,
    }
}

pub(crate) fn impatient() -> Fetcher {
    Fetcher {
        wait: Duration::from_millis(1),
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(400),
        ..Fetcher::default()
    }
}

/// Names of the files in a folder, hidden ones too.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) begun: Vec<(String, Option<u64>)>,
    pub(crate) last: u64,
    pub(crate) notes: Vec<String>,
    pub(crate) ended: u32,
}

impl Progress for Told {
    fn begin(&mut self, name: &str, total: Option<u64>) {
        self.begun.push((name.into(), total));
    }
    fn advance(&mut self, bytes_so_far: u64) {
        self.last = bytes_so_far;
    }
    fn note(&mut self, message: &str) {
        self.notes.push(message.into());
    }
    fn end(&mut self) {
        self.ended += 1;
    }
}

/// What the server does with one request.
pub(crate) enum Reply {
    /// All of this, or the part that the request's range asks for.
    Content(Vec<u8>),
    /// States the length of all but sends only so many bytes, then hangs up. Respects ranges.
    Truncated(Vec<u8>, usize),
    /// All of this from its beginning, whatever range is asked for.
    NoRanges(Vec<u8>),
    /// An answer with this status line and no body.
    Status(&'static str),
    /// Sends the header, then nothing for a while.
    Silence,
    /// All of this, a byte every ten milliseconds.
    Drip(Vec<u8>),
}

pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers the n-th request with the n-th reply, and all later ones with the last.
    pub(crate) fn start(replies: Vec<Reply>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/numbers.bin", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let reply = &replies[index.min(replies.len() - 1)];
                let _ = answer(stream.unwrap(), reply, &seen);
            }
        });
        Server { url, requests }
    }

    /// The `Range` header of each request so far, empty where there was none.
    pub(crate) fn ranges(&self) -> Vec<String> {
        let range = |head: &String| {
            let line = head.lines().find(|line| line.to_lowercase().starts_with("range:"));
            line.map(|line| line[6..].trim().to_string()).unwrap_or_default()
        };
        self.requests.lock().unwrap().iter().map(range).collect()
    }
}

fn answer(mut stream: TcpStream, reply: &Reply, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let offset = head
        .to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    seen.lock().unwrap().push(head);
    match reply {
        Reply::Content(body) => ranged(&mut stream, body, offset, usize::MAX),
        Reply::Truncated(body, most) => ranged(&mut stream, body, offset, *most),
        Reply::NoRanges(body) => ranged(&mut stream, body, None, usize::MAX),
        Reply::Status(status) => {
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Reply::Silence => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n")?;
            thread::sleep(Duration::from_millis(800));
            Ok(())
        }
        Reply::Drip(body) => {
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")?;
            for byte in body {
                stream.write_all(&[*byte])?;
                thread::sleep(Duration::from_millis(10));
            }
            Ok(())
        }
    }
}

fn ranged(stream: &mut TcpStream, body: &[u8], offset: Option<usize>, most: usize) -> std::io::Result<()> {
    let Some(offset) = offset else {
        let length = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")?;
        return stream.write_all(&body[..most.min(length)]);
    };
    if offset >= body.len() {
        return write!(
            stream,
            "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    }
    let (rest, last, all) = (&body[offset..], body.len() - 1, body.len());
    write!(stream, "HTTP/1.1 206 Partial Content\r\ncontent-length: {}\r\n", rest.len())?;
    write!(stream, "content-range: bytes {offset}-{last}/{all}\r\nconnection: close\r\n\r\n")?;
    stream.write_all(&rest[..most.min(rest.len())])
}
