//! The front end of the scenario language, from files to cases.
//!
//! Not here: files with errors (`scenario_bad`).

use std::path::Path;

use peadsim::scenario::read::{Extras, Reading, read_file};

fn read(name: &str, set: &[&str]) -> Reading {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    let file = root.join("good").join(name);
    read_file(&file, Some(&root), &Extras { set, ..Extras::default() })
}

#[test]
fn the_three_example_files_read_without_a_finding() {
    for (name, cases) in [("race.yaml", 8), ("fleet.yaml", 1), ("conform.yaml", 1)] {
        let reading = read(name, &[]);
        assert_eq!(reading.render(false), "", "{name}");
        assert_eq!(reading.cases.len(), cases, "{name}");
    }
}

#[test]
fn cases_have_ids_with_their_parameters() {
    let reading = read("race.yaml", &["params.lead={each: [20ms]}"]);
    let ids: Vec<_> = reading.cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["ROT-R1-inflight[lead=20ms,loss=0%]", "ROT-R1-inflight[lead=20ms,loss=5%]"]);
}
