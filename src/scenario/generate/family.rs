//! Families of operations, faults and options: each is on or off for a whole scenario.
//!
//! Not here: what they do to the scenario.

use crate::base::rng::Draw;

macro_rules! families {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $of_eight:literal;)+) => {
        /// Something that a generated scenario has or has not.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Family {
            $($(#[$doc])* $variant,)+
        }

        impl Family {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in titles.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// In how many of eight scenarios it is on.
            const fn of_eight(self) -> u64 {
                match self { $(Self::$variant => $of_eight,)+ }
            }
        }
    };
}

families! {
    /// Pairs know each other before the story begins.
    Warm = "warm", 4;
    /// Rotations.
    Rotation = "rotation", 4;
    /// Rotations that end the old epoch at once.
    Revoke = "revoke", 1;
    /// A user begins anew with another identity.
    Identity = "identity", 1;
    /// Requests for approval, and presses.
    Approval = "approval", 2;
    /// Own data, approved on the own screen.
    OwnData = "own-data", 1;
    /// Mail is pushed to some devices.
    Push = "push", 3;
    /// Tables with few rows.
    Capacity = "capacity", 3;
    /// Some tables do not survive a restart.
    Volatile = "volatile", 2;
    /// Entries are looked up again often.
    Refresh = "refresh", 3;
    /// Primitives cost time.
    Cpu = "cpu", 1;
    /// Mail lives for minutes, and so does grace.
    Short = "short", 2;
    /// Mailboxes with little room.
    Mailbox = "mailbox", 1;
    /// Independent loss.
    Loss = "loss", 3;
    /// Loss in bursts.
    Bursts = "bursts", 1;
    /// Frames come twice.
    Duplication = "duplication", 2;
    /// Frames overtake each other.
    Reorder = "reorder", 2;
    /// Bits flip.
    Corruption = "corruption", 1;
    /// Links stall.
    Clog = "clog", 2;
    /// Links are cut.
    Partition = "partition", 2;
    /// Devices are away when the story begins.
    Offline = "offline", 1;
    /// Devices stop at some time.
    Crash = "crash", 2;
    /// Devices stop inside a turn.
    Barrier = "barrier", 2;
    /// The server stops.
    ServerCrash = "server-crash", 2;
    /// The directory is silent for a while.
    Directory = "directory", 2;
    /// Single frames are lost, doubled, held or late.
    Frames = "frames", 2;
    /// A device returns to an old copy of its state.
    Restore = "restore", 1;
    /// Clocks jump and drift.
    Clock = "clock", 1;
    /// Captured mail is sent again, changed or reflected.
    Replay = "replay", 1;
    /// Keys, notices and records are forged, swapped or served old.
    Forgery = "forgery", 1;
    /// Garbage, and floods of unknown senders.
    Flood = "flood", 1;
}

/// Those that are on.
#[derive(Clone, Copy, Debug)]
pub struct Families(u64);

impl Families {
    /// Draws each.
    pub fn draw(draw: &mut Draw) -> Self {
        let mut set = 0;
        for family in Family::ALL {
            if draw.below(8) < family.of_eight() {
                set |= 1 << *family as u64;
            }
        }
        Self(set)
    }

    /// Is it on?
    #[must_use]
    pub const fn has(self, family: Family) -> bool {
        self.0 & (1 << family as u64) != 0
    }

    /// The names of those that are on.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let on = Family::ALL.iter().filter(|it| self.has(**it)).map(|it| it.name());
        let names: Vec<_> = on.collect();
        if names.is_empty() { vec!["nothing but mail"] } else { names }
    }
}
