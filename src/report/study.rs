//! A study as comma-separated values: a line for each point and figure, quoted as RFC 4180 has it.
//!
//! Lines end with a line feed alone, which every reader takes. Not here: the chart (`svg::chart`).

use crate::report::text::rounded;
use crate::verdict::figures::{Estimate, Figure};
use crate::verdict::study::Study;

/// The columns behind those of the settings.
const COLUMNS: [&str; 6] = ["metric", "unit", "mean", "ci95_low", "ci95_high", "n"];

/// The table: the scenario, a column for each setting, the metric with its unit, its mean, the ends of the
/// 95 % confidence interval of the mean, and how many independent seeds it is of.
///
/// Numbers are rounded to a billionth. Of fewer than two seeds there is no interval, of none no mean: the
/// fields are empty, as is that of a setting which a scenario does not have.
#[must_use]
pub fn csv(study: &Study) -> String {
    let labels = study.labels();
    let mut text = line(["scenario"].into_iter().chain(labels.iter().copied()).chain(COLUMNS));
    for point in study.points() {
        for figure in Figure::ALL {
            let numbers = numbers(point.estimate(figure).as_ref());
            let settings = labels.iter().map(|label| point.setting(label).unwrap_or_default());
            let fields = [point.scenario.as_str()].into_iter().chain(settings);
            let fields = fields.chain([figure.name(), figure.unit()]);
            text += &line(fields.chain(numbers.iter().map(String::as_str)));
        }
    }
    text
}

fn numbers(estimate: Option<&Estimate>) -> [String; 4] {
    let Some(Estimate { n, mean, within }) = estimate else {
        return ["", "", "", "0"].map(str::to_owned);
    };
    let end = |sign: f64| within.map_or_else(String::new, |it| number(mean + sign * it));
    [number(*mean), end(-1.0), end(1.0), n.to_string()]
}

fn number(value: f64) -> String {
    rounded(value).to_string()
}

fn line<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let fields: Vec<String> = fields.map(quoted).collect();
    format!("{}\n", fields.join(","))
}

/// Quotes only where it must: around commas, quotes and ends of lines.
fn quoted(field: &str) -> String {
    if !field.contains([',', '"', '\n', '\r']) {
        return field.to_owned();
    }
    format!("\"{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn each_point_and_figure_has_a_line() {
        let table = csv(&samples::study());
        assert_eq!(table.lines().count(), 1 + 6 * Figure::ALL.len());
        let some = |line: &&str| {
            ["metric", "table-hits", "<a, b>\",4,"].iter().any(|it| line.contains(it))
        };
        let lines: Vec<&str> = table.lines().filter(some).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        scenario,table,capacity,metric,unit,mean,ci95_low,ci95_high,n
        STUDY,lru,16,table-hits,%,80.361413879,78.578798799,82.144028959,3
        STUDY,lru,4,table-hits,%,73.177987469,70.960763207,75.395211732,3
        STUDY,lru,64,table-hits,%,82.051282051,,,1
        STUDY,"<a, b>",16,table-hits,%,78.436398751,76.525889855,80.346907647,3
        STUDY,"<a, b>",4,delivery-mean,ms,,,,0
        STUDY,"<a, b>",4,delivery-p50,ms,,,,0
        STUDY,"<a, b>",4,delivery-p99,ms,,,,0
        STUDY,"<a, b>",4,lookups,,0,0,0,3
        STUDY,"<a, b>",4,derivations,,0,0,0,3
        STUDY,"<a, b>",4,energy,mJ,0,0,0,3
        STUDY,"<a, b>",4,table-hits,%,69.45337678,67.056677881,71.85007568,3
        STUDY,"<a, b>",4,frames,,0,0,0,3
        STUDY,"<a, b>",64,table-hits,%,80.373831776,,,1
        "#);
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (field, expected) in
            [("16", "16"), ("a b", "a b"), ("{a: 1, b: 2}", "\"{a: 1, b: 2}\""), ("\"", "\"\"\"\"")]
        {
            assert_eq!(quoted(field), expected);
        }
        assert_eq!(csv(&Study::default()), "scenario,metric,unit,mean,ci95_low,ci95_high,n\n");
    }
}
