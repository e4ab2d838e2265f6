//! The harness's end of the line to a device: requests with their replies, and the events between.
//!
//! Nothing that comes over the line is trusted: lengths, times, numbers and words are checked, and the first
//! thing that is wrong ends the link with a sentence that names the mistake. Not here: what carries the
//! lines (`runtime::lines`), or what is asked (`attached`).

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::time::Duration;
use crate::conformance::message::{
    EventLine, LINE_MAX, Method, Refusal, RefusalCode, ReplyLine, RequestLine, VERSION,
};
use crate::runtime::clock::Stamp;

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
    /// When none comes within that time, or what comes is no line.
    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault>;

    /// The same, with when it came; unless somebody looks at the clock as lines come, when it is taken.
    ///
    /// # Errors
    /// As [`Self::receive`].
    fn receive_stamped(&mut self, within: Duration) -> Result<(Vec<u8>, Stamp), LinkFault> {
        self.receive(within).map(|line| (line, Stamp::now()))
    }

    /// The last things that the device has logged.
    fn log(&self) -> Vec<String>;
}

/// What is wrong with a link. Each says whose mistake it probably is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Nothing came.
    #[error("no answer to `{method}` within {within}: it hangs, or its output is not flushed")]
    Mute {
        /// What was asked.
        method: String,
        /// How long.
        within: Duration,
    },
    /// The other end is gone.
    #[error("the device closed the line{0}")]
    Closed(String),
    /// It cannot be written to.
    #[error("the device does not read: {0}")]
    Stuck(String),
    /// A line without end.
    #[error("a line is longer than {LINE_MAX} octets: a newline is missing, or it is flooding")]
    TooLong,
    /// No text.
    #[error("a line is not UTF-8")]
    NotText,
    /// No message.
    #[error("a line is no message: {why}; it begins with `{begin}`{hint}")]
    NoMessage {
        /// What is wrong.
        why: String,
        /// Its first characters.
        begin: String,
        /// What the mistake may be.
        hint: &'static str,
    },
    /// Another version.
    #[error("it speaks version {0}, this is version {VERSION}")]
    Version(u32),
    /// A reply to something else.
    #[error("a reply to request {got}, while {expected} is open")]
    WrongReply {
        /// Which was open.
        expected: u64,
        /// Which was named.
        got: u64,
    },
    /// A reply to nothing.
    #[error("a reply to request {0}, while none is open")]
    Unasked(u64),
    /// An event out of order.
    #[error("event {got} follows event {last}: numbers count from 1 without gaps")]
    WrongEvent {
        /// The one before.
        last: u64,
        /// This one.
        got: u64,
    },
    /// A fence in another place than the device says.
    #[error(
        "it says that event {says} was its last, but {came} came: an event is lost, or comes late"
    )]
    Fence {
        /// What the reply says.
        says: u64,
        /// What was read.
        came: u64,
    },
    /// An event before its cause, or after the fence.
    #[error(
        "event {seq} says that it happened at {at_ns} ns, which is not within {from_ns} to {to_ns} ns"
    )]
    WrongTime {
        /// Which.
        seq: u64,
        /// What it says.
        at_ns: u64,
        /// The earliest it can be.
        from_ns: u64,
        /// The latest.
        to_ns: u64,
    },
    /// A reply that says neither.
    #[error("the reply to `{0}` says neither `ok` nor `err`, or both")]
    Neither(String),
    /// A reply of the wrong shape.
    #[error("the reply to `{method}` cannot be read: {why}")]
    Shape {
        /// What was asked.
        method: String,
        /// What is wrong.
        why: String,
    },
    /// The device refuses.
    #[error("`{method}` is refused: {text}")]
    Refused {
        /// What was asked.
        method: String,
        /// Why.
        code: RefusalCode,
        /// The device's words.
        text: String,
    },
    /// More events than anything asked for can lead to.
    #[error("more than {EVENTS_MAX} events between a request and its reply: it is flooding")]
    Flood,
}

impl LinkFault {
    /// The same, with what was asked.
    fn asked(self, name: &str) -> Self {
        if let Self::Mute { within, .. } = self {
            return Self::Mute { method: name.to_owned(), within };
        }
        self
    }
}

/// Events between a request and its reply, at most.
pub const EVENTS_MAX: usize = 10_000;

/// A link to a device.
#[derive(Debug)]
pub struct Link {
    line: Box<dyn Line>,
    within: Duration,
    requests: u64,
    events: u64,
    /// The time of the last event or request, in nanoseconds.
    at: u64,
    /// Something was wrong: what follows would be read wrongly.
    broken: bool,
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
        Self { line, within, requests: 0, events: 0, at: 0, broken: false }
    }

    /// The last things that the device has logged.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.line.log()
    }

    /// Whether something was wrong: the link has to be made anew.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
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
        Err(LinkFault::Fence { says: last, came: self.events })
    }

    /// Another case begins, and time with it.
    pub const fn start_over(&mut self) {
        self.at = 0;
    }

    /// Asks, and waits for the answer. Events are to have happened by `until`, in nanoseconds.
    ///
    /// # Errors
    /// What is wrong with the link, the device or the answer.
    pub fn call<T: DeserializeOwned>(
        &mut self,
        method: &Method,
        until: u64,
    ) -> Result<Called<T>, LinkFault> {
        let whole = serde_json::to_value(method).unwrap_or_default();
        let name = whole["m"].as_str().unwrap_or_default().to_owned();
        let (id, reply, events) = self.exchange(&name, whole["p"].clone(), until)?;
        let ok = result(&name, reply)?.map_err(|Refusal { code, text, .. }| {
            LinkFault::Refused { method: name.clone(), code, text }
        })?;
        let reply = serde_json::from_value(ok)
            .map_err(|error| LinkFault::Shape { method: name, why: error.to_string() })?;
        Ok(Called { reply, id, events })
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
        heard
    }

    fn try_listen(&mut self, within: Duration) -> Result<Option<Heard>, LinkFault> {
        let (octets, came) = match self.line.receive_stamped(within) {
            Ok(received) => received,
            Err(LinkFault::Mute { .. }) => return Ok(None),
            Err(fault) => return Err(fault),
        };
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
        exchanged
    }

    fn try_exchange(&mut self, name: &str, params: Value, until: u64) -> Exchanged {
        self.requests += 1;
        let id = self.requests;
        let line = RequestLine { v: VERSION, id, m: name.to_owned(), p: params };
        self.line.send(&serde_json::to_string(&line).unwrap_or_default())?;
        let mut events = Vec::new();
        loop {
            let received = self.line.receive_stamped(self.within);
            let (octets, came) = received.map_err(|fault| fault.asked(name))?;
            match read(&octets)? {
                Incoming::Event(line) => {
                    if events.len() == EVENTS_MAX {
                        return Err(LinkFault::Flood);
                    }
                    self.check_event(&line, until)?;
                    events.push(Heard { line, came });
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

    fn check_event(&mut self, event: &EventLine, until: u64) -> Result<(), LinkFault> {
        let EventLine { seq, at_ns, .. } = *event;
        if seq != self.events + 1 {
            return Err(LinkFault::WrongEvent { last: self.events, got: seq });
        }
        if at_ns < self.at || at_ns > until {
            let (from_ns, to_ns) = (self.at, until);
            return Err(LinkFault::WrongTime { seq, at_ns, from_ns, to_ns });
        }
        (self.events, self.at) = (seq, at_ns);
        Ok(())
    }
}

/// A request's number, its reply, and the events before that.
type Exchanged = Result<(u64, ReplyLine, Vec<Heard>), LinkFault>;

/// What comes from a device.
enum Incoming {
    Reply(ReplyLine),
    Event(EventLine),
}

/// Characters of a line that a complaint shows.
const SHOWN: usize = 60;

fn read(octets: &[u8]) -> Result<Incoming, LinkFault> {
    let text = std::str::from_utf8(octets).map_err(|_| LinkFault::NotText)?;
    let complain = |why: String| LinkFault::NoMessage {
        why,
        begin: text.chars().take(SHOWN).map(|it| if it.is_control() { '?' } else { it }).collect(),
        hint: hint(text),
    };
    let value: Value = serde_json::from_str(text).map_err(|error| complain(error.to_string()))?;
    let version = value.get("v").and_then(Value::as_u64);
    match version.and_then(|it| u32::try_from(it).ok()) {
        Some(VERSION) => {}
        Some(other) => return Err(LinkFault::Version(other)),
        None => return Err(complain("there is no version `v`".to_owned())),
    }
    let read = if value.get("re").is_some() {
        serde_json::from_value(value).map(Incoming::Reply)
    } else if value.get("ev").is_some() {
        serde_json::from_value(value).map(Incoming::Event)
    } else {
        return Err(complain("it is neither a reply (`re`) nor an event (`ev`)".to_owned()));
    };
    read.map_err(|error| complain(error.to_string()))
}

/// What the mistake may be.
fn hint(text: &str) -> &'static str {
    if text.trim().is_empty() {
        "; empty lines are no messages"
    } else if !text.trim_start().starts_with('{') {
        "; does the device log to its standard output? Logs go to standard error"
    } else if text.contains("}{") || text.contains("} {") {
        "; two objects on one line: each needs its own"
    } else {
        ""
    }
}

fn result(name: &str, reply: ReplyLine) -> Result<Result<Value, Refusal>, LinkFault> {
    match (reply.ok, reply.err) {
        (Some(ok), None) => Ok(Ok(ok)),
        (None, Some(err)) => Ok(Err(err)),
        (Some(_), Some(_)) | (None, None) => Err(LinkFault::Neither(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::conformance::message::{Moment, Settled};

    /// Answers every request with the same lines.
    #[derive(Debug)]
    struct Script(VecDeque<String>);

    impl Line for Script {
        fn send(&mut self, _: &str) -> Result<(), LinkFault> {
            Ok(())
        }

        fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault> {
            let line = self.0.pop_front();
            line.map(String::into_bytes).ok_or(LinkFault::Mute { method: String::new(), within })
        }

        fn log(&self) -> Vec<String> {
            Vec::new()
        }
    }

    /// What comes of a `sync` at 5 ns that is answered by these lines.
    fn check(lines: &[&str], expected: &str) {
        let lines = lines.iter().map(|it| (*it).to_owned()).collect();
        let mut link = Link::new(Box::new(Script(lines)), Duration::from_secs(2));
        let moment = Moment { now_ns: 5, wall_ms: 0 };
        let got = match link.call::<Settled>(&Method::Sync(moment), 5) {
            Ok(called) => match link.fence(called.reply.seq) {
                Ok(()) => format!("{} events", called.events.len()),
                Err(fault) => fault.to_string(),
            },
            Err(fault) => fault.to_string(),
        };
        assert_eq!(got, expected, "{lines:?}", lines = expected);
    }

    const OK: &str = r#"{"v":1,"re":1,"ok":{"seq":0,"next_ns":null,"pending":false}}"#;

    #[test]
    fn what_is_wrong_with_a_link_is_named() {
        let event = |seq: u64, at: u64| {
            format!(r#"{{"v":1,"ev":"net.send","p":{{"octets":"00"}},"seq":{seq},"at_ns":{at}}}"#)
        };
        check(&[OK], "0 events");
        let two = OK.replace("\"seq\":0", "\"seq\":2");
        check(&[&event(1, 3), &event(2, 5), &two], "2 events");
        check(
            &[&event(1, 3), &two],
            "it says that event 2 was its last, but 1 came: an event is lost, or comes late",
        );
        check(&[], "no answer to `sync` within 2s: it hangs, or its output is not flushed");
        check(&[&event(2, 3)], "event 2 follows event 0: numbers count from 1 without gaps");
        check(
            &[&event(1, 6)],
            "event 1 says that it happened at 6 ns, which is not within 0 to 5 ns",
        );
        check(
            &["ready."],
            "a line is no message: expected value at line 1 column 1; it begins with `ready.`; does \
             the device log to its standard output? Logs go to standard error",
        );
        check(
            &[&format!("{OK}{OK}")],
            "a line is no message: trailing characters at line 1 column 61; it begins with \
             `{\"v\":1,\"re\":1,\"ok\":{\"seq\":0,\"next_ns\":null,\"pending\":false}}`; two objects on \
             one line: each needs its own",
        );
        check(&[r#"{"v":2,"re":1,"ok":{}}"#], "it speaks version 2, this is version 1");
        check(&[r#"{"v":1,"re":7,"ok":{}}"#], "a reply to request 7, while 1 is open");
        check(&[r#"{"v":1,"re":1}"#], "the reply to `sync` says neither `ok` nor `err`, or both");
        check(
            &[r#"{"v":1,"re":1,"ok":{"seq":0}}"#],
            "the reply to `sync` cannot be read: missing field `pending`",
        );
        check(
            &[r#"{"v":1,"re":1,"err":{"code":"internal","definite":true,"text":"no"}}"#],
            "`sync` is refused: no",
        );
    }
}
