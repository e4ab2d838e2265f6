//! The kill matrix for people, as Markdown to be committed, and as JSON (`mutants.schema.json`).
//!
//! The Markdown can be read back, so that a later matrix is compared with it. Not here: running anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::base::time::Duration;
use crate::report::human::Palette;
use crate::report::text::{clean, counted, span};
use crate::verdict::matrix::{Cell, Fate, Matrix, Row, State};

/// Version of the JSON; a change of a name or a meaning is a change of this number.
pub const MUTANTS_VERSION: u32 = 1;

/// The JSON Schema of the JSON.
pub const SCHEMA: &str = include_str!("mutants.schema.json");

/// Columns of the Markdown that are read back: the ID and the state.
const READ: [&str; 2] = ["mutant", "state"];

/// The matrix for people: a line a deviation, what is wrong below, and the sum. `real` is how long it took,
/// `ending` what it all comes to.
#[must_use]
pub fn human(matrix: &Matrix, palette: Palette, real: Duration, ending: &str) -> String {
    let mut text = String::new();
    let width = |of: fn(&Row) -> String| {
        matrix.rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0)
    };
    let (by, run) = (width(by), width(run));
    for row in &matrix.rows {
        line(&mut text, row, palette, by, run);
    }
    for failure in &matrix.reference.failures {
        let style = palette.bad;
        let (case, message) = (clean(&failure.case), clean(&failure.message));
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "{style}✗ reference{style:#} {case} seed {} does not pass: {message}",
            failure.seed
        );
    }
    text.push('\n');
    let dim = palette.dim;
    let mut sum = |name: &str, value: &str| {
        let _ = writeln!(text, "{dim}{name:<13}{dim:#} {value}");
    };
    sum("mutants", &summary(matrix));
    for (scenario, ids) in all_kills(matrix) {
        sum("kills", &format!("{}: {}", clean(scenario), ids.join(" ")));
    }
    sum("reference", &reference(matrix));
    sum("took", &span(real));
    let strong = palette.strong;
    sum("result", &format!("{strong}{ending}{strong:#}"));
    text
}

fn line(text: &mut String, row: &Row, palette: Palette, by_width: usize, run_width: usize) {
    let state = row.state();
    let (style, mark) = match state {
        State::Listed(Fate::Killed) => (palette.good, '✓'),
        State::Undetectable => (palette.doubt, '-'),
        State::Listed(_) | State::Unlisted => (palette.bad, '✗'),
    };
    let dim = palette.dim;
    let cpu = row.shown().map(cpu).unwrap_or_default();
    let _ = writeln!(
        text,
        "{style}{mark} {} {:<16}{style:#} {:<by_width$}  {:<run_width$} {cpu:>9}  {dim}{}{dim:#}",
        row.id,
        state.word(),
        by(row),
        run(row),
        row.text
    );
    if let (State::Undetectable, Some(why)) = (state, &row.undetectable) {
        let _ = writeln!(text, "    {why}");
    }
    for cell in row.cells.iter().filter(|cell| cell.listed && cell.fate != Fate::Killed) {
        let (scenario, fate) = (clean(&cell.scenario), State::Listed(cell.fate).word());
        let by = if cell.by.is_empty() { String::new() } else { format!(" ({})", found(cell)) };
        let runs = counted(cell.runs, "run");
        let _ = writeln!(text, "    {scenario} lists it: {fate}{by} in {runs}");
    }
}

/// The matrix as Markdown. Times are in the last column, which nothing compares.
#[must_use]
pub fn markdown(matrix: &Matrix) -> String {
    let mut text = format!(
        "# Kill matrix\n\n{}.\n\n{}.\n\n\
         | {} | {} | killed by | named for it | scenario | seed | runs | what it does wrong | CPU |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        summary(matrix),
        reference(matrix),
        READ[0],
        READ[1],
    );
    for row in &matrix.rows {
        let cell = row.shown();
        let of = |get: fn(&Cell) -> String| cell.map(get).unwrap_or_default();
        let columns = [
            row.id.clone(),
            row.state().word().to_owned(),
            by(row),
            row.killers.join(" "),
            of(|cell| cell.case.clone()),
            of(|cell| cell.seed.to_string()),
            of(|cell| cell.runs.to_string()),
            row.undetectable.as_ref().map_or_else(
                || row.text.clone(),
                |why| format!("{}; undetectable: {why}", row.text),
            ),
            of(cpu),
        ];
        let columns = columns.map(|column| clean(&column).replace('|', "\\|"));
        let _ = writeln!(text, "| {} |", columns.join(" | "));
    }
    let kills = all_kills(matrix);
    if !kills.is_empty() {
        text += "\n## What each scenario kills\n\n| scenario | kills |\n| --- | --- |\n";
        for (scenario, ids) in kills {
            let _ = writeln!(text, "| {} | {} |", clean(scenario), ids.join(" "));
        }
    }
    text
}

/// The states that a Markdown matrix tells, by ID.
///
/// # Errors
/// Which line is not as [`markdown`] writes it.
pub fn read_markdown(text: &str) -> Result<BTreeMap<String, State>, String> {
    let header = format!("| {} | {} |", READ[0], READ[1]);
    let mut lines = (1..).zip(text.lines()).skip_while(|(_, line)| !line.starts_with(&header));
    lines.next().ok_or_else(|| format!("there is no table that starts with `{header}`"))?;
    let mut states = BTreeMap::new();
    for (number, line) in lines.skip(1).take_while(|(_, line)| line.starts_with('|')) {
        let mut columns = line.split('|').map(str::trim).skip(1);
        let (id, word) = (columns.next().unwrap_or(""), columns.next().unwrap_or(""));
        let state = State::find(word)
            .ok_or_else(|| format!("line {number}: `{word}` is no state of a mutant"))?;
        states.insert(id.to_owned(), state);
    }
    Ok(states)
}

#[derive(Serialize, Deserialize)]
struct Document<M> {
    #[serde(rename = "peadsim-mutants")]
    version: u32,
    matrix: M,
}

/// The matrix as JSON with a line feed at the end.
///
/// # Panics
/// Never: a matrix is made of values that JSON has.
#[must_use]
pub fn json(matrix: &Matrix) -> String {
    let document = Document { version: MUTANTS_VERSION, matrix };
    let mut text =
        serde_json::to_string_pretty(&document).expect("a matrix is made of values that JSON has");
    text.push('\n');
    text
}

/// The states that a JSON matrix tells, by ID.
///
/// # Errors
/// Where it is not as [`json`] writes it.
pub fn read_json(text: &str) -> Result<BTreeMap<String, State>, String> {
    let document: Document<Matrix> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    if document.version != MUTANTS_VERSION {
        return Err(format!("version {} instead of {MUTANTS_VERSION}", document.version));
    }
    Ok(document.matrix.rows.into_iter().map(|row| (row.id.clone(), row.state())).collect())
}

/// `96 listed, 95 killed by their named oracle, 1 survived`.
fn summary(matrix: &Matrix) -> String {
    let mut text = format!("{} listed", matrix.rows.len());
    for state in State::ALL {
        let count = matrix.count(state);
        if count > 0 || state == State::Listed(Fate::Killed) {
            let by = if state == State::Listed(Fate::Killed) {
                " by what is named for them"
            } else {
                ""
            };
            let _ = write!(text, ", {count} {}{by}", state.word());
        }
    }
    let stale = matrix.stale().count() as u64;
    if stale > 0 {
        let _ = write!(text, "; {} wrong", counted(stale, "listing"));
    }
    text
}

/// `the reference passes 120 runs`.
fn reference(matrix: &Matrix) -> String {
    let runs = counted(matrix.reference.runs, "run");
    match matrix.reference.failures.len() {
        0 => format!("Without deviations all of {runs} pass"),
        n => format!("Without deviations {n} of {runs} do not pass"),
    }
}

/// What each scenario kills, listed or not; empty unless scenarios ran that do not list what was run.
fn all_kills(matrix: &Matrix) -> BTreeMap<&str, Vec<&str>> {
    let cells = || matrix.rows.iter().flat_map(|row| row.cells.iter().map(move |it| (row, it)));
    let mut kills = BTreeMap::<_, Vec<_>>::new();
    if cells().all(|(_, cell)| cell.listed) {
        return kills;
    }
    for (row, cell) in cells().filter(|(_, cell)| cell.fate == Fate::Killed) {
        kills.entry(cell.scenario.as_str()).or_default().push(row.id.as_str());
    }
    kills
}

fn by(row: &Row) -> String {
    row.shown().map(found).unwrap_or_default()
}

/// Killers, or the first line of what else there is.
fn found(cell: &Cell) -> String {
    let text = cell.by.join(" ");
    clean(text.lines().next().unwrap_or(""))
}

fn run(row: &Row) -> String {
    row.shown().map(|cell| format!("{} seed {}", clean(&cell.case), cell.seed)).unwrap_or_default()
}

fn cpu(cell: &Cell) -> String {
    span(cell.cpu)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::verdict::matrix::{Failure, Reference};
    use crate::verdict::outcome::Verdict;

    fn cell(fate: Fate, by: &[&str]) -> Cell {
        Cell {
            scenario: "CACHE-LRU".to_owned(),
            listed: true,
            fate,
            by: by.iter().map(|&it| it.to_owned()).collect(),
            case: "CACHE-LRU[n=1|2]".to_owned(),
            seed: 3,
            runs: 3,
            cpu: Duration::from_micros(3_210),
        }
    }

    fn row(id: &str, cells: &[Cell]) -> Row {
        Row {
            id: id.to_owned(),
            text: "device: constant nonce".to_owned(),
            killers: vec!["S-12".to_owned(), "C09-R6".to_owned()],
            undetectable: None,
            cells: cells.to_vec(),
        }
    }

    fn example() -> Matrix {
        let rows = vec![
            row("M24", &[cell(Fate::Killed, &["S-12", "C09-R6"]), cell(Fate::Survived, &[])]),
            row("M25", &[cell(Fate::KilledOtherwise, &["expect"])]),
            row("M26", &[Cell { listed: false, ..cell(Fate::Killed, &["S-12"]) }]),
            Row { undetectable: Some("nothing shows it".to_owned()), ..row("M27", &[]) },
        ];
        let failure = Failure {
            case: "CACHE-LRU".to_owned(),
            seed: 2,
            verdict: Verdict::Fail,
            message: "S-03: twice".to_owned(),
        };
        Matrix { rows, reference: Reference { runs: 7, failures: vec![failure] } }
    }

    #[test]
    fn people_see_what_kills_what_and_what_is_open() {
        let text = human(&example(), Palette::plain(), Duration::from_secs(2), "done (exit 1)");
        insta::assert_snapshot!(text, @"
        ✓ M24 killed           S-12 C09-R6  CACHE-LRU[n=1|2] seed 3     3.2ms  device: constant nonce
            CACHE-LRU lists it: survived in 3 runs
        ✗ M25 killed otherwise expect       CACHE-LRU[n=1|2] seed 3     3.2ms  device: constant nonce
            CACHE-LRU lists it: killed otherwise (expect) in 3 runs
        ✗ M26 unlisted                                                         device: constant nonce
        - M27 undetectable                                                     device: constant nonce
            nothing shows it
        ✗ reference CACHE-LRU seed 2 does not pass: S-03: twice

        mutants       4 listed, 1 killed by what is named for them, 1 undetectable, 1 killed otherwise, 1 unlisted; 2 listings wrong
        kills         CACHE-LRU: M24 M26
        reference     Without deviations 1 of 7 runs do not pass
        took          2.00s
        result        done (exit 1)
        ");
    }

    #[test]
    fn what_is_committed_can_be_read_back() {
        let text = markdown(&example());
        insta::assert_snapshot!(text, @r"
        # Kill matrix

        4 listed, 1 killed by what is named for them, 1 undetectable, 1 killed otherwise, 1 unlisted; 2 listings wrong.

        Without deviations 1 of 7 runs do not pass.

        | mutant | state | killed by | named for it | scenario | seed | runs | what it does wrong | CPU |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        | M24 | killed | S-12 C09-R6 | S-12 C09-R6 | CACHE-LRU[n=1\|2] | 3 | 3 | device: constant nonce | 3.2ms |
        | M25 | killed otherwise | expect | S-12 C09-R6 | CACHE-LRU[n=1\|2] | 3 | 3 | device: constant nonce | 3.2ms |
        | M26 | unlisted |  | S-12 C09-R6 |  |  |  | device: constant nonce |  |
        | M27 | undetectable |  | S-12 C09-R6 |  |  |  | device: constant nonce; undetectable: nothing shows it |  |

        ## What each scenario kills

        | scenario | kills |
        | --- | --- |
        | CACHE-LRU | M24 M26 |
        ");
        let states: Vec<(String, &str)> = read_markdown(&text)
            .unwrap()
            .into_iter()
            .map(|(id, state)| (id, state.word()))
            .collect();
        let expected = [
            ("M24", "killed"),
            ("M25", "killed otherwise"),
            ("M26", "unlisted"),
            ("M27", "undetectable"),
        ];
        assert_eq!(states, expected.map(|(id, word)| (id.to_owned(), word)));
        assert_eq!(read_json(&json(&example())), read_markdown(&text));
    }

    #[test]
    fn another_text_is_no_matrix() {
        let error = |text: &str| read_markdown(text).unwrap_err();
        assert_eq!(error("# Mutants\n"), "there is no table that starts with `| mutant | state |`");
        let wrong = markdown(&example()).replace("| killed |", "| fine |");
        assert_eq!(error(&wrong), "line 9: `fine` is no state of a mutant");
        assert!(read_json("{}").is_err());
        let old = json(&example()).replace("\"peadsim-mutants\": 1", "\"peadsim-mutants\": 2");
        assert_eq!(read_json(&old).unwrap_err(), "version 2 instead of 1");
    }

    #[test]
    fn the_json_keeps_to_its_schema() {
        let validator =
            jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let mut value: Value = serde_json::from_str(&json(&example())).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        value["matrix"]["rows"][0]["cells"][0]["fate"] = "fine".into();
        assert!(!validator.is_valid(&value));
    }
}
