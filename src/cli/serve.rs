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
use crate::runtime::spawned;
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
    if args.until_eof {
        let stopper = server.stopper();
        spawned::when_alone(move || stopper.stop())
            .map_err(CliError::io("cannot watch standard input"))?;
    }
    output::print(&format!("listening at {}\n", server.address()))?;
    if let Some(address) = server.metrics() {
        output::print(&format!("metrics at http://{address}/metrics\n"))?;
    }
    server.wait()?;
    Ok(Exit::Success)
}

fn config(args: &Serve) -> Result<Config, CliError> {
    let server = ServerConfig {
        ttl: args.ttl,
        grace: args.grace,
        lease: args.lease,
        mailbox_messages: args.mailbox_messages.get(),
        mailbox_octets: args.mailbox_octets.get(),
        push: args.push,
        ..ServerConfig::new(args.name.clone())
    };
    check(&server, &args.limits)?;
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
        storage: storage(args),
        partitions: setup::threads(args.threads).get(),
        limits: limits(&args.limits),
        history: args.history,
        ..Config::new(server)
    })
}

/// What outlives what.
fn check(server: &ServerConfig, bounds: &Bounds) -> Result<(), CliError> {
    let outlives = |longer: Duration, shorter: Duration| longer >= shorter.scale(21, 20);
    let why = if !outlives(server.grace, server.ttl) {
        "--grace is to be at least --ttl and a twentieth".to_owned()
    } else if !outlives(bounds.idle, server.ticket) {
        // A device that is pushed its mail has nothing to say until it renews its ticket.
        let least = server.ticket.scale(21, 20);
        format!("--idle is to be at least {least}: the life of a ticket, and a twentieth")
    } else {
        return Ok(());
    };
    Err(CliError::Usage(why))
}

fn storage(args: &Serve) -> Storage {
    if args.ephemeral {
        Storage::Memory
    } else if args.temporary {
        Storage::Temporary
    } else {
        Storage::Folder(args.data.clone())
    }
}

fn limits(bounds: &Bounds) -> Limits {
    let rate = bounds.rate.get();
    Limits {
        users: bounds.users.get(),
        connections: bounds.connections.get(),
        unattached: bounds.unattached.get(),
        attach_within: bounds.attach_within,
        idle: bounds.idle,
        frame_within: bounds.frame_within,
        rate,
        burst: rate.saturating_mul(2),
        in_flight: bounds.in_flight.get(),
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
