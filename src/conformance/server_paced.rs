//! A server at the end of a link that lives in real time, with connections of its own: the harness dials it as
//! each device would, and its world goes along with that clock.
//!
//! The line is for power, the operator and facts; what is said there before a frame is heard before it. Not
//! here: a server whose clock the harness moves (`server_attached`), or a device in real time (`paced`).

use std::collections::{BTreeMap, VecDeque};

use crate::base::id::ReqId;
use crate::base::lock::lock;
use crate::base::time::{Duration, Instant, Now};
use crate::conformance::attached::SharedLink;
use crate::conformance::campaign::Real;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Called, Heard};
use crate::conformance::message::Event;
use crate::conformance::server_attached::{method, provision, word};
use crate::conformance::server_message::ServerSettled;
use crate::conformance::world_time::WorldTime;
use crate::runtime::clock::Stamp;
use crate::runtime::framed::{Cut, Framed};
use crate::runtime::sockets::Stream;
use crate::scenario::plan::Plan;
use crate::sim::body::Broken;
use crate::sim::pace::{Pace, Waited};
use crate::sim::service::{OutsideServer, ServerAnswer, ServerHappening, Speech, Word};
use crate::wire::message::{Envelope, Message};

/// How often one looks at the connections beside the line.
const LOOK: Duration = Duration::from_millis(1);
/// How long a server has to be silent, by real time, before it can be at rest.
const QUIET: Duration = Duration::from_millis(20);
/// Frames that are taken from one connection before the others have their turn.
const FRAMES_MAX: usize = 256;
/// Requests whose answers are told apart from what a server says by itself.
const ASKED_MAX: usize = 4_096;

/// The server of one case, with the clock that its world keeps to.
#[derive(Debug)]
pub struct PacedServer {
    link: SharedLink,
    time: WorldTime,
    /// Where it listens: as it was told, but for the port, which it may choose.
    host: String,
    port: u16,
    connections: BTreeMap<u32, Framed>,
    /// What came over connections and the line and has not been heard, oldest first.
    said: VecDeque<Word>,
    /// Requests without an answer, by connection, with their numbers in this world; the newest last.
    asked: VecDeque<(u32, ReqId, u64)>,
    /// When something came last.
    last: Stamp,
    pending: bool,
}

impl PacedServer {
    /// Makes a plan's server at the end of the link; it listens at `address` whenever it has power. Its time,
    /// and that of its world, begin with the last reply, and the run is given up after twice its budget.
    ///
    /// # Errors
    /// When it cannot become that server.
    pub fn provision(
        link: SharedLink,
        plan: &Plan,
        real: Real,
        address: String,
    ) -> Result<Self, LinkFault> {
        provision(&link, plan, Some(address.clone()))?;
        Ok(Self {
            link,
            time: WorldTime::start(real),
            host: address.rsplit_once(':').map_or_else(String::new, |(host, _)| host.to_owned()),
            port: port(&address).unwrap_or(0),
            connections: BTreeMap::new(),
            said: VecDeque::new(),
            asked: VecDeque::new(),
            last: Stamp::now(),
            pending: false,
        })
    }

    fn call(
        &mut self,
        now: Now,
        of: Option<u64>,
        what: ServerHappening,
    ) -> Result<ServerAnswer, LinkFault> {
        self.time.tell(now);
        match what {
            ServerHappening::Frame { conn, octets } => self.send(conn, &octets, of)?,
            // Devices attach by themselves, on connections that come with their first frames.
            ServerHappening::Open { .. } => {}
            ServerHappening::Start => {
                let address = self.ask(now, what)?;
                self.port = address.as_deref().and_then(port).unwrap_or(self.port);
            }
            ServerHappening::Reset(_) | ServerHappening::Limit(..) | ServerHappening::Timeout => {
                _ = self.ask(now, what)?
            }
            ServerHappening::Stop => {
                // What it has said until now has happened before that.
                self.take_frames()?;
                self.ask(now, what)?;
                self.connections.clear();
                return Ok(ServerAnswer {
                    said: self.said.drain(..).collect(),
                    ..Default::default()
                });
            }
        }
        // What was on its way a moment ago is not told yet.
        let pending = self.pending || Stamp::now().since(self.last) < QUIET;
        Ok(ServerAnswer { pending, ..ServerAnswer::default() })
    }

    /// Asks over the line; where it listens, if it says so.
    fn ask(&mut self, now: Now, what: ServerHappening) -> Result<Option<String>, LinkFault> {
        let mut link = lock(&self.link);
        let Called { reply, events, .. } =
            link.call::<ServerSettled>(&method(now, what), u64::MAX)?;
        link.fence(reply.seq)?;
        drop(link);
        self.pending = reply.pending;
        events.into_iter().try_for_each(|event| self.keep(event))?;
        Ok(reply.native)
    }

    fn keep(&mut self, Heard { line, came }: Heard) -> Result<(), LinkFault> {
        self.last = came;
        // Its frames come by their connections, and not here.
        let Event::Account { req, .. } = line.event else {
            return Err(LinkFault::Foreign(line.seq));
        };
        let asked = |it: &&(u32, ReqId, u64)| Some(it.1) == req;
        let of = self.asked.iter().find(asked).map(|(_, _, of)| *of);
        // It was so when the server says: the line comes after the write.
        let at = self.time.at(came).min(Instant::from_nanos(line.at_ns));
        self.said.push_back(word(line, at, of)?);
        Ok(())
    }

    /// Sends a frame on a connection, which is dialed if it is not there.
    fn send(&mut self, conn: u32, octets: &[u8], of: Option<u64>) -> Result<(), LinkFault> {
        if let (Some(of), Ok(envelope)) = (of, Envelope::decode(octets)) {
            self.asked.push_back((conn, envelope.req, of));
            if self.asked.len() > ASKED_MAX {
                self.asked.pop_front();
            }
        }
        self.last = Stamp::now();
        if let Some(framed) = self.connections.get(&conn) {
            match framed.send(octets) {
                Err(Cut::Closed) => self.connections.remove(&conn),
                other => return other.map_err(|cut| self.blame(frames(cut))),
            };
        }
        let address = format!("{}:{}", self.host, self.port);
        let dialed = Stream::dial_tcp(&address).and_then(Framed::over);
        let framed = dialed.map_err(|error| {
            self.blame(LinkFault::Deaf { address: address.clone(), why: error.to_string() })
        })?;
        framed.send(octets).map_err(|cut| self.blame(frames(cut)))?;
        self.connections.insert(conn, framed);
        Ok(())
    }

    /// Takes the frames that have come over connections; tells whether there were any.
    fn take_frames(&mut self) -> Result<bool, LinkFault> {
        let mut frames_come = Vec::new();
        let mut closed = Vec::new();
        for (conn, framed) in &self.connections {
            for _ in 0..FRAMES_MAX {
                match framed.receive(Duration::ZERO) {
                    Ok(Some((octets, came))) => frames_come.push((came, *conn, octets)),
                    Ok(None) => break,
                    // It may close what it likes; the device dials again.
                    Err(Cut::Closed) => {
                        closed.push(*conn);
                        break;
                    }
                    Err(cut) => return Err(self.blame(frames(cut))),
                }
            }
        }
        for conn in closed {
            self.connections.remove(&conn);
        }
        if frames_come.is_empty() {
            return Ok(false);
        }
        // What it has said before them is to be heard before them, and comes another way.
        self.ask(self.time.both_at(Stamp::now()), ServerHappening::Timeout)?;
        frames_come.sort_by_key(|(came, ..)| *came);
        for (came, conn, octets) in frames_come {
            self.last = came;
            let of = Envelope::decode(&octets).ok().and_then(|it| self.answered(conn, &it));
            let what = Speech::Frame(conn, octets);
            self.said.push_back(Word { what, at: self.time.at(came), of });
        }
        Ok(true)
    }

    /// What a frame on this connection answers, or is sent for: of requests that are repeated the oldest.
    fn answered(&mut self, conn: u32, answer: &Envelope) -> Option<u64> {
        let place = self.asked.iter().position(|it| (it.0, it.1) == (conn, answer.req))?;
        let of = self.asked[place].2;
        if is_last(&answer.body) {
            self.asked.remove(place);
        }
        Some(of)
    }

    /// Tells the link what was wrong beside it.
    fn blame(&self, fault: LinkFault) -> LinkFault {
        lock(&self.link).blame(fault.clone());
        fault
    }
}

fn port(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

/// Whether a request is over with this answer.
const fn is_last(answer: &Message) -> bool {
    match answer {
        Message::Deliver(_) | Message::KeyChanged { .. } | Message::StatusReport { .. } => false,
        Message::Register(_)
        | Message::RegisterAck { .. }
        | Message::LookupKey { .. }
        | Message::KeyReply { .. }
        | Message::Submit(_)
        | Message::SubmitAck { .. }
        | Message::DeliverAck { .. }
        | Message::DeliverNack { .. }
        | Message::Poll { .. }
        | Message::PollEnd { .. }
        | Message::RotateKey(_)
        | Message::RotateAck { .. }
        | Message::Hello { .. }
        | Message::Challenge { .. }
        | Message::Attach { .. }
        | Message::Attached { .. }
        | Message::Error { .. } => true,
    }
}

fn frames(cut: Cut) -> LinkFault {
    LinkFault::Frames(cut.to_string())
}

impl OutsideServer for PacedServer {
    fn happen(
        &mut self,
        now: Now,
        of: Option<u64>,
        what: ServerHappening,
    ) -> Result<ServerAnswer, Broken> {
        self.call(now, of, what).map_err(|fault| Broken(fault.to_string()))
    }
}

impl Pace for PacedServer {
    fn wait(&mut self, until: Instant) -> Result<Waited, Broken> {
        let broken = |fault: LinkFault| Broken(fault.to_string());
        loop {
            if let Some(over) = self.time.over(until) {
                return Ok(over);
            }
            if let Some(word) = self.said.pop_front() {
                return Ok(Waited::Spoken(word));
            }
            if self.take_frames().map_err(broken)? {
                continue;
            }
            // What came while the world was busy is there even if that time is over.
            let left = self.time.until(until);
            let heard = lock(&self.link).listen(left.min(LOOK)).map_err(broken)?;
            match heard {
                Some(heard) => self.keep(heard).map_err(broken)?,
                None if left == Duration::ZERO => return Ok(Waited::Due),
                None => {}
            }
        }
    }
}
