//! Mail between accounts: it is neither lost nor refused, whichever end loses power (design 3).
//!
//! What an account tells after a write leaves with that write; what it is told is kept for it until what it
//! wrote about that is durable. Not here: what accounts tell each other (`proto::server`).

use std::collections::BTreeMap;

use crate::crypto::suite::Suite;
use crate::proto::port::{AccountInput, AccountMessage, Output, Token};
use crate::proto::server::account::Account;
use crate::proto::server::durable::AccountWrite;
use crate::sim::outbox::{Item, Outbox};
use crate::sim::turn::{Resident, put_in};
use crate::sim::world::World;
use crate::trace::record::RecordId;

/// A message from one account to another.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub message: AccountMessage,
    pub cause: Option<RecordId>,
}

/// Mail that has reached accounts and may have to reach them again.
#[derive(Clone, Debug, Default)]
pub(super) struct Post {
    /// For accounts that are off.
    waiting: BTreeMap<u32, Vec<Mail>>,
    /// With the number of the last write about it, which is not known to be durable.
    heard: BTreeMap<u32, Vec<(Token, Mail)>>,
}

impl Post {
    /// What waits for an account, which has come up.
    pub fn take(&mut self, user: u32) -> Vec<Mail> {
        self.waiting.remove(&user).unwrap_or_default()
    }

    /// Keeps a message for an account that is off.
    pub fn keep(&mut self, user: u32, mail: Mail) {
        self.waiting.entry(user).or_default().push(mail);
    }

    /// An account was told a message, after which it may be off; `before` is the last write until then.
    pub fn heard(
        &mut self,
        user: u32,
        mail: Mail,
        before: Option<Token>,
        outbox: &Outbox<AccountWrite>,
        on: bool,
    ) {
        let last = outbox.last_token();
        if !on {
            self.keep(user, mail);
        } else if let Some(token) = last.filter(|_| last > before) {
            let heard = self.heard.entry(user).or_default();
            heard.retain(|(token, _)| outbox.holds(*token));
            heard.push((token, mail));
        }
    }

    /// An account is about to lose power: keeps what it may forget, and returns what it is bound to tell.
    pub fn secure(&mut self, user: u32, outbox: &Outbox<AccountWrite>) -> Vec<Item<AccountWrite>> {
        let heard = self.heard.remove(&user).unwrap_or_default();
        for (_, mail) in heard.into_iter().filter(|(token, _)| outbox.holds(*token)) {
            self.keep(user, mail);
        }
        let told = |output: &Output<_>| matches!(output, Output::Internal(..));
        outbox.released().filter(|it| told(&it.output)).cloned().collect()
    }
}

impl<S: Suite> World<S> {
    /// A message from another account; what comes to a stopped one waits for its restart.
    pub(super) fn mail(&mut self, user: u32, mail: Mail) {
        let node = &self.accounts[user as usize];
        if node.machine.is_none() {
            return self.post.keep(user, mail);
        }
        let before = node.outbox.last_token();
        let input = AccountInput::Internal(mail.message.clone());
        put_in::<_, Account<S>>(self, user, input, mail.cause, None);
        let node = &self.accounts[user as usize];
        self.post.heard(user, mail, before, &node.outbox, node.machine.is_some());
    }

    /// An account has come up: it is told what it has missed or may have forgotten.
    pub(super) fn tell_again(&mut self, user: u32) {
        for mail in self.post.take(user) {
            self.mail(user, mail);
        }
    }

    /// An account is about to lose power: what it is bound to tell leaves.
    pub(super) fn secure_mail(&mut self, user: u32) {
        let bound = self.post.secure(user, &self.accounts[user as usize].outbox);
        for Item { output, context } in bound {
            Account::<S>::carry(self, user, output, context);
        }
    }
}
