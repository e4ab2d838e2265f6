//! Which facts of a device are younger than the snapshot that it was restored from.
//!
//! Some rules then warn instead of failing (protocol 5). Not here: those rules.

use std::collections::BTreeMap;

use crate::base::time::Instant;
use crate::trace::fact::Fact;
use crate::trace::record::Record;

/// Restores of all devices.
#[derive(Debug, Default)]
pub struct Rollbacks {
    steps: BTreeMap<String, Instant>,
    /// By user: from the snapshot to the restore.
    forgotten: BTreeMap<u32, Vec<(Instant, Instant)>>,
}

impl Rollbacks {
    /// Takes one record.
    pub fn observe(&mut self, record: &Record) {
        if let Fact::Step { name, verb } = &record.fact
            && verb == "snapshot"
        {
            self.steps.insert(name.clone(), record.at);
        } else if let Fact::Rolledback { snapshot } = &record.fact
            && let Some(user) = record.id.node.user()
        {
            // An unknown snapshot may be as old as the world.
            let taken = self.steps.get(snapshot).copied().unwrap_or(Instant::START);
            self.forgotten.entry(user).or_default().push((taken, record.at));
        }
    }

    /// Whether a fact of this user's device at `at` was forgotten by a later restore.
    #[must_use]
    pub fn forgot(&self, user: u32, at: Instant) -> bool {
        let spans = self.forgotten.get(&user);
        spans.is_some_and(|spans| spans.iter().any(|(from, to)| *from <= at && at <= *to))
    }
}
