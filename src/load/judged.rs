//! Which of what devices state is kept for the oracles, and what they make of it after the run.
//!
//! Judging costs time that the server under load may need, so facts are only kept while the load lasts; where
//! they would be too many, those of some pairs of users are kept, and of these all. Not here: the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::base::id::{Mid, NodeId, ReqId, UserId};
use crate::base::time::Now;
use crate::oracle::judge::{Docket, Facts};
use crate::oracle::jury::{Jury, chosen};
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, Fact, FrameFact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::wire::message::{Deliver, Envelope};

/// Messages that are judged, at most; each leaves about a dozen facts.
const JUDGED_MAX: u64 = 200_000;
/// Octets of what is kept of a message, about.
const OCTETS: usize = 1_024;
/// Octets that are made ready for it, at most, and octets of a further chunk.
const READY_MAX: usize = 256 << 20;
const CHUNK: usize = 1 << 20;
/// The oracles that need nothing but what devices state: the accounts are the server's own affair.
const JUDGES: [&str; 8] = ["S-02", "S-03", "S-04", "S-12", "S-13", "S-14", "S-15", "S-27"];

/// Something that a device stated, or that came to it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stated {
    now: Now,
    user: u32,
    what: What,
}

#[derive(Debug, Serialize, Deserialize)]
enum What {
    States(Fact),
    /// A message came with this number of its frame.
    Receives(Mid, ReqId),
}

/// Keeps what will be judged, as octets: a million boxes would take their time to make.
#[derive(Debug)]
pub struct Keeper {
    wanted: Facts,
    /// One pair of users in so many is judged.
    pub one_in: u64,
    /// Of a shard, its users: what others wrote is judged by nobody, since nobody here knows what it was.
    own: Option<Arc<BTreeSet<UserId>>>,
    kept: Chunks,
}

/// Octets in chunks, so that none is ever moved: a long list that grows would stop everything for a while.
type Chunks = Vec<Vec<u8>>;

impl Keeper {
    /// For a load of so many messages in all, of which this worker's devices write so many. Memory for them is
    /// made ready at once: what the system gives when it is first used it gives slowly.
    #[must_use]
    pub fn new(messages: u64, own: u64) -> Self {
        let wanted = chosen(&JUDGES).map(|it| it.facts()).reduce(Facts::and);
        let one_in = messages.div_ceil(JUDGED_MAX).max(1);
        let octets = usize::try_from(own / one_in).unwrap_or(usize::MAX).saturating_mul(OCTETS);
        let mut ready = vec![1; octets.min(READY_MAX)];
        ready.clear();
        Self { wanted: wanted.expect("there are judges"), one_in, own: None, kept: vec![ready] }
    }

    /// Only of what these users write.
    #[must_use]
    pub fn of(self, own: Option<Arc<BTreeSet<UserId>>>) -> Self {
        Self { own, ..self }
    }

    /// Keeps what a device states, if it is judged.
    pub fn keep(&mut self, now: Now, user: u32, fact: &Fact) {
        if self.wanted.contain_fact(fact) && mid_of(fact).is_none_or(|mid| self.is_judged(mid)) {
            self.push(&Stated { now, user, what: What::States(fact.clone()) });
        }
    }

    /// Keeps that a message came, if it is judged.
    pub fn keep_delivery(&mut self, now: Now, user: u32, envelope: &Envelope, deliver: &Deliver) {
        let mid = deliver.header.mid();
        if self.is_judged(&mid) {
            self.push(&Stated { now, user, what: What::Receives(mid, envelope.req) });
        }
    }

    fn push(&mut self, stated: &Stated) {
        let octets = postcard::to_stdvec(stated).expect("facts fit into memory");
        let has_room = |chunk: &&mut Vec<u8>| chunk.capacity() - chunk.len() >= octets.len();
        match self.kept.last_mut().filter(has_room) {
            Some(chunk) => chunk.extend_from_slice(&octets),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK.max(octets.len()));
                chunk.extend_from_slice(&octets);
                self.kept.push(chunk);
            }
        }
    }

    /// What was kept.
    ///
    /// # Panics
    /// Never: it was written by the same program.
    #[must_use]
    pub fn kept(self) -> Vec<Stated> {
        let mut all = Vec::new();
        for chunk in self.kept {
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                let (stated, after) = postcard::take_from_bytes(rest).expect("it was written here");
                all.push(stated);
                rest = after;
            }
        }
        all
    }

    fn is_judged(&self, mid: &Mid) -> bool {
        if self.own.as_ref().is_some_and(|own| !own.contains(&mid.sender)) {
            return false;
        }
        if self.one_in == 1 {
            return true;
        }
        let pair = format!("{} {}", mid.sender, mid.receiver);
        xxh3_64(pair.as_bytes()).is_multiple_of(self.one_in)
    }
}

impl What {
    fn fact(self) -> Fact {
        match self {
            Self::States(fact) => fact,
            Self::Receives(mid, req) => Fact::Rx(FrameFact {
                number: 0,
                copy: 0,
                up: false,
                kind: Some(FrameKind::Deliver),
                req,
                about: About::message(mid, 0),
                len: 0,
                octets: None,
            }),
        }
    }
}

/// The message that a fact is about, of those facts that are judged.
fn mid_of(fact: &Fact) -> Option<&Mid> {
    if let Fact::Encrypt(sealing) = fact {
        Some(&sealing.mid)
    } else if let Fact::Commit { mid, .. }
    | Fact::Duplicate { mid }
    | Fact::Display { mid, .. }
    | Fact::Processed { mid, .. } = fact
    {
        Some(mid)
    } else if let Fact::Prompt(shown) = fact {
        shown.request.as_ref()
    } else {
        None
    }
}

/// What the oracles make of it.
#[must_use]
pub fn judge(mut kept: Vec<Stated>, spec: &Spec) -> Docket {
    // What a device states has the order of its coming; devices share one clock.
    kept.sort_by_key(|stated| stated.now.at);
    let mut counts = BTreeMap::<u32, u64>::new();
    let mut jury = Jury::of(&JUDGES, spec);
    for Stated { now, user, what } in kept {
        let seq = counts.entry(user).or_default();
        let id = RecordId { node: NodeId::device(user), seq: *seq };
        *seq += 1;
        jury.take(&Record { id, at: now.at, wall: now.wall, cause: None, fact: what.fact() });
    }
    jury.conclude()
}
