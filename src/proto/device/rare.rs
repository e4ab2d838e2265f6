//! What most devices of a large world never have: mail that waits for keys, limits in use, a screen, bounces.
//!
//! Not here: what is done with any of it (the topic files).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::id::{DraftId, Hash32, Mid, TxnId, UserId};
use crate::base::small::Idle;
use crate::proto::device::approval::Desk;
use crate::proto::device::inbox::Arrival;
use crate::proto::device::limits::{Bucket, Hint, Verdicts};
use crate::proto::device::report::Bounce;

/// The volatile state of a device that has peers or troubles.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    /// It answers nothing any more (M23).
    pub(super) hung: bool,
    /// The directory holds another key of this user than the device has, and the user was told.
    pub(super) key_lost: bool,
    /// Received messages that wait for a key: all that came under a number, since only the key tells which
    /// of them is genuine.
    pub(super) arrivals: BTreeMap<Mid, Vec<Arrival>>,
    pub(super) bucket: Bucket,
    pub(super) verdicts: Verdicts,
    /// Hints above the pin, by peer.
    pub(super) hints: BTreeMap<UserId, Hint>,
    pub(super) desk: Desk,
    /// Bounced drafts that are not decided.
    pub(super) bounces: BTreeMap<DraftId, Bounce>,
    /// Drafts that wait for a word on their receiver's identity, as the user knows.
    pub(super) told: BTreeSet<DraftId>,
    /// Messages about which the sender was told end to end, oldest first.
    pub(super) complained: VecDeque<Mid>,
    /// What this device asked others to approve, oldest first: the transaction and the request's digest.
    pub(super) own_requests: VecDeque<(TxnId, Hash32)>,
}

impl Idle for Rare {
    fn idle() -> &'static Self {
        static IDLE: Rare = Rare {
            hung: false,
            key_lost: false,
            arrivals: BTreeMap::new(),
            bucket: Bucket::FULL,
            verdicts: Verdicts::NONE,
            hints: BTreeMap::new(),
            desk: Desk::EMPTY,
            bounces: BTreeMap::new(),
            told: BTreeSet::new(),
            complained: VecDeque::new(),
            own_requests: VecDeque::new(),
        };
        &IDLE
    }
}
