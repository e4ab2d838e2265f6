//! The way of stored items to their receiver: poll, push, leases, acknowledgements, refusals, expiry.
//!
//! Not here: how items are stored (`mailbox`), and what the sender is told (`report`).

use std::sync::Arc;

use crate::base::id::{DeliveryId, Mid, ReqId, UserId};
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::port::{Lease, Origin};
use crate::proto::server::account::{Account, Call};
use crate::proto::server::desk::Desk;
use crate::proto::server::durable::AccountWrite;
use crate::proto::server::mailbox::{Item, ItemBody, ItemNo, Mail, Refusals};
use crate::trace::fact::Fact;
use crate::wire::code::{NackCode, Report};
use crate::wire::message::{Deliver, Message};

/// Items in the answer to one poll at most: as many as a device holds undecided (protocol 4.5).
const POLL_MAX: u64 = 256;
/// Items under a lease at most while pushing, so that a backlog does not flood a device.
const PUSH_WINDOW: usize = 256;
/// First pause after UNKNOWN_EPOCH: a lookup's round trips on a slow link.
const UNKNOWN_FIRST: Duration = Duration::from_secs(1);
/// Longest such pause, the cap of all backoffs.
const UNKNOWN_LONGEST: Duration = Duration::from_secs(60);
/// The AUTH_FAIL that bounces a message; the first may be the fault of a link.
const UNAUTHENTIC_MAX: u32 = 2;

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

    /// An acknowledgement ends an item's stay: by the message, also when its lease ended meanwhile.
    pub(super) fn on_ack(&mut self, delivery: DeliveryId, mid: &Mid) {
        let Some((no, item)) = self.find(delivery, mid) else { return };
        let mail = match &item.body {
            ItemBody::Mail(mail) => Arc::clone(mail),
            ItemBody::Status(_) => return self.end_report(no),
        };
        self.remove(no);
        let Mail { generation, attempt, .. } = *mail;
        self.fact(Fact::Acked { mid: mid.clone(), generation, attempt });
        self.report(&mail, Report::Delivered);
    }

    /// A refusal counts only under the present lease (protocol 4.3, type 11).
    pub(super) fn on_nack(
        &mut self,
        now: Now,
        delivery: DeliveryId,
        mid: &Mid,
        code: NackCode,
        retry_after: Millis,
    ) {
        let late = self.config.deviations.has(Deviation::M92);
        let found = if late { self.find(delivery, mid) } else { self.leased_as(delivery, mid) };
        let Some((no, item)) = found else { return self.ignore_nack(mid, code) };
        let retry_after = Duration::from_millis(retry_after.0);
        let (refusals, attempt) = match &item.body {
            ItemBody::Mail(mail) => (
                refuse(item.refusals, now.at, code, retry_after, self.config.unknown),
                mail.attempt,
            ),
            // A report has no content to find fault with: it is only put off.
            ItemBody::Status(_) => {
                let refusals = Refusals { again: now.at + retry_after, ..item.refusals };
                return self.put_off(no, delivery, refusals);
            }
        };
        let mid = mid.clone();
        self.fact(Fact::Nacked { mid, attempt, code: code.name().to_owned(), counted: true });
        match refusals {
            Some(refusals) => self.put_off(no, delivery, refusals),
            None => self.bounce(no, code),
        }
    }

    /// A refusal under another lease than the present one is only stated, if its message is here.
    fn ignore_nack(&mut self, mid: &Mid, code: NackCode) {
        let item = self.durable.mailbox().and_then(|mailbox| mailbox.only(mid));
        if let Some((_, Item { body: ItemBody::Mail(mail), .. })) = item {
            let (mid, attempt, code) = (mid.clone(), mail.attempt, code.name().to_owned());
            self.fact(Fact::Nacked { mid, attempt, code, counted: false });
        }
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
            self.desk_mut().release(lease.delivery);
            if let Some(mail) = self.mail(no) {
                let (mid, delivery) = (mail.header.mid(), lease.delivery);
                self.fact(Fact::Restored { mid, delivery });
            }
        }
    }

    /// Sends a message back to its sender, who may submit it again with other content.
    pub(super) fn bounce(&mut self, no: ItemNo, code: NackCode) {
        let Some(mail) = self.mail(no) else { return };
        self.forget(no, AccountWrite::Bounce(no));
        let Mail { generation, attempt, .. } = *mail;
        let (mid, name) = (mail.header.mid(), code.name().to_owned());
        self.fact(Fact::Bounce { mid, generation, attempt, code: name });
        self.report(&mail, Report::Bounced(code));
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
        let Mail { attempt, content, queued_at, .. } = *mail;
        let (mid, to) = (mail.header.mid(), to.clone());
        self.fact(Fact::Offer { mid, attempt, delivery, to, content, pushed });
        let (header, ciphertext) = (mail.header.clone(), mail.ciphertext.clone());
        let deliver = Deliver { delivery, header, ciphertext, queued_at };
        self.transmit(origin, req, Message::Deliver(Box::new(deliver)));
    }

    /// Takes an item out for good.
    pub(super) fn remove(&mut self, no: ItemNo) {
        self.forget(no, AccountWrite::Remove(no));
    }

    pub(super) fn mail(&self, no: ItemNo) -> Option<Arc<Mail>> {
        match &self.durable.mailbox()?.item(no)?.body {
            ItemBody::Mail(mail) => Some(Arc::clone(mail)),
            ItemBody::Status(_) => None,
        }
    }

    pub(super) fn desk_mut(&mut self) -> &mut Desk {
        self.desk.get_or_insert_default()
    }

    /// Puts an item under a lease and sends it: in answer to a poll, or pushed under a number of its own.
    fn offer(&mut self, now: Instant, no: ItemNo, origin: Origin, polled: Option<ReqId>) {
        let Some(body) =
            self.durable.mailbox().and_then(|it| it.item(no)).map(|it| it.body.clone())
        else {
            return;
        };
        let delivery = self.next_delivery();
        let endless = self.config.deviations.has(Deviation::M77);
        let until = if endless { Instant::NEVER } else { now + self.config.lease };
        self.desk_mut().lease(no, Lease { delivery, until });
        let req = polled.unwrap_or(ReqId(delivery.0.to_be_bytes()));
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

    /// The item that a delivery of this message was about: the one under that lease, else the only one of
    /// the message that is old enough.
    fn find(&self, delivery: DeliveryId, mid: &Mid) -> Option<(ItemNo, &Item)> {
        self.leased_as(delivery, mid).or_else(|| {
            let only = self.durable.mailbox()?.only(mid);
            only.filter(|(_, item)| delivery > item.after)
        })
    }

    fn leased_as(&self, delivery: DeliveryId, mid: &Mid) -> Option<(ItemNo, &Item)> {
        let no = self.desk.as_ref()?.leased(delivery)?;
        let mailbox = self.durable.mailbox()?;
        mailbox.item(no).filter(|_| mailbox.holds(no, mid)).map(|item| (no, item))
    }

    fn put_off(&mut self, no: ItemNo, delivery: DeliveryId, refusals: Refusals) {
        self.persist(vec![AccountWrite::Note { no, refusals }]);
        self.desk_mut().release(delivery);
    }

    fn expire(&mut self, no: ItemNo) {
        let Some(mail) = self.mail(no) else { return self.end_report(no) };
        self.remove(no);
        if self.config.deviations.has(Deviation::M76) {
            return;
        }
        let Mail { generation, attempt, .. } = *mail;
        self.fact(Fact::Expire { mid: mail.header.mid(), generation, attempt });
        self.report(&mail, Report::Expired);
    }

    fn forget(&mut self, no: ItemNo, write: AccountWrite) {
        let until = self.durable.mailbox().and_then(|it| it.item(no)).map(|item| item.until);
        self.persist(vec![write]);
        if let (Some(until), Some(desk)) = (until, self.desk.as_mut()) {
            desk.remove(no, until);
        }
    }
}

/// What a counted refusal does to a message: put off, or none when it goes back to its sender.
fn refuse(
    before: Refusals,
    now: Instant,
    code: NackCode,
    retry_after: Duration,
    patience: Duration,
) -> Option<Refusals> {
    match code {
        NackCode::Busy => Some(Refusals { again: now + retry_after, ..before }),
        NackCode::UnknownEpoch => {
            let since = before.unknown_since.unwrap_or(now);
            let end = since + patience;
            let doubled = UNKNOWN_FIRST.times(1 << before.unknown.min(6));
            let again = (now + doubled.min(UNKNOWN_LONGEST)).min(end);
            let unknown = before.unknown.saturating_add(1);
            let after = Refusals { again, unknown_since: Some(since), unknown, ..before };
            (now < end).then_some(after)
        }
        NackCode::AuthFail => {
            let unauthentic = before.unauthentic + 1;
            (unauthentic < UNAUTHENTIC_MAX).then_some(Refusals { unauthentic, ..before })
        }
        NackCode::StaleEpoch | NackCode::TooOld => None,
    }
}
