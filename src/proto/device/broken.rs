//! What deviations do in place of the right thing, where that takes more than a line (protocol 6).
//!
//! Each is called at the decision that it breaks, and nowhere else. Not here: which deviations there are, or
//! anything that a device by the book does.

use crate::base::id::{DraftId, Epoch, Hash32, Mid, Seq, UserId};
use crate::base::time::Now;
use crate::crypto::keys::KeyPair;
use crate::crypto::schedule::{EXTRACT_SALT, Party, pair_from_z, pair_secret};
use crate::crypto::sign::fingerprint;
use crate::crypto::suite::{KeyError, Nonce, Point, Secret, Suite, TAG_LEN};
use crate::proto::deviation::{Deviation, Deviations};
use crate::proto::device::Device;
use crate::proto::device::durable::{Draft, Pin, Sealed, Stage, content};
use crate::proto::device::timers::Timers;
use crate::proto::device::window::{Standing, Window};
use crate::trace::fact::{Fact, Sealing, SignPurpose};
use crate::wire::body::ApprovalRequest;
use crate::wire::cose;
use crate::wire::header::Header;
use crate::wire::message::Envelope;

/// Letters of an ID that a careless table compares (M03).
const LETTERS: usize = 3;
/// Octets of a tag that are compared when it is cut short (M21).
const SHORT_TAG: usize = 8;

impl<S: Suite> Device<S> {
    // The table.

    /// Under whose name a secret is looked for: another's with the same first letters (M03), or whoever was
    /// served last (M04).
    pub(super) fn misplaced(&self, peer: &UserId) -> Option<&UserId> {
        let rows = &self.durable.table;
        if self.has(Deviation::M04) {
            return rows.iter().max_by_key(|(_, row)| row.used).map(|(last, _)| last);
        }
        let start = |user: &UserId| user.as_str().bytes().take(LETTERS).collect::<Vec<u8>>();
        let mut alike = rows.keys().filter(|known| start(known) == start(peer));
        alike.next().filter(|_| self.has(Deviation::M03))
    }

    /// Whether an own rotation has not reached the row of a peer: only the last one used is refreshed (M42).
    pub(super) fn is_left_behind(&self, peer: &UserId) -> bool {
        let last = self.durable.table.iter().max_by_key(|(_, row)| row.used);
        self.has(Deviation::M42) && last.is_some_and(|(last, _)| last != peer)
    }

    // Points and key pairs.

    /// Whether octets pass for a public key although they are none of the profile's (M45, M46, M47).
    pub(super) fn passes_for_point(wrong: Deviations, point: &Point) -> bool {
        let zero = point.iter().all(|octet| *octet == 0);
        (wrong.has(Deviation::M45) && point[0] == 4)
            || (wrong.has(Deviation::M46) && zero)
            || (wrong.has(Deviation::M47) && S::check_point(&uncompressed(point)).is_ok())
    }

    /// The pair secret where a deviation breaks its making; none by the book.
    pub(super) fn wrong_secret(
        &self,
        own: &Secret,
        us: Party<'_>,
        point: &Point,
        them: Party<'_>,
    ) -> Option<Secret> {
        if self.config.deviations.is_empty() {
            return None;
        }
        match S::agree(own, point) {
            Ok(z) => self.wrong_schedule(z, us, them),
            Err(_) => self.secret_of_no_point(own, us, point, them),
        }
    }

    /// The raw agreement (M14), the one without its leading zeros (M15), or a schedule that leaves out IDs
    /// (M16) or epochs and kids (M17).
    fn wrong_schedule(&self, z: Secret, us: Party<'_>, them: Party<'_>) -> Option<Secret> {
        if self.has(Deviation::M14) {
            Some(z)
        } else if self.has(Deviation::M15) {
            Some(pair_from_z::<S>(without_zeros(&z), us, them))
        } else if self.has(Deviation::M16) {
            let kids = [us.kid.min(them.kid).0, us.kid.max(them.kid).0].concat();
            Some(S::expand(&S::extract(EXTRACT_SALT, &z), &kids))
        } else if self.has(Deviation::M17) {
            let bare = |party| Party { epoch: Epoch(0), kid: &Hash32::ZERO, ..party };
            Some(pair_from_z::<S>(z, bare(us), bare(them)))
        } else {
            None
        }
    }

    /// The secret with a key that is no valid point: of the point that is meant (M47), of the zeros that
    /// multiplying the identity gives (M46), or of whatever comes out off the curve (M45).
    fn secret_of_no_point(
        &self,
        own: &Secret,
        us: Party<'_>,
        point: &Point,
        them: Party<'_>,
    ) -> Option<Secret> {
        if self.has(Deviation::M47) {
            return pair_secret::<S>(own, us, &uncompressed(point), them).ok();
        }
        let off_curve = self.has(Deviation::M45).then(|| S::extract(point, own));
        let z = off_curve.or_else(|| self.has(Deviation::M46).then(|| Secret::new([0; 32])));
        z.map(|z| pair_from_z::<S>(z, us, them))
    }

    /// A download that a lenient library takes: short private keys padded on the left, and the public half
    /// believed (M79).
    pub(super) fn careless_download(secret: &[u8], public: &[u8]) -> Result<KeyPair, KeyError> {
        let missing = size_of::<Point>() / 2 - secret.len().min(size_of::<Point>() / 2);
        let padded: Vec<u8> =
            std::iter::repeat_n(0, missing).chain(secret.iter().copied()).collect();
        let secret = padded.as_slice().try_into().map(Secret::new).map_err(|_| KeyError::Scalar)?;
        S::check_secret(&secret)?;
        S::check_point(public)?;
        let public = public.try_into().map_err(|_| KeyError::Encoding)?;
        Ok(KeyPair { secret, public })
    }

    // Encryption.

    /// Associated data with holes: none at all (M19), without number and epochs (M20), without IDs (M18).
    pub(super) fn thin_data(&self, header: &Header) -> Vec<u8> {
        let mut thin = header.clone();
        if self.has(Deviation::M19) {
            return Vec::new();
        }
        if self.has(Deviation::M20) {
            (thin.seq, thin.epoch_s, thin.epoch_r) = (Seq(0), Epoch(0), Epoch(0));
        }
        if self.has(Deviation::M18) {
            thin.receiver = thin.sender.clone().min(thin.receiver);
            thin.sender = thin.receiver.clone();
            (thin.kid_s, thin.kid_r) = Default::default();
        }
        thin.encode()
    }

    /// Encrypts under a tag of which only the first half means anything (M21).
    pub(super) fn seal_short(key: &Secret, nonce: &Nonce, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut tag = S::mac(key, &[nonce, aad, plain]);
        tag[SHORT_TAG..].fill(0);
        let mut sealed = masked::<S>(key, &tag[..SHORT_TAG], plain);
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Opens what [`Self::seal_short`] made, whatever the second half of the tag is (M21).
    pub(super) fn open_short(
        key: &Secret,
        nonce: &Nonce,
        aad: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let (masked_text, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_LEN)?)?;
        let plain = masked::<S>(key, &tag[..SHORT_TAG], masked_text);
        let expected = S::mac(key, &[nonce, aad, &plain]);
        (expected[..SHORT_TAG] == tag[..SHORT_TAG]).then_some(plain)
    }

    /// The lookup failed, and what waited for it goes out all the same: in clear (M10), or under a key of
    /// zeros (M11).
    pub(super) fn send_without_key(&mut self, now: Now, peer: &UserId) {
        let own = self.durable.keyring.current();
        let kid_s = self.durable.keyring.current_key().map(|key| key.kid).unwrap_or_default();
        let pin = self.durable.contacts.get(peer).and_then(|contact| contact.pin);
        let theirs = pin.map_or(Epoch::FIRST, |pin| pin.epoch);
        for id in self.waiting_drafts(peer) {
            let Some(draft) = self.durable.drafts.get(&id).cloned() else { continue };
            let Some((seq, counter)) = self.number(peer, None) else { continue };
            let header = Header {
                kind: draft.kind,
                sender: self.user.clone(),
                receiver: peer.clone(),
                epoch_s: own,
                epoch_r: theirs,
                kid_s: super::outbox::short(&kid_s.0),
                kid_r: [0; 8],
                seq,
                nonce: self.nonce(counter),
            };
            if self.has(Deviation::M10) {
                let ciphertext = draft.plain.clone();
                self.post(now, id, draft, header, ciphertext);
            } else {
                self.reseal(now, id, &draft, header, &Secret::new([0; 32]));
            }
        }
    }

    /// The acknowledgement is late, and meanwhile the draft was edited: it goes out again under the number
    /// and nonce that it has (M27).
    pub(super) fn resend_edited(&mut self, now: Now, id: DraftId) {
        let Some(mut draft) = self.durable.drafts.get(&id).cloned() else { return };
        let Stage::Submitted(sealed) = draft.stage.clone() else { return };
        let (own, theirs) = sealed.epochs();
        let header = sealed.header;
        let Some(pair) = self.pair(&draft.to, own, theirs) else { return };
        let (key, _) = self.direction(&pair, &header.sender, &header.receiver);
        draft.plain.extend_from_slice(b" (edited)");
        self.reseal(now, id, &draft, header, &key);
    }

    fn reseal(&mut self, now: Now, id: DraftId, draft: &Draft, header: Header, key: &Secret) {
        let ciphertext = self.seal(key, &header, &draft.plain);
        let sealing = Sealing {
            mid: header.mid(),
            draft: id,
            attempt: 1,
            kind: content(draft.kind),
            own: header.epoch_s,
            theirs: header.epoch_r,
            key: fingerprint::<S>(key),
            nonce: header.nonce,
            header: Self::digest(&header.encode()),
            ciphertext: Self::digest(&ciphertext),
            plain: Self::digest(&draft.plain),
        };
        self.fact(Fact::Encrypt(Box::new(sealing)));
        self.post(now, id, draft.clone(), header, ciphertext);
    }

    fn post(&mut self, now: Now, id: DraftId, draft: Draft, header: Header, ciphertext: Vec<u8>) {
        let expires = now.wall + self.config.ttl;
        let sealed = Sealed { header, ciphertext, attempt: 1, expires };
        let stage = Stage::Submitted(Box::new(sealed.clone()));
        self.put_draft(now, id, Draft { stage, ..draft });
        self.submit(now, id, &sealed);
    }

    // Beliefs.

    /// A hint is taken for the truth (M36).
    pub(super) fn believe(&mut self, user: &UserId, epoch: Epoch) {
        let contact = self.durable.contacts.get_mut(user);
        let Some(pin) = contact.and_then(|contact| contact.pin.as_mut()) else { return };
        *pin = Pin { epoch, ..*pin };
        let Pin { generation, record, .. } = *pin;
        self.save_contact(user);
        self.fact(Fact::Pin { peer: user.clone(), generation, epoch, record });
    }

    /// What a decoder makes of octets when it does not ask whether they end where the frame does (M82).
    pub(super) fn decode_carelessly(&self, octets: &[u8]) -> Option<Envelope> {
        let mut ends = (1..octets.len()).rev().filter(|_| self.has(Deviation::M82));
        ends.find_map(|end| Envelope::decode(&octets[..end]).ok())
    }

    /// Whether a message of this number came before, authentic or not; from now on one has (M30).
    pub(super) fn has_come_before(&mut self, mid: &Mid) -> bool {
        let window = &mut self.durable.contacts.entry(mid.sender.clone()).or_default().window;
        let standing = window.standing(mid.seq);
        if standing == Standing::New {
            window.mark(mid.seq);
        }
        standing == Standing::Seen
    }

    // Memory and life.

    /// What a start loses that should have been durable: nonce counters (M25), replay windows (M29).
    pub(super) fn forget_at_start(&mut self) {
        let (counters, windows) = (self.has(Deviation::M25), self.has(Deviation::M29));
        if !counters && !windows {
            return;
        }
        for contact in self.durable.contacts.values_mut() {
            if counters {
                contact.counter = 0;
            }
            if windows {
                contact.window = Window::default();
            }
        }
    }

    /// The nonce counter is noted when the octets have left (M26).
    pub(super) fn count_late(&mut self, peer: &UserId) {
        if let Some(contact) = self.durable.contacts.get_mut(peer) {
            contact.counter += 1;
            self.save_contact(peer);
        }
    }

    /// Nothing is answered any more (M23).
    pub(super) fn hang(&mut self) {
        self.rare.hung = true;
        self.timers = Timers::default();
    }

    // Approvals.

    /// Signs what is shown before anybody pressed (M53).
    pub(super) fn sign_early(&mut self, now: Now, request: &ApprovalRequest, body: &[u8]) {
        let Some(key) = self.durable.keyring.current_key() else { return };
        let secret = key.sign.secret.clone();
        let statement = self.statement(now, request, body);
        let octets = cose::sig_structure(&statement.encode());
        self.sign(SignPurpose::Approval, statement.sig_epoch, &secret, &octets);
    }
}

/// The encoding of a point that the profile wants, for one with another tag.
const fn uncompressed(point: &Point) -> Point {
    let mut right = *point;
    right[0] = 4;
    right
}

/// Text under a stream of octets, which takes it off again.
fn masked<S: Suite>(key: &Secret, tag: &[u8], text: &[u8]) -> Vec<u8> {
    let block = |n: usize| S::expand(key, &[tag, &n.to_be_bytes()].concat());
    let stream = (0..).flat_map(|n| *block(n).expose());
    text.iter().zip(stream).map(|(octet, mask)| octet ^ mask).collect()
}

/// A number without its leading zeros, where 32 octets are expected (M15).
fn without_zeros(z: &Secret) -> Secret {
    let mut octets = *z.expose();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.rotate_left(zeros);
    Secret::new(octets)
}
