//! Two arms side by side: a table for people, JSON for programs.
//!
//! Not here: the runs, or the statistics (`verdict::figures`).

use serde::Serialize;

use crate::report::text::{clean, rounded};
use crate::verdict::figures::{Estimate, Paired};

/// One case in two arms.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The case as it is called in each arm.
    pub cases: [String; 2],
    /// The seeds of its pairs.
    pub seeds: Vec<u64>,
    /// Its figures.
    pub figures: Vec<Paired>,
}

/// The version of the JSON form.
const COMPARISON_VERSION: u32 = 1;

/// The table. `arms` says how each arm was made.
#[must_use]
pub fn human(arms: &[String; 2], comparisons: &[Comparison]) -> String {
    let mut text = format!("A  {}\nB  {}\n", clean(&arms[0]), clean(&arms[1]));
    for it in comparisons {
        let [first, second] = it.cases.each_ref().map(|case| clean(case));
        let case = if first == second { first } else { format!("{first} and {second}") };
        let pairs = it.seeds.len();
        text += &format!(
            "\n{case}, {pairs} pairs\n{:<18}{:>14}{:>14}{:>14}    95 % interval\n",
            "", "A", "B", "B - A"
        );
        it.figures.iter().for_each(|figure| text += &line(figure));
    }
    text
}

fn line(paired: &Paired) -> String {
    let Paired { figure, first, second, difference } = paired;
    let unit =
        if figure.unit().is_empty() { String::new() } else { format!(", {}", figure.unit()) };
    let interval = match difference.within {
        Some(within) => {
            let (low, high) = (difference.mean - within, difference.mean + within);
            let mark = if difference.is_clear() { " *" } else { "" };
            format!("[{low:+.3}, {high:+.3}]{mark}")
        }
        None => "of one pair there is none".to_owned(),
    };
    format!(
        "{:<18}{:>14.3}{:>14.3}{:>+14.3}    {interval}\n",
        format!("{}{unit}", figure.name()),
        first.mean,
        second.mean,
        difference.mean,
    )
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "peadsim-comparison")]
    version: u32,
    arms: &'a [String; 2],
    cases: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Case<'a> {
    cases: &'a [String; 2],
    seeds: &'a [u64],
    figures: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    figure: &'static str,
    unit: &'static str,
    first: Estimate,
    second: Estimate,
    difference: Estimate,
    clear: bool,
}

/// The comparison as JSON with a line feed at the end; numbers are rounded to a billionth.
///
/// # Panics
/// Never: estimates are made of finite numbers.
#[must_use]
pub fn json(arms: &[String; 2], comparisons: &[Comparison]) -> String {
    let row = |it: &Paired| Row {
        figure: it.figure.name(),
        unit: it.figure.unit(),
        first: exact(it.first),
        second: exact(it.second),
        difference: exact(it.difference),
        clear: it.difference.is_clear(),
    };
    let cases = comparisons.iter().map(|it| Case {
        cases: &it.cases,
        seeds: &it.seeds,
        figures: it.figures.iter().map(row).collect(),
    });
    let cases = cases.collect();
    let document = Document { version: COMPARISON_VERSION, arms, cases };
    let mut text = serde_json::to_string_pretty(&document).expect("numbers are finite");
    text.push('\n');
    text
}

fn exact(it: Estimate) -> Estimate {
    Estimate { mean: rounded(it.mean), within: it.within.map(rounded), ..it }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::verdict::figures::paired;

    fn comparison() -> Comparison {
        let run = |seed, lookups| {
            let mut run = samples::pass(seed);
            run.metrics = Default::default();
            run.metrics.add("lookups", lookups);
            run
        };
        let pairs: Vec<_> = (1..=3).map(|seed| [run(seed, 1), run(seed, 1 + seed)]).collect();
        let cases = ["LAT".to_owned(), "LAT".to_owned()];
        Comparison { cases, seeds: vec![1, 2, 3], figures: paired(&pairs) }
    }

    #[test]
    fn both_arms_stand_side_by_side() {
        let arms = ["as written".to_owned(), "--set a=b".to_owned()];
        let text = human(&arms, &[comparison()]);
        let lookups = text.lines().find(|line| line.starts_with("lookups")).unwrap();
        assert_eq!(
            lookups,
            "lookups                    1.000         3.000        +2.000    [-0.484, +4.484]"
        );
        assert!(text.contains("\nLAT, 3 pairs\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&json(&arms, &[comparison()])).unwrap();
        let row = &json["cases"][0]["figures"][0];
        assert_eq!(
            (row["figure"].as_str(), row["clear"].as_bool()),
            (Some("lookups"), Some(false))
        );
        assert_eq!(row["difference"]["mean"].as_f64(), Some(2.0));
    }
}
