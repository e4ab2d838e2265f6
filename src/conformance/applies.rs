//! Which device of a case is under test, and whether the case applies to the device that is attached.
//!
//! A case that does not apply is told with the reason, and never counts as passed. Not here: what a
//! capability is (`verdict::capability`).

use std::collections::BTreeSet;

use crate::base::time::Duration;
use crate::conformance::declaration::Declaration;
use crate::scenario::ast::device::Body;
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::native::{capability, look_at};
use crate::scenario::plan::{Action, Plan};

/// Why a case does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inapplicable {
    /// The device declares something else than is needed.
    #[error("it needs `{0}`, which the device declares otherwise")]
    Needs(String),
    /// It would have to be stopped at a point that only its inside knows.
    #[error("it stops the device at a point of its inside")]
    Inside,
    /// It is the device that breaks a rule in it.
    #[error("the device breaks a rule in it on purpose")]
    Deviation,
    /// It expects what only the inside of a device shows.
    #[error("it expects what nobody outside can see: {0}")]
    Unseen(String),
    /// It would take too long.
    #[error("it costs {0} of real time, more than the {1} that a case may take")]
    Costs(Duration, Duration),
    /// There is no device in it, or none of that name.
    #[error("there is no such device in it")]
    Nobody,
}

/// The user whose device is under test: the one of this name, else the one that is marked, else the first.
fn under_test(scenario: &Scenario, plan: &Plan, wanted: Option<&str>) -> Option<u32> {
    let devices = &scenario.devices.0;
    let named = match wanted {
        Some(name) => devices.iter().find(|device| device.name.value.as_str() == name),
        None => {
            let marked = devices.iter().find(|it| it.value.body.value == Body::UnderTest);
            marked.or_else(|| devices.first())
        }
    };
    plan.spec.index(&named?.name.value)
}

/// Whether a case applies to a device that declares this, in the role of the device of this name, and whose
/// it is then.
///
/// # Errors
/// Why it does not apply.
pub fn applies(
    scenario: &Scenario,
    plan: &Plan,
    declared: &Declaration,
    wanted: Option<&str>,
) -> Result<u32, Inapplicable> {
    let user = under_test(scenario, plan, wanted).ok_or(Inapplicable::Nobody)?;
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
    for step in &plan.steps {
        let inside = matches!(&step.action, Action::Crash { by, at: Some(_), .. } if *by == user);
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
    Ok(user)
}

/// The first thing in a case that this user's device, a closed box, does not show.
fn unseen(scenario: &Scenario, plan: &Plan, user: u32) -> Option<String> {
    let mut sink = Diagnostics::default();
    look_at(scenario, plan, BTreeSet::from([user]), &mut sink);
    let findings = sink.sorted();
    findings.iter().find(|it| it.code == Code::Unseen).map(|it| it.message.clone())
}
