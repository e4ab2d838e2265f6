//! The way of stored items to their receiver: poll, push, leases, expiry (claims 10 and 11).
//!
//! Not here: how items are stored (`mailbox`) and what the receiver answers (`receipt`).

use crate::base::id::{DeliveryId, ReqId, UserId};
use crate::base::time::{Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::port::{Lease, Origin};
use crate::proto::server::account::{Account, Call};
use crate::proto::server::desk::Desk;
use crate::proto::server::durable::AccountWrite;
use crate::proto::server::mailbox::{ItemBody, ItemNo, Mail, Mailbox, Refusals};
use crate::trace::fact::Fact;
use crate::wire::code::Report;
use crate::wire::message::{Deliver, Message};

/// Items in the answer to one poll at most: as many as a device holds undecided (protocol 4.5).
const POLL_MAX: u64 = 256;
/// Items under a lease at most while pushing, so that a backlog does not flood a device.
const PUSH_WINDOW: usize = 256;
impl<S: Suite> Account<S> {
    /// Offers what waits, oldest first, then says how much it was. The cursor hides nothing: a new
    /// lease always has a number above every one that the device can have seen.
    pub(super) fn poll(&mut self, call: Call, max: u64) {
        let most = usize::try_from(max.min(POLL_MAX)).unwrap_or(usize::MAX);
        let mut ready = self.ready(call.now.at, most.saturating_add(1));
        let more = ready.len() > most;
        ready.truncate(most);
        let count = ready.len() as u64;
        for no in ready {
            self.offer(call.now.at, no, call.origin, Some(call.req));
        }
        self.fact(Fact::Polled { user: self.user.clone(), count });
        self.answer(call, Message::PollEnd { count, more });
    }

    /// Offers what waits to an attached user, if the server pushes (claim 11).
    pub(super) fn push(&mut self, now: Now) {
        let idle = self.desk.as_ref().is_none_or(|desk| desk.waiting().len() == 0);
        if !self.config.push || idle {
            return;
        }
        let Some(origin) = self.attached(now) else {
            if self.durable.session().is_some() {
                self.persist(vec![AccountWrite::Detach]);
            }
            return;
        };
        for no in self.ready(now.at, self.push_room()) {
            self.offer(now.at, no, origin, None);
        }
    }

    /// When the next item can be pushed.
    pub(super) fn next_push(&self) -> Option<Instant> {
        if !self.config.push || self.durable.session().is_none() || self.push_room() == 0 {
            return None;
        }
        let mailbox = self.durable.mailbox()?;
        let waiting = self.desk.as_ref()?.waiting();
        waiting.filter_map(|no| Some(mailbox.item(no)?.refusals.again)).min()
    }

    /// Makes everything due that was put off: whoever attaches may have room by now, or the user's word.
    pub(super) fn recall(&self, now: Instant) -> Vec<AccountWrite> {
        let items = self.durable.mailbox().into_iter().flat_map(Mailbox::items);
        let put_off = items.filter(|(_, item)| item.refusals.again > now);
        put_off
            .map(|(no, item)| {
                let refusals = Refusals { again: now, ..item.refusals };
                AccountWrite::Note { no, refusals }
            })
            .collect()
    }

    /// Leases and items whose time is over.
    pub(super) fn end_what_is_over(&mut self, now: Now) {
        while let Some((until, no)) = self.desk.as_ref().and_then(|desk| desk.first_end()) {
            if until > now.at {
                break;
            }
            self.expire(no);
        }
        while let Some((no, lease)) = self.desk.as_ref().and_then(|desk| desk.first_lease()) {
            if lease.until > now.at {
                break;
            }
            self.end_lease(no, lease.delivery);
        }
    }

    /// All leases end: nobody is there who could answer.
    pub(super) fn end_leases(&mut self) {
        let leases: Vec<_> = self.desk.iter().flat_map(|desk| desk.leases()).collect();
        leases.into_iter().for_each(|(no, delivery)| self.end_lease(no, delivery));
    }

    fn end_lease(&mut self, no: ItemNo, delivery: DeliveryId) {
        self.desk_mut().release(delivery);
        if let Some(ItemBody::Mail(mail)) = self.body(no) {
            let (mid, generation) = (mail.header.mid(), mail.generation);
            self.fact(Fact::Restored { mid, generation, delivery });
        }
    }

    /// Sends a message to where `to` is.
    pub(super) fn hand_out(
        &mut self,
        origin: Origin,
        req: ReqId,
        mail: &Mail,
        delivery: DeliveryId,
        to: &UserId,
        pushed: bool,
    ) {
        let Mail { generation, attempt, content, queued_at, .. } = *mail;
        let (mid, to) = (mail.header.mid(), to.clone());
        self.fact(Fact::Offer { mid, generation, attempt, delivery, to, content, pushed });
        let (header, ciphertext) = (mail.header.clone(), mail.ciphertext.clone());
        let deliver = Deliver { delivery, header, ciphertext, queued_at };
        self.transmit(origin, req, Message::Deliver(Box::new(deliver)));
    }

    /// Takes an item out for good.
    pub(super) fn remove(&mut self, no: ItemNo) {
        self.forget(no, AccountWrite::Remove(no));
    }

    pub(super) fn desk_mut(&mut self) -> &mut Desk {
        self.desk.get_or_insert_default()
    }

    /// Puts an item under a lease and sends it: in answer to a poll, or pushed under a number of its own.
    fn offer(&mut self, now: Instant, no: ItemNo, origin: Origin, polled: Option<ReqId>) {
        let Some(body) = self.body(no) else { return };
        let delivery = self.next_delivery();
        let endless = self.config.deviations.has(Deviation::M77);
        let until = if endless { Instant::NEVER } else { now + self.config.lease };
        self.desk_mut().lease(no, Lease { delivery, until });
        let req = polled.unwrap_or_else(|| ReqId(delivery.0.to_be_bytes()));
        match body {
            ItemBody::Mail(mail) => {
                let to = self.user.clone();
                self.hand_out(origin, req, &mail, delivery, &to, polled.is_none());
                if self.config.deviations.has(Deviation::M71) {
                    self.remove(no);
                }
            }
            ItemBody::Status(status) => self.hand_out_report(origin, req, &status, delivery),
        }
    }

    /// The items that wait and may be offered, oldest first, at most `most`.
    fn ready(&self, now: Instant, most: usize) -> Vec<ItemNo> {
        let (Some(desk), Some(mailbox)) = (self.desk.as_ref(), self.durable.mailbox()) else {
            return Vec::new();
        };
        let may_go = |no: &ItemNo| mailbox.item(*no).is_some_and(|it| it.refusals.again <= now);
        desk.waiting().filter(may_go).take(most).collect()
    }

    fn push_room(&self) -> usize {
        let leased = self.desk.as_ref().map_or(0, |desk| desk.leases().len());
        PUSH_WINDOW.saturating_sub(leased)
    }

    fn expire(&mut self, no: ItemNo) {
        match self.body(no) {
            Some(ItemBody::Mail(mail)) => {
                self.remove(no);
                if self.config.deviations.has(Deviation::M76) {
                    return;
                }
                let Mail { generation, attempt, .. } = *mail;
                self.fact(Fact::Expire { mid: mail.header.mid(), generation, attempt });
                self.report(&mail, Report::Expired);
            }
            Some(ItemBody::Status(status)) => self.end_report(no, &status),
            None => {}
        }
    }

    fn body(&self, no: ItemNo) -> Option<ItemBody> {
        Some(self.durable.mailbox()?.item(no)?.body.clone())
    }

    /// Takes an item out by this write.
    pub(super) fn forget(&mut self, no: ItemNo, write: AccountWrite) {
        let until = self.durable.mailbox().and_then(|it| it.item(no)).map(|item| item.until);
        self.persist(vec![write]);
        if let (Some(until), Some(desk)) = (until, self.desk.as_mut()) {
            desk.remove(no, until);
        }
    }
}
