//! Submission: the checks of protocol 4.5 in their order, and acceptance (claims 8 and 9).
//!
//! Not here: what happens to an accepted message afterwards (`delivery`).

use std::sync::Arc;

use crate::base::id::{Epoch, Hash32};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::server::account::{Account, Call, Refusal};
use crate::proto::server::durable::AccountWrite;
use crate::proto::server::mailbox::Mail;
use crate::proto::server::row::{Judgement, Row};
use crate::trace::fact::Fact;
use crate::wire::code::ErrorCode;
use crate::wire::header::Header;
use crate::wire::message::{Message, Submit, Ticket};

impl<S: Suite> Account<S> {
    /// Takes a message in, or refuses it; a refusal records nothing.
    pub(super) fn submit(
        &mut self,
        call: Call,
        guest: &Ticket,
        body: &Submit,
    ) -> Result<(), Refusal> {
        let header = &body.header;
        if guest.user != header.sender {
            return Err(ErrorCode::BadTicket.into());
        }
        // A self message has equal keys in both directions, so the profile forbids it (protocol 3.2).
        if header.receiver != self.user || header.sender == header.receiver {
            return Err(ErrorCode::UnknownUser.into());
        }
        if self.config.deviations.has(Deviation::M94) {
            self.check_epoch(call, header.epoch_r)?;
        }
        let content = S::hash(&[&header.encode(), &body.ciphertext]);
        let generation = guest.generation;
        let expires = body.expires.min(call.now.wall + self.config.ttl);
        let (judgement, least_free) = self.judge(header, generation, body.attempt, content);
        match judgement {
            Judgement::Known { attempt, content } => {
                let mid = header.mid();
                let known = true;
                self.fact(Fact::Accept {
                    mid: mid.clone(),
                    generation,
                    attempt,
                    content,
                    expires,
                    known,
                });
                self.answer(call, Message::SubmitAck { mid, duplicate: true });
                return Ok(());
            }
            Judgement::Conflict => return Err(Refusal::with(ErrorCode::SeqConflict, least_free)),
            Judgement::New => self.check_new(call, body)?,
        }
        let Submit { header, ciphertext, attempt, .. } = body.clone();
        let queued_at = call.now.wall;
        self.accept(
            call,
            Mail { header, ciphertext, content, generation, attempt, queued_at, expires },
        );
        Ok(())
    }

    /// What the sender's row says, and the least free number.
    fn judge(
        &self,
        header: &Header,
        generation: Hash32,
        attempt: u64,
        content: Hash32,
    ) -> (Judgement, u64) {
        let fresh = Row::new(generation);
        let mailbox = self.durable.mailbox();
        let row = mailbox.and_then(|mailbox| mailbox.row(&header.sender, &generation));
        let row = row.unwrap_or(&fresh);
        let judgement = row.judge(header.seq, attempt, content);
        let wrong = self.config.deviations;
        let known = matches!(judgement, Judgement::Known { .. });
        let judgement = if known && wrong.has(Deviation::M72) {
            Judgement::New
        } else if judgement == Judgement::Conflict && wrong.has(Deviation::M84) {
            Judgement::Known { attempt, content }
        } else {
            judgement
        };
        (judgement, row.least_free().0)
    }

    /// The checks of new content, in the order of protocol 4.5.
    fn check_new(&mut self, call: Call, body: &Submit) -> Result<(), Refusal> {
        if !self.durable.directory().is_registered() {
            return Err(ErrorCode::UnknownUser.into());
        }
        let size = body.ciphertext.len();
        if size > self.config.message_max {
            return Err(ErrorCode::TooBig.into());
        }
        if body.expires <= call.now.wall {
            return Err(ErrorCode::Expired.into());
        }
        self.check_epoch(call, body.header.epoch_r)?;
        if self.config.deviations.has(Deviation::M69) {
            self.drop_oldest(size);
        }
        if !self.durable.has_room(size, &self.config) {
            let wait = self.config.full_retry.as_millis();
            return Err(Refusal::with(ErrorCode::QueueFull, wait));
        }
        Ok(())
    }

    /// A receiver epoch must be current, or retired so lately that its key outlives the message.
    fn check_epoch(&self, call: Call, epoch: Epoch) -> Result<(), Refusal> {
        let grace = self.config.grace;
        let late = self.config.deviations.has(Deviation::M96);
        let window = if late { grace } else { grace.saturating_sub(self.config.ttl) };
        let link = self.durable.directory().in_use(epoch, call.now.at, window);
        link.map(|_| ()).ok_or_else(|| ErrorCode::StaleEpoch.into())
    }

    fn accept(&mut self, call: Call, mail: Mail) {
        let Mail { generation, attempt, content, expires, .. } = mail;
        let mid = mail.header.mid();
        let until = call.now.at + expires.since(call.now.wall);
        let ack = Message::SubmitAck { mid: mid.clone(), duplicate: false };
        let early = self.config.deviations.has(Deviation::M68);
        if early {
            self.answer(call, ack.clone());
        }
        let (no, after) = (self.durable.next_item(), self.last_delivery());
        let mail = Arc::new(mail);
        self.persist(vec![AccountWrite::Store { no, mail: Arc::clone(&mail), until, after }]);
        self.desk_mut().add(no, until);
        let known = false;
        self.fact(Fact::Accept { mid, generation, attempt, content, expires, known });
        if !early {
            self.answer(call, ack);
        }
        if self.config.deviations.has(Deviation::M70) {
            let delivery = self.next_delivery();
            self.hand_out(call.origin, call.req, &mail, delivery, &mail.header.sender, true);
        }
    }

    /// The deviation M69: makes room at the cost of mail that was accepted.
    fn drop_oldest(&mut self, size: usize) {
        while !self.durable.has_room(size, &self.config) {
            let oldest = self.durable.mailbox().and_then(|it| it.mail().map(|(no, _)| no).next());
            let Some(no) = oldest else { return };
            self.remove(no);
        }
    }
}
