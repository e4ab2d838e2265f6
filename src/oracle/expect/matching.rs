//! Whether a record is one of those that an expectation counts.
//!
//! Not here: when it has to come and how often.

use std::collections::BTreeMap;

use crate::base::id::{NodeId, TxnId, UserId};
use crate::oracle::points::{Reached, Tracker};
use crate::oracle::spec::{Check, NameId, NamedThing, Point, Spec};
use crate::trace::fact::{Fact, NoApproval, SignPurpose};
use crate::trace::record::Record;

/// What each named press was about, as far as it counted.
#[derive(Debug, Default)]
pub(super) struct Presses(BTreeMap<NameId, TxnId>);

impl Presses {
    pub(super) fn observe(&mut self, record: &Record, reached: &[Reached], spec: &Spec) {
        let Fact::Button { screen: Some(txn), taken: true, .. } = &record.fact else { return };
        for one in reached {
            let index = usize::try_from(one.of.name.0).unwrap_or(usize::MAX);
            let named = spec.names.get(index).map(|named| &named.what);
            if one.of.point == Point::Pressed && matches!(named, Some(NamedThing::Press { .. })) {
                self.0.insert(one.of.name, *txn);
            }
        }
    }

    fn fits(&self, press: Option<NameId>, txn: &TxnId) -> bool {
        press.is_none_or(|press| self.0.get(&press) == Some(txn))
    }
}

/// What a record is seen beside.
pub(super) struct Scene<'a> {
    pub(super) record: &'a Record,
    pub(super) reached: &'a [Reached],
    pub(super) tracker: &'a Tracker,
    pub(super) presses: &'a Presses,
    pub(super) spec: &'a Spec,
}

impl Scene<'_> {
    /// How many times the record counts for `check`; values at an end and figures are dealt with elsewhere.
    pub(super) fn matches(&self, check: &Check) -> usize {
        let fact = &self.record.fact;
        let hit = match check {
            Check::Reaches { of, point } => {
                let of = |one: &&Reached| one.of.name == *of && one.of.point == *point;
                return self.reached.iter().filter(of).count();
            }
            Check::DisplayedText { of, text } => {
                self.displayed(*of).is_some_and(|shown| shown == text)
            }
            Check::Lookups { by, of } => {
                self.at(*by) && matches!(fact, Fact::Lookup { peer, .. } if is(of, peer))
            }
            Check::Derivations { by, of } => {
                self.at(*by) && matches!(fact, Fact::Derive { peer, .. } if is(of, peer))
            }
            Check::Selections { by, of, outcome: wanted } => {
                let fits = matches!(
                    fact,
                    Fact::Select { peer, outcome, .. } if is(of, peer) && outcome == wanted
                );
                self.at(*by) && fits
            }
            Check::Evictions { by, of } => {
                self.at(*by) && matches!(fact, Fact::Evict { peer, .. } if is(of, peer))
            }
            Check::Alarm { by, kind } => {
                let fits = matches!(
                    fact,
                    Fact::Alarm { what, .. } if kind.is_none_or(|kind| kind == *what)
                );
                self.at(*by) && fits
            }
            Check::ConfirmAsked { by, of } => {
                self.at(*by) && matches!(fact, Fact::ConfirmAsked { peer, .. } if is(of, peer))
            }
            Check::Signed { by } => {
                let sign = matches!(fact, Fact::Sign { purpose: SignPurpose::Approval, .. });
                self.at(*by) && sign
            }
            Check::RejectedMessage { by, why } => {
                let fits = matches!(
                    fact,
                    Fact::Reject { why: found, .. } if is_word(why.as_deref(), found.name())
                );
                self.at(*by) && fits
            }
            Check::Rotated { by } => self.at(*by) && matches!(fact, Fact::RotateDone { .. }),
            Check::Frames { by, kind, up } => self.at(*by) && self.frame(kind, *up),
            Check::Prompted { .. }
            | Check::Approved { .. }
            | Check::Rejected { .. }
            | Check::Notice { .. }
            | Check::Refused { .. } => self.answers(check),
            Check::EpochOf { .. }
            | Check::StateIs { .. }
            | Check::Finding { .. }
            | Check::Slo { .. }
            | Check::Share { .. }
            | Check::Healed { .. }
            | Check::Lost { .. } => false,
        };
        usize::from(hit)
    }

    /// What this record shows of the message to its user.
    pub(super) fn displayed(&self, of: NameId) -> Option<&str> {
        let Fact::Display { mid, text, .. } = &self.record.fact else { return None };
        (self.tracker.message(mid) == Some(of)).then_some(text.as_str())
    }

    fn answers(&self, check: &Check) -> bool {
        let fact = &self.record.fact;
        let is_of = |txn: &TxnId, request: NameId| self.tracker.request(txn) == Some(request);
        if let Check::Prompted { request } = check {
            matches!(fact, Fact::Prompt(shown) if is_of(&shown.txn, *request))
        } else if let Check::Approved { request, press, valid: None } = check {
            matches!(fact, Fact::Approved(made)
                if is_of(&made.txn, *request) && self.presses.fits(*press, &made.txn))
        } else if let Check::Approved { request, press, valid: Some(wanted) } = check {
            matches!(fact, Fact::ApprovalSeen { txn, valid, .. }
                if valid == wanted && is_of(txn, *request) && self.presses.fits(*press, txn))
        } else if let Check::Rejected { request, press } = check {
            matches!(fact, Fact::NotApproved { txn, why: NoApproval::Rejected }
                if is_of(txn, *request) && self.presses.fits(*press, txn))
        } else if let Check::Notice { of, status: wanted } = check {
            let user = self.record.id.node.user();
            matches!(fact, Fact::Notice { draft, status, .. } if status == wanted
                && user.and_then(|user| self.tracker.draft(user, *draft)) == Some(*of))
        } else if let Check::Refused { by: user, code: wanted } = check {
            matches!(fact, Fact::Refuse { by, code, .. }
                if self.spec.user(*user) == Some(by) && is_word(wanted.as_deref(), code))
        } else {
            false
        }
    }

    /// Up: sent by the device. Down: arrived at it; a sender in the server does not name the link.
    fn frame(&self, wanted: &str, up: bool) -> bool {
        let (Fact::Tx(frame) | Fact::Rx(frame)) = &self.record.fact else { return false };
        let sent = matches!(self.record.fact, Fact::Tx(_));
        let kind = frame.kind.is_some_and(|kind| kind.name() == wanted);
        kind && frame.up == up && sent == up
    }

    fn at(&self, user: u32) -> bool {
        self.record.id.node == NodeId::device(user)
    }
}

fn is(wanted: &Option<UserId>, found: &UserId) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted == found)
}

fn is_word(wanted: Option<&str>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}
