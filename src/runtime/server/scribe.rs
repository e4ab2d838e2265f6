//! The thread that syncs: whatever has come while one sync was under way goes into the next, all together.
//!
//! Not here: what is written (`store`), or what waits for it (`partition`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use crate::runtime::clock::Stopwatch;
use crate::runtime::server::error::{ServerError, StoreError};
use crate::runtime::server::metrics::Metrics;
use crate::runtime::server::partition::Told;
use crate::runtime::server::store::{Batch, Store};

/// Batches of one sync at most, so that the first of them does not wait for long.
const BATCHES_MAX: usize = 4_096;
/// Octets of one sync at most, give or take a batch; what waits is bounded by what is in flight.
const OCTETS_MAX: usize = 16 << 20;

/// The thread; it ends when nobody has anything more for it, or the store fails.
pub type Scribe = JoinHandle<Result<(), StoreError>>;

/// Starts it. Each partition is told how far it is, and when the store fails.
///
/// # Errors
/// When the operating system gives no thread.
pub fn start(
    store: Store,
    partitions: Vec<UnboundedSender<Told>>,
    metrics: Arc<Metrics>,
) -> Result<(Sender<Batch>, Scribe), ServerError> {
    let (sender, batches) = channel();
    let work = move || {
        let result = write_all(&store, &batches, &partitions, &metrics);
        if let Err(error) = &result {
            tracing::error!(%error, "the store fails: nothing more is acknowledged");
            for partition in &partitions {
                // It may have ended.
                let _ = partition.send(Told::Failed);
            }
        }
        result
    };
    let thread = std::thread::Builder::new().name("scribe".to_owned()).spawn(work);
    Ok((sender, thread.map_err(ServerError::System)?))
}

fn write_all(
    store: &Store,
    batches: &Receiver<Batch>,
    partitions: &[UnboundedSender<Told>],
    metrics: &Metrics,
) -> Result<(), StoreError> {
    let mut group = Vec::new();
    while let Ok(first) = batches.recv() {
        let mut octets = first.octets();
        group.push(first);
        while group.len() < BATCHES_MAX && octets < OCTETS_MAX {
            let Ok(next) = batches.try_recv() else { break };
            octets += next.octets();
            group.push(next);
        }
        let watch = Stopwatch::start();
        store.commit(&group)?;
        metrics.synced(group.len(), watch.elapsed());
        let mut durable = BTreeMap::new();
        for batch in group.drain(..) {
            // Numbers of one partition come in their order.
            durable.insert(batch.partition, batch.number);
        }
        for (partition, number) in durable {
            // It may have ended.
            let _ = partitions[partition].send(Told::Durable(number));
        }
    }
    Ok(())
}
