//! A badge for a README: as an endpoint of shields.io, and as a picture.
//!
//! Not here: writing the files.

use serde_json::json;

use crate::verdict::results::Results;
use crate::verdict::trial::Mark;

fn message(results: &Results) -> (String, &'static str) {
    let all = &results.conformity.profile;
    let count = format!("{}/{}", all.shown, all.of);
    match all.mark {
        Mark::Pass => (format!("{count} conforms"), "4c1"),
        Mark::Warn => (format!("{count} with warnings"), "a4a61d"),
        Mark::Fail => (format!("{count} fails"), "e05d44"),
        Mark::Inconclusive | Mark::Error | Mark::NotApplicable | Mark::Skipped | Mark::NotRun => {
            (format!("{count} inconclusive"), "dfb317")
        }
    }
}

/// For an endpoint badge of shields.io.
#[must_use]
pub fn json(results: &Results) -> String {
    let (message, color) = message(results);
    let label = &results.protocol;
    format!(
        "{:#}\n",
        json!({"schemaVersion": 1, "label": label, "message": message, "color": color})
    )
}

/// Pixels of a letter, about.
const LETTER: usize = 7;

/// As a picture.
#[must_use]
pub fn svg(results: &Results) -> String {
    let (message, color) = message(results);
    let label = &results.protocol;
    let (left, right) = (label.len() * LETTER + 12, message.len() * LETTER + 12);
    let (width, middle) = (left + right, left + right / 2);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"20\" role=\"img\">\
         <title>{label}: {message}</title>\
         <rect width=\"{left}\" height=\"20\" fill=\"#555\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"#{color}\"/>\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"sans-serif\" font-size=\"11\">\
         <text x=\"{}\" y=\"14\">{label}</text><text x=\"{middle}\" y=\"14\">{message}</text>\
         </g></svg>\n",
        left / 2
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::conformance::sample;

    #[test]
    fn a_badge_says_what_the_profile_says() {
        let results = sample::results();
        let value: serde_json::Value = serde_json::from_str(&json(&results)).unwrap();
        assert_eq!(value["message"], "2/7 fails");
        assert!(svg(&results).contains("<title>PEAD-P256-1: 2/7 fails</title>"));
    }
}
