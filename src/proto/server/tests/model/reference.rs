//! The server as the protocol describes it, in plain maps: what it must say to whom, and what it must hold.
//!
//! Written from protocol 4.3 to 4.5, not from the machine; numbers that a server draws (leases, nonces) are
//! learned from what it says. Choices of this server that the text leaves open are marked so. Here are turns,
//! keys and sessions. Not here: mail (`mailbox`), and frames, signatures, hashes: whoever drives says what is
//! right with them (`drive`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::id::{DeliveryId, Epoch, Hash32, Mid, UserId};
use crate::base::time::{Duration, Instant};
use crate::proto::config::ServerConfig;
use crate::proto::server::tests::model::mailbox::{Entry, Item, What};
use crate::wire::code::{ErrorCode, NackCode, Report};
use crate::wire::header::Header;

/// What a user is told, as far as it is decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Word {
    Refused(ErrorCode, u64),
    Taken { mid: Mid, duplicate: bool },
    Mail(Box<Letter>),
    News(Status),
    PollEnd { count: u64, more: bool },
    Keys { epochs: Vec<Epoch>, more: bool },
    Hint(UserId, Epoch),
    Recorded(Hash32),
    Challenge,
    Attached { generation: Hash32, until: Instant },
}

/// Content of a message, octet for octet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Letter {
    pub(super) header: Header,
    pub(super) ciphertext: Vec<u8>,
}

/// What became of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Status {
    pub(super) mid: Mid,
    pub(super) attempt: u64,
    pub(super) report: Report,
}

/// A word, whether it answers a request, and the item that it hands out: the number of its lease is learned.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) word: Word,
    pub(super) asked: bool,
    pub(super) item: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ticket {
    pub(super) generation: Hash32,
    pub(super) until: Instant,
}

/// A record of the chain.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) epoch: Epoch,
    pub(super) hash: Hash32,
    /// When its grace ends, once it is replaced.
    pub(super) ends: Option<Instant>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) chain: Vec<Link>,
    ended: BTreeSet<Hash32>,
    /// Until when the user is attached.
    pub(super) session: Option<Instant>,
    /// When the challenge ends, and the request that used it.
    challenge: Option<(Instant, Option<u64>)>,
    watchers: BTreeSet<UserId>,
    /// Oldest first.
    pub(super) items: Vec<Item>,
    pub(super) rows: BTreeMap<(UserId, Hash32), BTreeMap<u64, Entry>>,
    /// Offers so far, and which of them had which number.
    pub(super) offers: usize,
    pub(super) learned: BTreeMap<DeliveryId, usize>,
}

impl Account {
    pub(super) fn generation(&self) -> Option<Hash32> {
        self.chain.first().map(|link| link.hash)
    }

    /// The record of an epoch in use: current or in grace.
    fn in_use(&self, epoch: Epoch, now: Instant) -> Option<&Link> {
        let of = self.chain.iter().find(|link| link.epoch == epoch);
        of.filter(|link| link.ends.is_none_or(|end| now < end))
    }
}

pub(super) struct Server {
    pub(super) now: Instant,
    pub(super) config: ServerConfig,
    pub(super) accounts: BTreeMap<UserId, Account>,
    /// To whom what is said since the last look.
    pub(super) said: BTreeMap<UserId, VecDeque<Said>>,
    /// What accounts tell each other at the end of the turn.
    pub(super) within: Vec<(UserId, Within)>,
    pub(super) last: u64,
}

pub(super) enum Within {
    News(Hash32, Status),
    Key(UserId, Epoch),
}

impl Server {
    pub(super) fn new(config: &ServerConfig, users: impl Iterator<Item = UserId>) -> Self {
        let accounts = users.map(|user| (user, Account::default())).collect();
        let (said, within) = (BTreeMap::new(), Vec::new());
        Self { now: Instant::START, config: config.clone(), accounts, said, within, last: 0 }
    }

    /// One input of an account: what is over ends first, then it acts, then it pushes, then it tells others.
    pub(super) fn turn(&mut self, of: &UserId, act: impl FnOnce(&mut Self, &UserId)) {
        self.end_what_is_over(of);
        act(self, of);
        self.finish(of);
    }

    fn finish(&mut self, of: &UserId) {
        self.push(of);
        for (to, what) in std::mem::take(&mut self.within) {
            self.end_what_is_over(&to);
            self.hear(&to, what);
            self.finish(&to);
        }
    }

    /// Time passes; everything happens when it is due.
    pub(super) fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let due = self.accounts.iter().filter_map(|(user, it)| Some((self.due(it)?, user)));
            let Some((at, user)) = due.min().filter(|(at, _)| *at <= end) else { break };
            self.now = self.now.max(at);
            self.turn(&user.clone(), |_, _| {});
        }
        self.now = end;
    }

    fn due(&self, account: &Account) -> Option<Instant> {
        let pushes = self.config.push && account.session.is_some();
        let each = account.items.iter().flat_map(|item| {
            let lease = item.lease.map(|(until, _)| until);
            let offer = (pushes && item.lease.is_none()).then_some(item.again);
            [Some(item.until), lease, offer].into_iter().flatten()
        });
        each.min()
    }

    /// Leases and challenges are volatile (protocol 4.5).
    pub(super) fn restart(&mut self, of: &UserId) {
        let account = self.of(of);
        account.challenge = None;
        account.items.iter_mut().for_each(|item| item.lease = None);
    }

    /// Learns the number of a lease; whether it is above all before.
    pub(super) fn learn(&mut self, of: &UserId, no: u64, number: DeliveryId) -> bool {
        let account = self.of(of);
        let rises = account.learned.last_key_value().is_none_or(|(last, _)| number > *last);
        account.learned.insert(number, account.learned.len() + 1);
        let item = account.items.iter_mut().find(|item| item.no == no);
        if let Some((_, learned)) = item.and_then(|item| item.lease.as_mut()) {
            *learned = number;
        }
        rises
    }

    pub(super) fn of(&mut self, user: &UserId) -> &mut Account {
        self.accounts.get_mut(user).expect("one of the users")
    }

    pub(super) fn say(&mut self, to: &UserId, word: Word) {
        self.told(to, Said { word, asked: true, item: None });
    }

    pub(super) fn told(&mut self, to: &UserId, said: Said) {
        self.said.entry(to.clone()).or_default().push_back(said);
    }

    pub(super) fn refuse(&mut self, to: &UserId, code: ErrorCode) {
        self.say(to, Word::Refused(code, 0));
    }

    // Keys (claims 7, 12, 17).

    /// A first record. `wrong` is what its own octets are refused for.
    pub(super) fn register(&mut self, of: &UserId, hash: Hash32, wrong: Option<ErrorCode>) {
        let account = self.of(of);
        if account.generation() == Some(hash) {
            return self.say(of, Word::Recorded(hash));
        }
        let taken = !account.chain.is_empty() || account.ended.contains(&hash);
        match if taken { Some(ErrorCode::IdTaken) } else { wrong } {
            Some(code) => self.refuse(of, code),
            None => self.record(of, Link { epoch: Epoch::FIRST, hash, ends: None }),
        }
    }

    /// The next record. `wrong` is what its own octets are refused for, `follows` whether they name the record
    /// before and its key signed them.
    pub(super) fn rotate(
        &mut self,
        of: &UserId,
        link: Link,
        revoke: bool,
        follows: bool,
        wrong: Option<ErrorCode>,
    ) {
        let now = self.now;
        let account = self.of(of);
        if account.chain.iter().skip(1).any(|it| it.hash == link.hash) {
            return self.say(of, Word::Recorded(link.hash));
        }
        let Some(current) = account.chain.last() else {
            return self.refuse(of, ErrorCode::UnknownUser);
        };
        let grace = account.chain.iter().rev().nth(1).and_then(|before| before.ends);
        let wait = grace.filter(|end| now < *end && !revoke).map(|end| end.since(now));
        if link.epoch != current.epoch.next() {
            self.refuse(of, ErrorCode::EpochConflict);
        } else if !follows {
            self.refuse(of, ErrorCode::BadChain);
        } else if let Some(code) = wrong {
            self.refuse(of, code);
        } else if let Some(wait) = wait {
            self.say(of, Word::Refused(ErrorCode::InGrace, wait.as_millis()));
        } else {
            // The record before is served for its grace, or not at all when it is revoked (R11).
            let ends = if revoke { now } else { now + self.config.grace };
            for link in &mut self.of(of).chain {
                link.ends = Some(link.ends.map_or(ends, |end| end.min(ends)));
            }
            self.record(of, link);
        }
    }

    fn record(&mut self, of: &UserId, link: Link) {
        let (epoch, hash) = (link.epoch, link.hash);
        self.of(of).chain.push(link);
        self.say(of, Word::Recorded(hash));
        for watcher in self.of(of).watchers.clone() {
            self.within.push((watcher, Within::Key(of.clone(), epoch)));
        }
    }

    /// The current record and all in grace; with a known one also the chain from there.
    pub(super) fn lookup(&mut self, of: &UserId, by: &UserId, have: Option<Hash32>) {
        let now = self.now;
        let account = self.of(of);
        let chain = &account.chain;
        if chain.is_empty() {
            return self.refuse(by, ErrorCode::UnknownUser);
        }
        let known = chain.iter().find(|link| Some(link.hash) == have).map(|link| link.epoch);
        let wanted = |link: &&Link| {
            account.in_use(link.epoch, now).is_some() || known.is_some_and(|it| link.epoch > it)
        };
        let epochs = chain.iter().filter(wanted).map(|link| link.epoch).collect();
        account.watchers.insert(by.clone());
        self.say(by, Word::Keys { epochs, more: false });
    }

    /// The operator ends the identity: its mail goes back, its reports are dropped, its tickets are void here.
    pub(super) fn reset(&mut self, of: &UserId) {
        let account = self.of(of);
        if account.chain.is_empty() {
            return;
        }
        let ended: Vec<Hash32> = account.chain.drain(..).map(|link| link.hash).collect();
        account.ended.extend(ended);
        (account.session, account.challenge) = (None, None);
        for item in std::mem::take(&mut account.items) {
            self.bounce(of, item, NackCode::StaleEpoch);
        }
    }

    // Sessions (protocol 4.3).

    /// The ticket, if it holds for this account; its user's own account knows of resets.
    pub(super) fn guest(
        &mut self,
        of: &UserId,
        by: &UserId,
        shown: Option<Ticket>,
    ) -> Option<Ticket> {
        let now = self.now;
        let own = self.of(of).generation();
        let void = |ticket: &Ticket| of == by && own != Some(ticket.generation);
        let valid = shown.filter(|ticket| now < ticket.until && !void(ticket));
        if valid.is_none() {
            self.refuse(by, ErrorCode::BadTicket);
        }
        valid
    }

    pub(super) fn hello(&mut self, of: &UserId) {
        let ends = self.now + self.config.challenge;
        if self.of(of).chain.is_empty() {
            return self.refuse(of, ErrorCode::UnknownUser);
        }
        self.of(of).challenge = Some((ends, None));
        self.say(of, Word::Challenge);
    }

    pub(super) fn attach(&mut self, of: &UserId, req: u64, epoch: Epoch, signed: bool) {
        let now = self.now;
        let (until, account) = (now + self.config.ticket, self.of(of));
        let Some(generation) = account.generation() else {
            return self.refuse(of, ErrorCode::UnknownUser);
        };
        let open = account.challenge.filter(|(ends, _)| now < *ends);
        let used = match open {
            Some((_, used)) if used.is_none_or(|by| by == req) => used.is_some(),
            _ => return self.refuse(of, ErrorCode::StaleChallenge),
        };
        if account.in_use(epoch, now).is_none() {
            return self.refuse(of, ErrorCode::StaleEpoch);
        }
        if !signed {
            return self.refuse(of, ErrorCode::BadSig);
        }
        account.challenge = open.map(|(ends, _)| (ends, Some(req)));
        // A repeated Attach is answered as before.
        let until = match account.session.filter(|_| used) {
            Some(until) => until,
            None => {
                // A choice of this server: what was put off is due at each new session.
                account.items.iter_mut().for_each(|item| item.again = item.again.min(now));
                account.session = Some(until);
                until
            }
        };
        self.say(of, Word::Attached { generation, until });
    }

    fn hear(&mut self, of: &UserId, what: Within) {
        let (now, until) = (self.now, self.now + self.config.ttl);
        let account = self.of(of);
        match what {
            Within::Key(user, epoch) => {
                if account.session.is_some_and(|until| now < until) {
                    self.told(of, Said { word: Word::Hint(user, epoch), asked: false, item: None });
                }
            }
            // One report for a mid, of the highest attempt; none about an ended identity.
            Within::News(generation, status) => {
                let same =
                    |item: &&Item| matches!(&item.what, What::News(it) if it.mid == status.mid);
                let before = account.items.iter().find(same).map(|item| match &item.what {
                    What::News(it) => it.attempt,
                    What::Mail { attempt, .. } => *attempt,
                });
                let newer = before.is_none_or(|attempt| status.attempt > attempt);
                if newer && account.generation() == Some(generation) {
                    account.items.retain(|item| !same(&item));
                    self.store(of, What::News(status), until);
                }
            }
        }
    }
}
