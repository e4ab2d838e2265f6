//! Answers to lookups, watchers, and hints about new keys (claims 7 and 14).
//!
//! Not here: changes of keys (`registrar`).

use crate::base::id::{Epoch, Hash32, ReqId, UserId};
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::config::{CHAIN_MAX, ServerConfig};
use crate::proto::deviation::Deviation;
use crate::proto::server::account::{Account, Call, Refusal};
use crate::proto::server::directory::{Link, Standing};
use crate::proto::server::durable::AccountWrite;
use crate::trace::fact::Fact;
use crate::wire::code::ErrorCode;
use crate::wire::message::Message;

/// How long a stale replica (M73) hides a new record.
const STALE_REPLICA: Duration = Duration::from_secs(30);

impl<S: Suite> Account<S> {
    /// Answers with the current record and all in grace, and the chain from a known `have`.
    pub(super) fn lookup(
        &mut self,
        call: Call,
        by: &UserId,
        user: &UserId,
        have: Option<Hash32>,
    ) -> Result<(), Refusal> {
        self.durable.keep_records();
        let chain = self.durable.directory().chain();
        if *user != self.user || chain.is_empty() {
            return Err(ErrorCode::UnknownUser.into());
        }
        let (at, config) = (call.now.at, &*self.config);
        let (links, more) = select(served_chain(&chain, at, config), have, at, config);
        let epochs = links.iter().map(|link| link.record.epoch).collect();
        let current = links.last().map_or(Hash32::ZERO, |link| link.hash);
        let records = links.iter().map(|link| (*link.record).clone()).collect();
        drop(chain);
        self.fact(Fact::Served { user: self.user.clone(), by: by.clone(), epochs, current });
        self.answer(call, Message::KeyReply { records, more });
        if *by != self.user && !self.durable.directory().is_watched_by(by) {
            let most = self.config.watchers_max;
            self.persist(vec![AccountWrite::Watch { user: by.clone(), most }]);
        }
        Ok(())
    }

    /// A user that this account's user fetched has a new record: forwarded if attached, else dropped.
    pub(super) fn on_key_changed(&mut self, now: Now, user: UserId, epoch: Epoch, hash: Hash32) {
        let origin = self.attached(now);
        let (to, forwarded) = (self.user.clone(), origin.is_some());
        self.fact(Fact::Hint { user: user.clone(), epoch, to, forwarded });
        if let Some(origin) = origin {
            let req = ReqId(self.next_delivery().0.to_be_bytes());
            self.transmit(origin, req, Message::KeyChanged { user, epoch, record_hash: hash });
        }
    }
}

/// The chain that lookups see: all of it.
fn served_chain<'c>(chain: &'c [Link], now: Instant, config: &ServerConfig) -> &'c [Link] {
    let retired = chain.len().checked_sub(2).map(|at| chain[at].standing);
    match retired {
        Some(Standing::Retired(at))
            if config.deviations.has(Deviation::M73) && now < at + STALE_REPLICA =>
        {
            &chain[..chain.len() - 1]
        }
        Some(Standing::Retired(_) | Standing::Current | Standing::Over) | None => chain,
    }
}

/// The records of a reply, oldest first, and whether the chain has more between them.
fn select<'c>(
    chain: &'c [Link],
    have: Option<Hash32>,
    now: Instant,
    config: &ServerConfig,
) -> (Vec<&'c Link>, bool) {
    if config.deviations.has(Deviation::M85) {
        return (chain.last().into_iter().collect(), false);
    }
    // An unknown hash (of another generation) counts as none.
    let known = have.and_then(|have| chain.iter().position(|link| link.hash == have));
    let first_in_use = chain.iter().position(|link| link.is_in_use(now, config.grace));
    let tail = first_in_use.unwrap_or(0).max(chain.len().saturating_sub(CHAIN_MAX));
    let wanted = known.map_or(tail, |at| (at + 1).min(tail));
    let room = CHAIN_MAX - (chain.len() - tail);
    let taken = (tail - wanted).min(room);
    let links = chain[wanted..wanted + taken].iter().chain(&chain[tail..]).collect();
    (links, wanted + taken < tail)
}
