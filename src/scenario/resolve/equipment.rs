//! Devices with their settings and links; those that are alike share them.
//!
//! Not here: how one device's settings come about (`settings`, `links`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::time::Duration;
use crate::network::config::LinkConfig;
use crate::oracle::spec::DeviceLimits;
use crate::proto::config::ServerConfig;
use crate::proto::deviation::Deviations;
use crate::scenario::ast::link::Link;
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::plan::{DevicePlan, Profile};
use crate::scenario::resolve::draws::Draws;
use crate::scenario::resolve::links::{Wiring, longest};
use crate::scenario::resolve::people::{Group, People};
use crate::scenario::resolve::settings;
use crate::scenario::resolve::whole::deviations;
use crate::scenario::source::Span;

/// All devices.
#[derive(Debug, Default)]
pub struct Equipment {
    /// By the index of the user.
    pub devices: Vec<DevicePlan>,
    /// Distinct settings.
    pub profiles: Vec<Profile>,
    /// What they declare to the oracles, by the index of the profile.
    pub limits: Vec<DeviceLimits>,
    /// The index of each user's limits.
    pub limits_of: Vec<u32>,
    /// Distinct links.
    pub links: Vec<LinkConfig>,
    /// The longest way to the server and back.
    pub round_trip: Duration,
}

/// Settings and links of a group by what its ranges became: without ranges there is one of each.
#[derive(Default)]
struct Shared {
    profiles: BTreeMap<Vec<u64>, u32>,
    links: BTreeMap<Vec<u64>, (u32, u32)>,
}

impl Equipment {
    /// The equipment of a scenario under a seed.
    pub fn of(
        scenario: &Scenario,
        people: &People<'_>,
        (server, sync): (&ServerConfig, Duration),
        seed: u64,
        sink: &mut Diagnostics,
    ) -> Self {
        let wiring = Wiring::of(scenario.network.as_ref(), people, sink);
        let mut equipment = Self::default();
        for group in &people.groups {
            check_push(group, server, sink);
            let deviant = deviations(scenario, group.name.value.as_str());
            let own = group.device.network.as_ref().map(|link| &link.value);
            let written = wiring.of_group(&group.name.value, own);
            let mut shared = Shared::default();
            for index in group.range.clone() {
                let user = &people.users[index as usize];
                let draws = || Draws::of(seed, user);
                let known = shared.profiles.get(&Vec::new()).copied();
                let profile = known.unwrap_or_else(|| {
                    equipment.profile(group, deviant, &draws(), (server, sync), &mut shared, sink)
                });
                let (up, down) = match (wiring.of_user(user), shared.links.get(&Vec::new())) {
                    (Some(link), _) => {
                        equipment.wire(&wiring, Some(link), &draws(), &mut Shared::default(), sink)
                    }
                    (None, Some(known)) => *known,
                    (None, None) => equipment.wire(&wiring, written, &draws(), &mut shared, sink),
                };
                let start = settings::start(group.device.start.value);
                equipment.limits_of.push(profile);
                equipment.devices.push(DevicePlan { user: user.clone(), profile, up, down, start });
            }
        }
        equipment
    }

    fn profile(
        &mut self,
        group: &Group<'_>,
        deviations: Deviations,
        draws: &Draws,
        (server, sync): (&ServerConfig, Duration),
        shared: &mut Shared,
        sink: &mut Diagnostics,
    ) -> u32 {
        let mut config = settings::device(group.device, draws, server, sink);
        config.deviations = deviations;
        let profile = Profile {
            config: Arc::new(config),
            cpu: settings::cpu(group.device.cpu.value),
            sync: settings::sync(group.device, draws).unwrap_or(sync),
            user: settings::user(group.device, draws, sink),
        };
        *shared.profiles.entry(draws.drawn()).or_insert_with(|| {
            if let Some(index) = find(&self.profiles, |other| *other == profile) {
                return index;
            }
            self.limits.push(settings::limits(&profile.config));
            push(&mut self.profiles, profile)
        })
    }

    fn wire(
        &mut self,
        wiring: &Wiring<'_>,
        written: Option<&Link>,
        draws: &Draws,
        shared: &mut Shared,
        sink: &mut Diagnostics,
    ) -> (u32, u32) {
        let both = wiring.links(written, draws, sink);
        *shared.links.entry(draws.drawn()).or_insert_with(|| {
            self.round_trip = self.round_trip.max(longest(&both.up) + longest(&both.down));
            (self.link(both.up), self.link(both.down))
        })
    }

    fn link(&mut self, link: LinkConfig) -> u32 {
        let known = find(&self.links, |other| *other == link);
        known.unwrap_or_else(|| push(&mut self.links, link))
    }
}

/// A value that is alike among the last few, so that neighbors share without a search through all.
fn find<T>(list: &[T], alike: impl Fn(&T) -> bool) -> Option<u32> {
    const COMPARED: usize = 8;
    let start = list.len().saturating_sub(COMPARED);
    let at = list[start..].iter().position(alike)?;
    u32::try_from(start + at).ok()
}

fn push<T>(list: &mut Vec<T>, value: T) -> u32 {
    list.push(value);
    u32::try_from(list.len() - 1).expect("there are not more settings than devices")
}

fn check_push(group: &Group<'_>, server: &ServerConfig, sink: &mut Diagnostics) {
    let receive = group.device.receive.as_ref();
    let refused = receive.filter(|it| !it.push.value && it.push.span.is_written());
    if let (Some(receive), true) = (refused, server.push) {
        sink.mixed_push(receive.push.span);
    }
}

impl Diagnostics {
    fn mixed_push(&mut self, span: Span) {
        let message = "another device wants push, so this one gets pushes too";
        self.add(Diagnostic::new(Code::MixedPush, span, message));
    }
}
