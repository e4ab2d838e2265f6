//! An account in its partition: the machine, what of it waits for the store, and where its journal stands.
//!
//! Not here: who speaks with it (`partition`), or the store (`store`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::{ReqId, UserId};
use crate::base::time::{Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::port::{AccountInput, AccountMessage, Origin, Output, To, Token};
use crate::proto::server::account::Account;
use crate::proto::server::durable::{AccountDurable, AccountWrite};
use crate::runtime::server::history::Entry;
use crate::runtime::server::link::{Link, Load};
use crate::runtime::server::shared::Shared;
use crate::runtime::server::store::{Kept, Written, encode};
use crate::trace::fact::Fact;
use crate::wire::message::Envelope;

/// Octets that an account may have in the journal however small its image is.
const JOURNAL_MIN: usize = 16 << 10;

/// An account and what its partition knows of it.
#[derive(Debug)]
pub struct Seat<S: Suite> {
    /// The machine.
    pub account: Account<S>,
    /// Its last batch; whatever it puts out waits until that is durable.
    pub last: u64,
    /// When it wants to be called.
    pub alarm: Option<Instant>,
    entries: Vec<u64>,
    journaled: usize,
    image: usize,
}

/// What an account put out in one turn.
#[derive(Debug, Default)]
pub struct Turn {
    /// What it wrote.
    pub writes: Vec<AccountWrite>,
    /// The number of its last write.
    pub token: Option<Token>,
    /// What it tells other accounts and must not be lost, with numbers.
    pub post: Vec<(u64, UserId, AccountMessage)>,
    /// What follows when the writes are durable.
    pub effects: Vec<Effect>,
}

/// What a turn leads to.
#[derive(Debug)]
pub enum Effect {
    /// A frame to a connection.
    Send(Origin, Box<Envelope>),
    /// News for an account, with their number in the store.
    Tell(Option<u64>, UserId, AccountMessage),
    /// A fact.
    State(Fact),
}

/// What waits until a batch is durable.
#[derive(Debug)]
pub struct Waiting {
    /// When it was put out.
    pub now: Now,
    /// By whose account.
    pub user: UserId,
    /// The number of its write, if there was one.
    pub token: Option<Token>,
    /// What follows.
    pub effects: Vec<Effect>,
    /// The request that led to it.
    pub request: Option<Request>,
}

/// A request that is being served.
#[derive(Debug)]
pub struct Request {
    /// Whose it is.
    pub link: Arc<Link>,
    /// What it takes until it is served.
    pub load: Load,
    /// Its number.
    pub req: ReqId,
    /// A Submit, for the case that it cannot be served.
    pub submit: Option<Box<Envelope>>,
}

/// What waits, by the batch that it waits for.
pub type Held = BTreeMap<u64, Vec<Waiting>>;

impl<S: Suite> Seat<S> {
    /// The account of somebody who is not registered.
    #[must_use]
    pub fn vacant(shared: &Shared, user: &UserId) -> Self {
        Self::restore(shared, user, Kept::default())
    }

    /// An account as the store has it.
    #[must_use]
    pub fn restore(shared: &Shared, user: &UserId, kept: Kept) -> Self {
        let (config, key) = (Arc::clone(&shared.config), Arc::clone(&shared.key));
        let (luck, Kept { durable, entries, journaled, image }) = (shared.luck(user), kept);
        let account = Account::restore(config, user.clone(), key, durable, luck, shared.boots);
        Self { account, last: 0, alarm: None, entries, journaled, image }
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        *self.account.durable() == AccountDurable::default()
    }

    /// One turn: an input, or the account's own time-out.
    pub fn turn(&mut self, now: Now, input: Option<AccountInput>, shared: &Shared) -> Turn {
        match input {
            Some(input) => self.account.handle_input(now, input),
            None => self.account.handle_timeout(now),
        }
        let mut turn = Turn::default();
        while let Some(output) = self.account.poll_output() {
            match output {
                Output::Persist(token, writes) => {
                    turn.token = Some(token);
                    turn.writes.extend(writes);
                }
                Output::Transmit(To::Origin(origin), envelope) => {
                    turn.effects.push(Effect::Send(origin, envelope));
                }
                Output::Internal(to, message) => turn.tell(to, message, shared),
                Output::Fact(fact) => turn.effects.push(Effect::State(fact)),
                // Only devices say these.
                Output::Transmit(To::Server, _) | Output::Garbage(_) => {}
            }
        }
        turn
    }

    /// What the store shall take for these writes: an entry, or an image when the journal has outgrown it.
    pub fn written(&mut self, writes: &[AccountWrite], shared: &Shared) -> Written {
        if writes.is_empty() {
            return Written::Nothing;
        }
        let octets = encode(&writes);
        self.journaled += octets.len();
        if self.journaled > self.image.max(JOURNAL_MIN) {
            let image = encode(self.account.durable());
            (self.image, self.journaled) = (image.len(), 0);
            return Written::Image(image, std::mem::take(&mut self.entries));
        }
        let number = shared.number();
        self.entries.push(number);
        Written::Entry(number, octets)
    }
}

impl Turn {
    /// What it adds to the history of an account, with its number, if one is kept.
    #[must_use]
    pub fn stated(&self, user: &UserId, now: Now, shared: &Shared) -> Option<(u64, Vec<u8>)> {
        if !shared.history {
            return None;
        }
        let facts = self.effects.iter().filter_map(|effect| match effect {
            Effect::State(fact) => Some(fact.clone()),
            Effect::Send(..) | Effect::Tell(..) => None,
        });
        let facts: Vec<Fact> = facts.collect();
        if facts.is_empty() {
            return None;
        }
        let entry = Entry::Turn { user: user.clone(), now, facts };
        Some((shared.number(), encode(&entry)))
    }

    /// News of a message must not be lost; a hint about a key may be, as on its way to the device.
    fn tell(&mut self, to: UserId, message: AccountMessage, shared: &Shared) {
        let number = match &message {
            AccountMessage::Status { .. } => {
                let number = shared.number();
                self.post.push((number, to.clone(), message.clone()));
                Some(number)
            }
            AccountMessage::KeyChanged { .. } => None,
        };
        self.effects.push(Effect::Tell(number, to, message));
    }
}
