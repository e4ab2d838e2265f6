//! The records of a run with the indexes that a search for causes needs.
//!
//! Not here: what belongs to a slice (`select`), or its words (`words`).

use std::collections::BTreeMap;

use crate::base::id::{DraftId, Epoch, Mid, NodeId, ReqId, TxnId, UserId};
use crate::base::time::Instant;
use crate::trace::fact::{About, Fact, FrameFact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::trace::sink::Header;

/// A run that can be asked.
pub(super) struct Book<'a> {
    pub(super) header: &'a Header,
    pub(super) records: &'a [Record],
    places: BTreeMap<RecordId, usize>,
    /// What became of each transmission: arrivals, losses, meddling.
    ends: BTreeMap<RecordId, Vec<usize>>,
    drafts: BTreeMap<(NodeId, DraftId), Mid>,
    origins: BTreeMap<&'a Mid, (NodeId, DraftId)>,
    sealings: BTreeMap<&'a Mid, Vec<(Instant, Epoch, Epoch)>>,
    askers: BTreeMap<ReqId, NodeId>,
    names: BTreeMap<(NodeId, DraftId), String>,
    requests: BTreeMap<TxnId, &'a Mid>,
}

impl<'a> Book<'a> {
    pub(super) fn new(header: &'a Header, records: &'a [Record]) -> Self {
        let name = |it: &'a crate::trace::sink::MessageName| {
            ((NodeId::device(it.by), it.draft), it.name.clone())
        };
        let mut book = Self {
            header,
            records,
            places: BTreeMap::new(),
            ends: BTreeMap::new(),
            drafts: BTreeMap::new(),
            origins: BTreeMap::new(),
            sealings: BTreeMap::new(),
            askers: BTreeMap::new(),
            names: header.messages.iter().map(name).collect(),
            requests: BTreeMap::new(),
        };
        for (place, record) in records.iter().enumerate() {
            book.enter(place, record);
        }
        book
    }

    fn enter(&mut self, place: usize, record: &'a Record) {
        self.places.insert(record.id, place);
        if let Fact::Encrypt(it) = &record.fact {
            let draft = (record.id.node, it.draft);
            self.drafts.insert(draft, it.mid.clone());
            self.origins.insert(&it.mid, draft);
            self.sealings.entry(&it.mid).or_default().push((record.at, it.own, it.theirs));
        } else if let Fact::Prompt(it) = &record.fact {
            self.requests.extend(it.request.as_ref().map(|request| (it.txn, request)));
        } else if let Fact::Approved(it) = &record.fact {
            let request = self.requests.get(&it.txn).map(|request| self.called(request));
            let name = request.map(|request| format!("the approval of {request}"));
            self.names.extend(name.map(|name| ((record.id.node, it.draft), name)));
        } else if let Fact::Tx(frame) = &record.fact
            && frame.up
        {
            self.askers.entry(frame.req).or_insert(record.id.node);
        } else if let (Fact::Rx(_) | Fact::Lost { .. } | Fact::Meddled { .. }, Some(cause)) =
            (&record.fact, record.cause)
        {
            self.ends.entry(cause).or_default().push(place);
        }
    }

    /// Where a record stands.
    pub(super) fn place(&self, id: RecordId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// The record that led to this one.
    pub(super) fn cause(&self, place: usize) -> Option<usize> {
        self.place(self.records[place].cause?)
    }

    /// What became of a transmission.
    pub(super) fn ends(&self, sent: RecordId) -> impl DoubleEndedIterator<Item = &'a Record> {
        let places = self.ends.get(&sent).into_iter().flatten();
        places.map(|place| &self.records[*place])
    }

    /// The loss of a transmission, when no copy of it arrived.
    pub(super) fn lost(&self, sent: RecordId) -> Option<&'a Record> {
        let arrived = self.ends(sent).any(|end| matches!(end.fact, Fact::Rx(_)));
        let mut losses = self.ends(sent).filter(|end| matches!(end.fact, Fact::Lost { .. }));
        losses.next_back().filter(|_| !arrived)
    }

    /// The message that a draft became.
    pub(super) fn message(&self, device: NodeId, draft: DraftId) -> Option<&Mid> {
        self.drafts.get(&(device, draft))
    }

    /// The draft that a message comes from.
    pub(super) fn origin(&self, mid: &Mid) -> Option<(NodeId, DraftId)> {
        self.origins.get(mid).copied()
    }

    /// Any mid that something was encrypted under, by its text.
    pub(super) fn mids(&self) -> impl Iterator<Item = &'a Mid> {
        self.origins.keys().copied()
    }

    /// The epochs of sender and receiver that a message was under at a time.
    pub(super) fn epochs(&self, mid: &Mid, at: Instant) -> Option<(Epoch, Epoch)> {
        let sealings = self.sealings.get(mid)?;
        let last = sealings.iter().rfind(|(sealed, ..)| *sealed <= at);
        last.map(|(_, own, theirs)| (*own, *theirs))
    }

    /// The node that a frame goes to.
    pub(super) fn target(&self, sent: &Record, frame: &FrameFact) -> NodeId {
        let mut nodes = self.ends(sent.id).map(|end| end.id.node);
        if frame.up {
            let account = nodes.rfind(|node| node.is_account());
            return account.unwrap_or_else(|| self.account_about(sent.id.node, frame));
        }
        let device = nodes.rfind(|node| node.is_device());
        device.or_else(|| self.askers.get(&frame.req).copied()).unwrap_or_else(|| {
            match &frame.about {
                About::Message(mid, _) if frame.kind == Some(FrameKind::Deliver) => {
                    self.device(&mid.receiver)
                }
                About::Message(mid, _) => self.device(&mid.sender),
                About::User(_) | About::Epoch(_) | About::Nothing => None,
            }
            .unwrap_or(sent.id.node)
        })
    }

    /// The account that a frame from this device is for.
    fn account_about(&self, device: NodeId, frame: &FrameFact) -> NodeId {
        let about = match &frame.about {
            About::Message(mid, _) if frame.kind == Some(FrameKind::Submit) => Some(&mid.receiver),
            About::User(user) => Some(user),
            About::Message(..) | About::Epoch(_) | About::Nothing => None,
        };
        let user = about.and_then(|user| self.index(user)).or_else(|| device.user());
        user.map_or(device, NodeId::account)
    }

    /// The device of a user.
    pub(super) fn device(&self, user: &UserId) -> Option<NodeId> {
        self.index(user).map(NodeId::device)
    }

    fn index(&self, user: &UserId) -> Option<u32> {
        let place = self.header.users.iter().position(|it| it == user)?;
        u32::try_from(place).ok()
    }

    /// The user whose node it is.
    pub(super) fn user(&self, node: NodeId) -> String {
        let user = node.user().and_then(|user| usize::try_from(user).ok());
        let user = user.and_then(|user| self.header.users.get(user));
        user.map_or_else(|| node.to_string(), ToString::to_string)
    }

    /// A message as the scenario calls it, or by its mid.
    pub(super) fn called(&self, mid: &Mid) -> String {
        let name = self.origin(mid).and_then(|origin| self.names.get(&origin));
        name.map_or_else(|| mid.to_string(), Clone::clone)
    }

    /// The name of a draft.
    pub(super) fn named(&self, device: NodeId, draft: DraftId) -> Option<&str> {
        self.names.get(&(device, draft)).map(String::as_str)
    }

    /// When the run ends.
    pub(super) fn end(&self) -> Instant {
        self.records.last().map_or(Instant::START, |record| record.at)
    }
}

/// The draft that a fact is about.
#[allow(clippy::wildcard_enum_match_arm, reason = "most facts are about no draft")]
pub(super) fn draft_of(fact: &Fact) -> Option<DraftId> {
    match fact {
        Fact::Compose { draft, .. } | Fact::Notice { draft, .. } => Some(*draft),
        Fact::Encrypt(it) => Some(it.draft),
        Fact::Approved(it) => Some(it.draft),
        _ => None,
    }
}

/// The transaction that a fact is about.
#[allow(clippy::wildcard_enum_match_arm, reason = "most facts are about no transaction")]
pub(super) fn txn_of(fact: &Fact) -> Option<TxnId> {
    match fact {
        Fact::Prompt(it) => Some(it.txn),
        Fact::Armed { txn }
        | Fact::NotApproved { txn, .. }
        | Fact::ApprovalSeen { txn, .. }
        | Fact::DeclineSeen { txn, .. } => Some(*txn),
        Fact::Button { screen, .. } => *screen,
        Fact::Approved(it) => Some(it.txn),
        _ => None,
    }
}

/// The request under whose number a fact stands.
#[allow(clippy::wildcard_enum_match_arm, reason = "most facts stand under no request")]
pub(super) fn req_of(fact: &Fact) -> Option<ReqId> {
    match fact {
        Fact::Lookup { req, .. } | Fact::LookupFailed { req, .. } | Fact::KeyReply { req, .. } => {
            Some(*req)
        }
        Fact::Tx(frame)
        | Fact::Rx(frame)
        | Fact::Lost { frame, .. }
        | Fact::Meddled { frame, .. } => Some(frame.req),
        _ => None,
    }
}

/// Whether a fact speaks of this user's key, or asks for it.
#[allow(clippy::wildcard_enum_match_arm, reason = "most facts are about no peer")]
pub(super) fn peer_of(fact: &Fact) -> Option<&UserId> {
    match fact {
        Fact::Lookup { peer, .. }
        | Fact::LookupFailed { peer, .. }
        | Fact::KeyReply { peer, .. }
        | Fact::Select { peer, .. }
        | Fact::Evict { peer, .. }
        | Fact::ConfirmAsked { peer, .. }
        | Fact::Confirmed { peer, .. }
        | Fact::Derive { peer, .. } => Some(peer),
        Fact::Alarm { peer, .. } => peer.as_ref(),
        _ => None,
    }
}
