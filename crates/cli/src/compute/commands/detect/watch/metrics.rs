//! `watch --metrics`: the state of a watch for Prometheus, in its text format (version 0.0.4), over HTTP.
//!
//! The server is as small as its task: one path, a request of at most 8 KiB that has to be complete within two seconds,
//! four connections at a time and no more. It has threads of its own and only reads counters, so that judging never
//! waits for it. It ends with the process.

use crate::failure::Failure;
use ae_records::text::one_line;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Longest request, in bytes.
const MAX_REQUEST: usize = 8 << 10;
/// Connections that are answered at a time; others are closed.
const MAX_CONNECTIONS: usize = 4;
/// How long a client may take to ask, and then to read.
const PATIENCE: Duration = Duration::from_secs(2);

/// A number that one thread writes and others read.
#[derive(Debug, Default)]
pub(super) struct Gauge(AtomicU64);

impl Gauge {
    pub(super) fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

/// The state of a watch. Counts are those of this process.
#[derive(Debug)]
pub(super) struct Gauges {
    /// File name of the detector.
    pub(super) detector: String,
    begun: Instant,
    pub(super) rows: AtomicU64,
    pub(super) alarms: AtomicU64,
    /// Events that began; 0 where every alarm is one.
    pub(super) events: AtomicU64,
    pub(super) unknown: AtomicU64,
    pub(super) bad_lines: AtomicU64,
    /// Number of the last line, in the whole stream.
    pub(super) line: AtomicU64,
    pub(super) score: Gauge,
    pub(super) threshold: Gauge,
    pub(super) drift_evidence: Gauge,
    pub(super) drifting: AtomicU64,
    /// Milliseconds from the beginning to the last row.
    last_row: AtomicU64,
    /// Messages that a webhook accepted, tries that failed, and alarms that were given up.
    pub(super) webhook_sent: AtomicU64,
    pub(super) webhook_failed: AtomicU64,
    pub(super) webhook_dropped: AtomicU64,
}

impl Gauges {
    pub(super) fn new(detector: String) -> Self {
        let unknown = || Gauge(AtomicU64::new(f64::NAN.to_bits()));
        let zero = AtomicU64::default;
        Gauges {
            detector,
            begun: Instant::now(),
            rows: zero(),
            alarms: zero(),
            events: zero(),
            unknown: zero(),
            bad_lines: zero(),
            line: zero(),
            score: unknown(),
            threshold: unknown(),
            drift_evidence: unknown(),
            drifting: zero(),
            last_row: zero(),
            webhook_sent: zero(),
            webhook_failed: zero(),
            webhook_dropped: zero(),
        }
    }

    /// A row was read just now.
    pub(super) fn row(&self) {
        self.rows.fetch_add(1, Relaxed);
        self.last_row.store(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The state in the text format of Prometheus.
    fn to_text(&self) -> String {
        let mut text = String::new();
        let mut one = |kind: &str, name: &str, help: &str, value: f64| {
            let value = if value.is_nan() { "NaN".to_string() } else { value.to_string() };
            writeln!(
                text,
                "# HELP ae_watch_{name} {help}\n# TYPE ae_watch_{name} {kind}\nae_watch_{name} {value}"
            )
            .expect("text has room");
        };
        let count = |counter: &AtomicU64| counter.load(Relaxed) as f64;
        one("counter", "rows_total", "Rows read, judged or not.", count(&self.rows));
        one("counter", "alarms_total", "Anomalous rows.", count(&self.alarms));
        let help =
            "Events that began: alarms of windows that follow each other are one; 0 for independent rows.";
        one("counter", "events_total", help, count(&self.events));
        one("counter", "unknown_rows_total", "Rows that could not be judged.", count(&self.unknown));
        one("counter", "bad_lines_total", "Lines that could not be read as a row.", count(&self.bad_lines));
        one("gauge", "line", "Number of the last line in the whole stream.", count(&self.line));
        one("gauge", "score", "Score of the last judged row; NaN before the first.", self.score.get());
        one("gauge", "threshold", "Score above which a row is anomalous.", self.threshold.get());
        let help = "Evidence that the distribution of scores has changed; NaN without a drift monitor.";
        one("gauge", "drift_evidence", help, self.drift_evidence.get());
        one("gauge", "drifting", "1 once the evidence of drift sufficed, else 0.", count(&self.drifting));
        let last = Duration::from_millis(self.last_row.load(Relaxed));
        let silent = self.begun.elapsed().saturating_sub(last).as_secs_f64();
        let help = "Seconds since the last row, or since the start before the first.";
        one("gauge", "seconds_since_last_row", help, silent);
        let help = "Messages that the webhook accepted.";
        one("counter", "webhook_messages_total", help, count(&self.webhook_sent));
        one("counter", "webhook_failed_tries_total", "Tries that failed.", count(&self.webhook_failed));
        let help = "Alarms that were given up, because the queue was full or the address refused them.";
        one("counter", "webhook_dropped_alarms_total", help, count(&self.webhook_dropped));
        writeln!(
            text,
            "# HELP ae_build_info The program and its detector.\n# TYPE ae_build_info gauge\n\
             ae_build_info{{version=\"{}\",detector=\"{}\"}} 1",
            env!("CARGO_PKG_VERSION"),
            label(&self.detector)
        )
        .expect("text has room");
        text
    }
}

/// The value of a label, between its quotes.
fn label(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Begins to answer at an address, and returns it with its port.
pub(super) fn serve(address: &str, gauges: Arc<Gauges>) -> Result<SocketAddr, Failure> {
    let wanted = resolved(address)?;
    let failed = |error: io::Error| {
        Failure::new(format!(
            "cannot listen on {wanted} for --metrics: {error}; give another port or address"
        ))
    };
    let listener = TcpListener::bind(wanted).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let listen = move || accept(&listener, &gauges);
    thread::Builder::new().name("metrics".into()).spawn(listen).map_err(failed)?;
    Ok(bound)
}

/// `9184` is a port of this machine alone; anything else is an address or host with a port.
fn resolved(text: &str) -> Result<SocketAddr, Failure> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((IpAddr::V4(Ipv4Addr::LOCALHOST), port).into());
    }
    // Elsewhere `:9184` means every address of the machine, which nobody should choose by accident.
    let has_host = !text.starts_with(':');
    let found = has_host.then(|| text.to_socket_addrs().ok()?.next()).flatten();
    found.ok_or_else(|| {
        Failure::usage(format!(
            "--metrics `{}` is no address to listen on; give a port of this machine, such as 9184, or an address and a \
             port, such as 0.0.0.0:9184",
            one_line(text)
        ))
    })
}

/// A connection that counts.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn accept(listener: &TcpListener, gauges: &Arc<Gauges>) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // No more files may be open, for now.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let earlier = open.fetch_add(1, Relaxed);
        let connection = Open(Arc::clone(&open));
        if earlier >= MAX_CONNECTIONS {
            continue;
        }
        let gauges = Arc::clone(gauges);
        let scrape = move || {
            // A client that goes away needs no answer.
            let _ = answer(stream, &gauges);
            drop(connection);
        };
        // Without a thread the connection is closed, and the next scrape is tried anew.
        let _ = thread::Builder::new().name("scrape".into()).spawn(scrape);
    }
}

fn answer(mut stream: TcpStream, gauges: &Gauges) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > MAX_REQUEST {
            return reply(&mut stream, "431 Request Header Fields Too Large", "the request is too long\n");
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            n => request.extend_from_slice(&piece[..n]),
        }
    }
    let line = request.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (method, target.split('?').next().unwrap_or_default()) {
        ("GET", "/metrics") => reply(&mut stream, "200 OK", &gauges.to_text()),
        ("GET", _) => reply(&mut stream, "404 Not Found", "the figures are at /metrics\n"),
        _ => reply(&mut stream, "405 Method Not Allowed", "only GET is answered\n"),
    }
}

fn reply(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_that_of_this_machine() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(resolved(text).ok().map(|address| address.to_string()).as_deref(), expected, "{text}");
        };
        check("9184", Some("127.0.0.1:9184"));
        check("127.0.0.1:9184", Some("127.0.0.1:9184"));
        check("0.0.0.0:80", Some("0.0.0.0:80"));
        check("[::1]:9184", Some("[::1]:9184"));
        for text in ["", ":9184", "65536", "localhost", "-1", "9184:"] {
            check(text, None);
        }
    }

    #[test]
    fn a_name_cannot_break_its_label() {
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\\\nd");
        let text = Gauges::new("d\"\n".into()).to_text();
        assert!(text.contains("detector=\"d\\\"\\\\n\"} 1\n"), "{text}");
        assert!(text.lines().all(|line| line.starts_with("# ") || line.starts_with("ae_")), "{text}");
    }
}
