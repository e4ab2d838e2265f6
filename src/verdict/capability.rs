//! Capabilities: what a device under test declares that it can do, each by true or false, none left out.
//!
//! Scenarios say by `needs` what they cannot do without; a name that is not listed here is a typing error,
//! never a "no". Not here: the expressions over them (`scenario`), or a device's declaration.

/// A capability with its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability {
    /// The name in declarations and in `needs`.
    pub name: &'static str,
    /// What a device that has it can do.
    pub text: &'static str,
}

const fn can(name: &'static str, text: &'static str) -> Capability {
    Capability { name, text }
}

/// The closed vocabulary: what the device does, then what the harness can do with it.
pub const CAPABILITIES: &[Capability] = &[
    can("approve", "Shows requests of others, and signs on a press of its button (claim 3)."),
    can("compose", "Shows own data, and signs and sends it on a press (claim 4)."),
    can("request", "Issues requests for approval and checks the answers: a transaction system."),
    can("send", "Composes and sends texts of its own."),
    can("scroll", "Pages through a request that is longer than the screen."),
    can("poll", "Asks for mail by itself, every T_poll (claim 10)."),
    can("push", "Takes mail that the server pushes (claim 11)."),
    can("rotate", "Makes a new key pair when told to (claim 17)."),
    can("revoke", "Ends its old epoch at once, without grace."),
    can("refresh", "Looks used entries up again, every T_refresh."),
    can("generate", "Makes its keys inside: provisioning mode PROV-GEN (claim 12)."),
    can("download", "Takes keys from a provisioning authority: mode PROV-IMPORT (claim 12)."),
    can("register", "Registers its keys by itself."),
    can("confirm", "Asks its user about a new identity of a peer, and heeds the answer."),
    can("durable_table", "Keeps its table of shared secrets over a restart (C16-R4)."),
    can("wipe", "Forgets everything on a factory reset."),
    can("prompt_events", "Tells the harness when it shows and closes a prompt."),
    can("early_press", "Lets a button be pressed while nothing, or nothing armed, is shown."),
    can("sync", "Answers a fence when all that it got is processed, and all output is out."),
    can("mediated", "Sends and takes its frames through the harness, which is the network."),
    can("native", "Connects to a server by itself and speaks frames there."),
    can("reset", "Comes to a known state before each test."),
    can("snapshot", "Copies its durable state, and can be set back to the copy."),
    can("power_cut", "Can be cut off from power at any moment."),
    can("power_cycle", "Can be shut down in order and started again."),
    can("virtual_clock", "Runs on a clock that the harness moves."),
    can("clock_set", "Lets the harness step its wall clock."),
    can("rng_seed", "Takes its randomness from a seed that the harness provisions."),
    can("known_keys", "Takes key pairs that the harness knows."),
    can("store_faults", "Lets the harness slow down or fail its durable store."),
    can("kat", "Computes known answers of its primitives for the harness."),
    can("facts", "Tells what happens inside of it, beside what its user sees."),
    can("state", "Tells its state: blank, keyed, ready, rotating, locked."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_stand_once() {
        let names: std::collections::BTreeSet<&str> =
            CAPABILITIES.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), CAPABILITIES.len());
        for Capability { name, text } in CAPABILITIES {
            let word = name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_');
            assert!(word && !matches!(*name, "and" | "or" | "not"), "{name}");
            assert!(text.ends_with('.'), "{name}");
        }
    }
}
