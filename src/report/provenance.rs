//! Where results come from: `provenance.json`, described by `provenance.schema.json` beside this file.
//!
//! It holds all that results depend on and nothing else: no clock, no machine, no place of a report, no number
//! of threads. So the same runs give the same octets. Not here: the results (`json`).

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::base::units::hex;
use crate::verdict::outcome::{Digests, Outcome};
use crate::verdict::study::Setting;

/// Version of the format; a change of a name or a meaning is a change of this number.
pub const PROVENANCE_VERSION: u32 = 1;

/// The JSON Schema of the format.
pub const SCHEMA: &str = include_str!("provenance.schema.json");

/// Which program, of whose versions digests depend.
#[derive(Clone, Debug, Serialize)]
pub struct Versions {
    /// Version of the program.
    pub program: String,
    /// Version of the facts.
    pub trace_version: u32,
    /// Version of the draws.
    pub rng_version: u32,
    /// Version of how the world acts.
    pub world_version: u32,
}

/// A file that the runs were made of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct InputFile {
    /// Its path as it was given, or found below a folder.
    pub path: String,
    /// How many octets it has.
    pub octets: usize,
    /// The SHA-256 of its octets.
    pub sha256: String,
}

/// All runs of one case, in the order in which they were made.
#[derive(Clone, Debug, Serialize)]
pub struct CaseRuns {
    case: String,
    suite: String,
    settings: Vec<Setting>,
    seeds: Vec<Seeds>,
}

/// Seeds in a row, both ends included.
#[derive(Clone, Debug, Serialize)]
struct Seeds {
    first: u64,
    last: u64,
}

/// Where results come from.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    /// The program.
    #[serde(flatten)]
    pub versions: Versions,
    /// The command that makes the same results, without what they do not depend on.
    pub command: String,
    /// The scenarios, and the libraries and tables that they use, in order of path.
    pub files: Vec<InputFile>,
    /// `--set PATH=VALUE`, in order.
    pub set: Vec<String>,
    /// `--sweep PATH=A,B`, in order.
    pub sweep: Vec<String>,
    /// The runs that were made.
    pub cases: Vec<CaseRuns>,
    /// Whether somebody stopped it before the end.
    pub interrupted: bool,
    /// Over all runs, as `results.json` has it.
    pub digest: Digests,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "peadsim-provenance")]
    version: u32,
    #[serde(flatten)]
    provenance: &'a Provenance,
}

impl InputFile {
    /// The file with this path and text.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let sha256 = hex(&Sha256::digest(text.as_bytes()));
        Self { path: path.to_owned(), octets: text.len(), sha256 }
    }
}

impl CaseRuns {
    /// Adds a run to a list of cases. Runs of one case must follow each other.
    pub fn add(cases: &mut Vec<Self>, settings: &[Setting], run: &Outcome) {
        match cases.last_mut().filter(|it| it.case == run.case && it.suite == run.suite) {
            Some(case) => case.seed(run.seed),
            None => cases.push(Self {
                case: run.case.clone(),
                suite: run.suite.clone(),
                settings: settings.to_vec(),
                seeds: vec![Seeds { first: run.seed, last: run.seed }],
            }),
        }
    }

    fn seed(&mut self, seed: u64) {
        match self.seeds.last_mut().filter(|it| it.last.checked_add(1) == Some(seed)) {
            Some(row) => row.last = seed,
            None => self.seeds.push(Seeds { first: seed, last: seed }),
        }
    }
}

impl Provenance {
    /// As JSON with a line feed at the end.
    ///
    /// # Panics
    /// Never: it is made of values that JSON has.
    #[must_use]
    pub fn json(&self) -> String {
        let document = Document { version: PROVENANCE_VERSION, provenance: self };
        let mut text = serde_json::to_string_pretty(&document).expect("numbers and texts");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::samples;

    fn example() -> Provenance {
        let mut cases = Vec::new();
        let settings = [samples::setting("params.lead", "20ms")];
        for seed in [1, 2, 3, 7, u64::MAX] {
            CaseRuns::add(&mut cases, &settings, &samples::pass(seed));
        }
        CaseRuns::add(&mut cases, &[], &samples::fail(1));
        let versions = Versions {
            program: "0.1.0".to_owned(),
            trace_version: 1,
            rng_version: 1,
            world_version: 1,
        };
        Provenance {
            versions,
            command: "peadsim run a.yaml --sweep params.lead=20ms,40ms".to_owned(),
            files: vec![InputFile::new("a.yaml", "abc")],
            set: Vec::new(),
            sweep: vec!["params.lead=20ms,40ms".to_owned()],
            cases,
            interrupted: false,
            digest: samples::pass(1).digest,
        }
    }

    fn value() -> Value {
        serde_json::from_str(&example().json()).unwrap()
    }

    fn validator() -> jsonschema::Validator {
        jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
    }

    #[test]
    fn a_provenance_keeps_to_the_schema() {
        let errors: Vec<String> =
            validator().iter_errors(&value()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        insta::assert_snapshot!(example().json(), @r#"
        {
          "peadsim-provenance": 1,
          "program": "0.1.0",
          "trace_version": 1,
          "rng_version": 1,
          "world_version": 1,
          "command": "peadsim run a.yaml --sweep params.lead=20ms,40ms",
          "files": [
            {
              "path": "a.yaml",
              "octets": 3,
              "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            }
          ],
          "set": [],
          "sweep": [
            "params.lead=20ms,40ms"
          ],
          "cases": [
            {
              "case": "ROT-R1-inflight[lead=20ms]",
              "suite": "p256",
              "settings": [
                {
                  "label": "params.lead",
                  "value": "20ms"
                }
              ],
              "seeds": [
                {
                  "first": 1,
                  "last": 3
                },
                {
                  "first": 7,
                  "last": 7
                },
                {
                  "first": 18446744073709551615,
                  "last": 18446744073709551615
                }
              ]
            },
            {
              "case": "APR-one-press",
              "suite": "p256",
              "settings": [],
              "seeds": [
                {
                  "first": 1,
                  "last": 1
                }
              ]
            }
          ],
          "interrupted": false,
          "digest": {
            "full": "f000000000000000000000000000000000000000000000000000000000000001",
            "masked": "aa00000000000000000000000000000000000000000000000000000000000001",
            "black_box": "bb00000000000000000000000000000000000000000000000000000000000001"
          }
        }
        "#);
    }

    #[test]
    fn the_schema_refuses_what_is_missing_or_unknown() {
        let spoil: [fn(&mut Value); 6] = [
            |v| v["peadsim-provenance"] = 2.into(),
            |v| v["host"] = "mine".into(),
            |v| v["files"][0]["sha256"] = "zz".into(),
            |v| v["cases"][0]["seeds"][0] = 1.into(),
            |v| v["cases"][0]["suite"] = "none".into(),
            |v| drop(v.as_object_mut().unwrap().remove("command")),
        ];
        for (n, spoil) in spoil.iter().enumerate() {
            let mut value = value();
            spoil(&mut value);
            assert!(!validator().is_valid(&value), "change {n}");
        }
    }
}
