//! `peadsim shrink`: the smallest scenario that fails as a file does, as a file.
//!
//! Not here: making it smaller (`explore`).

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use crate::cli::args::{Selection, Shrink};
use crate::cli::exit::{CliError, Exit};
use crate::cli::jobs;
use crate::cli::output;
use crate::cli::setup;
use crate::explore::shrink::{self as driver, Shrunk, Watch};
use crate::explore::subject;
use crate::scenario::expand::single;
use crate::scenario::read::Case;
use crate::scenario::resolve::drawn::drawn;
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::Node;
use crate::scenario::write::write;
use crate::verdict::fingerprint::Fingerprint;

/// How the line of a shrunk file begins that says which failure it shows.
const PRINT: &str = "# fingerprint: ";

/// Shrinks the first failing run of a file.
///
/// # Errors
/// When the file is invalid, no run of it fails, or the failure that it names does not occur: there is nothing
/// to shrink.
pub fn run(args: &Shrink) -> Result<Exit, CliError> {
    if let Some(out) = &args.out {
        refuse_existing(out)?;
    }
    let selection = Selection { paths: vec![args.file.clone()], ..Selection::default() };
    let loaded = setup::scenarios(&selection)?;
    let [file] = loaded.as_slice() else {
        return Err(CliError::Usage("shrink takes one scenario file".to_owned()));
    };
    let named = named(&args.file)?;
    let interrupt = setup::interrupt()?;
    let mut others = Vec::new();
    let cases =
        file.reading.cases.iter().filter(|it| args.case.as_ref().is_none_or(|id| it.id == *id));
    for case in cases {
        let seeds = args.seed.map_or_else(|| jobs::seeds(case, None), |seed| Ok(vec![seed]))?;
        for seed in seeds {
            let plan = subject::plan(&file.reading, case, "", seed).map_err(CliError::Usage)?;
            let trees = [drawn(&case.tree, &plan), as_written(case, seed)];
            for tree in trees {
                let failures = driver::failures(&tree);
                others.extend(failures.iter().map(|(print, _)| print.to_string()));
                let fits = |it: &Fingerprint| named.as_ref().is_none_or(|n| *n == it.to_string());
                let Some((wanted, _)) = failures.into_iter().find(|(print, _)| fits(print)) else {
                    continue;
                };
                let stopped = || interrupt.is_raised();
                if let Some(shrunk) = watched(&tree, &wanted, &stopped) {
                    return finish(args.out.as_deref(), &shrunk, interrupt.is_raised());
                }
            }
        }
    }
    Err(CliError::Nothing(nothing(&args.file, named.as_deref(), &others)))
}

/// Why there is nothing to shrink.
fn nothing(file: &Path, named: Option<&str>, others: &[String]) -> String {
    let file = file.display();
    match (named, others.first()) {
        (None, _) => format!("no run of `{file}` fails: there is nothing to shrink"),
        (Some(named), None) => format!("`{file}` no longer fails with `{named}`: every run passes"),
        (Some(named), Some(other)) => {
            format!("`{file}` no longer fails with `{named}`\n  it fails with `{other}`")
        }
    }
}

/// The case as it is written, with one seed.
fn as_written(case: &Case, seed: u64) -> Node {
    let mut tree = single(&case.tree);
    let seeds = Spanned::new("seeds".to_owned(), Span::NOWHERE);
    tree.put(seeds, Node::scalar(seed.to_string(), Span::NOWHERE));
    tree
}

/// The failure that a file says it shows.
fn named(file: &Path) -> Result<Option<String>, CliError> {
    let text = std::fs::read_to_string(file)
        .map_err(CliError::io(format!("cannot read `{}`", file.display())))?;
    Ok(text.lines().find_map(|line| line.strip_prefix(PRINT)).map(str::to_owned))
}

/// Shrinks a tree and shows on a terminal how far it is.
pub fn watched(tree: &Node, wanted: &Fingerprint, stopped: &dyn Fn() -> bool) -> Option<Shrunk> {
    let shown = std::io::stderr().is_terminal();
    let smaller = |runs: u64, size: usize| {
        if shown {
            output::note(&format!("\r{runs} runs, {size} values left \x1b[K"));
        }
    };
    let shrunk = driver::shrink(tree, wanted, &Watch { stopped, smaller: &smaller });
    if shown {
        output::note("\r\x1b[K");
    }
    shrunk
}

/// The text of a shrunk scenario's file.
pub fn text(shrunk: &Shrunk) -> String {
    let mut text = format!("{PRINT}{}\n", shrunk.fingerprint);
    // Writing into a String cannot fail.
    let _ = writeln!(text, "# {}", shrunk.message.replace('\n', " "));
    let tree = driver::as_regression(&shrunk.tree);
    text + &write(&tree)
}

/// How many runs it took, and what is left.
fn summary(shrunk: &Shrunk) -> String {
    let count = |list: &str| shrunk.tree.get(list).and_then(Node::items).map_or(0, <[Node]>::len);
    let devices = shrunk.tree.get("devices").and_then(Node::entries).map_or(0, <[_]>::len);
    let bounded = if shrunk.bounded { ", not finished" } else { "" };
    let (runs, steps) = (shrunk.runs, count("steps"));
    format!("{runs} runs{bounded}: {devices} devices, {steps} steps\n")
}

fn finish(out: Option<&Path>, shrunk: &Shrunk, interrupted: bool) -> Result<Exit, CliError> {
    match out {
        Some(out) => output::write(out, &text(shrunk))?,
        None => output::print(&text(shrunk))?,
    }
    output::note(&summary(shrunk));
    Ok(if interrupted { Exit::Inconclusive } else { Exit::Success })
}

fn refuse_existing(out: &Path) -> Result<(), CliError> {
    if out.exists() {
        return Err(CliError::Usage(format!("`{}` is there already", out.display())));
    }
    Ok(())
}

/// Writes a shrunk scenario into a folder, beside what is there already, and tells where.
///
/// # Errors
/// When it cannot be written.
pub fn save(folder: &Path, name: &str, shrunk: &Shrunk) -> Result<PathBuf, CliError> {
    let place = (1..)
        .map(|n: u32| match n {
            1 => folder.join(format!("{name}.yaml")),
            n => folder.join(format!("{name}-{n}.yaml")),
        })
        .find(|place| !place.exists())
        .unwrap_or_else(|| folder.join(name));
    output::write(&place, &text(shrunk))?;
    output::note(&format!("{}: {}", place.display(), summary(shrunk)));
    Ok(place)
}
