//! Facts in the words of a person, each with how it counts.
//!
//! Not here: frames (`lines`), or which facts are told (`select`).

use std::fmt::Write as _;

use crate::base::id::{Epoch, Mid};
use crate::explore::why::book::Book;
use crate::trace::fact::{
    AlarmKind, Button, Content, DeviceState, DraftStatus, Fact, Opening, Phase, ProvisionMode,
    ReplyResult, Selection, SignPurpose, StopCause,
};
use crate::trace::record::Record;
use crate::trace::slice::{Tone, Weight};

/// The words for a fact, its tone and its weight; nothing for what only fills a trace.
pub(super) type Said = Option<(String, Tone, Weight)>;

const fn plain(text: String, weight: Weight) -> Said {
    Some((text, Tone::Plain, weight))
}

const fn good(text: String) -> Said {
    Some((text, Tone::Good, Weight::Step))
}

const fn bad(text: String) -> Said {
    Some((text, Tone::Bad, Weight::Key))
}

const fn doubt(text: String) -> Said {
    Some((text, Tone::Doubt, Weight::Key))
}

/// Says what a record states, frames aside.
pub(super) fn say(book: &Book<'_>, record: &Record) -> Said {
    device(record)
        .or_else(|| keys(record))
        .or_else(|| sending(book, record))
        .or_else(|| receiving(book, record))
        .or_else(|| approval(record))
        .or_else(|| server(book, record))
        .or_else(|| harness(record))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are other functions' business")]
fn device(record: &Record) -> Said {
    match &record.fact {
        Fact::PowerOn { boot: 1 } => None,
        Fact::PowerOn { boot } => doubt(format!("starts again, boot {boot}")),
        Fact::PowerOff { why: StopCause::Crash } => doubt("stops: a crash".to_owned()),
        Fact::PowerOff { why: StopCause::Barrier } => {
            doubt("stops: a crash at a named point".to_owned())
        }
        Fact::PowerOff { why: StopCause::Store } => doubt("stops: its store failed".to_owned()),
        Fact::PowerOff { why: StopCause::Restore } => doubt("stops to be restored".to_owned()),
        Fact::Rolledback { snapshot } => doubt(format!("goes back to the snapshot `{snapshot}`")),
        Fact::State { to: DeviceState::Blank } => doubt("has no keys any more".to_owned()),
        Fact::State { to: DeviceState::Locked } => doubt("is locked".to_owned()),
        Fact::Provisioned { mode: ProvisionMode::Rotation, .. } => None,
        Fact::Provisioned { epoch, mode, .. } => {
            plain(format!("has a new key pair {epoch}, {mode}"), Weight::Key)
        }
        Fact::ProvisionRefused { why } => bad(format!("refuses the keys it is given: {why}")),
        Fact::Attached { .. } => plain("is attached to the server".to_owned(), Weight::Detail),
        Fact::RotateStart { epoch, revoke } => {
            let how = if *revoke { ", the old one revoked" } else { "" };
            plain(format!("rotates: has a new key pair {epoch}{how}"), Weight::Key)
        }
        Fact::RotateDone { epoch, .. } => {
            plain(format!("its rotation to {epoch} is done"), Weight::Key)
        }
        Fact::RotateRefused { epoch, code, .. } => {
            bad(format!("its rotation to {epoch} is refused: {code}"))
        }
        Fact::EpochErased { epoch } => plain(format!("erases its key {epoch}"), Weight::Key),
        Fact::Limit { what } => bad(format!("reaches a limit: {what}")),
        Fact::Alarm { peer, what } => doubt(format!("warns its user: {}", alarm(*what, peer))),
        _ => None,
    }
}

fn alarm(what: AlarmKind, peer: &Option<crate::base::id::UserId>) -> String {
    let of = peer.as_ref().map_or_else(String::new, |peer| format!(" ({peer})"));
    format!("{what}{of}")
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are other functions' business")]
fn keys(record: &Record) -> Said {
    match &record.fact {
        Fact::Lookup { peer, because, .. } => {
            plain(format!("looks up {peer}, because of: {because}"), Weight::Step)
        }
        Fact::LookupFailed { peer, why, .. } => bad(format!("gets no key of {peer}: {why}")),
        Fact::KeyReply { peer, epochs, result: ReplyResult::Accepted, .. } => {
            plain(format!("learns {}", keys_of(peer.as_str(), epochs)), Weight::Step)
        }
        Fact::KeyReply { peer, result, .. } => bad(format!("takes no key of {peer}: {result}")),
        Fact::Select { outcome: Selection::Hit, .. } => None,
        Fact::Select { outcome: Selection::Miss, peer, .. } => {
            plain(format!("has no secret with {peer} in its table"), Weight::Detail)
        }
        Fact::Select { outcome, peer, own, theirs, .. } => {
            let text = format!("finds no secret for own {own} and {peer} {theirs}: {outcome}");
            Some((text, Tone::Doubt, Weight::Step))
        }
        Fact::Derive { peer, own, theirs, .. } => {
            plain(format!("derives the secret of own {own} and {peer} {theirs}"), Weight::Detail)
        }
        Fact::Evict { peer, why, .. } => {
            plain(format!("drops its secrets with {peer}: {why}"), Weight::Detail)
        }
        Fact::ConfirmAsked { peer, .. } => {
            doubt(format!("asks its user to confirm the new identity of {peer}"))
        }
        Fact::Confirmed { peer, accepted: true, .. } => {
            plain(format!("the user confirms the new identity of {peer}"), Weight::Key)
        }
        Fact::Confirmed { peer, accepted: false, .. } => {
            bad(format!("the user refuses the new identity of {peer}"))
        }
        _ => None,
    }
}

/// `bob's keys e1, e2`.
fn keys_of(peer: &str, epochs: &[Epoch]) -> String {
    let list: Vec<_> = epochs.iter().map(ToString::to_string).collect();
    let noun = if list.len() == 1 { "key" } else { "keys" };
    format!("{peer}'s {noun} {}", list.join(", "))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are other functions' business")]
fn sending(book: &Book<'_>, record: &Record) -> Said {
    match &record.fact {
        Fact::Compose { draft, to, kind, .. } => {
            let name = book.named(record.id.node, *draft);
            let name = name.map_or_else(String::new, |name| format!("{name}, "));
            let verb = match kind {
                Content::Text | Content::Request => "is given",
                Content::Approval | Content::Nack | Content::Declined => "makes",
            };
            good(format!("{verb} {name}{} for {to}", content(*kind)))
        }
        Fact::Encrypt(it) => {
            let again =
                if it.attempt > 1 { format!(", attempt {}", it.attempt) } else { String::new() };
            let (name, receiver) = (book.called(&it.mid), &it.mid.receiver);
            good(format!("encrypts {name}, own {} to {receiver} {}{again}", it.own, it.theirs))
        }
        Fact::Notice { status, draft, mid } => {
            let name = book.named(record.id.node, *draft).map(str::to_owned);
            let name = name.or_else(|| mid.as_ref().map(|mid| book.called(mid)));
            let name = name.unwrap_or_else(|| "a draft".to_owned());
            let text = format!("tells its user: {name} {}", told(*status));
            match status {
                DraftStatus::Delivered => good(text),
                DraftStatus::Sent => plain(text, Weight::Detail),
                DraftStatus::Unsent => Some((text, Tone::Doubt, Weight::Step)),
                DraftStatus::NeedsConfirm => doubt(text),
                DraftStatus::Expired | DraftStatus::Failed => bad(text),
            }
        }
        _ => None,
    }
}

/// What a user is told of a draft.
pub(super) const fn told(status: DraftStatus) -> &'static str {
    match status {
        DraftStatus::Unsent => "is not sent yet",
        DraftStatus::Sent => "is sent",
        DraftStatus::Delivered => "is delivered",
        DraftStatus::Expired => "has expired",
        DraftStatus::Failed => "is given up",
        DraftStatus::NeedsConfirm => "waits for the new identity to be confirmed",
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are other functions' business")]
fn receiving(book: &Book<'_>, record: &Record) -> Said {
    let called = |mid: &Mid| book.called(mid);
    match &record.fact {
        Fact::Decrypt(it) => opening(book, it),
        Fact::Waiting { mid, why } => doubt(format!("{} waits: {why}", called(mid))),
        Fact::Commit { mid, .. } => good(format!("has {} in its inbox", called(mid))),
        Fact::Duplicate { mid } => plain(format!("has {} already", called(mid)), Weight::Detail),
        Fact::Reject { mid, why } => bad(format!(
            "does not accept {}: {why}",
            mid.as_ref().map_or_else(|| "a frame".to_owned(), called)
        )),
        Fact::Display { mid, text, late, missing, .. } => {
            let mut said = format!("shows {}: `{text}`", called(mid));
            if *late {
                said.push_str(", late");
            }
            if *missing > 0 {
                // Writing into a String cannot fail.
                let _ = write!(said, ", {missing} before it missing");
            }
            Some((said, Tone::Good, Weight::Must))
        }
        Fact::Processed { kind: Content::Request, .. } => None,
        Fact::Processed { mid, kind } => {
            good(format!("deals with {}, {}", called(mid), content(*kind)))
        }
        _ => None,
    }
}

fn opening(book: &Book<'_>, it: &Opening) -> Said {
    let (own, theirs, sender) = (it.own, it.theirs, &it.mid.sender);
    let name = book.called(&it.mid);
    match it.plain {
        Some(_) => plain(format!("opens {name} with own {own}, {sender} {theirs}"), Weight::Detail),
        None => bad(format!(
            "cannot open {name} with own {own}, {sender} {theirs}: the tag does not hold"
        )),
    }
}

/// What is inside, with its article.
pub(super) const fn content(kind: Content) -> &'static str {
    match kind {
        Content::Text => "a text",
        Content::Request => "a request",
        Content::Approval => "an approval",
        Content::Nack => "a complaint",
        Content::Declined => "a refusal",
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are other functions' business")]
fn approval(record: &Record) -> Said {
    match &record.fact {
        Fact::Prompt(it) => {
            let text = format!("asks for {}: `{}`", it.requester, it.lines.join(" / "));
            Some((text, Tone::Good, Weight::Key))
        }
        Fact::Armed { .. } => plain("buttons count from now on".to_owned(), Weight::Detail),
        Fact::Button { button, taken, .. } => {
            let button = match button {
                Button::Approve => "approve",
                Button::Reject => "reject",
            };
            if *taken {
                plain(format!("`{button}` is pressed"), Weight::Key)
            } else {
                doubt(format!("`{button}` is pressed and does not count"))
            }
        }
        Fact::Sign { purpose: SignPurpose::Approval, epoch, .. } => {
            plain(format!("signs the approval, own {epoch}"), Weight::Step)
        }
        Fact::Approved(it) => Some((
            format!("has the approval for {} in its log", it.requester),
            Tone::Good,
            Weight::Key,
        )),
        Fact::NotApproved { why, .. } => bad(format!("ends the request: {why}")),
        Fact::ApprovalSeen { from, valid: true, .. } => {
            let text = format!("has the approval of {from}: the signature holds");
            Some((text, Tone::Good, Weight::Must))
        }
        Fact::ApprovalSeen { from, valid: false, .. } => {
            bad(format!("has an approval of {from}: the signature does not hold"))
        }
        Fact::DeclineSeen { from, .. } => bad(format!("has the refusal of {from}")),
        _ => None,
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are other functions' business")]
fn server(book: &Book<'_>, record: &Record) -> Said {
    let called = |mid: &Mid| book.called(mid);
    match &record.fact {
        Fact::Recorded { user, epoch, revoke, .. } => {
            let how = if *revoke { ", all before it revoked" } else { "" };
            plain(format!("records {user}'s key {epoch}{how}"), Weight::Key)
        }
        Fact::Reset { user } => doubt(format!("the operator ends the identity of {user}")),
        Fact::Served { user, epochs, .. } => {
            plain(format!("answers with {}", keys_of(user.as_str(), epochs)), Weight::Detail)
        }
        Fact::Accept { mid, known: false, .. } => {
            good(format!("stores {} for {}", called(mid), mid.receiver))
        }
        Fact::Accept { mid, known: true, .. } => {
            plain(format!("has {} already", called(mid)), Weight::Detail)
        }
        Fact::Refuse { by, kind, code, .. } => bad(format!("refuses the {kind} of {by}: {code}")),
        Fact::Restored { mid, .. } => {
            let text = format!("{} is stored again: its delivery was not answered", called(mid));
            Some((text, Tone::Doubt, Weight::Step))
        }
        Fact::Acked { mid, .. } => {
            plain(format!("{} is acknowledged", called(mid)), Weight::Detail)
        }
        Fact::Nacked { mid, code, .. } => bad(format!("{} is refused: {code}", called(mid))),
        Fact::Expire { mid, .. } => {
            Some((format!("{} expires: its time is over", called(mid)), Tone::Bad, Weight::Must))
        }
        Fact::Bounce { mid, code, .. } => {
            let text = format!("{} goes back to {}: {code}", called(mid), mid.sender);
            Some((text, Tone::Bad, Weight::Must))
        }
        Fact::Report { mid, what, .. } => plain(
            format!("has a report for {}: {} {what}", mid.sender, called(mid)),
            Weight::Detail,
        ),
        Fact::Hint { to, user, forwarded: false, .. } => Some((
            format!("drops the hint that {user}'s key changed: {to} is not attached"),
            Tone::Doubt,
            Weight::Step,
        )),
        _ => None,
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are other functions' business")]
fn harness(record: &Record) -> Said {
    match &record.fact {
        Fact::Step { name, verb } if name.starts_with(verb.as_str()) => {
            plain(format!("step {name}"), Weight::Step)
        }
        Fact::Step { name, verb } => plain(format!("step {name} ({verb})"), Weight::Step),
        Fact::FaultStart { name, kind } => {
            let kind =
                if name.starts_with(kind.as_str()) { String::new() } else { format!(" ({kind})") };
            doubt(format!("fault {name}{kind} begins"))
        }
        Fact::FaultEnd { name } => plain(format!("fault {name} ends"), Weight::Step),
        Fact::Phase(Phase::Settle) => plain("faults are over".to_owned(), Weight::Detail),
        _ => None,
    }
}
