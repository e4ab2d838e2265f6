//! Durable stores in trouble: slow, stalled, or failing at their next sync.
//!
//! A failed sync leaves nothing durable of what it was handed, and a node that knows less of its own store
//! than it believed cannot go on: it stops there and starts again from what is durable. Not here: what waits
//! for a sync (`outbox`), or how a node stops (`power`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::NodeId;
use crate::base::time::Duration;
use crate::crypto::suite::Suite;
use crate::proto::server::account::Account;
use crate::scenario::plan::StoreTrouble;
use crate::sim::body::Body;
use crate::sim::turn::synced;
use crate::sim::world::World;

/// What is wrong with the store of one node, by step.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    slow: BTreeMap<u32, Duration>,
    stalled: BTreeSet<u32>,
    /// The life of the node whose sync waits for the end of a stall.
    waiting: Option<u32>,
}

impl<S: Suite> World<S> {
    /// A store is slow or stalled from now on.
    pub(super) fn begin_store(&mut self, node: NodeId, step: u32, trouble: StoreTrouble) {
        let store = self.stores.entry(node).or_default();
        match trouble {
            StoreTrouble::Slow(extra) => {
                store.slow.insert(step, extra);
            }
            StoreTrouble::Stall => {
                store.stalled.insert(step);
            }
            // At the sync that fails the node stops, which is told by `barrier`.
            StoreTrouble::Fail => {}
        }
    }

    /// What a step did to a store is over; a sync that was stalled is done now.
    pub(super) fn end_store(&mut self, node: NodeId, step: u32) {
        let Some(store) = self.stores.get_mut(&node) else { return };
        store.slow.remove(&step);
        store.stalled.remove(&step);
        let (Some(user), true) = (node.user(), store.stalled.is_empty()) else { return };
        match store.waiting.take() {
            Some(life) if node.is_device() => synced::<_, Body<S>>(self, user, life),
            Some(life) => synced::<_, Account<S>>(self, user, life),
            None => {}
        }
    }

    /// How much longer a sync takes that starts now.
    pub(super) fn slowness(&self, node: NodeId) -> Duration {
        let slow = self.stores.get(&node).map(|store| &store.slow);
        slow.into_iter().flatten().fold(Duration::ZERO, |sum, (_, extra)| sum + *extra)
    }

    /// Whether a sync that is done has to wait for the end of a stall.
    pub(super) fn is_stalled(&mut self, node: NodeId, life: u32) -> bool {
        let store = self.stores.get_mut(&node).filter(|store| !store.stalled.is_empty());
        store.is_some_and(|store| {
            store.waiting = Some(life);
            true
        })
    }
}
