//! S-28: rows, waiting messages, lookups and tries stay within what the device declares.
//!
//! Not here: memory of a real device, which records do not show.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, ReqId, UserId};
use crate::base::small::SmallMap;
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{
    Docket, Facts, Oracle, device_of, facts, frames, is_uneventful, negative, positive,
};
use crate::oracle::later::Later;
use crate::oracle::spec::{DeviceLimits, Spec};
use crate::trace::fact::{DeviceState, EvictCause, Fact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-28";
const ROWS: [Requirement; 1] = [Requirement::of(6, 3)];
const LOOKUPS: [Requirement; 1] = [Requirement::of(14, 5)];
const TRIES: [Requirement; 1] = [Requirement::of(14, 4)];

/// The judge of S-28.
#[derive(Debug, Default)]
pub struct ResourcesAreBounded {
    devices: BTreeMap<u32, Device>,
    /// Devices whose rows changed at this instant; an eviction may follow the row that needs it.
    crowded: Later<(u32, RecordId)>,
}

#[derive(Debug, Default)]
struct Device {
    rows: BTreeSet<UserId>,
    /// A row was evicted for room, and nothing has shown yet that the device goes on.
    made_room: bool,
    /// A row was evicted for room since rows were last counted.
    trimmed: bool,
    waiting: SmallMap<Mid, ()>,
    bucket: Option<Bucket>,
    tries: SmallMap<ReqId, u32>,
}

/// The token bucket as declared, in thousandths of a token.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u64,
    filled: Instant,
}

const TOKEN: u64 = 1_000;
/// What a slow processor may add to one lookup and not to the next.
const LATENESS: Duration = Duration::from_millis(500);
const MINUTE: u64 = 60_000_000_000;

impl Bucket {
    fn full(limits: &DeviceLimits, now: Instant) -> Self {
        Self { tokens: Self::most(limits), filled: now }
    }

    /// As many as declared, and what a lookup that a slow processor was late with leaves to the next.
    fn most(limits: &DeviceLimits) -> u64 {
        u64::from(limits.lookups_burst) * TOKEN + LATENESS.as_nanos() / Self::nanos(limits)
    }

    /// The time in which a thousandth is gained.
    fn nanos(limits: &DeviceLimits) -> u64 {
        MINUTE / (u64::from(limits.lookups_per_minute.max(1)) * TOKEN)
    }

    /// Takes a token; says whether there was one. A thousandth may be lost to rounding.
    fn take(&mut self, limits: &DeviceLimits, now: Instant) -> bool {
        let gained = now.since(self.filled).as_nanos().div_ceil(Self::nanos(limits));
        self.tokens = self.tokens.saturating_add(gained).min(Self::most(limits));
        self.filled = now;
        let enough = self.tokens + 1 >= TOKEN;
        self.tokens = self.tokens.saturating_sub(TOKEN);
        enough
    }
}

impl ResourcesAreBounded {
    fn check_rows(&mut self, (user, record): (u32, RecordId), spec: &Spec, docket: &mut Docket) {
        let (Some(device), Some(limits)) = (self.devices.get_mut(&user), spec.limits(user)) else {
            return;
        };
        let rows = device.rows.len();
        let trimmed = std::mem::take(&mut device.trimmed);
        if rows > limits.capacity {
            let message = format!("the table holds {rows} peers, declared are {}", limits.capacity);
            docket.violation(ID, &ROWS, docket.now, &[record], message);
        } else if trimmed {
            // One peer more than declared, and the table did not grow.
            docket.shown(ID, &[negative(6, 3)]);
        }
    }

    fn lookup(&mut self, record: &Record, user: u32, limits: &DeviceLimits, d: &mut Docket) {
        let Fact::Lookup { req, .. } = &record.fact else { return };
        let device = self.devices.entry(user).or_default();
        device.tries.insert(*req, 0);
        let senders: BTreeSet<_> = device.waiting.keys().map(|mid| &mid.sender).collect();
        let bucket = device.bucket.get_or_insert_with(|| Bucket::full(limits, record.at));
        let allowed = bucket.take(limits, record.at);
        let most = limits.lookups_burst;
        if !allowed {
            let message =
                format!("more lookups than {most} and {} a minute", { limits.lookups_per_minute });
            d.violation(ID, &LOOKUPS, record.at, &[record.id], message);
        } else if senders.len() > usize::try_from(most).unwrap_or(usize::MAX) {
            // More senders wait than a burst may ask for, and the bucket holds.
            d.shown(ID, &[negative(14, 5)]);
        } else {
            d.shown(ID, &[]);
        }
    }

    fn try_again(&mut self, record: &Record, user: u32, limits: &DeviceLimits, d: &mut Docket) {
        let Fact::Tx(frame) = &record.fact else { return };
        if frame.kind != Some(FrameKind::LookupKey) {
            return;
        }
        let tries = self.devices.entry(user).or_default().tries.get_or_insert_default(frame.req);
        *tries += 1;
        if *tries == limits.tries + 1 {
            let message = format!("a lookup is sent {tries} times, a burst has {}", limits.tries);
            d.violation(ID, &TRIES, record.at, &[record.id], message);
        }
    }

    fn wait(&mut self, record: &Record, user: u32, limits: &DeviceLimits, d: &mut Docket) {
        let Fact::Waiting { mid, .. } = &record.fact else { return };
        let waiting = &mut self.devices.entry(user).or_default().waiting;
        let most = usize::try_from(limits.lookups_burst).unwrap_or(usize::MAX);
        if waiting.insert(mid.clone(), ()).is_none() && waiting.len() == most.saturating_add(1) {
            // More messages need a key than a burst may ask for; what is asked for is judged above.
            d.shown(ID, &[positive(14, 5), negative(14, 5)]);
        }
        if waiting.len() > limits.pending {
            let message =
                format!("{} messages wait, declared are {}", waiting.len(), limits.pending);
            d.violation(ID, &LOOKUPS, record.at, &[record.id], message);
        }
    }
}

impl Oracle for ResourcesAreBounded {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, Rolledback, State, Attached, Lookup, LookupFailed, KeyReply, Derive, Evict,
            Waiting, Commit, Duplicate, Reject, Tx
        ]
        .frames(frames![LookupKey])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        for crowded in self.crowded.due(record.at) {
            self.check_rows(crowded, spec, docket);
        }
        let Some(user) = device_of(record) else { return };
        if is_uneventful(&record.fact) && !self.devices.contains_key(&user) {
            return;
        }
        let Some(limits) = spec.limits(user) else { return };
        if let Fact::Derive { peer, .. } = &record.fact {
            let device = self.devices.entry(user).or_default();
            if device.rows.insert(peer.clone()) {
                self.crowded.keep(record.at, (user, record.id));
            }
        } else if let Fact::Evict { peer, why } = &record.fact {
            let device = self.devices.entry(user).or_default();
            device.rows.remove(peer);
            device.made_room |= *why == EvictCause::Capacity;
            device.trimmed |= *why == EvictCause::Capacity;
        } else if let Fact::Lookup { .. } = &record.fact {
            self.lookup(record, user, limits, docket);
        } else if let Fact::Tx(_) = &record.fact {
            self.try_again(record, user, limits, docket);
        } else if let Fact::Waiting { .. } = &record.fact {
            self.wait(record, user, limits, docket);
        } else if let Fact::Commit { mid, .. }
        | Fact::Duplicate { mid }
        | Fact::Reject { mid: Some(mid), .. } = &record.fact
        {
            let device = self.devices.entry(user).or_default();
            device.waiting.remove(mid);
            if matches!(record.fact, Fact::Commit { .. }) && std::mem::take(&mut device.made_room) {
                docket.shown(ID, &[positive(6, 3)]);
            }
        } else if let Fact::KeyReply { req, .. } | Fact::LookupFailed { req, .. } = &record.fact {
            self.devices.entry(user).or_default().tries.remove(req);
        } else if let Fact::Attached { .. } = &record.fact {
            // A new burst begins for everything that is under way (protocol 4.5).
            let device = self.devices.entry(user).or_default();
            device.tries.values_mut().for_each(|tries| *tries = 0);
        } else if let Fact::PowerOff { .. } = &record.fact {
            let device = self.devices.entry(user).or_default();
            device.waiting = SmallMap::new();
            device.tries = SmallMap::new();
            device.bucket = None;
            if !limits.table_durable {
                device.rows.clear();
            }
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            self.devices.remove(&user);
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        for crowded in self.crowded.rest() {
            self.check_rows(crowded, spec, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Millis;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, LookupCause};
    use crate::verdict::requirement::Polarity;

    fn messages(story: &Story) -> Vec<String> {
        let docket = story.judge(ResourcesAreBounded::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_table_that_makes_room_and_goes_on_is_in_order() {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        story.spec.limits[0].capacity = 1;
        story.derives(0, 1, 1, 1);
        let peer = story.user(1);
        story.at(10).derives(0, 2, 1, 1);
        story.device(0, Fact::Evict { peer, why: EvictCause::Capacity });
        story.commits(0, 2, 1);
        let docket = story.judge(ResourcesAreBounded::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(6, 3), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(6, 3), Polarity::Negative), 1);
    }

    #[test]
    fn a_table_that_outgrows_its_declaration_is_found() {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        story.spec.limits[0].capacity = 1;
        story.derives(0, 1, 1, 1);
        story.at(10).derives(0, 2, 1, 1);
        assert_eq!(messages(&story), ["the table holds 2 peers, declared are 1"]);
    }

    #[test]
    fn lookups_within_the_bucket_are_in_order_and_beyond_it_are_found() {
        let mut story = Story::new(&["alice", "bob"]);
        for req in 0..10 {
            story.looks_up(0, 1, req, LookupCause::Message);
        }
        story.at_secs(2).looks_up(0, 1, 10, LookupCause::Message);
        assert_eq!(messages(&story), [""; 0]);
        story.at_secs(3).looks_up(0, 1, 11, LookupCause::Message);
        assert_eq!(messages(&story), ["more lookups than 10 and 30 a minute"]);
    }

    #[test]
    fn more_tries_than_a_burst_has_are_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.looks_up(0, 1, 0, LookupCause::Draft);
        for _ in 0..9 {
            let frame = story.frame(FrameKind::LookupKey, true, About::User(story.user(1)));
            story.device(0, Fact::Tx(frame));
        }
        assert_eq!(messages(&story), ["a lookup is sent 9 times, a burst has 8"]);
    }

    #[test]
    fn a_new_session_begins_a_new_burst() {
        let mut story = Story::new(&["alice", "bob"]);
        story.looks_up(0, 1, 0, LookupCause::Draft);
        for _ in 0..2 {
            for _ in 0..8 {
                let frame = story.frame(FrameKind::LookupKey, true, About::User(story.user(1)));
                story.device(0, Fact::Tx(frame));
            }
            story.device(0, Fact::Attached { expires: Millis(0) });
        }
        assert_eq!(messages(&story), [""; 0]);
    }
}
