//! The results for programs, described by `conformance.schema.json` beside this file.
//!
//! Not here: writing the file.

use crate::verdict::results::{CONFORMANCE_VERSION, Results};

/// The JSON Schema of the format.
pub const SCHEMA: &str = include_str!("conformance.schema.json");

/// The results as JSON with a line feed at the end.
///
/// # Panics
/// Never: results are made of values that JSON has.
#[must_use]
pub fn write(results: &Results) -> String {
    let mut text =
        serde_json::to_string_pretty(results).expect("results are made of values that JSON has");
    text.push('\n');
    text
}

/// Why a text is no results.
#[derive(Debug, thiserror::Error)]
pub enum NoResults {
    /// It is none.
    #[error("these are no results of a conformance run: {0}")]
    Shape(#[from] serde_json::Error),
    /// Another program wrote it.
    #[error("the results have version {0}, this program reads version {CONFORMANCE_VERSION}")]
    Version(u32),
}

/// Reads results back.
///
/// # Errors
/// When the text is none.
pub fn read(text: &str) -> Result<Results, NoResults> {
    let results: Results = serde_json::from_str(text)?;
    match results.version {
        CONFORMANCE_VERSION => Ok(results),
        other => Err(NoResults::Version(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::conformance::sample;

    #[test]
    fn results_are_read_back_and_keep_to_the_schema() {
        let results = sample::results();
        let text = write(&results);
        assert_eq!(read(&text).unwrap(), results);
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let spoil: [fn(&mut Value); 4] = [
            |v| v["peadsim-conformance"] = 2.into(),
            |v| v["trials"][0]["mark"] = "fine".into(),
            |v| v["conformity"]["rows"][0]["extra"] = true.into(),
            |v| drop(v["subject"].as_object_mut().unwrap().remove("capabilities")),
        ];
        for (n, spoil) in spoil.iter().enumerate() {
            let mut value = value.clone();
            spoil(&mut value);
            assert!(!validator.is_valid(&value), "change {n}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        assert!(read("{}").is_err());
        let other = write(&Results { version: 9, ..sample::results() });
        let error = read(&other).unwrap_err().to_string();
        assert_eq!(error, "the results have version 9, this program reads version 1");
    }
}
