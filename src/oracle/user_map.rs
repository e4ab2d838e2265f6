//! Maps and sets by users' numbers for what most users of a world have: a place for each, without a key.
//!
//! Not here: what few users have, for which the standard library's maps are smaller.

/// A value of each user, the default until it is set; there is room up to the last user who has another.
#[derive(Debug)]
pub struct UserMap<V>(Vec<V>);

/// Room is added by this share of what there is, so that little of it is ever spare.
const GROWTH: usize = 8;

impl<V> Default for UserMap<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V: Default> UserMap<V> {
    /// The user's value; none if it was never set, nor any after it.
    #[must_use]
    pub fn get(&self, user: u32) -> Option<&V> {
        self.0.get(user as usize)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, user: u32) -> Option<&mut V> {
        self.0.get_mut(user as usize)
    }

    /// Sets the user's value; returns the one before.
    pub fn set(&mut self, user: u32, value: V) -> V {
        std::mem::replace(self.place(user), value)
    }

    /// Takes the user's value, which is the default from now on.
    pub fn take(&mut self, user: u32) -> V {
        self.get_mut(user).map(std::mem::take).unwrap_or_default()
    }

    /// The user's value, with room for it.
    pub fn place(&mut self, user: u32) -> &mut V {
        let index = user as usize;
        if index >= self.0.len() {
            let len = index + 1;
            if len > self.0.capacity() {
                self.0.reserve_exact(len - self.0.len() + self.0.len() / GROWTH);
            }
            self.0.resize_with(len, V::default);
        }
        &mut self.0[index]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn users_have_what_was_set_last(
            steps in prop::collection::vec((0_u32..200, prop::option::of(1_u8..9)), 0..60),
        ) {
            let (mut users, mut map) = (UserMap::default(), BTreeMap::new());
            for (user, value) in steps {
                match value {
                    Some(value) => {
                        let before = map.insert(user, value).unwrap_or(0);
                        prop_assert_eq!(users.set(user, value), before);
                    }
                    None => prop_assert_eq!(users.take(user), map.remove(&user).unwrap_or(0)),
                }
                for user in 0..200 {
                    let known = users.get(user).copied().unwrap_or(0);
                    prop_assert_eq!(known, map.get(&user).copied().unwrap_or(0));
                }
            }
        }
    }

    #[test]
    fn little_room_is_spare() {
        let mut users = UserMap::default();
        (0..10_000).for_each(|user| *users.place(user) = user);
        assert!(users.0.capacity() <= 10_000 + 10_000 / GROWTH);
    }
}
