//! One connection: octets to frames, frames to the accounts that they are for, and answers back.
//!
//! A peer that is too slow, too fast, too large or no peer at all waits or is cut off here, and nobody else
//! notices. Not here: who may act as whom, which accounts decide (`proto`).

use std::sync::Arc;
use std::time::Duration as Span;

use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::crypto::suite::Suite;
use crate::proto::server::route;
use crate::runtime::server::link::{Link, Load, Outgoing};
use crate::runtime::server::pace::Pace;
use crate::runtime::server::partition::Told;
use crate::runtime::server::shared::{Shared, refusal};
use crate::wire::code::ErrorCode;
use crate::wire::frame::FrameReader;
use crate::wire::message::{Envelope, Message};

/// Octets that are read or written at once.
const CHUNK: usize = 16 << 10;

/// Why a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The peer has closed it, or its way is gone.
    Closed,
    /// The server ends.
    Goodbye,
    /// Somebody else needs the place, or too much was unread.
    Cut,
    /// It did not attach in time.
    Unattached,
    /// It said nothing for too long.
    Idle,
    /// A frame took too long.
    Slow,
    /// A length was out of range, so that nobody knows where the next frame starts.
    Length,
    /// Too many frames were none.
    Malformed,
    /// It speaks for another user than before.
    OtherUser,
}

impl End {
    /// Whether answers under way are waited for.
    const fn is_orderly(self) -> bool {
        match self {
            Self::Closed | Self::Goodbye | Self::Idle => true,
            Self::Cut
            | Self::Unattached
            | Self::Slow
            | Self::Length
            | Self::Malformed
            | Self::OtherUser => false,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Goodbye => "goodbye",
            Self::Cut => "cut",
            Self::Unattached => "not attached in time",
            Self::Idle => "idle",
            Self::Slow => "slow frame",
            Self::Length => "frame length",
            Self::Malformed => "malformed frames",
            Self::OtherUser => "another user",
        }
    }
}

/// The reading half.
struct Reading<R> {
    stream: R,
    link: Arc<Link>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
    frames: FrameReader,
    pace: Pace,
    permits: Arc<Semaphore>,
    /// Until when it must be attached.
    patience: Instant,
    /// When its last octets came, and when the frame under way began.
    heard: Instant,
    begun: Instant,
    malformed: u32,
    /// Whom it speaks for, as it says.
    user: Option<UserId>,
}

/// Serves a connection until it ends; `patience` is when it must be attached.
pub async fn serve<S: Suite, T: AsyncRead + AsyncWrite + Send + 'static>(
    stream: T,
    link: Arc<Link>,
    outgoing: UnboundedReceiver<Outgoing>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
    patience: Instant,
) {
    let (stream, sink) = tokio::io::split(stream);
    let Limits { in_flight, write_within, goodbye } = Limits::of(&shared);
    let writer = tokio::spawn(write_all(sink, Arc::clone(&link), outgoing, write_within));
    let mut reading = Reading {
        stream,
        link: Arc::clone(&link),
        frames: FrameReader::new(),
        pace: Pace::new(shared.limits.rate, shared.limits.burst),
        permits: Arc::new(Semaphore::new(in_flight)),
        patience,
        heard: Instant::now(),
        begun: Instant::now(),
        malformed: 0,
        user: None,
        shared,
        stop,
    };
    let end = reading.run::<S>().await;
    let Reading { shared, permits, user, .. } = reading;
    tracing::debug!(
        origin = link.origin.0,
        user = user.as_ref().map(UserId::as_str),
        end = end.name()
    );
    if end.is_orderly() {
        // What was asked is answered first.
        let all = u32::try_from(in_flight).unwrap_or(u32::MAX);
        let _ = timeout(goodbye, permits.acquire_many(all)).await;
    } else {
        shared.metrics.refused_connection(end.name());
        link.cut();
    }
    if let Some(user) = user {
        shared.tell(shared.partition(&user), Told::Closed(link.origin, user));
    }
    link.end();
    let stopper = writer.abort_handle();
    if timeout(goodbye, writer).await.is_err() {
        stopper.abort();
    }
}

/// The limits of one connection, as tokio wants them.
struct Limits {
    in_flight: usize,
    write_within: Span,
    goodbye: Span,
}

impl Limits {
    fn of(shared: &Shared) -> Self {
        let limits = &shared.limits;
        Self {
            in_flight: usize::try_from(limits.in_flight.max(1)).unwrap_or(usize::MAX),
            write_within: limits.write_within.into(),
            goodbye: limits.goodbye.into(),
        }
    }
}

impl<T: AsyncRead> Reading<ReadHalf<T>> {
    async fn run<S: Suite>(&mut self) -> End {
        let mut buffer = vec![0; CHUNK];
        loop {
            let octets = match self.read(&mut buffer).await {
                Ok(octets) => octets,
                Err(end) => return end,
            };
            if let Err(end) = self.take::<S>(&buffer[..octets]).await {
                return end;
            }
        }
    }

    /// The next octets, or why there are none.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, End> {
        loop {
            let (deadline, late) = self.deadline();
            let cut = Arc::clone(&self.link);
            let Self { stream, stop, .. } = self;
            let octets = tokio::select! {
                () = cut.until_cut() => return Err(End::Cut),
                _ = stop.wait_for(|stop| *stop) => return Err(End::Goodbye),
                octets = timeout_at(deadline, stream.read(buffer)) => octets,
            };
            match octets {
                Ok(Ok(0) | Err(_)) => return Err(End::Closed),
                Ok(Ok(octets)) => {
                    self.heard = Instant::now();
                    return Ok(octets);
                }
                // It may have attached meanwhile.
                Err(_) if self.deadline().0 <= Instant::now() => return Err(late),
                Err(_) => {}
            }
        }
    }

    /// When something must have come, and what is wrong if it has not.
    fn deadline(&self) -> (Instant, End) {
        let limits = &self.shared.limits;
        if !self.link.is_attached() {
            (self.patience, End::Unattached)
        } else if self.frames.is_between_frames() {
            (self.heard + Span::from(limits.idle), End::Idle)
        } else {
            (self.begun + Span::from(limits.frame_within), End::Slow)
        }
    }

    async fn take<S: Suite>(&mut self, mut chunk: &[u8]) -> Result<(), End> {
        if self.frames.is_between_frames() {
            self.begun = Instant::now();
        }
        loop {
            match self.frames.read(&mut chunk) {
                Ok(Some(frame)) => {
                    self.serve::<S>(frame).await?;
                    self.begun = Instant::now();
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    tracing::debug!(origin = self.link.origin.0, %error);
                    self.shared.metrics.malformed();
                    return Err(End::Length);
                }
            }
        }
    }

    /// Brings a frame to its account, as soon as pace and limits allow.
    async fn serve<S: Suite>(&mut self, frame: Vec<u8>) -> Result<(), End> {
        let wait = self.pace.take(self.shared.clock.now().at);
        let octets = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let (permits, all) = (Arc::clone(&self.permits), Arc::clone(&self.shared.octets));
        let admission = async {
            if wait > Duration::ZERO {
                tokio::time::sleep(Span::from(wait)).await;
            }
            let permit = permits.acquire_owned().await;
            let octets = all.acquire_many_owned(octets).await;
            permit.ok().zip(octets.ok())
        };
        let admitted = tokio::select! {
            () = self.link.until_cut() => return Err(End::Cut),
            admitted = admission => admitted,
        };
        // They are closed when everything ends.
        let (permit, octets) = admitted.ok_or(End::Goodbye)?;
        let load = Load { permit: Arc::new(permit), octets };
        match Envelope::decode(&frame) {
            Ok(envelope) => self.route::<S>(envelope, load),
            Err(error) => {
                tracing::debug!(origin = self.link.origin.0, %error);
                self.shared.metrics.malformed();
                self.malformed += 1;
                let too_many = self.malformed > self.shared.limits.malformed;
                if too_many { Err(End::Malformed) } else { Ok(()) }
            }
        }
    }

    fn route<S: Suite>(&mut self, envelope: Envelope, load: Load) -> Result<(), End> {
        let mut is_foreign = false;
        if let Some(user) = speaker(&envelope) {
            match &self.user {
                Some(known) if known != user => {
                    is_foreign = true;
                    // The account of whoever is registered refuses to be founded again.
                    if !matches!(envelope.body, Message::Register(_)) {
                        return Err(End::OtherUser);
                    }
                }
                Some(_) => {}
                None => self.user = Some(user.clone()),
            }
        }
        let Some(own) = &self.user else {
            let refusal = refusal::<S>(&envelope, ErrorCode::BadTicket, 0);
            self.shared.metrics.error(ErrorCode::BadTicket);
            self.link.send(&refusal, Some(load.permit), &self.shared.limits);
            return Ok(());
        };
        let user = route(&envelope, own).clone();
        let (partition, link) = (self.shared.partition(&user), Arc::clone(&self.link));
        let envelope = Box::new(envelope);
        self.shared.tell(partition, Told::Frame { user, is_foreign, link, envelope, load });
        Ok(())
    }
}

/// Whom a frame speaks for that opens or founds an identity. What others claim, tickets decide.
#[allow(clippy::wildcard_enum_match_arm, reason = "three of twenty")]
const fn speaker(envelope: &Envelope) -> Option<&UserId> {
    match &envelope.body {
        Message::Hello { user, .. } | Message::Attach { user, .. } => Some(user),
        Message::Register(body) => Some(&body.record.user),
        _ => None,
    }
}

/// Writes what is put out, as much at once as there is, until nothing more will be.
async fn write_all<T: AsyncWrite>(
    mut sink: WriteHalf<T>,
    link: Arc<Link>,
    mut outgoing: UnboundedReceiver<Outgoing>,
    within: Span,
) {
    let mut buffer = Vec::with_capacity(CHUNK);
    let mut ended = false;
    while !ended {
        let Some(first) = outgoing.recv().await else { break };
        // Permits are given back when the operating system has the answers.
        let mut permits = Vec::new();
        let mut next = Some(first);
        while let Some(outgoing_frame) = next {
            match outgoing_frame {
                Outgoing::Frame(octets, permit) => {
                    buffer.extend_from_slice(&octets);
                    permits.extend(permit);
                }
                Outgoing::End => ended = true,
            }
            next = if ended || buffer.len() >= CHUNK { None } else { outgoing.try_recv().ok() };
        }
        let writing = async {
            sink.write_all(&buffer).await?;
            sink.flush().await
        };
        let written = tokio::select! {
            () = link.until_cut() => break,
            written = timeout(within, writing) => written,
        };
        if !matches!(written, Ok(Ok(()))) {
            // Whoever reads nothing is cut off; whoever is gone is gone.
            link.cut();
            break;
        }
        link.written(buffer.len());
        buffer.clear();
    }
    let _ = timeout(within, sink.shutdown()).await;
}
