//! Some of the oracles of a run, with a docket of their own: benches judge the same records side by side.
//!
//! Not here: which oracles there are, or what all of them come to (`panel`).

use std::hint::black_box;

use crate::base::id::FLEET;
use crate::base::time::Instant;
use crate::oracle::batch::Batch;
use crate::oracle::escrow::Held;
use crate::oracle::judge::{Docket, Facts, Oracle};
use crate::oracle::routes::{Route, Routes};
use crate::oracle::spec::Spec;
use crate::trace::record::Record;

/// Records that one looks ahead: what is kept for them all fits a cache.
const AHEAD: usize = 128;

/// Oracles that share a docket.
pub(super) struct Bench {
    oracles: Vec<Box<dyn Oracle>>,
    routes: Routes,
    /// The routes to those who look ahead, if there are any.
    ahead: Option<Routes>,
    pub docket: Docket,
}

impl Bench {
    pub fn of(oracles: Vec<Box<dyn Oracle>>) -> Self {
        let facts = |it: &dyn Oracle| if it.looks_ahead() { it.facts() } else { Facts::NONE };
        let facts: Vec<Facts> = oracles.iter().map(|it| facts(it.as_ref())).collect();
        let looks_ahead = oracles.iter().any(|it| it.looks_ahead());
        let ahead = looks_ahead.then(|| Routes::to_those_of(&facts));
        Self { routes: Routes::to(&oracles), ahead, oracles, docket: Docket::default() }
    }

    /// Spreads oracles over so many benches. Judges of one rule sit together, since they share the number of
    /// findings that are kept, and so do all on the first bench that ask for keys.
    pub fn spread(oracles: Vec<Box<dyn Oracle>>, count: usize) -> Vec<Self> {
        let mut benches: Vec<Vec<Box<dyn Oracle>>> = (0..count).map(|_| Vec::new()).collect();
        let (mut last, mut place) = ("", 0);
        for oracle in oracles {
            if oracle.id() != last {
                (last, place) = (oracle.id(), (place + 1) % count);
            }
            benches[if oracle.asks_for_keys() { 0 } else { place }].push(oracle);
        }
        benches.into_iter().map(Self::of).collect()
    }

    /// Takes a record of this kind.
    pub fn observe(&mut self, record: &Record, route: Route, spec: &Spec) {
        let places = self.routes.at(route);
        if places.is_empty() {
            return;
        }
        self.docket.turn_to(record, spec);
        for place in places {
            self.oracles[*place].observe(record, spec, &mut self.docket);
        }
    }

    /// Takes records, and before each the keys that the harness had by then.
    pub fn take(&mut self, batch: &Batch, keys: &[(usize, Held)], spec: &Spec) {
        let mut keys = keys.iter().peekable();
        let mut ahead = batch.routed();
        for (number, (record, route)) in batch.routed().enumerate() {
            if number.is_multiple_of(AHEAD)
                && spec.users.len() >= FLEET
                && let Some(routes) = &self.ahead
            {
                self.look_ahead(routes, ahead.by_ref().take(AHEAD));
            }
            while let Some((_, held)) = keys.next_if(|(before, _)| *before <= number) {
                self.docket.escrow.keep(held.clone());
            }
            self.observe(record, route, spec);
        }
        keys.for_each(|(_, held)| self.docket.escrow.keep(held.clone()));
    }

    /// Has everything fetched from memory together that the oracles look up for some records.
    fn look_ahead<'a>(&self, to: &Routes, records: impl Iterator<Item = (&'a Record, Route)>) {
        let glance = |(record, route): (&Record, Route)| {
            let oracles = to.at(route).iter().map(|place| &self.oracles[*place]);
            oracles.fold(0, |seen, oracle| seen ^ oracle.glance(record))
        };
        black_box(records.map(glance).fold(0, |seen, one| seen ^ one));
    }

    pub fn conclude(&mut self, now: Instant, spec: &Spec) {
        self.docket.turn_to_end(now);
        for oracle in &mut self.oracles {
            oracle.conclude(spec, &mut self.docket);
        }
    }
}
