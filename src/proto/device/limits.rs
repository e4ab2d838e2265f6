//! What bounds lookups: the token bucket, the negative cache, one lookup for a hint (C07-R5, C14-R5, C17-R8).
//!
//! Not here: the lookups themselves (`lookup`).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, ReqId, UserId};
use crate::base::time::{Duration, Instant};
use crate::proto::config::DeviceConfig;
use crate::trace::fact::{LookupCause, RejectCause};
use crate::wire::code::NackCode;
use crate::wire::header::Header;

/// The token bucket for lookups, and which peers wait for a token, for room, for a session or for time.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// Thousandths of a token that it lacks.
    lack: u64,
    filled: Instant,
    /// Why each waiting peer is wanted.
    pub(super) wanted: BTreeMap<UserId, LookupCause>,
    /// Peers that wait for a token, in the order of coming, and whether something waits for their key.
    line: Vec<(UserId, bool)>,
}

/// Thousandths of a token that one lookup costs.
const TOKEN: u64 = 1_000;
const MINUTE: u64 = 60_000_000_000;

impl Bucket {
    /// As it is at first.
    pub(super) const FULL: Self =
        Self { lack: 0, filled: Instant::START, wanted: BTreeMap::new(), line: Vec::new() };

    /// Takes a token for a peer, or says when there will be one. Who came first is served first, but a
    /// refresh only when nothing waits for another key: refreshes could take every token there is.
    pub(super) fn take(
        &mut self,
        now: Instant,
        config: &DeviceConfig,
        (peer, because): (&UserId, LookupCause),
    ) -> Result<(), Instant> {
        let urgent = !matches!(because, LookupCause::Refresh | LookupCause::Hint);
        let wanted = (self.ahead(peer, urgent) + 1).saturating_mul(TOKEN).min(most(config));
        let rate = u64::from(config.lookups_per_minute.max(1)) * TOKEN;
        let nanos_per_unit = (MINUTE / rate).max(1);
        let gained = now.since(self.filled).as_nanos() / nanos_per_unit;
        self.lack = self.lack.saturating_sub(gained);
        self.filled = self.filled + Duration::from_nanos(gained.saturating_mul(nanos_per_unit));
        let tokens = most(config).saturating_sub(self.lack);
        if tokens >= wanted {
            self.lack += TOKEN;
            self.leave(peer);
            return Ok(());
        }
        if !self.line.iter().any(|(other, _)| other == peer) {
            self.line.push((peer.clone(), urgent));
        }
        Err(self.filled + Duration::from_nanos((wanted - tokens) * nanos_per_unit))
    }

    /// The peer waits for no token, but for something else.
    pub(super) fn leave(&mut self, peer: &UserId) {
        self.line.retain(|(other, _)| other != peer);
    }

    /// How many in the line are served before this peer.
    fn ahead(&self, peer: &UserId, urgent: bool) -> u64 {
        let place = self.line.iter().position(|(other, _)| other == peer);
        let place = place.unwrap_or(self.line.len());
        let others = self.line.iter().enumerate().filter(|(_, (other, _))| other != peer);
        let before = |(at, (_, other)): &(usize, &(UserId, bool))| match (urgent, other) {
            (true, false) => false,
            (false, true) => true,
            (true, true) | (false, false) => *at < place,
        };
        others.filter(before).count() as u64
    }
}

fn most(config: &DeviceConfig) -> u64 {
    u64::from(config.lookups_burst.max(1)) * TOKEN
}

/// What a counting lookup decided about a peer's key, as headers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) why: RejectCause,
    pub(super) code: NackCode,
}

/// The negative cache: keys that a lookup did not find, for T_neg. The key ID is part of the index, so
/// that nobody can make a key that exists look as if it did not.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts(BTreeMap<(UserId, Epoch, [u8; 8]), (Verdict, Instant)>);

/// Verdicts remembered at most; the one that ends first makes room.
const VERDICTS_MAX: usize = 256;

impl Verdicts {
    pub(super) const NONE: Self = Self(BTreeMap::new());

    pub(super) fn note(&mut self, header: &Header, verdict: Verdict, until: Instant) {
        if self.0.len() >= VERDICTS_MAX {
            let first = self.0.iter().min_by_key(|(_, (_, until))| *until);
            first.map(|(key, _)| key.clone()).map(|key| self.0.remove(&key));
        }
        self.0.insert(index(header), (verdict, until));
    }

    pub(super) fn find(&self, header: &Header, now: Instant) -> Option<Verdict> {
        let (verdict, until) = self.0.get(&index(header))?;
        (now < *until).then_some(*verdict)
    }

    /// The peer has other keys now.
    pub(super) fn forget(&mut self, peer: &UserId) {
        self.0.retain(|(user, _, _), _| user != peer);
    }
}

fn index(header: &Header) -> (UserId, Epoch, [u8; 8]) {
    (header.sender.clone(), header.epoch_s, header.kid_s)
}

/// A hint under examination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hint {
    /// The epoch that it promises.
    pub(super) epoch: Epoch,
    /// The lookup that was under way when it came: only a later one proves it wrong.
    pub(super) missed: Option<ReqId>,
    /// It was wrong: until then no hint about the peer is believed.
    pub(super) mute: Option<Instant>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(per_minute: u32, burst: u32, seconds: u64, expected: u64) {
        let mut config = DeviceConfig::new(UserId::new("server").unwrap());
        (config.lookups_per_minute, config.lookups_burst) = (per_minute, burst);
        let mut bucket = Bucket::FULL;
        let end = Instant::START + Duration::from_secs(seconds);
        let peer = UserId::new("alice").unwrap();
        let (mut now, mut taken) = (Instant::START, 0);
        while now <= end {
            match bucket.take(now, &config, (&peer, LookupCause::Message)) {
                Ok(()) => taken += 1,
                Err(at) => {
                    assert!(at > now, "a wait that ends is in the future");
                    now = at;
                }
            }
            assert!(taken < 10_000, "the bucket has no bottom");
        }
        assert_eq!(taken, expected);
    }

    #[test]
    fn who_came_first_is_served_first_and_refreshes_last() {
        let config = DeviceConfig::new(UserId::new("server").unwrap());
        let mut bucket = Bucket::FULL;
        let [alice, bob, carol, dave] =
            ["alice", "bob", "carol", "dave"].map(|name| UserId::new(name).unwrap());
        let mut take = |at: u64, peer: &UserId, because| {
            let now = Instant::START + Duration::from_secs(at);
            bucket
                .take(now, &config, (peer, because))
                .map_err(|at| at.since(Instant::START).as_millis() / 1_000)
        };
        for _ in 0..config.lookups_burst {
            assert_eq!(take(0, &dave, LookupCause::Draft), Ok(()));
        }
        assert_eq!(take(0, &alice, LookupCause::Refresh), Err(2));
        assert_eq!(take(0, &carol, LookupCause::Message), Err(2));
        assert_eq!(take(0, &bob, LookupCause::Draft), Err(4));
        assert_eq!(take(2, &alice, LookupCause::Refresh), Err(6));
        assert_eq!(take(2, &bob, LookupCause::Draft), Err(4));
        assert_eq!(take(2, &carol, LookupCause::Message), Ok(()));
        assert_eq!(take(4, &bob, LookupCause::Draft), Ok(()));
        assert_eq!(take(6, &alice, LookupCause::Refresh), Ok(()));
    }

    #[test]
    fn lookups_keep_to_burst_and_rate() {
        check(30, 10, 0, 10);
        check(30, 10, 60, 40);
        check(60, 1, 10, 11);
        check(0, 0, 120, 3);
    }
}
