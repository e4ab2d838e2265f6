//! From paths on the command line to scenario files that were read.
//!
//! A path that names a file always means it; a folder stands for the scenarios below it. Not here: what is
//! done with them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::args::Selection;
use crate::cli::exit::CliError;
use crate::cli::output;
use crate::scenario::ast::scenario::{SizeWord, WorldKind};
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::profile::{self, Profile, is_profile};
use crate::scenario::read::{Extras, Reading, read_file};
use crate::scenario::render::render;
use crate::scenario::source::Sources;
use crate::scenario::syntax;
use crate::scenario::tree::Node;

/// Most scenario files of one invocation.
const FILES_MAX: usize = 100_000;
/// Most folders inside each other.
const DEPTH_MAX: usize = 64;

/// Why a file of templates and networks is left out; it is no scenario, so nobody misses it.
pub const A_LIBRARY: &str = "a library";

/// Why a profile is left out; it is looked for where it is of use.
pub const A_PROFILE: &str = "a profile";

/// A scenario file that was read.
#[derive(Debug)]
pub struct Loaded {
    /// As given, or found below a folder.
    pub path: PathBuf,
    /// Its cases, and what is wrong with it.
    pub reading: Reading,
}

/// A file that was left out, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// `size: large`, `kind: conform`, `a library`.
    pub why: &'static str,
}

/// Which files of a folder are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Every scenario.
    All,
    /// Every scenario, as this world has it.
    In(WorldKind),
    /// Small scenarios of `kind: run`.
    SmallRuns,
    /// Small scenarios that something outside can take part in.
    Tests,
}

/// Reads what the paths stand for, in order of path. Findings are in the readings.
///
/// # Errors
/// When a path does not exist, a folder cannot be read, or there is no scenario at all.
pub fn load(
    selection: &Selection,
    wanted: Wanted,
) -> Result<(Vec<Loaded>, Vec<Skipped>), CliError> {
    let extras = Extras {
        set: selection.set.clone(),
        sweep: selection.sweep.clone(),
        world: match wanted {
            Wanted::All => None,
            Wanted::In(world) => Some(world),
            Wanted::SmallRuns => Some(WorldKind::Run),
            Wanted::Tests => Some(WorldKind::Conform),
        },
    };
    let mut loaded = Vec::new();
    let mut skipped = Vec::new();
    for path in &selection.paths {
        let root = path.is_dir().then_some(path.as_path());
        for file in files(path)? {
            match root.and_then(|_| reason_to_skip(&file, wanted)) {
                Some(why) => skipped.push(Skipped { path: file, why }),
                None => {
                    tracing::info!(file = %file.display(), "reading");
                    let reading = read_file(&file, None, &extras);
                    loaded.push(Loaded { path: file, reading });
                }
            }
        }
    }
    if loaded.is_empty() && skipped.is_empty() {
        let paths: Vec<String> =
            selection.paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(CliError::Nothing(format!(
            "no scenario files (*.yaml) in {}\n  `peadsim new FILE` writes a skeleton",
            paths.join(", ")
        )));
    }
    Ok((loaded, skipped))
}

/// The profiles among files, and what is wrong with them.
#[derive(Debug, Default)]
pub struct Profiles {
    /// Those that read.
    pub profiles: Vec<Profile>,
    /// What was found.
    pub sink: Diagnostics,
    /// Their texts.
    pub sources: Sources,
}

/// Reads the profiles among what the paths stand for.
///
/// # Errors
/// When a path does not exist, or a folder cannot be read.
pub fn profiles(paths: &[PathBuf]) -> Result<Profiles, CliError> {
    let mut all = Profiles::default();
    for path in paths {
        for file in files(path)? {
            let Ok(octets) = fs::read(&file) else { continue };
            let name = file.display().to_string();
            let mut aside = (Sources::default(), Diagnostics::default());
            let tree = syntax::read(&name, &octets, &mut aside.0, &mut aside.1);
            if tree.is_some_and(|tree| is_profile(&tree)) {
                all.profiles.extend(profile::read(&name, &octets, &mut all.sources, &mut all.sink));
            }
        }
    }
    Ok(all)
}

/// What reads one file by itself, and tells what is wrong with it.
type Read<T> = fn(&str, &[u8], &mut Sources, &mut Diagnostics) -> Option<T>;

/// Reads a file that is no scenario, and tells what is wrong with it.
///
/// # Errors
/// When it cannot be read, or is `invalid`, in these words.
pub fn read_alone<T>(path: &Path, read: Read<T>, invalid: &str) -> Result<(T, Sources), CliError> {
    let shown = path.display().to_string();
    let octets = fs::read(path)
        .map_err(|error| CliError::Usage(format!("cannot read `{shown}`: {error}")))?;
    let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
    let file = read(&shown, &octets, &mut sources, &mut sink);
    output::note(&render(&sink, &sources, output::stderr_has_color()));
    let file = file.filter(|_| !sink.has_errors());
    Ok((file.ok_or_else(|| CliError::Usage(invalid.to_owned()))?, sources))
}

/// Two files with the same scenario ID, which makes names of cases ambiguous.
#[must_use]
pub fn same_id(loaded: &[Loaded]) -> Option<String> {
    let mut seen = BTreeMap::new();
    for Loaded { path, reading } in loaded {
        let Some(case) = reading.cases.first() else { continue };
        let id = &case.scenario.id.value.0;
        if let Some(other) = seen.insert(id, path)
            && other != path
        {
            let (other, path) = (other.display(), path.display());
            return Some(format!("two scenarios have the ID `{id}`: `{other}` and `{path}`"));
        }
    }
    None
}

/// The file itself, or every `*.yaml` below the folder.
fn files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(CliError::Usage(format!("no such file or folder: `{}`", path.display())));
        }
        result => result.map_err(CliError::io(format!("cannot read `{}`", path.display())))?,
    };
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    collect(path, 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let failed = || CliError::io(format!("cannot read the folder `{}`", folder.display()));
    for entry in fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // The type of the entry itself: links to folders may go in circles.
        if hidden || found.len() >= FILES_MAX {
            continue;
        }
        if entry.file_type().map_err(failed())?.is_dir() {
            if depth < DEPTH_MAX {
                collect(&path, depth + 1, found)?;
            }
        } else if path.extension().is_some_and(|it| it == "yaml" || it == "yml") {
            found.push(path);
        }
    }
    Ok(())
}

/// Why a file found in a folder is not wanted. One that does not read is wanted: its findings are.
fn reason_to_skip(path: &Path, wanted: Wanted) -> Option<&'static str> {
    let octets = fs::read(path).ok()?;
    let name = path.display().to_string();
    let tree = syntax::read(&name, &octets, &mut Sources::default(), &mut Diagnostics::default())?;
    if is_library(&tree) {
        return Some(A_LIBRARY);
    }
    if is_profile(&tree) {
        return Some(A_PROFILE);
    }
    if !matches!(wanted, Wanted::SmallRuns | Wanted::Tests) {
        return None;
    }
    let word = |key| tree.get(key).and_then(Node::text);
    match (word("kind").and_then(WorldKind::find), word("size").and_then(SizeWord::find)) {
        (Some(WorldKind::Conform), _) if wanted == Wanted::SmallRuns => Some("kind: conform"),
        (Some(WorldKind::Load), _) => Some("kind: load"),
        (Some(WorldKind::Run | WorldKind::Conform) | None, Some(SizeWord::Large)) => {
            Some("size: large")
        }
        (Some(WorldKind::Run | WorldKind::Conform) | None, Some(SizeWord::Small) | None) => None,
    }
}

/// Nothing that happens, only what scenarios share.
fn is_library(tree: &Node) -> bool {
    const KEYS: [&str; 4] = ["peadsim", "title", "templates", "network"];
    let shares = |key| tree.get(key).is_some();
    let entries = tree.entries().unwrap_or_default();
    (shares("templates") || shares("network"))
        && entries.iter().all(|entry| KEYS.contains(&entry.key.value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "peadsim: 1\nid: NAME\ntitle: Nothing much\n";

    fn selection(path: &Path) -> Selection {
        Selection { paths: vec![path.to_owned()], ..Selection::default() }
    }

    #[test]
    fn a_folder_stands_for_its_small_runs_and_a_file_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("b/small.yaml", MINIMAL);
        write("a.yml", &MINIMAL.replace("NAME", "OTHER"));
        write("big.yaml", &format!("{MINIMAL}size: large\n"));
        write("device.yaml", &format!("{MINIMAL}kind: conform\n"));
        write("b/radio.yaml", "peadsim: 1\nnetwork: {profiles: {}}\n");
        write("notes.txt", "no scenario");
        write(".hidden.yaml", "no scenario");
        write("broken.yaml", "a: [");
        let (loaded, skipped) = load(&selection(folder.path()), Wanted::SmallRuns).unwrap();
        let name = |path: &Path| {
            path.strip_prefix(folder.path()).unwrap().to_string_lossy().replace('\\', "/")
        };
        let names: Vec<String> = loaded.iter().map(|it| name(&it.path)).collect();
        assert_eq!(names, ["a.yml", "b/small.yaml", "broken.yaml"]);
        let skipped: Vec<(String, &str)> =
            skipped.iter().map(|it| (name(&it.path), it.why)).collect();
        assert_eq!(
            skipped,
            [
                ("b/radio.yaml".to_owned(), "a library"),
                ("big.yaml".to_owned(), "size: large"),
                ("device.yaml".to_owned(), "kind: conform"),
            ]
        );
        let (loaded, skipped) =
            load(&selection(&folder.path().join("big.yaml")), Wanted::SmallRuns).unwrap();
        assert_eq!((loaded.len(), skipped.len()), (1, 0));
    }

    #[test]
    fn no_path_and_no_scenario_are_different_errors() {
        let folder = tempfile::tempdir().unwrap();
        let exit = |path: &Path| load(&selection(path), Wanted::All).unwrap_err().exit().code();
        assert_eq!(exit(folder.path()), 5);
        assert_eq!(exit(&folder.path().join("none")), 2);
    }

    #[test]
    fn an_id_is_used_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), MINIMAL).unwrap();
        let (loaded, _) = load(&selection(folder.path()), Wanted::All).unwrap();
        assert_eq!(same_id(&loaded), None);
        fs::write(folder.path().join("b.yaml"), MINIMAL).unwrap();
        let (loaded, _) = load(&selection(folder.path()), Wanted::All).unwrap();
        assert!(same_id(&loaded).unwrap().starts_with("two scenarios have the ID `NAME`: "));
    }
}
