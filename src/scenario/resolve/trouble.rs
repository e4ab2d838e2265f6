//! Trouble: verbs about links, frames and the adversary as actions.
//!
//! Not here: what they do to frames (`network`, `sim`).

use crate::base::id::UserId;
use crate::base::units::Ratio;
use crate::oracle::spec::NamedThing;
use crate::scenario::address::{FrameAt, Owner, owner_of};
use crate::scenario::ast::adversary::{FlipPart, ForgeKeyReply, ForgeryOf, Inject};
use crate::scenario::ast::fault::{Direction, LinkSet, Partition};
use crate::scenario::ast::step::Verb;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::plan::{
    Action, AdversaryAct, FlipField, Forgery, FrameAct, FrameAddress, FrameOf, LinkChange,
    SignatureForm,
};
use crate::scenario::resolve::Context;
use crate::scenario::resolve::draws::Draws;
use crate::scenario::resolve::links::make_loss;
use crate::scenario::resolve::settings::check_share;
use crate::scenario::resolve::steps::until;
use crate::scenario::source::{Span, Spanned};
use crate::trace::fact::FrameKind;

/// Most times that a frame is duplicated, and most frames of a spray.
const TIMES_MAX: u64 = 10_000;

/// Most octets of a literal point: an uncompressed one of P-521, the longest that anybody confuses with ours.
const POINT_MAX: usize = 133;

/// The action of a verb about links, frames or the adversary.
pub fn action(verb: &Verb, cx: &mut Context<'_>) -> Option<Action> {
    if let Some(action) = of_links(verb, cx) {
        return action;
    }
    if let Some(action) = of_frames(verb, cx) {
        return action;
    }
    adversary(verb, cx)
}

/// `None`: the verb is not about links.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other verbs are told apart by the caller")]
fn of_links(verb: &Verb, cx: &mut Context<'_>) -> Option<Option<Action>> {
    let (users, direction, change, lasting, end) = match verb {
        Verb::Partition(it) => {
            let users = sides(it, cx);
            (users, it.direction.value, LinkChange::Partition, &it.lasting, &it.until)
        }
        Verb::Clog(it) => {
            let users = cx.people.indexes(&it.links, cx.sink);
            (users, it.direction.value, LinkChange::Clog, &it.lasting, &it.until)
        }
        Verb::Loss(it) => {
            let users = cx.people.indexes(&it.links, cx.sink);
            let draws = Draws::named(cx.seed, "loss");
            let loss = make_loss(&it.rate, u64::from(it.rate.span.byte_offset), &draws, cx.sink);
            (users, it.direction.value, LinkChange::Loss(loss), &it.lasting, &it.until)
        }
        Verb::Link(it) => {
            let users = cx.people.indexes(&it.links, cx.sink);
            let change = link_change(it, cx.sink)?;
            (users, it.direction.value, change, &it.lasting, &it.until)
        }
        Verb::Online(it) => {
            let users = cx.people.indexes(&it.links, cx.sink);
            (users, Direction::Both, LinkChange::Online, &None, &None)
        }
        Verb::Swizzle(it) => {
            let users = cx.people.indexes(&it.links, cx.sink);
            let end = until(it.lasting.as_ref(), it.until.as_ref(), cx);
            return Some(end.map(|until| Action::Swizzle { users, every: it.every.value, until }));
        }
        _ => return None,
    };
    let (up, down) = match direction {
        Direction::Both => (true, true),
        Direction::Up => (true, false),
        Direction::Down => (false, true),
    };
    let end = until(lasting.as_ref(), end.as_ref(), cx);
    Some(end.map(|until| Action::Links { users, up, down, change, until }))
}

/// The devices of a partition; the other side is the server.
fn sides(partition: &Partition, cx: &mut Context<'_>) -> Vec<u32> {
    let sides = &partition.between;
    let is_server = |name: &Spanned<UserId>| name.value.as_str() == "server";
    let servers = sides.value.iter().filter(|side| side.0.iter().all(is_server)).count();
    if sides.value.len() != 2 || servers != 1 {
        cx.sink.partition_without_server(sides.span);
        return Vec::new();
    }
    let devices = sides.value.iter().filter(|side| !side.0.iter().all(is_server));
    devices.flat_map(|side| cx.people.indexes(side, cx.sink)).collect()
}

fn link_change(it: &LinkSet, sink: &mut Diagnostics) -> Option<LinkChange> {
    let share = |share: &Spanned<Ratio>, sink: &mut Diagnostics| {
        check_share(share, sink);
        share.value
    };
    match (&it.extra, &it.corrupt, &it.duplicate) {
        (Some(extra), _, _) => Some(LinkChange::Delay(extra.value)),
        (None, Some(corrupt), _) => Some(LinkChange::Corrupt(share(corrupt, sink))),
        (None, None, Some(twice)) => Some(LinkChange::Duplicate(share(twice, sink))),
        // Reported when the step was read.
        (None, None, None) => None,
    }
}

/// `None`: the verb is not about frames.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other verbs are told apart by the caller")]
fn of_frames(verb: &Verb, cx: &mut Context<'_>) -> Option<Option<Action>> {
    let (frame, act) = match verb {
        Verb::Drop(it) => (&it.frame, Some(FrameAct::Drop)),
        Verb::Hold(it) => {
            let end = until(it.lasting.as_ref(), it.until.as_ref(), cx);
            (&it.frame, end.map(FrameAct::Hold))
        }
        Verb::Duplicate(it) => (&it.frame, times(&it.times, cx.sink).map(FrameAct::Duplicate)),
        Verb::Delay(it) => (&it.frame, Some(FrameAct::Delay(it.lasting.value))),
        Verb::Corrupt(it) => {
            let bit = it.bit.as_ref().map(|bit| u32::try_from(bit.value).unwrap_or(u32::MAX));
            (&it.frame, Some(FrameAct::Corrupt(bit)))
        }
        _ => return None,
    };
    let address = address(frame, cx);
    Some(address.zip(act).map(|(address, act)| Action::Frames { address, act }))
}

fn times(number: &Spanned<u64>, sink: &mut Diagnostics) -> Option<u32> {
    if number.value == 0 || number.value > TIMES_MAX {
        sink.out_of_limits(number, &format!("expected 1 to {TIMES_MAX}"));
        return None;
    }
    u32::try_from(number.value).ok()
}

/// The address of frames; what it names has to exist and to have such frames.
fn address(frame: &Spanned<FrameAt>, cx: &mut Context<'_>) -> Option<FrameAddress> {
    let FrameAt { owner, kind, about, copy } = &frame.value;
    let span = frame.span;
    let about = match about {
        Some(about) => Some(cx.known(&Spanned::new(about.clone(), span))?),
        None => None,
    };
    let what = match owner_of(*kind).0 {
        Owner::Device => {
            let Ok(owner) = UserId::new(owner) else {
                cx.sink.no_such_frames(owner, *kind, span, "a device");
                return None;
            };
            let by = cx.user(&Spanned::new(owner, span))?;
            FrameOf::Device { by, kind: *kind, about }
        }
        of @ (Owner::Message | Owner::Rotation) => {
            let name = cx.names.find(owner, span, cx.sink)?;
            let fits = match cx.names.thing(name) {
                NamedThing::Message { .. } | NamedThing::Request { .. } => of == Owner::Message,
                NamedThing::Rotation { .. } => of == Owner::Rotation,
                NamedThing::Press { .. }
                | NamedThing::Step
                | NamedThing::Fence { .. }
                | NamedThing::Workload { .. } => false,
            };
            if !fits {
                let wanted = if of == Owner::Message { "a message" } else { "a rotation" };
                cx.sink.no_such_frames(owner, *kind, span, wanted);
                return None;
            }
            let watcher = match about {
                Some(about) => Some(cx.user(&Spanned::new(about, span))?),
                None => None,
            };
            FrameOf::Named { name, kind: *kind, watcher }
        }
    };
    Some(FrameAddress { what, copy: *copy })
}

/// On whose link an addressed frame passes.
fn link_of(address: &FrameAddress, cx: &Context<'_>) -> Option<u32> {
    match &address.what {
        FrameOf::Device { by, .. } => Some(*by),
        FrameOf::Named { watcher: Some(watcher), .. } => Some(*watcher),
        FrameOf::Named { name, kind, watcher: None } => match cx.names.thing(*name) {
            NamedThing::Message { by, to, .. } | NamedThing::Request { by, to, .. } => {
                let at_receiver = matches!(
                    kind,
                    FrameKind::Deliver | FrameKind::DeliverAck | FrameKind::DeliverNack
                );
                if at_receiver { cx.people.by_name.get(to).copied() } else { Some(*by) }
            }
            NamedThing::Rotation { by } | NamedThing::Press { by } | NamedThing::Fence { by } => {
                Some(*by)
            }
            NamedThing::Step | NamedThing::Workload { .. } => None,
        },
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other verbs are told apart by the caller")]
fn adversary(verb: &Verb, cx: &mut Context<'_>) -> Option<Action> {
    let (at, act) = match verb {
        Verb::Replay(it) => {
            let address = address(&it.frame, cx)?;
            (link_of(&address, cx)?, AdversaryAct::Replay(address))
        }
        Verb::Flip(it) => {
            if !matches!(it.frame.value.kind, FrameKind::Submit | FrameKind::Deliver) {
                cx.sink.nothing_sealed(it.frame.span, it.frame.value.kind);
            }
            let address = address(&it.frame, cx)?;
            (link_of(&address, cx)?, AdversaryAct::FlipEach(address, flip_part(it.part.value)))
        }
        Verb::Reflect(it) => {
            let is_message = |thing: &NamedThing| matches!(thing, NamedThing::Message { .. });
            let name = cx.names.find_thing(&it.message, "a message", is_message, cx.sink)?;
            let NamedThing::Message { by, .. } = cx.names.thing(name) else { return None };
            (*by, AdversaryAct::Reflect(name))
        }
        Verb::ForgeKeyReply(it) => {
            let (at, about) = (cx.user(&it.to), cx.known(&it.of));
            let how = forgery(it, cx.sink);
            (at?, AdversaryAct::ForgeKeyReply { about: about?, how: how? })
        }
        Verb::ForgeNotice(it) => {
            let (at, about) = (cx.user(&it.to), cx.known(&it.of));
            (at?, AdversaryAct::ForgeNotice { about: about?, epoch: it.epoch.value })
        }
        Verb::SwapReplies(it) => {
            let at = cx.user(&it.to);
            let [first, second] = it.of.value.as_slice() else {
                cx.sink.not_two(it.of.span);
                return None;
            };
            let (first, second) = (cx.known(first), cx.known(second));
            (at?, AdversaryAct::SwapReplies { first: first?, second: second? })
        }
        Verb::ServeOld(it) => {
            let (at, about) = (cx.user(&it.to), cx.known(&it.of));
            (at?, AdversaryAct::ServeOld { about: about?, epoch: it.epoch.value })
        }
        Verb::Reregister(it) => {
            let (at, name) = (cx.user(&it.from), cx.known(&it.of));
            (at?, AdversaryAct::Reregister { name: name? })
        }
        Verb::Inject(it) => inject(it, cx)?,
        Verb::Spray(it) => {
            let (at, count) = (cx.user(&it.to), times(&it.count, cx.sink));
            (at?, AdversaryAct::Spray { count: count?, epochs: it.epochs.value })
        }
        _ => return None,
    };
    Some(Action::Adversary { at, act })
}

fn inject(it: &Inject, cx: &mut Context<'_>) -> Option<(u32, AdversaryAct)> {
    let octets = it.octets.value.0.clone();
    let at = it.to.as_ref().or(it.from.as_ref())?;
    Some((cx.user(at)?, AdversaryAct::Inject { octets, to_device: it.to.is_some() }))
}

const fn flip_part(part: FlipPart) -> FlipField {
    match part {
        FlipPart::Header => FlipField::Header,
        FlipPart::Ciphertext => FlipField::Ciphertext,
        FlipPart::Tag => FlipField::Tag,
        FlipPart::ShortTag => FlipField::ShortTag,
    }
}

fn forgery(it: &ForgeKeyReply, sink: &mut Diagnostics) -> Option<Forgery> {
    if let Some(point) = &it.point {
        let octets = &point.value.0;
        if octets.len() > POINT_MAX {
            let message = format!("the point has {} octets", octets.len());
            let expected = format!("expected at most {POINT_MAX}");
            sink.add(Diagnostic::new(Code::OutOfLimits, point.span, message).label(expected));
        }
        return Some(Forgery::Point(octets.clone()));
    }
    // That neither is there is reported when the step was read.
    Some(match it.how.as_ref()?.value {
        ForgeryOf::Unchained => Forgery::Unchained,
        ForgeryOf::OffCurve => Forgery::OffCurve,
        ForgeryOf::OtherEncoding => Forgery::OtherEncoding,
        ForgeryOf::Identity => Forgery::Identity,
        ForgeryOf::BadSignature => Forgery::BadSignature,
        ForgeryOf::OtherUser => Forgery::OtherUser,
        ForgeryOf::OtherRequest => Forgery::OtherRequest,
        ForgeryOf::HighS => Forgery::Signature(SignatureForm::HighS),
        ForgeryOf::ZeroSignature => Forgery::Signature(SignatureForm::Zero),
        ForgeryOf::OrderSignature => Forgery::Signature(SignatureForm::Order),
        ForgeryOf::DerSignature => Forgery::Signature(SignatureForm::Der),
        ForgeryOf::ShortSignature => Forgery::Signature(SignatureForm::Short),
        ForgeryOf::LongSignature => Forgery::Signature(SignatureForm::Long),
    })
}

impl Diagnostics {
    fn partition_without_server(&mut self, span: Span) {
        let message = "a partition has two sides, and one of them is `server`";
        self.add(
            Diagnostic::new(Code::Contradiction, span, message)
                .help("devices reach each other through the server only: cut both of them off"),
        );
    }

    fn no_such_frames(&mut self, owner: &str, kind: FrameKind, span: Span, wanted: &str) {
        let message = format!("`{owner}` has no frame `{}`: it is not {wanted}", kind.name());
        self.add(Diagnostic::new(Code::WrongThing, span, message));
    }

    fn nothing_sealed(&mut self, span: Span, kind: FrameKind) {
        let message = format!("a frame `{}` has no header, ciphertext or tag", kind.name());
        self.add(Diagnostic::new(Code::WrongThing, span, message).help(
            "octets are flipped in `submit` and `deliver`; `corrupt` flips a bit of any frame",
        ));
    }

    fn not_two(&mut self, span: Span) {
        self.add(Diagnostic::new(Code::OutOfLimits, span, "expected two users"));
    }
}
