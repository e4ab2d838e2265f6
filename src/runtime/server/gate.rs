//! How many connections there are, and which of them has to go when another comes.
//!
//! Not here: what a connection may do (`connection`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::base::lock::lock;
use crate::runtime::server::config::Limits;
use crate::runtime::server::link::Link;
use crate::runtime::server::metrics::Metrics;

/// Lets connections in.
#[derive(Debug)]
pub struct Gate {
    connections: usize,
    unattached: usize,
    inside: Mutex<Inside>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Inside {
    open: usize,
    /// Those that were not attached when they were last looked at, oldest first.
    unattached: BTreeMap<u64, Arc<Link>>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    origin: u64,
}

impl Gate {
    /// Nobody is inside.
    #[must_use]
    pub fn new(limits: &Limits, metrics: Arc<Metrics>) -> Self {
        let Limits { connections, unattached, .. } = *limits;
        Self { connections, unattached: unattached.max(1), inside: Mutex::default(), metrics }
    }

    /// Lets a connection in, if there is room. Of too many that are not attached the oldest is cut: it has
    /// had most time, and whoever means it attaches soon.
    pub fn admit(self: &Arc<Self>, link: &Arc<Link>) -> Option<Pass> {
        let mut inside = lock(&self.inside);
        if inside.open >= self.connections {
            self.metrics.refused_connection("full");
            return None;
        }
        if inside.unattached.len() >= self.unattached {
            inside.unattached.retain(|_, link| !link.is_attached());
        }
        if inside.unattached.len() >= self.unattached
            && let Some((_, oldest)) = inside.unattached.pop_first()
        {
            self.metrics.refused_connection("unattached");
            oldest.cut();
        }
        inside.open += 1;
        inside.unattached.insert(link.origin.0, Arc::clone(link));
        self.metrics.connections(inside.open);
        Some(Pass { gate: Arc::clone(self), origin: link.origin.0 })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = lock(&self.gate.inside);
        inside.open -= 1;
        inside.unattached.remove(&self.origin);
        self.gate.metrics.connections(inside.open);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::proto::port::Origin;

    #[test]
    fn the_oldest_that_is_not_attached_makes_room() {
        let limits = Limits { connections: 3, unattached: 2, ..Limits::default() };
        let gate = Arc::new(Gate::new(&limits, Arc::new(Metrics::new())));
        let link = |n| Link::new(Origin(n), Arc::new(AtomicUsize::new(0))).0;
        let links: Vec<_> = (0..4).map(link).collect();
        let passes: Vec<_> = links.iter().map(|link| gate.admit(link)).collect();
        let is_cut = |n: usize| {
            let cut = std::pin::pin!(links[n].until_cut());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            cut.poll(&mut context).is_ready()
        };
        let admitted: Vec<bool> = passes.iter().map(Option::is_some).collect();
        assert_eq!(admitted, [true, true, true, false], "three may be open");
        assert_eq!((is_cut(0), is_cut(1), is_cut(2)), (true, false, false));
        drop(passes);
        assert!(gate.admit(&links[3]).is_some(), "who leaves makes room");
    }
}
