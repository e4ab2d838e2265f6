//! Maps and sets by users' numbers for what most users of a world have: a place for each, without a key.
//!
//! Not here: what few users have, for which the standard library's maps are smaller.

/// A value of each user, the default until it is set, in pieces that stay where they are: there is room for all
/// users of a piece in which one has another value, and nothing is moved to make room.
#[derive(Debug)]
pub struct UserMap<V>(Vec<Piece<V>>);

/// Values of users whose numbers are next to each other; none until one of them has another value.
type Piece<V> = Option<Box<[V]>>;

/// Users of a piece.
const PIECE: usize = 64;

impl<V> Default for UserMap<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V: Default> UserMap<V> {
    /// The user's value; none if neither it nor any of its piece was ever set.
    #[must_use]
    pub fn get(&self, user: u32) -> Option<&V> {
        let piece = self.0.get(user as usize / PIECE)?.as_ref()?;
        piece.get(user as usize % PIECE)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, user: u32) -> Option<&mut V> {
        let piece = self.0.get_mut(user as usize / PIECE)?.as_mut()?;
        piece.get_mut(user as usize % PIECE)
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
        let place = user as usize / PIECE;
        if place >= self.0.len() {
            self.0.resize_with(place + 1, || None);
        }
        let piece = self.0[place].get_or_insert_with(|| (0..PIECE).map(|_| V::default()).collect());
        &mut piece[user as usize % PIECE]
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
            steps in prop::collection::vec((0_u32..5_000, prop::option::of(1_u8..9)), 0..60),
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
                for user in 0..5_000 {
                    let known = users.get(user).copied().unwrap_or(0);
                    prop_assert_eq!(known, map.get(&user).copied().unwrap_or(0));
                }
            }
        }
    }

    #[test]
    fn there_is_room_only_where_somebody_has_a_value() {
        let mut users = UserMap::default();
        *users.place(5_000) = 1;
        assert_eq!(users.0.iter().flatten().count(), 1);
        assert_eq!((users.get(4_999), users.get(0), users.get(9_999)), (Some(&0), None, None));
    }
}
