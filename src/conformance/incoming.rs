//! What a device's line says: a reply or an event, or nothing that can be read.
//!
//! Not here: whether it may be said now (`link`), or what messages there are (`message`).

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::time::Duration;
use crate::conformance::fault::{LinkFault, hint};
use crate::conformance::message::{EventLine, Refusal, RefusalCode, ReplyLine, VERSION};
use crate::conformance::strict;
use crate::trace::fact::Fact;

/// How soon a device that is busy is asked again at the earliest.
const BUSY_MIN: Duration = Duration::from_millis(10);

/// What comes from a device.
pub(super) enum Incoming {
    Reply(ReplyLine),
    Event(EventLine),
}

/// Characters of a line that a complaint shows.
const SHOWN: usize = 60;

/// Reads a line of a device.
pub(super) fn read(octets: &[u8]) -> Result<Incoming, LinkFault> {
    let text = std::str::from_utf8(octets).map_err(|_| LinkFault::NotText)?;
    let complain = |why: String| LinkFault::NoMessage {
        why,
        begin: text.chars().take(SHOWN).map(|it| if it.is_control() { '?' } else { it }).collect(),
        hint: hint(text),
    };
    let value = strict::parse(text).map_err(|error| complain(error.to_string()))?;
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

/// What is wrong with a line that nobody has asked for.
pub(super) fn late(octets: &[u8]) -> LinkFault {
    let what = match read(octets) {
        Ok(Incoming::Event(event)) => format!("event {}", event.seq),
        Ok(Incoming::Reply(reply)) => format!("a reply to request {}", reply.re),
        Err(fault) => return fault,
    };
    LinkFault::Late { what }
}

/// What a fact is called.
pub(super) fn name_of(fact: &Fact) -> String {
    match serde_json::to_value(fact) {
        Ok(Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        Ok(Value::String(name)) => name,
        Ok(_) | Err(_) => String::new(),
    }
}

/// In how long to ask again, if that is what a reply says.
pub(super) fn busy(reply: &ReplyLine) -> Option<Duration> {
    let refusal = reply.err.as_ref().filter(|it| it.code == RefusalCode::Busy)?;
    // Nobody waits for days: what cannot be counted is too long.
    let eta = Duration::from_nanos(refusal.eta_ms?.saturating_mul(1_000_000));
    Some(eta.max(BUSY_MIN))
}

/// What was asked for, in its shape.
pub(super) fn settled<T: DeserializeOwned>(name: &str, reply: ReplyLine) -> Result<T, LinkFault> {
    let method = name.to_owned();
    match result(name, reply)? {
        Ok(ok) => serde_json::from_value(ok)
            .map_err(|error| LinkFault::Shape { method, why: error.to_string() }),
        Err(Refusal { code, text, .. }) => Err(match code {
            RefusalCode::Unimplemented | RefusalCode::UnsupportedCapability => {
                LinkFault::OverDeclared { method, text }
            }
            RefusalCode::BadRequest
            | RefusalCode::WrongState
            | RefusalCode::NoSuchPrompt
            | RefusalCode::Busy
            | RefusalCode::Internal => LinkFault::Refused { method, code, text },
        }),
    }
}

/// The answer to a request, or the refusal.
pub(super) fn result(name: &str, reply: ReplyLine) -> Result<Result<Value, Refusal>, LinkFault> {
    match (reply.ok, reply.err) {
        (Some(ok), None) => Ok(Ok(ok)),
        (None, Some(err)) => Ok(Err(err)),
        (Some(_), Some(_)) | (None, None) => Err(LinkFault::Neither(name.to_owned())),
    }
}
