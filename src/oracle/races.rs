//! Recognizes the races of protocol 4.4 when they have really occurred, one small rule each.
//!
//! A race counts when its danger is over and the run shows how it ended. Not here: whether it ended well;
//! the oracles say that.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Mid, ReqId, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{Facts, account_of, device_of, facts, frames};
use crate::oracle::spec::Spec;
use crate::trace::fact::{
    About, Fact, FrameFact, FrameKind, RejectCause, ReplyResult, Selection, Way,
};
use crate::trace::record::Record;

/// What races are recognized by.
#[derive(Debug, Default)]
pub struct Races {
    /// When the directory recorded an epoch; first key pairs are no rotations.
    recorded: BTreeMap<(UserId, Epoch), Instant>,
    /// Messages encrypted and not yet committed.
    sealed: BTreeMap<Mid, Sealed>,
    /// Rotations announced and not yet acknowledged, by user.
    announced: BTreeMap<u32, Announced>,
    /// When each user's device got its last acknowledgement.
    done: BTreeMap<u32, Instant>,
    /// Notices of a user that devices have heard since that user's last rotation.
    notices: BTreeMap<UserId, BTreeMap<u32, u32>>,
    /// Notices that a device has not heard because they were lost.
    unheard: BTreeSet<(u32, UserId)>,
    /// Lookups under way, and whether the peer's row was evicted meanwhile.
    lookups: BTreeMap<(u32, UserId), bool>,
    /// Users whose last rotation revoked the key before.
    revoked: BTreeMap<UserId, Epoch>,
    reached: BTreeSet<&'static str>,
    fresh: Vec<&'static str>,
}

#[derive(Debug)]
struct Sealed {
    own: Epoch,
    theirs: Epoch,
    at: Instant,
    /// The request that carries these octets.
    req: Option<ReqId>,
    accepted: bool,
    /// Encrypted while the sender's next epoch was announced.
    before_ack: bool,
    /// The receiver met the sender for the first time with this message, under a retired epoch.
    first_contact: bool,
}

#[derive(Debug)]
struct Announced {
    epoch: Epoch,
    stopped: bool,
    ack_lost: bool,
}

impl Races {
    /// The facts that races are recognized by.
    pub const FACTS: Facts = facts![
        Recorded, RotateStart, RotateDone, RotateRefused, PowerOff, Lost, Encrypt, Tx, Rx, Meddled,
        Refuse, Accept, Select, Commit, Expire, Reject, Pin, Lookup, LookupFailed, Evict, KeyReply,
    ]
    .frames(frames![Submit, RotateAck, KeyChanged]);

    /// Takes one record; returns the races that it completes for the first time.
    pub fn observe(&mut self, record: &Record, spec: &Spec) -> Vec<&'static str> {
        self.rotation(record);
        self.outward(record, spec);
        self.inward(record, spec);
        self.notice(record);
        self.lookup(record);
        std::mem::take(&mut self.fresh)
    }

    fn reach(&mut self, race: &'static str) {
        if self.reached.insert(race) {
            self.fresh.push(race);
        }
    }

    /// When this epoch was followed by the next.
    fn retired(&self, user: &UserId, epoch: Epoch) -> Option<Instant> {
        self.recorded.get(&(user.clone(), epoch.next())).copied()
    }

    /// R6, R7, R8.
    fn rotation(&mut self, record: &Record) {
        let user = record.id.node.user().unwrap_or(u32::MAX);
        if let Fact::Recorded { user, epoch, revoke, .. } = &record.fact {
            if *epoch > Epoch::FIRST {
                self.recorded.insert((user.clone(), *epoch), record.at);
                self.notices.remove(user);
            }
            if *revoke {
                self.revoked.insert(user.clone(), *epoch);
            }
        } else if let Fact::RotateStart { epoch, .. } = &record.fact {
            let fresh = Announced { epoch: *epoch, stopped: false, ack_lost: false };
            self.announced.insert(user, fresh);
        } else if let Fact::RotateDone { .. } = &record.fact {
            self.done.insert(user, record.at);
            let Some(announced) = self.announced.remove(&user) else { return };
            if announced.stopped {
                self.reach("R7");
            }
            if announced.ack_lost {
                self.reach("R8");
            }
        } else if let Fact::RotateRefused { code, .. } = &record.fact {
            if code == "IN_GRACE" {
                self.reach("R6");
            }
            if self.announced.get(&user).is_some_and(|announced| announced.stopped) {
                self.reach("R7");
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            // A stop of the device, or of the account that records its key.
            if let Some(announced) = self.announced.get_mut(&user) {
                announced.stopped = true;
            }
        } else if let Fact::Lost { frame, .. } = &record.fact
            && frame.kind == Some(FrameKind::RotateAck)
            && let Some(announced) = self.announced.get_mut(&user)
        {
            announced.ack_lost = true;
        }
    }

    /// R9, and what is remembered of each encryption.
    fn outward(&mut self, record: &Record, spec: &Spec) {
        if let Fact::Encrypt(sealing) = &record.fact {
            let announced = device_of(record).and_then(|user| self.announced.get(&user));
            let sealed = Sealed {
                own: sealing.own,
                theirs: sealing.theirs,
                at: record.at,
                req: None,
                accepted: false,
                before_ack: announced.is_some_and(|it| sealing.own < it.epoch),
                first_contact: false,
            };
            self.sealed.insert(sealing.mid.clone(), sealed);
        } else if let Fact::Tx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Submit) && device_of(record).is_some() {
                self.submit(frame, spec);
            }
        } else if let Fact::Refuse { kind, code, .. } = &record.fact
            && kind == "submit"
            && code == "STALE_EPOCH"
        {
            self.reach("R9");
            self.revocation(&record.fact);
        }
    }

    /// The same octets a second time, after either end has rotated away from them.
    fn submit(&mut self, frame: &FrameFact, spec: &Spec) {
        let About::Message(mid, _) = &frame.about else { return };
        let Some(sealed) = self.sealed.get_mut(mid) else { return };
        let again = sealed.req.replace(frame.req) == Some(frame.req);
        let (own, theirs, at) = (sealed.own, sealed.theirs, sealed.at);
        let acked = spec.index(&mid.sender).and_then(|user| self.done.get(&user).copied());
        let own_old = self.retired(&mid.sender, own).is_some() && acked > Some(at);
        let their_old = self.retired(&mid.receiver, theirs).is_some_and(|retired| retired > at);
        if again && (own_old || their_old) {
            self.reach("R9");
        }
    }

    /// R1, R4, R5, R11, R12, R13.
    fn inward(&mut self, record: &Record, spec: &Spec) {
        if let Fact::Accept { mid, .. } = &record.fact {
            if let Some(sealed) = self.sealed.get_mut(mid) {
                sealed.accepted = true;
            }
        } else if let Fact::Select { mid: Some(mid), theirs, way: Way::In, outcome, .. } =
            &record.fact
        {
            let retired = self.retired(&mid.sender, *theirs).is_some();
            if *outcome == Selection::Miss
                && retired
                && let Some(sealed) = self.sealed.get_mut(mid)
            {
                sealed.first_contact = true;
            }
        } else if let Fact::Commit { mid, .. } = &record.fact {
            if let Some(sealed) = self.sealed.remove(mid) {
                self.committed(mid, &sealed, device_of(record), spec);
            }
        } else if let Fact::Expire { mid, .. } = &record.fact {
            self.sealed.remove(mid);
        } else if let Fact::Reject { why: RejectCause::StaleEpoch, .. } = &record.fact {
            self.revocation(&record.fact);
        }
    }

    fn committed(&mut self, mid: &Mid, sealed: &Sealed, by: Option<u32>, spec: &Spec) {
        let theirs = self.retired(&mid.receiver, sealed.theirs);
        let own = self.retired(&mid.sender, sealed.own);
        let rotated = by.and_then(|user| self.done.get(&user).copied());
        if let Some(retired) = theirs {
            if retired <= sealed.at {
                self.reach("R5");
            } else if sealed.accepted && rotated.is_some_and(|done| done >= retired) {
                self.reach("R1");
            }
        }
        let since = |retired: Option<Instant>| retired.is_some_and(|at| at > sealed.at);
        if since(own) && since(theirs) {
            self.reach("R4");
        }
        if sealed.before_ack && (own.is_some() || self.is_announced(&mid.sender, spec)) {
            self.reach("R13");
        }
        if sealed.first_contact {
            self.reach("R12");
        }
    }

    fn is_announced(&self, user: &UserId, spec: &Spec) -> bool {
        spec.index(user).is_some_and(|user| self.announced.contains_key(&user))
    }

    /// Mail under an epoch that was revoked is refused.
    fn revocation(&mut self, fact: &Fact) {
        let (Fact::Reject { mid: Some(mid), .. } | Fact::Refuse { mid: Some(mid), .. }) = fact
        else {
            return;
        };
        let Some(sealed) = self.sealed.get(mid) else { return };
        let is_revoked = |user: &UserId, epoch: Epoch| {
            self.revoked.get(user).is_some_and(|revoking| epoch < *revoking)
        };
        if is_revoked(&mid.receiver, sealed.theirs) || is_revoked(&mid.sender, sealed.own) {
            self.reach("R11");
        }
    }

    /// R2, R3.
    fn notice(&mut self, record: &Record) {
        if account_of(record).is_some() {
            return;
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Lost { frame, .. } | Fact::Rx(frame) | Fact::Meddled { frame, .. } =
            &record.fact
        {
            let About::User(about) = &frame.about else { return };
            if frame.kind != Some(FrameKind::KeyChanged) {
                return;
            }
            let key = (user, about.clone());
            if let Fact::Lost { .. } = &record.fact {
                self.unheard.insert(key);
            } else if let Fact::Rx(_) = &record.fact {
                let heard = self.notices.entry(key.1).or_default().entry(user).or_default();
                *heard += 1;
                if *heard > 1 {
                    self.reach("R3");
                }
            }
        } else if let Fact::Pin { peer, epoch, .. } = &record.fact {
            let key = (user, peer.clone());
            let heard = self.notices.get(peer).is_some_and(|heard| heard.contains_key(&user));
            if self.recorded.contains_key(&(peer.clone(), *epoch)) {
                if self.unheard.remove(&key) && !heard {
                    self.reach("R2");
                }
                // A notice still to come is about what is known already.
                self.notices.entry(key.1).or_default().entry(user).or_insert(1);
            }
        }
    }

    /// R10.
    fn lookup(&mut self, record: &Record) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Lookup { peer, .. } = &record.fact {
            self.lookups.insert((user, peer.clone()), false);
        } else if let Fact::Evict { peer, .. } = &record.fact {
            if let Some(evicted) = self.lookups.get_mut(&(user, peer.clone())) {
                *evicted = true;
            }
        } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            if self.lookups.remove(&(user, peer.clone())) == Some(true) {
                self.reach("R10");
            }
        } else if let Fact::LookupFailed { peer, .. } = &record.fact {
            self.lookups.remove(&(user, peer.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::{EvictCause, LookupCause, LossCause, StopCause};

    fn races(story: &Story) -> Vec<&'static str> {
        let mut races = Races::default();
        for record in &story.records {
            races.observe(record, &story.spec);
        }
        races.reached.into_iter().collect()
    }

    fn rotates(story: &mut Story, user: u32, epoch: u64) {
        let epoch_id = Epoch(epoch);
        story.device(user, Fact::RotateStart { epoch: epoch_id, revoke: false });
        story.records_key(user, epoch);
        story.device(user, Fact::RotateDone { epoch: epoch_id, record: hash("record") });
    }

    #[test]
    fn mail_in_flight_while_its_receiver_rotates_is_r1_and_after_a_stale_lookup_r5() {
        let mut story = Story::new(&["alice", "bob"]);
        story.encrypts(0, 1, 1, "text", 1, 1);
        story.accepts(0, 1, 1);
        assert_eq!(races(&story), [""; 0]);
        rotates(story.at(10), 1, 2);
        story.at(20).commits(1, 0, 1);
        assert_eq!(races(&story), ["R1"]);
        story.at(30).encrypts(0, 1, 2, "text", 1, 1);
        story.at(40).commits(1, 0, 2);
        assert_eq!(races(&story), ["R1", "R5"]);
    }

    #[test]
    fn mail_under_two_old_epochs_is_r4() {
        let mut story = Story::new(&["alice", "bob"]);
        story.encrypts(0, 1, 1, "text", 1, 1);
        rotates(story.at(10), 0, 2);
        rotates(story.at(20), 1, 2);
        story.at(30).commits(1, 0, 1);
        assert_eq!(races(&story), ["R4"]);
    }

    #[test]
    fn a_stop_or_a_lost_ack_in_a_rotation_is_r7_or_r8() {
        let mut story = Story::new(&["alice", "bob"]);
        let epoch = Epoch(2);
        story.device(0, Fact::RotateStart { epoch, revoke: false });
        story.device(0, Fact::PowerOff { why: StopCause::Crash });
        let frame = story.frame(FrameKind::RotateAck, false, About::Nothing);
        story.device(0, Fact::Lost { frame, why: LossCause::Loss });
        assert_eq!(races(&story), [""; 0]);
        story.device(0, Fact::RotateDone { epoch, record: hash("record") });
        assert_eq!(races(&story), ["R7", "R8"]);
    }

    #[test]
    fn a_lost_notice_and_a_new_epoch_all_the_same_is_r2_and_a_second_notice_r3() {
        let mut story = Story::new(&["alice", "bob"]);
        story.records_key(1, 2);
        let frame = story.frame(FrameKind::KeyChanged, false, About::User(story.user(1)));
        story.device(0, Fact::Lost { frame: frame.clone(), why: LossCause::Loss });
        let (peer, generation, record) = (story.user(1), hash("generation"), hash("bob2"));
        story.device(0, Fact::Pin { peer, generation, epoch: Epoch(2), record });
        assert_eq!(races(&story), ["R2"]);
        story.device(0, Fact::Rx(frame));
        assert_eq!(races(&story), ["R2", "R3"]);
    }

    #[test]
    fn a_row_evicted_while_its_lookup_is_under_way_is_r10() {
        let mut story = Story::new(&["alice", "bob"]);
        story.looks_up(0, 1, 1, LookupCause::Refresh);
        let peer = story.user(1);
        story.device(0, Fact::Evict { peer, why: EvictCause::Capacity });
        story.gets_reply(0, 1, 1, ReplyResult::Accepted);
        assert_eq!(races(&story), ["R10"]);
    }

    #[test]
    fn a_first_message_under_a_retired_epoch_is_r12_and_one_sent_before_the_ack_r13() {
        let mut story = Story::new(&["alice", "bob"]);
        story.device(0, Fact::RotateStart { epoch: Epoch(2), revoke: false });
        story.encrypts(0, 1, 1, "text", 1, 1);
        story.records_key(0, 2);
        let mid = Some(story.mid(0, 1, 1));
        story.selects(1, 0, mid, Way::In, Selection::Miss);
        story.commits(1, 0, 1);
        assert_eq!(races(&story), ["R12", "R13"]);
    }
}
