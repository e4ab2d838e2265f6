//! Where a device under test is, and where the reference device waits for a harness, as it can be typed.
//!
//! Not here: what is done there (`conformance::rig`, `device`).

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::exit::CliError;
use crate::conformance::rig::Endpoint;

/// How a device under test is reached.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Attachment {
    /// Start this command; the device answers on its standard output.
    #[arg(long, value_name = "CMD")]
    pub exec: Option<String>,
    /// Dial a device that listens there.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    pub tcp: Option<String>,
    /// Dial a device that listens on this Unix socket.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub unix: Option<PathBuf>,
}

impl Attachment {
    /// Where that is.
    ///
    /// # Errors
    /// When nothing is said.
    pub fn endpoint(&self) -> Result<Endpoint, CliError> {
        let Self { exec, tcp, unix } = self.clone();
        let exec = exec.map(Endpoint::Exec);
        let endpoint = exec.or_else(|| tcp.map(Endpoint::Tcp)).or_else(|| unix.map(Endpoint::Unix));
        endpoint.ok_or_else(|| CliError::Usage("nobody says where the device is".to_owned()))
    }
}

/// Arguments of `device`.
#[derive(Clone, Debug, Args)]
pub struct Device {
    /// Break the specification: `--deviation M39`.
    #[arg(long = "deviation", value_name = "M..", value_delimiter = ',')]
    pub deviations: Vec<String>,
    /// Tell only what a user sees, as a product does.
    #[arg(long)]
    pub opaque: bool,
}

/// `HOST:PORT`, as it is.
fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        Some(_) | None => Err(format!("`{text}` has no port: `HOST:PORT`, such as 127.0.0.1:7700")),
    }
}
