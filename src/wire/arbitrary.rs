//! Valid envelopes and bodies made from arbitrary octets, for property tests and fuzz targets
//! alike.
//!
//! The shapes come from derives beside the types; here are their leaves and their limits.
//! Not here: octets that are not valid (`tests::properties` spoils valid ones).

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::base::id::{DeliveryId, Epoch, Hash32, Mid, ReqId, Seq, TxnId, UserId};
use crate::base::time::Millis;
use crate::wire::body::{ApprovalReply, ApprovalRequest, Body, Declined, EndToEndNack};
use crate::wire::header::BodyKind;
use crate::wire::limits::{FRAME_MAX, OFFERS_MAX, RECORDS_MAX, TEXT_MAX};
use crate::wire::message::{Envelope, Message, Ticket};

/// Any number, with all widths of its encoding about equally often.
fn number(u: &mut Unstructured<'_>) -> Result<u64> {
    let shift = u.int_in_range(0..=63)?;
    Ok(u.arbitrary::<u64>()? >> shift)
}

macro_rules! leaf {
    ($($name:ident = $make:expr;)+) => {
        $(impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                $make(u).map($name)
            }
        })+
    };
}

leaf! {
    Epoch = number;
    Seq = number;
    DeliveryId = number;
    Millis = number;
    Hash32 = Unstructured::arbitrary;
    ReqId = Unstructured::arbitrary;
    TxnId = Unstructured::arbitrary;
}

impl<'a> Arbitrary<'a> for UserId {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789._-";
        let len = u.int_in_range(1..=Self::LEN_MAX)?;
        let name = (0..len).map(|_| u.choose(ALPHABET).map(|octet| char::from(*octet)));
        let name = name.collect::<Result<String>>()?;
        Ok(Self::new(&name).expect("made of its alphabet"))
    }
}

impl<'a> Arbitrary<'a> for Mid {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self { sender: u.arbitrary()?, receiver: u.arbitrary()?, seq: u.arbitrary()? })
    }
}

impl<'a> Arbitrary<'a> for Envelope {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (req, ticket) = (ReqId::arbitrary(u)?, Option::<Ticket>::arbitrary(u)?);
        let mut body = Message::arbitrary(u)?;
        narrow(&mut body);
        mix_widths(&mut body, number(u)?);
        Ok(Self { req, ticket, body })
    }
}

/// Brings what the types allow down to what the wire allows.
fn narrow(message: &mut Message) {
    if let Message::LookupKey { want_epoch, .. } = message {
        // On the wire 0 asks for the current epoch.
        *want_epoch = want_epoch.filter(|epoch| *epoch != Epoch(0));
    }
    if let Message::KeyReply { records, .. } = message {
        records.truncate(usize::try_from(RECORDS_MAX).unwrap_or(usize::MAX));
    }
    if let Message::Hello { versions, suites, .. } = message {
        for offers in [versions, suites] {
            offers.truncate(usize::try_from(OFFERS_MAX).unwrap_or(usize::MAX));
        }
    }
    if let Message::Submit(submit) = message {
        submit.ciphertext.truncate(FRAME_MAX / 2);
    }
    if let Message::Deliver(deliver) = message {
        deliver.ciphertext.truncate(FRAME_MAX / 2);
    }
}

/// Makes the bare numbers of a message as wide as `mask`, since plain ones nearly all have 8
/// octets.
fn mix_widths(message: &mut Message, mask: u64) {
    if let Message::Poll { max, .. } = message {
        *max &= mask;
    }
    if let Message::PollEnd { count, .. } = message {
        *count &= mask;
    }
    if let Message::StatusReport { attempt, .. } = message {
        *attempt &= mask;
    }
    if let Message::Error { arg, .. } = message {
        *arg &= mask;
    }
    if let Message::Submit(submit) = message {
        submit.attempt &= mask;
    }
}

impl<'a> Arbitrary<'a> for Body {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match BodyKind::arbitrary(u)? {
            BodyKind::Text => {
                let mut text = String::arbitrary(u)?;
                while text.len() > TEXT_MAX {
                    text.pop();
                }
                Self::Text(text)
            }
            BodyKind::ApprovalRequest => {
                let mut request = ApprovalRequest::arbitrary(u)?;
                while request.encode().len() > TEXT_MAX {
                    if request.lines.pop().is_none() {
                        (request.payee, request.currency) = (None, None);
                    }
                }
                Self::Request(request)
            }
            BodyKind::ApprovalReply => {
                let mut reply = ApprovalReply::arbitrary(u)?;
                reply.cose.truncate(TEXT_MAX);
                if let Some(request) = &mut reply.request {
                    request.truncate(TEXT_MAX);
                }
                Self::Reply(reply)
            }
            BodyKind::EndToEndNack => Self::Nack(EndToEndNack::arbitrary(u)?),
            BodyKind::Declined => Self::Declined(Declined::arbitrary(u)?),
        })
    }
}
