//! Plans that differ from another one in a single thing, for relations of two runs (protocol 5).
//!
//! Not here: whether the difference may show (`explore::relations`), or changes of the text (`overrides`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::UserId;
use crate::base::roster::Roster;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::network::config::Reorder;
use crate::network::latency::{Distribution, Latency};
use crate::oracle::spec::{NamedThing, Spec};
use crate::proto::config::{DeviceConfig, ServerConfig};
use crate::scenario::plan::{Action, AdversaryAct, FrameAddress, FrameOf, Plan};

/// Room for this many peers in every table.
#[must_use]
pub fn with_rows(plan: &Plan, rows: usize) -> Plan {
    let mut variant = configured(plan, |config| config.table_capacity = rows);
    spec(&mut variant, |spec| spec.limits.iter_mut().for_each(|limits| limits.capacity = rows));
    variant
}

/// Mail is pushed to everybody, or everybody has to poll for it.
#[must_use]
pub fn with_push(plan: &Plan, push: bool) -> Plan {
    let mut variant = configured(plan, |config| {
        config.push = push;
        if !push {
            config.poll.get_or_insert(POLL);
        }
    });
    variant.server = Arc::new(ServerConfig { push, ..(*plan.server).clone() });
    spec(&mut variant, |spec| {
        spec.server.push = push;
        if !push {
            spec.limits.iter_mut().for_each(|limits| _ = limits.poll.get_or_insert(POLL));
        }
    });
    variant
}

/// The world starts later by all wall clocks.
#[must_use]
pub fn later(plan: &Plan, span: Duration) -> Plan {
    Plan { ahead: plan.ahead + span, ..plan.clone() }
}

/// One frame in four is sent a long way round, on all links.
///
/// # Panics
/// Never: the way round is a legal latency.
#[must_use]
pub fn shuffled(plan: &Plan) -> Plan {
    let mut variant = plan.clone();
    let way_round = Distribution::Uniform { low: SHORT_WAY, high: LONG_WAY };
    let extra = Latency::new(way_round, None).expect("a legal latency");
    for link in &mut variant.links {
        let probability = Ratio::from_percent(25);
        link.reorder.get_or_insert_with(|| Reorder { probability, extra: extra.clone() });
    }
    let longer = LONG_WAY.times(2);
    spec(&mut variant, |spec| spec.round_trip += longer);
    variant
}

/// The users exchange their names, so that of any two the other one has the lower. Expectations speak of
/// names, and are left out.
#[must_use]
pub fn renamed(plan: &Plan) -> Plan {
    let mut names: Vec<&UserId> = plan.devices.iter().map(|device| &device.user).collect();
    names.sort();
    let new: BTreeMap<UserId, UserId> = names
        .iter()
        .zip(names.iter().rev())
        .map(|(old, new)| ((*old).clone(), (*new).clone()))
        .collect();
    let rename = |user: &mut UserId| {
        if let Some(name) = new.get(user) {
            *user = name.clone();
        }
    };
    let mut variant = plan.clone();
    variant.devices.iter_mut().for_each(|device| rename(&mut device.user));
    variant.steps.iter_mut().for_each(|step| in_action(&mut step.action, &rename));
    spec(&mut variant, |spec| {
        spec.users.iter_mut().for_each(&rename);
        spec.by_name = Roster::of(&spec.users);
        for named in &mut spec.names {
            if let NamedThing::Message { to, .. } | NamedThing::Request { to, .. } = &mut named.what
            {
                rename(to);
            }
        }
        spec.expectations.clear();
    });
    variant
}

fn in_action(action: &mut Action, rename: &impl Fn(&mut UserId)) {
    if let Action::Send { to: user, .. }
    | Action::Request { to: user, .. }
    | Action::Approve { to: user, .. }
    | Action::Confirm { peer: user, .. } = action
    {
        rename(user);
    } else if let Action::Frames { address, .. } = action {
        in_address(address, rename);
    } else if let Action::Adversary { act, .. } = action {
        in_act(act, rename);
    }
}

fn in_address(address: &mut FrameAddress, rename: &impl Fn(&mut UserId)) {
    if let FrameOf::Device { about: Some(user), .. } = &mut address.what {
        rename(user);
    }
}

fn in_act(act: &mut AdversaryAct, rename: &impl Fn(&mut UserId)) {
    match act {
        AdversaryAct::Replay(address) | AdversaryAct::FlipEach(address, _) => {
            in_address(address, rename);
        }
        AdversaryAct::ForgeKeyReply { about: user, .. }
        | AdversaryAct::ForgeNotice { about: user, .. }
        | AdversaryAct::ServeOld { about: user, .. }
        | AdversaryAct::Reregister { name: user } => rename(user),
        AdversaryAct::SwapReplies { first, second } => {
            rename(first);
            rename(second);
        }
        AdversaryAct::Reflect(_) | AdversaryAct::Inject { .. } | AdversaryAct::Spray { .. } => {}
    }
}

fn configured(plan: &Plan, change: impl Fn(&mut DeviceConfig)) -> Plan {
    let mut variant = plan.clone();
    variant.profiles.iter_mut().for_each(|profile| change(Arc::make_mut(&mut profile.config)));
    variant
}

fn spec(plan: &mut Plan, change: impl FnOnce(&mut Spec)) {
    change(Arc::make_mut(&mut plan.spec));
}

/// The poll period of a device that had none (protocol 4.5).
const POLL: Duration = Duration::from_secs(10);
/// Least and longest extra time of a frame that others overtake: below the first retransmission time-out.
const SHORT_WAY: Duration = Duration::from_millis(1);
const LONG_WAY: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read::{Extras, read_text};
    use crate::scenario::resolve::resolve;

    fn plan() -> Plan {
        let text = "peadsim: 1\nid: A\ntitle: t\ndevices: {ann: {}, bob: {}, cy: {}}\n\
                    steps: [{send: {as: m1, from: ann, to: bob}}]\n\
                    expect: [{displayed: m1}]\n";
        let mut reading = read_text("a.yaml", text, &Extras::default());
        resolve(&reading.cases[0].clone(), 1, "a.yaml", &mut reading.diagnostics).unwrap()
    }

    #[test]
    fn names_are_exchanged_everywhere() {
        let renamed = renamed(&plan());
        let names: Vec<&str> = renamed.devices.iter().map(|device| device.user.as_str()).collect();
        assert_eq!(names, ["cy", "bob", "ann"]);
        assert_eq!(renamed.spec.index(&UserId::new("cy").unwrap()), Some(0));
        assert!(
            matches!(&renamed.steps[0].action, Action::Send { to, .. } if to.as_str() == "bob")
        );
        let again = super::renamed(&renamed);
        assert_eq!(again.spec.users, plan().spec.users);
    }

    #[test]
    fn machines_and_judges_are_told_the_same() {
        let (small, polled) = (with_rows(&plan(), 1), with_push(&plan(), false));
        assert_eq!(small.profiles[0].config.table_capacity, small.spec.limits[0].capacity);
        assert_eq!(polled.profiles[0].config.poll, polled.spec.limits[0].poll);
        let pushed = with_push(&plan(), true);
        assert!(pushed.server.push && pushed.spec.server.push && pushed.profiles[0].config.push);
        assert!(shuffled(&plan()).links.iter().all(|link| link.reorder.is_some()));
    }
}
