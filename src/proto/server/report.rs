//! Status reports: what became of a message, brought to its sender like mail (protocol 4.3, type 15).
//!
//! Not here: mailbox limits, which reports are outside of.

use std::sync::Arc;

use crate::base::id::{DeliveryId, Hash32, Mid, ReqId};
use crate::base::time::Now;
use crate::crypto::suite::Suite;
use crate::proto::port::{AccountMessage, Origin};
use crate::proto::server::account::Account;
use crate::proto::server::durable::AccountWrite;
use crate::proto::server::mailbox::{ItemBody, ItemNo, Mail, StatusItem};
use crate::trace::fact::Fact;
use crate::wire::code::Report;
use crate::wire::message::Message;

impl<S: Suite> Account<S> {
    /// Tells the sender's account what became of a message.
    pub(super) fn report(&mut self, mail: &Mail, report: Report) {
        let Mail { generation, attempt, .. } = *mail;
        let mid = mail.header.mid();
        let status = AccountMessage::Status { mid, generation, attempt, report };
        self.tell(mail.header.sender.clone(), status);
    }

    /// Keeps a report for the user: one per message, of the highest attempt. What is about an ended
    /// identity concerns nobody any more.
    pub(super) fn on_status(
        &mut self,
        now: Now,
        mid: Mid,
        generation: Hash32,
        attempt: u64,
        report: Report,
    ) {
        let generation_now = self.durable.directory().generation();
        let is_own = mid.sender == self.user && generation_now == Some(generation);
        let before = self.durable.mailbox().and_then(|mailbox| mailbox.only(&mid));
        let before = before.and_then(|(no, item)| match &item.body {
            ItemBody::Status(status) => Some((no, item.until, status.attempt)),
            ItemBody::Mail(_) => None,
        });
        if !is_own || before.is_some_and(|(_, _, known)| known >= attempt) {
            return;
        }
        let mut writes = Vec::with_capacity(2);
        if let Some((no, until, _)) = before {
            self.desk_mut().remove(no, until);
            writes.push(AccountWrite::Remove(no));
        }
        let status = Arc::new(StatusItem { mid: mid.clone(), attempt, report });
        let (no, after) = (self.durable.next_item(), self.last_delivery());
        let until = now.at + self.config.ttl;
        writes.push(AccountWrite::Report { no, status, until, after });
        self.persist(writes);
        self.desk_mut().add(no, until);
        if let Some((_, _, attempt)) = before {
            self.fact(Fact::ReportDone { mid: mid.clone(), attempt });
        }
        self.fact(Fact::Report { mid, attempt, what: name(report) });
    }

    pub(super) fn hand_out_report(
        &mut self,
        origin: Origin,
        req: ReqId,
        status: &StatusItem,
        delivery: DeliveryId,
    ) {
        let StatusItem { mid, attempt, report } = status.clone();
        self.transmit(origin, req, Message::StatusReport { delivery, mid, attempt, report });
    }

    /// A report is acknowledged, or its time is over.
    pub(super) fn end_report(&mut self, no: ItemNo, status: &StatusItem) {
        self.remove(no);
        let (mid, attempt) = (status.mid.clone(), status.attempt);
        self.fact(Fact::ReportDone { mid, attempt });
    }
}

/// The report's name in traces.
fn name(report: Report) -> String {
    match report {
        Report::Delivered => "delivered".to_owned(),
        Report::Expired => "expired".to_owned(),
        Report::Bounced(code) => format!("bounced({code})"),
    }
}
