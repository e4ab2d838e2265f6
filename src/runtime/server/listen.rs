//! Where a server listens, and whoever else tells something over the network: on the loopback interface, unless
//! more is allowed.
//!
//! Not here: who is let in (`gate`).

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::runtime::server::error::ServerError;

/// Connections that may wait to be let in: all devices of a town that come back at once.
const BACKLOG: u32 = 4_096;

/// Listens there, and says where that is: port 0 is one that is free. Others than this machine are let in only
/// if they are allowed.
///
/// # Errors
/// When they would be and are not, or the operating system refuses.
pub fn bind(
    address: SocketAddr,
    allow_remote: bool,
) -> Result<(TcpListener, SocketAddr), ServerError> {
    if !allow_remote && !address.ip().is_loopback() {
        return Err(ServerError::Remote(address.to_string()));
    }
    let bound = listen(address).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|source| ServerError::Listen { address: address.to_string(), source })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that is started again finds its old connections still in the system's memory.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
