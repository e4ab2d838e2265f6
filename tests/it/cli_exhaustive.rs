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
fn the_protocol_has_no_finding_in_what_is_visited() {
    check("--scope first-contact --states 1000", 0, &["1000 states", "bounded"]);
    check("--scope warm --states 1000", 0, &["1000 states", "bounded"]);
}

#[test]
fn a_broken_rule_is_found_with_its_schedule() {
    let says = ["ended by a finding", "alice sends m1 to bob", "power fails", "S-19: "];
    check("--scope first-contact --states 5000 --deviation M64", 1, &says[..2]);
    check("--scope first-contact --states 5000 --deviation M64", 1, &says[3..]);
}

#[test]
fn unknown_names_are_told_with_one_that_is_near() {
    check("--scope first-contract", 2, &["did you mean `first-contact`?"]);
    check("--deviation M999", 2, &["no deviation has the ID `M999`"]);
}
