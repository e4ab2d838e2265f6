//! A connection to a server that carries frames both ways.
//!
//! Not here: what they say, or whether another connection is tried after this one (`device`).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::runtime::tls::{TlsError, Trust};
use crate::wire::error::DecodeError;
use crate::wire::frame::{FrameError, FrameReader, write_frame};
use crate::wire::message::Envelope;

/// Octets that are read at once.
const CHUNK: usize = 16 << 10;

/// How an alert of TLS begins; no frame has a length that begins so.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Where a server is, and how it is reached.
#[derive(Clone)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// From which of the own addresses; any unless given.
    pub from: Option<IpAddr>,
    /// TLS: whom to believe, and which name the server must have.
    pub tls: Option<(Trust, ServerName<'static>)>,
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Its way is gone, or was never there; TLS that fails is told here too.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server answers with an alert of TLS (RFC 8446 section 5.1): it was spoken to without.
    #[error("the server speaks TLS")]
    SpeaksTls,
    /// The server sends what is no frame.
    #[error("the server sends what is no frame: {0}")]
    Frame(#[from] FrameError),
    /// The server sends a frame that is none of the protocol.
    #[error("the server sends a malformed frame: {0}")]
    Malformed(#[from] DecodeError),
    /// The server has closed it.
    #[error("the server has closed the connection")]
    Closed,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection.
pub struct Channel {
    stream: Box<dyn Stream>,
    frames: FrameReader,
    chunk: Vec<u8>,
    ready: VecDeque<Envelope>,
}

impl Endpoint {
    /// A server that is reached without TLS.
    #[must_use]
    pub const fn plain(address: SocketAddr) -> Self {
        Self { address, from: None, tls: None }
    }

    /// The same by TLS: the server must have this name by the word of those who are believed.
    ///
    /// # Errors
    /// When it is no name that a server can have.
    pub fn with_tls(self, trust: Trust, name: &str) -> Result<Self, TlsError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|error| TlsError::of(&error))?;
        Ok(Self { tls: Some((trust, name)), ..self })
    }
}

impl Channel {
    /// Connects.
    ///
    /// # Errors
    /// When nobody answers there, or not as who was expected.
    pub async fn dial(endpoint: &Endpoint) -> io::Result<Self> {
        let socket = match endpoint.address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(from) = endpoint.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(endpoint.address).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &endpoint.tls {
            None => Box::new(stream),
            Some((trust, name)) => Box::new(trust.connector().connect(name.clone(), stream).await?),
        };
        let (frames, chunk) = (FrameReader::new(), vec![0; CHUNK]);
        Ok(Self { stream, frames, chunk, ready: VecDeque::new() })
    }

    /// Sends frames, all at once.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send<'e>(
        &mut self,
        frames: impl IntoIterator<Item = &'e Envelope>,
    ) -> io::Result<()> {
        let mut octets = Vec::new();
        frames.into_iter().for_each(|frame| write_frame(&frame.encode(), &mut octets));
        self.send_octets(&octets).await
    }

    /// Sends octets as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send_octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets).await?;
        self.stream.flush().await
    }

    /// A frame that has come already.
    pub fn ready(&mut self) -> Option<Envelope> {
        self.ready.pop_front()
    }

    /// The next frame. Nothing is lost when this is dropped before it is ready.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn receive(&mut self) -> Result<Envelope, ChannelError> {
        loop {
            if let Some(envelope) = self.ready.pop_front() {
                return Ok(envelope);
            }
            let octets = self.stream.read(&mut self.chunk).await?;
            if octets == 0 {
                return Err(ChannelError::Closed);
            }
            let mut chunk = &self.chunk[..octets];
            let is_alert = chunk.starts_with(&TLS_ALERT);
            let doubt = |error| if is_alert { ChannelError::SpeaksTls } else { error };
            while let Some(frame) = self.frames.read(&mut chunk).map_err(|it| doubt(it.into()))? {
                self.ready.push_back(Envelope::decode(&frame)?);
            }
        }
    }
}
