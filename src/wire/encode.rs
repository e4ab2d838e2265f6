//! The bodies of the twenty messages as octets, in the order of the table in protocol 4.3.
//!
//! Not here: the envelope around them (`codec`), reading (`decode`).

use crate::base::cbor::Writer;
use crate::base::id::{Epoch, Hash32, Mid};
use crate::wire::code::Report;
use crate::wire::message::{Deliver, Message, Register, Submit};

/// Writes the body of a message: one array.
pub(super) fn write_message(writer: &mut Writer, message: &Message) {
    match message {
        Message::Register(body) | Message::RotateKey(body) => write_register(writer, body),
        Message::RegisterAck { record_hash } | Message::RotateAck { record_hash } => {
            writer.array(1).bytes(&record_hash.0);
        }
        Message::LookupKey { user, want_epoch, have_hash } => {
            writer.array(3).text(user.as_str()).uint(want_epoch.map_or(0, |Epoch(epoch)| epoch));
            write_optional(writer, *have_hash, |w, Hash32(hash)| w.bytes(&hash));
        }
        Message::KeyReply { records, more } => {
            writer.array(2).array(records.len() as u64);
            for record in records {
                record.write(writer);
            }
            writer.uint(u64::from(*more));
        }
        Message::Submit(body) => write_submit(writer, body),
        Message::SubmitAck { mid, duplicate } => {
            write_mid(writer.array(2), mid).uint(u64::from(*duplicate));
        }
        Message::Poll { max, cursor } => {
            writer.array(2).uint(*max).uint(cursor.0);
        }
        Message::Deliver(body) => write_deliver(writer, body),
        Message::PollEnd { count, more } => {
            writer.array(2).uint(*count).uint(u64::from(*more));
        }
        Message::DeliverAck { delivery, mid, outcome } => {
            write_mid(writer.array(3).uint(delivery.0), mid).uint(outcome.number());
        }
        Message::DeliverNack { delivery, mid, code, retry_after } => {
            write_mid(writer.array(4).uint(delivery.0), mid)
                .uint(code.number())
                .uint(retry_after.0);
        }
        Message::KeyChanged { user, epoch, record_hash } => {
            writer.array(3).text(user.as_str()).uint(epoch.0).bytes(&record_hash.0);
        }
        Message::StatusReport { delivery, mid, attempt, report } => {
            write_mid(writer.array(5).uint(delivery.0), mid).uint(*attempt);
            write_report(writer, *report);
        }
        Message::Error { code, arg, about } => {
            writer.array(3).uint(code.number()).uint(*arg).bytes(&about.0);
        }
        Message::Hello { user, versions, suites } => {
            writer.array(3).text(user.as_str());
            write_numbers(writer, versions);
            write_numbers(writer, suites);
        }
        Message::Challenge { server, nonce, time } => {
            writer.array(3).text(server.as_str()).bytes(&nonce.0).uint(time.0);
        }
        Message::Attach { user, sig_epoch, nonce, sig } => {
            writer.array(4).text(user.as_str()).uint(sig_epoch.0).bytes(&nonce.0).bytes(sig);
        }
        Message::Attached { ticket } => {
            writer.array(1);
            ticket.write(writer);
        }
    }
}

fn write_register(writer: &mut Writer, body: &Register) {
    writer.array(2);
    body.record.write(writer);
    writer.bytes(&body.pop);
}

/// The header is embedded, so that the associated data is a slice of the frame.
fn write_submit(writer: &mut Writer, body: &Submit) {
    writer.array(4).embedded(|w| body.header.write(w)).bytes(&body.ciphertext);
    writer.uint(body.attempt).uint(body.expires.0);
}

fn write_deliver(writer: &mut Writer, body: &Deliver) {
    writer.array(4).uint(body.delivery.0).embedded(|w| body.header.write(w));
    writer.bytes(&body.ciphertext).uint(body.queued_at.0);
}

/// Writes `[sender_id, receiver_id, seq]`.
pub(super) fn write_mid<'w>(writer: &'w mut Writer, mid: &Mid) -> &'w mut Writer {
    writer.array(3).text(mid.sender.as_str()).text(mid.receiver.as_str()).uint(mid.seq.0)
}

/// Two items: the outcome, and the code of a bounce or `null`.
fn write_report(writer: &mut Writer, report: Report) {
    match report {
        Report::Delivered => writer.uint(1).null(),
        Report::Expired => writer.uint(2).null(),
        Report::Bounced(code) => writer.uint(3).uint(code.number()),
    };
}

fn write_numbers(writer: &mut Writer, numbers: &[u64]) {
    writer.array(numbers.len() as u64);
    for number in numbers {
        writer.uint(*number);
    }
}

/// `null`, or the value.
pub(super) fn write_optional<T>(
    writer: &mut Writer,
    value: Option<T>,
    write: impl FnOnce(&mut Writer, T) -> &mut Writer,
) {
    match value {
        Some(value) => write(writer, value),
        None => writer.null(),
    };
}
