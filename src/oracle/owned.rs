//! A map of things that belong to users, in which those of one user lie together.
//!
//! What one device waits for is looked through and forgotten without a look at what others do, so that a
//! record costs the same in a large fleet as in a small one. Not here: maps whose keys have no owner.

use std::collections::BTreeMap;
use std::ops::Range;

/// Values by user and key.
#[derive(Debug)]
pub struct Owned<K, V>(BTreeMap<Place<K>, V>);

/// No key comes before every key: that is where those of a user begin.
type Place<K> = (u32, Option<K>);

impl<K, V> Default for Owned<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, V> Owned<K, V> {
    /// Whether the user has something under this key.
    #[must_use]
    pub fn contains(&self, user: u32, key: &K) -> bool {
        self.0.contains_key(&place(user, key))
    }

    /// What the user has under this key.
    #[must_use]
    pub fn get(&self, user: u32, key: &K) -> Option<&V> {
        self.0.get(&place(user, key))
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, user: u32, key: &K) -> Option<&mut V> {
        self.0.get_mut(&place(user, key))
    }

    /// Sets what the user has under this key; returns what that was before.
    pub fn insert(&mut self, user: u32, key: K, value: V) -> Option<V> {
        self.0.insert((user, Some(key)), value)
    }

    /// What the user has under this key, or else `value` from now on.
    pub fn get_or_insert(&mut self, user: u32, key: K, value: V) -> &mut V {
        self.0.entry((user, Some(key))).or_insert(value)
    }

    /// Takes out what the user has under this key.
    pub fn remove(&mut self, user: u32, key: &K) -> Option<V> {
        self.0.remove(&place(user, key))
    }

    /// All that a user has, in the order of keys.
    pub fn of(&self, user: u32) -> impl Iterator<Item = (&K, &V)> {
        self.0.range(all(user)).filter_map(|((_, key), value)| Some((key.as_ref()?, value)))
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, user: u32) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.range_mut(all(user)).filter_map(|((_, key), value)| Some((key.as_ref()?, value)))
    }

    /// Takes out all that a user has.
    pub fn take(&mut self, user: u32) -> Vec<(K, V)> {
        let keys: Vec<K> = self.of(user).map(|(key, _)| key.clone()).collect();
        let taken = keys.into_iter().filter_map(|key| {
            let value = self.remove(user, &key)?;
            Some((key, value))
        });
        taken.collect()
    }

    /// Keeps of what a user has that for which `keep` says so.
    pub fn retain_of(&mut self, user: u32, keep: impl Fn(&K, &V) -> bool) {
        let gone = self.of(user).filter(|(key, value)| !keep(key, value));
        let gone: Vec<K> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.0.remove(&(user, Some(key)));
        }
    }

    /// Forgets all that a user has.
    pub fn forget(&mut self, user: u32) {
        self.retain_of(user, |_, _| false);
    }

    /// All values, in the order of users and keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }
}

fn place<K: Clone>(user: u32, key: &K) -> Place<K> {
    (user, Some(key.clone()))
}

/// The places of a user; there are never so many users that one could not count on.
const fn all<K>(user: u32) -> Range<Place<K>> {
    (user, None)..(user + 1, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_one_user_has_is_not_what_others_have(
            steps in prop::collection::vec((0_u32..3, 0_u8..4, 0_u8..4), 0..40),
        ) {
            let (mut owned, mut plain) = (Owned::default(), BTreeMap::new());
            for (user, key, what) in steps {
                match what {
                    0 => prop_assert_eq!(owned.remove(user, &key), plain.remove(&(user, key))),
                    1 => {
                        owned.retain_of(user, |it, _| *it != key);
                        plain.retain(|(owner, it), _| *owner != user || *it != key);
                    }
                    2 => {
                        let taken: BTreeMap<_, _> = owned.take(user).into_iter().collect();
                        let (of_user, rest) =
                            plain.into_iter().partition(|((owner, _), _)| *owner == user);
                        plain = rest;
                        let of_user: BTreeMap<(u32, u8), u8> = of_user;
                        prop_assert!(taken.iter().eq(of_user.iter().map(|((_, it), v)| (it, v))));
                    }
                    value => {
                        let before = plain.insert((user, key), value);
                        prop_assert_eq!(owned.insert(user, key, value), before);
                    }
                }
                let has = owned.of(user).map(|(key, value)| (*key, *value));
                let has: Vec<_> = has.collect();
                let expected = plain.range((user, 0)..=(user, u8::MAX));
                let expected: Vec<_> = expected.map(|((_, key), value)| (*key, *value)).collect();
                prop_assert_eq!(has, expected);
                prop_assert_eq!(owned.contains(user, &key), plain.contains_key(&(user, key)));
                prop_assert!(owned.values().eq(plain.values()));
            }
        }
    }
}
