//! An envelope to octets and back: the one place where frames are made and taken apart.
//!
//! Not here: lengths on a stream (`frame`), bodies inside the ciphertext (`body`).

use crate::base::cbor::Writer;
use crate::base::id::ReqId;
use crate::wire::decode::read_message;
use crate::wire::encode::write_message;
use crate::wire::error::DecodeError;
use crate::wire::fields::{Fields, Observer, decode_strictly};
use crate::wire::limits::FRAME_MAX;
use crate::wire::message::{Envelope, MessageKind, Ticket};

impl Envelope {
    /// Version of the envelope.
    pub const VERSION: u64 = 1;

    /// The octets of the frame.
    ///
    /// Keeping texts and lists within [`crate::wire::limits`] is the sender's part: a larger frame
    /// is written as well, and refused by [`Self::decode`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_reusing(Vec::with_capacity(256))
    }

    /// As [`Self::encode`], into memory that was used before; what it held is gone.
    #[must_use]
    pub fn encode_reusing(&self, octets: Vec<u8>) -> Vec<u8> {
        let mut writer = Writer::reusing(octets);
        writer.array(5).uint(Self::VERSION).uint(self.body.kind().number()).bytes(&self.req.0);
        match &self.ticket {
            Some(ticket) => ticket.write(&mut writer),
            None => {
                writer.null();
            }
        }
        write_message(&mut writer, &self.body);
        writer.finish()
    }

    /// Reads what [`Self::encode`] writes and refuses everything else (protocol 4.6).
    ///
    /// # Errors
    /// The first rule that the octets break, with its offset.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        decode_strictly(octets, ("envelope", FRAME_MAX), |fields| Self::read(fields), Self::encode)
    }

    pub(super) fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        fields.array("envelope", 5)?;
        fields.constant("version", Self::VERSION)?;
        let kind = fields.code("type", MessageKind::from_number, MessageKind::name)?;
        let req = ReqId(fields.fixed("req-id")?);
        let ticket = fields.optional("ticket", Ticket::read)?;
        let body = read_message(fields, kind)?;
        Ok(Self { req, ticket, body })
    }
}

impl Ticket {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(4).text(self.user.as_str()).bytes(&self.generation.0);
        writer.uint(self.expires.0).bytes(&self.mac);
    }

    pub(super) fn read<O: Observer>(
        fields: &mut Fields<'_, '_, O>,
        field: &'static str,
    ) -> Result<Self, DecodeError> {
        fields.array(field, 4)?;
        Ok(Self {
            user: fields.user("user-id")?,
            generation: fields.hash("generation")?,
            expires: fields.millis("expires")?,
            mac: fields.fixed("mac")?,
        })
    }
}
