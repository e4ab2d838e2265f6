//! Coverage marks: named situations that a run has met, so that an exploration knows when nothing new comes.
//!
//! A situation is a search of the table, seen from four sides: the epochs it asks for, what the table has, how
//! the device gets its mail, and which fault acts. Every pair of sides is a mark, and so is every race, and
//! every race together with a fault of its run. Not here: recognizing races (`oracle::races`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, UserId};
use crate::base::units::Ratio;
use crate::oracle::judge::device_of;
use crate::scenario::plan::Plan;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::trace::sink::Sink;

/// What stands for no fault.
const CALM: &str = "fault:none";

/// Collects the marks of one run.
#[derive(Debug)]
pub struct Marks<'a> {
    plan: &'a Plan,
    /// The newest epoch of each user that the directory has recorded.
    current: BTreeMap<UserId, Epoch>,
    /// Faults that act now, by name.
    acting: BTreeMap<String, String>,
    /// Faults that have acted.
    acted: BTreeSet<String>,
    met: BTreeSet<String>,
}

impl<'a> Marks<'a> {
    /// Of a run of this plan.
    #[must_use]
    pub fn new(plan: &'a Plan) -> Self {
        let lossy = plan
            .links
            .iter()
            .any(|link| link.loss.bursts.is_some() || link.loss.independent > Ratio::ZERO);
        Self {
            plan,
            current: BTreeMap::new(),
            acting: BTreeMap::new(),
            acted: lossy.then(|| "fault:lossy-link".to_owned()).into_iter().collect(),
            met: BTreeSet::new(),
        }
    }

    /// All marks, with the races that the run reached.
    #[must_use]
    pub fn with_races(mut self, races: &[String]) -> BTreeSet<String> {
        for race in races {
            self.met.extend(self.acted.iter().map(|fault| format!("{race} {fault}")));
            self.met.insert(race.clone());
        }
        self.met
    }

    fn age(&self, user: &UserId, epoch: Epoch) -> &'static str {
        match epoch.cmp(&self.current.get(user).copied().unwrap_or(Epoch::FIRST)) {
            std::cmp::Ordering::Less => "old",
            std::cmp::Ordering::Equal => "new",
            std::cmp::Ordering::Greater => "ahead",
        }
    }

    fn search(&mut self, record: &Record) {
        let Fact::Select { peer, own, theirs, way, outcome, .. } = &record.fact else { return };
        let Some(user) = device_of(record) else { return };
        let (Some(device), Some(name)) =
            (self.plan.devices.get(user as usize), self.plan.spec.user(user))
        else {
            return;
        };
        let config = &self.plan.profiles[device.profile as usize].config;
        let mode = if config.push { "push" } else { "poll" };
        let table = format!("table:{outcome}-{way}");
        let epochs = format!("epochs:{}-{}", self.age(name, *own), self.age(peer, *theirs));
        let mode = format!("mail:{mode}");
        let mut faults: Vec<&str> = self.acting.values().map(String::as_str).collect();
        if faults.is_empty() {
            faults.push(CALM);
        }
        let pairs = faults
            .iter()
            .flat_map(|fault| [&epochs, &table, &mode].map(|side| format!("{side} {fault}")))
            .chain([format!("{epochs} {table}"), format!("{epochs} {mode}")])
            .chain([format!("{table} {mode}")]);
        self.met.extend(pairs.collect::<Vec<_>>());
    }
}

impl Sink for Marks<'_> {
    fn take(&mut self, record: &Record) {
        if let Fact::Recorded { user, epoch, .. } = &record.fact {
            self.current.insert(user.clone(), *epoch);
        } else if let Fact::FaultStart { name, kind } = &record.fact {
            let fault = format!("fault:{kind}");
            self.acted.insert(fault.clone());
            self.acting.insert(name.clone(), fault);
        } else if let Fact::FaultEnd { name } = &record.fact {
            self.acting.remove(name);
        } else {
            self.search(record);
        }
    }
}
