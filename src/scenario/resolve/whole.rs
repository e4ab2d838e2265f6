//! What a scenario says about the whole run: times, prelude, deviations, claims, circumstances.
//!
//! Not here: single devices (`equipment`) or steps (`steps`).

use std::collections::BTreeMap;

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::network::config::LinkConfig;
use crate::network::latency::MIN_LEAST;
use crate::oracle::spec::Circumstances;
use crate::proto::deviation::Deviations;
use crate::scenario::ast::device::StartAs;
use crate::scenario::ast::expect::Expected;
use crate::scenario::ast::load::Tables;
use crate::scenario::ast::scenario::{self, GivenMap, Scenario, SuiteWord, Time};
use crate::scenario::ast::step::Verb;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::fields::Read as _;
use crate::scenario::leaf::OracleId;
use crate::scenario::plan::{
    Action, Given, LoadPlan, Profile, Step, StoreTrouble, SuiteName, Until,
};
use crate::scenario::resolve::people::People;
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::{Node, NodeKind};
use crate::verdict::requirement::{Polarity, Requirement};

/// Highest epoch that the prelude rotates to: each is a record in a chain.
const EPOCH_MAX: u64 = 10_000;

/// Most operations of one device that may wait: so many drafts does a device hold at once.
const FLIGHT_MAX: u64 = 1_024;

/// The times of a run, with the defaults of the language.
pub fn times(written: Option<&Time>) -> Time {
    written.cloned().unwrap_or_else(|| {
        let nothing = Node { span: Span::NOWHERE, kind: NodeKind::Map(Vec::new()) };
        Time::read(&nothing, &mut Diagnostics::default()).expect("all keys have defaults")
    })
}

/// The suite of a run.
#[must_use]
pub const fn suite(scenario: &Scenario) -> SuiteName {
    match scenario.suite.value {
        SuiteWord::P256 => SuiteName::P256,
        SuiteWord::Model => SuiteName::Model,
    }
}

/// Latency between accounts, and time of a durable write.
pub fn delays(scenario: &Scenario, sink: &mut Diagnostics) -> (Duration, Duration) {
    let Some(server) = &scenario.server else {
        return (Duration::from_millis(10), Duration::from_millis(1));
    };
    if server.internal.value < MIN_LEAST {
        sink.out_of_limits(&server.internal, "expected at least 1us");
    }
    (server.internal.value, server.store.value)
}

/// What only a real server sees.
pub fn load(scenario: &Scenario, sink: &mut Diagnostics) -> LoadPlan {
    let Some(load) = &scenario.load else { return LoadPlan::default() };
    if load.flight.value == 0 || load.flight.value > FLIGHT_MAX {
        sink.out_of_limits(&load.flight, &format!("expected 1 to {FLIGHT_MAX}"));
    }
    let sources = load.sources.iter().flat_map(|ranges| &ranges.0);
    LoadPlan {
        warm: load.tables.value == Tables::Warm,
        sources: sources.flat_map(|range| range.value.addresses()).collect(),
        flight: usize::try_from(load.flight.value).unwrap_or(1),
        lag: load.lag.value,
    }
}

/// The prelude by indexes of users.
pub fn given(scenario: &Scenario, people: &People<'_>, sink: &mut Diagnostics) -> Given {
    let mut given = Given::default();
    let written: &GivenMap = match &scenario.given {
        Some(scenario::Given::Map(written)) => written,
        Some(scenario::Given::Cold) | None => return given,
    };
    for pair in &written.warm {
        let users: Vec<_> = pair.value.iter().map(|user| people.user(user, sink)).collect();
        match users.as_slice() {
            [Some(one), Some(other)] if one == other => sink.no_pair(pair.span),
            [Some(one), Some(other)] => {
                pair.value.iter().for_each(|user| check_ready(user, people, sink));
                given.warm.push((*one, *other));
            }
            // A user who does not exist is reported already.
            [_, _] => {}
            _ => sink.no_pair(pair.span),
        }
    }
    for named in &written.rotated.0 {
        if named.value.value == 0 || named.value.value > EPOCH_MAX {
            sink.out_of_limits(&named.value, &format!("expected an epoch of 1 to {EPOCH_MAX}"));
        }
        if let Some(user) = people.user(&named.name, sink) {
            check_ready(&named.name, people, sink);
            given.rotated.push((user, named.value.value));
        }
    }
    if let Some(offline) = &written.offline {
        given.offline = people.indexes(offline, sink);
    }
    given
}

/// Only a device that is registered and attached has exchanged or rotated anything.
fn check_ready(user: &Spanned<UserId>, people: &People<'_>, sink: &mut Diagnostics) {
    let index = people.by_name.get(&user.value);
    let group = people.groups.iter().find(|group| index.is_some_and(|i| group.range.contains(i)));
    if let Some(start) = group.map(|group| &group.device.start)
        && start.value != StartAs::Ready
    {
        sink.not_ready(user, start);
    }
}

/// The deviations of a device, of the devices of a fleet, or of the server.
#[must_use]
pub fn deviations(scenario: &Scenario, name: &str) -> Deviations {
    let of_name = scenario.deviations.0.iter().filter(|named| named.name.value.as_str() == name);
    of_name.flat_map(|named| &named.value).map(|deviation| deviation.value).collect()
}

/// Deviations are about somebody, and legal only with an expected finding.
pub fn check_deviations(scenario: &Scenario, people: &People<'_>, sink: &mut Diagnostics) {
    for named in &scenario.deviations.0 {
        if named.name.value.as_str() != "server" {
            people.ranges(std::slice::from_ref(&named.name), sink);
        }
    }
    let expected = scenario.expect.iter().any(|it| matches!(it.what, Expected::Finding(_)));
    if let (Some(first), false) = (scenario.deviations.0.first(), expected) {
        sink.unexpected_deviation(first.name.span);
    }
}

/// What is claimed, in the order of the text.
#[must_use]
pub fn claimed(scenario: &Scenario) -> Vec<(Requirement, Polarity)> {
    let Some(claims) = &scenario.requirements else { return Vec::new() };
    let side = |list: &[Spanned<Requirement>], polarity| {
        list.iter().map(|requirement| (requirement.value, polarity)).collect::<Vec<_>>()
    };
    let mut claimed = side(&claims.positive, Polarity::Positive);
    claimed.extend(side(&claims.negative, Polarity::Negative));
    claimed
}

/// What is left out is left out for a reason.
pub fn check_exceptions(scenario: &Scenario, sink: &mut Diagnostics) {
    let named = scenario.invariants.iter().flat_map(|invariants| &invariants.except.0);
    for it in named.filter(|it| it.value.value.trim().is_empty()) {
        sink.no_reason(&it.name);
    }
}

/// Invariants that do not hold here, with their reasons.
#[must_use]
pub fn except(scenario: &Scenario) -> BTreeMap<String, String> {
    let named = scenario.invariants.iter().flat_map(|invariants| &invariants.except.0);
    named.map(|it| (it.name.value.0.clone(), it.value.value.clone())).collect()
}

/// The least bandwidth of any link.
#[must_use]
pub fn bandwidth(links: &[LinkConfig]) -> Option<u64> {
    links.iter().filter_map(|link| link.bandwidth).map(|bandwidth| bandwidth.rate).min()
}

/// The longest time that a durable write may take; stores in trouble at a time add up.
#[must_use]
pub fn slowest_write(
    server: Duration,
    profiles: &[Profile],
    steps: &[Step],
    active: Duration,
) -> Duration {
    let usual = profiles.iter().map(|profile| profile.sync).max().unwrap_or_default().max(server);
    let longer = steps.iter().filter_map(|step| {
        let Action::Store { trouble, until, .. } = &step.action else { return None };
        match (trouble, until) {
            (StoreTrouble::Slow(extra), _) => Some(*extra),
            (StoreTrouble::Stall, Until::For(span)) => Some(*span),
            (StoreTrouble::Stall, Until::At(_) | Until::Point(..) | Until::Heal) => Some(active),
            (StoreTrouble::Fail, _) => None,
        }
    });
    longer.fold(usual, |sum, more| sum + more)
}

/// What the run contains that relaxes certain rules.
#[must_use]
pub fn circumstances(scenario: &Scenario, links: &[LinkConfig]) -> Circumstances {
    let any = |fits: fn(&Verb) -> bool| scenario.steps.iter().any(|step| fits(&step.verb));
    Circumstances {
        revoke: any(|verb| matches!(verb, Verb::Rotate(rotate) if rotate.revoke.value)),
        reset: any(|verb| matches!(verb, Verb::ResetUser(_))),
        restore: any(|verb| matches!(verb, Verb::Restore(_))),
        clock: any(|verb| matches!(verb, Verb::Clock(_))),
        altered: links.iter().any(|link| link.corrupt > Ratio::ZERO)
            || any(|verb| matches!(verb, Verb::Corrupt(_)))
            || any(|verb| matches!(verb, Verb::Link(link) if link.corrupt.is_some())),
        adversary: any(|verb| {
            matches!(
                verb,
                Verb::Replay(_)
                    | Verb::Reflect(_)
                    | Verb::Flip(_)
                    | Verb::ForgeKeyReply(_)
                    | Verb::ForgeNotice(_)
                    | Verb::SwapReplies(_)
                    | Verb::ServeOld(_)
                    | Verb::Reregister(_)
                    | Verb::Inject(_)
                    | Verb::Spray(_)
            )
        }),
    }
}

impl Diagnostics {
    fn no_reason(&mut self, oracle: &Spanned<OracleId>) {
        let message = format!("`{}` is left out without a reason", oracle.value.0);
        self.add(Diagnostic::new(Code::BadValue, oracle.span, message));
    }

    fn not_ready(&mut self, user: &Spanned<UserId>, start: &Spanned<StartAs>) {
        let message = format!("`{user}` starts `{}` and has no past", start.value.word());
        self.add(
            Diagnostic::new(Code::Contradiction, user.span, message)
                .related(start.span, "here it says so"),
        );
    }

    fn no_pair(&mut self, span: Span) {
        let message = "`warm` is a list of pairs: `[[alice, bob]]`";
        self.add(Diagnostic::new(Code::OutOfLimits, span, message));
    }

    fn unexpected_deviation(&mut self, span: Span) {
        let message = "deviations break the specification, and no finding is expected";
        self.add(
            Diagnostic::new(Code::UnexpectedDeviation, span, message)
                .help("expect it: `- finding: {oracle: S-03}`"),
        );
    }
}
