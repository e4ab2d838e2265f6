//! Everything that came of a search for a knee, as one value: its probes, what they show, what it means.
//!
//! Not here: the search (`load::knee`), its file (`report`), or the load that follows it (`verdict::load`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::time::Duration;
use crate::verdict::load::{Calibration, Slo};

/// Version of the format; a change of a name or a meaning is a change of this number.
pub const KNEE_VERSION: u32 = 1;

/// A search for the highest pace at which every objective holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KneeSearch {
    /// [`KNEE_VERSION`].
    #[serde(rename = "peadsim-knee")]
    pub version: u32,
    /// Version of the program.
    pub program: String,
    /// The case.
    pub case: String,
    /// The seed of all schedules.
    pub seed: u64,
    /// Where the server was.
    pub server: String,
    /// Devices, each with a connection of its own.
    pub devices: u64,
    /// `1/100` of a thinned population.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thinned: Option<String>,
    /// How close both ends of the interval have to be, in percent of the lower one.
    pub tolerance: u64,
    /// What the generator makes on a server that does nothing, if that was tried.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub calibration: Option<Calibration>,
    /// What was tried, in that order.
    pub probes: Vec<Probed>,
    /// How far it is, or what it came to.
    pub state: KneeState,
    /// The highest pace at which all holds, in percent of what is written.
    pub holds: Option<u64>,
    /// The lowest pace that was seen to break.
    pub breaks: Option<u64>,
    /// What it means for whoever buys servers.
    pub sizing: Option<Sizing>,
}

impl KneeSearch {
    /// Takes in a probe. What a pace shows is what the last probe of it showed.
    pub fn take(&mut self, probe: Probed) {
        self.probes.push(probe);
        let shown: BTreeMap<u64, Shown> =
            self.probes.iter().map(|probe| (probe.pace, probe.shows)).collect();
        let broken = |(_, shown): &(&u64, &Shown)| matches!(shown, Shown::Breaks | Shown::Void);
        self.breaks = shown.iter().find(broken).map(|(pace, _)| *pace);
        let below = shown.range(..self.breaks.unwrap_or(u64::MAX));
        self.holds = below.rev().find(|(_, shown)| **shown == Shown::Holds).map(|(pace, _)| *pace);
    }
}

/// How far a search is, or what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KneeState {
    /// It is under way.
    Searching,
    /// The knee was found, and confirmed.
    Found,
    /// Every pace holds that the generator can make.
    BeyondGenerator,
    /// Every pace holds up to the highest one that is tried.
    Beyond,
    /// No pace holds, not even the lowest.
    Nowhere,
    /// The generator can make no pace that was tried.
    Void,
    /// What short probes showed no long one confirmed.
    Unsteady,
    /// The user stopped it.
    Stopped,
    /// It could not go on: the server was gone, or the generator failed.
    Failed,
}

/// A probe of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probed {
    /// The pace, in percent of what is written.
    pub pace: u64,
    /// For how long operations were due.
    pub active: Duration,
    /// Whether it was to confirm what shorter ones had shown.
    pub confirms: bool,
    /// The hash of its schedule, in hex.
    pub schedule: String,
    /// Operations a second that were due.
    pub per_second: u64,
    /// What it shows.
    pub shows: Shown,
    /// What became of the objectives.
    pub slos: Vec<Slo>,
    /// Why it is void, if it is.
    pub void: Vec<String>,
}

/// What a probe shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Every objective holds.
    Holds,
    /// One does not.
    Breaks,
    /// The generator could not keep up.
    Void,
    /// Nothing: the user stopped it.
    Stopped,
    /// Nothing: the server was gone before its end.
    ServerGone,
}

/// What a knee means for whoever buys servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizing {
    /// Operations a second at the knee.
    pub per_second: u64,
    /// Devices that as many operations are, where each has the pace that is written.
    pub devices: u64,
    /// Whether these are more than had connections in the search.
    pub extrapolated: bool,
    /// The pace of the load that follows the search, in percent of what is written.
    pub below: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pace_shows_is_what_its_last_probe_showed() {
        let mut search = KneeSearch {
            version: KNEE_VERSION,
            program: String::new(),
            case: String::new(),
            seed: 1,
            server: String::new(),
            devices: 1,
            thinned: None,
            tolerance: 5,
            calibration: None,
            probes: Vec::new(),
            state: KneeState::Searching,
            holds: None,
            breaks: None,
            sizing: None,
        };
        for (pace, shows, bounds) in [
            (100, Shown::Holds, (Some(100), None)),
            (200, Shown::Void, (Some(100), Some(200))),
            (150, Shown::Holds, (Some(150), Some(200))),
            (150, Shown::Breaks, (Some(100), Some(150))),
            (125, Shown::Stopped, (Some(100), Some(150))),
        ] {
            search.take(Probed {
                pace,
                active: Duration::ZERO,
                confirms: false,
                schedule: String::new(),
                per_second: 0,
                shows,
                slos: Vec::new(),
                void: Vec::new(),
            });
            assert_eq!((search.holds, search.breaks), bounds, "{pace}: {shows:?}");
        }
    }
}
