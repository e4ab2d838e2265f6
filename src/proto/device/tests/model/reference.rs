//! The device as the protocol describes it, in plain maps: time, the table, pins, lookups, own keys.
//!
//! Written from protocol 3.4 and 4.1 to 4.5, not from the machine. Choices of this device that the text leaves
//! open are marked so. Not here: drafts (`outgoing`), received messages and the screen (`incoming`), frames and
//! cryptography: whoever drives says what is right with them (`drive`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::id::Mid;
use crate::base::time::{Duration, Instant};
use crate::proto::config::DeviceConfig;
use crate::proto::device::tests::model::incoming::{Arrival, Desk, Received};
use crate::proto::device::tests::model::outgoing::{Draft, Stage};
use crate::trace::fact::DraftStatus;
use crate::wire::code::{AckOutcome, NackCode};

pub(super) type Name = &'static str;

/// A frame that leaves, copies of it left out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Word {
    Lookup(Name),
    Submit { to: Name, seq: u64, attempt: u64, epochs: (u64, u64), content: Content },
    Ack(Mid, AckOutcome),
    Nack(Mid, NackCode),
    Rotate(u64),
}

/// What is inside a message from the device.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Content {
    Text(String),
    /// Whether it is about own data.
    Approval(u8, bool),
    Declined(u8),
    Complaint(Mid),
}

/// What the user sees.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sight {
    Shown {
        from: Name,
        seq: u64,
        text: String,
        late: bool,
        missing: u64,
    },
    /// A request with all its lines.
    Prompt(u8, usize),
    Signed,
    Notice(u64, DraftStatus),
}

/// What is known of a peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    /// The highest epoch accepted; survives eviction.
    pub(super) pin: Option<u64>,
    /// The last number given to a message.
    pub(super) sent: u64,
    /// Numbers accepted, for ever.
    pub(super) seen: BTreeSet<u64>,
    /// All below were shown, or given up.
    pub(super) next: u64,
    pub(super) held: BTreeMap<u64, (Received, Instant)>,
    /// When the oldest held message is shown although something is missing.
    pub(super) gap: Option<Instant>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) epochs: Vec<u64>,
    pub(super) used: Instant,
    fetched: Instant,
    refresh: Instant,
}

impl Row {
    pub(super) fn newest(&self) -> u64 {
        self.epochs.last().copied().unwrap_or(0)
    }
}

#[derive(Clone, Copy, Debug)]
struct Hint {
    epoch: u64,
    since: Instant,
    mute: Option<Instant>,
}

/// Something that happens by itself, in the order in which it does at the same moment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    Refresh(Name),
    Lookup(Name),
    Gap(Name),
    Expiry,
    Prompt,
    Again(u64),
    Deadline(u64),
    Erase(u64),
}

#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) now: Instant,
    pub(super) config: DeviceConfig,
    /// Own epochs and, once retired, since when.
    pub(super) keys: BTreeMap<u64, Option<Instant>>,
    pub(super) current: u64,
    pub(super) pending: Option<(u64, bool)>,
    pub(super) contacts: BTreeMap<Name, Contact>,
    pub(super) table: BTreeMap<Name, Row>,
    /// In the order of composing.
    pub(super) drafts: Vec<Draft>,
    pub(super) composed: u64,
    pub(super) answers: BTreeMap<u8, Name>,
    // What a loss of power takes.
    pub(super) arrivals: BTreeMap<(Name, u64), Vec<Arrival>>,
    /// Lookups under way, by peer: one each; when the first copy left.
    pub(super) lookups: BTreeMap<Name, Instant>,
    wanted: BTreeSet<Name>,
    /// No lookup of the peer before this.
    pub(super) pause: BTreeMap<Name, Instant>,
    /// What a lookup said of an epoch, and until when that is believed.
    pub(super) verdicts: BTreeMap<(Name, u64), (NackCode, Instant)>,
    hints: BTreeMap<Name, Hint>,
    pub(super) complained: BTreeSet<Mid>,
    pub(super) desk: Desk,
    online: bool,
    started: Instant,
    // What came of it.
    pub(super) words: Vec<Word>,
    pub(super) sights: Vec<Sight>,
    /// Rows that the machine evicted: which one is free among those not used since the start.
    pub(super) evicted: VecDeque<Name>,
    pub(super) complaint: Option<String>,
}

impl Device {
    pub(super) fn new(now: Instant, config: DeviceConfig) -> Self {
        Self {
            now,
            config,
            keys: BTreeMap::from([(1, None)]),
            current: 1,
            pending: None,
            contacts: BTreeMap::new(),
            table: BTreeMap::new(),
            drafts: Vec::new(),
            composed: 0,
            answers: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            lookups: BTreeMap::new(),
            wanted: BTreeSet::new(),
            pause: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            hints: BTreeMap::new(),
            complained: BTreeSet::new(),
            desk: Desk::default(),
            online: true,
            started: now,
            words: Vec::new(),
            sights: Vec::new(),
            evicted: VecDeque::new(),
            complaint: None,
        }
    }

    pub(super) fn contact(&mut self, peer: Name) -> &mut Contact {
        self.contacts.entry(peer).or_default()
    }

    /// The next moment after now: nothing happens again at the same one.
    pub(super) fn soon(&self, at: Instant) -> Instant {
        at.max(self.now + Duration::from_millis(1))
    }

    // Time.

    pub(super) fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some((at, due)) = self.due().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.happen(due);
        }
        self.now = end;
    }

    fn due(&self) -> Option<(Instant, Due)> {
        let rows = self.table.iter().map(|(peer, row)| (row.refresh, Due::Refresh(peer)));
        let pauses = self.pause.iter().map(|(peer, at)| (*at, Due::Lookup(peer)));
        let gaps = self.contacts.iter().filter_map(|(peer, it)| Some((it.gap?, Due::Gap(peer))));
        let expiry = self.desk.expiry.map(|at| (at, Due::Expiry));
        let expiry = expiry.into_iter().chain(self.desk.latest.map(|at| (at, Due::Prompt)));
        let again = self.drafts.iter().filter_map(|it| Some((it.again?, Due::Again(it.id))));
        let ends = self.drafts.iter().filter_map(|it| Some((it.end()?, Due::Deadline(it.id))));
        let erase = self.keys.iter().filter_map(|(epoch, retired)| {
            Some(((*retired)? + self.config.grace, Due::Erase(*epoch)))
        });
        rows.chain(pauses).chain(gaps).chain(expiry).chain(again).chain(ends).chain(erase).min()
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Refresh(peer) => {
                let at = self.now + self.config.refresh;
                self.table.get_mut(peer).into_iter().for_each(|row| row.refresh = at);
                self.want(peer);
            }
            Due::Lookup(peer) => {
                self.pause.remove(peer);
                if !self.lookups.contains_key(peer) {
                    self.start(peer);
                }
            }
            Due::Gap(peer) => self.release_gap(peer),
            Due::Expiry => self.expire_requests(),
            Due::Prompt => {
                self.desk.latest = None;
                self.show_next();
            }
            Due::Again(draft) => self.submit_again(draft),
            Due::Deadline(draft) => self.end_draft(draft, DraftStatus::Expired),
            Due::Erase(epoch) => {
                self.keys.remove(&epoch);
            }
        }
    }

    /// Power goes and comes back, and the device attaches.
    pub(super) fn restart(&mut self) {
        self.arrivals.clear();
        (self.lookups, self.pause) = (BTreeMap::new(), BTreeMap::new());
        (self.verdicts, self.hints) = (BTreeMap::new(), BTreeMap::new());
        (self.wanted, self.complained) = (BTreeSet::new(), BTreeSet::new());
        (self.desk, self.started) = (Desk::default(), self.now);
        if !self.config.table_durable {
            self.table.clear();
        }
        self.online = false;
        for peer in self.contacts.keys().copied().collect::<Vec<_>>() {
            self.present(peer);
        }
        let soon = self.soon(Instant::START);
        for row in self.table.values_mut() {
            row.refresh = soon.max(row.fetched + self.config.refresh);
        }
        self.resume_drafts();
        self.online = true;
        if let Some((epoch, _)) = self.pending {
            self.words.push(Word::Rotate(epoch));
        }
        for peer in self.wanted.clone() {
            self.start(peer);
        }
    }

    // Lookups: single flight (C02-R6, C14-R3).

    pub(super) fn want(&mut self, peer: Name) {
        if self.lookups.contains_key(peer) {
            return;
        }
        self.wanted.insert(peer);
        if self.online && !self.pause.contains_key(peer) {
            self.start(peer);
        }
    }

    fn start(&mut self, peer: Name) {
        if !self.wanted.contains(peer) {
            return;
        }
        let full = self.table.len() >= self.config.table_capacity;
        if !self.table.contains_key(peer) && full && self.table.keys().all(|it| self.pins(it)) {
            // All rows are pinned, so a new peer waits; a choice of this device: for a second.
            self.pause.insert(peer, self.now + Duration::from_secs(1));
            return;
        }
        self.wanted.remove(peer);
        self.lookups.insert(peer, self.now);
        self.words.push(Word::Lookup(peer));
    }

    /// Verified records came, with these epochs in use: the last of them is the newest.
    pub(super) fn learn(&mut self, peer: Name, epochs: Vec<u64>) {
        let Some(newest) = epochs.last().copied() else { return };
        if self.contact(peer).pin.is_some_and(|pin| newest < pin) {
            return; // A rollback changes nothing (C17-R6).
        }
        let Some(sent) = self.lookups.remove(peer) else { return };
        if self.contact(peer).pin.replace(newest) != Some(newest) {
            self.verdicts.retain(|(user, _), _| *user != peer);
        }
        if !self.table.contains_key(peer) {
            self.make_room();
        }
        let used = self.table.get(peer).map_or(self.now, |row| row.used);
        let (fetched, refresh) = (self.now, self.now + self.config.refresh);
        self.table.insert(peer, Row { epochs, used, fetched, refresh });
        self.resolve_arrivals(peer, sent);
        self.decide_bounced(Some((peer, sent)));
        self.advance(peer);
        self.show_after_lookup(peer);
        self.resolve_hint(peer, sent, newest);
    }

    /// The directory says that there is nobody of this name.
    pub(super) fn unknown(&mut self, peer: Name) {
        let Some(sent) = self.lookups.remove(peer) else { return };
        self.pause.insert(peer, self.now + self.config.negative);
        self.show_after_lookup(peer);
        let left = self.fail_drafts(peer, sent) | self.fail_arrivals(peer, sent);
        if left {
            self.pause.remove(peer);
            self.want(peer);
        }
    }

    /// A hint is only a number: it starts a lookup if it is above the pin of a peer in use (C17-R8).
    pub(super) fn hint(&mut self, peer: Name, epoch: u64) {
        let known = self.contact(peer).pin;
        let mute = self.hints.get(peer).and_then(|hint| hint.mute);
        let muted = mute.is_some_and(|until| self.now < until);
        if self.table.contains_key(peer) && known.is_some_and(|pin| epoch > pin) && !muted {
            self.hints.insert(peer, Hint { epoch, since: self.now, mute: None });
            self.want(peer);
        }
    }

    fn resolve_hint(&mut self, peer: Name, sent: Instant, newest: u64) {
        let mute = self.now + self.config.negative;
        let Some(hint) = self.hints.get_mut(peer) else { return };
        if newest >= hint.epoch {
            self.hints.remove(peer);
        } else if sent >= hint.since {
            // A choice of this device: a wrong hint silences the next for T_neg.
            hint.mute.get_or_insert(mute);
        } else {
            self.want(peer);
        }
    }

    // The table (claims 6 and 16).

    pub(super) fn touch(&mut self, peer: Name) {
        let now = self.now;
        self.table.get_mut(peer).into_iter().for_each(|row| row.used = now);
    }

    /// A row with pending work is not evictable (protocol 4.1). A choice of this device: a draft that bounced
    /// waits for other keys than these.
    fn pins(&self, peer: Name) -> bool {
        let pending = |draft: &Draft| draft.to == peer && matches!(draft.stage, Stage::Waiting);
        self.drafts.iter().any(pending)
            || self.arrivals.keys().any(|(from, _)| *from == peer)
            || self.contacts.get(peer).is_some_and(|contact| !contact.held.is_empty())
    }

    /// Least recently used out. Uses before the last start need not be remembered.
    fn make_room(&mut self) {
        while self.table.len() >= self.config.table_capacity {
            let free = self.table.keys().copied().filter(|peer| !self.pins(peer));
            let mut free: Vec<Name> = free.collect();
            if free.is_empty() {
                // A choice of this device: pinned while the lookup was under way, so one goes all the same.
                free = self.table.keys().copied().collect();
            }
            let used = |peer: &Name| (self.table[peer].used, *peer);
            let old: Vec<Name> =
                free.iter().copied().filter(|it| used(it).0 < self.started).collect();
            let least = free.iter().copied().min_by_key(used);
            let may_go = if old.is_empty() { Vec::from_iter(least) } else { old };
            let Some(gone) = self.evicted.pop_front().or(least) else { return };
            if !may_go.contains(&gone) {
                self.complaint = Some(format!("the row of {gone} goes, not one of {may_go:?}"));
            }
            self.table.remove(gone);
        }
    }

    // Own keys (protocol 4.4).

    pub(super) fn rotate(&mut self, revoke: bool) {
        if self.pending.is_none() {
            let epoch = self.current + 1;
            // Received mail may use it at once (R8).
            self.keys.insert(epoch, None);
            self.pending = Some((epoch, revoke));
            self.words.push(Word::Rotate(epoch));
        }
    }

    pub(super) fn rotated(&mut self) {
        let Some((epoch, revoke)) = self.pending.take() else { return };
        if revoke {
            self.keys.retain(|it, _| *it == epoch);
        } else {
            self.keys.insert(self.current, Some(self.now));
        }
        self.current = epoch;
        self.decide_bounced(None);
    }
}
