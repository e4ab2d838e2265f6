//! Mail between accounts: it is neither lost nor refused, whichever end loses power (design 3).
//!
//! What an account tells after a write leaves with that write; what it is told is kept for it until what it
//! wrote about that is durable. Not here: what accounts tell each other (`proto::server`).

use std::collections::BTreeMap;

use crate::crypto::suite::Suite;
use crate::proto::port::{AccountInput, AccountMessage, Output, Token};
use crate::proto::server::account::Account;
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

impl<S: Suite> World<S> {
    /// A message from another account; what comes to a stopped one waits for its restart.
    pub(super) fn mail(&mut self, user: u32, mail: Mail) {
        let node = &self.accounts[user as usize];
        if node.machine.is_none() {
            self.post.waiting.entry(user).or_default().push(mail);
            return;
        }
        let before = node.outbox.last_token();
        let input = AccountInput::Internal(mail.message.clone());
        put_in::<_, Account<S>>(self, user, input, mail.cause, None);
        let node = &self.accounts[user as usize];
        let last = node.outbox.last_token();
        if node.machine.is_none() {
            self.post.waiting.entry(user).or_default().push(mail);
        } else if let Some(token) = last.filter(|_| last > before) {
            let heard = self.post.heard.entry(user).or_default();
            heard.retain(|(token, _)| node.outbox.holds(*token));
            heard.push((token, mail));
        }
    }

    /// An account has come up: it is told what it has missed or may have forgotten.
    pub(super) fn tell_again(&mut self, user: u32) {
        for mail in self.post.waiting.remove(&user).unwrap_or_default() {
            self.mail(user, mail);
        }
    }

    /// An account is about to lose power: what it is bound to tell leaves, and what it may forget is kept.
    pub(super) fn secure_mail(&mut self, user: u32) {
        let outbox = &self.accounts[user as usize].outbox;
        let heard = self.post.heard.remove(&user).unwrap_or_default();
        let lost = heard.into_iter().filter(|(token, _)| outbox.holds(*token));
        let lost: Vec<Mail> = lost.map(|(_, mail)| mail).collect();
        if !lost.is_empty() {
            self.post.waiting.entry(user).or_default().extend(lost);
        }
        let told = |output: &Output<_>| matches!(output, Output::Internal(..));
        let bound: Vec<_> = outbox.released().filter(|it| told(&it.output)).cloned().collect();
        for item in bound {
            Account::<S>::carry(self, user, item);
        }
    }
}
