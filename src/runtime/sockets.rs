//! Sockets to a neighbor: dialed, or waited for, on TCP or as a file.
//!
//! Not here: what is said over them, or who may say it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// How long a connection may take to come about.
const DIALING: std::time::Duration = std::time::Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Over the network.
    Tcp(TcpStream),
    /// Within this machine.
    #[cfg(unix)]
    Unix(UnixStream),
}

/// What is read from, and what is written to.
pub type Halves = (Box<dyn Read + Send>, Box<dyn Write + Send>);

impl Stream {
    /// Dials `HOST:PORT`, each of its addresses in turn.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn dial_tcp(address: &str) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name stands for no address");
        for address in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, DIALING) {
                Ok(stream) => return Ok(Self::Tcp(stream)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Dials a Unix socket.
    ///
    /// # Errors
    /// When nobody listens there.
    #[cfg(unix)]
    pub fn dial_unix(path: &Path) -> io::Result<Self> {
        UnixStream::connect(path).map(Self::Unix)
    }

    /// There are no Unix sockets here.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(unix))]
    pub fn dial_unix(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Both directions, which hold the connection open until it is closed.
    ///
    /// # Errors
    /// When the operating system has no more of them.
    pub fn halves(&self) -> io::Result<Halves> {
        Ok(match self {
            Self::Tcp(stream) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                (Box::new(stream.try_clone()?), Box::new(stream.try_clone()?))
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                stream.set_nonblocking(false)?;
                (Box::new(stream.try_clone()?), Box::new(stream.try_clone()?))
            }
        })
    }

    /// Which machine is at the other end, if that can be told.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok().map(|it| it.ip()),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// Closes both directions, whoever holds them.
    pub fn close(&self) {
        // It may be closed already.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

/// Nobody dials, or who did is gone again.
const NOBODY: [io::ErrorKind; 3] =
    [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted, io::ErrorKind::ConnectionAborted];

/// A place where others dial.
#[derive(Debug)]
pub enum Listener {
    /// On the network.
    Tcp(TcpListener),
    /// Within this machine; the file goes away with it.
    #[cfg(unix)]
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens at `HOST:PORT`; port 0 is one that is free.
    ///
    /// # Errors
    /// When that is not possible, or not on the loopback interface unless `remote`.
    pub fn bind_tcp(address: &str, remote: bool) -> io::Result<Self> {
        let addresses: Vec<_> = address.to_socket_addrs()?.collect();
        if !remote && addresses.iter().any(|it| !it.ip().is_loopback()) {
            let why = "it is not on the loopback interface: --allow-remote is needed";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        let listener = TcpListener::bind(addresses.as_slice())?;
        listener.set_nonblocking(true)?;
        Ok(Self::Tcp(listener))
    }

    /// Listens on a Unix socket; a file that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// When that is not possible, or somebody listens there.
    #[cfg(unix)]
    pub fn bind_unix(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::FileTypeExt as _;
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
        if is_socket && UnixStream::connect(path).is_err() {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Self::Unix(listener, path.to_owned()))
    }

    /// There are no Unix sockets here.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(unix))]
    pub fn bind_unix(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The next one who dials, if somebody does now.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn accept(&self) -> io::Result<Option<Stream>> {
        let accepted = match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
            #[cfg(unix)]
            Self::Unix(listener, _) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        };
        match accepted {
            Ok(stream) => Ok(Some(stream)),
            Err(error) if NOBODY.contains(&error.kind()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next one who dials, however long that takes.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn wait(&self) -> io::Result<Stream> {
        loop {
            if let Some(stream) = self.accept()? {
                return Ok(stream);
            }
            pause();
        }
    }
}

/// Lets a little time pass before one looks again.
pub fn pause() {
    std::thread::park_timeout(std::time::Duration::from_millis(5));
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(error) => write!(f, "{error}"),
            },
            #[cfg(unix)]
            Self::Unix(_, path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(unix)]
impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Somebody may have removed it.
            let _ = std::fs::remove_file(path);
        }
    }
}
