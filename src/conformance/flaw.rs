//! Mistakes that devices make on their line, on purpose, to prove that a harness survives and names them.
//!
//! They are the link's own: what a device does wrong with its protocol is a deviation (`proto`). Not here: who
//! carries them out (`serve`).

use serde_json::{Value, json};
use strum::{EnumString, VariantNames};

use crate::base::time::Duration;
use crate::conformance::message::{Method, RequestLine};

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumString, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Flaw {
    /// It answers nothing at all.
    Null,
    /// It answers the greeting, and nothing else.
    MuteAfterHello,
    /// It answers in prose.
    NonJson,
    /// It logs where its messages are.
    LogOnStdout,
    /// It answers, and keeps that in a buffer.
    NoFlush,
    /// It writes each line in two parts, which is no mistake.
    SplitFrame,
    /// It writes a line of ten megabytes.
    TenMbLine,
    /// It writes octets that are no text.
    InvalidUtf8,
    /// It names another request in its reply.
    WrongReply,
    /// It says an event twice.
    DuplicateSeq,
    /// It speaks a version of its own.
    WrongVersion,
    /// It writes an octet at a time, slowly.
    SlowLoris,
    /// It ends in the middle of a case.
    ExitMidTest,
    /// It crashes in the middle of a case.
    Abort,
    /// It ends, and leaves a process behind that holds its output.
    GrandchildKeepsPipe,
    /// It does not end when it is told to.
    HangOnShutdown,
    /// Its clock goes backwards.
    ClockBackwards,
    /// It says that all is out before it is.
    LyingFence,
    /// It says something after it has said that there is nothing more.
    LateOutput,
    /// It crashes at a field or method that it does not know.
    GreaseCrash,
    /// It gives a key twice in an object.
    DuplicateKey,
    /// It does what it declares that it cannot.
    UnderDeclares,
    /// It cannot what it declares.
    OverDeclares,
}

/// What is done on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A whole line is written.
    Line(String),
    /// Octets are written as they are.
    Octets(Vec<u8>),
    /// What was written leaves.
    Flush,
    /// Time passes.
    Pause(Duration),
    /// A process is started that holds the output open.
    LeaveBehind,
    /// The device ends.
    Exit,
    /// The device crashes.
    Abort,
    /// The device does nothing any more.
    Hang,
}

/// Octets of the long line.
const LONG: usize = 10 << 20;
/// Between two octets of a slow line.
const SLOW: Duration = Duration::from_millis(200);
/// Between two parts of a line.
const SPLIT: Duration = Duration::from_millis(5);

impl Flaw {
    /// What is done in place of an honest answer: events, and then the reply.
    #[must_use]
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "where a mistake cannot be made the answer is honest"
    )]
    pub fn spoil(self, request: &[u8], mut lines: Vec<String>) -> Vec<Deed> {
        let request = serde_json::from_slice::<RequestLine>(request).ok();
        let (name, params) = request.map(|it| (it.m, it.p)).unwrap_or_default();
        // Most wait until the device is greeted and made: a case is lost then, and not the whole run.
        let busy = !matches!(name.as_str(), "hello" | "ping" | "provision" | "shutdown")
            && Method::VARIANTS.contains(&name.as_str());
        let last = lines.len().saturating_sub(1);
        match self {
            Self::Null => return Vec::new(),
            Self::MuteAfterHello if name != "hello" => return Vec::new(),
            Self::NoFlush => return lines.into_iter().map(Deed::Line).collect(),
            Self::NonJson if busy => "done, all is well".clone_into(&mut lines[last]),
            Self::LogOnStdout if busy => lines.insert(0, "now about to answer".to_owned()),
            Self::SplitFrame => return split(&lines),
            Self::TenMbLine if busy => lines[last] = "x".repeat(LONG),
            Self::InvalidUtf8 if busy => return raw(b"{\"v\":1,\"re\":1,\"ok\":\"\xff\xfe\"}\n"),
            Self::WrongReply if busy => change(&mut lines[last], |it| it["re"] = json!(1)),
            Self::DuplicateSeq if busy && last > 0 => lines.insert(0, lines[0].clone()),
            Self::WrongVersion => change(&mut lines[last], |it| it["v"] = json!(2)),
            Self::SlowLoris if busy => return drip(&lines),
            Self::ExitMidTest if name == "user.act" => return vec![Deed::Exit],
            Self::Abort if name == "user.act" => return vec![Deed::Abort],
            Self::GrandchildKeepsPipe if name == "user.act" => {
                return vec![Deed::LeaveBehind, Deed::Exit];
            }
            Self::HangOnShutdown if name == "shutdown" => return vec![Deed::Hang],
            Self::ClockBackwards if last > 0 => change(&mut lines[0], back),
            Self::LyingFence if busy => lines.rotate_right(1),
            Self::LateOutput if busy && last > 0 => {
                change(&mut lines[last], |it| it["ok"]["seq"] = before(&it["ok"]["seq"]));
                lines.swap(last, last - 1);
            }
            Self::GreaseCrash if is_grease(&name, &params) => return vec![Deed::Abort],
            Self::DuplicateKey if busy => lines[last] = lines[last].replacen('{', "{\"v\":1,", 1),
            Self::UnderDeclares if name == "hello" => change(&mut lines[last], |it| {
                it["ok"]["capabilities"]["facts"] = json!(false);
            }),
            Self::OverDeclares if name == "user.act" => {
                lines.drain(..last);
                change(&mut lines[0], refuse);
            }
            _ => {}
        }
        lines.into_iter().map(Deed::Line).chain([Deed::Flush]).collect()
    }
}

fn raw(octets: &[u8]) -> Vec<Deed> {
    vec![Deed::Octets(octets.to_vec()), Deed::Flush]
}

/// Each line in two parts.
fn split(lines: &[String]) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for line in lines {
        let octets = [line.as_bytes(), b"\n"].concat();
        let (head, tail) = octets.split_at(octets.len() / 2);
        deeds.extend(raw(head));
        deeds.push(Deed::Pause(SPLIT));
        deeds.extend(raw(tail));
    }
    deeds
}

/// Each octet by itself.
fn drip(lines: &[String]) -> Vec<Deed> {
    let octets = lines.iter().flat_map(|line| line.bytes());
    octets.flat_map(|it| raw(&[it]).into_iter().chain([Deed::Pause(SLOW)])).collect()
}

fn change(line: &mut String, how: impl FnOnce(&mut Value)) {
    if let Ok(mut value) = serde_json::from_str(line) {
        how(&mut value);
        *line = value.to_string();
    }
}

fn before(number: &Value) -> Value {
    json!(number.as_u64().unwrap_or_default().saturating_sub(1))
}

/// An event's time, one nanosecond earlier than the case itself allows once it has begun.
fn back(event: &mut Value) {
    event["at_ns"] = before(&event["at_ns"]);
}

fn refuse(reply: &mut Value) {
    let text = "this device has no buttons";
    let refusal = json!({"code": "unsupported_capability", "definite": true, "text": text});
    *reply = json!({"v": reply["v"], "re": reply["re"], "err": refusal});
}

/// Whether a request has a name or a field that is unknown.
fn is_grease(name: &str, params: &Value) -> bool {
    let grease = params.as_object().is_some_and(|it| it.keys().any(|it| it.starts_with("grease")));
    grease || !Method::VARIANTS.contains(&name)
}
