//! Frames to and from somebody who is not trusted: bounded in length and number, never waited for without end.
//!
//! Not here: what the frames say, or who dials whom (`sockets`).

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::base::time::Duration;
use crate::runtime::clock::Stamp;
use crate::runtime::sockets::Stream;
use crate::wire::frame::{FrameError, FrameReader, write_frame};
use crate::wire::limits::FRAME_MAX;

/// Frames that were read and not taken; beyond them the other end has to wait.
const WAITING_MAX: usize = 256;
/// Frames that were sent and not written.
const UNSENT_MAX: usize = 1_024;
/// Octets that are read at once.
const CHUNK: usize = 16 << 10;

/// Why there are no more frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The other end closed it, between frames.
    #[error("it is closed")]
    Closed,
    /// The other end closed it within a frame.
    #[error("it is closed in the middle of a frame")]
    Half,
    /// A length that none can have: where the next frame begins is unknown.
    #[error(transparent)]
    Length(#[from] FrameError),
    /// The other end does not read.
    #[error("nobody reads: {UNSENT_MAX} frames wait")]
    Unread,
}

/// What was read, and when that was known.
type Stamped = (Stamp, Result<Vec<u8>, Cut>);

/// Frames in both directions over a connection, which is closed with this.
#[derive(Debug)]
pub struct Framed {
    stream: Stream,
    incoming: Receiver<Stamped>,
    outgoing: SyncSender<Vec<u8>>,
}

impl Framed {
    /// Reads and writes on threads of their own, which end with the connection.
    ///
    /// # Errors
    /// When the operating system has no more of them.
    pub fn over(stream: Stream) -> io::Result<Self> {
        let (from, mut to) = stream.halves()?;
        let (found, incoming) = sync_channel(WAITING_MAX);
        thread::spawn(move || read_all(from, &found));
        let (outgoing, frames) = sync_channel::<Vec<u8>>(UNSENT_MAX);
        thread::spawn(move || {
            for frame in frames {
                if to.write_all(&frame).and_then(|()| to.flush()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { stream, incoming, outgoing })
    }

    /// Sends octets as a frame. What no frame can hold is sent to nobody.
    ///
    /// # Errors
    /// [`Cut::Unread`], [`Cut::Closed`].
    pub fn send(&self, octets: &[u8]) -> Result<(), Cut> {
        if !(1..=FRAME_MAX).contains(&octets.len()) {
            return Ok(());
        }
        let mut frame = Vec::new();
        write_frame(octets, &mut frame);
        self.outgoing.try_send(frame).map_err(|error| match error {
            TrySendError::Full(_) => Cut::Unread,
            TrySendError::Disconnected(_) => Cut::Closed,
        })
    }

    /// The next frame with when its end was read, if one comes within that time.
    ///
    /// # Errors
    /// [`Cut::Closed`], [`Cut::Half`], [`Cut::Length`].
    pub fn receive(&self, within: Duration) -> Result<Option<(Vec<u8>, Stamp)>, Cut> {
        match self.incoming.recv_timeout(within.into()) {
            Ok((stamp, frame)) => frame.map(|frame| Some((frame, stamp))),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Cut::Closed),
        }
    }
}

impl Drop for Framed {
    fn drop(&mut self) {
        self.stream.close();
    }
}

fn read_all(mut from: impl Read, found: &SyncSender<Stamped>) {
    let (mut reader, mut chunk) = (FrameReader::new(), vec![0; CHUNK]);
    // Nobody listens any more where something does not arrive.
    let tell = |what| found.send((Stamp::now(), what)).is_ok();
    loop {
        let mut rest = match from.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A reset is an end as any other.
            Ok(0) | Err(_) => {
                tell(Err(if reader.is_between_frames() { Cut::Closed } else { Cut::Half }));
                return;
            }
            Ok(count) => &chunk[..count],
        };
        loop {
            match reader.read(&mut rest) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if !tell(Ok(frame)) {
                        return;
                    }
                }
                Err(error) => {
                    tell(Err(error.into()));
                    return;
                }
            }
        }
    }
}
