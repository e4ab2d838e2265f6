//! What a scenario asks for that cannot be done to a real server over a real network, or not be judged there.
//!
//! Devices are ours, and they do what they do anywhere; they can be cut off from the server, and nothing can be
//! done to the server, to frames or to clocks. Not here: doing it (`load`).

use crate::oracle::spec::{Check, Expectation, Moment, Point, PointRef};
use crate::scenario::ast::scenario::{Given, Scenario};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::plan::{Action, LinkChange, Plan, Start, Step, Until, When};
use crate::scenario::source::Span;

/// Reports everything that a load of the plan would refuse.
pub fn look(scenario: &Scenario, plan: &Plan, sink: &mut Diagnostics) {
    if let Some(Given::Map(given)) = &scenario.given {
        let rotated = given.rotated.0.first();
        rotated.into_iter().for_each(|it| sink.refused(it.name.span, "nobody has rotated before"));
    }
    if let Some(device) = plan.devices.iter().find(|it| it.start != Start::Ready) {
        let why = format!("all devices are registered, and `{}` is not", device.user);
        sink.refused(scenario.id.span, &why);
    }
    let drafts = plan.profiles.iter().map(|profile| profile.config.drafts_max).min();
    if let Some(drafts) = drafts.filter(|drafts| plan.load.flight > *drafts) {
        let (flight, span) = (plan.load.flight, scenario.id.span);
        let why = format!("a device keeps {drafts} drafts, and `flight` is {flight}");
        sink.refused(span, &why);
    }
    for (written, planned) in scenario.steps.iter().zip(&plan.steps) {
        if let Err(why) = step(planned) {
            sink.refused(written.span, why);
        }
    }
    for written in &scenario.expect {
        let of_line = plan.spec.expectations.iter().filter(|it| it.line == written.span.line);
        for planned in of_line.filter(|it| it.text == written.text) {
            if let Err(why) = expectation(planned, plan) {
                sink.refused(written.span, why);
            }
        }
    }
}

/// Whether a step can be done.
///
/// # Errors
/// Why not.
pub const fn step(step: &Step) -> Result<(), &'static str> {
    if matches!(step.when, When::After(..)) {
        return Err("steps act at times, since nobody waits for what a real server does");
    }
    match &step.action {
        Action::Send { .. }
        | Action::Request { .. }
        | Action::Rotate { .. }
        | Action::Poll { .. } => Ok(()),
        Action::Links { change: LinkChange::Online, .. } => Ok(()),
        Action::Links { up: true, down: true, change: LinkChange::Partition, until, .. } => {
            match until {
                Until::For(_) | Until::At(_) | Until::Heal => Ok(()),
                Until::Point(..) => Err("faults end at times"),
            }
        }
        Action::Links { .. } => {
            Err("devices can be cut off both ways, and the network be changed in no other")
        }
        Action::Approve { .. }
        | Action::Press { .. }
        | Action::Confirm { .. }
        | Action::Provision { .. }
        | Action::Register { .. }
        | Action::Wipe { .. }
        | Action::Crash { .. }
        | Action::Restart { .. }
        | Action::Snapshot { .. }
        | Action::Restore { .. }
        | Action::Clock { .. }
        | Action::Swizzle { .. }
        | Action::DirectoryOffline { .. }
        | Action::MailboxLimit { .. }
        | Action::Store { .. }
        | Action::ServerCrash { .. }
        | Action::ResetUser { .. }
        | Action::Frames { .. }
        | Action::Adversary { .. }
        | Action::Fence { .. } => {
            Err("a crowd of devices writes, polls, rotates and is cut off, no more")
        }
    }
}

/// Whether an expectation can be judged.
///
/// # Errors
/// Why not.
pub fn expectation(it: &Expectation, plan: &Plan) -> Result<(), &'static str> {
    let is_partition = |name| {
        let mut steps = plan.steps.iter().filter(|step| step.name == name);
        steps.any(|it| matches!(it.action, Action::Links { change: LinkChange::Partition, .. }))
    };
    let is_known = |moment: Moment| match moment {
        Moment::At(_) => true,
        Moment::Point(PointRef { name, point }, _) => {
            matches!(point, Point::Start | Point::End) && is_partition(name)
        }
    };
    if ![it.since, it.until].into_iter().flatten().all(is_known) {
        return Err("an interval begins and ends at times, or with a partition");
    }
    let fault = match &it.check {
        Check::Slo { window: Some(window), .. } if window.as_nanos() % 1_000_000_000 != 0 => {
            return Err("windows are whole seconds");
        }
        Check::Slo { outside, .. } => *outside,
        Check::Healed { fault } => Some(*fault),
        Check::Share { .. } | Check::Lost { .. } => None,
        Check::Reaches { .. }
        | Check::DisplayedText { .. }
        | Check::EpochOf { .. }
        | Check::Lookups { .. }
        | Check::Derivations { .. }
        | Check::Selections { .. }
        | Check::Evictions { .. }
        | Check::Alarm { .. }
        | Check::ConfirmAsked { .. }
        | Check::Prompted { .. }
        | Check::Approved { .. }
        | Check::Rejected { .. }
        | Check::Signed { .. }
        | Check::Notice { .. }
        | Check::Refused { .. }
        | Check::RejectedMessage { .. }
        | Check::Rotated { .. }
        | Check::Frames { .. }
        | Check::StateIs { .. }
        | Check::Finding { .. } => {
            return Err("of a crowd only `slo`, `ratio`, `healed` and `lost` are judged");
        }
    };
    if fault.is_none_or(is_partition) { Ok(()) } else { Err("the fault is no partition") }
}

impl Diagnostics {
    fn refused(&mut self, span: Span, why: &str) {
        self.add(Diagnostic::new(Code::NotUnderLoad, span, format!("under load {why}")));
    }
}
