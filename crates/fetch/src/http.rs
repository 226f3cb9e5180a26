//! Downloads by URL: streamed, resumed where they stopped, and retried after temporary errors.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response, StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::error::SourceError;
use crate::fetcher::Fetcher;
use crate::progress::Progress;
use crate::sink::{Fault, Sink};

/// A try that transferred this many bytes resets the count of tries.
const PROGRESS_BYTES: u64 = 1 << 20;

/// How long an unreachable host is not tried again. Several files often share a host, and behind a firewall
/// that drops packets each would cost the whole timeout.
const UNREACHABLE_FOR: Duration = Duration::from_secs(60);

/// Redirects of a download, at most.
const MAX_REDIRECTS: u32 = 10;

static UNREACHABLE: LazyLock<Mutex<HashMap<String, (Instant, String)>>> = LazyLock::new(Mutex::default);

/// Downloads `url`, continuing after what `part` already holds. Returns the checksum, the length, and whether
/// the download was resumed.
pub(crate) fn download(
    fetcher: &Fetcher,
    url: &str,
    part: &Path,
    limit: u64,
    progress: &mut dyn Progress,
) -> Result<(String, u64, bool), Fault> {
    let host = host_of(url)?;
    if let Some(reason) = recently_unreachable(&host) {
        return Err(SourceError::Network { reason, tries: 1 }.into());
    }
    let agent = agent(fetcher.connect_timeout, fetcher.read_timeout, None);
    let deadline = Deadline(Instant::now().checked_add(fetcher.total_timeout));
    let mut sink = Sink::resume(part, limit)?;
    let resumed = sink.bytes > 0;
    let mut tries = 0;
    loop {
        tries += 1;
        let before = sink.bytes;
        let trouble = match attempt(&agent, url, &mut sink, deadline, progress)? {
            Outcome::Complete => {
                let (sha256, bytes) = sink.finish()?;
                return Ok((sha256, bytes, resumed));
            }
            Outcome::Trouble(trouble) => trouble,
        };
        let too_slow = SourceError::TooSlow { after: fetcher.total_timeout, bytes: sink.bytes };
        if deadline.is_over() {
            return Err(too_slow.into());
        }
        if sink.bytes >= before + PROGRESS_BYTES {
            tries = 1;
        }
        // A host that does not answer at all rarely answers a moment later.
        let tries_allowed = if trouble.answered { fetcher.tries } else { fetcher.tries.min(2) };
        if tries >= tries_allowed {
            if !trouble.answered {
                remember_unreachable(host, &trouble.reason);
            }
            return Err(match trouble.status {
                Some(status) => SourceError::Status { status },
                None => SourceError::Network { reason: trouble.reason, tries },
            }
            .into());
        }
        let wait = trouble.wait.unwrap_or(fetcher.wait * 2_u32.pow(tries.min(6) - 1));
        if deadline.comes_within(wait) {
            return Err(too_slow.into());
        }
        progress.note(&format!("{url}: {}; trying again in {:.1} s", trouble.reason, wait.as_secs_f64()));
        thread::sleep(wait);
    }
}

/// When a download has to end; `None` if that is too far away to be a time.
#[derive(Clone, Copy)]
struct Deadline(Option<Instant>);

impl Deadline {
    fn is_over(self) -> bool {
        self.comes_within(Duration::ZERO)
    }

    fn comes_within(self, time: Duration) -> bool {
        self.0.is_some_and(|end| end.saturating_duration_since(Instant::now()) <= time)
    }
}

/// Stops reading at the deadline. The limit for a single read does not end the answer of a server that sends a byte
/// now and then.
struct Until<R> {
    reader: R,
    deadline: Deadline,
}

impl<R: Read> Read for Until<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.deadline.is_over() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.reader.read(buffer)
    }
}

enum Outcome {
    Complete,
    Trouble(Trouble),
}

/// An error that may be temporary.
struct Trouble {
    reason: String,
    status: Option<u16>,
    /// Whether the host answered at all.
    answered: bool,
    /// How long the server asks to wait.
    wait: Option<Duration>,
}

impl Trouble {
    fn broken(reason: String) -> Outcome {
        Outcome::Trouble(Trouble { reason, status: None, answered: true, wait: None })
    }
}

fn attempt(
    agent: &Agent,
    url: &str,
    sink: &mut Sink,
    deadline: Deadline,
    progress: &mut dyn Progress,
) -> Result<Outcome, Fault> {
    // Bytes compressed for the transfer would not match the checksum.
    let mut request = agent.get(url).header("accept-encoding", "identity");
    if sink.bytes > 0 {
        request = request.header("range", format!("bytes={}-", sink.bytes));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(error) => {
            let answered = matches!(error, ureq::Error::Protocol(_) | ureq::Error::TooManyRedirects);
            let reason = plain(&error);
            return Ok(Outcome::Trouble(Trouble { reason, status: None, answered, wait: None }));
        }
    };
    let status = response.status();
    match status {
        StatusCode::OK => sink.restart()?,
        StatusCode::PARTIAL_CONTENT if range_start(response.headers()) == Some(sink.bytes) => {}
        StatusCode::PARTIAL_CONTENT => {
            sink.restart()?;
            return Ok(Trouble::broken("the server resumed at the wrong position".into()));
        }
        // There are no further bytes; the checksum will tell whether the file is complete.
        StatusCode::RANGE_NOT_SATISFIABLE if sink.bytes > 0 => return Ok(Outcome::Complete),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            return Ok(busy(&response));
        }
        _ if status.is_server_error() => return Ok(busy(&response)),
        _ => return Err(SourceError::Status { status: status.as_u16() }.into()),
    }
    let expected = number(response.headers(), "content-length").map(|length| sink.bytes + length);
    let mut body = Until { reader: response.into_body().into_reader(), deadline };
    match sink.take(&mut body, progress)? {
        Err(error) => {
            Ok(Trouble::broken(format!("the connection broke after {} bytes: {error}", sink.bytes)))
        }
        Ok(()) => match expected {
            Some(expected) if sink.bytes < expected => {
                Ok(Trouble::broken(format!("the connection ended after {} of {expected} bytes", sink.bytes)))
            }
            _ => Ok(Outcome::Complete),
        },
    }
}

fn busy(response: &Response<Body>) -> Outcome {
    let status = response.status().as_u16();
    let wait = number(response.headers(), "retry-after").map(|seconds| Duration::from_secs(seconds.min(30)));
    let reason = format!("the server answered {status}");
    Outcome::Trouble(Trouble { reason, status: Some(status), answered: true, wait })
}

pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// `Content-Range: bytes 100-199/200` starts at 100.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn host_of(url: &str) -> Result<String, SourceError> {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::authority).map(ToString::to_string);
    host.ok_or_else(|| SourceError::Network { reason: "not a valid address".into(), tries: 1 })
}

fn recently_unreachable(host: &str) -> Option<String> {
    let hosts = UNREACHABLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (when, reason) = hosts.get(host)?;
    (when.elapsed() < UNREACHABLE_FOR).then(|| reason.clone())
}

fn remember_unreachable(host: String, reason: &str) {
    let mut hosts = UNREACHABLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    hosts.insert(host, (Instant::now(), reason.to_string()));
}

/// The client of all requests. `connect` limits how long it may take to resolve and reach a host, `silence` how long the
/// server may be silent, and `total` a whole request; with the latter, redirects are answers like any other.
pub(crate) fn agent(connect: Duration, silence: Duration, total: Option<Duration>) -> Agent {
    let (connect, silence) = (Some(connect), Some(silence));
    Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("autoencoders/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(connect)
        .timeout_connect(connect)
        .timeout_recv_response(silence)
        .timeout_per_read(silence)
        .timeout_global(total)
        .max_redirects(if total.is_some() { 0 } else { MAX_REDIRECTS })
        .tls_config(TlsConfig::builder().root_certs(root_certs()).build())
        .build()
        .new_agent()
}

/// The system's certificates, which may include a company's proxy; the built-in ones if the system has none.
fn root_certs() -> RootCerts {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    let bundles =
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"];
    if cfg!(target_os = "linux") && !named && !bundles.iter().any(|path| Path::new(path).exists()) {
        RootCerts::WebPki
    } else {
        RootCerts::PlatformVerifier
    }
}

pub(crate) fn plain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "unknown host (is there a network?)".into(),
        ureq::Error::ConnectionFailed => "the connection failed".into(),
        ureq::Error::Io(error) => lower_first(&error.to_string()),
        ureq::Error::Timeout(_) => "no answer in time".into(),
        other => other.to_string(),
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
