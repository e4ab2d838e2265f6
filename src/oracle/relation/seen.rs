//! What users and accounts saw of mail in one run, so that two runs can be laid beside each other.
//!
//! Users are known by their index, so that runs with other names compare. Not here: which differences
//! break a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::id::{Hash32, Mid, Seq, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{account_of, device_of};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DraftStatus, Fact};
use crate::trace::record::{Record, RecordId};
use crate::trace::sink::Sink;

/// Mail of a run as it was displayed and acknowledged.
#[derive(Clone, Debug)]
pub struct Seen {
    spec: Arc<Spec>,
    /// By receiver and sender, in the order of display.
    shown: BTreeMap<(u32, u32), Vec<Sight>>,
    /// Receiver, sender and number of what was acknowledged.
    acked: BTreeSet<(u32, u32, Seq)>,
    /// Whether any mail came to an end without being displayed.
    ended: bool,
}

/// One display.
#[derive(Clone, Debug)]
struct Sight {
    seq: Seq,
    plain: Hash32,
    late: bool,
    at: Instant,
    record: RecordId,
}

/// Something that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The record of the first run that shows it, if there is one.
    pub record: Option<(RecordId, Instant)>,
    /// In words.
    pub text: String,
}

impl Seen {
    /// Nothing yet of a run judged by `spec`.
    #[must_use]
    pub const fn new(spec: Arc<Spec>) -> Self {
        Self { spec, shown: BTreeMap::new(), acked: BTreeSet::new(), ended: false }
    }

    /// Whether mail expired, bounced or was given up: that depends on when things happen.
    #[must_use]
    pub const fn has_ended_mail(&self) -> bool {
        self.ended
    }

    /// What was displayed or acknowledged in one run and not in the other, as often, and in the same order
    /// where the receiver did not say that it came late. `arms` says how each run was made.
    #[must_use]
    pub fn differences(&self, other: &Self, arms: [&str; 2]) -> Vec<Difference> {
        let mut found = Vec::new();
        for pair in self.pairs(other) {
            let sights = [self, other].map(|seen| seen.of(pair));
            let before = found.len();
            self.counts(pair, sights, arms, &mut found);
            if found.len() == before && !sights.iter().any(|all| all.iter().any(|it| it.late)) {
                self.orders(pair, sights, arms, &mut found);
            }
        }
        for ((receiver, sender, seq), [with, without]) in one_sided(&self.acked, &other.acked, arms)
        {
            let mail = self.mail(receiver, sender, seq);
            let text = format!("{mail} is acknowledged {with} and not {without}");
            found.push(Difference { record: None, text });
        }
        found
    }

    /// What was displayed at another time.
    #[must_use]
    pub fn delays(&self, other: &Self, arms: [&str; 2]) -> Vec<Difference> {
        let mut found = Vec::new();
        for pair in self.pairs(other) {
            for (one, two) in self.of(pair).iter().zip(other.of(pair)) {
                if one.at != two.at {
                    let mail = self.mail(pair.0, pair.1, one.seq);
                    let ([first, second], at, then) = (arms, one.at, two.at);
                    let text =
                        format!("{mail} is displayed at {at} {first} and at {then} {second}");
                    found.push(Difference { record: Some((one.record, one.at)), text });
                }
            }
        }
        found
    }

    fn pairs(&self, other: &Self) -> BTreeSet<(u32, u32)> {
        self.shown.keys().chain(other.shown.keys()).copied().collect()
    }

    fn of(&self, pair: (u32, u32)) -> &[Sight] {
        self.shown.get(&pair).map_or(&[], Vec::as_slice)
    }

    fn counts(
        &self,
        (receiver, sender): (u32, u32),
        sights: [&[Sight]; 2],
        arms: [&str; 2],
        found: &mut Vec<Difference>,
    ) {
        let mut counts = BTreeMap::<(Seq, Hash32), [u64; 2]>::new();
        for (arm, sights) in sights.iter().enumerate() {
            for it in *sights {
                counts.entry((it.seq, it.plain)).or_default()[arm] += 1;
            }
        }
        for ((seq, plain), [one, two]) in counts.into_iter().filter(|(_, [one, two])| one != two) {
            let last = sights[0].iter().rfind(|it| it.seq == seq && it.plain == plain);
            let (mail, [first, second]) = (self.mail(receiver, sender, seq), arms);
            let text = format!("{mail} is displayed {one} times {first} and {two} times {second}");
            found.push(Difference { record: last.map(|it| (it.record, it.at)), text });
        }
    }

    fn orders(
        &self,
        (receiver, sender): (u32, u32),
        sights: [&[Sight]; 2],
        [_, second]: [&str; 2],
        found: &mut Vec<Difference>,
    ) {
        let [one, two] = sights;
        let swapped = one.iter().zip(two).find(|(one, two)| one.seq != two.seq);
        if let Some((one, _)) = swapped {
            let mail = self.mail(receiver, sender, one.seq);
            let text = format!("{mail} is displayed in another order {second}");
            found.push(Difference { record: Some((one.record, one.at)), text });
        }
    }

    fn mail(&self, receiver: u32, sender: u32, seq: Seq) -> String {
        match [sender, receiver].map(|user| self.spec.user(user).cloned()) {
            [Some(sender), Some(receiver)] => Mid { sender, receiver, seq }.to_string(),
            [_, _] => format!("number {seq} of a stranger"),
        }
    }

    /// A stranger's number is one that no user has.
    fn index(&self, user: &UserId) -> u32 {
        self.spec.index(user).unwrap_or(u32::MAX)
    }
}

impl Sink for Seen {
    fn take(&mut self, record: &Record) {
        if let Fact::Display { mid, plain, late, missing, .. } = &record.fact {
            let Some(receiver) = device_of(record) else { return };
            let late = *late || *missing > 0;
            let (seq, plain, at, record) = (mid.seq, *plain, record.at, record.id);
            let sender = self.index(&mid.sender);
            let sights = self.shown.entry((receiver, sender)).or_default();
            sights.push(Sight { seq, plain, late, at, record });
        } else if let Fact::Acked { mid, .. } = &record.fact {
            let Some(receiver) = account_of(record) else { return };
            self.acked.insert((receiver, self.index(&mid.sender), mid.seq));
        } else if let Fact::Expire { .. } | Fact::Bounce { .. } = &record.fact {
            self.ended = true;
        } else if let Fact::Notice { status, .. } = &record.fact {
            self.ended |= matches!(status, DraftStatus::Expired | DraftStatus::Failed);
        }
    }
}

type Ack = (u32, u32, Seq);

/// What one of the sets has alone, with the arms in which it is and is not.
fn one_sided<'a>(
    one: &'a BTreeSet<Ack>,
    other: &'a BTreeSet<Ack>,
    [first, second]: [&'a str; 2],
) -> impl Iterator<Item = (Ack, [&'a str; 2])> {
    let only_one = one.difference(other).map(move |ack| (*ack, [first, second]));
    only_one.chain(other.difference(one).map(move |ack| (*ack, [second, first])))
}

#[cfg(test)]
pub(in crate::oracle::relation) mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;

    /// What is seen of a run.
    pub fn seen(story: &Story) -> Seen {
        let mut seen = Seen::new(Arc::new(story.spec.clone()));
        story.records.iter().for_each(|record| seen.take(record));
        seen
    }

    /// Bob sees these of Alice's texts, each at its place in seconds, and the server has these acks.
    pub fn mailbox(texts: &[u64], acks: &[u64]) -> Seen {
        let mut story = Story::new(&["alice", "bob"]);
        for (second, n) in (1..).zip(texts) {
            story.at_secs(second).displays(1, 0, *n, &format!("text {n}"));
        }
        for n in acks {
            story.acks(0, 1, *n);
        }
        seen(&story)
    }

    fn check(one: &Seen, other: &Seen, texts: &[&str]) {
        let found = one.differences(other, ["here", "there"]);
        assert_eq!(found.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn what_is_missing_doubled_or_swapped_differs() {
        let book = mailbox(&[1, 2], &[1, 2]);
        check(&book, &mailbox(&[1, 2], &[1, 2]), &[]);
        let once = "alice>bob#2 is displayed 1 times here and 2 times there";
        check(&book, &mailbox(&[1, 2, 2], &[1, 2]), &[once]);
        let never = "alice>bob#1 is displayed 1 times here and 0 times there";
        check(&book, &mailbox(&[2], &[1, 2]), &[never]);
        let swapped = "alice>bob#1 is displayed in another order there";
        check(&book, &mailbox(&[2, 1], &[1, 2]), &[swapped]);
        let acked = "alice>bob#2 is acknowledged here and not there";
        check(&book, &mailbox(&[1, 2], &[1]), &[acked]);
    }

    #[test]
    fn a_difference_names_the_record_that_shows_it() {
        let found = mailbox(&[1, 2], &[]).differences(&mailbox(&[1], &[]), ["here", "there"]);
        let (record, at) = found[0].record.unwrap();
        assert_eq!((record.to_string().as_str(), at.to_string().as_str()), ("d1.1", "2.000000s"));
    }
}
