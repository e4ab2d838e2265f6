//! What a run measures: times from hand to eye, counts of work, and how long faults take to heal.
//!
//! Not here: whether a figure is good enough (`expect`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Mid, ReqId, TxnId};
use crate::base::time::{Duration, Instant};
use crate::oracle::points::Tracker;
use crate::oracle::spec::{NameId, Spec};
use crate::trace::fact::{About, Content, DraftStatus, Fact, FrameFact, FrameKind, Selection};
use crate::trace::record::{Record, RecordId};

/// One figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Measured {
    /// Something happened once more.
    Count(Cow<'static, str>),
    /// Something took time, from a moment on.
    Time(Cow<'static, str>, Instant, Duration),
}

/// Follows every message from its composition to its end.
#[derive(Debug, Default)]
pub struct Measure {
    flights: BTreeMap<(u32, DraftId), Flight>,
    by_mid: BTreeMap<Mid, (u32, DraftId)>,
    /// Flights neither displayed nor ended.
    open: u64,
    /// Messages accepted, by name.
    accepted: BTreeMap<NameId, u64>,
    lookups: BTreeSet<(u32, ReqId)>,
    /// Requests that have come and are not yet shown: their names, and when they were composed.
    come: BTreeMap<Mid, Asked>,
    /// Requests that were shown and not yet answered.
    shown: BTreeMap<TxnId, Asked>,
    faults: BTreeMap<String, Fault>,
}

type Asked = (Option<NameId>, Instant);

#[derive(Debug)]
struct Flight {
    name: Option<NameId>,
    composed: Instant,
    mid: Option<Mid>,
    req: Option<ReqId>,
    accepted: bool,
    answered: bool,
    over: bool,
}

/// A fault and what it held up.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: String,
    /// When it began.
    pub start: Instant,
    /// When it ended.
    pub end: Option<Instant>,
    /// Messages composed before its end that are not yet through.
    pub remaining: u64,
    /// When the last of them was through, and the record that says so.
    pub healed: Option<(Instant, RecordId)>,
}

impl Measure {
    /// Takes one record and says what it measures, in the place of what is there.
    pub fn observe(
        &mut self,
        record: &Record,
        tracker: &Tracker,
        spec: &Spec,
        measured: &mut Vec<Measured>,
    ) {
        measured.clear();
        self.count(record, measured);
        self.outward(record, tracker, spec, measured);
        self.inward(record, spec, measured);
        self.fault(record, measured);
    }

    /// A fault by name.
    #[must_use]
    pub fn fault_named(&self, name: &str) -> Option<&Fault> {
        self.faults.get(name)
    }

    /// Messages of this name that were accepted and are neither seen, reported nor expired.
    pub fn lost(&self, name: NameId) -> impl Iterator<Item = &Mid> {
        let lost = move |it: &&Flight| it.name == Some(name) && it.accepted && !it.over;
        self.flights.values().filter(lost).filter_map(|flight| flight.mid.as_ref())
    }

    /// Messages of this name that were accepted at all.
    #[must_use]
    pub fn accepted(&self, name: NameId) -> u64 {
        self.accepted.get(&name).copied().unwrap_or(0)
    }

    fn count(&mut self, record: &Record, measured: &mut Vec<Measured>) {
        let fact = &record.fact;
        let name = if let Fact::Lookup { req, .. } = fact {
            if let Some(user) = record.id.node.user() {
                self.lookups.insert((user, *req));
            }
            "lookups"
        } else if let Fact::Derive { .. } = fact {
            "derivations"
        } else if let Fact::Evict { .. } = fact {
            "evictions"
        } else if let Fact::Select { outcome, .. } = fact {
            if *outcome == Selection::Hit { "table.hit" } else { "table.miss" }
        } else if let Fact::Tx(frame) = fact {
            if self.is_again(record, frame) {
                measured.push(Measured::Count(Cow::Borrowed("retransmissions")));
            }
            "frames.sent"
        } else if let Fact::Lost { .. } = fact {
            "frames.lost"
        } else if let Fact::Duplicate { .. } = fact {
            "duplicates"
        } else if let Fact::Approved(_) = fact {
            "approvals"
        } else if let Fact::RotateDone { .. } = fact {
            "rotations"
        } else {
            return;
        };
        measured.push(Measured::Count(Cow::Borrowed(name)));
    }

    /// Whether this transmission repeats a request: the same number a second time.
    fn is_again(&mut self, record: &Record, frame: &FrameFact) -> bool {
        let Some(user) = record.id.node.user().filter(|_| record.id.node.is_device()) else {
            return false;
        };
        if frame.kind == Some(FrameKind::LookupKey) {
            return !self.lookups.remove(&(user, frame.req));
        }
        if frame.kind != Some(FrameKind::Submit) {
            return false;
        }
        let About::Message(mid, _) = &frame.about else { return false };
        let flight = self.by_mid.get(mid).and_then(|key| self.flights.get_mut(key));
        flight.is_some_and(|flight| flight.req.replace(frame.req) == Some(frame.req))
    }

    fn outward(
        &mut self,
        record: &Record,
        tracker: &Tracker,
        spec: &Spec,
        measured: &mut Vec<Measured>,
    ) {
        let Some(user) = record.id.node.user() else { return };
        if let Fact::Compose { draft, .. } = &record.fact {
            let flight = Flight {
                name: tracker.draft(user, *draft),
                composed: record.at,
                mid: None,
                req: None,
                accepted: false,
                answered: false,
                over: false,
            };
            measured.push(Measured::Count(Cow::Borrowed("composed")));
            if self.flights.insert((user, *draft), flight).is_none_or(|before| before.over) {
                self.open += 1;
            }
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let key = (user, sealing.draft);
            // The number of a message that the server holds stays its own (see `points`).
            let owner = self.by_mid.get(&sealing.mid).filter(|owner| **owner != key);
            let taken =
                owner.and_then(|owner| self.flights.get(owner)).is_some_and(|it| it.accepted);
            if !taken
                && let Some(flight) = self.flights.get_mut(&key)
                && flight.mid.as_ref() != Some(&sealing.mid)
            {
                flight.mid = Some(sealing.mid.clone());
                self.by_mid.insert(sealing.mid.clone(), key);
            }
        } else if let Fact::Notice { draft, status, .. } = &record.fact {
            if matches!(status, DraftStatus::Expired | DraftStatus::Failed) {
                self.end((user, *draft), record, measured);
            }
        } else if let Fact::Rx(frame) = &record.fact
            && record.id.node.is_device()
            && frame.kind == Some(FrameKind::SubmitAck)
            && let About::Message(mid, _) = &frame.about
        {
            self.answer(mid, record.at, spec, measured);
        }
    }

    fn answer(&mut self, mid: &Mid, at: Instant, spec: &Spec, measured: &mut Vec<Measured>) {
        let Some(key) = self.by_mid.get(mid).copied() else { return };
        let Some(flight) = self.flights.get_mut(&key) else { return };
        if !flight.answered {
            flight.answered = true;
            time((flight.name, flight.composed), "response", at, spec, measured);
            self.forget(key);
        }
    }

    fn inward(&mut self, record: &Record, spec: &Spec, measured: &mut Vec<Measured>) {
        if let Fact::ApprovalSeen { txn, .. } | Fact::DeclineSeen { txn, .. } = &record.fact {
            if let Some(asked) = self.shown.remove(txn) {
                time(asked, "answer", record.at, spec, measured);
            }
            return;
        }
        if let Fact::Prompt(shown) = &record.fact {
            let come = shown.request.as_ref().and_then(|mid| self.come.remove(mid));
            if let Some(asked) = come {
                self.shown.insert(shown.txn, asked);
            }
            return;
        }
        if let Fact::Accept { mid, .. } = &record.fact {
            let flight = self.by_mid.get(mid).and_then(|key| self.flights.get_mut(key));
            if let Some(flight) = flight
                && !std::mem::replace(&mut flight.accepted, true)
                && let Some(name) = flight.name
            {
                *self.accepted.entry(name).or_default() += 1;
            }
            return;
        }
        if let Fact::Expire { mid, .. } = &record.fact {
            if let Some(key) = self.by_mid.get(mid).copied() {
                self.end(key, record, measured);
            }
            return;
        }
        let (Fact::Display { mid, kind, .. } | Fact::Processed { mid, kind }) = &record.fact else {
            return;
        };
        let Some(key) = self.by_mid.get(mid).copied() else { return };
        if let Some(flight) = self.flights.get(&key)
            && !flight.over
        {
            let asked = (flight.name, flight.composed);
            if *kind == Content::Request {
                self.come.insert(mid.clone(), asked);
            }
            time(asked, "delivery", record.at, spec, measured);
            self.end(key, record, measured);
        }
    }

    /// A message is through: seen, or given up with its sender's knowledge.
    fn end(&mut self, key: (u32, DraftId), record: &Record, measured: &mut Vec<Measured>) {
        let Some(flight) = self.flights.get_mut(&key).filter(|flight| !flight.over) else { return };
        flight.over = true;
        self.open = self.open.saturating_sub(1);
        let composed = flight.composed;
        for fault in self.faults.values_mut() {
            let Some(end) = fault.end.filter(|end| composed <= *end) else { continue };
            if fault.remaining > 0 {
                fault.remaining -= 1;
                if fault.remaining == 0 {
                    fault.healed = Some((record.at, record.id));
                    let name = Cow::Owned(format!("heal.{}", fault.kind));
                    measured.push(Measured::Time(name, end, record.at.since(end)));
                }
            }
        }
        self.forget(key);
    }

    /// Keeps nothing of a message whose both ends are known.
    fn forget(&mut self, key: (u32, DraftId)) {
        let Some(flight) = self.flights.get(&key) else { return };
        if !(flight.over && flight.answered) {
            return;
        }
        if let Some(mid) = self.flights.remove(&key).and_then(|flight| flight.mid) {
            self.by_mid.remove(&mid);
        }
    }

    fn fault(&mut self, record: &Record, measured: &mut Vec<Measured>) {
        if let Fact::FaultStart { name, kind } = &record.fact {
            let kind = kind.clone();
            let start = record.at;
            let fault = Fault { kind, start, end: None, remaining: 0, healed: None };
            self.faults.insert(name.clone(), fault);
        } else if let Fact::FaultEnd { name } = &record.fact
            && let Some(fault) = self.faults.get_mut(name)
        {
            fault.end = Some(record.at);
            fault.remaining = self.open;
            if self.open == 0 {
                fault.healed = Some((record.at, record.id));
                let name = Cow::Owned(format!("heal.{}", fault.kind));
                measured.push(Measured::Time(name, record.at, Duration::ZERO));
            }
        }
    }
}

/// Notes the time since a composition under the metric itself and under the message's name.
fn time(
    (name, composed): Asked,
    what: &'static str,
    at: Instant,
    spec: &Spec,
    measured: &mut Vec<Measured>,
) {
    let span = at.since(composed);
    measured.push(Measured::Time(Cow::Borrowed(what), composed, span));
    let index = name.and_then(|name| usize::try_from(name.0).ok());
    if let Some(named) = index.and_then(|index| spec.names.get(index)) {
        let name = Cow::Owned(format!("{}.{what}", named.name));
        measured.push(Measured::Time(name, composed, span));
    }
}
