//! The catalog of oracles, races and what kills which deviation, in words for people (protocol 4.4, 5, 6).
//!
//! Not here: requirements (`requirement`), or the judges themselves.

/// An ID with what it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// `S-03`, `L-01`, `R1`.
    pub id: &'static str,
    /// In one sentence.
    pub text: &'static str,
}

const fn entry(id: &'static str, text: &'static str) -> Entry {
    Entry { id, text }
}

/// The entry of an oracle or a race, by its ID.
#[must_use]
pub fn find(id: &str) -> Option<Entry> {
    ORACLES.iter().chain(RACES).find(|entry| entry.id == id).copied()
}

/// The oracles: S decides on any prefix of a run, L by a deadline after everything is healed.
pub const ORACLES: &[Entry] = &[
    entry("S-01", "What server and network see does not give away what honest users write."),
    entry("S-02", "What is displayed was encrypted by the honest sender it is from, exactly so."),
    entry("S-03", "A message is committed to its receiver's inbox at most once."),
    entry(
        "S-04",
        "A message goes to the receiver its header names, and is displayed nowhere else.",
    ),
    entry("S-05", "A miss is one lookup: neither more nor, if a message needs it, less."),
    entry("S-06", "A message whose secret is in the table and fresh causes no lookup."),
    entry("S-07", "Lookups and slots are those of the user and epochs that the header names."),
    entry("S-08", "Both ends of a pair compute the same secret, and no two pairs the same one."),
    entry("S-09", "A key that is over is used for new mail only within the staleness bound."),
    entry("S-10", "Epochs used for new mail never go back, and a lower one changes nothing."),
    entry("S-11", "After an own rotation nothing new is encrypted under the old own key."),
    entry("S-12", "A key and a nonce meet once, also across restarts; retransmissions are equal."),
    entry("S-13", "No approval is signed without a press of the button made for it alone."),
    entry("S-14", "The signature covers what the screen showed and what was asked."),
    entry("S-15", "Approvals are given before their expiry, once for each transaction."),
    entry("S-16", "What a user approves leaves the device only encrypted for the requester."),
    entry("S-17", "The server never holds a private key, a shared secret or a plaintext."),
    entry("S-18", "Accepted mail is acknowledged, stored, leased, expired or bounced: just one."),
    entry("S-19", "What was acknowledged survives a crash, at the server and at the receiver."),
    entry("S-20", "The device says `sent` and `delivered` only of what was."),
    entry("S-21", "A message that is refused changes nothing, and the next good one is served."),
    entry("S-22", "A private key never leaves the device in any encoding."),
    entry("S-23", "A key that is no valid point is used for nothing and refused in one way."),
    entry("S-24", "A reply counts only for the request it answers and the user asked for."),
    entry("S-25", "A lookup returns the latest record of its user, octet by octet."),
    entry("S-26", "A record is replaced only by its owner's old key or by the operator."),
    entry("S-27", "Mail from one sender is displayed in order, or marked as late after a gap."),
    entry("S-28", "Tables, queues, lookups and retries keep to what the device declares."),
    entry("S-29", "A small table changes the lookups of a run and nothing that users see."),
    entry("S-30", "A poll or push gives a user's mail to that user only."),
    entry("S-31", "The same seed gives the same trace, the same approval the same signature."),
    entry("S-32", "Every frame decodes strictly and encodes back to itself."),
    entry("S-33", "Mail that is polled and mail that is pushed are displayed alike."),
    entry("S-34", "Mail is encrypted again to another key only if its owner or the user says so."),
    entry("S-35", "Mail encrypted under epochs that were in force is never refused as too old."),
    entry("L-01", "After the faults, accepted mail is displayed within the delivery bound."),
    entry("L-02", "After the faults, every draft is accepted by the server or reported."),
    entry("L-03", "After the faults, a message that waits for a key is displayed in time."),
    entry("L-04", "After the last rotation, pairs use current epochs both ways in time."),
    entry("L-05", "When both ends rotate at once they still converge, and no mail is lost."),
    entry("L-06", "An approval given in time reaches the server in time."),
    entry("L-07", "After the faults and without new input the network falls silent."),
    entry("L-08", "After a crash the device answers in time and remembers what is durable."),
];

/// The rotation races.
pub const RACES: &[Entry] = &[
    entry(
        "R1",
        "A message is under way when its receiver's epoch ends: the old key still opens it.",
    ),
    entry(
        "R2",
        "The notice of a rotation is lost: periodic refresh or a newer epoch in mail helps.",
    ),
    entry("R3", "Notices come early, late, twice or out of order: only a newer epoch is acted on."),
    entry("R4", "Both ends rotate at once: slots for all four pairs of epochs decrypt in grace."),
    entry("R5", "A sender looks up just before a rotation and encrypts just after it: like R1."),
    entry(
        "R6",
        "A second rotation inside the grace of the first: refused until the grace is over.",
    ),
    entry("R7", "A crash in a rotation: the new key was written first, the directory decides."),
    entry("R8", "The answer to a rotation is lost: the same request again gets the same answer."),
    entry("R9", "Old octets are sent again after a rotation: allowed until the server refuses."),
    entry("R10", "A row is evicted while it is being looked up: the pin stays, the row is new."),
    entry("R11", "A rotation because of a compromise: no grace, old epochs are refused at once."),
    entry("R12", "First contact with mail under the sender's last epoch: one reply has both keys."),
    entry("R13", "A message overtakes its sender's rotation: the new epoch waits for the answer."),
];

/// Oracles and requirements that a deviation is killed by, by its ID; empty for an unknown one.
#[must_use]
pub fn killers(deviation: &str) -> &'static [&'static str] {
    KILLERS.iter().find(|(id, _)| *id == deviation).map_or(&[], |(_, killers)| killers)
}

/// Requirements that a test of a closed device finds broken by a deviation, where none of them names a judge of
/// [`killers`].
#[must_use]
pub fn breaks(deviation: &str) -> &'static [&'static str] {
    BROKEN.iter().find(|(id, _)| *id == deviation).map_or(&[], |(_, broken)| broken)
}

/// Why nothing that leaves a device reveals a deviation, if that is so.
#[must_use]
pub fn hidden(deviation: &str) -> Option<&'static str> {
    HIDDEN.iter().find(|(id, _)| *id == deviation).map(|(_, why)| *why)
}

/// Why nothing can reveal a deviation even in principle, if that is so.
#[must_use]
pub fn undetectable(deviation: &str) -> Option<&'static str> {
    UNDETECTABLE.iter().find(|(id, _)| *id == deviation).map(|(_, why)| *why)
}

/// Deviations that no record of a simulated run shows, with the reason. Records hold signatures and keys
/// as they are made, so even what no observer outside can see, as M53, is seen here.
const UNDETECTABLE: &[(&str, &str)] = &[];

/// What deviations break that oracles see in another light: a rule of the device, told by what it does.
const BROKEN: &[(&str, &[&str])] = &[
    ("M05", &["C07-R5"]),
    ("M21", &["C01-R5"]),
    ("M47", &["C05-R8", "C15-R4"]),
    ("M52", &["C06-R3"]),
    ("M56", &["C03-R5"]),
    ("M65", &["C14-R4"]),
    ("M66", &["C10-R5"]),
    ("M83", &["C06-R5"]),
    ("M88", &["C17-R7"]),
    ("M89", &["C01-R2"]),
    ("M90", &["C17-R7"]),
    ("M91", &["C17-R4"]),
    ("M97", &["C17-R4"]),
];

/// Deviations that only the inside of a device shows.
const HIDDEN: &[(&str, &str)] = &[
    ("M53", "the signature leaves the device after the press only"),
    ("M54", "what is approved when its time is over is dropped before it leaves (C04-R4)"),
];

/// The kill table (protocol 6).
const KILLERS: &[(&str, &[&str])] = &[
    ("M01", &["C06-R1", "S-06"]),
    ("M02", &["S-07", "C16-R1"]),
    ("M03", &["C13-R2", "S-08"]),
    ("M04", &["S-08", "C06-R2"]),
    ("M05", &["L-03"]),
    ("M06", &["S-06"]),
    ("M07", &["S-05"]),
    ("M08", &["C14-R3"]),
    ("M09", &["C01-R2", "L-03"]),
    ("M10", &["C02-R3", "S-01"]),
    ("M11", &["C02-R3", "S-01"]),
    ("M12", &["C05-R1", "S-08"]),
    ("M13", &["S-11", "C15-R2"]),
    ("M14", &["C15-R1"]),
    ("M15", &["C15-R3"]),
    ("M16", &["C15-R1"]),
    ("M17", &["C15-R1", "S-08"]),
    ("M18", &["C05-R7"]),
    ("M19", &["C05-R5"]),
    ("M20", &["C05-R5"]),
    ("M21", &["C05-R5"]),
    ("M22", &["S-02", "S-21"]),
    ("M23", &["S-21", "L-08"]),
    ("M24", &["S-12"]),
    ("M25", &["S-12"]),
    ("M26", &["S-12"]),
    ("M27", &["S-12", "C09-R6"]),
    ("M28", &["S-03"]),
    ("M29", &["S-03"]),
    ("M30", &["S-21", "L-01"]),
    ("M31", &["S-03"]),
    ("M32", &["S-03"]),
    ("M33", &["S-21", "S-03"]),
    ("M34", &["C17-R1", "S-09"]),
    ("M35", &["C17-R2"]),
    ("M36", &["C17-R8"]),
    ("M37", &["S-10"]),
    ("M38", &["S-10"]),
    ("M39", &["S-35", "C17-R5", "L-05"]),
    ("M40", &["C17-R5"]),
    ("M41", &["L-05"]),
    ("M42", &["C17-R4"]),
    ("M43", &["C16-R3", "L-07"]),
    ("M44", &["S-34", "S-01"]),
    ("M45", &["S-23"]),
    ("M46", &["S-23", "S-01"]),
    ("M47", &["S-32"]),
    ("M48", &["S-24", "C16-R2"]),
    ("M49", &["S-24"]),
    ("M50", &["C06-R3"]),
    ("M51", &["C06-R3", "L-01"]),
    ("M52", &["S-08", "S-21"]),
    ("M53", &["S-13"]),
    ("M54", &["S-13"]),
    ("M55", &["S-13"]),
    ("M56", &["S-14"]),
    ("M57", &["S-14"]),
    ("M58", &["S-14"]),
    ("M59", &["S-15", "C03-R7"]),
    ("M60", &["S-15", "C03-R6"]),
    ("M61", &["S-13"]),
    ("M62", &["S-16", "S-01"]),
    ("M63", &["S-31"]),
    ("M64", &["S-19"]),
    ("M65", &["S-18", "L-01"]),
    ("M66", &["L-01"]),
    ("M67", &["C11-R5", "S-33"]),
    ("M68", &["S-19"]),
    ("M69", &["S-18", "C09-R5"]),
    ("M70", &["S-04", "S-30"]),
    ("M71", &["L-01"]),
    ("M72", &["S-18"]),
    ("M73", &["S-25"]),
    ("M74", &["S-26", "S-01"]),
    ("M75", &["S-10", "S-26"]),
    ("M76", &["S-18", "C09-R4"]),
    ("M77", &["L-01"]),
    ("M78", &["S-22"]),
    ("M79", &["C12-R4"]),
    ("M80", &["S-27"]),
    ("M81", &["S-28", "L-07"]),
    ("M82", &["S-32", "C01-R7"]),
    ("M83", &["S-21", "L-03", "S-01"]),
    ("M84", &["C09-R6"]),
    ("M85", &["S-35", "C14-R6", "L-05"]),
    ("M86", &["S-35", "L-01"]),
    ("M87", &["S-35", "C17-R5"]),
    ("M88", &["L-01"]),
    ("M89", &["S-35", "L-01"]),
    ("M90", &["S-18", "L-01"]),
    ("M91", &["L-01"]),
    ("M92", &["L-01", "S-18"]),
    ("M93", &["L-01", "S-19"]),
    ("M94", &["S-18", "L-01"]),
    ("M95", &["S-35"]),
    ("M96", &["S-35"]),
    ("M97", &["S-35", "L-01"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::requirement::Requirement;

    #[test]
    fn ids_rise_and_every_name_is_known() {
        for entries in [&ORACLES[..35], &ORACLES[35..], &RACES[..9], &RACES[9..]] {
            assert!(entries.windows(2).all(|pair| pair[0].id < pair[1].id));
            assert!(entries.iter().all(|entry| entry.text.ends_with('.')));
        }
        let known = |name: &str| {
            find(name).is_some() || Requirement::parse(name).is_some_and(|it| it.info().is_some())
        };
        let judges = Requirement::all().filter_map(Requirement::info).flat_map(|it| it.judges);
        let of_deviations = KILLERS.iter().chain(BROKEN).flat_map(|(_, names)| *names);
        for name in judges.chain(of_deviations) {
            assert!(known(name), "{name}");
        }
        assert!(KILLERS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(killers("M39"), ["S-35", "C17-R5", "L-05"]);
        assert!(killers("M00").is_empty());
        assert_eq!((breaks("M66"), breaks("M01")), (&["C10-R5"][..], &[][..]));
        for (id, why) in HIDDEN {
            assert!(!killers(id).is_empty() && hidden(id) == Some(why), "{id}");
        }
        for (id, why) in UNDETECTABLE {
            assert!(!killers(id).is_empty() && undetectable(id) == Some(why), "{id}");
        }
    }
}
