//! A reference server for one load: with the scenario's settings, on a free port, its store gone with it.
//!
//! Not here: the server (`serve`), or the load.

use std::net::SocketAddr;

use crate::cli::exit::CliError;
use crate::runtime::spawned::Spawned;
use crate::scenario::plan::Plan;

/// A server; it is ended when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// None once it is to end.
    process: Option<Spawned>,
    address: SocketAddr,
}

/// Starts one.
///
/// # Errors
/// When it does not start.
pub fn server(plan: &Plan, ephemeral: bool) -> Result<Server, CliError> {
    let failed = || CliError::io("cannot start a server");
    let mut arguments = arguments(plan);
    arguments.push(if ephemeral { "--ephemeral" } else { "--temporary" }.to_owned());
    let program = std::env::current_exe().map_err(failed())?;
    let process = Spawned::start(&program, &arguments).map_err(failed())?;
    Ok(Server { address: process.address, process: Some(process) })
}

/// The scenario's settings, and limits that are not what is measured.
fn arguments(plan: &Plan) -> Vec<String> {
    let server = &plan.server;
    let mut arguments = vec!["serve".to_owned()];
    if server.push {
        arguments.push("--push".to_owned());
    }
    for (name, value) in [
        ("listen", "127.0.0.1:0".to_owned()),
        ("metrics", "127.0.0.1:0".to_owned()),
        ("name", server.server.to_string()),
        ("ttl", server.ttl.to_string()),
        ("grace", server.grace.to_string()),
        ("lease", server.lease.to_string()),
        ("mailbox-messages", server.mailbox_messages.to_string()),
        ("mailbox-octets", server.mailbox_octets.to_string()),
        ("connections", (plan.devices.len() * 2 + 1_000).to_string()),
        ("unattached", (plan.devices.len() + 1_000).to_string()),
        ("rate", "1000000".to_owned()),
        ("in-flight", "1024".to_owned()),
    ] {
        arguments.extend([format!("--{name}"), value]);
    }
    arguments
}

impl Server {
    /// Where it tells its metrics.
    #[must_use]
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.process.as_ref()?.metrics
    }

    /// The memory that it has taken at the worst so far, in octets.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        self.process.as_ref()?.peak_memory()
    }

    /// Ends it; what it says if it had ended already.
    ///
    /// # Errors
    /// That.
    pub fn stop(&mut self) -> Result<(), String> {
        self.process.take().map_or(Ok(()), Spawned::stop)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}
