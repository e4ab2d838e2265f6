//! Digests of a run: a running hash for each node, combined into one digest of the world.
//!
//! A node hashes its own records in their order, so the result does not depend on how nodes are spread over
//! threads. The law for worlds: whether frame facts carry their octets is a property of the run, never of
//! who listens, since the full form covers them. Not here: comparing runs record by record (`diff`).

use std::hint::black_box;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_128;

use crate::base::id::{Hash32, NodeId};
use crate::trace::fact::{Fact, TRACE_VERSION};
use crate::trace::octets::append;
use crate::trace::record::Record;
use crate::trace::sink::Sink;
use crate::trace::visible::Visible;

/// Records whose nodes' hashes are fetched from memory together.
pub const FETCHED_AT_ONCE: usize = 64;

/// Which forms are computed beside the full one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Forms {
    /// The form that is equal for all suites; costs a copy of each record that has something to blank.
    pub masked: bool,
    /// The form that an observer outside can compute.
    pub black_box: bool,
}

impl Forms {
    /// All three.
    pub const ALL: Self = Self { masked: true, black_box: true };
}

/// The digests of a run, by form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceDigest {
    /// Over every record.
    pub full: Hash32,
    /// With every octet string computed from key material blanked.
    pub masked: Option<Hash32>,
    /// Over what an observer outside can see, without causes.
    pub black_box: Option<Hash32>,
}

/// Takes records of some or all nodes; those of one node must come in their order.
#[derive(Clone, Debug)]
pub struct Digester {
    rng_version: u32,
    full: Nodes,
    masked: Option<Nodes>,
    black_box: Option<Nodes>,
    octets: Vec<u8>,
}

impl Digester {
    /// For a world of this many users whose luck has this version.
    #[must_use]
    pub fn new(users: u32, rng_version: u32, forms: Forms) -> Self {
        Self {
            rng_version,
            full: Nodes::new(users),
            masked: forms.masked.then(|| Nodes::new(users)),
            black_box: forms.black_box.then(|| Nodes::new(users)),
            octets: Vec::new(),
        }
    }

    /// Another one for other nodes of the same world, to be absorbed.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self {
            rng_version: self.rng_version,
            full: self.full.fresh(),
            masked: self.masked.as_ref().map(Nodes::fresh),
            black_box: self.black_box.as_ref().map(Nodes::fresh),
            octets: Vec::new(),
        }
    }

    /// Adds the nodes that another thread took. A node belongs to one thread only.
    ///
    /// # Panics
    /// When the two are not of the same world, or both took records of the same node.
    pub fn absorb(&mut self, other: &Self) {
        assert_eq!(self.rng_version, other.rng_version, "digesters of one world have one version");
        self.full.absorb(&other.full);
        absorb(&mut self.masked, other.masked.as_ref());
        absorb(&mut self.black_box, other.black_box.as_ref());
    }

    /// Takes records as one by one. The hashes of a fleet fit no cache: they are read first, all together, so
    /// that nobody waits for each.
    pub fn take_all(&mut self, records: &[Record]) {
        for records in records.chunks(FETCHED_AT_ONCE) {
            black_box(records.iter().fold(0, |seen, it| seen ^ *self.full.of(it.id.node)));
            records.iter().for_each(|record| self.take(record));
        }
    }

    /// The digests up to now.
    #[must_use]
    pub fn digest(&self) -> TraceDigest {
        let combine = |form, nodes: &Nodes| nodes.combine(form, self.rng_version);
        TraceDigest {
            full: combine("full", &self.full),
            masked: self.masked.as_ref().map(|nodes| combine("masked", nodes)),
            black_box: self.black_box.as_ref().map(|nodes| combine("black-box", nodes)),
        }
    }
}

impl Sink for Digester {
    fn take(&mut self, record: &Record) {
        self.full.add(record.id.node, record, &mut self.octets);
        if let Some(masked) = &mut self.masked {
            if is_masked(&record.fact) {
                masked.add_octets(record.id.node, &mut self.octets);
            } else {
                let mut record = record.clone();
                record.fact.mask();
                masked.add(record.id.node, &record, &mut self.octets);
            }
        }
        if let Some(black_box) = &mut self.black_box
            && let Some(visible) = Visible::of(record)
        {
            black_box.add(record.id.node, &visible, &mut self.octets);
        }
    }
}

/// Whether masking leaves a fact as it is; frames without octets are most of a trace.
fn is_masked(fact: &Fact) -> bool {
    let (Fact::Tx(frame)
    | Fact::Rx(frame)
    | Fact::Lost { frame, .. }
    | Fact::Meddled { frame, .. }) = fact
    else {
        return matches!(fact, Fact::Timer { .. } | Fact::Select { .. } | Fact::Polled { .. });
    };
    frame.octets.is_none()
}

fn absorb(nodes: &mut Option<Nodes>, other: Option<&Nodes>) {
    match (nodes, other) {
        (Some(nodes), Some(other)) => nodes.absorb(other),
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => panic!("digesters of one world have the same forms"),
    }
}

/// Running hashes by node: device 2i, account 2i+1, the harness last; 0 while a node is silent.
#[derive(Clone, Debug)]
struct Nodes(Vec<u128>);

/// Octets of the hash before, in front of a record's octets.
const CHAIN: usize = 16;

impl Nodes {
    fn new(users: u32) -> Self {
        let nodes = usize::try_from(users).expect("a count of users fits into memory") * 2 + 1;
        Self(vec![0; nodes])
    }

    /// Of the same nodes, all of them silent.
    fn fresh(&self) -> Self {
        Self(vec![0; self.0.len()])
    }

    fn add(&mut self, node: NodeId, what: &impl Serialize, octets: &mut Vec<u8>) {
        octets.clear();
        octets.extend_from_slice(&[0; CHAIN]);
        append(what, octets);
        self.add_octets(node, octets);
    }

    /// `octets` has room for the hash before in its first [`CHAIN`] octets.
    fn add_octets(&mut self, node: NodeId, octets: &mut [u8]) {
        let hash = self.of(node);
        octets[..CHAIN].copy_from_slice(&hash.to_le_bytes());
        *hash = xxh3_128(octets);
    }

    fn of(&mut self, node: NodeId) -> &mut u128 {
        let harness = self.0.len() - 1;
        let index = match node.user() {
            None => harness,
            Some(_) => usize::try_from(node.raw()).expect("a node's number fits into memory"),
        };
        assert!(node.user().is_none() || index < harness, "{node} is not in this world");
        &mut self.0[index]
    }

    fn absorb(&mut self, other: &Self) {
        assert_eq!(self.0.len(), other.0.len(), "digesters of one world have the same nodes");
        for (hash, other) in self.0.iter_mut().zip(&other.0) {
            assert!(*hash == 0 || *other == 0, "a node belongs to one thread");
            *hash |= other;
        }
    }

    /// SHA-256 over versions, form, and number and hash of each node that is not silent.
    fn combine(&self, form: &str, rng_version: u32) -> Hash32 {
        let mut sha = Sha256::new();
        sha.update(format!("peadsim trace {TRACE_VERSION} rng {rng_version} {form}\n"));
        for (index, hash) in (0_u64..).zip(&self.0).filter(|(_, hash)| **hash != 0) {
            let last = index + 1 == self.0.len() as u64;
            let node = if last { u64::from(NodeId::HARNESS.raw()) } else { index };
            sha.update(node.to_le_bytes());
            sha.update(hash.to_le_bytes());
        }
        Hash32(sha.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Epoch;
    use crate::trace::samples;

    fn digest(records: &[Record]) -> TraceDigest {
        let mut digester = Digester::new(2, 1, Forms::ALL);
        records.iter().for_each(|record| digester.take(record));
        digester.digest()
    }

    #[test]
    fn the_digest_does_not_depend_on_how_nodes_are_spread_over_threads() {
        let records = samples::run();
        let mut first = Digester::new(2, 1, Forms::ALL);
        let mut second = first.clone();
        for record in &records {
            if record.id.node.is_account() { &mut first } else { &mut second }.take(record);
        }
        first.absorb(&second);
        assert_eq!(first.digest(), digest(&records));
    }

    #[test]
    fn each_form_sees_what_it_should() {
        let records = samples::run();
        let plain = digest(&records);
        let changed = |change: fn(&mut Record)| {
            let mut records = records.clone();
            records.iter_mut().for_each(change);
            let other = digest(&records);
            [
                other.full != plain.full,
                other.masked != plain.masked,
                other.black_box != plain.black_box,
            ]
        };
        assert_eq!(changed(|_| {}), [false, false, false]);
        assert_eq!(changed(|r| r.cause = None), [true, true, false], "causes are white box");
        assert_eq!(changed(|r| r.id.seq += 1), [true, true, false], "numbers are white box");
        assert_eq!(
            changed(|r| r.at = r.at + crate::base::time::Duration::from_nanos(1)),
            [true, true, true]
        );
        assert_eq!(
            changed(|r| if let Fact::Pin { record, .. } = &mut r.fact {
                record.0[0] ^= 1;
            }),
            [true, false, false],
            "a record's hash comes from key material"
        );
        assert_eq!(
            changed(|r| if let Fact::Tx(frame) | Fact::Rx(frame) = &mut r.fact {
                frame.octets = None;
            }),
            [true, false, false]
        );
        assert_eq!(
            changed(|r| if let Fact::Tx(frame) | Fact::Rx(frame) = &mut r.fact {
                frame.len += 1;
            }),
            [true, true, true]
        );
        assert_eq!(
            changed(|r| if let Fact::Tx(frame) | Fact::Rx(frame) = &mut r.fact {
                frame.req.0[0] ^= 1;
            }),
            [true, true, false],
            "request numbers are the device's own luck"
        );
        assert_eq!(
            changed(|r| if let Fact::Derive { own, .. } = &mut r.fact {
                *own = Epoch(9);
            }),
            [true, true, false]
        );
    }

    #[test]
    fn facts_that_skip_masking_have_nothing_to_mask() {
        for record in samples::run() {
            let mut masked = record.clone();
            masked.fact.mask();
            assert!(!is_masked(&record.fact) || masked == record, "{record:?}");
        }
    }

    #[test]
    fn versions_are_part_of_the_digest() {
        let of = |rng_version| Digester::new(1, rng_version, Forms::default()).digest();
        assert_ne!(of(1), of(2));
        assert_eq!(of(1).masked, None);
    }

    #[test]
    fn the_digest_is_pinned_to_its_version() {
        assert_eq!(TRACE_VERSION, 1);
        let digest = digest(&samples::run());
        insta::assert_snapshot!(crate::base::units::hex(&digest.full.0), @"847029e25344b8f488e1bda3b8d841b21316ed8d2d8f9c703959281ceda56382");
    }
}
