//! The harness's end of the line to a device: requests with their replies, and the events between.
//!
//! Nothing that comes over the line is trusted: lengths, times, numbers and words are checked, and the first
//! thing that is wrong ends the link with a sentence that names the mistake. Not here: what carries the
//! lines (`runtime::lines`), or what is asked (`attached`).

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::time::Duration;
use crate::conformance::fault::{LinkFault, hint};
use crate::conformance::message::{
    EventLine, Method, Refusal, RefusalCode, ReplyLine, RequestLine, VERSION,
};

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

    /// The last things that the device has logged.
    fn log(&self) -> Vec<String>;
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
    pub events: Vec<EventLine>,
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
            let octets = self.line.receive(self.within).map_err(|fault| fault.asked(name))?;
            match read(&octets)? {
                Incoming::Event(event) => {
                    if events.len() == EVENTS_MAX {
                        return Err(LinkFault::Flood);
                    }
                    self.check_event(&event, until)?;
                    events.push(event);
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
type Exchanged = Result<(u64, ReplyLine, Vec<EventLine>), LinkFault>;

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
