//! Whether a case applies to the device or the server that is attached.
//!
//! A case that does not apply is told with the reason, and never counts as passed. Not here: what a
//! capability is (`verdict::capability`).

use std::collections::BTreeSet;

use crate::base::time::Duration;
use crate::conformance::declaration::Declaration;
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::native::{capability, look_at};
use crate::scenario::plan::{Action, CrashAt, Plan, StoreOf, WorkloadKind};

/// Why a case does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inapplicable {
    /// Something else is declared than is needed.
    #[error("it needs `{0}`, which is declared otherwise")]
    Needs(String),
    /// It would have to be stopped at a point that only its inside knows.
    #[error(
        "it reaches into what is under test: into its store, or to stop it at a point of its inside"
    )]
    Inside,
    /// It is what is under test that breaks a rule in it.
    #[error("what is under test breaks a rule in it on purpose")]
    Deviation,
    /// It expects what only the inside of a device shows.
    #[error("it expects what nobody outside can see: {0}")]
    Unseen(String),
    /// A server is under test in it and a device is attached, or the other way round.
    #[error("a server is under test in it, and a device is attached, or the other way round")]
    Side,
    /// It would take too long.
    #[error("it costs {0} of real time, more than the {1} that a case may take")]
    Costs(Duration, Duration),
}

/// Whether a case applies to a device that declares this, in the part of this user's.
///
/// # Errors
/// Why it does not apply.
pub fn applies(
    scenario: &Scenario,
    plan: &Plan,
    declared: &Declaration,
    user: u32,
) -> Result<(), Inapplicable> {
    if let Some(needs) = &scenario.needs
        && needs.value.holds(declared.as_map()) != Ok(true)
    {
        return Err(Inapplicable::Needs(needs.value.capabilities().join(", ")));
    }
    let profile = &plan.profiles[plan.devices[user as usize].profile as usize];
    if !profile.config.deviations.is_empty() {
        return Err(Inapplicable::Deviation);
    }
    if !declared.can("facts")
        && let Some(what) = unseen(scenario, plan, user)
    {
        return Err(Inapplicable::Unseen(what));
    }
    if let Some(needed) = basic(plan, user).find(|needed| !declared.can(needed)) {
        return Err(Inapplicable::Needs(needed.to_owned()));
    }
    for step in &plan.steps {
        let inside = matches!(&step.action,
            Action::Crash { by, at: Some(CrashAt::Barrier(_)), .. } if *by == user);
        if inside {
            return Err(Inapplicable::Inside);
        }
        if let Some((by, needed)) = capability(&step.action)
            && by == user
            && !declared.can(needed)
        {
            return Err(Inapplicable::Needs(needed.to_owned()));
        }
    }
    Ok(())
}

/// Whether a case applies to a server that declares this, in the place of all accounts. What a scenario `needs`
/// is no matter of it: that is asked of devices, and the harness plays all of them.
///
/// # Errors
/// Why it does not apply.
pub fn applies_to_server(plan: &Plan, declared: &Declaration) -> Result<(), Inapplicable> {
    if !plan.server.deviations.is_empty() {
        return Err(Inapplicable::Deviation);
    }
    // What is judged of a server are its own facts; its frames alone do not show what it keeps.
    let pushes = plan.server.push.then_some("push");
    let cut = |it: &Action| matches!(it, Action::ServerCrash { .. });
    let cuts = plan.steps.iter().any(|it| cut(&it.action)).then_some("power_cut");
    let mut needed = ["facts"].into_iter().chain(pushes).chain(cuts);
    if let Some(needed) = needed.find(|needed| !declared.can(needed)) {
        return Err(Inapplicable::Needs(needed.to_owned()));
    }
    let inside = |it: &Action| {
        matches!(
            it,
            Action::ServerCrash { at: Some(_), .. }
                | Action::Store { at: StoreOf::Account(_) | StoreOf::Server, .. }
        )
    };
    if plan.steps.iter().any(|it| inside(&it.action)) {
        return Err(Inapplicable::Inside);
    }
    Ok(())
}

/// What a case needs by what it gives the device and has it do all along.
fn basic(plan: &Plan, user: u32) -> impl Iterator<Item = &'static str> {
    let device = &plan.devices[user as usize];
    let config = &plan.profiles[device.profile as usize].config;
    let traffic = plan.workloads.iter().filter(move |it| it.by.iter().any(|by| by.contains(&user)));
    let traffic = traffic.filter_map(|it| match &it.what {
        WorkloadKind::Send { .. } => Some("send"),
        WorkloadKind::Ask { own: true, .. } => Some("compose"),
        WorkloadKind::Ask { .. } => Some("request"),
        WorkloadKind::Poll => Some("poll"),
        WorkloadKind::Rotate => Some("rotate"),
        WorkloadKind::Reconnect => None,
    });
    let given = [(config.poll.is_some(), "poll"), (config.push, "push"), (true, "reset")];
    given.into_iter().filter(|(holds, _)| *holds).map(|(_, needed)| needed).chain(traffic)
}

/// The first thing in a case that this user's device, a closed box, does not show.
fn unseen(scenario: &Scenario, plan: &Plan, user: u32) -> Option<String> {
    let mut sink = Diagnostics::default();
    look_at(scenario, plan, BTreeSet::from([user]), &mut sink);
    let findings = sink.sorted();
    findings.iter().find(|it| it.code == Code::Unseen).map(|it| it.message.clone())
}
