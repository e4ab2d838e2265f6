//! The bodies of the twenty messages from octets, in the order of the table in protocol 4.3.
//!
//! Not here: the envelope around them (`codec`), writing (`encode`).

use crate::base::id::{DeliveryId, Epoch, Mid, Seq};
use crate::base::time::Millis;
use crate::wire::code::{AckOutcome, ErrorCode, NackCode, Report};
use crate::wire::error::{DecodeError, Rule};
use crate::wire::fields::{Fields, Observer};
use crate::wire::header::Header;
use crate::wire::limits::{OFFERS_MAX, RECORDS_MAX};
use crate::wire::message::{Deliver, Message, MessageKind, Register, Submit, Ticket};
use crate::wire::record::KeyRecord;

/// Reads the body of a message of this kind: one array, named like its kind.
pub(super) fn read_message<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    kind: MessageKind,
) -> Result<Message, DecodeError> {
    let name = kind.name();
    Ok(match kind {
        MessageKind::Register => Message::Register(Box::new(read_register(fields, name)?)),
        MessageKind::RegisterAck => {
            fields.array(name, 1)?;
            Message::RegisterAck { record_hash: fields.hash("record-hash")? }
        }
        MessageKind::LookupKey => read_lookup(fields, name)?,
        MessageKind::KeyReply => read_key_reply(fields, name)?,
        MessageKind::Submit => Message::Submit(Box::new(read_submit(fields, name)?)),
        MessageKind::SubmitAck => {
            fields.array(name, 2)?;
            Message::SubmitAck { mid: read_mid(fields)?, duplicate: fields.flag("duplicate")? }
        }
        MessageKind::Poll => {
            fields.array(name, 2)?;
            let max = fields.uint("max")?;
            Message::Poll { max, cursor: DeliveryId(fields.uint("cursor")?) }
        }
        MessageKind::Deliver => Message::Deliver(Box::new(read_deliver(fields, name)?)),
        MessageKind::PollEnd => {
            fields.array(name, 2)?;
            Message::PollEnd { count: fields.uint("count")?, more: fields.flag("more")? }
        }
        MessageKind::DeliverAck => read_deliver_ack(fields, name)?,
        MessageKind::DeliverNack => read_deliver_nack(fields, name)?,
        MessageKind::RotateKey => Message::RotateKey(Box::new(read_register(fields, name)?)),
        MessageKind::RotateAck => {
            fields.array(name, 1)?;
            Message::RotateAck { record_hash: fields.hash("record-hash")? }
        }
        MessageKind::KeyChanged => read_key_changed(fields, name)?,
        MessageKind::StatusReport => read_status_report(fields, name)?,
        MessageKind::Error => {
            fields.array(name, 3)?;
            let code = fields.code("code", ErrorCode::from_number, ErrorCode::name)?;
            Message::Error { code, arg: fields.uint("arg")?, about: fields.hash("about")? }
        }
        MessageKind::Hello => read_hello(fields, name)?,
        MessageKind::Challenge => read_challenge(fields, name)?,
        MessageKind::Attach => read_attach(fields, name)?,
        MessageKind::Attached => {
            fields.array(name, 1)?;
            Message::Attached { ticket: Ticket::read(fields, "ticket")? }
        }
    })
}

fn read_register<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Register, DecodeError> {
    fields.array(name, 2)?;
    let record = KeyRecord::read(fields, "record")?;
    Ok(Register { record, pop: fields.fixed("pop-agree")? })
}

fn read_lookup<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 3)?;
    let user = fields.user("user-id")?;
    let want_epoch = Some(fields.epoch("want-epoch")?).filter(|epoch| *epoch != Epoch(0));
    let have_hash = fields.optional("have-hash", Fields::hash)?;
    Ok(Message::LookupKey { user, want_epoch, have_hash })
}

fn read_key_reply<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 2)?;
    let count = fields.list("records", RECORDS_MAX)?;
    let records = (0..count).map(|_| KeyRecord::read(fields, "key-record"));
    let records = records.collect::<Result<_, _>>()?;
    Ok(Message::KeyReply { records, more: fields.flag("more")? })
}

fn read_submit<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Submit, DecodeError> {
    fields.array(name, 4)?;
    Ok(Submit {
        header: fields.embedded("header", |inner| Header::read(inner))?,
        ciphertext: fields.bytes("ciphertext")?.to_vec(),
        attempt: fields.uint("attempt")?,
        expires: fields.millis("expires")?,
    })
}

fn read_deliver<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Deliver, DecodeError> {
    fields.array(name, 4)?;
    Ok(Deliver {
        delivery: DeliveryId(fields.uint("delivery-id")?),
        header: fields.embedded("header", |inner| Header::read(inner))?,
        ciphertext: fields.bytes("ciphertext")?.to_vec(),
        queued_at: fields.millis("queued-at")?,
    })
}

fn read_deliver_ack<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 3)?;
    Ok(Message::DeliverAck {
        delivery: DeliveryId(fields.uint("delivery-id")?),
        mid: read_mid(fields)?,
        outcome: fields.code("outcome", AckOutcome::from_number, AckOutcome::name)?,
    })
}

fn read_deliver_nack<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 4)?;
    Ok(Message::DeliverNack {
        delivery: DeliveryId(fields.uint("delivery-id")?),
        mid: read_mid(fields)?,
        code: read_nack_code(fields, "code")?,
        retry_after: Millis(fields.uint("retry-after")?),
    })
}

fn read_key_changed<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 3)?;
    Ok(Message::KeyChanged {
        user: fields.user("user-id")?,
        epoch: fields.epoch("epoch")?,
        record_hash: fields.hash("record-hash")?,
    })
}

fn read_status_report<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 5)?;
    Ok(Message::StatusReport {
        delivery: DeliveryId(fields.uint("delivery-id")?),
        mid: read_mid(fields)?,
        attempt: fields.uint("attempt")?,
        report: read_report(fields)?,
    })
}

fn read_hello<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 3)?;
    Ok(Message::Hello {
        user: fields.user("user-id")?,
        versions: read_numbers(fields, "versions", "version")?,
        suites: read_numbers(fields, "suites", "suite")?,
    })
}

fn read_challenge<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 3)?;
    Ok(Message::Challenge {
        server: fields.user("server-id")?,
        nonce: fields.hash("nonce-s")?,
        time: fields.millis("time")?,
    })
}

fn read_attach<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    name: &'static str,
) -> Result<Message, DecodeError> {
    fields.array(name, 4)?;
    Ok(Message::Attach {
        user: fields.user("user-id")?,
        sig_epoch: fields.epoch("sig-epoch")?,
        nonce: fields.hash("nonce-d")?,
        sig: fields.fixed("sig")?,
    })
}

/// Reads `[sender_id, receiver_id, seq]`.
pub(super) fn read_mid<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Mid, DecodeError> {
    fields.array("mid", 3)?;
    Ok(Mid {
        sender: fields.user("sender-id")?,
        receiver: fields.user("receiver-id")?,
        seq: Seq(fields.uint("seq")?),
    })
}

pub(super) fn read_nack_code<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    field: &'static str,
) -> Result<NackCode, DecodeError> {
    fields.code(field, NackCode::from_number, NackCode::name)
}

fn read_report<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Report, DecodeError> {
    const NAMES: [&str; 3] = ["DELIVERED", "EXPIRED", "BOUNCED"];
    let find = |number: u64| (1..=3_usize).find(|outcome| *outcome as u64 == number);
    let outcome = fields.code("outcome", find, |outcome| NAMES[outcome - 1])?;
    let place = fields.place("code");
    let code = fields.optional("code", read_nack_code)?;
    match (outcome, code) {
        (1, None) => Ok(Report::Delivered),
        (2, None) => Ok(Report::Expired),
        (3, Some(code)) => Ok(Report::Bounced(code)),
        _ => Err(place.error(Rule::CodeWithoutBounce)),
    }
}

fn read_numbers<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
    field: &'static str,
    each: &'static str,
) -> Result<Vec<u64>, DecodeError> {
    let count = fields.list(field, OFFERS_MAX)?;
    (0..count).map(|_| fields.uint(each)).collect()
}
