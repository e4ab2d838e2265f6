//! Containers for state that most of a large world does not have: nothing until the first use, little then.
//!
//! Not here: maps that grow with traffic, for which the standard library's are right.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thin_vec::ThinVec;

/// A sorted map for a few entries, in one allocation that is as large as its entries and none when empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SmallMap<K, V>(ThinVec<(K, V)>);

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SmallMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K, V> SmallMap<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self(ThinVec::new())
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there no entry?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Keeps the entries that `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
        self.0.shrink_to_fit();
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.place(key).ok().map(|at| &self.0[at].1)
    }

    /// A key that equals this one, and its value.
    #[must_use]
    pub fn get_key_value(&self, key: &K) -> Option<(&K, &V)> {
        self.place(key).ok().map(|at| (&self.0[at].0, &self.0[at].1))
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.place(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Sets the value of a key, and returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// The value of a key, the default from now on if there is none.
    pub fn get_or_insert_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = self.place(&key).unwrap_or_else(|at| {
            self.0.reserve_exact(1);
            self.0.insert(at, (key, V::default()));
            at
        });
        &mut self.0[at].1
    }

    /// Takes an entry out; the last one takes the memory along.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.place(key).ok()?;
        let (_, value) = self.0.remove(at);
        if self.0.is_empty() {
            self.0 = ThinVec::new();
        }
        Some(value)
    }

    fn place(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(key))
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SmallMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

/// What has a state that it is in unless something rare happened.
pub trait Idle: Default + 'static {
    /// That state, as [`Default::default`] makes it.
    fn idle() -> &'static Self;
}

/// A value that takes the room of a pointer until it is changed for the first time.
#[derive(Clone)]
pub struct Spare<T>(Option<Box<T>>);

impl<T> Spare<T> {
    /// The value in its idle state.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// A value that is not in its idle state.
    #[must_use]
    pub fn of(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    /// Was it never changed since it was idle?
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.0.is_none()
    }
}

impl<T: Idle> Spare<T> {
    /// Returns the value and goes back to the idle state.
    pub fn take(&mut self) -> T {
        self.0.take().map(|value| *value).unwrap_or_default()
    }
}

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Idle> Deref for Spare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::idle())
    }
}

impl<T: Idle> DerefMut for Spare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: Idle + fmt::Debug> fmt::Debug for Spare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Idle + Serialize> Serialize for Spare<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Idle + PartialEq + Deserialize<'de>> Deserialize<'de> for Spare<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = T::deserialize(deserializer)?;
        Ok(if value == *T::idle() { Self::new() } else { Self::of(value) })
    }
}

impl<T: Idle + PartialEq> PartialEq for Spare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Idle + Eq> Eq for Spare<T> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Default)]
    struct Count {
        n: u32,
    }

    impl Idle for Count {
        fn idle() -> &'static Self {
            static IDLE: Count = Count { n: 0 };
            &IDLE
        }
    }

    #[test]
    fn a_spare_takes_nothing_until_it_is_changed_and_looks_the_same() {
        let mut spare = Spare::<Count>::new();
        let (idle, shown) = (format!("{spare:?}"), format!("{:?}", Count::default()));
        assert_eq!((spare.n, idle), (0, shown));
        assert!(spare.0.is_none());
        spare.n += 2;
        assert_eq!(spare.take().n, 2);
        assert!(spare.0.is_none());
    }

    proptest! {
        #[test]
        fn a_small_map_is_a_map(
            steps in prop::collection::vec((0_u8..8, prop::option::of(any::<u8>())), 0..60),
        ) {
            let (mut small, mut map) = (SmallMap::new(), BTreeMap::new());
            for (key, value) in steps {
                match value {
                    Some(value) => {
                        prop_assert_eq!(small.insert(key, value), map.insert(key, value));
                    }
                    None => prop_assert_eq!(small.remove(&key), map.remove(&key)),
                }
                prop_assert_eq!(format!("{small:?}"), format!("{map:?}"));
                prop_assert_eq!(small.get(&key), map.get(&key));
                prop_assert_eq!(small.is_empty(), small.0.capacity() == 0);
            }
        }
    }
}
