//! The harness's end of the line to a device: requests with their replies, and the events between.
//!
//! Nothing that comes over the line is trusted: lengths, times, numbers and words are checked, and the first
//! thing that is wrong ends the link with a sentence that names the mistake. Not here: what carries the
//! lines (`runtime::lines`), or what is asked (`attached`).

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::lock::lock;
use crate::base::time::Duration;
use crate::conformance::fault::LinkFault;
use crate::conformance::incoming::{Incoming, busy, late, name_of, read, result, settled};
use crate::conformance::message::{
    Event, EventLine, Method, Refusal, RefusalCode, ReplyLine, RequestLine, VERSION,
};
use crate::conformance::transcript::{SharedWriter, Way};
use crate::runtime::clock::{Stamp, rest};
use crate::trace::visible::is_visible;
use crate::verdict::conformity::Role;

/// What carries lines to a device and back.
pub trait Line: std::fmt::Debug + Send {
    /// Sends a line; its end is added.
    ///
    /// # Errors
    /// When it does not leave.
    fn send(&mut self, line: &str) -> Result<(), LinkFault>;

    /// The next line, without its end.
    ///
    /// # Errors
    /// When none comes within that time, which is [`LinkFault::Mute`], or what comes is no line.
    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault>;

    /// The same, with when it came; unless somebody looks at the clock as lines come, when it is taken.
    ///
    /// # Errors
    /// As [`Self::receive`].
    fn receive_stamped(&mut self, within: Duration) -> Result<(Vec<u8>, Stamp), LinkFault> {
        self.receive(within).map(|line| (line, Stamp::now()))
    }

    /// Whether it is closed from the other side when a session is over.
    fn ends(&self) -> bool {
        true
    }

    /// How many lines came damaged, where that can be told.
    fn damaged(&self) -> Option<u64> {
        None
    }

    /// The last things that the device has logged.
    fn log(&self) -> Vec<String>;
}

/// Events between a request and its reply, at most.
pub const EVENTS_MAX: usize = 10_000;

/// Octets of these: some hundred times what a device has to say at once, and little for a harness.
pub const EVENT_OCTETS_MAX: usize = 16 << 20;

/// How long a device has to end once the session is over.
const ENDING: Duration = Duration::from_secs(3);

/// How long a device may be busy with one request, all in all.
const BUSY_MAX: Duration = Duration::from_secs(15);

/// What is asked for when nothing can be said but the reply.
const QUIET: [&str; 8] =
    ["hello", "provision", "directory.put", "power.cut", "snapshot", "restore", "ping", "shutdown"];

/// A link to a device.
#[derive(Debug)]
pub struct Link {
    line: Box<dyn Line>,
    within: Duration,
    /// How long the first answer may take.
    greeting: Duration,
    requests: u64,
    events: u64,
    /// The time of the last event or request, in nanoseconds.
    at: u64,
    /// The earliest time at which the device does something by itself, as it says.
    next: u64,
    /// Which side of the protocol is there.
    role: Role,
    /// Whether it declares that it tells of its inside.
    open: bool,
    /// Whether nobody moves its clock, so that it says things when it likes.
    own_time: bool,
    /// Something was wrong: what follows would be read wrongly.
    broken: bool,
    /// The first thing that was wrong since somebody asked.
    fault: Option<LinkFault>,
    /// Where everything that is said is written down.
    transcript: Option<SharedWriter>,
}

/// What carries a link that is given up.
#[derive(Debug)]
struct Nothing;

impl Line for Nothing {
    fn send(&mut self, _: &str) -> Result<(), LinkFault> {
        Err(LinkFault::Closed(String::new()))
    }

    fn receive(&mut self, _: Duration) -> Result<Vec<u8>, LinkFault> {
        Err(LinkFault::Closed(String::new()))
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Called<T> {
    /// The reply.
    pub reply: T,
    /// The number of the request.
    pub id: u64,
    /// What the device said until then.
    pub events: Vec<Heard>,
}

/// An event that has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// What.
    pub line: EventLine,
    /// When.
    pub came: Stamp,
}

impl Link {
    /// A link over this line, on which a reply comes within that time.
    #[must_use]
    pub fn new(line: Box<dyn Line>, within: Duration) -> Self {
        Self {
            line,
            within,
            greeting: within,
            requests: 0,
            events: 0,
            at: 0,
            next: 0,
            role: Role::Device,
            open: true,
            own_time: false,
            broken: false,
            fault: None,
            transcript: None,
        }
    }

    /// A device that has just been started may take that long for its first answer.
    #[must_use]
    pub fn patient_at_first(self, greeting: Duration) -> Self {
        Self { greeting: greeting.max(self.within), ..self }
    }

    /// The last things that the device has logged.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.line.log()
    }

    /// How many lines came damaged, where that can be told.
    #[must_use]
    pub fn damaged(&self) -> Option<u64> {
        self.line.damaged()
    }

    /// Gives up what carries it, so that it can be made anew.
    pub fn hang_up(&mut self) {
        self.broken = true;
        self.line = Box::new(Nothing);
    }

    /// Whether something was wrong: the link has to be made anew.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// What was wrong since it was last asked for: a device that broke, or refused.
    pub const fn fault(&mut self) -> Option<LinkFault> {
        self.fault.take()
    }

    /// Something beside the line was wrong, which ends what is being done: the first of such things is told.
    pub fn blame(&mut self, fault: LinkFault) {
        self.fault.get_or_insert(fault);
    }

    /// Has everything that is said from now on written down there.
    pub fn watch(&mut self, transcript: Option<SharedWriter>) {
        self.transcript = transcript;
    }

    fn write_down(&self, by: Way, line: &[u8]) {
        if let Some(transcript) = &self.transcript {
            lock(transcript).said(by, line);
        }
    }

    fn note<T>(&mut self, result: Result<T, LinkFault>) -> Result<T, LinkFault> {
        if let (Err(fault), None) = (&result, &self.fault) {
            self.fault = Some(fault.clone());
        }
        result
    }

    /// Takes a device at its word that it has said everything up to this event.
    ///
    /// # Errors
    /// When another was the last.
    pub fn fence(&mut self, last: u64) -> Result<(), LinkFault> {
        if last == self.events {
            return Ok(());
        }
        self.broken = true;
        self.note(Err(LinkFault::Fence { says: last, came: self.events }))
    }

    /// Takes a device at its word that it does nothing by itself before this time, in nanoseconds; without one
    /// it waits. Only on a clock that the harness moves can that be held against it.
    pub fn announced(&mut self, next: Option<u64>) {
        self.next = next.unwrap_or(u64::MAX);
    }

    /// Holds what is there to what it declares: which side it is, and whether it tells of its inside.
    pub const fn declared(&mut self, role: Role, facts: bool) {
        (self.role, self.open) = (role, facts);
    }

    /// Expects things at any time of a device whose clock nobody moves.
    pub const fn keeps_own_time(&mut self, own: bool) {
        self.own_time = own;
    }

    /// Another case begins, and time with it.
    pub const fn start_over(&mut self) {
        (self.at, self.next) = (0, 0);
    }

    /// Says that the session is over, and waits a while for the device to end.
    ///
    /// # Errors
    /// When it does not, or says something else. A link that is broken already is left alone.
    pub fn shut_down(&mut self) -> Result<(), LinkFault> {
        if self.broken {
            return Ok(());
        }
        self.within = ENDING;
        self.call::<Value>(&Method::Shutdown {}, u64::MAX)?;
        self.broken = true;
        if !self.line.ends() {
            return Ok(());
        }
        match self.line.receive(ENDING) {
            Err(LinkFault::Closed(_) | LinkFault::Orphan(_)) => Ok(()),
            Err(LinkFault::Mute { .. }) => Err(LinkFault::Lingers(ENDING)),
            Err(other) => Err(other),
            Ok(octets) => Err(late(&octets)),
        }
    }

    /// Asks, and waits for the answer. Events are to have happened by `until`, in nanoseconds.
    ///
    /// # Errors
    /// What is wrong with the link, the device or the answer.
    pub fn call<T: DeserializeOwned>(
        &mut self,
        method: &impl Serialize,
        until: u64,
    ) -> Result<Called<T>, LinkFault> {
        let whole = serde_json::to_value(method).unwrap_or_default();
        let name = whole["m"].as_str().unwrap_or_default().to_owned();
        let (mut before, mut left) = (Vec::new(), BUSY_MAX);
        loop {
            let (id, reply, mut events) = self.exchange(&name, whole["p"].clone(), until)?;
            events.splice(..0, before);
            if let Some(eta) = busy(&reply).filter(|eta| *eta <= left) {
                left = left.saturating_sub(eta);
                rest(eta);
                before = events;
                continue;
            }
            let reply = self.note(settled(&name, reply))?;
            return Ok(Called { reply, id, events });
        }
    }

    /// Asks for something that no device knows, and expects that it says so.
    ///
    /// # Errors
    /// When it says something else.
    pub fn probe(&mut self, name: &str) -> Result<(), LinkFault> {
        let (_, reply, _) = self.exchange(name, Value::Object(Default::default()), u64::MAX)?;
        match result(name, reply)? {
            Err(Refusal { code: RefusalCode::Unimplemented, .. }) => Ok(()),
            Err(Refusal { text, .. }) => {
                let why = format!("an unknown method is `unimplemented`, not: {text}");
                Err(LinkFault::Shape { method: name.to_owned(), why })
            }
            Ok(_) => {
                let why = "it claims to have done what nobody can ask for".to_owned();
                Err(LinkFault::Shape { method: name.to_owned(), why })
            }
        }
    }

    /// The next thing that the device says by itself, if it says something within that time.
    ///
    /// # Errors
    /// What is wrong with the link or the event.
    pub fn listen(&mut self, within: Duration) -> Result<Option<Heard>, LinkFault> {
        let heard = self.try_listen(within);
        self.broken |= heard.is_err();
        self.note(heard)
    }

    fn try_listen(&mut self, within: Duration) -> Result<Option<Heard>, LinkFault> {
        let (octets, came) = match self.line.receive_stamped(within) {
            Ok(received) => received,
            Err(LinkFault::Mute { .. }) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        self.write_down(Way::Device, &octets);
        match read(&octets)? {
            Incoming::Event(line) => {
                self.check_event(&line, u64::MAX)?;
                Ok(Some(Heard { line, came }))
            }
            Incoming::Reply(reply) => Err(LinkFault::Unasked(reply.re)),
        }
    }

    fn exchange(&mut self, name: &str, params: Value, until: u64) -> Exchanged {
        let exchanged = self.try_exchange(name, params, until);
        self.broken |= exchanged.is_err();
        self.note(exchanged)
    }

    fn try_exchange(&mut self, name: &str, params: Value, until: u64) -> Exchanged {
        self.check_silence()?;
        self.requests += 1;
        let id = self.requests;
        let line = RequestLine { v: VERSION, id, m: name.to_owned(), p: params };
        let text = serde_json::to_string(&line).unwrap_or_default();
        self.write_down(Way::Harness, text.as_bytes());
        self.line.send(&text)?;
        let (mut events, mut room) = (Vec::new(), EVENT_OCTETS_MAX);
        loop {
            let within = if name == "hello" { self.greeting } else { self.within };
            let received = self.line.receive_stamped(within);
            let (octets, came) = received.map_err(|fault| fault.asked(name))?;
            self.write_down(Way::Device, &octets);
            match read(&octets)? {
                Incoming::Event(event) => {
                    if events.len() == EVENTS_MAX || room < octets.len() {
                        return Err(LinkFault::Flood);
                    }
                    room -= octets.len();
                    if QUIET.contains(&name) && !self.own_time {
                        let method = name.to_owned();
                        return Err(LinkFault::NoOccasion { seq: event.seq, method });
                    }
                    self.check_event(&event, until)?;
                    events.push(Heard { line: event, came });
                }
                Incoming::Reply(reply) if reply.re == id => {
                    if until < u64::MAX {
                        self.at = self.at.max(until);
                    }
                    return Ok((id, reply, events));
                }
                Incoming::Reply(reply) => {
                    return Err(LinkFault::WrongReply { expected: id, got: reply.re });
                }
            }
        }
    }

    /// Nothing may come while nothing is asked.
    fn check_silence(&mut self) -> Result<(), LinkFault> {
        if self.own_time {
            return Ok(());
        }
        match self.line.receive(Duration::ZERO) {
            Err(LinkFault::Mute { .. }) => Ok(()),
            Err(other) => Err(other),
            Ok(octets) => Err(late(&octets)),
        }
    }

    fn check_event(&mut self, event: &EventLine, until: u64) -> Result<(), LinkFault> {
        let EventLine { seq, at_ns, .. } = *event;
        if seq != self.events + 1 {
            return Err(LinkFault::WrongEvent { last: self.events, got: seq });
        }
        if at_ns < self.at || at_ns > until {
            let (from_ns, to_ns) = (self.at, until);
            return Err(LinkFault::WrongTime { seq, at_ns, from_ns, to_ns });
        }
        if at_ns < self.next.min(until) {
            return Err(LinkFault::Unannounced { seq, at_ns, next_ns: self.next });
        }
        let inside = match (&event.event, self.role) {
            (Event::Send { to, .. }, role) if to.is_some() == (role == Role::Server) => None,
            (Event::Fact(fact), Role::Device) => (!is_visible(fact)).then_some(fact),
            (Event::Account { fact, .. }, Role::Server) => Some(fact),
            (Event::Send { .. } | Event::Fact(_) | Event::Account { .. }, _) => {
                return Err(LinkFault::Foreign(seq));
            }
        };
        if let Some(fact) = inside.filter(|_| !self.open) {
            return Err(LinkFault::Undeclared { seq, fact: name_of(fact) });
        }
        (self.events, self.at) = (seq, at_ns);
        Ok(())
    }
}

/// A request's number, its reply, and the events before that.
type Exchanged = Result<(u64, ReplyLine, Vec<Heard>), LinkFault>;

#[cfg(test)]
mod tests;
