//! Requests to a small HTTP server nearby: one at a time, bounded in time and size, never led elsewhere.
//!
//! Not here: what is asked (`conformance::actuator`), or HTTPS.

use std::io;
use std::net::ToSocketAddrs as _;

use ureq::Agent;
use ureq::http::Uri;

use crate::base::time::Duration;

/// Octets of an answer that are kept.
const TEXT_MAX: u64 = 4 << 10;
/// The port of a URL that names none.
const PORT: u16 = 80;

/// Somebody to ask.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    base: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// In how many seconds to ask again, if it says that.
    pub retry_after: Option<u64>,
    /// The beginning of its text.
    pub text: String,
}

impl Client {
    /// At `http://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// When it is no such URL, its host is unknown, or is on another machine unless `remote`.
    pub fn new(base: &str, remote: bool) -> io::Result<Self> {
        let bad =
            || io::Error::new(io::ErrorKind::InvalidInput, "expected http://HOST[:PORT][/PATH]");
        let uri: Uri = base.parse().map_err(|_| bad())?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("http") && uri.query().is_none());
        let host = host.ok_or_else(bad)?.trim_matches(['[', ']']);
        let mut places = (host, uri.port_u16().unwrap_or(PORT)).to_socket_addrs()?;
        if !remote && !places.all(|it| it.ip().is_loopback()) {
            let why = "it is not on the loopback interface: --allow-remote is needed";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        let config = Agent::config_builder().http_status_as_error(false).proxy(None);
        let agent = config.max_redirects(0).max_redirects_will_error(false).build().into();
        Ok(Self { agent, base: base.trim_end_matches('/').to_owned() })
    }

    /// What is there: a text of at most this many octets.
    ///
    /// # Errors
    /// When nothing comes within that time, nobody is there, or the answer is no success.
    pub fn get(&self, most: u64, within: Duration) -> io::Result<String> {
        let request = self.agent.get(self.base.as_str());
        let request = request.config().timeout_global(Some(within.into())).build();
        let mut response = request.call().map_err(ureq::Error::into_io)?;
        if !response.status().is_success() {
            return Err(io::Error::other(format!("it answers {}", response.status())));
        }
        let text = response.body_mut().with_config().limit(most).lossy_utf8(true);
        text.read_to_string().map_err(ureq::Error::into_io)
    }

    /// Posts JSON there, and waits for what comes back.
    ///
    /// # Errors
    /// When nothing does within that time, which is `TimedOut`, or nobody is there.
    pub fn post(&self, path: &str, body: &str, within: Duration) -> io::Result<Response> {
        let within = within.into();
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.content_type("application/json");
        let request = request.config().timeout_global(Some(within)).build();
        let mut response = request.send(body).map_err(|error| {
            let is_late = matches!(error, ureq::Error::Timeout(_));
            if is_late { io::ErrorKind::TimedOut.into() } else { error.into_io() }
        })?;
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|it| it.to_str().ok()?.trim().parse().ok());
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(TEXT_MAX).lossy_utf8(true);
        // The status says what came of it; a text that is too long is left out.
        let text = text.read_to_string().unwrap_or_default();
        Ok(Response { status, retry_after, text })
    }
}
