//! The octets that signatures outside key records and approvals cover, and refusals are about (protocol
//! 4.3).
//!
//! Not here: `KeyRecord::signed_octets`, the approval's `Sig_structure` (`cose`), or signing
//! (`crypto`).

use crate::base::cbor::Writer;
use crate::base::id::{Epoch, Hash32, UserId};
use crate::wire::code::ErrorCode;
use crate::wire::encode::write_message;
use crate::wire::message::Message;

/// What the signature of an Attach covers:
/// `["PEAD-v1 attach", server_id, user_id, sig_epoch, nonce_s, nonce_d]`.
#[must_use]
pub fn attach_octets(
    server: &UserId,
    user: &UserId,
    sig_epoch: Epoch,
    nonce_s: &Hash32,
    nonce_d: &Hash32,
) -> Vec<u8> {
    let mut writer = Writer::with_capacity(128);
    writer.array(6).text("PEAD-v1 attach").text(server.as_str()).text(user.as_str());
    writer.uint(sig_epoch.0).bytes(&nonce_s.0).bytes(&nonce_d.0);
    writer.finish()
}

/// What the proof of possession of an agreement key covers: `["PEAD-v1 pop", record_hash]`.
#[must_use]
pub fn pop_octets(record_hash: &Hash32) -> Vec<u8> {
    let mut writer = Writer::with_capacity(48);
    writer.array(2).text("PEAD-v1 pop").bytes(&record_hash.0);
    writer.finish()
}

/// What a refusal is about, so that one of altered octets is told from one of those that were sent:
/// `["PEAD-v1 error", type, body, code, arg]` with type and body of the request, as it arrived.
#[must_use]
pub fn error_octets(request: &Message, code: ErrorCode, arg: u64) -> Vec<u8> {
    let mut writer = Writer::with_capacity(256);
    writer.array(5).text("PEAD-v1 error").uint(request.kind().number());
    writer.embedded(|w| write_message(w, request)).uint(code.number()).uint(arg);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::DeliveryId;
    use crate::base::units::hex;

    #[test]
    fn labels_come_first_and_fields_in_the_order_of_the_protocol() {
        let (server, user) = (UserId::new("s1").unwrap(), UserId::new("bob").unwrap());
        let (nonce_s, nonce_d) = (Hash32([1; 32]), Hash32([2; 32]));
        let (ones, twos) = ("01".repeat(32), "02".repeat(32));
        assert_eq!(
            hex(&attach_octets(&server, &user, Epoch(300), &nonce_s, &nonce_d)),
            format!(
                "866e504541442d763120617474616368627331{}19012c5820{ones}5820{twos}",
                "63626f62"
            )
        );
        assert_eq!(hex(&pop_octets(&nonce_s)), format!("826b504541442d763120706f705820{ones}"));
        let poll = Message::Poll { max: 32, cursor: DeliveryId(0) };
        assert_eq!(
            hex(&error_octets(&poll, ErrorCode::QueueFull, 300)),
            "856d504541442d7631206572726f720744821820000719012c"
        );
    }
}
