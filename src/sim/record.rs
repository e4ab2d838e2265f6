//! What the world itself states: records of nodes, findings of its own, and keys for the judges.
//!
//! Not here: facts (`trace`), or who takes them (`run`).

use crate::base::id::{Epoch, NodeId};
use crate::base::rng::{Luck, Purpose};
use crate::crypto::suite::Suite;
use crate::oracle::escrow::Held;
use crate::sim::world::World;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::{Finding, Severity};

/// Users of a fleet of which one's keys are given to the judges: of pairs, that is one in its square.
const ENTRUSTED_ONE_IN: u64 = 8;

impl<S: Suite> World<S> {
    /// Makes a record at a node.
    pub(super) fn record(&mut self, node: NodeId, fact: Fact, cause: Option<RecordId>) -> RecordId {
        let at = self.scheduler.now();
        if !self.armed.is_empty() {
            self.count_seen(node, &fact);
        }
        let (seq, clock) = match node.user().map(|user| user as usize) {
            None => (&mut self.harness_records, Default::default()),
            Some(user) if node.is_device() => {
                let node = &mut self.devices[user];
                (&mut node.records, *node.clock)
            }
            Some(user) => {
                let node = &mut self.accounts[user];
                (&mut node.records, *node.clock)
            }
        };
        let id = RecordId { node, seq: *seq };
        *seq += 1;
        self.made.push(Record { id, at, wall: clock.wall(at), cause, fact });
        id
    }

    /// A limit is reached: the run ends here.
    pub(super) fn limit(&mut self, severity: Severity, what: String) {
        if self.stopped {
            return;
        }
        self.stopped = true;
        self.record(NodeId::HARNESS, Fact::Limit { what: what.clone() }, None);
        self.find(severity, "limit", what);
    }

    /// Notes a finding of the world's own.
    pub(super) fn find(&mut self, severity: Severity, oracle: &str, message: String) {
        self.findings.push(Finding {
            severity,
            oracle: oracle.to_owned(),
            requirements: Vec::new(),
            at: self.scheduler.now(),
            message,
            records: Vec::new(),
        });
    }

    /// Gives the judges the keys of a device's epoch, which are durable when it says so. In a fleet they
    /// get those of a few users only, so that they recompute 1 in 64 of the pairs.
    pub(super) fn entrust(&mut self, user: u32, epoch: Epoch) {
        let luck = Luck::new(self.plan.seed, Purpose::Escrow, u64::from(user));
        if !self.with_octets && luck.at(0).below(ENTRUSTED_ONE_IN) != 0 {
            return;
        }
        let durable = &self.devices[user as usize].durable;
        if let Some(key) = durable.keyring.key(epoch) {
            let (agree, sign) = (key.agree.clone(), key.sign.secret.clone());
            self.keys.push((self.scheduler.now(), Held { user, agree, sign }));
        }
    }
}
