//! What is legal and yet hardly meant: faults that never heal, workloads that never fire, and the like.
//!
//! Not here: what cannot run at all (`resolve`).

use std::ops::RangeInclusive;

use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::oracle::spec::{self, Check, Moment, NameId, NamedThing, Point};
use crate::scenario::ast::expect::Expectation;
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::ast::step::{Step, Verb};
use crate::scenario::ast::workload::{self, Recurring};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::plan::{Action, Arrivals, Plan, Until, When, Workload, WorkloadKind};
use crate::scenario::source::Span;
use crate::trace::fact::Button;
use crate::verdict::catalog::RACES;

/// Looks a plan over, beside the scenario that it was made of.
pub fn lint(scenario: &Scenario, plan: &Plan, sink: &mut Diagnostics) {
    if scenario.steps.is_empty() && scenario.workload.is_empty() {
        sink.idle(scenario.id.span);
    }
    for (written, step) in scenario.steps.iter().zip(&plan.steps) {
        let end = end_of(&step.action).filter(|until| never_heals(until, step.when, plan));
        if end.is_some() && !is_lifted(&step.action, plan) {
            sink.never_heals(written, plan.active);
        }
    }
    for (written, workload) in scenario.workload.iter().zip(&plan.workloads) {
        check_workload(written, workload, plan, sink);
    }
    for written in &scenario.expect {
        let checks = plan.spec.expectations.iter().filter(|it| it.line == written.span.line);
        for expectation in checks.filter(|it| it.text == written.text) {
            let why = why_never(&expectation.check, &expectation.count, plan)
                .or_else(|| why_empty(expectation.since, expectation.until, plan));
            if let Some(why) = why {
                sink.cannot_be_met(written, &why);
            }
        }
    }
    for mark in &scenario.reaches {
        let name = mark.value.0.as_str();
        if !RACES.iter().any(|race| race.id == name) && !spec::marks().any(|known| known == name) {
            sink.no_such_mark(mark.span, name);
        }
    }
}

/// The end of what an action begins; loss and other settings of links may well last for the whole run.
fn end_of(action: &Action) -> Option<Until> {
    use crate::scenario::plan::{FrameAct, LinkChange};
    if let Action::Links { change: LinkChange::Partition | LinkChange::Clog, until, .. }
    | Action::Swizzle { until, .. }
    | Action::DirectoryOffline { until }
    | Action::MailboxLimit { until, .. }
    | Action::Store { until, .. }
    | Action::Crash { down: until, .. }
    | Action::ServerCrash { down: until, .. }
    | Action::Frames { act: FrameAct::Hold(until), .. } = action
    {
        Some(*until)
    } else {
        None
    }
}

fn never_heals(until: &Until, when: When, plan: &Plan) -> bool {
    match (until, when) {
        (Until::Heal, _) => true,
        (Until::At(time), _) => *time >= plan.active,
        (Until::For(span), When::At(time)) => time + *span >= plan.active,
        (Until::For(span), When::After(..) | When::Follow(_)) => *span >= plan.active,
        (Until::Point(..), _) => false,
    }
}

/// Does another step end what this one begins?
fn is_lifted(action: &Action, plan: &Plan) -> bool {
    let Action::Crash { by, .. } = action else { return false };
    plan.steps.iter().any(|step| {
        let of_device = |other: &u32| other == by;
        matches!(&step.action, Action::Restart { by } | Action::Restore { by, .. } if of_device(by))
    })
}

fn check_workload(
    written: &workload::Workload,
    workload: &Workload,
    plan: &Plan,
    sink: &mut Diagnostics,
) {
    if let Recurring::Rotate(rotate) = &written.what
        && rotate.every.value > plan.active
    {
        sink.long_period(rotate.every.span, rotate.every.value, plan.active);
    } else if expected_arrivals(workload) == 0 {
        sink.never_fires(written.span);
    }
}

/// How many times a workload is expected to act, rounded down.
fn expected_arrivals(workload: &Workload) -> u128 {
    let devices: u128 = workload.by.iter().map(size).sum();
    let interval = match &workload.arrivals {
        Arrivals::Poisson(rate) | Arrivals::Sine { rate, .. } => rate.interval(),
        Arrivals::Every { period, .. } => *period,
        Arrivals::Trace { instants, everybody } => {
            let acts = workload.from..workload.until;
            let count = instants.iter().filter(|at| acts.contains(at)).count() as u128;
            return if *everybody { count * devices } else { count };
        }
    };
    let one = Ratio::ONE.as_ppb();
    let mut stages = vec![(workload.from, one)];
    for (start, factor) in &workload.shape {
        if *start <= workload.from {
            stages[0].1 = factor.as_ppb();
        } else if *start < workload.until {
            stages.push((*start, factor.as_ppb()));
        }
    }
    // Time at full rate, in nanoseconds times parts per billion.
    let mut time = 0_u128;
    for (at, (start, factor)) in stages.iter().enumerate() {
        let end = stages.get(at + 1).map_or(workload.until, |(next, _)| *next);
        time += u128::from(end.saturating_sub(*start).as_nanos()) * u128::from(*factor);
    }
    devices * time / u128::from(one) / u128::from(interval.as_nanos().max(1))
}

fn size(range: &RangeInclusive<u32>) -> u128 {
    u128::from(range.end() - range.start()) + 1
}

/// Why nothing can make an expectation true, if nothing can.
fn why_never(check: &Check, count: &RangeInclusive<u64>, plan: &Plan) -> Option<String> {
    if let Check::EpochOf { of, sender, receiver } = check {
        let (by, to) = ends(*of, plan)?;
        return too_high(by, *sender, plan).or_else(|| too_high(to, *receiver, plan));
    }
    if *count.start() == 0 {
        return None;
    }
    if let Check::Approved { request, press, .. } | Check::Rejected { request, press } = check {
        let button =
            if matches!(check, Check::Approved { .. }) { Button::Approve } else { Button::Reject };
        let presser = presser(*request, plan)?;
        return no_press(presser, button, *press, plan);
    }
    if let Check::Signed { by } = check {
        return no_press(*by, Button::Approve, None, plan);
    }
    // What is encrypted again after a bounce passes the points between these once more.
    if let Check::Reaches { of, point: Point::Sent | Point::Committed | Point::Displayed }
    | Check::DisplayedText { of, .. } = check
    {
        let single = !matches!(thing(*of, plan), NamedThing::Workload { .. });
        return (single && *count.start() > 1)
            .then(|| "one message is sent, committed and displayed once".to_owned());
    }
    None
}

/// Why there is no time in which it could be true.
fn why_empty(since: Option<Moment>, until: Option<Moment>, plan: &Plan) -> Option<String> {
    let Some(Moment::At(since)) = since else { return None };
    if since >= plan.active + plan.settle {
        return Some(format!("the run is over at {}", plan.active + plan.settle));
    }
    match until {
        Some(Moment::At(until)) if until <= since => Some("the interval is empty".to_owned()),
        Some(_) | None => None,
    }
}

fn thing(name: NameId, plan: &Plan) -> &NamedThing {
    &plan.spec.names[name.0 as usize].what
}

/// Sender and receiver of a message.
pub(super) fn ends(of: NameId, plan: &Plan) -> Option<(u32, u32)> {
    match thing(of, plan) {
        NamedThing::Message { by, to, .. } | NamedThing::Request { by, to, .. } => {
            Some((*by, plan.spec.index(to)?))
        }
        NamedThing::Rotation { .. }
        | NamedThing::Press { .. }
        | NamedThing::Step
        | NamedThing::Fence { .. }
        | NamedThing::Workload { .. } => None,
    }
}

fn too_high(user: u32, epoch: Option<u64>, plan: &Plan) -> Option<String> {
    let epoch = epoch?;
    let given = plan.given.rotated.iter().find(|(who, _)| *who == user).map_or(1, |(_, at)| *at);
    let steps = plan.steps.iter().filter(|step| {
        let own = |by: &u32| *by == user;
        let renews = &step.action;
        matches!(renews, Action::Rotate { by, .. } | Action::Provision { by, .. } if own(by))
    });
    let often = plan.workloads.iter().any(|workload| {
        matches!(workload.what, WorkloadKind::Rotate)
            && workload.by.iter().any(|range| range.contains(&user))
    });
    let most = given + steps.count() as u64;
    let name = plan.spec.user(user)?;
    if epoch == 0 {
        return Some("epochs are counted from 1".to_owned());
    }
    (epoch > most && !often).then(|| format!("`{name}` gets no further than epoch {most}"))
}

/// Who has to press a button for a request: its receiver, or the writer of own data.
pub(super) fn presser(request: NameId, plan: &Plan) -> Option<u32> {
    let index = usize::try_from(request.0).ok()?;
    if let Action::Approve { by, .. } = &plan.steps.get(index)?.action {
        return Some(*by);
    }
    ends(request, plan).map(|(_, to)| to)
}

fn no_press(user: u32, wanted: Button, by: Option<NameId>, plan: &Plan) -> Option<String> {
    let profile = plan.profiles.get(plan.devices.get(user as usize)?.profile as usize)?;
    let habit = profile.user.as_ref().filter(|_| by.is_none());
    let answers = |share: Ratio| match wanted {
        Button::Approve => share > Ratio::ZERO,
        Button::Reject => share < Ratio::ONE,
    };
    if habit.is_some_and(|user| answers(user.approves)) {
        return None;
    }
    let presses = plan.steps.iter().filter(|step| by.is_none_or(|by| by == step.name));
    let mut fitting = presses.filter(|step| {
        matches!(&step.action, Action::Press { by, button, .. } if *by == user && *button == wanted)
    });
    let name = plan.spec.user(user)?;
    let which = if by.is_some() { "this press is none" } else { "there is no press" };
    fitting.next().is_none().then(|| format!("{which} of `{}` by `{name}`", wanted.name()))
}

impl Diagnostics {
    fn idle(&mut self, span: Span) {
        let message = "nothing happens: there are neither steps nor workloads";
        self.add(Diagnostic::new(Code::Idle, span, message));
    }

    fn never_heals(&mut self, step: &Step, active: Duration) {
        let key = step.verb.key();
        let message = format!("this `{key}` does not end within the active phase");
        let limit = if matches!(step.verb, Verb::Crash(_)) {
            "`for`, `until` or a `restart`"
        } else {
            "`for` or `until`"
        };
        self.add(
            Diagnostic::new(Code::NeverHeals, step.span, message)
                .help(format!("give it {limit}; `time: {{active: ..}}` is {active}")),
        );
    }

    fn never_fires(&mut self, span: Span) {
        let message = "this workload is expected to act less than once";
        self.add(Diagnostic::new(Code::NeverFires, span, message).help(
            "look at its rate, its `since` and `until`, its `shape` and `time: {active: ..}`",
        ));
    }

    fn long_period(&mut self, span: Span, every: Duration, active: Duration) {
        let message = format!("a period of {every} is longer than the run");
        self.add(
            Diagnostic::new(Code::LongPeriod, span, message)
                .help(format!("`time: {{active: ..}}` is {active}")),
        );
    }

    fn cannot_be_met(&mut self, written: &Expectation, why: &str) {
        let message = format!("nothing can make `{}` true", written.what.key());
        self.add(Diagnostic::new(Code::CannotBeMet, written.span, message).help(why));
    }

    fn no_such_mark(&mut self, span: Span, name: &str) {
        let message = format!("there is no race or coverage mark `{name}`");
        let marks: Vec<String> = spec::marks().collect();
        self.add(
            Diagnostic::new(Code::UnknownName, span, message)
                .suggest(name, marks.iter().map(String::as_str))
                .help(format!("races are R1 to R{}; marks: {}", RACES.len(), marks.join(", "))),
        );
    }
}
