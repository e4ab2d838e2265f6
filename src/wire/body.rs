//! What is inside a ciphertext: text, approval requests and replies, end-to-end nacks (protocol
//! 3.6, 4.3).
//!
//! Not here: encryption, the approval's signature (`cose`), what may be shown (`display`).

use crate::base::cbor::Writer;
use crate::base::id::{Epoch, Hash32, Mid, TxnId, UserId};
use crate::base::time::Millis;
use crate::wire::code::NackCode;
use crate::wire::decode::{read_mid, read_nack_code};
use crate::wire::encode::{write_mid, write_optional};
use crate::wire::error::{DecodeError, Rule};
use crate::wire::fields::{Fields, Observer, decode_strictly};
use crate::wire::header::BodyKind;
use crate::wire::limits::{FRAME_MAX, TEXT_MAX};

/// The plaintext of a message; the header says which kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Plain text for the user, as raw UTF-8.
    Text(String),
    /// A request that the user shall approve.
    Request(ApprovalRequest),
    /// A signed approval.
    Reply(ApprovalReply),
    /// "I cannot decrypt this message."
    Nack(EndToEndNack),
    /// The user rejected.
    Declined(Declined),
}

/// What a transaction system asks the user to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct ApprovalRequest {
    /// The transaction.
    pub txn: TxnId,
    /// Who asks; in own data (claim 4) the receiver of the approval.
    pub requester: UserId,
    /// Exactly what is shown, line by line.
    pub lines: Vec<String>,
    /// In minor units of the currency.
    pub amount: Option<u64>,
    /// The currency, by its ISO 4217 letters.
    pub currency: Option<String>,
    /// Who is paid.
    pub payee: Option<String>,
    /// When it was made.
    pub created: Millis,
    /// From when on it must not be approved.
    pub expires: Millis,
    /// Makes two requests for the same thing differ.
    pub nonce: [u8; 16],
}

/// A signed approval, with the request when the device made that itself (claim 4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct ApprovalReply {
    /// An encoded `COSE_Sign1` over an encoded [`ApprovalStatement`].
    pub cose: Vec<u8>,
    /// The encoded [`ApprovalRequest`]; none in an answer to somebody's request.
    pub request: Option<Vec<u8>>,
}

/// Tells the sender of a message that its receiver cannot decrypt it; only starts a lookup earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct EndToEndNack {
    /// The message.
    pub mid: Mid,
    /// Why.
    pub code: NackCode,
}

/// Tells a requester that the user rejected; unsigned, inside the ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct Declined {
    /// The transaction.
    pub txn: TxnId,
}

/// What the user's signature covers. The decision is always "approve": nothing else is ever signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct ApprovalStatement {
    /// The transaction on screen at the press.
    pub txn: TxnId,
    /// The authenticated sender of the request; in own data the receiver of the approval.
    pub requester: UserId,
    /// Who pressed.
    pub approver: UserId,
    /// The epoch of the approver's signature key.
    pub sig_epoch: Epoch,
    /// SHA-256 of the encoded request.
    pub req_digest: Hash32,
    /// SHA-256 of the octets sent to the display.
    pub disp_digest: Hash32,
    /// What the device tells about its user.
    pub user_info: String,
    /// Strictly increases from approval to approval of this device.
    pub approval_ctr: u64,
    /// When the button was pressed.
    pub t: Millis,
    /// The request's expiry.
    pub expires: Millis,
}

impl Body {
    /// The kind that the header names.
    #[must_use]
    pub const fn kind(&self) -> BodyKind {
        match self {
            Self::Text(_) => BodyKind::Text,
            Self::Request(_) => BodyKind::ApprovalRequest,
            Self::Reply(_) => BodyKind::ApprovalReply,
            Self::Nack(_) => BodyKind::EndToEndNack,
            Self::Declined(_) => BodyKind::Declined,
        }
    }

    /// The plaintext.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Request(request) => request.encode(),
            Self::Reply(reply) => reply.encode(),
            Self::Nack(nack) => nack.encode(),
            Self::Declined(declined) => declined.encode(),
        }
    }

    /// Reads what [`Self::encode`] writes.
    ///
    /// # Errors
    /// The first rule that the octets break.
    pub fn decode(kind: BodyKind, octets: &[u8]) -> Result<Self, DecodeError> {
        let limits = |max| (kind.name(), max);
        let nack = |fields: &mut Fields<'_, '_, ()>| EndToEndNack::read(fields);
        let declined = |fields: &mut Fields<'_, '_, ()>| Declined::read(fields);
        let reply = |fields: &mut Fields<'_, '_, ()>| ApprovalReply::read(fields);
        match kind {
            BodyKind::Text => decode_text(octets).map(Self::Text),
            BodyKind::ApprovalRequest => ApprovalRequest::decode(octets).map(Self::Request),
            BodyKind::ApprovalReply => {
                decode_strictly(octets, limits(FRAME_MAX), reply, ApprovalReply::encode)
                    .map(Self::Reply)
            }
            BodyKind::EndToEndNack => {
                decode_strictly(octets, limits(FRAME_MAX), nack, EndToEndNack::encode)
                    .map(Self::Nack)
            }
            BodyKind::Declined => {
                decode_strictly(octets, limits(FRAME_MAX), declined, Declined::encode)
                    .map(Self::Declined)
            }
        }
    }
}

/// Raw UTF-8, which is its own canonical encoding.
fn decode_text(octets: &[u8]) -> Result<String, DecodeError> {
    let (field, got) = (BodyKind::Text.name(), octets.len());
    if got > TEXT_MAX {
        let rule = Rule::TooBig { max: TEXT_MAX, got };
        return Err(DecodeError { offset: TEXT_MAX, field, rule });
    }
    let text = std::str::from_utf8(octets);
    let text = text.map_err(|error| {
        let offset = error.valid_up_to();
        DecodeError { offset, field, rule: Rule::NotUtf8 }
    })?;
    Ok(text.to_owned())
}

impl ApprovalRequest {
    /// The octets that are sent, and whose digest is signed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256);
        writer.array(9).bytes(&self.txn.0).text(self.requester.as_str());
        writer.array(self.lines.len() as u64);
        for line in &self.lines {
            writer.text(line);
        }
        write_optional(&mut writer, self.amount, Writer::uint);
        write_optional(&mut writer, self.currency.as_deref(), Writer::text);
        write_optional(&mut writer, self.payee.as_deref(), Writer::text);
        writer.uint(self.created.0).uint(self.expires.0).bytes(&self.nonce);
        writer.finish()
    }

    /// Reads what [`Self::encode`] writes, at most [`TEXT_MAX`] octets.
    ///
    /// # Errors
    /// The first rule that the octets break.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let limits = (BodyKind::ApprovalRequest.name(), TEXT_MAX);
        decode_strictly(octets, limits, |fields| Self::read(fields), Self::encode)
    }

    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        fields.array(BodyKind::ApprovalRequest.name(), 9)?;
        Ok(Self {
            txn: TxnId(fields.fixed("txn-id")?),
            requester: fields.user("requester")?,
            lines: read_lines(fields)?,
            amount: fields.optional("amount", Fields::uint)?,
            currency: fields.optional("currency", Fields::text)?.map(str::to_owned),
            payee: fields.optional("payee", Fields::text)?.map(str::to_owned),
            created: fields.millis("created")?,
            expires: fields.millis("expires")?,
            nonce: fields.fixed("req-nonce")?,
        })
    }
}

/// Any number of lines: the size of the whole request bounds them.
fn read_lines<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Vec<String>, DecodeError> {
    let count = fields.list("lines", TEXT_MAX as u64)?;
    (0..count).map(|_| fields.text("line").map(str::to_owned)).collect()
}

impl ApprovalReply {
    fn encode(&self) -> Vec<u8> {
        let request = self.request.as_deref();
        let room = self.cose.len() + request.map_or(0, <[u8]>::len) + 16;
        let mut writer = Writer::with_capacity(room);
        writer.array(2).bytes(&self.cose);
        write_optional(&mut writer, request, Writer::bytes);
        writer.finish()
    }

    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        fields.array(BodyKind::ApprovalReply.name(), 2)?;
        Ok(Self {
            cose: fields.bytes("cose-sign1")?.to_vec(),
            request: fields.optional("request-body", Fields::bytes)?.map(<[u8]>::to_vec),
        })
    }
}

impl EndToEndNack {
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(64);
        write_mid(writer.array(2), &self.mid).uint(self.code.number());
        writer.finish()
    }

    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        fields.array(BodyKind::EndToEndNack.name(), 2)?;
        Ok(Self { mid: read_mid(fields)?, code: read_nack_code(fields, "code")? })
    }
}

impl Declined {
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(18);
        writer.array(1).bytes(&self.txn.0);
        writer.finish()
    }

    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        fields.array(BodyKind::Declined.name(), 1)?;
        Ok(Self { txn: TxnId(fields.fixed("txn-id")?) })
    }
}

impl ApprovalStatement {
    /// What the first item says, so that no other signature can be taken for an approval.
    pub const LABEL: &'static str = "PEAD-v1 approval";
    /// The decision "approve".
    const APPROVE: u64 = 1;

    /// The payload of the `COSE_Sign1`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256);
        writer.array(12).text(Self::LABEL).bytes(&self.txn.0).uint(Self::APPROVE);
        writer.text(self.requester.as_str()).text(self.approver.as_str()).uint(self.sig_epoch.0);
        writer.bytes(&self.req_digest.0).bytes(&self.disp_digest.0).text(&self.user_info);
        writer.uint(self.approval_ctr).uint(self.t.0).uint(self.expires.0);
        writer.finish()
    }

    /// Reads what [`Self::encode`] writes.
    ///
    /// # Errors
    /// The first rule that the octets break.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let limits = ("approval-statement", FRAME_MAX);
        decode_strictly(octets, limits, |fields| Self::read(fields), Self::encode)
    }

    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        fields.array("approval-statement", 12)?;
        fields.label("ctx", Self::LABEL)?;
        let txn = TxnId(fields.fixed("txn-id")?);
        fields.constant("decision", Self::APPROVE)?;
        Ok(Self {
            txn,
            requester: fields.user("requester")?,
            approver: fields.user("approver")?,
            sig_epoch: fields.epoch("sig-epoch")?,
            req_digest: fields.hash("req-digest")?,
            disp_digest: fields.hash("disp-digest")?,
            user_info: fields.text("user-info")?.to_owned(),
            approval_ctr: fields.uint("approval-ctr")?,
            t: fields.millis("t")?,
            expires: fields.millis("expires")?,
        })
    }
}
