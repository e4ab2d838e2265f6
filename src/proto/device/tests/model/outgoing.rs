//! Drafts in the model of the device: waiting, submitted, accepted, bounced, and their ends.
//!
//! Written from protocol 4.2, 4.3 and 4.5. Not here: lookups and the table (`reference`).

use crate::base::id::{Mid, Seq, UserId};
use crate::base::time::{Duration, Instant};
use crate::proto::device::tests::model::reference::{Content, Device, Name, Sight, Word};
use crate::trace::fact::DraftStatus;
use crate::wire::code::{NackCode, Report};

/// Drafts that the device makes by itself are numbered from here on.
const OWN: u64 = 1 << 63;

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) id: u64,
    pub(super) to: Name,
    content: Content,
    /// When an approval is of no use any more.
    deadline: Option<Instant>,
    pub(super) stage: Stage,
    /// When it is submitted again because the mailbox was full.
    pub(super) again: Option<Instant>,
}

/// The fixed octets of a draft, as far as it is decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sealed {
    pub(super) seq: u64,
    pub(super) attempt: u64,
    pub(super) epochs: (u64, u64),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Waiting,
    Submitted(Sealed),
    Accepted(Sealed),
    /// Only a lookup sent later than `since` decides; `grows` says whether it is the next attempt.
    Bounced {
        sealed: Sealed,
        since: Instant,
        answered: bool,
        grows: bool,
    },
}

impl Draft {
    /// When it ends by itself. Mail lives longer than any script.
    pub(super) fn end(&self) -> Option<Instant> {
        self.deadline.filter(|_| !matches!(self.stage, Stage::Accepted(_)))
    }

    fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }
}

impl Device {
    pub(super) fn send(&mut self, id: u64, to: Name, text: String) {
        self.compose(Some(id), to, Content::Text(text), None);
    }

    pub(super) fn compose(
        &mut self,
        id: Option<u64>,
        to: Name,
        content: Content,
        deadline: Option<Instant>,
    ) {
        let id = id.unwrap_or(OWN + self.composed);
        self.composed += 1;
        let (stage, again) = (Stage::Waiting, None);
        self.drafts.push(Draft { id, to, content, deadline, stage, again });
        self.advance(to);
    }

    /// Everything for a peer that waits is encrypted if there is a row; otherwise the peer is looked up.
    pub(super) fn advance(&mut self, peer: Name) {
        let waiting = self.drafts.iter().filter(|draft| draft.to == peer && draft.is_waiting());
        for id in waiting.map(|draft| draft.id).collect::<Vec<_>>() {
            if !self.table.contains_key(peer) {
                return self.want(peer);
            }
            self.encrypt(id, None, 1);
        }
    }

    /// Under the newest epoch of the peer and the recorded one of its own (R13).
    fn encrypt(&mut self, id: u64, seq: Option<u64>, attempt: u64) {
        let Some(at) = self.drafts.iter().position(|draft| draft.id == id) else { return };
        if self.drafts[at].end().is_some_and(|end| end <= self.now) {
            return self.end_draft(id, DraftStatus::Expired);
        }
        let to = self.drafts[at].to;
        let epochs = (self.current, self.table[to].newest());
        let contact = self.contact(to);
        contact.sent += u64::from(seq.is_none());
        let seq = seq.unwrap_or(contact.sent);
        self.touch(to);
        self.drafts[at].stage = Stage::Submitted(Sealed { seq, attempt, epochs });
        self.submit(at);
    }

    fn submit(&mut self, at: usize) {
        let Draft { to, content, stage, .. } = self.drafts[at].clone();
        if let Stage::Submitted(Sealed { seq, attempt, epochs }) = stage {
            self.words.push(Word::Submit { to, seq, attempt, epochs, content });
        }
    }

    pub(super) fn submit_again(&mut self, id: u64) {
        if let Some(at) = self.drafts.iter().position(|draft| draft.id == id) {
            self.drafts[at].again = None;
            self.submit(at);
        }
    }

    /// After a start every draft goes on where it was, the same octets if they are fixed.
    pub(super) fn resume_drafts(&mut self) {
        for draft in &mut self.drafts {
            draft.again = None;
        }
        for id in self.drafts.iter().map(|draft| draft.id).collect::<Vec<_>>() {
            let Some(draft) = self.drafts.iter().find(|draft| draft.id == id) else { continue };
            match draft.stage {
                Stage::Waiting => self.advance(draft.to),
                Stage::Submitted(_) => self.submit_again(id),
                Stage::Accepted(_) => {}
                Stage::Bounced { sealed, grows, .. } => self.bounce(id, sealed, grows),
            }
        }
    }

    // Answers to the octets of a submission, if they are still the draft's.

    pub(super) fn accepted(&mut self, to: Name, sealed: Sealed) {
        if let Some(id) = self.submitted(to, sealed) {
            self.change(id, |draft| draft.stage = Stage::Accepted(sealed));
            self.notice(id, DraftStatus::Sent);
        }
    }

    /// A refusal at Submit stored nothing, so the attempt stays.
    pub(super) fn stale(&mut self, to: Name, sealed: Sealed) {
        if let Some(id) = self.submitted(to, sealed) {
            self.bounce(id, sealed, false);
        }
    }

    pub(super) fn full(&mut self, to: Name, sealed: Sealed, wait: Duration) {
        let at = self.now + wait;
        if let Some(id) = self.submitted(to, sealed) {
            self.change(id, |draft| draft.again = Some(at));
        }
    }

    /// The number is taken by other content, so the device was rolled back: it jumps ahead (protocol 3.4).
    pub(super) fn taken(&mut self, to: Name, sealed: Sealed, least_free: u64) {
        if let Some(id) = self.submitted(to, sealed) {
            let contact = self.contact(to);
            contact.sent = contact.sent.max(least_free - 1);
            self.change(id, |draft| draft.stage = Stage::Waiting);
            self.advance(to);
        }
    }

    /// What became of an attempt. Only the present one counts; all are acknowledged.
    pub(super) fn report(&mut self, to: Name, seq: u64, attempt: u64, report: Report) {
        let of = self.drafts.iter().find_map(|draft| match draft.stage {
            Stage::Submitted(sealed) | Stage::Accepted(sealed) => {
                let same = draft.to == to && (sealed.seq, sealed.attempt) == (seq, attempt);
                same.then_some((draft.id, sealed))
            }
            Stage::Waiting | Stage::Bounced { .. } => None,
        });
        let Some((id, sealed)) = of else { return };
        match report {
            Report::Delivered => self.end_draft(id, DraftStatus::Delivered),
            Report::Expired => self.end_draft(id, DraftStatus::Expired),
            // No automatic resend (protocol 3.4).
            Report::Bounced(NackCode::TooOld) => self.end_draft(id, DraftStatus::Failed),
            Report::Bounced(_) => self.bounce(id, sealed, true),
        }
    }

    fn bounce(&mut self, id: u64, sealed: Sealed, grows: bool) {
        let since = self.now;
        self.change(id, |draft| {
            draft.stage = Stage::Bounced { sealed, since, answered: false, grows };
            draft.again = None;
        });
        let to = self.drafts.iter().find(|draft| draft.id == id).map(|draft| draft.to);
        to.into_iter().for_each(|to| self.want(to));
    }

    /// Bounced drafts are encrypted again once per attempt, and only if other epochs would be used, else they
    /// failed; every decision waits for the answer to an own rotation.
    pub(super) fn decide_bounced(&mut self, looked_up: Option<(Name, Instant)>) {
        if let Some((peer, sent)) = looked_up {
            let mut left = false;
            for draft in self.drafts.iter_mut().filter(|draft| draft.to == peer) {
                if let Stage::Bounced { since, answered, .. } = &mut draft.stage {
                    *answered |= sent >= *since;
                    left |= !*answered;
                }
            }
            if left {
                self.want(peer);
            }
        }
        if self.pending.is_some() {
            return;
        }
        let mut ready: Vec<(u64, Name, Sealed, bool)> = self
            .drafts
            .iter()
            .filter_map(|draft| match draft.stage {
                Stage::Bounced { sealed, answered: true, grows, .. } => {
                    Some((draft.id, draft.to, sealed, grows))
                }
                _ => None,
            })
            .collect();
        ready.sort_unstable_by_key(|(id, ..)| *id);
        for (id, to, sealed, grows) in ready {
            match self.table.get(to).map(|row| (self.current, row.newest())) {
                None => self.bounce(id, sealed, grows),
                Some(now) if now == sealed.epochs => self.end_draft(id, DraftStatus::Failed),
                Some(_) => {
                    self.encrypt(id, Some(sealed.seq), sealed.attempt + u64::from(grows));
                }
            }
        }
    }

    /// There is nobody of this name: what waits fails, and what bounced before the directory was asked.
    pub(super) fn fail_drafts(&mut self, peer: Name, sent: Instant) -> bool {
        let mut left = false;
        let mut failed = Vec::new();
        for draft in self.drafts.iter().filter(|draft| draft.to == peer) {
            match draft.stage {
                Stage::Waiting => failed.push(draft.id),
                Stage::Bounced { since, .. } if sent >= since => failed.push(draft.id),
                Stage::Bounced { .. } => left = true,
                Stage::Submitted(_) | Stage::Accepted(_) => {}
            }
        }
        failed.into_iter().for_each(|id| self.end_draft(id, DraftStatus::Failed));
        left
    }

    pub(super) fn end_draft(&mut self, id: u64, status: DraftStatus) {
        self.drafts.retain(|draft| draft.id != id);
        self.notice(id, status);
    }

    pub(super) fn notice(&mut self, id: u64, status: DraftStatus) {
        self.sights.push(Sight::Notice(id, status));
    }

    fn change(&mut self, id: u64, change: impl FnMut(&mut Draft)) {
        self.drafts.iter_mut().find(|draft| draft.id == id).into_iter().for_each(change);
    }

    fn submitted(&self, to: Name, octets: Sealed) -> Option<u64> {
        let mut drafts = self.drafts.iter().filter(|draft| draft.to == to);
        let same = |draft: &&Draft| matches!(draft.stage, Stage::Submitted(it) if it == octets);
        drafts.find(same).map(|draft| draft.id)
    }
}

/// The name of a message from a peer.
pub(super) fn mid(from: &str, to: &str, seq: u64) -> Mid {
    let user = |name: &str| UserId::new(name).unwrap();
    Mid { sender: user(from), receiver: user(to), seq: Seq(seq) }
}
