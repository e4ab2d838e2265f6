//! False frames: what an adversary without anybody's keys can make of what it sees.
//!
//! Not here: when it does so, and on whose link (`adversary`).

use crate::base::id::{DeliveryId, Epoch, Hash32, ReqId, Seq, UserId};
use crate::base::rng::{Draw, Luck, Purpose};
use crate::base::time::{Duration, Millis};
use crate::crypto::keys::KeyPair;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::{Suite, TAG_LEN};
use crate::scenario::plan::Forgery;
use crate::sim::spoil::{Splice, malformed};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Deliver, Envelope, Message, Register};
use crate::wire::record::KeyRecord;
use crate::wire::signed::pop_octets;

/// To whom false messages go: what everybody may know of a receiver from headers.
#[derive(Clone, Debug)]
pub struct Addressee {
    /// Who.
    pub user: UserId,
    /// The current epoch.
    pub epoch: Epoch,
    /// The key ID, as headers have it.
    pub kid: [u8; 8],
}

/// A maker of false frames with its own luck.
#[derive(Clone, Debug)]
pub struct Forge(Draw);

/// Life of forged records and age of their epochs: what a record might say.
const FORGED_LIFE: Duration = Duration::from_secs(365 * 86_400);
/// An epoch that nobody reaches.
const ABSURD_EPOCH: u64 = 1 << 40;

impl Forge {
    /// For a step.
    #[must_use]
    pub fn new(seed: u64, step: u32) -> Self {
        Self(Luck::new(seed, Purpose::Fault, u64::from(step) << 32 | 2).at(0))
    }

    /// For a frame on a user's link.
    #[must_use]
    pub fn of_frame(seed: u64, user: u32, number: u64) -> Self {
        Self(Luck::new(seed, Purpose::Fault, u64::from(user) << 32 | 3).at(number))
    }

    fn envelope(&mut self, body: Message) -> Vec<u8> {
        Envelope { req: ReqId(self.0.octets()), ticket: None, body }.encode()
    }

    /// A user's own submission, delivered back as if its receiver had written it.
    #[must_use]
    pub fn reflection(&mut self, submitted: &[u8], wall: Millis) -> Option<Vec<u8>> {
        let Message::Submit(submit) = Envelope::decode(submitted).ok()?.body else { return None };
        let it = submit.header;
        let header = Header {
            sender: it.receiver,
            receiver: it.sender,
            epoch_s: it.epoch_r,
            epoch_r: it.epoch_s,
            kid_s: it.kid_r,
            kid_r: it.kid_s,
            ..it
        };
        Some(self.delivery(header, submit.ciphertext, wall))
    }

    fn delivery(&mut self, header: Header, ciphertext: Vec<u8>, wall: Millis) -> Vec<u8> {
        let delivery = DeliveryId(self.0.bits() >> 1);
        let deliver = Deliver { delivery, header, ciphertext, queued_at: wall };
        self.envelope(Message::Deliver(Box::new(deliver)))
    }

    /// A hint at a change that did not happen.
    #[must_use]
    pub fn notice(&mut self, user: &UserId, epoch: Epoch) -> Vec<u8> {
        let record_hash = Hash32(self.0.octets());
        self.envelope(Message::KeyChanged { user: user.clone(), epoch, record_hash })
    }

    /// A message from a stranger, or from somebody known under an epoch that nobody has.
    #[must_use]
    pub fn stranger(&mut self, to: &Addressee, known: Option<&UserId>, wall: Millis) -> Vec<u8> {
        let unknown = || UserId::new("x").expect("a letter is a name");
        let sender = match known {
            Some(known) => known.clone(),
            None => UserId::new(&format!("x{:016x}", self.0.bits())).unwrap_or_else(|_| unknown()),
        };
        let epoch_s = Epoch(if known.is_some() { ABSURD_EPOCH + self.0.below(1 << 20) } else { 1 });
        let header = Header {
            kind: BodyKind::Text,
            sender,
            receiver: to.user.clone(),
            epoch_s,
            epoch_r: to.epoch,
            kid_s: self.0.octets(),
            kid_r: to.kid,
            seq: Seq(1 + self.0.below(1 << 20)),
            nonce: self.0.octets(),
        };
        let ciphertext = self.0.octets::<{ TAG_LEN * 3 }>().to_vec();
        self.delivery(header, ciphertext, wall)
    }

    /// A registration of somebody's name with own keys, everything else in order.
    #[must_use]
    pub fn registration<S: Suite>(&mut self, name: &UserId, wall: Millis) -> Vec<u8> {
        let agree = KeyPair::generate::<S>(&mut self.0);
        let sign = KeyPair::generate::<S>(&mut self.0);
        let mut record = blank_record(name.clone(), wall);
        record.agree_pk = agree.public;
        record.sig_pk = sign.public;
        record.sig_self = S::sign(&sign.secret, &record.signed_octets());
        let hash = record_hash::<S>(&record.encode());
        let pop = S::sign(&agree.secret, &pop_octets(&hash));
        self.envelope(Message::Register(Box::new(Register { record, pop })))
    }

    /// A key reply with other records.
    #[must_use]
    pub fn with_records(&mut self, reply: &[u8], records: Vec<KeyRecord>) -> Option<Vec<u8>> {
        let envelope = Envelope::decode(reply).ok()?;
        let Message::KeyReply { more, .. } = envelope.body else { return None };
        Some(Envelope { body: Message::KeyReply { records, more }, ..envelope }.encode())
    }

    /// A next record of somebody's, in order but for the signature by the key before, which is the
    /// forger's own.
    fn successor<S: Suite>(&mut self, last: &KeyRecord, wall: Millis) -> KeyRecord {
        let agree = KeyPair::generate::<S>(&mut self.0);
        let sign = KeyPair::generate::<S>(&mut self.0);
        let prev_hash = record_hash::<S>(&last.encode());
        let first = last.generation == Hash32::ZERO;
        let mut record = KeyRecord {
            generation: if first { prev_hash } else { last.generation },
            epoch: last.epoch.next(),
            agree_pk: agree.public,
            sig_pk: sign.public,
            prev_hash,
            ..blank_record(last.user.clone(), wall)
        };
        let signed = record.signed_octets();
        record.sig_prev = Some(S::sign(&sign.secret, &signed));
        record.sig_self = S::sign(&sign.secret, &signed);
        record
    }

    /// Two key replies with each other's records.
    #[must_use]
    pub fn swapped(&mut self, one: &[u8], other: &[u8]) -> Option<[Vec<u8>; 2]> {
        let (first, second) = (records(one)?, records(other)?);
        Some([self.with_records(one, second)?, self.with_records(other, first)?])
    }

    /// A key reply about which something is wrong.
    #[must_use]
    pub fn key_reply<S: Suite>(
        &mut self,
        reply: &[u8],
        how: &Forgery,
        wall: Millis,
        other: Option<&KeyRecord>,
    ) -> Option<Vec<u8>> {
        let mut list = records(reply)?;
        let newest = list.last_mut()?;
        let mut splice = None;
        match how {
            Forgery::Unchained => {
                let next = self.successor::<S>(newest, wall);
                list = vec![next];
            }
            Forgery::OffCurve | Forgery::Identity | Forgery::OtherEncoding => {
                let sign = KeyPair::generate::<S>(&mut self.0);
                newest.sig_pk = sign.public;
                if *how == Forgery::Identity {
                    newest.agree_pk = [0; 65];
                } else if *how == Forgery::OtherEncoding {
                    // The hybrid form of X9.62: the same coordinates, and the parity of y in the tag.
                    newest.agree_pk[0] = 6 | newest.agree_pk[64] & 1;
                } else {
                    newest.agree_pk[64] ^= 1;
                }
                newest.sig_self = S::sign(&sign.secret, &newest.signed_octets());
            }
            Forgery::Point(point) => {
                let sign = KeyPair::generate::<S>(&mut self.0);
                newest.sig_pk = sign.public;
                let it = Splice { place: newest.agree_pk.to_vec(), octets: point.clone() };
                newest.sig_self = S::sign(&sign.secret, &it.apply(&newest.signed_octets())?);
                splice = Some(it);
            }
            Forgery::Signature(form) => {
                let octets = malformed(*form, &newest.sig_self);
                splice = Some(Splice { place: newest.sig_self.to_vec(), octets });
            }
            Forgery::BadSignature => newest.sig_self[63] ^= 1,
            Forgery::OtherUser => {
                let record = other.cloned().unwrap_or_else(|| {
                    let name = UserId::new("mallory").expect("a name of letters");
                    let mut record = newest.clone();
                    record.user = name;
                    record
                });
                list = vec![record];
            }
            Forgery::OtherRequest => {
                let envelope = Envelope::decode(reply).ok()?;
                return Some(Envelope { req: ReqId(self.0.octets()), ..envelope }.encode());
            }
        }
        let reply = self.with_records(reply, list)?;
        match splice {
            Some(splice) => splice.apply(&reply),
            None => Some(reply),
        }
    }
}

fn records(reply: &[u8]) -> Option<Vec<KeyRecord>> {
    let Message::KeyReply { records, .. } = Envelope::decode(reply).ok()?.body else { return None };
    Some(records)
}

fn blank_record(user: UserId, wall: Millis) -> KeyRecord {
    KeyRecord {
        user,
        generation: Hash32::ZERO,
        epoch: Epoch::FIRST,
        revoke_prev: false,
        agree_pk: [0; 65],
        sig_pk: [0; 65],
        created: wall,
        not_after: wall + FORGED_LIFE,
        prev_hash: Hash32::ZERO,
        sig_prev: None,
        sig_self: [0; 64],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::model::Model;
    use crate::proto::genesis::{Terms, identity, luck_of};

    fn name(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    fn deliver() -> Vec<u8> {
        let to = Addressee { user: name("bob"), epoch: Epoch(1), kid: [7; 8] };
        Forge::new(1, 0).stranger(&to, None, Millis(5))
    }

    #[test]
    fn a_reflection_comes_from_its_receiver() {
        let Message::Deliver(it) = Envelope::decode(&deliver()).unwrap().body else { panic!() };
        let submit = crate::wire::message::Submit {
            header: it.header.clone(),
            ciphertext: it.ciphertext.clone(),
            attempt: 1,
            expires: Millis(9),
        };
        let mut forge = Forge::new(1, 2);
        let submitted = forge.envelope(Message::Submit(Box::new(submit)));
        let octets = forge.reflection(&submitted, Millis(7)).unwrap();
        let Message::Deliver(back) = Envelope::decode(&octets).unwrap().body else { panic!() };
        assert_eq!(
            (&back.header.sender, &back.header.receiver),
            (&it.header.receiver, &it.header.sender)
        );
        assert_eq!(back.ciphertext, it.ciphertext);
    }

    #[test]
    fn each_forgery_is_wrong_in_its_own_way() {
        let terms = Terms { key_life: FORGED_LIFE, grace: Duration::from_secs(1) };
        let identity = identity::<Model>(luck_of(1, 0), &name("alice"), Epoch(2), terms);
        let mut forge = Forge::new(1, 3);
        let newest = identity.records[1].clone();
        let honest = Message::KeyReply { records: vec![newest.clone()], more: false };
        let honest = forge.envelope(honest);
        let mut forged = |how| {
            let octets = forge.key_reply::<Model>(&honest, &how, Millis(3), None).unwrap();
            let list = records(&octets).unwrap();
            (Envelope::decode(&octets).unwrap().req, list[0].clone())
        };
        let own = |it: &KeyRecord| Model::verify(&it.sig_pk, &it.signed_octets(), &it.sig_self);
        let (_, it) = forged(Forgery::Unchained);
        assert!(own(&it) && Model::check_point(&it.agree_pk).is_ok());
        assert_eq!((it.epoch, it.generation), (Epoch(3), newest.generation));
        let by_last = it.sig_prev.unwrap();
        assert!(!Model::verify(&newest.sig_pk, &it.signed_octets(), &by_last));
        for how in [Forgery::OffCurve, Forgery::Identity, Forgery::OtherEncoding] {
            let told = format!("{how:?}");
            let (_, it) = forged(how);
            assert!(own(&it) && Model::check_point(&it.agree_pk).is_err(), "{told}");
        }
        assert!(!own(&forged(Forgery::BadSignature).1));
        assert_ne!(forged(Forgery::OtherUser).1.user, newest.user);
        let (req, it) = forged(Forgery::OtherRequest);
        assert!(it == newest && req != Envelope::decode(&honest).unwrap().req);
    }
}
