//! peadsim: a deterministic simulator and conformance harness for portable electronic authorization devices.
//!
//! A PEAD has a display, an approve button, a P-256 key pair and a table of shared secrets indexed by user ID.
//! Two registered users exchange secret messages through a server that keeps the public-key directory and
//! stores and forwards mail. This crate runs scenario files against many virtual devices, a virtual server and
//! a lossy, laggy network, and judges every run against the 101 requirements of the protocol.
//!
//! # Bird's eye
//!
//! One scenario file, one set of protocol machines, one set of oracles. Data travels as values, one way:
//!
//! ```text
//! scenario (YAML) -> Plan -> World -> Records -> Findings -> Outcome -> report
//!   scenario::syntax  resolve   sim     trace      oracle     verdict    report
//! ```
//!
//! The machines in [`proto`] have no clock, no sockets and no entropy; [`sim`] gives them virtual
//! ones. Whatever happens is stated as a [`trace::fact::Fact`]; oracles see nothing else. The same
//! plan and seed give the same records, and so the same digest, on every platform and any number of
//! threads.
//!
//! # Floor plan
//!
//! Imports go to a strictly lower floor; rooms on one floor do not know each other (a test holds this).
//!
//! | floor | rooms |
//! | --- | --- |
//! | 0 | [`base`]: identifiers, virtual time, keyed randomness, units, strict CBOR |
//! | 1 | [`wire`], [`crypto`], [`engine`], [`network`], [`trace`], [`verdict`] |
//! | 2 | [`proto`]: device and server; [`oracle`]: the judges; [`report`]: outcomes as text, JSON, JUnit |
//! | 3 | [`scenario`]: the language, from text to plan |
//! | 4 | [`sim`]: the virtual world; `runtime`: the only floor with an OS clock, sockets, a store: the server |
//! | 5 | [`explore`]: many runs and what they show together; `conformance`, `load`: what stands outside |
//! | 6 | `cli`: the command line |
//!
//! **Invariants of the architecture.** No room below `runtime` reads a clock or the system's entropy. No
//! oracle sees a plan or a live world. No decision uses floating point. No secret reaches a record: keys
//! appear as fingerprints. Every queue, retry and size has a named limit, and reaching one is a finding.
//!
//! # Where to read
//!
//! The protocol is in [`proto`], its octets in [`wire`] and `wire.cddl`, its cryptography in [`crypto`], the
//! scenario language with a complete reference in [`scenario`], the law of calls of the machines in [`proto`].
//!
//! # Glossary
//!
//! | word | meaning |
//! | --- | --- |
//! | account | the server's part for one user: directory chain, session, mailbox, watchers |
//! | agreement | the ECDH value of two key pairs; only secrets derived from it are stored |
//! | barrier | a named point inside a turn of a machine at which a scenario may stop it |
//! | case | a scenario with one choice of its parameters; with a seed it is a run |
//! | claim | one of the 17 method claims that the protocol comes from; requirement C05-R2 is of claim 5 |
//! | digest | a hash over all records of a run: full, masked (no key-derived octets) or black-box |
//! | draft | something handed over for sending, until it is delivered or given up |
//! | epoch | the number of a user's key pair; a rotation makes the next |
//! | escrow | the keys that the harness owns, for judgements that need them |
//! | evidence | a situation that triggers a requirement, evaluated and found in order |
//! | fact, record | what happened at a node; the same with its time, node and cause |
//! | finding | a broken rule or expectation, or something that could not be judged |
//! | generation | the identity behind a user ID: the hash of its first key record |
//! | grace | how long a retired key still opens mail under way |
//! | heal | the moment after which no fault acts and everything pending must finish |
//! | knee | the highest pace of a load at which every objective of its scenario holds |
//! | lag | how late a load generator itself is; a load with too much of it is void |
//! | lease | a delivery that waits for its acknowledgement |
//! | luck | a random value addressed by seed, purpose, entity and counter |
//! | mid | a message's identity: sender, receiver, number |
//! | oracle | a judge of one rule over the records of a run; S- for safety, L- for liveness |
//! | pin | the newest key record accepted of a peer; survives eviction |
//! | plan | one run, all concrete |
//! | response, service | the time of an operation from its intended instant, and from when it was begun |
//! | row, slot | a peer's entry in the table; one secret in it, for one pair of epochs |
//! | suite | the cryptography: `p256` is the real profile, `model` is fast and without security |
//! | term | a value by how it is made, without its octets; S-01 is also judged by what follows from terms |
//! | turn | what a machine does in answer to one input |

// Floor 0
pub mod base;
// Floor 1
pub mod crypto;
pub mod engine;
pub mod network;
pub mod trace;
pub mod verdict;
pub mod wire;
// Floor 2
pub mod oracle;
pub mod proto;
pub mod report;
// Floor 3
pub mod scenario;
// Floor 4
#[cfg(feature = "net")]
pub mod runtime;
pub mod sim;
// Floor 5
#[cfg(feature = "net")]
pub mod conformance;
pub mod explore;
#[cfg(feature = "net")]
pub mod load;
// Floor 6
#[cfg(feature = "cli")]
pub mod cli;
