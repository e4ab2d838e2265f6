//! The results as one page that needs nothing else: requirements by verdict, and each test with its findings
//! and its transcript.
//!
//! Not here: writing the file.

use std::fmt::Write as _;

use crate::report::conformance::{complaint, headline};
use crate::verdict::conformity::Row;
use crate::verdict::results::Results;
use crate::verdict::trial::{Mark, Trial};

/// How the page looks.
const STYLE: &str = include_str!("html.css");

/// The page.
#[must_use]
pub fn write(results: &Results) -> String {
    let subject = &results.subject;
    let name = escaped(&format!("{} {} {}", subject.vendor, subject.model, subject.version));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name}: {}</title>\n\
         <style>\n{STYLE}</style>\n<h1>{name}</h1>\n",
        results.protocol
    );
    headlines(&mut page, results);
    matrix(&mut page, &results.conformity.rows);
    trials(&mut page, &results.trials);
    declaration(&mut page, results);
    page.push_str("</html>\n");
    page
}

fn headlines(page: &mut String, results: &Results) {
    let conformity = &results.conformity;
    page.push_str("<table>\n");
    for (name, it) in
        [("conforms to the claims", &conformity.claims), ("meets the profile", &conformity.profile)]
    {
        let text = escaped(&headline(it));
        let _ = writeln!(page, "<tr><th>{name}<td class=\"{}\">{text}", it.mark);
    }
    let marks = Mark::ALL.into_iter().filter(|mark| results.count(*mark) > 0);
    let marks: Vec<String> = marks.map(|mark| format!("{} {mark}", results.count(mark))).collect();
    let _ = writeln!(page, "<tr><th>tests<td>{}", marks.join(", "));
    let stopped = if results.interrupted { ", interrupted" } else { "" };
    let _ = writeln!(page, "<tr><th>exit code<td>{}{stopped}", results.exit);
    let _ = writeln!(page, "<tr><th>peadsim<td>{}\n</table>", escaped(&results.program));
}

fn matrix(page: &mut String, rows: &[Row]) {
    page.push_str(
        "<h2>Requirements</h2>\n<table>\n<tr><th>requirement<th>verdict<th>shown<th>not \
         broken<th>tests\n",
    );
    for row in rows {
        let text = row.requirement.info().map_or("", |info| info.text);
        let _ = write!(
            page,
            "<tr><td title=\"{}\">{}<td class=\"{}\" title=\"{}\">{}<td>{}<td>{}<td>",
            escaped(text),
            row.requirement,
            row.mark,
            escaped(&row.reason),
            row.mark,
            row.positive,
            row.negative
        );
        for id in &row.trials {
            let _ = write!(page, "<a href=\"#{0}\">{0}</a> ", escaped(id));
        }
        page.push('\n');
    }
    page.push_str("</table>\n");
}

fn trials(page: &mut String, trials: &[Trial]) {
    page.push_str("<h2>Tests</h2>\n");
    for trial in trials {
        let open = if trial.expected.is_as_expected() { "" } else { " open" };
        let _ = writeln!(
            page,
            "<details id=\"{0}\"{open}><summary><span class=\"{1}\">{1}</span> {0}</summary>",
            escaped(&trial.id),
            trial.mark
        );
        let _ = writeln!(page, "<p>{}", escaped(&trial.title));
        let why = complaint(trial);
        if !why.is_empty() {
            let _ = writeln!(page, "<p>{}", escaped(&why));
        }
        page.push_str("<ul>\n");
        for it in trial.shown.iter().filter(|it| it.count > 0) {
            let record = it.record.as_deref().unwrap_or("the run as a whole");
            let (id, side, count) = (it.requirement, it.side, it.count);
            let record = escaped(record);
            let _ = writeln!(page, "<li>{id} {side}: {count} times, first by {record}");
        }
        for finding in &trial.findings {
            let records = finding.records.join(" ");
            let text = format!("{}: {} {records}", finding.oracle, finding.message);
            let _ = writeln!(page, "<li>{}", escaped(text.trim_end()));
        }
        page.push_str("</ul>\n");
        if let Some(kept) = &trial.transcript {
            let file = escaped(&kept.file);
            let _ =
                writeln!(page, "<p><a href=\"{file}\">transcript</a> <code>{}</code>", kept.root);
        }
        if !trial.repro.is_empty() {
            let _ = writeln!(page, "<pre>{}</pre>", escaped(&trial.repro));
        }
        page.push_str("</details>\n");
    }
}

fn declaration(page: &mut String, results: &Results) {
    page.push_str("<h2>Declaration</h2>\n<table>\n");
    for (name, can) in &results.subject.capabilities {
        let word = if *can { "yes" } else { "no" };
        let _ = writeln!(page, "<tr><td>{}<td>{word}", escaped(name));
    }
    page.push_str("</table>\n");
}

/// A text as it stands in HTML, also between quotation marks.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::conformance::sample;

    #[test]
    fn the_page_shows_everything_and_runs_nothing_of_the_device() {
        let page = write(&sample::results());
        assert!(!page.contains("<authenticate>") && page.contains("&lt;authenticate&gt;"));
        assert!(!page.contains("<script") && !page.contains("http"));
        insta::assert_snapshot!(page.replace(STYLE, ""));
    }
}
