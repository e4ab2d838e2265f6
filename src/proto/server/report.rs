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
        let is_own =
            mid.sender == self.user && self.durable.directory().generation() == Some(generation);
        let before = self.durable.mailbox().and_then(|mailbox| mailbox.only(&mid));
        let before = before.map(|(no, item)| (no, item.until, item.body.clone()));
        let known = match &before {
            Some((_, _, ItemBody::Status(before))) => before.attempt >= attempt,
            Some((_, _, ItemBody::Mail(_))) | None => false,
        };
        if !is_own || known {
            return;
        }
        let mut writes = Vec::with_capacity(2);
        if let Some((no, until, _)) = before {
            writes.push(AccountWrite::Remove(no));
            self.desk_mut().remove(no, until);
        }
        let status = Arc::new(StatusItem { mid: mid.clone(), attempt, report });
        let (no, after) = (self.durable.next_item(), self.last_delivery());
        let until = now.at + self.config.ttl;
        writes.push(AccountWrite::Report { no, status, until, after });
        self.persist(writes);
        self.desk_mut().add(no, until);
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
    pub(super) fn end_report(&mut self, no: ItemNo) {
        let item = self.durable.mailbox().and_then(|mailbox| mailbox.item(no));
        let status = item.and_then(|item| match &item.body {
            ItemBody::Status(status) => Some(Arc::clone(status)),
            ItemBody::Mail(_) => None,
        });
        self.remove(no);
        if let Some(status) = status {
            let (mid, attempt) = (status.mid.clone(), status.attempt);
            self.fact(Fact::ReportDone { mid, attempt });
        }
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
