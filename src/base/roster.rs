//! The numbers of users by their names, in four to eight octets a user: their names stay where they are.
//!
//! An open hash table with linear probing; its order shows nowhere. Not here: who the users are.

use xxhash_rust::xxh3::xxh3_64;

use crate::base::id::UserId;

/// Places of a list of users, by name.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Roster {
    /// A power of two of them, at most half full.
    slots: Vec<u32>,
}

/// A slot without a user.
const FREE: u32 = u32::MAX;

impl Roster {
    /// Of these users; of several with one name the last.
    ///
    /// # Panics
    /// With more users than a world may have.
    #[must_use]
    pub fn of(users: &[UserId]) -> Self {
        let mut roster = Self { slots: vec![FREE; (users.len() * 2).next_power_of_two()] };
        for (number, user) in users.iter().enumerate() {
            let slot = roster.slot(users, user);
            roster.slots[slot] = u32::try_from(number).expect("the number of users is limited");
        }
        roster
    }

    /// The place of a name in the list that this was made of.
    #[must_use]
    pub fn find(&self, users: &[UserId], user: &UserId) -> Option<u32> {
        let number = *self.slots.get(self.slot(users, user))?;
        (number != FREE).then_some(number)
    }

    /// The slot of a user, or the one that would be theirs.
    fn slot(&self, users: &[UserId], user: &UserId) -> usize {
        let last = self.slots.len().wrapping_sub(1);
        let hash = xxh3_64(user.as_str().as_bytes());
        let mut slot = usize::try_from(hash & last as u64).unwrap_or(0);
        while let Some(number) = self.slots.get(slot).filter(|number| **number != FREE) {
            if users[*number as usize] == *user {
                break;
            }
            slot = slot.wrapping_add(1) & last;
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_is_found_and_nobody_else() {
        for count in [0_u32, 1, 2, 3, 64, 1_000] {
            let name = |number: u32| UserId::new(&format!("user{number}")).unwrap();
            let users: Vec<UserId> = (0..count).map(name).collect();
            let roster = Roster::of(&users);
            for number in 0..count {
                assert_eq!(roster.find(&users, &name(number)), Some(number));
            }
            assert_eq!(roster.find(&users, &name(count)), None);
        }
    }
}
