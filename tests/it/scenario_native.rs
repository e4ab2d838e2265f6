//! What `check --world native` says of scenarios: what is inside of a closed box, and what takes more than one.
//!
//! Not here: findings that hold in every world (`scenario_bad`).

use peadsim::scenario::read::{Extras, read_text};

/// Checks the findings of a scenario with this head and these steps and expectations.
#[track_caller]
fn check(text: &str, expected: &str) {
    let head = "peadsim: 1\nid: NATIVE\ntitle: A closed box\ntime: {active: 10m}\n";
    let mut reading = read_text("a.yaml", &format!("{head}{text}"), &Extras::default());
    reading.check();
    assert_eq!(reading.render(false), "", "the scenario is right in other worlds");
    reading.check_native();
    let told: Vec<String> = reading
        .diagnostics
        .sorted()
        .iter()
        .map(|it| format!("{} {}: {}", it.code.id(), it.span.line, it.message))
        .collect();
    assert_eq!(told.join("\n"), expected);
    assert!(!reading.diagnostics.has_errors());
}

#[test]
fn what_is_inside_of_a_device_under_test_is_told_with_its_place() {
    check(
        "\
requirements: {positive: [C02-R1, C06-R6]}
devices: {alice: {}, bob: {body: under-test}}
given: {warm: [[alice, bob]], rotated: {alice: 2, bob: 3}}
steps:
  - send: {as: m1, from: alice, to: bob, text: hello}
  - rotate: {as: r1, by: bob, after: m1.committed}
  - send: {as: m2, from: bob, to: alice, text: hello, after: r1.recorded}
  - hold: {frame: m2.submit, until: m1.encrypted}
expect:
  - encrypted: m1
  - encrypted: m2
  - reached: r1.graced
  - table: {by: bob, outcome: hit, since: r1.requested}
  - table: {by: alice, outcome: hit}
  - lookups: {by: bob, count: 0..}
  - displayed: m1
",
        "\
W406 5: C06-R6 is seen only inside of a device
W407 7: `rotated` takes a device with `virtual_clock`, and `bob` may lack it
W406 10: `m1.committed` is a matter of the inside of `bob`
W407 10: `rotate` takes a device with `rotate`, and `bob` may lack it
W407 11: `send` takes a device with `send`, and `bob` may lack it
W406 15: `m2.encrypted` is a matter of the inside of `bob`
W406 16: `r1.graced` is a matter of the inside of `bob`
W406 17: `r1.requested` is a matter of the inside of `bob`
W406 17: `table` is a matter of the inside of `bob`",
    );
}

#[test]
fn without_a_device_under_test_any_device_may_be_it() {
    check(
        "\
devices: {alice: {}, bob: {}}
steps:
  - send: {as: m1, from: alice, to: bob, text: hello}
expect:
  - derivations: {by: alice}
  - derivations: {by: bob}
  - displayed: m1
",
        "\
W407 7: `send` takes a device with `send`, and `alice` may lack it
W406 9: `derivations` is a matter of the inside of `alice`
W406 10: `derivations` is a matter of the inside of `bob`",
    );
}

#[test]
fn what_takes_more_than_a_closed_box_is_told_unless_needs_asks_for_it() {
    let text = "\
devices: {alice: {}, bob: {body: under-test}}
steps:
  - snapshot: {as: s1, device: bob}
  - send: {as: m1, from: alice, to: bob, text: hello}
  - crash: {device: bob, for: 1s, after: m1.stored}
  - crash: {device: alice, for: 1s}
  - restore: {device: bob, snapshot: s1, after: m1.acked}
expect:
  - displayed: m1
";
    check(
        text,
        "\
W407 7: `snapshot` takes a device with `snapshot`, and `bob` may lack it
W407 9: `crash` takes a device with `power_cut`, and `bob` may lack it
W407 11: `restore` takes a device with `snapshot`, and `bob` may lack it",
    );
    check(&format!("needs: snapshot and power_cut\n{text}"), "");
}

#[test]
fn an_approval_of_a_closed_box_is_seen_where_it_is_checked() {
    let text = "\
devices: {shop: {role: requester}, alice: {body: under-test}, bob: {}}
steps:
  - request: {as: q1, from: shop, to: alice, lines: [Pay], amount: 1, currency: EUR}
  - press: {by: alice, button: approve, after: q1.armed}
  - request: {as: q2, from: alice, to: bob, lines: [Pay], amount: 1, currency: EUR}
  - press: {by: bob, button: approve, after: q2.armed}
expect:
  - approved: q1
  - approved: {request: q1, signature: valid}
  - approved: {request: q1, count: 0..}
  - approved: q2
  - approved: {request: q2, signature: valid}
  - signed: alice
  - signed: {by: alice, count: 1}
  - signed: {by: alice, count: 0..}
";
    check(
        text,
        "\
W407 9: `request` takes a device with `request`, and `alice` may lack it
W406 16: `approved` is a matter of the inside of `alice`
W406 18: `signed` is a matter of the inside of `alice`
W406 19: `signed` is a matter of the inside of `alice`",
    );
    let both = text.replace("bob: {}", "bob: {body: under-test}");
    let both =
        both.replace("  - signed: alice\n", "").replace("  - signed: {by: alice, count: 1}\n", "");
    check(
        &format!("needs: request\n{both}"),
        "\
W406 16: `approved` is a matter of the inside of `alice`
W406 17: `approved` is a matter of the inside of `alice`
W406 18: `signed` is a matter of the inside of `alice`",
    );
}
