//! What receivers answer to deliveries: acknowledgements and refusals (protocol 4.3, types 10 and 11).
//!
//! Not here: offering the items (`delivery`) and bringing the news to senders (`report`).

use crate::base::id::{DeliveryId, Mid};
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::server::account::Account;
use crate::proto::server::durable::AccountWrite;
use crate::proto::server::mailbox::{Item, ItemBody, ItemNo, Mail, Refusals};
use crate::trace::fact::Fact;
use crate::wire::code::{NackCode, Report};

/// First pause after UNKNOWN_EPOCH: a lookup's round trips on a slow link.
const UNKNOWN_FIRST: Duration = Duration::from_secs(1);
/// Longest such pause, the cap of all backoffs.
const UNKNOWN_LONGEST: Duration = Duration::from_secs(60);
/// The AUTH_FAIL that bounces a message; the first may be the fault of a link.
const UNAUTHENTIC_MAX: u32 = 2;

impl<S: Suite> Account<S> {
    /// An acknowledgement ends an item's stay: by the message, also when its lease ended meanwhile.
    pub(super) fn on_ack(&mut self, delivery: DeliveryId, mid: &Mid) {
        let Some((no, item)) = self.find(delivery, mid) else { return };
        match item.body.clone() {
            ItemBody::Mail(mail) => {
                self.remove(no);
                let Mail { generation, attempt, .. } = *mail;
                self.fact(Fact::Acked { mid: mid.clone(), generation, attempt });
                self.report(&mail, Report::Delivered);
            }
            ItemBody::Status(status) => self.end_report(no, &status),
        }
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
        let found = if late { self.only(mid) } else { self.leased_as(delivery, mid) };
        let Some((no, item)) = found else { return self.ignore_nack(mid, code) };
        let (before, retry_after) = (item.refusals, Duration::from_millis(retry_after.0));
        let ItemBody::Mail(mail) = item.body.clone() else {
            // A report has no content to find fault with: it is only put off.
            let refusals = Refusals { again: now.at + retry_after, ..before };
            return self.put_off(no, delivery, refusals);
        };
        let refusals = refuse(before, now.at, code, retry_after, self.config.unknown);
        match refusals {
            Some(refusals) => self.put_off(no, delivery, refusals),
            None => self.forget(no, AccountWrite::Bounce(no)),
        }
        self.fact(nacked(&mail, code, true));
        if refusals.is_none() {
            self.say_bounced(&mail, code);
        }
    }

    /// A refusal under another lease than the present one is only stated, if its message is here.
    fn ignore_nack(&mut self, mid: &Mid, code: NackCode) {
        if let Some((_, Item { body: ItemBody::Mail(mail), .. })) = self.only(mid) {
            let ignored = nacked(mail, code, false);
            self.fact(ignored);
        }
    }

    /// Says that a message went back to its sender, who may submit it again with other content.
    pub(super) fn say_bounced(&mut self, mail: &Mail, code: NackCode) {
        let Mail { generation, attempt, .. } = *mail;
        let (mid, name) = (mail.header.mid(), code.name().to_owned());
        self.fact(Fact::Bounce { mid, generation, attempt, code: name });
        self.report(mail, Report::Bounced(code));
    }

    /// The item that a delivery of this message was about: the one under that lease, else the only one of
    /// the message that is old enough. A lease of another message makes the answer one that was altered.
    fn find(&self, delivery: DeliveryId, mid: &Mid) -> Option<(ItemNo, &Item)> {
        if self.desk.as_ref().is_some_and(|desk| desk.leased(delivery).is_some()) {
            return self.leased_as(delivery, mid);
        }
        self.only(mid).filter(|(_, item)| delivery > item.after)
    }

    fn only(&self, mid: &Mid) -> Option<(ItemNo, &Item)> {
        self.durable.mailbox()?.only(mid)
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

fn nacked(mail: &Mail, code: NackCode, counted: bool) -> Fact {
    let Mail { generation, attempt, .. } = *mail;
    let (mid, code) = (mail.header.mid(), code.name().to_owned());
    Fact::Nacked { mid, generation, attempt, code, counted }
}
