//! Changes of a user's keys: registration, rotation, and the operator's end of an identity.
//!
//! Not here: how records are kept (`directory`) or given out (`lookup`).

use std::sync::Arc;

use crate::base::id::{Epoch, Hash32};
use crate::base::time::{Duration, Instant};
use crate::crypto::sign::record_hash;
use crate::crypto::suite::{Point, Signature, Suite};
use crate::proto::deviation::Deviation;
use crate::proto::port::AccountMessage;
use crate::proto::server::account::{Account, Call, Refusal};
use crate::proto::server::directory::Link;
use crate::proto::server::durable::AccountWrite;
use crate::proto::server::mailbox::{ItemBody, Mailbox};
use crate::trace::fact::Fact;
use crate::wire::code::{ErrorCode, NackCode};
use crate::wire::message::{Message, Register};
use crate::wire::record::KeyRecord;
use crate::wire::signed::pop_octets;

impl<S: Suite> Account<S> {
    /// Opens an identity (claim 12). The same record again gets the same answer.
    pub(super) fn register(&mut self, call: Call, body: &Register) -> Result<(), Refusal> {
        let Register { record, pop } = body;
        if record.user != self.user {
            return Err(ErrorCode::UnknownUser.into());
        }
        let record_hash = record_hash::<S>(&record.encode());
        let directory = self.durable.directory();
        if directory.generation() == Some(record_hash) {
            self.answer(call, Message::RegisterAck { record_hash });
            return Ok(());
        }
        // A record of an ended identity must not bring it back: anybody can repeat it.
        let taken = directory.is_registered() || directory.is_archived(&record_hash);
        if taken && !self.config.deviations.has(Deviation::M74) {
            return Err(ErrorCode::IdTaken.into());
        }
        let is_first = record.epoch == Epoch::FIRST
            && record.generation == Hash32::ZERO
            && record.prev_hash == Hash32::ZERO
            && record.sig_prev.is_none()
            && !record.revoke_prev;
        if !is_first || !has_valid_keys::<S>(record) || !self.is_signed_by_itself(record) {
            return Err(ErrorCode::BadKey.into());
        }
        if !self.proves_possession(record, &record_hash, pop) {
            return Err(ErrorCode::BadPop.into());
        }
        let mut writes = Vec::with_capacity(2);
        if taken {
            writes.push(AccountWrite::EndIdentity);
        }
        self.record(call, writes, record.clone(), record_hash);
        self.answer(call, Message::RegisterAck { record_hash });
        self.announce();
        Ok(())
    }

    /// Appends a record to the chain (claim 17, races R6 to R9, R11). A record that is in the chain
    /// already gets the same answer again (R8).
    pub(super) fn rotate(&mut self, call: Call, body: &Register) -> Result<(), Refusal> {
        let Register { record, pop } = body;
        let record_hash = record_hash::<S>(&record.encode());
        let directory = self.durable.directory();
        let current = directory.current().ok_or(ErrorCode::UnknownUser)?;
        if directory.chain().iter().skip(1).any(|link| link.hash == record_hash) {
            self.answer(call, Message::RotateAck { record_hash });
            return Ok(());
        }
        let is_next = record.epoch.0.checked_sub(1) == Some(current.record.epoch.0);
        let any = self.config.deviations.has(Deviation::M75);
        if !is_next && !any {
            return Err(ErrorCode::EpochConflict.into());
        }
        if !self.continues_chain(record, &current) && !any {
            return Err(ErrorCode::BadChain.into());
        }
        if !has_valid_keys::<S>(record) {
            return Err(ErrorCode::BadKey.into());
        }
        if !self.proves_possession(record, &record_hash, pop) {
            return Err(ErrorCode::BadPop.into());
        }
        if let Some(wait) = self.must_wait(record, call.now.at) {
            return Err(Refusal::with(ErrorCode::InGrace, wait));
        }
        self.record(call, Vec::with_capacity(1), record.clone(), record_hash);
        self.answer(call, Message::RotateAck { record_hash });
        self.announce();
        Ok(())
    }

    /// Ends the user's identity by the operator's word: the chain is archived, stored mail goes back,
    /// reports for the old identity are dropped, its tickets are void here.
    pub(super) fn reset(&mut self) {
        if !self.durable.directory().is_registered() {
            return;
        }
        let items = self.durable.mailbox().into_iter().flat_map(Mailbox::items);
        let items: Vec<_> = items.map(|(no, item)| (no, item.body.clone())).collect();
        let mut writes = vec![AccountWrite::EndIdentity];
        writes.extend(items.iter().map(|(no, _)| AccountWrite::Bounce(*no)));
        self.persist(writes);
        self.challenges.take();
        self.desk = None;
        self.fact(Fact::Reset { user: self.user.clone() });
        for (_, body) in items {
            match body {
                ItemBody::Mail(mail) => self.say_bounced(&mail, NackCode::StaleEpoch),
                ItemBody::Status(status) => {
                    let (mid, attempt) = (status.mid.clone(), status.attempt);
                    self.fact(Fact::ReportDone { mid, attempt });
                }
            }
        }
    }

    /// Makes a record current and says so.
    fn record(
        &mut self,
        call: Call,
        mut writes: Vec<AccountWrite>,
        record: KeyRecord,
        hash: Hash32,
    ) {
        let (epoch, revoke) = (record.epoch, record.revoke_prev);
        writes.push(AccountWrite::Record { record: Arc::new(record), hash, at: call.now.at });
        self.persist(writes);
        let user = self.user.clone();
        let generation = self.durable.directory().generation().unwrap_or(hash);
        self.fact(Fact::Recorded { user, generation, epoch, record: hash, revoke });
    }

    /// Tells the watchers of the current record; a hint, so nothing waits for it.
    fn announce(&mut self) {
        let directory = self.durable.directory();
        let Some(current) = directory.current() else { return };
        let (epoch, record) = (current.record.epoch, current.hash);
        let watchers: Vec<_> = directory.watchers().cloned().collect();
        for watcher in watchers {
            let user = self.user.clone();
            self.tell(watcher, AccountMessage::KeyChanged { user, epoch, record });
        }
    }

    /// How long in ms a rotation must wait (R6). Two epochs are held at most, and a revoking record
    /// leaves one, so it need not wait.
    fn must_wait(&self, record: &KeyRecord, now: Instant) -> Option<u64> {
        let ends = self.durable.directory().grace_ends(now, self.config.grace)?;
        let free = record.revoke_prev || self.config.deviations.has(Deviation::M87);
        (!free).then(|| ceil_millis(ends.since(now)))
    }

    fn continues_chain(&mut self, record: &KeyRecord, current: &Link) -> bool {
        let Some(sig_prev) = record.sig_prev else { return false };
        let follows = record.user == self.user
            && Some(record.generation) == self.durable.directory().generation()
            && record.prev_hash == current.hash;
        if !follows {
            return false;
        }
        self.sheet.work().verify += 1;
        S::verify(&current.record.sig_pk, &record.signed_octets(), &sig_prev)
            && self.is_signed_by_itself(record)
    }

    fn is_signed_by_itself(&mut self, record: &KeyRecord) -> bool {
        self.verifies(&record.sig_pk, &record.signed_octets(), &record.sig_self)
    }

    fn proves_possession(&mut self, record: &KeyRecord, hash: &Hash32, pop: &Signature) -> bool {
        self.verifies(&record.agree_pk, &pop_octets(hash), pop)
    }

    fn verifies(&mut self, key: &Point, message: &[u8], signature: &Signature) -> bool {
        self.sheet.work().verify += 1;
        S::verify(key, message, signature)
    }
}

/// Both keys are points, and different ones (C05-R8, C12-R7).
fn has_valid_keys<S: Suite>(record: &KeyRecord) -> bool {
    S::check_point(&record.agree_pk).is_ok()
        && S::check_point(&record.sig_pk).is_ok()
        && record.agree_pk != record.sig_pk
}

/// In whole milliseconds, rounded up: who waits that long does not come too early.
fn ceil_millis(span: Duration) -> u64 {
    span.as_nanos().div_ceil(1_000_000)
}
