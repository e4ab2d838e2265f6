//! Public keys in the frames that devices get: are they points, and in the one encoding that the profile has?
//!
//! Records do not say which suite a run uses. A point of one suite is none of the other, so what is valid for
//! neither is valid for none. Not here: what is found when a device takes one (S-23, S-32).

use crate::crypto::model::Model;
use crate::crypto::p256::P256;
use crate::crypto::suite::{Point, Suite as _};
use crate::trace::fact::{FrameFact, FrameKind};
use crate::wire::message::{Envelope, Message};

/// The keys for agreement and signatures in a key reply; none in any other frame.
#[must_use]
pub fn points_of(frame: &FrameFact) -> Vec<Point> {
    let octets = frame.octets.as_ref().filter(|_| frame.kind == Some(FrameKind::KeyReply));
    let body = octets.and_then(|octets| Envelope::decode(&octets.0).ok()).map(|it| it.body);
    let Some(Message::KeyReply { records, .. }) = body else { return Vec::new() };
    records.iter().flat_map(|record| [record.agree_pk, record.sig_pk]).collect()
}

/// Whether octets are a public key of a suite.
#[must_use]
pub fn is_point(point: &Point) -> bool {
    Model::check_point(point).is_ok() || P256::check_point(point).is_ok()
}

/// The same coordinates in the encoding that the profile wants.
#[must_use]
pub const fn uncompressed(point: &Point) -> Point {
    let mut right = *point;
    right[0] = 4;
    right
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::id::{Epoch, Hash32, ReqId};
    use crate::base::time::Millis;
    use crate::crypto::suite::Secret;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, Octets};
    use crate::wire::record::KeyRecord;

    /// A reply about alice with this key for agreement.
    pub(in crate::oracle) fn reply_with(story: &Story, agree_pk: Point) -> FrameFact {
        let record = KeyRecord {
            user: story.user(0),
            generation: Hash32::ZERO,
            epoch: Epoch::FIRST,
            revoke_prev: false,
            agree_pk,
            sig_pk: Model::public(&Secret::new([2; 32])),
            created: Millis::WORLD_START,
            not_after: Millis::NEVER,
            prev_hash: Hash32::ZERO,
            sig_prev: None,
            sig_self: [1; 64],
        };
        let body = Message::KeyReply { records: vec![record], more: false };
        let octets = Envelope { req: ReqId([7; 8]), ticket: None, body }.encode();
        let mut frame = story.frame(FrameKind::KeyReply, false, About::User(story.user(0)));
        frame.octets = Some(Octets(octets.into()));
        frame
    }

    #[test]
    fn keys_of_either_suite_are_points_and_nothing_else_is() {
        let secret = Secret::new([1; 32]);
        for point in [Model::public(&secret), P256::public(&secret)] {
            assert!(is_point(&point));
            let mut other = point;
            other[64] ^= 1;
            assert!(!is_point(&other));
            other = point;
            other[0] = 6;
            assert!(!is_point(&other) && is_point(&uncompressed(&other)));
        }
        assert!(!is_point(&[0; 65]));
    }
}
