//! A server that keeps nothing and answers everything: what a generator can do is measured against it.
//!
//! It answers by the rules of the wire, so that devices take it for a server: it believes every signature, and
//! says of every message that it was delivered. It can be made slow in a known way: one desk serves all
//! connections, each request takes its time there, and the desk may be closed for a while. Not here: a server
//! that anybody could use (`server`).

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use crate::base::id::{DeliveryId, Epoch, Hash32, UserId};
use crate::base::lock::lock;
use crate::base::rng::{Luck, Purpose, Stream};
use crate::base::time::{Duration, Instant, Millis};
use crate::crypto::p256::P256;
use crate::crypto::sign::record_hash;
use crate::runtime::alarm::Alarm;
use crate::runtime::clock::{Timeline, WorldClock, wall};
use crate::wire::code::Report;
use crate::wire::frame::{FrameReader, write_frame};
use crate::wire::message::{Envelope, Message, Ticket};
use crate::wire::record::KeyRecord;

/// Octets that are read at once.
const CHUNK: usize = 64 << 10;
/// Connections that may wait to be let in.
const BACKLOG: u32 = 4_096;
/// How long it rests when it cannot let anybody in.
const REST: std::time::Duration = std::time::Duration::from_millis(50);
/// The life of its tickets.
const TICKET: Duration = Duration::from_secs(86_400);

/// How the desk works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// What a request takes at the desk.
    pub service: Service,
    /// The desk is closed from then on, counted from the first request after attaching, for so long.
    pub stall: Option<(Duration, Duration)>,
}

/// What a request takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// Nothing: there is no desk.
    #[default]
    Free,
    /// Exactly so long.
    Constant(Duration),
    /// So long in the mean, without memory.
    Exponential(Duration),
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct NullServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What its connections share.
#[derive(Debug)]
struct Hall {
    manner: Manner,
    clock: WorldClock,
    records: Mutex<BTreeMap<UserId, KeyRecord>>,
    desk: Mutex<Desk>,
}

#[derive(Debug)]
struct Desk {
    /// When the first request came.
    opened: Option<Instant>,
    free: Instant,
    luck: Stream,
}

impl NullServer {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Errors
    /// When the operating system refuses what it needs.
    pub fn start(manner: Manner) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _reactor = runtime.enter();
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            socket.listen(BACKLOG)?
        };
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let luck = Stream::new(Luck::new(1, Purpose::Account, 0));
        let desk = Desk { opened: None, free: Instant::START, luck };
        let clock = WorldClock::start(Timeline::System, Instant::START);
        let hall = Hall { manner, clock, records: Mutex::default(), desk: Mutex::new(desk) };
        let work = serve(listener, Arc::new(hall), stopped);
        let thread = std::thread::Builder::new().name("null".to_owned());
        let thread = Some(thread.spawn(move || runtime.block_on(work))?);
        Ok(Self { address, stop, thread })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, hall: Arc<Hall>, mut stopped: watch::Receiver<bool>) {
    let admit = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // It is out of files, say: some may be closed soon.
                tokio::time::sleep(REST).await;
                continue;
            };
            let hall = Arc::clone(&hall);
            // A connection that fails is over, as it would be at any server.
            tokio::spawn(async move { attend(stream, hall).await.ok() });
        }
    };
    tokio::select! {
        () = admit => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// Answers everything that comes on a connection, in order.
async fn attend(mut stream: TcpStream, hall: Arc<Hall>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Only a desk makes anybody wait, and each alarm is a file.
    let mut alarm = (hall.manner != Manner::default()).then(Alarm::new).transpose()?;
    let (mut frames, mut chunk) = (FrameReader::new(), vec![0; CHUNK]);
    let (mut out, mut deliveries) = (Vec::new(), 0);
    loop {
        let count = stream.read(&mut chunk).await?;
        let mut rest = &chunk[..count];
        if rest.is_empty() {
            return Ok(());
        }
        while let Some(frame) = frames.read(&mut rest).map_err(io::Error::other)? {
            let asked = Envelope::decode(&frame).map_err(io::Error::other)?;
            if let Some(done) = hall.serves(&asked.body) {
                // What was served before leaves before.
                stream.write_all(&std::mem::take(&mut out)).await?;
                if let Some(alarm) = &mut alarm {
                    alarm.until(hall.clock.moment(done)).await?;
                }
            }
            for answer in hall.answers(asked, &mut deliveries) {
                write_frame(&answer.encode(), &mut out);
            }
        }
        stream.write_all(&out).await?;
        out.clear();
    }
}

impl Hall {
    /// When the desk is done with a request; none if it takes no time there.
    fn serves(&self, request: &Message) -> Option<Instant> {
        let is_work = matches!(
            request,
            Message::Submit(_)
                | Message::LookupKey { .. }
                | Message::Poll { .. }
                | Message::RotateKey(_)
        );
        if !is_work || (self.manner == Manner::default()) {
            return None;
        }
        let mut desk = lock(&self.desk);
        let now = self.clock.now().at;
        let opened = *desk.opened.get_or_insert(now);
        let service = match self.manner.service {
            Service::Free => Duration::ZERO,
            Service::Constant(time) => time,
            Service::Exponential(mean) => exponential(mean, desk.luck.draw().bits()),
        };
        let mut done = desk.free.max(now) + service;
        if let Some((after, long)) = self.manner.stall {
            let (closes, opens) = (opened + after, opened + after + long);
            if done >= closes && now < opens {
                done = desk.free.max(opens) + service;
            }
        }
        desk.free = done;
        Some(done)
    }

    fn answers(&self, asked: Envelope, deliveries: &mut u64) -> Vec<Envelope> {
        let Envelope { req, body, .. } = asked;
        let answer = |body| Envelope { req, ticket: None, body };
        let body = match body {
            Message::Register(body) | Message::RotateKey(body) => {
                let hash = record_hash::<P256>(&body.record.encode());
                let first = body.record.epoch == Epoch::FIRST;
                lock(&self.records).insert(body.record.user.clone(), body.record);
                if first {
                    Message::RegisterAck { record_hash: hash }
                } else {
                    Message::RotateAck { record_hash: hash }
                }
            }
            Message::LookupKey { user, .. } => {
                let record = lock(&self.records).get(&user).cloned();
                Message::KeyReply { records: record.into_iter().collect(), more: false }
            }
            Message::Submit(submit) => {
                let mid = submit.header.mid();
                *deliveries += 1;
                let (attempt, report) = (submit.attempt, Report::Delivered);
                let delivery = DeliveryId(*deliveries);
                let ack = Message::SubmitAck { mid: mid.clone(), duplicate: false };
                let report = Message::StatusReport { delivery, mid, attempt, report };
                return vec![answer(ack), answer(report)];
            }
            Message::Poll { .. } => Message::PollEnd { count: 0, more: false },
            Message::Hello { .. } => Message::Challenge {
                server: UserId::new("server").expect("a valid name"),
                nonce: Hash32([7; 32]),
                time: wall(),
            },
            Message::Attach { user, .. } => {
                let generation = Hash32::ZERO;
                let expires: Millis = wall() + TICKET;
                let ticket = Ticket { user, generation, expires, mac: [0; 16] };
                Message::Attached { ticket }
            }
            Message::DeliverAck { .. }
            | Message::DeliverNack { .. }
            | Message::RegisterAck { .. }
            | Message::KeyReply { .. }
            | Message::SubmitAck { .. }
            | Message::Deliver(_)
            | Message::PollEnd { .. }
            | Message::RotateAck { .. }
            | Message::KeyChanged { .. }
            | Message::StatusReport { .. }
            | Message::Error { .. }
            | Message::Challenge { .. }
            | Message::Attached { .. } => return Vec::new(),
        };
        vec![answer(body)]
    }
}

/// An exponential time with this mean, of 53 random bits.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "real time, and never more than forty times the mean"
)]
fn exponential(mean: Duration, bits: u64) -> Duration {
    let uniform = ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    Duration::from_nanos((-libm::log(uniform) * mean.as_nanos() as f64) as u64)
}
