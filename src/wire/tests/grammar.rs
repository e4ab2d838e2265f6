//! The code and `wire.cddl` agree: message types, codes, and the fields of every structure in
//! order.
//!
//! Not here: the full meaning of CDDL; names, numbers and order are compared as text.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary as _, Unstructured};
use proptest::prelude::*;

use crate::wire::code::{AckOutcome, ErrorCode, NackCode};
use crate::wire::describe::{Line, describe};
use crate::wire::header::BodyKind;
use crate::wire::message::{Envelope, MessageKind};

const GRAMMAR: &str = include_str!("../wire.cddl");

/// The grammar without comments, blanks made single.
fn grammar() -> String {
    let lines = GRAMMAR.lines().map(|line| line.split(';').next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// Rule names with what they stand for.
fn rules() -> BTreeMap<String, String> {
    let grammar = grammar();
    let mut rules = BTreeMap::new();
    let (mut name, mut rest) = grammar.split_once(" = ").unwrap();
    loop {
        let Some((body, after)) = rest.split_once(" = ") else {
            rules.insert(name.to_owned(), rest.to_owned());
            return rules;
        };
        let (body, next) = body.rsplit_once(' ').unwrap();
        // A generic rule has its parameters after its name.
        let (body, next) = match next {
            "fields>" => body.rsplit_once(' ').unwrap(),
            _ => (body, next),
        };
        rules.insert(name.to_owned(), body.to_owned());
        (name, rest) = (next, after);
    }
}

/// Keys of a structure in order: every `word:` in its rule.
fn keys(rule: &str) -> Vec<&str> {
    let words = rule.split([' ', '[', '(', ',', '&']);
    words.filter_map(|word| word.strip_suffix(':')).collect()
}

fn check_numbers(rule: &str, expected: impl Iterator<Item = (u64, &'static str)>) {
    let members: Vec<String> = expected.map(|(n, name)| format!("{name}: {n}")).collect();
    let rules = rules();
    let body = rules[rule].trim_start_matches("&(").trim_end_matches(')');
    let found: Vec<&str> = body.trim().trim_end_matches(',').split(',').map(str::trim).collect();
    assert_eq!(found, members, "{rule}");
}

#[test]
fn every_message_type_has_its_number_in_the_grammar() {
    let choices: Vec<String> = MessageKind::ALL
        .iter()
        .map(|kind| format!("message<{}, {}>", kind.number(), kind.name()))
        .collect();
    assert_eq!(rules()["envelope"], choices.join(" / "));
    for (index, kind) in (1_u64..).zip(MessageKind::ALL) {
        assert_eq!((kind.number(), MessageKind::from_number(index)), (index, Some(kind)));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        let row = format!("| {index} | {} |", kind.name());
        assert!(include_str!("../wire.md").contains(&row), "{row}");
    }
    assert_eq!(MessageKind::from_number(0), None);
    assert_eq!(MessageKind::from_number(21), None);
}

#[test]
fn every_code_has_its_number_in_the_grammar() {
    check_numbers("body-type", BodyKind::ALL.iter().map(|kind| (kind.number(), kind.name())));
    check_numbers("error-code", ErrorCode::ALL.iter().map(|code| (code.number(), code.name())));
    check_numbers("nack-code", NackCode::ALL.iter().map(|code| (code.number(), code.name())));
    check_numbers("ack-outcome", AckOutcome::ALL.iter().map(|code| (code.number(), code.name())));
    for kind in BodyKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}

/// The fields directly inside the structure on `lines[at]`.
fn children(lines: &[Line], at: usize) -> Vec<&'static str> {
    let inside = lines[at + 1..].iter().take_while(|line| line.depth > lines[at].depth);
    inside.filter(|line| line.depth == lines[at].depth + 1).map(|line| line.field).collect()
}

proptest! {
    #[test]
    fn fields_come_in_the_order_of_the_grammar(
        seed in prop::collection::vec(any::<u8>(), 0..3000),
    ) {
        let envelope = Envelope::arbitrary(&mut Unstructured::new(&seed)).unwrap();
        let lines = describe(&envelope.encode()).lines;
        let rules = rules();
        for (at, line) in lines.iter().enumerate() {
            let embedded = line.value.ends_with("which hold:");
            if embedded || !line.value.ends_with(" items") && line.value != "1 item" {
                continue;
            }
            let expected: Vec<&str> = match line.field {
                "envelope" => {
                    let mut keys = keys(&rules["message<n,"]);
                    // The body goes by the name of its message.
                    keys.pop();
                    keys.push(envelope.body.kind().name());
                    keys
                }
                "records" => children(&lines, at).iter().map(|_| "key-record").collect(),
                "versions" => children(&lines, at).iter().map(|_| "version").collect(),
                "suites" => children(&lines, at).iter().map(|_| "suite").collect(),
                "record" => keys(&rules["key-record"]),
                "status-report" => keys(&rules["bounced"]),
                "hello" => vec!["user-id", "versions", "suites"],
                field => keys(&rules[field]),
            };
            prop_assert_eq!(children(&lines, at), expected, "{}", line.field);
        }
    }
}
