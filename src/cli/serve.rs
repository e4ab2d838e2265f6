//! `peadsim serve`: the reference server, until somebody asks it to end.
//!
//! Not here: the server (`runtime::server`).

use std::net::{SocketAddr, ToSocketAddrs as _};

use crate::base::time::Duration;
use crate::cli::args::{Bounds, Serve};
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::cli::setup;
use crate::crypto::p256::P256;
use crate::proto::config::ServerConfig;
use crate::runtime::interrupt::Interrupt;
use crate::runtime::server::Server;
use crate::runtime::server::config::{Config, Limits, Storage};
use crate::runtime::server::error::ServerError;
use crate::runtime::tls::Identity;

/// Serves until it is asked to end, or has to.
///
/// # Errors
/// When it cannot start, or has to end: [`ServerError`].
pub fn run(args: &Serve) -> Result<Exit, CliError> {
    let server = Server::start::<P256>(config(args)?)?;
    let stopper = server.stopper();
    Interrupt::watch(move || stopper.stop(), setup::end_at_once)
        .map_err(CliError::io("cannot watch for signals"))?;
    output::print(&format!("listening at {}\n", server.address()))?;
    if let Some(address) = server.metrics() {
        output::print(&format!("metrics at http://{address}/metrics\n"))?;
    }
    server.wait()?;
    Ok(Exit::Success)
}

fn config(args: &Serve) -> Result<Config, CliError> {
    let Serve { ttl, grace, .. } = *args;
    if ttl == Duration::ZERO || grace < ttl.scale(21, 20) {
        let why = "--grace is to be at least --ttl and a twentieth, and --ttl not zero";
        return Err(CliError::Usage(why.to_owned()));
    }
    let server = ServerConfig {
        ttl,
        grace,
        lease: args.lease,
        mailbox_messages: args.mailbox_messages.get(),
        mailbox_octets: args.mailbox_octets,
        push: args.push,
        ..ServerConfig::new(args.name.clone())
    };
    let storage = if args.ephemeral { Storage::Memory } else { Storage::Folder(args.data.clone()) };
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(chain), Some(key)) => {
            Some(Identity::read(chain, key).map_err(|error| CliError::Usage(error.to_string()))?)
        }
        (_, _) => None,
    };
    Ok(Config {
        listen: resolve(&args.listen)?,
        metrics: args.metrics.as_deref().map(resolve).transpose()?,
        allow_remote: args.allow_remote,
        tls,
        storage,
        partitions: setup::threads(args.threads).get(),
        limits: limits(&args.limits),
        history: args.history,
        ..Config::new(server)
    })
}

fn limits(bounds: &Bounds) -> Limits {
    Limits {
        users: bounds.users,
        connections: bounds.connections,
        unattached: bounds.unattached,
        attach_within: bounds.attach_within,
        idle: bounds.idle,
        frame_within: bounds.frame_within,
        rate: bounds.rate,
        burst: bounds.rate.saturating_mul(2),
        in_flight: bounds.in_flight,
        ..Limits::default()
    }
}

/// An address that can be listened at or dialed.
///
/// # Errors
/// When it is none.
pub fn resolve(place: &str) -> Result<SocketAddr, CliError> {
    let unknown = |why: String| CliError::Usage(format!("`{place}` is no HOST:PORT: {why}"));
    let mut addresses = place.to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    addresses.next().ok_or_else(|| unknown("the name stands for no address".to_owned()))
}

impl From<ServerError> for CliError {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Remote(_) => Self::Usage(error.to_string()),
            ServerError::Listen { .. }
            | ServerError::Store(_)
            | ServerError::System(_)
            | ServerError::Fault(_) => Self::Server(error),
        }
    }
}
