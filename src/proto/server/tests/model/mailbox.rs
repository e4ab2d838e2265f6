//! Mail in the model of the server: the checks at Submit, offers, leases, acknowledgements, refusals, ends.
//!
//! Written from protocol 4.3 and 4.5. Not here: turns, keys and sessions (`reference`).

use std::collections::BTreeMap;

use crate::base::id::{DeliveryId, Hash32, Mid, UserId};
use crate::base::time::{Duration, Instant};
use crate::proto::config::WINDOW;
use crate::proto::server::tests::model::reference::{
    Account, Letter, Link, Said, Server, Status, Within, Word,
};
use crate::wire::code::{ErrorCode, NackCode, Report};
use crate::wire::header::Header;

#[derive(Clone, Debug)]
pub(super) enum What {
    Mail { letter: Box<Letter>, generation: Hash32, attempt: u64 },
    News(Status),
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) no: u64,
    pub(super) what: What,
    pub(super) until: Instant,
    /// Not offered before this.
    pub(super) again: Instant,
    /// Present lease: its end and, once learned, its number.
    pub(super) lease: Option<(Instant, DeliveryId)>,
    /// So many offers of this box are older than the item.
    older: usize,
    unknown: Option<(Instant, u32)>,
    unauthentic: bool,
}

impl Item {
    /// The number of its lease.
    pub(super) fn number(&self) -> Option<DeliveryId> {
        self.lease.map(|(_, number)| number)
    }

    pub(super) fn mid(&self) -> Mid {
        match &self.what {
            What::Mail { letter, .. } => letter.header.mid(),
            What::News(status) => status.mid.clone(),
        }
    }
}

/// An idempotency row's entry (protocol 4.5).
#[derive(Clone, Debug)]
pub(super) struct Entry {
    letter: Letter,
    attempt: u64,
    bounced: bool,
}

impl Server {
    /// The checks of protocol 4.5 in their order; the sender has a valid ticket of this generation.
    pub(super) fn submit(
        &mut self,
        of: &UserId,
        letter: Letter,
        generation: Hash32,
        attempt: u64,
        expires: Instant,
    ) {
        let (mid, sender) = (letter.header.mid(), letter.header.sender.clone());
        let row = row_of(self.of(of), &sender, generation);
        let high = row.last_key_value().map_or(0, |(seq, _)| *seq);
        let known = row.get(&mid.seq.0).filter(|_| mid.seq.0 + WINDOW > high);
        let repeated = known.is_some_and(|it| it.letter == letter || attempt < it.attempt);
        let next = match known {
            Some(entry) => entry.bounced && attempt == entry.attempt + 1,
            None => attempt == 1 && mid.seq.0 + WINDOW > high,
        };
        if repeated {
            self.say(&sender, Word::Taken { mid, duplicate: true });
        } else if !next {
            self.say(&sender, Word::Refused(ErrorCode::SeqConflict, high + 1));
        } else if let Some((code, arg)) = self.refusal(of, &letter, expires) {
            self.say(&sender, Word::Refused(code, arg));
        } else {
            let entry = Entry { letter: letter.clone(), attempt, bounced: false };
            row_of(self.of(of), &sender, generation).insert(mid.seq.0, entry);
            let what = What::Mail { letter: Box::new(letter), generation, attempt };
            let until = expires.min(self.now + self.config.ttl);
            self.store(of, what, until);
            self.say(&sender, Word::Taken { mid, duplicate: false });
        }
    }

    fn refusal(
        &mut self,
        of: &UserId,
        letter: &Letter,
        expires: Instant,
    ) -> Option<(ErrorCode, u64)> {
        let (now, config) = (self.now, self.config.clone());
        let account = self.of(of);
        let epoch = account.chain.iter().find(|link| link.epoch == letter.header.epoch_r);
        // Its key must outlive the message.
        let late = |link: &Link| link.ends.is_some_and(|end| now + config.ttl >= end);
        let mail = account.items.iter().filter_map(|item| match &item.what {
            What::Mail { letter, .. } => Some(letter.ciphertext.len()),
            What::News(_) => None,
        });
        let octets = mail.clone().sum::<usize>() + letter.ciphertext.len();
        let full = mail.count() >= config.mailbox_messages || octets as u64 > config.mailbox_octets;
        if account.chain.is_empty() {
            Some((ErrorCode::UnknownUser, 0))
        } else if letter.ciphertext.len() > config.message_max {
            Some((ErrorCode::TooBig, 0))
        } else if expires <= now {
            Some((ErrorCode::Expired, 0))
        } else if epoch.is_none_or(late) {
            Some((ErrorCode::StaleEpoch, 0))
        } else {
            full.then_some((ErrorCode::QueueFull, config.full_retry.as_millis()))
        }
    }

    pub(super) fn store(&mut self, of: &UserId, what: What, until: Instant) {
        self.last += 1;
        let no = self.last;
        let (again, lease, unknown, unauthentic) = (self.now, None, None, false);
        let account = self.of(of);
        let older = account.offers;
        account.items.push(Item { no, what, until, again, lease, older, unknown, unauthentic });
    }

    /// What waits is offered, oldest first.
    pub(super) fn poll(&mut self, of: &UserId, max: u64) {
        let ready = self.ready(of);
        let count = (ready.len() as u64).min(max);
        for no in ready.iter().take(usize::try_from(max).unwrap_or(usize::MAX)) {
            self.offer(of, *no, true);
        }
        self.say(of, Word::PollEnd { count, more: ready.len() as u64 > max });
    }

    pub(super) fn push(&mut self, of: &UserId) {
        let now = self.now;
        let account = self.of(of);
        account.session = account.session.filter(|until| now < *until);
        if account.session.is_some() && self.config.push {
            self.ready(of).into_iter().for_each(|no| self.offer(of, no, false));
        }
    }

    fn ready(&mut self, of: &UserId) -> Vec<u64> {
        let now = self.now;
        let waits = |item: &&Item| item.lease.is_none() && item.again <= now;
        self.of(of).items.iter().filter(waits).map(|item| item.no).collect()
    }

    fn offer(&mut self, of: &UserId, no: u64, asked: bool) {
        let until = self.now + self.config.lease;
        self.of(of).offers += 1;
        let Some(item) = self.of(of).items.iter_mut().find(|item| item.no == no) else { return };
        item.lease = Some((until, DeliveryId::default()));
        let word = match &item.what {
            What::Mail { letter, .. } => Word::Mail(letter.clone()),
            What::News(status) => Word::News(status.clone()),
        };
        self.told(of, Said { word, asked, item: Some(no) });
    }

    /// Counts by mid while it is stored or leased.
    pub(super) fn ack(&mut self, of: &UserId, number: DeliveryId, mid: &Mid) {
        let account = self.of(of);
        let (items, place) = (&account.items, account.learned.get(&number).copied());
        let at = match items.iter().position(|item| item.number() == Some(number)) {
            // A choice of this server: under the lease of another message it was altered on its way.
            Some(at) => Some(at).filter(|at| items[*at].mid() == *mid),
            // One of before the item came is of another attempt.
            None => only(items, mid).filter(|at| place.is_some_and(|it| it > items[*at].older)),
        };
        let Some(item) = at.map(|at| self.of(of).items.remove(at)) else { return };
        self.report(item, Report::Delivered);
    }

    /// Counts only while the mid is leased under this number.
    pub(super) fn nack(
        &mut self,
        of: &UserId,
        number: DeliveryId,
        mid: &Mid,
        code: NackCode,
        retry: Duration,
    ) {
        let (now, patience) = (self.now, self.config.unknown);
        let items = &mut self.of(of).items;
        let at = items.iter().position(|item| item.number() == Some(number) && item.mid() == *mid);
        let Some(at) = at else { return };
        let item = &mut items[at];
        item.lease = None;
        if matches!(item.what, What::News(_)) || code == NackCode::Busy {
            item.again = now + retry;
            return;
        }
        let bounced = match code {
            NackCode::UnknownEpoch => {
                let (since, times) = item.unknown.unwrap_or((now, 0));
                // A choice of this server: 1 s, doubled up to a minute.
                let pause = Duration::from_secs((1 << times.min(6)).min(60));
                item.unknown = Some((since, times + 1));
                item.again = (now + pause).min(since + patience);
                now >= since + patience
            }
            NackCode::AuthFail => std::mem::replace(&mut item.unauthentic, true),
            NackCode::Busy | NackCode::StaleEpoch | NackCode::TooOld => true,
        };
        if bounced {
            let item = items.remove(at);
            self.bounce(of, item, code);
        }
    }

    pub(super) fn bounce(&mut self, of: &UserId, item: Item, code: NackCode) {
        if let What::Mail { letter, generation, attempt } = &item.what {
            let Header { sender, seq, .. } = &letter.header;
            let entry = row_of(self.of(of), sender, *generation).get_mut(&seq.0);
            entry.into_iter().for_each(|it| it.bounced |= it.attempt == *attempt);
        }
        self.report(item, Report::Bounced(code));
    }

    pub(super) fn end_what_is_over(&mut self, of: &UserId) {
        let now = self.now;
        let account = self.of(of);
        let (mut over, kept): (Vec<Item>, _) =
            std::mem::take(&mut account.items).into_iter().partition(|item| item.until <= now);
        account.items = kept;
        for item in &mut account.items {
            item.lease = item.lease.filter(|(until, _)| now < *until);
        }
        over.sort_by_key(|item| (item.until, item.no));
        over.into_iter().for_each(|item| self.report(item, Report::Expired));
    }

    /// The sender is told what became of a message; nobody is told of a report.
    fn report(&mut self, item: Item, report: Report) {
        let What::Mail { letter, generation, attempt } = item.what else { return };
        let (to, mid) = (letter.header.sender.clone(), letter.header.mid());
        self.within.push((to, Within::News(generation, Status { mid, attempt, report })));
    }
}

fn row_of<'a>(
    account: &'a mut Account,
    sender: &UserId,
    generation: Hash32,
) -> &'a mut BTreeMap<u64, Entry> {
    account.rows.entry((sender.clone(), generation)).or_default()
}

/// The only item of a mid; two are of different identities of its sender.
fn only(items: &[Item], mid: &Mid) -> Option<usize> {
    let mut of = (0..items.len()).filter(|at| items[*at].mid() == *mid);
    of.next().filter(|_| of.next().is_none())
}
