//! `peadsim explore --exhaustive` from outside: numbers, schedules, exit codes.
//!
//! Not here: what the search finds in full, which takes minutes.

use crate::cli::{Done, Place};

fn explore(args: &str) -> Done {
    let args: Vec<&str> = ["explore", "--exhaustive"].into_iter().chain(args.split(' ')).collect();
    Place::new().run(&args)
}

fn check(args: &str, exit: i32, says: &[&str]) {
    let done = explore(args);
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
    for words in says {
        assert!(done.out.contains(words) || done.err.contains(words), "{}\n{}", done.out, done.err);
    }
}

#[test]
fn the_protocol_has_no_finding_in_what_is_visited_and_that_is_no_proof() {
    let says = [
        "two users who",
        "order: 300 states",
        "all of these: 300 states",
        "bounded",
        "inconclusive",
    ];
    for scope in ["first-contact", "warm", "rotate-twice", "end-of-grace"] {
        check(&format!("--scope {scope} --states 300"), 3, &says[1..]);
    }
    check("--scope first-contact --states 10", 3, &says[..1]);
}

#[test]
fn a_broken_rule_is_found_with_its_schedule() {
    let says = ["ended by a finding", "alice sends m1 to bob", "S-19: "];
    check("--scope first-contact --states 1000 --deviation M64", 1, &says);
}

#[test]
fn unknown_names_are_told_with_one_that_is_near() {
    check("--scope first-contract", 2, &["did you mean `first-contact`?"]);
    check("--scope all", 2, &["the scopes are: first-contact, warm, "]);
    check("--deviation M999", 2, &["no deviation has the ID `M999`"]);
}
