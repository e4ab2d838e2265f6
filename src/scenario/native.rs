//! What a scenario asks of devices that speak to a TCP port by themselves, and nobody outside can see or do.
//!
//! In the native world the harness is the server, the peers and the user; a device under test is a closed
//! box with a screen and buttons. Not here: what a mediated device shows beside that, or judging.

use std::collections::BTreeSet;

use crate::oracle::spec::{Check, Moment, NameId, NamedThing, Point, PointRef};
use crate::scenario::ast::device::Body;
use crate::scenario::ast::expect::Expectation;
use crate::scenario::ast::scenario::{Given, Scenario};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::lint::{ends, presser};
use crate::scenario::plan::{Action, FrameAct, Plan, ProvisionPlan, StoreOf, Until, When};
use crate::scenario::source::{Span, Spanned};
use crate::verdict::requirement::{Observability, Requirement};

/// Reports what of a case is inside of devices, and which capabilities it uses without asking for them.
///
/// Devices with `body: under-test` are outside; if there are none, any declared device may be put there.
pub fn look(scenario: &Scenario, plan: &Plan, sink: &mut Diagnostics) {
    let (outside, marked) = outside(scenario, plan);
    Native { scenario, plan, outside, marked }.look(sink);
}

/// The same with the devices of these users outside.
pub fn look_at(scenario: &Scenario, plan: &Plan, outside: BTreeSet<u32>, sink: &mut Diagnostics) {
    Native { scenario, plan, outside, marked: true }.look(sink);
}

/// A case, and who of it is a closed box.
struct Native<'a> {
    scenario: &'a Scenario,
    plan: &'a Plan,
    outside: BTreeSet<u32>,
    /// All of them are outside at once, and not one at a time.
    marked: bool,
}

/// Who is outside, and whether that is marked.
fn outside(scenario: &Scenario, plan: &Plan) -> (BTreeSet<u32>, bool) {
    let devices = &scenario.devices.0;
    let is_marked = |body: &Spanned<Body>| body.value == Body::UnderTest;
    let any = devices.iter().any(|device| is_marked(&device.value.body));
    let wanted = devices.iter().filter(|device| !any || is_marked(&device.value.body));
    (wanted.filter_map(|device| plan.spec.index(&device.name.value)).collect(), any)
}

impl Native<'_> {
    fn look(&self, sink: &mut Diagnostics) {
        self.check_requirements(sink);
        self.check_prelude(sink);
        self.check_deviations(sink);
        for (written, step) in self.scenario.steps.iter().zip(&self.plan.steps) {
            let points = [when(step.when), until(&step.action)];
            points
                .into_iter()
                .flatten()
                .for_each(|point| self.check_point(written.span, point, sink));
            if let Some((user, capability)) = capability(&step.action) {
                self.check_capability(written.span, written.verb.key(), user, capability, sink);
            }
        }
        for written in &self.scenario.expect {
            self.check_expectation(written, sink);
        }
    }

    fn check_requirements(&self, sink: &mut Diagnostics) {
        let Some(claims) = &self.scenario.requirements else { return };
        for claim in claims.positive.iter().chain(&claims.negative) {
            let seen = claim.value.info().map_or(&[][..], |info| info.seen);
            if seen == [Observability::W] {
                sink.unseen_requirement(claim);
            }
        }
    }

    /// The harness writes chains of keys into a device only when it owns the device's clock.
    fn check_prelude(&self, sink: &mut Diagnostics) {
        let Some(Given::Map(given)) = &self.scenario.given else { return };
        for named in &given.rotated.0 {
            if let Some(user) = self.plan.spec.index(&named.name.value) {
                self.check_capability(named.name.span, "rotated", user, "virtual_clock", sink);
            }
        }
    }

    fn check_deviations(&self, sink: &mut Diagnostics) {
        for named in &self.scenario.deviations.0 {
            let user = self.plan.spec.index(&named.name.value);
            if user.is_some_and(|user| self.outside.contains(&user)) {
                sink.no_deviation(named.name.span, named.name.value.as_str());
            }
        }
    }

    fn check_expectation(&self, written: &Expectation, sink: &mut Diagnostics) {
        let spec = &self.plan.spec;
        let of_line = spec.expectations.iter().filter(|it| it.line == written.span.line);
        for expectation in of_line.filter(|it| it.text == written.text) {
            let bounds = [expectation.since, expectation.until].into_iter().flatten();
            let points = bounds.filter_map(|moment| match moment {
                Moment::Point(point, _) => Some(point),
                Moment::At(_) => None,
            });
            points.for_each(|point| self.check_point(written.span, point, sink));
            let check = &expectation.check;
            if let Check::Reaches { of, point } = check {
                self.check_point(written.span, PointRef { name: *of, point: *point }, sink);
            } else if let Check::Share { metric, .. } = check
                && metric.starts_with("table.")
            {
                for user in &self.outside {
                    self.unseen(written.span, metric, *user, INSTEAD_OF_SEARCHES, sink);
                }
            } else if let Check::Approved { request, valid, .. } = check {
                if let Some(user) = self.checker(*request, valid.is_some()) {
                    let instead = "`notice` and `displayed` show what came of the approval";
                    self.unseen(written.span, written.what.key(), user, instead, sink);
                }
            } else if let Check::Signed { .. } = check
                && *expectation.count.start() > 0
                && *expectation.count.end() == u64::MAX
            {
                // An approval that arrives was signed; that nothing else was signed is not seen.
            } else if let Some((user, instead)) = inside(check)
                && self.outside.contains(&user)
            {
                self.unseen(written.span, written.what.key(), user, instead, sink);
            }
        }
    }

    fn check_point(&self, span: Span, PointRef { name, point }: PointRef, sink: &mut Diagnostics) {
        let Some((user, instead)) = self.inside_of(name, point) else { return };
        if self.outside.contains(&user) {
            let name = &self.plan.spec.names[name.0 as usize].name;
            self.unseen(span, &format!("{name}.{}", point.name()), user, instead, sink);
        }
    }

    /// The device that alone knows of an approval, or of the state of its signature: the one that checks it,
    /// unless the one that makes it tells too.
    fn checker(&self, request: NameId, signature: bool) -> Option<u32> {
        let approver = presser(request, self.plan)?;
        let (by, to) = ends(request, self.plan)?;
        let checker = if approver == by { to } else { by };
        let blind = signature || (self.marked && self.outside.contains(&approver));
        (blind && self.outside.contains(&checker)).then_some(checker)
    }

    /// The device that alone knows when the point is reached, and what comes next to it outside.
    fn inside_of(&self, name: NameId, point: Point) -> Option<(u32, &'static str)> {
        let sender = || ends(name, self.plan).map(|(by, _)| by);
        let receiver = || ends(name, self.plan).map(|(_, to)| to);
        let rotates = || match self.plan.spec.names[name.0 as usize].what {
            NamedThing::Rotation { by } => Some(by),
            NamedThing::Message { .. }
            | NamedThing::Request { .. }
            | NamedThing::Press { .. }
            | NamedThing::Step
            | NamedThing::Fence { .. }
            | NamedThing::Workload { .. } => None,
        };
        match point {
            Point::Encrypted => Some((sender()?, "`submitted` is the first that is seen of it")),
            Point::Committed => Some((receiver()?, "`acked` and `displayed` follow it")),
            Point::Requested => Some((rotates()?, "`recorded` is the first that is seen of it")),
            Point::Graced => Some((rotates()?, "`acked` and the declared grace give it")),
            Point::Sent
            | Point::Submitted
            | Point::Stored
            | Point::Accepted
            | Point::Forwarded
            | Point::Displayed
            | Point::Acked
            | Point::Reported
            | Point::Expired
            | Point::Bounced
            | Point::Failed
            | Point::Recorded
            | Point::Shown
            | Point::Armed
            | Point::Pressed
            | Point::Answered
            | Point::Start
            | Point::End
            | Point::Reached => None,
        }
    }

    fn check_capability(
        &self,
        span: Span,
        what: &str,
        user: u32,
        capability: &str,
        sink: &mut Diagnostics,
    ) {
        let needs = self.scenario.needs.as_ref().map(|needs| needs.value.capabilities());
        let asked = needs.is_some_and(|names| names.contains(&capability));
        if self.outside.contains(&user) && !asked {
            sink.unasked_capability(span, what, self.user(user), capability);
        }
    }

    fn unseen(&self, span: Span, what: &str, user: u32, instead: &str, sink: &mut Diagnostics) {
        let message = format!("`{what}` is a matter of the inside of `{}`", self.user(user));
        sink.add(Diagnostic::new(Code::Unseen, span, message).help(instead));
    }

    fn user(&self, index: u32) -> &str {
        self.plan.spec.user(index).map_or("nobody", |user| user.as_str())
    }
}

const INSTEAD_OF_SEARCHES: &str = "a hit shows as `lookups: {.., count: 0}`, a miss as a lookup";

/// The device whose inside an expectation looks at, and what comes next to it outside.
const fn inside(check: &Check) -> Option<(u32, &'static str)> {
    Some(match check {
        Check::Derivations { by, .. } => {
            (*by, "`lookups` shows when a secret was not in the table")
        }
        Check::Selections { by, .. } => (*by, INSTEAD_OF_SEARCHES),
        Check::Evictions { by, .. } => {
            (*by, "a row that is gone shows as a lookup at the next use")
        }
        Check::Signed { by } => (*by, "`approved` shows the signatures that leave the device"),
        Check::RejectedMessage { by, .. } => {
            (*by, "`frames: {kind: deliver-nack, ..}` shows what the device says of it")
        }
        Check::StateIs { by, .. } => (*by, "a device that declares `state` tells it when asked"),
        Check::Reaches { .. }
        | Check::DisplayedText { .. }
        | Check::EpochOf { .. }
        | Check::Lookups { .. }
        | Check::Alarm { .. }
        | Check::ConfirmAsked { .. }
        | Check::Prompted { .. }
        | Check::Approved { .. }
        | Check::Rejected { .. }
        | Check::Notice { .. }
        | Check::Refused { .. }
        | Check::Rotated { .. }
        | Check::Frames { .. }
        | Check::Finding { .. }
        | Check::Slo { .. }
        | Check::Share { .. }
        | Check::Healed { .. }
        | Check::Lost { .. } => return None,
    })
}

const fn when(when: When) -> Option<PointRef> {
    match when {
        When::After(point, _) => Some(point),
        When::At(_) | When::Follow(_) => None,
    }
}

/// The point that ends what an action begins.
const fn until(action: &Action) -> Option<PointRef> {
    if let Action::Crash { down: Until::Point(point, _), .. }
    | Action::Links { until: Until::Point(point, _), .. }
    | Action::Swizzle { until: Until::Point(point, _), .. }
    | Action::DirectoryOffline { until: Until::Point(point, _) }
    | Action::MailboxLimit { until: Until::Point(point, _), .. }
    | Action::Store { until: Until::Point(point, _), .. }
    | Action::ServerCrash { down: Until::Point(point, _), .. }
    | Action::Frames { act: FrameAct::Hold(Until::Point(point, _)), .. } = action
    {
        Some(*point)
    } else {
        None
    }
}

/// The device at which an action happens, and what it must be able to do for it, where that is more than to
/// speak and to show.
#[must_use]
pub const fn capability(action: &Action) -> Option<(u32, &'static str)> {
    Some(match action {
        Action::Send { by, .. } => (*by, "send"),
        Action::Request { by, .. } => (*by, "request"),
        Action::Approve { by, .. } => (*by, "compose"),
        Action::Confirm { by, .. } => (*by, "confirm"),
        Action::Rotate { by, revoke: true } => (*by, "revoke"),
        Action::Rotate { by, revoke: false } => (*by, "rotate"),
        Action::Provision { by, how: ProvisionPlan::Generate } => (*by, "generate"),
        Action::Provision { by, .. } => (*by, "download"),
        Action::Register { by } => (*by, "register"),
        Action::Wipe { by } => (*by, "wipe"),
        Action::Crash { by, .. } => (*by, "power_cut"),
        Action::Restart { by } => (*by, "power_cycle"),
        Action::Snapshot { by } | Action::Restore { by, .. } => (*by, "snapshot"),
        Action::Clock { by, .. } => (*by, "clock_set"),
        Action::Store { at: StoreOf::Device(by), .. } => (*by, "store_faults"),
        Action::Fence { by } => (*by, "sync"),
        Action::Press { .. }
        | Action::Poll { .. }
        | Action::Links { .. }
        | Action::Swizzle { .. }
        | Action::DirectoryOffline { .. }
        | Action::MailboxLimit { .. }
        | Action::Store { .. }
        | Action::ServerCrash { .. }
        | Action::ResetUser { .. }
        | Action::Frames { .. }
        | Action::Adversary { .. } => return None,
    })
}

impl Diagnostics {
    fn unseen_requirement(&mut self, claim: &Spanned<Requirement>) {
        let message = format!("{} is seen only inside of a device", claim.value);
        let help = "its tag is W (white box): a native device gives no evidence for it";
        self.add(Diagnostic::new(Code::Unseen, claim.span, message).help(help));
    }

    fn no_deviation(&mut self, span: Span, user: &str) {
        let message = format!("`{user}` is outside, and breaks no rule on request");
        self.add(Diagnostic::new(Code::Unseen, span, message));
    }

    fn unasked_capability(&mut self, span: Span, what: &str, user: &str, capability: &str) {
        let message =
            format!("`{what}` takes a device with `{capability}`, and `{user}` may lack it");
        let help = format!("ask for it, `needs: {capability}`, so that others leave the case out");
        self.add(Diagnostic::new(Code::UnaskedCapability, span, message).help(help));
    }
}
