//! What happens to devices and servers by luck: families that are on or off, hot and cold users, short times.
//!
//! Plain data and small draws, for generated scenarios and for scripts that machines are tried on against their
//! models. Not here: what a family does to a scenario or a script.

use crate::base::rng::Draw;

macro_rules! families {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $of_eight:literal;)+) => {
        /// Something that a whole scenario or script has or has not.
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

/// Lives of mail in seconds when they are short; grace is [`short_grace`].
pub const SHORT_TTLS: [u64; 3] = [60, 120, 240];
/// Leases in seconds when times are short.
pub const SHORT_LEASES: [u64; 2] = [5, 15];
/// Refresh periods in seconds when they are short.
pub const SHORT_REFRESHES: [u64; 3] = [5, 20, 60];
/// Most messages of a mailbox with little room.
pub const MAILBOX_MOST: u64 = 4;
/// What a user presses: most approve.
pub const BUTTONS: [&str; 3] = ["approve", "approve", "reject"];

/// The grace that belongs to a short life of mail, in the same unit: a tenth more, where 5 % are needed.
#[must_use]
pub const fn short_grace(ttl: u64) -> u64 {
    ttl + ttl / 10
}

/// Users of whom one is hot: most things happen to that one.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// All of them.
    pub names: Vec<&'static str>,
    hot: usize,
}

impl Crowd {
    /// Draws who is hot.
    pub fn draw(draw: &mut Draw, names: &[&'static str]) -> Self {
        Self { names: names.to_vec(), hot: index(draw, names.len()) }
    }

    /// Somebody, the hot one more often than the others.
    pub fn one(&self, draw: &mut Draw) -> &'static str {
        if chance(draw, 2) { self.names[self.hot] } else { pick(draw, &self.names) }
    }

    /// Somebody else.
    pub fn other(&self, than: &str, draw: &mut Draw) -> &'static str {
        let others: Vec<_> = self.names.iter().filter(|it| **it != than).copied().collect();
        let hot = self.names[self.hot];
        if hot != than && chance(draw, 2) { hot } else { pick(draw, &others) }
    }
}

/// Once in `n` times.
pub fn chance(draw: &mut Draw, n: u64) -> bool {
    draw.below(n) == 0
}

/// A place in something of this length.
///
/// # Panics
/// When there is no place.
pub fn index(draw: &mut Draw, length: usize) -> usize {
    usize::try_from(draw.below(length as u64)).unwrap_or(0)
}

/// One of these.
///
/// # Panics
/// When there is none.
pub fn pick<T: Clone>(draw: &mut Draw, among: &[T]) -> T {
    among[index(draw, among.len())].clone()
}
