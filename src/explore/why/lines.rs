//! Records as the lines of a slice: a frame and what became of it is one arrow, the rest are notes.
//!
//! Not here: which records there are (`select`), or what is left out (`fold`).

use std::collections::BTreeSet;

use crate::base::id::{Epoch, NodeId, ReqId};
use crate::explore::why::book::Book;
use crate::explore::why::words::say;
use crate::trace::fact::{About, Fact, FrameFact, FrameKind, LossCause, Meddling};
use crate::trace::record::{Record, RecordId};
use crate::trace::slice::{Arrow, Line, Tone, Weight, What};

/// A line, and what makes it a repetition of another.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) line: Line,
    pub(super) same: Same,
}

/// Lines that are equal in this are repetitions of each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Same {
    pub(super) node: NodeId,
    pub(super) text: String,
    /// A request keeps its number when it is sent again.
    pub(super) req: Option<ReqId>,
}

/// The lines of the records at `places`, with those of `marked` marked.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are no frames")]
pub(super) fn lines(
    book: &Book<'_>,
    places: &BTreeSet<usize>,
    marked: &BTreeSet<RecordId>,
) -> Vec<Drawn> {
    let records = book.records;
    // An arrow stands where its frame left.
    let mut starts = BTreeSet::new();
    let mut stressed = BTreeSet::new();
    let mut faults = BTreeSet::new();
    for place in places {
        let record = &records[*place];
        let sent = match &record.fact {
            Fact::Rx(_) | Fact::Lost { .. } | Fact::Meddled { .. } => {
                book.cause(*place).filter(|cause| matches!(records[*cause].fact, Fact::Tx(_)))
            }
            Fact::FaultStart { .. } => {
                faults.extend(record.cause);
                None
            }
            _ => None,
        };
        let start = sent.unwrap_or(*place);
        starts.insert(start);
        if marked.contains(&record.id) {
            stressed.insert(start);
        }
    }
    let drawn = starts.into_iter().filter(|place| !faults.contains(&records[*place].id));
    drawn
        .filter_map(|place| {
            let mut drawn = draw(book, &records[place])?;
            if stressed.contains(&place) {
                drawn.line.marked = true;
                drawn.line.weight = Weight::Must;
            }
            Some(drawn)
        })
        .collect()
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are no frames")]
fn draw(book: &Book<'_>, record: &Record) -> Option<Drawn> {
    match &record.fact {
        Fact::Tx(frame) => Some(sent(book, record, frame)),
        Fact::Rx(frame) => Some(out_of_nowhere(book, record, frame)),
        Fact::Lost { frame, why } => {
            let text = format!("{} dies: {}", label(book, frame), loss(*why));
            Some(note(record, text, Tone::Bad, Weight::Key))
        }
        Fact::Meddled { frame, how } => {
            let text = format!("the network: {} is {how}", label(book, frame));
            Some(note(record, text, Tone::Doubt, Weight::Key))
        }
        _ => {
            let (text, tone, weight) = say(book, record)?;
            Some(note(record, text, tone, weight))
        }
    }
}

fn note(record: &Record, text: String, tone: Tone, weight: Weight) -> Drawn {
    let node = record.id.node;
    let same = Same { node, text: text.clone(), req: None };
    let what = What::Note(text);
    Drawn { line: Line { at: record.at, node, what, tone, weight, marked: false }, same }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are no frames")]
fn sent(book: &Book<'_>, record: &Record, frame: &FrameFact) -> Drawn {
    let node = record.id.node;
    let mut text = label(book, frame);
    let req = (frame.kind != Some(FrameKind::Poll)).then_some(frame.req);
    let same = Same { node, text: text.clone(), req };
    let mut arrived = None;
    let mut copies = 0_u32;
    let mut meddled = false;
    for end in book.ends(record.id) {
        match &end.fact {
            Fact::Rx(_) => {
                arrived = arrived.or(Some(end.at));
                copies += 1;
            }
            Fact::Meddled { how, .. } => {
                text += &format!(", {how}");
                meddled = *how != Meddling::Released || meddled;
            }
            _ => {}
        }
    }
    if copies > 1 {
        text += &format!(", arrives {copies} times");
    }
    let died = book.lost(record.id).and_then(cause_of_death);
    let (tone, weight) = match (&died, arrived) {
        (Some(_), _) => (Tone::Bad, Weight::Key),
        (None, None) => (Tone::Doubt, Weight::Key),
        (None, Some(_)) if meddled => (Tone::Doubt, Weight::Key),
        (None, Some(_)) => (Tone::Plain, weight(frame)),
    };
    if died.is_none() && arrived.is_none() {
        text.push_str(", still under way");
    }
    let to = book.target(record, frame);
    let epoch = epoch(book, record, frame);
    let what = What::Arrow(Arrow { to, arrives: arrived, label: text, epoch, died });
    Drawn { line: Line { at: record.at, node, what, tone, weight, marked: false }, same }
}

/// A frame that no node sent: the adversary did.
fn out_of_nowhere(book: &Book<'_>, record: &Record, frame: &FrameFact) -> Drawn {
    let text = format!("{}, sent by nobody", label(book, frame));
    let same = Same { node: record.id.node, text: text.clone(), req: Some(frame.req) };
    let what = What::Arrow(Arrow {
        to: record.id.node,
        arrives: Some(record.at),
        label: text,
        epoch: None,
        died: None,
    });
    let (node, at) = (NodeId::HARNESS, record.at);
    let (tone, weight) = (Tone::Doubt, Weight::Key);
    Drawn { line: Line { at, node, what, tone, weight, marked: false }, same }
}

fn cause_of_death(lost: &Record) -> Option<String> {
    let Fact::Lost { why, .. } = &lost.fact else { return None };
    Some(loss(*why))
}

/// Why a frame ended, in words.
pub(super) fn loss(why: LossCause) -> String {
    why.name().replace('-', " ")
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other frames are no steps")]
const fn weight(frame: &FrameFact) -> Weight {
    match frame.kind {
        Some(FrameKind::Submit | FrameKind::Deliver | FrameKind::RotateKey) => Weight::Step,
        _ => Weight::Detail,
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other frames carry no message")]
/// The epoch of the device at one end, under which the message in the frame is encrypted.
fn epoch(book: &Book<'_>, record: &Record, frame: &FrameFact) -> Option<Epoch> {
    let (own, theirs) = book.epochs(record.fact.mid()?, record.at)?;
    match frame.kind {
        Some(FrameKind::Submit) => Some(own),
        Some(FrameKind::Deliver) => Some(theirs),
        _ => None,
    }
}

/// What a frame carries.
pub(super) fn label(book: &Book<'_>, frame: &FrameFact) -> String {
    let kind = match frame.kind {
        None => "octets",
        Some(FrameKind::RotateKey) => "rotate",
        Some(FrameKind::RotateAck) => "rotate-ack",
        Some(FrameKind::KeyChanged) => "key-changed",
        Some(kind) => kind.name(),
    };
    match &frame.about {
        About::Nothing => kind.to_owned(),
        About::User(user) => format!("{kind} {user}"),
        About::Message(mid, _) => format!("{kind} {}", book.called(mid)),
        About::Epoch(epoch) => format!("{kind} {epoch}"),
    }
}
