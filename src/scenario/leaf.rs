//! Single values of the language and their written forms: quantities, names, ranges, counts.
//!
//! Not here: addresses of points and frames (`address`), or the maps around values (`ast`).

use std::ops::RangeInclusive;

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::{Rate, Ratio, UnitError, parse_duration, parse_hex, parse_octets};
use crate::proto::barrier::Barrier;
use crate::proto::deviation::Deviation;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Kind, Read, leaf};
use crate::scenario::tree::Node;
use crate::trace::fact;
use crate::verdict::catalog::ORACLES;
use crate::verdict::requirement::Requirement;

/// The name of a step, workload, template or parameter: a letter, then letters, digits, `_`, `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name(pub String);

/// A number of octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Octets(pub u64);

/// Octets a second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Bandwidth(pub u64);

/// Octets written in hex.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hex(pub Vec<u8>);

/// A jump of a clock in milliseconds, to either side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Jump(pub i64);

/// The drift of a clock in parts per million, to either side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drift(pub i64);

/// A positive number with up to three decimals, in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Milli(pub u32);

/// How many times: `0`, `3`, `0..1`, `1..`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count(pub RangeInclusive<u64>);

/// The ID of a deviation of the catalog, `M39`; whether it is built in is another question.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MutantId(pub String);

/// The ID of an oracle: `S-03`, `L-01`, the check of a requirement `C07-R4`, or a word such as `expect`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OracleId(pub String);

/// A scenario's ID: stable, unique over the tree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ScenarioId(pub String);

leaf!(String, "text", "text", "", ["number", "boolean"], |text: &str| Ok(text.to_owned()));
leaf!(bool, "yes-or-no value", "`true` or `false`", "^(true|false)$", ["boolean"], |text: &str| {
    text.parse().map_err(|_| String::new())
});
leaf!(
    u64,
    "whole number",
    "a whole number such as `20` or `1_000`",
    "^[0-9]+(_[0-9]+)*$",
    ["integer"],
    whole_number
);
leaf!(
    Duration,
    "duration",
    "a duration with its unit such as `40ms`, `5s` or `1h`",
    r"^[0-9][0-9_]*(\.[0-9]+)?(ns|us|ms|s|m|h|d)$",
    [],
    |text: &str| unit(parse_duration(text))
);
leaf!(
    Ratio,
    "percentage",
    "a percentage such as `5%` or `0.1%`",
    r"^[0-9][0-9_]*(\.[0-9]+)?%$",
    [],
    |text: &str| unit(Ratio::parse(text))
);
leaf!(
    Rate,
    "rate",
    "a rate such as `5/s` or `4/d`",
    r"^[0-9][0-9_]*(\.[0-9]+)?/(s|m|h|d)$",
    [],
    |text: &str| unit(Rate::parse(text))
);
leaf!(
    Octets,
    "size",
    "a size with its unit such as `64B` or `1KiB`",
    r"^[0-9][0-9_]*(\.[0-9]+)?(B|KiB|MiB|GiB)$",
    [],
    |text: &str| unit(parse_octets(text)).map(Octets)
);
leaf!(
    Bandwidth,
    "bandwidth",
    "octets a second such as `64KiB/s`",
    r"^[0-9][0-9_]*(\.[0-9]+)?(B|KiB|MiB|GiB)/s$",
    [],
    |text: &str| {
        let size = text.strip_suffix("/s").ok_or_else(String::new)?;
        unit(parse_octets(size)).map(Bandwidth)
    }
);
leaf!(
    Hex,
    "octet string",
    "octets in hex such as `\"00ff10\"`",
    "^[0-9a-fA-F ]*$",
    ["integer"],
    |text: &str| { unit(parse_hex(text)).map(Hex) }
);
leaf!(
    Jump,
    "jump of a clock",
    "a duration with or without `-` such as `-5m`",
    r"^-?[0-9][0-9_]*(\.[0-9]+)?(ns|us|ms|s|m|h|d)$",
    [],
    |text: &str| {
        let (sign, span) = text.strip_prefix('-').map_or((1, text), |span| (-1, span));
        let millis = unit(parse_duration(span))?.as_millis();
        i64::try_from(millis).map(|millis| Jump(sign * millis)).map_err(|_| String::new())
    }
);
leaf!(
    Drift,
    "drift of a clock",
    "parts per million with or without `-` such as `50ppm`",
    r"^-?[0-9]+ppm$",
    [],
    |text: &str| {
        let number = text.strip_suffix("ppm").and_then(|number| number.parse().ok());
        number.filter(|ppm: &i64| ppm.abs() < 1_000_000).map(Drift).ok_or_else(String::new)
    }
);
leaf!(
    Milli,
    "number",
    "a number with up to three decimals such as `1.1`",
    r"^[0-9]+(\.[0-9]{1,3})?$",
    ["number"],
    |text: &str| {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{decimals:0<3}");
        let plain = decimals.len() <= 3 && digits.bytes().all(|octet| octet.is_ascii_digit());
        if plain {
            digits.parse().map(Milli).map_err(|_| String::new())
        } else {
            Err(String::new())
        }
    }
);
leaf!(
    Name,
    "name",
    "a letter, then letters, digits, `_` and `-`",
    "^[A-Za-z][A-Za-z0-9_-]*$",
    [],
    |text: &str| {
        let good = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if good { Ok(Name(text.to_owned())) } else { Err(String::new()) }
    }
);
leaf!(
    UserId,
    "user name",
    "1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`",
    "^[a-z0-9._-]{1,64}$",
    ["integer"],
    |text: &str| UserId::new(text).map_err(|error| error.to_string())
);
leaf!(
    Count,
    "number of times",
    "a number or a range such as `0`, `0..1` or `1..`",
    r"^[0-9]+(\.\.[0-9]*)?$",
    ["integer"],
    parse_count
);
leaf!(
    Requirement,
    "requirement",
    "the ID of a requirement such as `C17-R1`",
    "^C(0[1-9]|1[0-7])-R[1-9]$",
    [],
    |text: &str| {
        let known = Requirement::parse(text).filter(|requirement| requirement.info().is_some());
        known.ok_or_else(String::new)
    }
);
leaf!(
    MutantId,
    "deviation",
    "the ID of a deviation such as `M39`",
    "^M[0-9]{2}$",
    [],
    |text: &str| {
        let digits = text.strip_prefix('M').unwrap_or("");
        let good = digits.len() == 2 && digits.bytes().all(|octet| octet.is_ascii_digit());
        let known = Deviation::ALL.iter().any(|deviation| deviation.id() == text);
        match (known, good) {
            (true, _) => Ok(MutantId(text.to_owned())),
            (false, true) => Err(format!("there is no deviation `{text}`")),
            (false, false) => Err(String::new()),
        }
    }
);
leaf!(
    OracleId,
    "oracle",
    "the ID of an oracle such as `S-03` or `L-01`",
    "^([SL]-[0-9]{2}|C[0-9]{2}-R[0-9]+|[a-z][a-z-]*)$",
    [],
    |text: &str| {
        let check = Requirement::parse(text).is_some();
        let word = text.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-');
        let known = ORACLES.iter().any(|oracle| oracle.id == text);
        let numbered = text.starts_with("S-") || text.starts_with("L-");
        if known || check || (word && !text.is_empty()) {
            Ok(OracleId(text.to_owned()))
        } else if numbered {
            let last =
                |kind| ORACLES.iter().rfind(|it| it.id.starts_with(kind)).map_or("", |it| it.id);
            Err(format!("they are S-01 to {} and L-01 to {}", last("S-"), last("L-")))
        } else {
            Err(String::new())
        }
    }
);
leaf!(
    ScenarioId,
    "scenario ID",
    "letters, digits, `_`, `.` and `-`, at most 80",
    "^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$",
    [],
    |text: &str| {
        let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.len() <= 80
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if good { Ok(ScenarioId(text.to_owned())) } else { Err(String::new()) }
    }
);

fn unit<T>(result: Result<T, UnitError>) -> Result<T, String> {
    // The expected form stands beside the place already.
    result.map_err(|_| String::new())
}

fn whole_number(text: &str) -> Result<u64, String> {
    let grouped = text
        .split('_')
        .all(|group| !group.is_empty() && group.bytes().all(|octet| octet.is_ascii_digit()));
    if !grouped {
        return Err(String::new());
    }
    text.replace('_', "").parse().map_err(|_| "the number is too large".to_owned())
}

fn parse_count(text: &str) -> Result<Count, String> {
    let (low, high) = match text.split_once("..") {
        None => (whole_number(text)?, whole_number(text)?),
        Some((low, "")) => (whole_number(low)?, u64::MAX),
        Some((low, high)) => (whole_number(low)?, whole_number(high)?),
    };
    if low > high {
        return Err("a range goes from the lesser to the greater value".to_owned());
    }
    Ok(Count(low..=high))
}

/// Lets a closed list that another room owns stand in a scenario.
macro_rules! known_words {
    ($type:ty, $name:literal, $text:expr) => {
        impl Read for $type {
            const KIND: Kind = Kind::Word(&crate::scenario::fields::Words {
                name: $name,
                words: &{
                    const COUNT: usize = <$type>::ALL.len();
                    let mut words: [(&str, &[&str]); COUNT] = [("", &[]); COUNT];
                    let mut at = 0;
                    while at < COUNT {
                        words[at].0 = $text(<$type>::ALL[at]);
                        at += 1;
                    }
                    words
                },
            });

            fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
                let found = <$type>::ALL.iter().copied();
                let found = found.clone().find(|value| node.text() == Some($text(*value)));
                if found.is_none() {
                    let words: Vec<_> = <$type>::ALL.iter().map(|value| $text(*value)).collect();
                    sink.unknown_word(node, $name, &words);
                }
                found
            }
        }
    };
}

known_words!(Deviation, "built-in deviation", Deviation::id);
known_words!(fact::Button, "button", fact::Button::name);
known_words!(fact::FrameKind, "kind of frame", fact::FrameKind::name);
known_words!(fact::DeviceState, "state of a device", fact::DeviceState::name);
known_words!(fact::Selection, "outcome of a table search", fact::Selection::name);
known_words!(fact::DraftStatus, "status of a message", fact::DraftStatus::name);
known_words!(fact::RejectCause, "reason to refuse a message", fact::RejectCause::name);
known_words!(fact::AlarmKind, "alarm", fact::AlarmKind::name);

/// The barriers as scenarios name them, those of a device first.
pub const BARRIERS: &[(&str, Barrier)] = &[
    ("before-commit", Barrier::BeforeCommit),
    ("before-ack", Barrier::BeforeAck),
    ("after-ack", Barrier::AfterAck),
    ("before-row", Barrier::BeforeRow),
    ("before-submit", Barrier::BeforeSubmit),
    ("after-submit", Barrier::AfterSubmit),
    ("before-approval", Barrier::BeforeApproval),
    ("before-rotate", Barrier::BeforeRotate),
    ("after-rotate", Barrier::AfterRotate),
    ("before-store", Barrier::BeforeStore),
    ("before-submit-ack", Barrier::BeforeSubmitAck),
    ("after-submit-ack", Barrier::AfterSubmitAck),
    ("after-deliver", Barrier::AfterDeliver),
    ("before-rotate-ack", Barrier::BeforeRotateAck),
    ("after-rotate-ack", Barrier::AfterRotateAck),
];

/// How many of [`BARRIERS`] are a device's; the others are an account's.
pub const BARRIERS_OF_DEVICES: usize = 9;

/// When a step acts: a time from the end of `given`, or, for crashes, a barrier or a thing seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// A time.
    Time(Duration),
    /// A named point inside a turn.
    Barrier(Barrier),
    /// The n-th thing that is seen of the device, from 1.
    Seen(u32),
}

leaf!(
    At,
    "time",
    "a time such as `5s`, or for a crash a barrier such as `before-ack` or a thing seen such as `seen#3`",
    r"^([0-9][0-9_]*(\.[0-9]+)?(ns|us|ms|s|m|h|d)|(before|after)-[a-z-]+|seen#[1-9][0-9]*)$",
    [],
    |text: &str| {
        if let Some(number) = text.strip_prefix("seen#") {
            let number = number.parse().ok().filter(|number| *number > 0);
            return number
                .map(At::Seen)
                .ok_or_else(|| "things are counted from 1: `seen#1`".into());
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return unit(parse_duration(text)).map(At::Time);
        }
        let barrier = BARRIERS.iter().find(|(name, _)| *name == text);
        barrier.map(|(_, barrier)| At::Barrier(*barrier)).ok_or_else(|| {
            let names: Vec<_> = BARRIERS.iter().map(|(name, _)| *name).collect();
            format!("the barriers are: {}", names.join(", "))
        })
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fields::Scalar as _;

    #[test]
    fn barriers_have_the_names_that_records_use() {
        for (name, barrier) in BARRIERS {
            assert_eq!(serde_json::to_value(barrier).unwrap(), *name);
        }
    }

    #[test]
    fn counts_and_ranges_read_as_written() {
        for (text, range) in [("0", 0..=0), ("3", 3..=3), ("0..1", 0..=1), ("1..", 1..=u64::MAX)] {
            assert_eq!(Count::parse(text), Ok(Count(range)), "{text}");
        }
        for bad in ["", "..", "..3", "2..1", "-1", "1...3", "one"] {
            assert!(Count::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Milli::parse("1.1"), Ok(Milli(1_100)));
        assert_eq!(Jump::parse("-5m"), Ok(Jump(-300_000)));
    }
}
