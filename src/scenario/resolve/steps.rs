//! Steps: when they act, and verbs of users and nodes as actions.
//!
//! Not here: verbs about links, frames and the adversary (`trouble`).

use crate::base::id::DraftId;
use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::oracle::spec::{self, NameId, NamedThing};
use crate::proto::config::TEXT_MAX;
use crate::scenario::address::Moment;
use crate::scenario::ast::action::{Compose, KeySource, Request, Send};
use crate::scenario::ast::fault::{Clock, Crash, ServerCrash};
use crate::scenario::ast::step::{Step, Verb};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::leaf::{At, BARRIERS, BARRIERS_OF_DEVICES};
use crate::scenario::plan::{
    self, Action, BadDownload, CrashAt, ProvisionPlan, RequestPlan, Until, When,
};
use crate::scenario::resolve::Context;
use crate::scenario::resolve::names::transaction;
use crate::scenario::resolve::people::NOBODY;
use crate::scenario::resolve::stores;
use crate::scenario::resolve::trouble;
use crate::scenario::source::{Span, Spanned};

/// Most octets that a step may ask to be sent: four times what a message holds, to be refused.
const SIZE_MAX: u64 = 4 * TEXT_MAX as u64;

/// The step with this index.
pub fn step(written: &Step, index: usize, cx: &mut Context<'_>) -> Option<plan::Step> {
    let name = NameId(u32::try_from(index).ok()?);
    let when = when(written, index, cx);
    let action = action(written, name, cx);
    if (when.is_none() || action.is_none()) && !cx.sink.has_errors() {
        cx.sink.cannot_act(written);
    }
    Some(plan::Step { name, verb: written.verb.key(), when: when?, action: action? })
}

fn when(written: &Step, index: usize, cx: &mut Context<'_>) -> Option<When> {
    let anchor = &written.anchor;
    let delay = anchor.delay.as_ref().map_or(Duration::ZERO, |delay| delay.value);
    let at = match &anchor.at {
        Some(Spanned { value: At::Time(time), span }) => Some((*time, *span)),
        Some(Spanned { value: At::Barrier(_) | At::Seen(_), .. }) | None => None,
    };
    if let Some((time, span)) = at {
        let other = anchor.after.as_ref().map(|after| ("after", after.span));
        let other = other.or_else(|| anchor.delay.as_ref().map(|delay| ("delay", delay.span)));
        if let Some((key, other)) = other {
            cx.sink.two_times(key, other, span);
        }
        if time >= cx.active {
            cx.sink.after_the_end(time, span, cx.active);
        }
        return Some(When::At(time));
    }
    if let Some(after) = &anchor.after {
        return cx.names.point(&after.value, after.span, cx.sink).map(|p| When::After(p, delay));
    }
    Some(if index == 0 { When::At(delay) } else { When::Follow(delay) })
}

/// The end of something that lasts.
pub fn until(
    lasting: Option<&Spanned<Duration>>,
    until: Option<&Spanned<Moment>>,
    cx: &mut Context<'_>,
) -> Option<Until> {
    if let Some(lasting) = lasting {
        return Some(Until::For(lasting.value));
    }
    let Some(until) = until else { return Some(Until::Heal) };
    Some(match cx.names.moment(until, cx.sink)? {
        spec::Moment::At(time) => Until::At(time),
        spec::Moment::Point(point, delay) => Until::Point(point, delay),
    })
}

#[allow(clippy::too_many_lines, reason = "one arm for each verb of users and nodes")]
fn action(written: &Step, name: NameId, cx: &mut Context<'_>) -> Option<Action> {
    let point = written.anchor.at.as_ref().and_then(|at| {
        let point = match at.value {
            At::Barrier(barrier) => CrashAt::Barrier(barrier),
            At::Seen(number) => CrashAt::Seen(number),
            At::Time(_) => return None,
        };
        Some(Spanned::new(point, at.span))
    });
    if let (Some(point), false) =
        (&point, matches!(written.verb, Verb::Crash(_) | Verb::ServerCrash(_)))
    {
        cx.sink.barrier_without_crash(point.span);
    }
    Some(match &written.verb {
        Verb::Send(send) => text_message(send, name, cx)?,
        Verb::Request(asked) => request(asked, name, cx)?,
        Verb::Compose(own) => compose(own, name, cx)?,
        Verb::Press(press) => Action::Press {
            by: cx.user(&press.by)?,
            button: press.button.value,
            scroll: press.scroll.value,
        },
        Verb::Confirm(confirm) => Action::Confirm {
            by: cx.user(&confirm.by)?,
            peer: cx.known(&confirm.of)?,
            accept: confirm.accept.value,
        },
        Verb::Rotate(rotate) => {
            Action::Rotate { by: cx.user(&rotate.by)?, revoke: rotate.revoke.value }
        }
        Verb::Poll(poll) => Action::Poll { by: cx.user(&poll.by)? },
        Verb::Provision(provision) => {
            Action::Provision { by: cx.user(&provision.by)?, how: key_source(provision.keys.value) }
        }
        Verb::Register(register) => Action::Register { by: cx.user(&register.by)? },
        Verb::Wipe(wipe) => Action::Wipe { by: cx.user(&wipe.by)? },
        Verb::Crash(it) => crash(it, point.as_ref(), cx)?,
        Verb::Restart(restart) => Action::Restart { by: cx.user(&restart.device)? },
        Verb::Snapshot(snapshot) => Action::Snapshot { by: cx.user(&snapshot.device)? },
        Verb::Restore(restore) => {
            let steps = cx.steps;
            let is_snapshot = |id: NameId| {
                let step = steps.get(id.0 as usize);
                step.is_some_and(|step| matches!(step.verb, Verb::Snapshot(_)))
            };
            let name = &restore.snapshot;
            let snapshot = cx.names.find(&name.value.0, name.span, cx.sink);
            if snapshot.is_some_and(|id| !is_snapshot(id)) {
                cx.sink.no_snapshot(name.span);
            }
            Action::Restore {
                by: cx.user(&restore.device)?,
                snapshot: snapshot?,
                rng: restore.rng.value,
            }
        }
        Verb::Clock(clock) => set_clock(clock, written.span, cx)?,
        Verb::DirectoryOffline(it) => {
            Action::DirectoryOffline { until: until(it.lasting.as_ref(), it.until.as_ref(), cx)? }
        }
        Verb::MailboxFull(it) => Action::MailboxLimit {
            user: cx.user(&it.of)?,
            messages: usize::try_from(it.messages.value).unwrap_or(usize::MAX),
            until: until(it.lasting.as_ref(), it.until.as_ref(), cx)?,
        },
        Verb::ServerCrash(it) => server_crash(it, point.as_ref(), written.span, cx)?,
        Verb::StoreSlow(_) | Verb::StoreStall(_) | Verb::StoreFail(_) => {
            stores::action(&written.verb, cx)?
        }
        Verb::ResetUser(reset) => Action::ResetUser { user: cx.user(&reset.of)? },
        Verb::Fence(fence) => Action::Fence { by: cx.user(&fence.by)? },
        Verb::Partition(_)
        | Verb::Clog(_)
        | Verb::Swizzle(_)
        | Verb::Loss(_)
        | Verb::Link(_)
        | Verb::Online(_)
        | Verb::Drop(_)
        | Verb::Hold(_)
        | Verb::Duplicate(_)
        | Verb::Delay(_)
        | Verb::Corrupt(_)
        | Verb::Replay(_)
        | Verb::Reflect(_)
        | Verb::Flip(_)
        | Verb::ForgeKeyReply(_)
        | Verb::ForgeNotice(_)
        | Verb::SwapReplies(_)
        | Verb::ServeOld(_)
        | Verb::Reregister(_)
        | Verb::Inject(_)
        | Verb::Spray(_) => trouble::action(&written.verb, cx)?,
    })
}

fn draft_of(name: NameId, cx: &Context<'_>) -> Option<DraftId> {
    match cx.names.thing(name) {
        NamedThing::Message { draft, .. } | NamedThing::Request { draft, .. } => Some(*draft),
        NamedThing::Rotation { .. }
        | NamedThing::Press { .. }
        | NamedThing::Step
        | NamedThing::Fence { .. }
        | NamedThing::Workload { .. } => None,
    }
}

fn text_message(send: &Send, name: NameId, cx: &mut Context<'_>) -> Option<Action> {
    let text = match (&send.text, &send.size) {
        (Some(text), _) => text.value.clone(),
        (None, Some(size)) if size.value.0 > SIZE_MAX => {
            let place = Spanned::new(format!("{}B", size.value.0), size.span);
            cx.sink.out_of_limits(&place, &format!("expected at most {SIZE_MAX}B"));
            return None;
        }
        (None, Some(size)) => filler(usize::try_from(size.value.0).ok()?),
        (None, None) => cx.names.list[name.0 as usize].name.clone(),
    };
    let (by, to) = (cx.user(&send.from), cx.known(&send.to));
    Some(Action::Send { by: by?, to: to?, text, draft: draft_of(name, cx)? })
}

/// Text of a size, without a pattern that a table could be confused by.
fn filler(octets: usize) -> String {
    ('a'..='z').cycle().take(octets).collect()
}

fn request(asked: &Request, name: NameId, cx: &mut Context<'_>) -> Option<Action> {
    let form = RequestPlan {
        lines: asked.lines.value.iter().map(|line| line.value.clone()).collect(),
        amount: asked.amount.as_ref().map(|amount| amount.value),
        currency: asked.currency.as_ref().map(|currency| currency.value.clone()),
        payee: asked.payee.as_ref().map(|payee| payee.value.clone()),
        expires: asked.expires.value,
    };
    let (by, to) = (cx.user(&asked.from), cx.known(&asked.to));
    let (by, to, draft) = (by?, to?, draft_of(name, cx)?);
    let is_request = |thing: &NamedThing| matches!(thing, NamedThing::Request { .. });
    if let Some(other) = &asked.txn {
        cx.names.find_thing(other, "a request", is_request, cx.sink)?;
    }
    let NamedThing::Request { txn, .. } = cx.names.thing(name) else { return None };
    Some(Action::Request { by, to, draft, txn: *txn, form })
}

fn compose(own: &Compose, name: NameId, cx: &mut Context<'_>) -> Option<Action> {
    let lines: Vec<String> = own.lines.value.iter().map(|line| line.value.clone()).collect();
    let (by, to) = (cx.user(&own.from), cx.known(&own.to));
    let (by, to, draft) = (by?, to?, draft_of(name, cx)?);
    if !own.approve.value {
        return Some(Action::Send { by, to, text: lines.join("\n"), draft });
    }
    let form = RequestPlan {
        lines,
        amount: own.amount.as_ref().map(|amount| amount.value),
        currency: own.currency.as_ref().map(|currency| currency.value.clone()),
        payee: own.payee.as_ref().map(|payee| payee.value.clone()),
        expires: own.expires.value,
    };
    Some(Action::Approve { by, to, draft, txn: transaction(cx.seed, draft), form })
}

const fn key_source(keys: KeySource) -> ProvisionPlan {
    match keys {
        KeySource::Generate => ProvisionPlan::Generate,
        KeySource::Download => ProvisionPlan::Download,
        KeySource::ShortSecret => ProvisionPlan::Bad(BadDownload::ShortSecret),
        KeySource::ZeroSecret => ProvisionPlan::Bad(BadDownload::ZeroSecret),
        KeySource::OrderSecret => ProvisionPlan::Bad(BadDownload::OrderSecret),
        KeySource::WrongPublic => ProvisionPlan::Bad(BadDownload::WrongPublic),
        KeySource::OffCurve => ProvisionPlan::Bad(BadDownload::OffCurve),
        KeySource::SamePair => ProvisionPlan::Bad(BadDownload::SamePair),
    }
}

fn crash(crash: &Crash, at: Option<&Spanned<CrashAt>>, cx: &mut Context<'_>) -> Option<Action> {
    let of_device = |at: &CrashAt| match at {
        CrashAt::Seen(_) => true,
        CrashAt::Barrier(barrier) => {
            BARRIERS[..BARRIERS_OF_DEVICES].iter().any(|(_, known)| known == barrier)
        }
    };
    if let Some(at) = at.filter(|at| !of_device(&at.value)) {
        cx.sink.foreign_barrier(at.span, "this is a barrier of the server", "server-crash");
    }
    let down = until(crash.lasting.as_ref(), crash.until.as_ref(), cx);
    Some(Action::Crash { by: cx.user(&crash.device)?, at: at.map(|at| at.value), down: down? })
}

fn server_crash(
    crash: &ServerCrash,
    at: Option<&Spanned<CrashAt>>,
    span: Span,
    cx: &mut Context<'_>,
) -> Option<Action> {
    let barrier_of_server = |at: CrashAt| match at {
        CrashAt::Seen(_) => None,
        CrashAt::Barrier(barrier) => {
            BARRIERS[BARRIERS_OF_DEVICES..].iter().any(|(_, it)| *it == barrier).then_some(barrier)
        }
    };
    let down = until(crash.lasting.as_ref(), crash.until.as_ref(), cx)?;
    let at = match (at, &crash.of) {
        (None, None) => None,
        (None, Some(of)) => {
            cx.sink.half_a_barrier(of.span, "a part of the server stops at a barrier only");
            return None;
        }
        (Some(_), None) => {
            cx.sink.half_a_barrier(span, "at a barrier one account stops: `of` says whose");
            return None;
        }
        (Some(at), Some(of)) => {
            let barrier = barrier_of_server(at.value);
            if barrier.is_none() {
                cx.sink.foreign_barrier(at.span, "this is a barrier of a device", "crash");
            }
            Some((cx.user(of)?, barrier?))
        }
    };
    Some(Action::ServerCrash { at, down })
}

fn set_clock(clock: &Clock, span: Span, cx: &mut Context<'_>) -> Option<Action> {
    if clock.step.is_none() && clock.drift.is_none() {
        cx.sink.half_a_barrier(span, "`clock` needs a `step` or a `drift`");
    }
    Some(Action::Clock {
        by: cx.user(&clock.device)?,
        step_ms: clock.step.as_ref().map_or(0, |step| step.value.0),
        drift_ppm: clock.drift.as_ref().map_or(0, |drift| drift.value.0),
    })
}

/// Users that are spoken of, not acted at.
impl Context<'_> {
    /// The index of a user.
    pub fn user(&mut self, name: &Spanned<UserId>) -> Option<u32> {
        self.people.user(name, self.sink)
    }

    /// The name of a user who exists, or `nobody`.
    pub fn known(&mut self, name: &Spanned<UserId>) -> Option<UserId> {
        if name.value.as_str() == NOBODY {
            return Some(name.value.clone());
        }
        self.user(name).map(|_| name.value.clone())
    }
}

impl Diagnostics {
    fn cannot_act(&mut self, step: &Step) {
        let message = format!("this `{}` has nobody to act on", step.verb.key());
        self.add(Diagnostic::new(Code::WrongThing, step.span, message));
    }

    fn two_times(&mut self, key: &str, span: Span, at: Span) {
        let message = format!("`at` and `{key}` exclude each other");
        self.add(Diagnostic::new(Code::Contradiction, span, message).related(at, "the time"));
    }

    fn after_the_end(&mut self, time: Duration, span: Span, active: Duration) {
        let message = format!("at {time} the active phase is over");
        self.add(
            Diagnostic::new(Code::AfterTheEnd, span, message)
                .help(format!("`time: {{active: ..}}` is {active}; steps act before its end")),
        );
    }

    fn barrier_without_crash(&mut self, span: Span) {
        let message = "only a crash has a barrier for a time";
        self.add(Diagnostic::new(Code::Contradiction, span, message));
    }

    fn foreign_barrier(&mut self, span: Span, message: &str, verb: &str) {
        self.add(
            Diagnostic::new(Code::WrongThing, span, message).help(format!("use `{verb}` for it")),
        );
    }

    fn half_a_barrier(&mut self, span: Span, message: &str) {
        self.add(Diagnostic::new(Code::Contradiction, span, message));
    }

    fn no_snapshot(&mut self, span: Span) {
        let message = "this is no `snapshot` step";
        self.add(Diagnostic::new(Code::WrongThing, span, message));
    }
}
