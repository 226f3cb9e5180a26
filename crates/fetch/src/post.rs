//! Sends JSON to an address by POST: one try, whose failure says whether another one may help.

use std::fmt;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{StatusCode, Uri};

use crate::error::meaning;
use crate::http::{agent, number, plain};

/// Time limits of [`Poster::post`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait that a server may ask for.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// An address that JSON is sent to. Such an address often contains a secret, so what is displayed, in errors too, is
/// no more than its scheme and host.
pub struct Poster {
    agent: Agent,
    uri: Uri,
}

/// Why an address cannot be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https address; give one such as https://example.org/alarms")]
pub struct AddressError;

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PostError {
    /// What happened.
    pub reason: String,
    /// Whether another try may succeed: the host did not answer, or answered that it is busy or broken.
    pub is_temporary: bool,
    /// How long the server asks to wait before the next try; at most five minutes.
    pub wait: Option<Duration>,
}

impl Poster {
    /// Checks the address; nothing is sent.
    ///
    /// # Errors
    /// An address that is not `http://HOST…` or `https://HOST…`.
    pub fn new(address: &str) -> Result<Self, AddressError> {
        let uri: Uri = address.trim().parse().map_err(|_| AddressError)?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        if !is_web || uri.host().is_none_or(str::is_empty) {
            return Err(AddressError);
        }
        Ok(Poster { agent: agent(CONNECT_TIMEOUT, TOTAL_TIMEOUT, Some(TOTAL_TIMEOUT)), uri })
    }

    /// Sends a body of JSON, and waits for the answer for at most ten seconds. Any status of 2xx is a success.
    ///
    /// # Errors
    /// The host was not reached or did not answer in time, or it answered with another status. A redirect is not
    /// followed, because it would turn the POST into a GET that delivers nothing.
    pub fn post(&self, json: &str) -> Result<(), PostError> {
        let request = self.agent.post(self.uri.clone()).header("content-type", "application/json");
        let response = request.send(json).map_err(|error| {
            let is_temporary = !matches!(error, ureq::Error::BadUri(_) | ureq::Error::Http(_));
            PostError { reason: plain(&error), is_temporary, wait: None }
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let is_busy = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
        let moved = if status.is_redirection() { " (a redirect; give the final address)" } else { "" };
        let code = status.as_u16();
        let seconds = number(response.headers(), "retry-after");
        Err(PostError {
            reason: format!("the server answered {code}{}{moved}", meaning(code)),
            is_temporary: is_busy || status.is_server_error(),
            wait: seconds.map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT)),
        })
    }
}

/// `https://example.org`, without the path.
impl fmt::Display for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.uri.scheme_str().unwrap_or("http"), self.uri.host().unwrap_or_default())?;
        self.uri.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poster({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_accepted_and_no_secret_is_shown() {
        let shown = |address: &str| Poster::new(address).map(|poster| format!("{poster} {poster:?}"));
        let plain = "https://hooks.example.org Poster(https://hooks.example.org)";
        assert_eq!(shown("https://hooks.example.org/T0/secret?key=secret"), Ok(plain.into()));
        assert_eq!(shown("https://user:secret@hooks.example.org/"), Ok(plain.into()));
        let port = "http://127.0.0.1:8080 Poster(http://127.0.0.1:8080)";
        assert_eq!(shown(" http://127.0.0.1:8080/x "), Ok(port.into()));
        for address in
            ["", "example.org", "/path", "ftp://example.org", "http://", "https:///x", "http://a b"]
        {
            assert_eq!(shown(address), Err(AddressError), "{address}");
        }
    }
}
