//! The table of diagnostic codes: stable ID, name, and the text that `peadsim explain` prints.
//!
//! Not here: the words of a single finding, which stand where it is made.

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The scenario cannot run.
    Error,
    /// It runs, but hardly shows what its author means.
    Warning,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($variant:ident $id:literal $name:literal $text:literal;)+) => {
        /// The rule that a finding is about. IDs are never given anew.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code {
            $(#[doc = $text] $variant,)+
        }

        impl Code {
            /// All of them, in the order of their IDs.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The ID: `E101`, `W402`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }

            /// The name: `unknown-key`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the rule is and what to do about it.
            #[must_use]
            pub const fn explain(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// ID and name: `E101 unknown-key`.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => concat!($id, " ", $name),)+ }
            }
        }
    };
}

impl Code {
    /// Errors have IDs with `E`, warnings with `W`.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.id().starts_with('E') { Severity::Error } else { Severity::Warning }
    }

    /// The code with this ID or name.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.id().eq_ignore_ascii_case(text) || code.name() == text)
    }
}

codes! {
    // The text.
    NotReadable "E001" "not-readable" "The file cannot be read. Paths given to `use` are taken from the folder of the file that names them.";
    NotUtf8 "E002" "not-utf8" "A scenario is UTF-8 text. Save the file in that encoding.";
    FileTooLarge "E003" "file-too-large" "A scenario file has at most 16 MiB. Large populations are written as `fleets`, not device by device.";
    NotYaml "E004" "not-yaml" "The text is not well-formed YAML. Reading stops here, since what follows cannot be told apart.";
    TooDeep "E005" "too-deep" "Lists and maps may be nested 64 levels deep. No key of the language needs more than a dozen.";
    TooManyNodes "E006" "too-many-nodes" "A scenario has at most a million values, counting what every alias stands for. A short file that reaches this repeats its anchors inside each other.";
    SeveralDocuments "E007" "several-documents" "A file holds one scenario. Write the second one into a file of its own.";
    EmptyFile "E008" "empty-file" "The file holds no scenario. `peadsim new FILE` writes a commented skeleton.";
    DuplicateKey "E009" "duplicate-key" "A key may stand only once in a map; which of the two values is meant nobody can tell.";
    MergeKey "E010" "merge-key" "The merge key `<<` is not part of the language. Write a template under `templates` and use it by `like`.";
    BadKey "E011" "bad-key" "A key is a piece of text, not a list, a map or nothing.";
    UnknownAlias "E012" "unknown-alias" "An alias `*name` repeats what an anchor `&name` marks earlier in the file. An anchor cannot contain itself.";
    Tag "E013" "tag" "YAML tags (`!name`) are not part of the language. Text that starts with `!` needs quotes.";
    Version "E014" "version" "A scenario starts with the version of its language: `peadsim: 1`.";
    // Keys and values.
    UnknownKey "E101" "unknown-key" "The map takes no such key. The reference page lists the keys of every map.";
    MissingKey "E102" "missing-key" "The map needs a key that it does not have.";
    WrongType "E103" "wrong-type" "The place takes another kind of value: a list, a map, or a single value.";
    BadValue "E104" "bad-value" "The value does not read. Quantities carry their unit: `40ms`, `1KiB`, `5%`, `4/d`; a range is written `10ms..80ms`.";
    UnknownWord "E105" "unknown-word" "The place takes one of a closed list of words.";
    Contradiction "E106" "contradiction" "Keys that exclude each other stand in one map, or keys that only make sense together stand alone.";
    NotOneVerb "E107" "not-one-verb" "A step, an expectation or a workload is a map with exactly one key, its verb: `- send: {from: alice, to: bob}`.";
    UnknownVerb "E108" "unknown-verb" "There is no such verb here.";
    BadRange "E109" "bad-range" "A range goes from the lesser to the greater value, both included.";
    OutOfLimits "E110" "out-of-limits" "The value lies outside what the protocol or the simulator allows.";
    // Reuse and cases.
    UnknownParam "E201" "unknown-param" "`$name` stands for a parameter that `params` declares. It stands as a whole value; text that starts with `$` needs quotes.";
    UnknownTemplate "E202" "unknown-template" "`like` names an entry of `templates`, here or in a library that `use` names.";
    TemplateChain "E203" "template-chain" "A template cannot be like another one: reuse goes one level.";
    UseOutside "E204" "use-outside" "A library lies in the folder of the scenarios or below it.";
    NotALibrary "E205" "not-a-library" "A library holds `templates` and `network: {profiles: ..}`, nothing else.";
    TooManyCases "E206" "too-many-cases" "The parameters make more than 1 000 cases. Use fewer values, or `exclude`.";
    NoSuchPath "E207" "no-such-path" "The path leads to no place of the scenario. A path is made of keys and of step names or numbers: `devices.bob.refresh`, `steps.m1.delay`.";
    NoCases "E208" "no-cases" "`exclude` leaves no case over.";
    UnusedParam "W209" "unused-param" "The parameter is declared and never used: its cases are all the same.";
    UselessExclude "W210" "useless-exclude" "The entry of `exclude` fits no case.";
    DefinedTwice "E211" "defined-twice" "The same name is defined twice.";
    // What names and values mean together.
    UnknownDevice "E301" "unknown-device" "Every device that a scenario speaks of is declared, under `devices` or as a member of a fleet (`north-17`).";
    UnknownName "E302" "unknown-name" "Steps and workloads get their names by `as`; a name may be used before its step.";
    WrongThing "E303" "wrong-thing" "The name stands for something of another kind: a rotation where a message is meant, a fleet where a device is meant.";
    NoSuchPoint "E304" "no-such-point" "Points belong to kinds of things: a message is `stored`, a rotation is `acked`, a request is `shown`, a fault has a `start` and an `end`, a fence is `reached`.";
    ReservedName "E305" "reserved-name" "The name stands for something else already.";
    WaitsForItself "E306" "waits-for-itself" "The step waits for a point that can only come after it.";
    AfterTheEnd "E307" "after-the-end" "The step would act when the `active` phase is over, so it never acts.";
    ShortGrace "E308" "short-grace" "Retired keys have to outlive the mail that was encrypted for them (R1, R6): the directory's `grace` is at least the mailbox's `ttl` and 5 % more.";
    RotationInGrace "E309" "rotation-in-grace" "The server refuses a rotation while the grace of the last one runs (R6), so a period of rotations is at least the grace.";
    UnexpectedDeviation "E310" "unexpected-deviation" "`deviations` break the specification, so they are legal only in a scenario that expects a `finding`.";
    CannotBeMet "E311" "cannot-be-met" "Nothing in the scenario can make this expectation true.";
    UnknownTest "E312" "unknown-test" "Profiles name scenarios of the suite by their ID, and expectations its tests: `ROT-R1-inflight[lead=20ms]@bob#1`. `peadsim conform --list` prints them.";
    Unclaimed "E313" "unclaimed" "What an expectation `shows` is a part of what its scenario lists under `requirements`, on the same side.";
    NotUnderLoad "E314" "not-under-load" "Under load the server and the network are real ones: devices write, poll, rotate, answer and lose their way, and nothing is done to the server, to frames or to clocks. Say under `worlds: {load: ..}` what is done and expected there.";
    NeverHeals "W401" "never-heals" "The fault has no end of its own within the `active` phase: it heals only when everything does, so the scenario does not show healing while others go on.";
    NeverFires "W402" "never-fires" "In the time that it has, the workload is expected to act less than once.";
    LongPeriod "W403" "long-period" "The period is longer than the run, so that most devices never rotate.";
    Idle "W404" "idle" "The scenario has neither steps nor workloads: nothing happens.";
    MixedPush "W405" "mixed-push" "The server pushes either to all attached devices or to none. Since one device wants push, those without get pushes too.";
    Unseen "W406" "unseen" "In the native world a device is a closed box: its frames, its screen and its buttons are seen, and nothing of its inside. Expect what follows from it outside, or say under `worlds: {conform: ..}` what is expected there.";
    UnaskedCapability "W407" "unasked-capability" "Not every device can be made to do this. Name the capability in `needs`, so that the case is not applicable to a device that declares it cannot.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_names_are_unique_and_every_text_says_something() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].id()[1..] < pair[1].id()[1..], "{pair:?}");
        }
        for code in Code::ALL {
            assert_eq!(Code::find(code.id()), Some(*code));
            assert_eq!(Code::find(code.name()), Some(*code));
            assert!(code.explain().ends_with('.'), "{code:?}");
        }
    }
}
