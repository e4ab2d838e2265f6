//! S-18: what a mailbox accepted is stored, leased, acknowledged, expired or bounced, and in one of these only.
//!
//! Not here: what the receiver does with it (S-03), or how long it takes (L-01).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, account_of, facts, frames, negative, positive};
use crate::oracle::mail::{Item, Letter, Mail, Place};
use crate::oracle::spec::{Circumstances, Spec};
use crate::trace::fact::{About, Fact, FrameKind, Sealing};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-18";
const STORED_ONCE: [Requirement; 1] = [Requirement::of(9, 6)];
const KEPT: [Requirement; 2] = [Requirement::of(9, 4), Requirement::of(9, 5)];
const FORWARDED: [Requirement; 1] = [Requirement::of(9, 1)];
/// Refusals of new content: what a mailbox holds already is known to it, or in conflict (protocol 4.5).
const JUDGES_NEW: [&str; 4] = ["STALE_EPOCH", "QUEUE_FULL", "TOO_BIG", "EXPIRED"];
/// How long the news of an expiry may be on its way between two accounts, beside their latency.
const NEWS: Duration = Duration::from_secs(10);

/// The judge of S-18.
#[derive(Debug, Default)]
pub struct MailIsConserved {
    mail: Mail,
    /// When an account last offered a message for the first time, by that message's acceptance.
    overtaken: BTreeMap<u32, RecordId>,
    /// When each account stopped last.
    stopped: BTreeMap<u32, Instant>,
    /// What its receiver refused since its present attempt was stored.
    refused: BTreeSet<Mid>,
    /// Accounts that refused a submission because they were full.
    full: BTreeSet<u32>,
    /// Expired, and not yet reported.
    expired: BTreeMap<Mid, (RecordId, Instant)>,
    /// Users whose identity was ended: nobody waits for what becomes of its mail.
    ended: BTreeSet<UserId>,
    /// Accounts of which something expired, and which nobody has polled since.
    unasked: BTreeSet<u32>,
}

impl MailIsConserved {
    fn accept(&mut self, record: &Record, letter: &Letter, before: Option<&Item>, d: &mut Docket) {
        let Fact::Accept { attempt, known, content, .. } = &record.fact else { return };
        let mid = &letter.0;
        let bounced = before.is_some_and(|item| matches!(item.place, Place::Bounced(_)));
        let earlier = before.filter(|item| !(bounced && *attempt == item.attempt + 1));
        match (known, earlier) {
            (false, Some(item)) => {
                let message = format!(
                    "{mid} attempt {attempt} is stored although attempt {} is {}",
                    item.attempt, item.place
                );
                let records = [item.record, record.id];
                d.violation(ID, &STORED_ONCE, record.at, &records, message);
            }
            (false, None) if self.mail.has_ended(letter) => {
                let message = format!("{mid} is stored again although it ended");
                d.violation(ID, &STORED_ONCE, record.at, &[record.id], message);
            }
            (true, Some(item)) if *attempt == item.attempt && *content != item.content => {
                let message = format!("{mid} is acknowledged, but other content is stored");
                d.violation(ID, &STORED_ONCE, record.at, &[item.record, record.id], message);
            }
            (true, _) => d.shown(ID, &[positive(9, 6), negative(9, 6)]),
            (false, None) => d.shown(ID, &[]),
        }
    }

    /// Only a bounce makes the next attempt of a number: a refusal at Submit stored nothing (protocol 4.5).
    fn encrypted(&self, record: &Record, sealing: &Sealing, spec: &Spec, d: &mut Docket) {
        let Circumstances { reset, restore, altered, adversary, .. } = spec.circumstances;
        if sealing.attempt == 1 || reset || restore || altered || adversary {
            return;
        }
        let (mid, attempt) = (&sealing.mid, sealing.attempt);
        let bounced = |item: &&Item| matches!(item.place, Place::Bounced(_));
        let before = self.mail.get(mid).filter(bounced).filter(|it| it.attempt + 1 == attempt);
        if before.is_some() {
            return d.shown(ID, &[]);
        }
        let message = format!("{mid} is attempt {attempt}, and the one before it did not bounce");
        d.violation(ID, &STORED_ONCE, record.at, &[record.id], message);
    }

    fn moved(
        &mut self,
        record: &Record,
        letter: &Letter,
        before: Option<&Item>,
        spec: &Spec,
        d: &mut Docket,
    ) {
        let mid = &letter.0;
        let Some(item) = before else {
            let (cited, how) = if self.mail.has_ended(letter) {
                (&KEPT[..], "although it ended")
            } else {
                (&FORWARDED[..], "in a mailbox that never accepted it")
            };
            d.violation(ID, cited, record.at, &[record.id], format!("{mid} moves {how}"));
            return;
        };
        if let Some(why) = self.bounces_wrongly(record, mid, item, spec) {
            d.violation(ID, &KEPT, record.at, &[item.record, record.id], why);
            return;
        }
        if !item.place.is_held() {
            let message = format!("{mid} moves although it is {}", item.place);
            d.violation(ID, &KEPT, record.at, &[item.record, record.id], message);
            return;
        }
        if let Fact::Offer { pushed, .. } = &record.fact {
            if item.offers == 0 {
                let latest = self.overtaken.entry(item.account).or_insert(item.record);
                *latest = (*latest).max(item.record);
            }
            let stopped = self.stopped.get(&item.account).is_some_and(|at| *at >= item.accepted);
            // What was not stored before it was sent is gone after a stop.
            let count = 1 + usize::from(stopped);
            d.shown(ID, &[positive(9, 1), negative(9, 1)][..count]);
            if item.offers > 0 && !pushed {
                // What was not acknowledged is offered again.
                d.shown(ID, &[positive(10, 4), negative(10, 4)]);
            }
        } else if let Fact::Acked { .. } = &record.fact {
            // It was kept although it had been sent, or for as long as its receiver stayed away.
            let kept = item.offers > 1 || record.at.since(item.accepted) > spec.server.lease;
            d.shown(ID, &[positive(9, 4)][..usize::from(kept)]);
        } else if let Fact::Expire { .. } = &record.fact {
            self.unasked.insert(item.account);
            if !self.ended.contains(&mid.sender) {
                self.expired.insert(mid.clone(), (record.id, record.at));
            }
        } else {
            d.shown(ID, &[]);
        }
    }

    /// What is wrong with a bounce: a refusal counts for the attempt about which it was sent (protocol 4.3).
    fn bounces_wrongly(
        &self,
        record: &Record,
        mid: &Mid,
        item: &Item,
        spec: &Spec,
    ) -> Option<String> {
        let Fact::Bounce { code, .. } = &record.fact else { return None };
        let Circumstances { reset, altered, adversary, .. } = spec.circumstances;
        let attempt = item.attempt;
        if item.offers == 0 && !reset {
            Some(format!("{mid} bounces as {code}, but nobody was offered it"))
        } else if !self.refused.contains(mid) && !reset && !altered && !adversary {
            Some(format!("{mid} bounces as {code}, but nobody refused attempt {attempt}"))
        } else {
            None
        }
    }
}

impl Oracle for MailIsConserved {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, PowerOff, Encrypt, Reset, Accept, Refuse, Offer, Restored, Acked, Nacked,
            Expire, Bounce, Report, Polled, Tx
        ]
        .frames(frames![DeliverNack])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Some((letter, before)) = self.mail.observe(record) {
            if let Fact::Accept { known, .. } = &record.fact {
                if !known {
                    self.refused.remove(&letter.0);
                }
                self.accept(record, &letter, before.as_ref(), docket);
            } else {
                self.moved(record, &letter, before.as_ref(), spec, docket);
            }
            return;
        }
        if let Fact::Tx(frame) = &record.fact
            && let (Some(FrameKind::DeliverNack), About::Message(mid, _)) =
                (frame.kind, &frame.about)
        {
            self.refused.insert(Mid::clone(mid));
        } else if let Fact::Encrypt(sealing) = &record.fact {
            self.encrypted(record, sealing, spec, docket);
        } else if let Fact::Report { mid, what, .. } = &record.fact
            && what.eq_ignore_ascii_case("expired")
            && self.expired.remove(mid).is_some()
        {
            docket.shown(ID, &[positive(9, 4)]);
        } else if let Fact::Refuse { code, mid: Some(mid), .. } = &record.fact
            && JUDGES_NEW.contains(&code.as_str())
            && let Some(item) = self.mail.get(mid).filter(|item| item.place.is_held())
            && !spec.circumstances.reset
        {
            let message = format!("{mid} is {} and refused as {code}", item.place);
            docket.violation(ID, &STORED_ONCE, record.at, &[item.record, record.id], message);
        } else if let Fact::Refuse { code, .. } = &record.fact {
            if code == "QUEUE_FULL" {
                self.full.extend(account_of(record));
                docket.shown(ID, &[positive(9, 5)]);
            } else if code == "SEQ_CONFLICT" {
                docket.shown(ID, &[positive(9, 6), negative(9, 6)]);
            }
        } else if let Fact::Nacked { counted: false, .. } = &record.fact {
            // A refusal of something else than what is there does not end its stay.
            docket.shown(ID, &[negative(9, 4)]);
        } else if let Fact::Polled { .. } = &record.fact {
            if account_of(record).is_some_and(|account| self.unasked.remove(&account)) {
                // What expired does not come back when its receiver does.
                docket.shown(ID, &[negative(9, 4)]);
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.stopped.extend(account_of(record).map(|account| (account, record.at)));
        } else if let Fact::PowerOn { .. } | Fact::Reset { .. } = &record.fact {
            if let Fact::Reset { user } = &record.fact {
                self.ended.insert(user.clone());
                self.expired.retain(|mid, _| mid.sender != *user);
            }
            // After either, offering begins anew with the oldest.
            if let Some(account) = account_of(record) {
                self.overtaken.remove(&account);
            }
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        let mut dropped = BTreeSet::new();
        for ((mid, _), item) in self.mail.iter() {
            let overtaken = self.overtaken.get(&item.account).copied();
            let passed = overtaken.is_some_and(|latest| latest > item.record);
            if item.place == Place::Stored && item.offers == 0 && passed {
                dropped.insert(item.account);
                let message = format!("{mid} was accepted and never offered, but later mail was");
                docket.violation(ID, &KEPT, item.accepted, &[item.record], message);
            }
            let over = item.accepted + spec.server.ttl;
            if item.place.is_held() && docket.now > over + NEWS {
                let message = format!("{mid} is past its time, and the mailbox says nothing of it");
                docket.violation(ID, &KEPT, over, &[item.record], message);
            }
        }
        for _ in self.full.difference(&dropped) {
            docket.shown(ID, &[negative(9, 5)]);
        }
        for (mid, (record, at)) in &self.expired {
            if docket.now > *at + spec.internal + NEWS {
                let message = format!("{mid} expired and its sender's account was not told");
                docket.violation(ID, &KEPT, *at, &[*record], message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::StopCause;
    use crate::verdict::requirement::Polarity;

    fn messages(story: &Story) -> Vec<String> {
        let docket = story.judge(MailIsConserved::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_message_that_is_offered_after_a_stop_is_evidence() {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        story.at(10).account(1, Fact::PowerOff { why: StopCause::Crash });
        story.at(20).offers(0, 1, 1);
        let docket = story.judge(MailIsConserved::default());
        assert_eq!(docket.evidence.count(Requirement::of(9, 1), Polarity::Negative), 1);
    }

    #[test]
    fn a_message_that_is_stored_offered_and_acknowledged_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        story.offers(0, 1, 1);
        story.acks(0, 1, 1);
        let docket = story.judge(MailIsConserved::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(9, 1), Polarity::Positive), 1);
    }

    #[test]
    fn a_message_kept_through_an_offer_that_nobody_answered_is_evidence() {
        for (offers, count) in [(1, 0), (2, 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.accepts(0, 1, 1);
            for _ in 0..offers {
                story.offers(0, 1, 1);
            }
            story.acks(0, 1, 1);
            let docket = story.judge(MailIsConserved::default());
            assert_eq!(docket.evidence.count(Requirement::of(9, 4), Polarity::Positive), count);
        }
    }

    #[test]
    fn mail_that_later_mail_overtakes_for_good_was_dropped() {
        let mut story = Story::new(&["alice", "bob"]);
        for seq in 1..=3 {
            story.accepts(0, 1, seq);
        }
        story.offers(0, 1, 2);
        assert_eq!(
            messages(&story),
            ["alice>bob#1 was accepted and never offered, but later mail was"]
        );
    }

    #[test]
    fn mail_stored_twice_offered_after_its_end_or_never_accepted_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        story.accepts(0, 1, 1);
        story.offers(0, 1, 1);
        story.acks(0, 1, 1);
        story.offers(0, 1, 1);
        assert_eq!(
            messages(&story),
            [
                "alice>bob#1 attempt 1 is stored although attempt 1 is stored",
                "alice>bob#1 moves although it ended",
            ]
        );
    }

    /// The receiver refuses a message, and the account sends it back.
    fn bounces(story: &mut Story, refused: bool) {
        let (mid, generation) = (story.mid(0, 1, 1), hash("generation"));
        if refused {
            let about = About::message(mid.clone(), 1);
            let nack = story.frame(FrameKind::DeliverNack, true, about);
            story.device(1, Fact::Tx(nack));
        }
        let code = "STALE_EPOCH".to_owned();
        story.account(1, Fact::Bounce { mid, generation, attempt: 1, code });
    }

    #[test]
    fn an_attempt_that_no_bounce_called_for_is_found() {
        for (bounced, found) in [(true, 0), (false, 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.accepts(0, 1, 1);
            story.offers(0, 1, 1);
            if bounced {
                bounces(&mut story, true);
            }
            let again = Sealing { attempt: 2, ..story.sealing(0, 1, 1, "text", 1, 2) };
            story.device(0, Fact::Encrypt(Box::new(again)));
            assert_eq!(messages(&story).len(), found);
        }
    }

    #[test]
    fn an_acknowledgement_of_other_content_than_is_stored_is_found() {
        for (again, found) in [("content", 0), ("other", 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.accepts(0, 1, 1);
            story.accepts(0, 1, 1);
            if let Some(Fact::Accept { content, known, .. }) =
                story.records.last_mut().map(|last| &mut last.fact)
            {
                (*content, *known) = (hash(again), true);
            }
            assert_eq!(messages(&story).len(), found, "{again}");
        }
    }

    #[test]
    fn a_bounce_of_what_nobody_was_offered_or_refused_is_found() {
        for (offered, refused, found) in [
            (true, true, [""; 0].as_slice()),
            (false, true, &["alice>bob#1 bounces as STALE_EPOCH, but nobody was offered it"]),
            (true, false, &["alice>bob#1 bounces as STALE_EPOCH, but nobody refused attempt 1"]),
        ] {
            let mut story = Story::new(&["alice", "bob"]);
            story.accepts(0, 1, 1);
            if offered {
                story.offers(0, 1, 1);
            }
            bounces(&mut story, refused);
            assert_eq!(messages(&story), found);
        }
    }

    #[test]
    fn a_refusal_of_one_attempt_does_not_bounce_the_next() {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        story.offers(0, 1, 1);
        bounces(&mut story, true);
        story.accepts(0, 1, 1);
        if let Some(Fact::Accept { attempt, .. }) =
            story.records.last_mut().map(|last| &mut last.fact)
        {
            *attempt = 2;
        }
        story.offers(0, 1, 1);
        bounces(&mut story, false);
        assert_eq!(
            messages(&story),
            ["alice>bob#1 bounces as STALE_EPOCH, but nobody refused attempt 2"]
        );
    }

    #[test]
    fn what_a_mailbox_holds_is_not_refused_as_if_it_were_new() {
        for (code, found) in [("SEQ_CONFLICT", 0), ("STALE_EPOCH", 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.accepts(0, 1, 1);
            let (by, kind, mid) = (story.user(0), "submit".to_owned(), Some(story.mid(0, 1, 1)));
            story.account(1, Fact::Refuse { by, kind, code: code.to_owned(), mid });
            assert_eq!(messages(&story).len(), found, "{code}");
        }
    }

    #[test]
    fn an_expiry_is_reported_or_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        let (mid, generation) = (story.mid(0, 1, 1), hash("generation"));
        story.account(1, Fact::Expire { mid: mid.clone(), generation, attempt: 1 });
        story.at_secs(60).phase(crate::trace::fact::Phase::End);
        assert_eq!(messages(&story), ["alice>bob#1 expired and its sender's account was not told"]);
        story.account(0, Fact::Report { mid, attempt: 1, what: "expired".to_owned() });
        assert_eq!(messages(&story), [""; 0]);
    }

    #[test]
    fn mail_past_its_time_of_which_nothing_is_said_is_found() {
        for (ends, found) in [(true, 0), (false, 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.spec.server.ttl = Duration::from_secs(60);
            story.accepts(0, 1, 1);
            story.at_secs(60);
            if ends {
                let (mid, generation) = (story.mid(0, 1, 1), hash("generation"));
                story.account(1, Fact::Expire { mid: mid.clone(), generation, attempt: 1 });
                let what = "expired".to_owned();
                story.account(0, Fact::Report { mid, attempt: 1, what });
            }
            story.at_secs(90).account(0, Fact::PowerOn { boot: 2 });
            let docket = story.judge(MailIsConserved::default());
            assert_eq!(docket.findings.len(), found, "{:?}", docket.findings);
        }
    }
}
