//! What a device remembers across a loss of power, and the writes that change it (protocol 4.1).
//!
//! Not here: sessions, timers, requests under way and the screen, which are volatile.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use crate::base::id::{DraftId, Epoch, Hash32, Seq, TxnId, UserId};
use crate::base::small::{Idle, Spare};
use crate::base::time::{Instant, Millis};
use crate::crypto::keys::KeyPair;
use crate::crypto::suite::{Point, Secret};
use crate::proto::device::keys::{Keyring, Ring};
use crate::proto::device::window::Window;
use crate::trace::fact::Content;
use crate::wire::header::{BodyKind, Header};
use crate::wire::record::KeyRecord;

/// All that survives. The machine works on one copy, its driver keeps another.
#[derive(Clone, Debug, Default)]
pub struct DeviceDurable {
    /// Own keys and where the own chain stands; both copies share it.
    pub keyring: Keyring,
    traffic: Spare<Traffic>,
}

/// What comes of having peers: most devices of a large world have none. Reached through [`DeviceDurable`].
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// What is known of each peer; survives eviction of the peer's row.
    pub contacts: BTreeMap<UserId, Contact>,
    /// The table of shared secrets, by peer (claim 6).
    pub table: BTreeMap<UserId, Row>,
    /// Everything handed over for sending that is not at its end.
    pub drafts: BTreeMap<DraftId, Draft>,
    /// Accepted messages that were not shown yet.
    pub inbox: BTreeMap<(UserId, Seq), Item>,
    /// Answers given, by transaction (C03-R6).
    pub answers: BTreeMap<TxnId, Answer>,
    /// The last approval's number.
    pub approvals: u64,
    /// The last draft's place in the order of composing.
    pub composed: u64,
}

impl Idle for Traffic {
    fn idle() -> &'static Self {
        static IDLE: Traffic = Traffic {
            contacts: BTreeMap::new(),
            table: BTreeMap::new(),
            drafts: BTreeMap::new(),
            inbox: BTreeMap::new(),
            answers: BTreeMap::new(),
            approvals: 0,
            composed: 0,
        };
        &IDLE
    }
}

impl Deref for DeviceDurable {
    type Target = Traffic;

    fn deref(&self) -> &Traffic {
        &self.traffic
    }
}

impl DerefMut for DeviceDurable {
    fn deref_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }
}

/// One own key pair for agreement and one for signatures (C12-R7).
#[derive(Clone, Debug)]
pub struct OwnKey {
    /// For agreement.
    pub agree: KeyPair,
    /// For signatures.
    pub sign: KeyPair,
    /// Key ID of the agreement key.
    pub kid: Hash32,
    /// When its grace began.
    pub retired: Option<Instant>,
}

/// What is pinned of a peer and where the traffic with it stands.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// The newest accepted record; none before the first.
    pub pin: Option<Pin>,
    /// The last number given to a message for the peer.
    pub sent: u64,
    /// The last encryption counter used with the peer.
    pub counter: u64,
    /// Numbers accepted from the peer, for the pinned generation.
    pub window: Window,
    /// The next number to show.
    pub next: Seq,
    /// A record that only the user's word can make acceptable.
    pub candidate: Option<Box<KeyRecord>>,
    /// Whether the user refused the candidate; asked again only about another one.
    pub refused: bool,
}

/// The newest accepted record of a peer, as much as proving the next needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The identity.
    pub generation: Hash32,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its hash.
    pub record: Hash32,
    /// Its signature key.
    pub sign: Point,
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Public keys of the newest epoch and the one before, newest last.
    pub keys: Vec<PeerKey>,
    /// Secrets computed so far; at most four.
    pub slots: Vec<Slot>,
    /// When the directory last said so.
    pub fetched: Instant,
    /// When it was last used, for eviction.
    pub used: Instant,
}

/// A peer's public keys of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerKey {
    /// Its epoch.
    pub epoch: Epoch,
    /// For agreement.
    pub agree: Point,
    /// For signatures.
    pub sign: Point,
    /// Key ID of the agreement key.
    pub kid: Hash32,
}

/// One shared secret: S_pair for one pair of epochs.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Own epoch.
    pub own: Epoch,
    /// The peer's epoch.
    pub theirs: Epoch,
    /// The secret of the pair.
    pub pair: Secret,
    /// Whether an authenticated decryption proved it.
    pub confirmed: bool,
}

/// Something to send.
#[derive(Clone, Debug)]
pub struct Draft {
    /// For whom.
    pub to: UserId,
    /// What the body is.
    pub kind: BodyKind,
    /// The plaintext.
    pub plain: Vec<u8>,
    /// Place in the order of composing.
    pub order: u64,
    /// When an approval must have been accepted by the server (C04-R4).
    pub deadline: Option<(TxnId, Millis)>,
    /// How far it is.
    pub stage: Stage,
}

/// How far a draft is.
#[derive(Clone, Debug)]
pub enum Stage {
    /// It needs a key (or the user's word on an identity).
    Waiting,
    /// Octets are fixed and on their way to the server.
    Submitted(Box<Sealed>),
    /// The server has it.
    Accepted(Box<Sealed>),
    /// Bounced or refused as stale: the octets are void, a lookup decides what follows. The flag says whether
    /// new octets count as the next attempt: after a bounce, not after a refusal.
    Bounced(Box<Sealed>, bool),
}

/// The fixed octets of a draft.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The header, with number and nonce.
    pub header: Header,
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
    /// As submitted.
    pub attempt: u64,
    /// When it dies.
    pub expires: Millis,
}

/// An accepted message that was not shown yet.
#[derive(Clone, Debug)]
pub struct Item {
    /// What the body is.
    pub kind: BodyKind,
    /// The plaintext.
    pub plain: Vec<u8>,
    /// Whether an approval in it is signed by its sender; judged when it is accepted, since the sender's key
    /// may be evicted before its turn comes.
    pub signed: bool,
    /// When it was accepted.
    pub since: Instant,
}

/// What was answered to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Digest of the request body.
    pub body: Hash32,
    /// Whether it was approved.
    pub approved: bool,
}

/// One durable change. Each names the whole new value of one place, so that applying it twice is harmless.
#[derive(Clone, Debug)]
pub enum DeviceWrite {
    /// Own keys.
    Keyring(Keyring),
    /// A contact.
    Contact(UserId, Box<Contact>),
    /// A row, or none.
    Row(UserId, Option<Box<Row>>),
    /// A draft, or its end.
    Draft(DraftId, Option<Box<Draft>>),
    /// The order of composing.
    Composed(u64),
    /// An inbox item, or that it was shown.
    Inbox(UserId, Seq, Option<Box<Item>>),
    /// An answer.
    Answer(TxnId, Answer),
    /// The last approval's number.
    Approvals(u64),
    /// Everything is forgotten.
    Wipe,
}

impl DeviceDurable {
    /// The state of a device that has these keys and no traffic.
    #[must_use]
    pub fn with(keyring: Keyring) -> Self {
        Self { keyring, ..Self::default() }
    }

    /// The state of a registered device with this key pair, whose chain ends with `record`.
    #[must_use]
    pub fn registered(key: OwnKey, record: &KeyRecord, hash: Hash32) -> Self {
        Self::with(Ring::of(record.epoch, key).recorded(record, hash).into())
    }

    /// The state of a device that has keys and is not registered.
    #[must_use]
    pub fn keyed(key: OwnKey) -> Self {
        Self::with(Ring::of(Epoch::FIRST, key).into())
    }

    /// Whether there is anything to bring to an end: a draft, a message held back, an announced key.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.drafts.is_empty() || !self.inbox.is_empty() || self.keyring.pending().is_some()
    }

    /// Carries one write out.
    pub fn apply(&mut self, write: &DeviceWrite) {
        match write {
            DeviceWrite::Keyring(keyring) => self.keyring = keyring.clone(),
            DeviceWrite::Contact(peer, contact) => {
                self.contacts.insert(peer.clone(), (**contact).clone());
            }
            DeviceWrite::Row(peer, row) => put(&mut self.table, peer.clone(), row.as_deref()),
            DeviceWrite::Draft(id, draft) => put(&mut self.drafts, *id, draft.as_deref()),
            DeviceWrite::Composed(n) => self.composed = *n,
            DeviceWrite::Inbox(peer, seq, item) => {
                put(&mut self.inbox, (peer.clone(), *seq), item.as_deref());
            }
            DeviceWrite::Answer(txn, answer) => {
                self.answers.insert(*txn, *answer);
            }
            DeviceWrite::Approvals(n) => self.approvals = *n,
            DeviceWrite::Wipe => *self = Self::default(),
        }
    }
}

fn put<K: Ord, V: Clone>(map: &mut BTreeMap<K, V>, key: K, value: Option<&V>) {
    match value {
        Some(value) => {
            map.insert(key, value.clone());
        }
        None => {
            map.remove(&key);
        }
    }
}

impl Contact {
    /// Whether traffic waits for the user's word on a new identity.
    #[must_use]
    pub const fn waits_for_user(&self) -> bool {
        self.candidate.is_some() && !self.refused
    }
}

impl Row {
    /// The peer's newest key.
    ///
    /// # Panics
    /// Never: a row has at least one key.
    #[must_use]
    pub fn newest(&self) -> &PeerKey {
        self.keys.last().expect("a row has at least one key")
    }

    /// The peer's key of this epoch.
    #[must_use]
    pub fn key(&self, epoch: Epoch) -> Option<&PeerKey> {
        self.keys.iter().find(|key| key.epoch == epoch)
    }
}

impl Sealed {
    /// The epochs that it was sealed under, own first.
    #[must_use]
    pub const fn epochs(&self) -> (Epoch, Epoch) {
        (self.header.epoch_s, self.header.epoch_r)
    }
}

/// The word of traces for a body kind.
#[must_use]
pub const fn content(kind: BodyKind) -> Content {
    match kind {
        BodyKind::Text => Content::Text,
        BodyKind::ApprovalRequest => Content::Request,
        BodyKind::ApprovalReply => Content::Approval,
        BodyKind::EndToEndNack => Content::Nack,
        BodyKind::Declined => Content::Declined,
    }
}
