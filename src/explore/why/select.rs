//! Which records of a run belong to a slice: those of the message, what led to them, and what was in the way.
//!
//! Not here: their words (`words`), or what is left out for the reader's sake (`fold`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Mid, NodeId, ReqId, TxnId};
use crate::base::time::Instant;
use crate::explore::why::book::{Book, draft_of, peer_of, req_of, txn_of};
use crate::trace::fact::{Content, DeviceState, DraftStatus, Fact, FrameKind, ProvisionMode};
use crate::trace::record::Record;

/// A message, from the draft on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// The draft, if the trace shows one.
    pub(super) draft: Option<(NodeId, DraftId)>,
    /// Its identity, once it is encrypted.
    pub(super) mid: Option<Mid>,
}

impl Subject {
    pub(super) fn of_mid(book: &Book<'_>, mid: &Mid) -> Self {
        Self { draft: book.origin(mid), mid: Some(mid.clone()) }
    }

    pub(super) fn of_draft(book: &Book<'_>, device: NodeId, draft: DraftId) -> Self {
        Self { draft: Some((device, draft)), mid: book.message(device, draft).cloned() }
    }

    pub(super) fn owns(&self, record: &Record) -> bool {
        let mid = self.mid.is_some() && record.fact.mid() == self.mid.as_ref();
        let drafted = draft_of(&record.fact).map(|draft| (record.id.node, draft));
        mid || (drafted.is_some() && drafted == self.draft)
    }

    /// The places of its records, in order.
    pub(super) fn own(&self, book: &Book<'_>) -> Vec<usize> {
        let own = book.records.iter().enumerate().filter(|(_, record)| self.owns(record));
        own.map(|(place, _)| place).collect()
    }

    /// The devices of sender and receiver.
    pub(super) fn ends(&self, book: &Book<'_>) -> (Option<NodeId>, Option<NodeId>) {
        let sender = self.draft.map(|(device, _)| device);
        if let Some(mid) = &self.mid {
            return (sender.or_else(|| book.device(&mid.sender)), book.device(&mid.receiver));
        }
        let composed = self.own(book).into_iter().find_map(|place| {
            let Fact::Compose { to, .. } = &book.records[place].fact else { return None };
            book.device(to)
        });
        (sender, composed)
    }
}

/// The places of records that belong to a slice.
pub(super) struct Selection<'b, 'a> {
    book: &'b Book<'a>,
    pub(super) places: BTreeSet<usize>,
}

/// Steps that a walk along causes takes at most: a chain is as long as a conversation.
const WALK_MAX: usize = 64;

impl<'b, 'a> Selection<'b, 'a> {
    pub(super) const fn new(book: &'b Book<'a>) -> Self {
        Self { book, places: BTreeSet::new() }
    }

    /// A record and what led to it.
    pub(super) fn with_causes(&mut self, place: usize) {
        let mut next = Some(place);
        for _ in 0..WALK_MAX {
            let Some(place) = next else { break };
            self.places.insert(place);
            next = self.book.cause(place);
        }
    }

    /// All of a message: its own records, its approval or refusal, and what was in its way.
    pub(super) fn message(&mut self, subject: &Subject) {
        let own = subject.own(self.book);
        self.way(subject, &own);
        for txn in self.transactions(subject, &own) {
            self.transaction(txn);
        }
    }

    /// The records of a message and its surroundings, without its transaction.
    fn way(&mut self, subject: &Subject, own: &[usize]) {
        own.iter().for_each(|place| self.with_causes(*place));
        let Some(window) = self.window(own) else { return };
        let ends = subject.ends(self.book);
        self.surroundings(ends, window);
        self.keys(subject, own, ends);
        self.unheard_polls(own, ends.1, window);
        self.requests();
    }

    /// From the first record to the last, or to the end of the run if its end is not among them.
    fn window(&self, own: &[usize]) -> Option<(Instant, Instant)> {
        let records = self.book.records;
        let (first, last) = (*own.first()?, *own.last()?);
        let over = own.iter().any(|place| is_over(&records[*place].fact));
        let until = if over { records[last].at } else { self.book.end() };
        Some((records[first].at, until))
    }

    /// Power, keys and faults of both ends while the message was under way.
    fn surroundings(&mut self, ends: (Option<NodeId>, Option<NodeId>), window: (Instant, Instant)) {
        let users = [ends.0, ends.1].map(|end| end.and_then(NodeId::user));
        let near = |node: NodeId| node.user().is_none() || users.contains(&node.user());
        let mut faults = BTreeMap::<&str, usize>::new();
        for (place, record) in self.book.records.iter().enumerate() {
            if !near(record.id.node) || record.at > window.1 {
                continue;
            }
            if let Fact::FaultStart { name, .. } = &record.fact {
                faults.entry(name).or_insert(place);
            } else if let Fact::FaultEnd { name } = &record.fact {
                if record.at < window.0 {
                    faults.remove(name.as_str());
                } else if faults.contains_key(name.as_str()) {
                    self.places.insert(place);
                }
            } else if changes_keys(&record.fact)
                || (record.at >= window.0 && changes_state(&record.fact))
            {
                self.with_causes(place);
            }
        }
        self.places.extend(faults.into_values());
    }

    /// Lookups of one end for the other's key, while the message could not go on without.
    fn keys(&mut self, subject: &Subject, own: &[usize], ends: (Option<NodeId>, Option<NodeId>)) {
        let records = self.book.records;
        let at = |place: &usize| records[*place].at;
        let find = |fits: fn(&Fact) -> bool| own.iter().filter(move |it| fits(&records[**it].fact));
        let composed = find(|it| matches!(it, Fact::Compose { .. })).next().map(at);
        let encrypted = find(|it| matches!(it, Fact::Encrypt(_))).next_back().map(at);
        let waiting = find(|it| matches!(it, Fact::Waiting { .. })).next().map(at);
        let answered =
            find(|it| matches!(it, Fact::Commit { .. } | Fact::Reject { .. })).next_back().map(at);
        let end = self.book.end();
        let spans = [
            (ends.0, ends.1, composed, encrypted.unwrap_or(end)),
            (ends.1, ends.0, waiting, answered.unwrap_or(end)),
        ];
        for (at, of, from, to) in spans {
            let (Some(at), Some(of), Some(from)) = (at, of, from) else { continue };
            let about = |fact: &Fact| {
                peer_of(fact).and_then(|peer| self.book.device(peer)) == Some(of)
                    && fact.mid().is_none_or(|mid| Some(mid) == subject.mid.as_ref())
            };
            let within = |it: &&Record| it.id.node == at && (from..=to).contains(&it.at);
            let found = records.iter().filter(within).filter(|it| about(&it.fact));
            let places: Vec<_> = found.filter_map(|it| self.book.place(it.id)).collect();
            self.places.extend(places);
        }
    }

    /// Polls of the receiver that nobody heard while the message lay ready.
    fn unheard_polls(
        &mut self,
        own: &[usize],
        receiver: Option<NodeId>,
        window: (Instant, Instant),
    ) {
        let records = self.book.records;
        let first = |fits: fn(&Fact) -> bool| {
            own.iter().map(|place| &records[*place]).find(|it| fits(&it.fact)).map(|it| it.at)
        };
        let Some(stored) = first(|it| matches!(it, Fact::Accept { .. })) else { return };
        let offered = first(|it| matches!(it, Fact::Offer { .. })).unwrap_or(window.1);
        for (place, record) in records.iter().enumerate() {
            let Fact::Tx(frame) = &record.fact else { continue };
            let poll = frame.kind == Some(FrameKind::Poll) && Some(record.id.node) == receiver;
            let ready = (stored..=offered).contains(&record.at);
            if poll && ready && self.book.lost(record.id).is_some() {
                self.places.insert(place);
            }
        }
    }

    /// Every frame and fact of the key requests that are in the slice already.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are about no key request")]
    fn requests(&mut self) {
        let records = self.book.records;
        let is_key = |fact: &Fact| match fact {
            Fact::Lookup { .. } | Fact::LookupFailed { .. } | Fact::KeyReply { .. } => true,
            Fact::Tx(frame) | Fact::Rx(frame) => {
                matches!(frame.kind, Some(FrameKind::LookupKey | FrameKind::KeyReply))
            }
            _ => false,
        };
        let asks = |place: &usize| {
            let fact = &records[*place].fact;
            req_of(fact).filter(|_| is_key(fact))
        };
        let asked: BTreeSet<ReqId> = self.places.iter().filter_map(asks).collect();
        let of = |record: &Record| req_of(&record.fact).is_some_and(|req| asked.contains(&req));
        let all = records.iter().enumerate().filter(|(_, record)| of(record));
        self.places.extend(all.map(|(place, _)| place));
    }

    /// The transactions that a message asks for or answers.
    fn transactions(&self, subject: &Subject, own: &[usize]) -> BTreeSet<TxnId> {
        let records = self.book.records;
        let own = own.iter().filter_map(|place| txn_of(&records[*place].fact));
        let answers = records.iter().filter(|record| {
            let draft = draft_of(&record.fact).map(|draft| (record.id.node, draft));
            matches!(record.fact, Fact::Approved(_)) && draft.is_some() && draft == subject.draft
        });
        own.chain(answers.filter_map(|record| txn_of(&record.fact))).collect()
    }

    /// All of a transaction, with the message that answers it.
    fn transaction(&mut self, txn: TxnId) {
        let records = self.book.records;
        let mut answers = Vec::new();
        for (place, record) in records.iter().enumerate() {
            if txn_of(&record.fact) != Some(txn) {
                continue;
            }
            self.with_causes(place);
            if matches!(record.fact, Fact::Approved(_) | Fact::NotApproved { .. }) {
                answers.push(record);
            }
        }
        for answer in answers {
            let same_turn = records.iter().filter(|it| {
                it.id.node == answer.id.node && it.cause == answer.cause && it.cause.is_some()
            });
            for record in same_turn {
                if let Fact::Compose {
                    draft, kind: Content::Approval | Content::Declined, ..
                } = &record.fact
                {
                    let reply = Subject::of_draft(self.book, record.id.node, *draft);
                    let own = reply.own(self.book);
                    self.way(&reply, &own);
                } else if let (Fact::Sign { .. }, Some(place)) =
                    (&record.fact, self.book.place(record.id))
                {
                    self.places.insert(place);
                }
            }
        }
    }
}

/// Nothing more happens to a message after this.
fn is_over(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Display { .. }
            | Fact::Processed { .. }
            | Fact::Notice { status: DraftStatus::Expired | DraftStatus::Failed, .. }
    )
}

/// A change of somebody's key, which counts long after it happened.
fn changes_keys(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::RotateStart { .. }
            | Fact::RotateDone { .. }
            | Fact::RotateRefused { .. }
            | Fact::EpochErased { .. }
            | Fact::Reset { .. }
            | Fact::Provisioned { mode: ProvisionMode::Generated | ProvisionMode::Downloaded, .. }
    ) || matches!(fact, Fact::Recorded { epoch, .. } if epoch.0 > 1)
}

/// A change that matters while it lasts.
fn changes_state(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::PowerOn { .. }
            | Fact::PowerOff { .. }
            | Fact::Rolledback { .. }
            | Fact::State { to: DeviceState::Blank | DeviceState::Locked }
            | Fact::ConfirmAsked { .. }
            | Fact::Confirmed { .. }
            | Fact::Alarm { .. }
            | Fact::Limit { .. }
    )
}
