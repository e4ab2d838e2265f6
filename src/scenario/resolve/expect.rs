//! Expectations: what is written as checks for the oracles.
//!
//! Not here: how checks are judged (`oracle::expect`).

use crate::oracle::spec::{self, Check, NameId, NamedThing, Point, PointRef, Traffic};
use crate::scenario::ast::expect::{Expectation, Expected, RatioOf, Slo};
use crate::scenario::ast::fault::Direction;
use crate::scenario::ast::step::Verb;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::leaf::Name;
use crate::scenario::resolve::settings::check_share;
use crate::scenario::resolve::{Context, shows};
use crate::scenario::source::{Span, Spanned};

/// The checks of one expectation, none if it has errors.
pub fn expectation(written: &Expectation, cx: &mut Context<'_>) -> Vec<spec::Expectation> {
    let bounds = &written.bounds;
    let since = bounds.since.as_ref().map(|since| cx.names.moment(since, cx.sink));
    let until = bounds.until.as_ref().map(|until| cx.names.moment(until, cx.sink));
    let checks = checks(written, cx);
    if bounds.count.is_some() && is_value(&written.what) {
        cx.sink.nothing_to_count(written);
    }
    // A moment that is written and does not resolve leaves nothing that could be judged.
    if since == Some(None) || until == Some(None) {
        return Vec::new();
    }
    let count = bounds.count.as_ref().map_or(1..=u64::MAX, |count| count.value.0.clone());
    let one = |check| spec::Expectation {
        text: written.text.clone(),
        line: written.span.line,
        check,
        count: count.clone(),
        within: bounds.within.as_ref().map(|within| within.value),
        since: since.flatten(),
        until: until.flatten(),
        shows: Vec::new(),
    };
    let mut expectations: Vec<_> = checks.into_iter().map(one).collect();
    // Of several checks the last one asks for most.
    if let Some(last) = expectations.last_mut() {
        last.shows = shows::sides(bounds.shows.as_ref());
    }
    expectations
}

/// Does it speak of a value, which cannot be counted?
const fn is_value(what: &Expected) -> bool {
    matches!(
        what,
        Expected::Epoch(_)
            | Expected::State(_)
            | Expected::Slo(_)
            | Expected::Ratio(_)
            | Expected::Healed(_)
    )
}

fn checks(written: &Expectation, cx: &mut Context<'_>) -> Vec<Check> {
    let point = match &written.what {
        Expected::Sent(of) => Some((of, Point::Sent)),
        Expected::Encrypted(of) => Some((of, Point::Encrypted)),
        Expected::Submitted(of) => Some((of, Point::Submitted)),
        Expected::Stored(of) => Some((of, Point::Stored)),
        Expected::Accepted(of) => Some((of, Point::Accepted)),
        Expected::Forwarded(of) => Some((of, Point::Forwarded)),
        Expected::Committed(of) => Some((of, Point::Committed)),
        Expected::Acked(of) => Some((of, Point::Acked)),
        Expected::Reported(of) => Some((of, Point::Reported)),
        Expected::Expired(of) => Some((of, Point::Expired)),
        Expected::Bounced(of) => Some((of, Point::Bounced)),
        Expected::Failed(of) => Some((of, Point::Failed)),
        Expected::Displayed(_)
        | Expected::Reached(_)
        | Expected::Epoch(_)
        | Expected::Lookups(_)
        | Expected::Derivations(_)
        | Expected::Table(_)
        | Expected::Evicted(_)
        | Expected::Alarm(_)
        | Expected::Asked(_)
        | Expected::Prompted(_)
        | Expected::Approved(_)
        | Expected::Rejected(_)
        | Expected::Signed(_)
        | Expected::Notice(_)
        | Expected::Refused(_)
        | Expected::Dismissed(_)
        | Expected::Rotated(_)
        | Expected::Frames(_)
        | Expected::State(_)
        | Expected::Finding(_)
        | Expected::Slo(_)
        | Expected::Ratio(_)
        | Expected::Healed(_)
        | Expected::Lost(_) => None,
    };
    match point {
        Some((of, point)) => {
            message(&of.message, cx).map(|of| Check::Reaches { of, point }).into_iter().collect()
        }
        None => {
            if let Expected::Displayed(it) = &written.what {
                let Some(of) = message(&it.message, cx) else { return Vec::new() };
                let shown = Check::Reaches { of, point: Point::Displayed };
                let text = it.text.as_ref();
                let text = text.map(|text| Check::DisplayedText { of, text: text.value.clone() });
                std::iter::once(shown).chain(text).collect()
            } else {
                other(&written.what, cx).into_iter().collect()
            }
        }
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "points of messages are dealt with before")]
fn other(what: &Expected, cx: &mut Context<'_>) -> Option<Check> {
    let user = |by, cx: &mut Context<'_>| cx.user(by);
    Some(match what {
        Expected::Reached(it) => {
            let PointRef { name, point } =
                cx.names.point(&it.point.value, it.point.span, cx.sink)?;
            Check::Reaches { of: name, point }
        }
        Expected::Epoch(it) => Check::EpochOf {
            of: message(&it.message, cx)?,
            sender: it.sender.as_ref().map(|epoch| epoch.value),
            receiver: it.receiver.as_ref().map(|epoch| epoch.value),
        },
        Expected::Lookups(it) => Check::Lookups { by: user(&it.by, cx)?, of: about(it, cx)? },
        Expected::Derivations(it) => {
            Check::Derivations { by: user(&it.by, cx)?, of: about(it, cx)? }
        }
        Expected::Evicted(it) => Check::Evictions { by: user(&it.by, cx)?, of: about(it, cx)? },
        Expected::Asked(it) => Check::ConfirmAsked { by: user(&it.by, cx)?, of: about(it, cx)? },
        Expected::Table(it) => {
            let of = match &it.of {
                Some(of) => Some(cx.known(of)?),
                None => None,
            };
            Check::Selections { by: user(&it.by, cx)?, of, outcome: it.outcome.value }
        }
        Expected::Alarm(it) => {
            Check::Alarm { by: user(&it.by, cx)?, kind: it.kind.as_ref().map(|kind| kind.value) }
        }
        Expected::Prompted(it) => Check::Prompted { request: request(&it.request, cx)? },
        Expected::Approved(it) => {
            let valid = it
                .signature
                .as_ref()
                .map(|signature| signature.value == crate::scenario::ast::expect::Signature::Valid);
            let (request, press) = (request(&it.request, cx), press(it.press.as_ref(), cx));
            Check::Approved { request: request?, press: press?, valid }
        }
        Expected::Rejected(it) => {
            let (request, press) = (request(&it.request, cx), press(it.press.as_ref(), cx));
            Check::Rejected { request: request?, press: press? }
        }
        Expected::Signed(it) => Check::Signed { by: user(&it.by, cx)? },
        Expected::Notice(it) => {
            Check::Notice { of: message(&it.message, cx)?, status: it.status.value }
        }
        Expected::Refused(it) => Check::Refused {
            by: user(&it.by, cx)?,
            code: it.code.as_ref().map(|code| code.value.word().to_owned()),
        },
        Expected::Dismissed(it) => Check::RejectedMessage {
            by: user(&it.by, cx)?,
            why: it.why.as_ref().map(|why| why.value.name().to_owned()),
        },
        Expected::Rotated(it) => Check::Rotated { by: user(&it.by, cx)? },
        Expected::Frames(it) => Check::Frames {
            by: user(&it.by, cx)?,
            kind: it.kind.value.name().to_owned(),
            up: match it.direction.value {
                Direction::Up => true,
                Direction::Down => false,
                Direction::Both => {
                    cx.sink.one_way_only(it.direction.span);
                    return None;
                }
            },
        },
        Expected::State(it) => {
            Check::StateIs { by: user(&it.by, cx)?, state: it.is.value.name().to_owned() }
        }
        Expected::Finding(it) => Check::Finding {
            oracle: it.oracle.value.0.clone(),
            requirement: it.requirement.as_ref().map(|requirement| requirement.value),
        },
        Expected::Slo(it) => slo(it, cx)?,
        Expected::Ratio(it) => share(it, cx)?,
        Expected::Healed(it) => Check::Healed { fault: fault(&it.fault, cx)? },
        Expected::Lost(it) => Check::Lost { of: message(&it.message, cx)? },
        _ => return None,
    })
}

/// `Some(None)`: about anybody.
fn about(
    it: &crate::scenario::ast::expect::ByOf,
    cx: &mut Context<'_>,
) -> Option<Option<crate::base::id::UserId>> {
    match &it.of {
        Some(of) => cx.known(of).map(Some),
        None => Some(None),
    }
}

fn message(name: &Spanned<Name>, cx: &mut Context<'_>) -> Option<NameId> {
    cx.names.find_thing(name, "a message", has_messages, cx.sink)
}

/// A message, or several.
const fn has_messages(thing: &NamedThing) -> bool {
    match thing {
        NamedThing::Message { .. } | NamedThing::Request { .. } => true,
        NamedThing::Workload { of, .. } => !matches!(of, Traffic::Nothing),
        NamedThing::Rotation { .. }
        | NamedThing::Press { .. }
        | NamedThing::Step
        | NamedThing::Fence { .. } => false,
    }
}

fn request(name: &Spanned<Name>, cx: &mut Context<'_>) -> Option<NameId> {
    let fits = |thing: &NamedThing| {
        matches!(
            thing,
            NamedThing::Request { .. }
                | NamedThing::Workload { of: Traffic::Requests | Traffic::OwnData(_), .. }
        )
    };
    cx.names.find_thing(name, "a request", fits, cx.sink)
}

/// `Some(None)`: by any press.
fn press(name: Option<&Spanned<Name>>, cx: &mut Context<'_>) -> Option<Option<NameId>> {
    let Some(name) = name else { return Some(None) };
    let fits = |thing: &NamedThing| matches!(thing, NamedThing::Press { .. });
    cx.names.find_thing(name, "a press of a button", fits, cx.sink).map(Some)
}

fn fault(name: &Spanned<Name>, cx: &mut Context<'_>) -> Option<NameId> {
    let id = cx.names.find(&name.value.0, name.span, cx.sink)?;
    let lasting = cx.steps.get(id.0 as usize).is_some_and(|step| is_fault(&step.verb));
    if !lasting {
        cx.sink.no_fault(name);
        return None;
    }
    Some(id)
}

/// Does the verb begin something that ends?
#[must_use]
pub const fn is_fault(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Partition(_)
            | Verb::Clog(_)
            | Verb::Swizzle(_)
            | Verb::Loss(_)
            | Verb::Link(_)
            | Verb::Hold(_)
            | Verb::Crash(_)
            | Verb::DirectoryOffline(_)
            | Verb::MailboxFull(_)
            | Verb::StoreSlow(_)
            | Verb::StoreStall(_)
            | Verb::StoreFail(_)
            | Verb::ServerCrash(_)
    )
}

/// Requests whose time on the wire is measured under load.
pub const WIRE: [&str; 6] = ["connect", "attach", "submit", "lookup", "poll", "rotate"];

fn slo(it: &Slo, cx: &mut Context<'_>) -> Option<Check> {
    check_share(&it.quantile, cx.sink);
    check_share(&it.budget, cx.sink);
    let outside = match &it.outside {
        Some(name) => Some(fault(name, cx)?),
        None => None,
    };
    let metric = &it.metric;
    let known = metric.value.rsplit_once('.').is_some_and(|(name, what)| {
        let mut named = cx.names.list.iter().enumerate().filter(|(_, named)| named.name == name);
        match what {
            "delivery" => named.any(|(_, named)| has_messages(&named.what)),
            // Under load polls, rotations and connections are answered, too.
            "response" => named.any(|(_, named)| {
                has_messages(&named.what) || matches!(named.what, NamedThing::Workload { .. })
            }),
            "answer" => named.any(|(index, named)| asks(index, &named.what, cx)),
            _ => name == "heal" || (name == "wire" && WIRE.contains(&what)),
        }
    });
    if !known {
        let known = "`m1.delivery`, `m1.response`, `q1.answer` and `heal.partition`";
        cx.sink.unknown_metric(metric, known);
    }
    Some(Check::Slo {
        metric: metric.value.clone(),
        quantile: it.quantile.value,
        below: it.below.value,
        window: it.window.as_ref().map(|window| window.value),
        budget: it.budget.value,
        outside,
    })
}

/// Does it ask another user? Own data has no answer.
fn asks(index: usize, thing: &NamedThing, cx: &Context<'_>) -> bool {
    match thing {
        NamedThing::Request { .. } => {
            cx.steps.get(index).is_some_and(|step| matches!(step.verb, Verb::Request(_)))
        }
        NamedThing::Workload { of, .. } => matches!(of, Traffic::Requests),
        NamedThing::Message { .. }
        | NamedThing::Rotation { .. }
        | NamedThing::Press { .. }
        | NamedThing::Step
        | NamedThing::Fence { .. } => false,
    }
}

/// Metrics that are shares of a family.
const SHARES: [&str; 2] = ["table.hit", "table.miss"];

fn share(it: &RatioOf, cx: &mut Context<'_>) -> Option<Check> {
    if it.above.is_none() && it.below.is_none() {
        cx.sink.no_bound(it.metric.span);
        return None;
    }
    if !SHARES.contains(&it.metric.value.as_str()) {
        cx.sink.unknown_metric(&it.metric, "`table.hit` and `table.miss`");
    }
    Some(Check::Share {
        metric: it.metric.value.clone(),
        above: it.above.as_ref().map(|above| above.value),
        below: it.below.as_ref().map(|below| below.value),
    })
}

impl Diagnostics {
    fn nothing_to_count(&mut self, written: &Expectation) {
        let span = written.bounds.count.as_ref().map_or(written.span, |count| count.span);
        let message =
            format!("`{}` is about a value: there is nothing to count", written.what.key());
        self.add(Diagnostic::new(Code::Contradiction, span, message));
    }

    fn one_way_only(&mut self, span: Span) {
        let message = "frames are counted one way: `up` or `down`";
        self.add(Diagnostic::new(Code::Contradiction, span, message));
    }

    fn no_fault(&mut self, name: &Spanned<Name>) {
        let message = format!("`{}` is not a fault that ends", name.value.0);
        self.add(Diagnostic::new(Code::WrongThing, name.span, message));
    }

    fn no_bound(&mut self, span: Span) {
        let message = "a `ratio` needs `above` or `below`";
        self.add(Diagnostic::new(Code::MissingKey, span, message));
    }

    fn unknown_metric(&mut self, metric: &Spanned<String>, known: &str) {
        let (name, _) = metric.value.split_once('.').unwrap_or((&metric.value, ""));
        if self.is_broken(name) {
            return;
        }
        self.add(
            Diagnostic::new(Code::UnknownName, metric.span, format!("nothing measures `{metric}`"))
                .help(format!("there are metrics such as {known}")),
        );
    }
}
