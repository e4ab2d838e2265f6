//! S-25: a lookup returns the last record of exactly that user.
//!
//! A user's entry is a register: lookups read it, registration and rotation write the next epoch if it holds
//! the one before. It is judged twice, each time by whether the calls have an order (`linear`): where it
//! lies, by the account's own records, and from outside, by what devices asked and were told, which is all
//! that is known of a real server. Not here: which retired records come with it (C14-R6).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Hash32, ReqId, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{
    Docket, Facts, Oracle, account_of, device_of, facts, frames, negative, positive,
};
use crate::oracle::linear::{Broken, History};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, FrameKind, LookupEnd, ReplyResult};
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-25";
const CITED: [Requirement; 2] = [Requirement::of(7, 2), Requirement::of(12, 3)];

/// The judge of S-25.
#[derive(Debug, Default)]
pub struct DirectoryServesWhatWasRecorded {
    /// What accounts say of themselves: each call has effect where it is recorded.
    inside: BTreeMap<UserId, History<Call, Option<Hash32>>>,
    /// What devices know: each call has effect between its request and its answer.
    outside: BTreeMap<UserId, History<Call, Option<Epoch>>>,
    /// Lookups under way, by device, and of whom.
    asked: BTreeMap<(u32, ReqId), UserId>,
    /// How many identities each device has given up.
    lives: BTreeMap<u32, u32>,
    /// Users with a record before the current one.
    rotated: BTreeSet<UserId>,
    /// Users whose name somebody else tried to take.
    contested: BTreeSet<UserId>,
}

/// A call of a device, or one that is over where it begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Call {
    AtOnce,
    Lookup(u32, ReqId),
    /// With the number of the identity: one that is over may have left a request under way.
    Record(u32, u32, Epoch),
}

/// What becomes of a write: it begins where a certain epoch is, or is answered.
enum Writing {
    Begins(Option<Epoch>),
    Succeeds,
    IsRefused,
}

impl DirectoryServesWhatWasRecorded {
    /// What could have been served in place of the right record.
    fn provoked(&self, user: &UserId, docket: &mut Docket) {
        let all = [(&self.rotated, negative(7, 2)), (&self.contested, negative(12, 3))];
        for (_, side) in all.into_iter().filter(|(users, _)| users.contains(user)) {
            docket.shown(ID, &[side]);
        }
    }

    fn inside(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, record: hash, epoch, .. } = &record.fact {
            if *epoch > Epoch::FIRST {
                self.rotated.insert(user.clone());
            }
            write_at_once(self.inside.entry(user.clone()).or_default(), Some(*hash));
        } else if let Fact::Reset { user } = &record.fact {
            write_at_once(self.inside.entry(user.clone()).or_default(), None);
            write_at_once(self.outside.entry(user.clone()).or_default(), None);
        } else if let Fact::Served { user, current, .. } = &record.fact {
            let home = account_of(record).and_then(|account| spec.user(account));
            if home != Some(user) {
                let found = format!("another account answers for {user}");
                return docket.violation(ID, &CITED, record.at, &[record.id], found);
            }
            let history = self.inside.entry(user.clone()).or_default();
            history.begin_read(Call::AtOnce);
            match history.end_read(&Call::AtOnce, &Some(*current)) {
                Ok(()) => {
                    docket.shown(ID, &[positive(7, 2), positive(12, 3)]);
                    self.provoked(user, docket);
                }
                Err(broken) => {
                    let found = format!("a lookup of {user} is answered with an old record");
                    tell(broken, found, (record.id, record.at), docket);
                }
            }
        } else if let Fact::Refuse { code, kind, .. } = &record.fact {
            if code == "UNKNOWN_USER" && kind == "lookup" {
                docket.shown(ID, &[positive(7, 2)]);
            } else if code == "ID_TAKEN" {
                let home = account_of(record).and_then(|account| spec.user(account));
                self.contested.extend(home.cloned());
            }
        }
    }

    fn outside(&mut self, by: u32, record: &Record, spec: &Spec, docket: &mut Docket) {
        let here = (record.id, record.at);
        if let Fact::Lookup { peer, req, .. } = &record.fact {
            self.asked.insert((by, *req), peer.clone());
            self.outside.entry(peer.clone()).or_default().begin_read(Call::Lookup(by, *req));
        } else if let Fact::LookupFailed { req, why: LookupEnd::TimedOut, .. } = &record.fact {
            self.forget(by, *req);
        } else if let Fact::KeyReply { peer, req, epochs, result } = &record.fact {
            if !is_said_by_the_server(*result) {
                return;
            }
            let history = self.outside.entry(peer.clone()).or_default();
            let read = history.end_read(&Call::Lookup(by, *req), &epochs.last().copied());
            self.asked.remove(&(by, *req));
            if let Err(broken) = read {
                tell(broken, format!("a lookup of {peer} is told an old epoch"), here, docket);
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            let (first, last) = ((by, ReqId([0; 8])), (by, ReqId([u8::MAX; 8])));
            let lost: Vec<ReqId> = self.asked.range(first..=last).map(|((_, it), _)| *it).collect();
            lost.into_iter().for_each(|req| self.forget(by, req));
        } else if let Some(user) = spec.user(by)
            && let Err(broken) = self.writes(by, user, record, spec)
        {
            let found = format!("{user} is told what no order of changes leads to");
            tell(broken, found, here, docket);
        }
    }

    /// What a device does to the entry of its own user. A refusal other than for the epoch decides nothing,
    /// nor does an answer to a device set back: an earlier copy of the request may have been recorded.
    fn writes(&mut self, by: u32, user: &UserId, record: &Record, spec: &Spec) -> Answer {
        let fact = &record.fact;
        if let Fact::State { to: DeviceState::Blank } = fact {
            *self.lives.entry(by).or_default() += 1;
            return Ok(());
        }
        let life = self.lives.get(&by).copied().unwrap_or(0);
        let (call, what) = if let Fact::RotateStart { epoch, .. } = fact {
            (Call::Record(by, life, *epoch), Writing::Begins(epoch.0.checked_sub(1).map(Epoch)))
        } else if let Fact::RotateDone { epoch, .. } = fact {
            (Call::Record(by, life, *epoch), Writing::Succeeds)
        } else if let Fact::RotateRefused { epoch, code, .. } = fact
            && code == "EPOCH_CONFLICT"
            && !spec.circumstances.restore
        {
            (Call::Record(by, life, *epoch), Writing::IsRefused)
        } else if let Fact::Tx(frame) = fact
            && frame.kind == Some(FrameKind::Register)
        {
            (Call::Record(by, life, Epoch::FIRST), Writing::Begins(None))
        } else if let Fact::Rx(frame) = fact
            && frame.kind == Some(FrameKind::RegisterAck)
            && !spec.circumstances.restore
        {
            (Call::Record(by, life, Epoch::FIRST), Writing::Succeeds)
        } else {
            return Ok(());
        };
        let history = self.outside.entry(user.clone()).or_default();
        match (what, call) {
            (Writing::Begins(from), Call::Record(_, _, to)) => {
                history.begin_write(call, Some(from), Some(to));
                Ok(())
            }
            (Writing::Succeeds, _) => history.end_write(&call),
            (Writing::IsRefused, _) => history.end_conflict(&call),
            (Writing::Begins(_), Call::AtOnce | Call::Lookup(..)) => Ok(()),
        }
    }

    fn forget(&mut self, by: u32, req: ReqId) {
        let peer = self.asked.remove(&(by, req));
        if let Some(history) = peer.and_then(|peer| self.outside.get_mut(&peer)) {
            history.drop_read(&Call::Lookup(by, req));
        }
    }
}

type Answer = Result<(), Broken>;

/// Whether an answer is one that only the server can have made, as far as the device can tell.
const fn is_said_by_the_server(result: ReplyResult) -> bool {
    match result {
        ReplyResult::Accepted
        | ReplyResult::BrokenChain
        | ReplyResult::Rollback
        | ReplyResult::NewIdentity
        | ReplyResult::UnknownUser => true,
        ReplyResult::Unsolicited
        | ReplyResult::WrongUser
        | ReplyResult::InvalidKey
        | ReplyResult::BadSignature => false,
    }
}

fn write_at_once<V: Ord + Clone>(history: &mut History<Call, V>, value: V) {
    history.begin_write(Call::AtOnce, None, value);
    // A write to whatever is there has an order after anything.
    let _ = history.end_write(&Call::AtOnce);
}

fn tell(broken: Broken, found: String, (id, at): (RecordId, Instant), docket: &mut Docket) {
    match broken {
        Broken::NoOrder => docket.violation(ID, &CITED, at, &[id], found),
        Broken::TooMany => {
            let found = format!("too much is under way to judge whether {found}");
            docket.push(Severity::Inconclusive, ID, &[], at, &[id], found);
        }
    }
}

impl Oracle for DirectoryServesWhatWasRecorded {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, State, Lookup, LookupFailed, KeyReply, RotateStart, RotateDone,
            RotateRefused, Recorded, Reset, Served, Refuse, Tx, Rx
        ]
        .frames(frames![Register, RegisterAck])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let (forged, altered) = (spec.circumstances.adversary, spec.circumstances.altered);
        match device_of(record) {
            // What reaches a device is then not what the server said.
            Some(_) if forged || altered => {}
            Some(by) => self.outside(by, record, spec, docket),
            None => self.inside(record, spec, docket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::LookupCause;
    use crate::verdict::requirement::Polarity;

    fn served(current: &str) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let (by, kind, code) = (story.user(0), "register".to_owned(), "ID_TAKEN".to_owned());
        story.account(0, Fact::Refuse { by, kind, code, mid: None });
        story.records_key(0, 1);
        story.records_key(0, 2);
        let (user, by, epochs) = (story.user(0), story.user(1), vec![Epoch(2)]);
        story.account(0, Fact::Served { user, by, epochs, current: hash(current) });
        story.judge(DirectoryServesWhatWasRecorded::default())
    }

    #[test]
    fn the_last_record_is_in_order() {
        let docket = served("alice2");
        assert!(docket.findings.is_empty());
        for requirement in CITED {
            assert_eq!(docket.evidence.count(requirement, Polarity::Negative), 1);
        }
    }

    #[test]
    fn an_older_record_is_found() {
        let found = "a lookup of alice is answered with an old record";
        assert_eq!(served("alice1").findings[0].message, found);
    }

    /// Alice rotates at 1 s and is told so at 2 s; Bob looks her up at `asks` and is told this epoch at 4 s.
    fn told(asks: u64, epoch: u64) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let peer = story.user(0);
        let reply = |req: u8, epoch| Fact::KeyReply {
            peer: story.user(0),
            req: ReqId([req; 8]),
            epochs: vec![Epoch(epoch)],
            result: ReplyResult::Accepted,
        };
        let (first, second) = (reply(1, 1), reply(2, epoch));
        let lookup = |req: u8| Fact::Lookup {
            peer: peer.clone(),
            req: ReqId([req; 8]),
            want: None,
            because: LookupCause::Refresh,
        };
        let start = Fact::RotateStart { epoch: Epoch(2), revoke: false };
        let done = Fact::RotateDone { epoch: Epoch(2), record: hash("alice2") };
        let mut facts = vec![
            (100, 1, lookup(1)),
            (200, 1, first),
            (1_000, 0, start),
            (2_000, 0, done),
            (asks, 1, lookup(2)),
            (4_000, 1, second),
        ];
        facts.sort_by_key(|(at, ..)| *at);
        for (at, user, fact) in facts {
            story.at(at).device(user, fact);
        }
        story.judge(DirectoryServesWhatWasRecorded::default())
    }

    #[test]
    fn devices_alone_show_what_is_old() {
        let found = told(3_000, 1).findings;
        assert_eq!(found[0].message, "a lookup of alice is told an old epoch");
        for (asks, epoch) in [(3_000, 2), (1_500, 1), (1_500, 2), (500, 1)] {
            assert!(told(asks, epoch).findings.is_empty(), "{asks} {epoch}");
        }
    }
}
