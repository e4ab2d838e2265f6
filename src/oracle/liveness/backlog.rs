//! Mail that waits, by receiver, and how much longer each receiver may take for it: time for its lookups and
//! for its octets.
//!
//! Not here: what waits, or by when it is due.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::Mid;
use crate::base::time::Duration;
use crate::oracle::spec::Spec;

/// Mail that waits, and the allowances of its receivers.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    loads: BTreeMap<u32, Load>,
    /// Receivers for whom more waits than when allowances were fixed last: only theirs can rise.
    grown: BTreeSet<u32>,
    allowances: BTreeMap<u32, Duration>,
}

#[derive(Debug, Default)]
struct Load {
    mail: BTreeSet<Mid>,
    octets: u64,
}

impl Backlog {
    /// A message waits for this user.
    pub(super) fn add(&mut self, user: u32, mid: Mid, octets: u64) {
        let load = self.loads.entry(user).or_default();
        if load.mail.insert(mid) {
            load.octets += octets;
            self.grown.insert(user);
        }
    }

    /// A message that may wait for this user has another size than before.
    pub(super) fn resize(&mut self, user: u32, mid: &Mid, before: u64, octets: u64) {
        let load = self.loads.get_mut(&user).filter(|load| load.mail.contains(mid));
        let Some(load) = load.filter(|_| before != octets) else { return };
        load.octets = load.octets.saturating_sub(before) + octets;
        self.grown.insert(user);
    }

    /// A message does not wait any more.
    pub(super) fn remove(&mut self, user: u32, mid: &Mid, octets: u64) {
        let Some(load) = self.loads.get_mut(&user) else { return };
        if load.mail.remove(mid) {
            load.octets = load.octets.saturating_sub(octets);
        }
        if load.mail.is_empty() {
            self.loads.remove(&user);
        }
    }

    /// What waits for this user.
    pub(super) fn of(&self, user: u32) -> impl Iterator<Item = &Mid> {
        self.loads.get(&user).into_iter().flat_map(|load| &load.mail)
    }

    /// Fixes how much longer each receiver may take for what waits for it now; never less than before.
    pub(super) fn fix(&mut self, spec: &Spec) {
        for user in std::mem::take(&mut self.grown) {
            let (Some(load), Some(limits)) = (self.loads.get(&user), spec.limits(user)) else {
                continue;
            };
            let a_minute = u64::from(limits.lookups_per_minute.max(1));
            let lookups = Duration::from_secs(60).scale(load.mail.len() as u64, a_minute);
            let octets =
                spec.bandwidth.map(|rate| Duration::from_secs(1).scale(load.octets, rate.max(1)));
            let allowance = lookups + octets.unwrap_or(Duration::ZERO);
            let known = self.allowances.entry(user).or_default();
            *known = (*known).max(allowance);
        }
    }

    /// How much longer this user may take.
    pub(super) fn allowance(&self, user: u32) -> Duration {
        self.allowances.get(&user).copied().unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;

    #[test]
    fn an_allowance_is_for_the_most_that_waited_when_it_was_fixed() {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.bandwidth = Some(100);
        let a_minute = u64::from(story.spec.limits(1).unwrap().lookups_per_minute);
        let expected = |count: u64, octets: u64| {
            Duration::from_secs(60).scale(count, a_minute)
                + Duration::from_secs(1).scale(octets, 100)
        };
        let (first, second) = (story.mid(0, 1, 1), story.mid(0, 1, 2));
        let mut backlog = Backlog::default();
        backlog.add(1, first.clone(), 200);
        backlog.add(1, first.clone(), 200);
        assert_eq!(backlog.allowance(1), Duration::ZERO);
        backlog.fix(&story.spec);
        assert_eq!(backlog.allowance(1), expected(1, 200));
        backlog.add(1, second.clone(), 0);
        backlog.resize(1, &second, 0, 300);
        backlog.remove(1, &first, 200);
        backlog.fix(&story.spec);
        assert_eq!(backlog.allowance(1), expected(1, 300));
        backlog.remove(1, &second, 300);
        backlog.fix(&story.spec);
        assert_eq!((backlog.of(1).count(), backlog.allowance(1)), (0, expected(1, 300)));
        assert_eq!(backlog.allowance(0), Duration::ZERO);
    }
}
