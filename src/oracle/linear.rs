//! Is there an order of calls in which one register would have answered like this (linearizability)?
//!
//! Calls are reads and compare-and-set writes; each takes effect at one moment between its beginning and its
//! answer, and one that is never answered may take effect or not. A search after Wing and Gong (1993), made
//! call by call as by Lowe (2017): of every possible past only what later answers can depend on is kept.
//! Not here: what the register is, or which facts are calls.

use std::collections::BTreeSet;

use crate::base::small::SmallMap;

/// What can still be the case after the calls so far. `K` names calls, `V` is what the register holds.
#[derive(Clone, Debug)]
pub struct History<K, V> {
    /// Writes that have begun and are not answered.
    writes: SmallMap<K, Write<V>>,
    /// In order, each once; mostly one.
    pasts: Vec<Past<K, V>>,
}

/// A write of `to` that takes effect where the register holds `from`, or anything if that is `None`. One
/// that finds `to` there already succeeds: it may be a repetition.
#[derive(Clone, Debug)]
struct Write<V> {
    from: Option<V>,
    to: V,
}

/// A possible past.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Past<K, V> {
    /// What the register held, the present last. Only what it held at first may be unknown.
    held: Vec<Option<V>>,
    /// Calls under way: what the register held when each of them began, as a place in `held`.
    since: SmallMap<K, usize>,
    /// Writes that took effect and are not answered.
    done: SmallMap<K, ()>,
}

/// Why an answer is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// No order of the calls leads to it.
    NoOrder,
    /// There are too many orders to tell.
    TooMany,
}

/// Possible pasts at once: writes of one user follow each other, so that there are a few.
pub const PASTS_MAX: usize = 4_096;

impl<K: Ord + Clone, V: Ord + Clone> Default for History<K, V> {
    fn default() -> Self {
        Self { writes: SmallMap::new(), pasts: vec![Past::unknown(&SmallMap::new())] }
    }
}

impl<K: Ord + Clone, V: Ord + Clone> History<K, V> {
    /// A read begins.
    pub fn begin_read(&mut self, call: K) {
        self.begin(call);
    }

    /// A write begins.
    pub fn begin_write(&mut self, call: K, from: Option<V>, to: V) {
        self.begin(call.clone());
        self.writes.insert(call, Write { from, to });
    }

    /// A read is answered; nothing happens if it never began.
    ///
    /// # Errors
    /// When the register cannot have held that while the read was under way, or nobody can tell. After
    /// that anything may be in it.
    pub fn end_read(&mut self, call: &K, value: &V) -> Result<(), Broken> {
        self.end(call, |past| past.held_since(call, value))
    }

    /// A write succeeds.
    ///
    /// # Errors
    /// As [`Self::end_read`].
    pub fn end_write(&mut self, call: &K) -> Result<(), Broken> {
        self.end(call, |past| past.is_done(call).then(|| past.clone()))
    }

    /// A write is refused, since the register does not hold what it wants there.
    ///
    /// # Errors
    /// As [`Self::end_read`].
    pub fn end_conflict(&mut self, call: &K) -> Result<(), Broken> {
        let from = self.writes.get(call).and_then(|write| write.from.clone());
        self.end(call, |past| {
            let other = past.since(call).iter().any(|held| held.is_none() || *held != from);
            (other && !past.is_done(call)).then(|| past.clone())
        })
    }

    /// A read will never be answered.
    pub fn drop_read(&mut self, call: &K) {
        let pasts = std::mem::take(&mut self.pasts);
        self.pasts = in_order(pasts.into_iter().map(|past| past.without(call)));
    }

    /// The reads and writes under way.
    pub fn under_way(&self) -> impl Iterator<Item = &K> {
        self.pasts.first().into_iter().flat_map(|past| past.since.keys())
    }

    fn begin(&mut self, call: K) {
        let pasts = std::mem::take(&mut self.pasts);
        let with = |mut past: Past<K, V>| {
            if past.since.get(&call).is_none() {
                past.since.insert(call.clone(), past.held.len() - 1);
            }
            past
        };
        self.pasts = in_order(pasts.into_iter().map(with));
    }

    fn end(
        &mut self,
        call: &K,
        fits: impl Fn(&Past<K, V>) -> Option<Past<K, V>>,
    ) -> Result<(), Broken> {
        if !self.under_way().any(|it| it == call) {
            return Ok(());
        }
        let possible = self.possible();
        let left: BTreeSet<_> = possible.iter().flatten().filter_map(fits).collect();
        self.writes.remove(call);
        let broken = match possible {
            None => Broken::TooMany,
            Some(_) if left.is_empty() => Broken::NoOrder,
            Some(_) => {
                self.pasts = in_order(left.into_iter().map(|past| past.without(call)));
                return Ok(());
            }
        };
        let since = self.pasts.first().map(|past| past.since.clone()).unwrap_or_default();
        self.pasts = vec![Past::unknown(&since).without(call)];
        Err(broken)
    }

    /// Every past in which any of the writes under way have taken effect, in any order.
    fn possible(&self) -> Option<BTreeSet<Past<K, V>>> {
        let mut fresh = self.pasts.clone();
        let mut all: BTreeSet<Past<K, V>> = fresh.iter().cloned().collect();
        while let Some(past) = fresh.pop() {
            for (call, write) in self.writes.iter().filter(|(call, _)| !past.is_done(call)) {
                for next in past.after(call, write) {
                    if all.insert(next.clone()) {
                        fresh.push(next);
                    }
                }
            }
            if all.len() > PASTS_MAX {
                return None;
            }
        }
        Some(all)
    }
}

impl<K: Ord + Clone, V: Ord + Clone> Past<K, V> {
    /// Nothing is known of what the register held while these calls were under way.
    fn unknown(since: &SmallMap<K, usize>) -> Self {
        let since = since.keys().map(|call| (call.clone(), 0)).collect();
        Self { held: vec![None], since, done: SmallMap::new() }
    }

    /// Whether a write took effect.
    fn is_done(&self, call: &K) -> bool {
        self.done.get(call).is_some()
    }

    /// What it held since a call began.
    fn since(&self, call: &K) -> &[Option<V>] {
        &self.held[self.since.get(call).copied().unwrap_or(self.held.len() - 1)..]
    }

    /// The past if it held that value since a call began; what is unknown may have been it.
    fn held_since(&self, call: &K, value: &V) -> Option<Self> {
        let span = self.since(call);
        if span.iter().any(|held| held.as_ref() == Some(value)) {
            return Some(self.clone());
        }
        span.first()?.is_none().then(|| self.knowing(value))
    }

    fn knowing(&self, value: &V) -> Self {
        let mut past = self.clone();
        past.held[0] = Some(value.clone());
        past
    }

    /// What follows when a write takes effect now.
    fn after(&self, call: &K, write: &Write<V>) -> Vec<Self> {
        let holds = self.held.last().cloned().flatten();
        let mut nexts = match (holds, &write.from) {
            (Some(holds), Some(from)) if holds != *from && holds != write.to => Vec::new(),
            (None, Some(from)) => vec![self.knowing(from), self.knowing(&write.to)],
            (Some(_), _) | (None, None) => vec![self.clone()],
        };
        for next in &mut nexts {
            next.done.insert(call.clone(), ());
            if next.held.last().and_then(Option::as_ref) != Some(&write.to) {
                next.held.push(Some(write.to.clone()));
            }
        }
        nexts
    }

    /// The past without a call, and without what no call under way can depend on.
    fn without(mut self, call: &K) -> Self {
        self.since.remove(call);
        self.done.remove(call);
        let first = self.since.values().min().copied().unwrap_or(usize::MAX);
        let first = first.min(self.held.len() - 1);
        self.held.drain(..first);
        self.since.values_mut().for_each(|place| *place -= first);
        self
    }
}

/// Different pasts, in their order.
fn in_order<P: Ord>(pasts: impl Iterator<Item = P>) -> Vec<P> {
    let mut pasts: Vec<P> = pasts.collect();
    pasts.sort_unstable();
    pasts.dedup();
    pasts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a history such as `w1:0>1 r2 =1 r2:0`: `w`rites and `r`eads by number begin; `=` ends a
    /// write, `!` refuses it, `r2:0` ends a read, `-` forgets one. The answer at which it breaks, if any.
    fn play(text: &str) -> Option<&str> {
        let mut history = History::<u32, u32>::default();
        let number = |text: &str| text.parse::<u32>().unwrap();
        text.split(' ').find(|word| {
            let (kind, rest) = word.split_at(1);
            let result = match (kind, rest.split_once(':')) {
                ("w", Some((call, values))) => {
                    let (from, to) = values.split_once('>').unwrap();
                    history.begin_write(number(call), from.parse().ok(), number(to));
                    Ok(())
                }
                ("r", None) => {
                    history.begin_read(number(rest));
                    Ok(())
                }
                ("r", Some((call, value))) => history.end_read(&number(call), &number(value)),
                ("=", None) => history.end_write(&number(rest)),
                ("!", None) => history.end_conflict(&number(rest)),
                _ => {
                    history.drop_read(&number(rest));
                    Ok(())
                }
            };
            result.is_err()
        })
    }

    fn linear(text: &str) {
        assert_eq!(play(text), None, "{text}");
    }

    fn breaks(text: &str, at: &str) {
        assert_eq!(play(text), Some(at), "{text}");
    }

    #[test]
    fn calls_one_after_the_other_see_the_last_write() {
        linear("r1 r1:0 w2:0>1 =2 r3 r3:1 r4 r4:1");
        breaks("w1:0>1 =1 r2 r2:0", "r2:0");
        breaks("w1:0>1 =1 w2:1>2 =2 r3 r3:1", "r3:1");
    }

    #[test]
    fn what_overlaps_a_write_may_see_either_and_then_no_more_the_old() {
        linear("w1:0>1 r2 r2:0 r3 r3:1 =1");
        breaks("w1:0>1 r2 r2:1 r3 r3:0", "r3:0");
        linear("w1:0>1 r2 r3 r2:1 r3:0 =1");
        breaks("w1:0>1 r2 r3 r2:1 r4 r4:0", "r4:0");
    }

    #[test]
    fn a_write_without_an_answer_takes_effect_or_does_not() {
        linear("r1 r1:0 w2:0>1 r3 r3:0 r4 r4:1");
        breaks("r1 r1:0 w2:0>1 r3 r3:1 r4 r4:0", "r4:0");
        breaks("r1 r1:0 w2:5>6 r3 r3:6", "r3:6");
    }

    #[test]
    fn of_two_writes_from_one_value_only_one_succeeds() {
        breaks("w1:0>1 w2:0>2 =1 =2", "=2");
        linear("w1:0>1 w2:0>2 =1 !2 r3 r3:1");
        breaks("r1 r1:0 w2:0>1 !2", "!2");
        linear("w1:0>1 =1 w2:0>1 =2");
    }

    #[test]
    fn what_it_held_at_first_is_learned_once() {
        linear("r1 r2 r1:7 r2:7");
        breaks("r1 r2 r1:7 r2:8", "r2:8");
        breaks("r1 w2:0>1 =2 r3 r1:5", "r1:5");
        linear("r1 w2:0>1 =2 r1:0");
        linear("w1:?>4 =1 r2 r2:4");
        linear("r1 -1 w2:?>4 =2 r1:9");
    }

    #[test]
    fn it_goes_on_after_a_break_and_gives_up_what_is_too_much() {
        let mut history = History::<u32, u32>::default();
        history.begin_write(0, None, 1);
        assert_eq!(history.end_write(&0), Ok(()));
        history.begin_read(1);
        assert_eq!(history.end_read(&1, &0), Err(Broken::NoOrder));
        history.begin_read(2);
        assert_eq!(history.end_read(&2, &0), Ok(()));
        (10..20).for_each(|call| history.begin_write(call, None, call));
        history.begin_read(3);
        assert_eq!(history.end_read(&3, &10), Err(Broken::TooMany));
    }
}
