//! A file to its cases: the whole front end of the language in one call.
//!
//! Not here: making plans of the cases (`resolve`), or printing findings.

use std::path::Path;

use crate::scenario::ast::scenario::{Scenario, WorldKind};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::expand;
use crate::scenario::fields::{self, Read as _};
use crate::scenario::library::{self, Shelf};
use crate::scenario::lint::lint;
use crate::scenario::native;
use crate::scenario::overrides;
use crate::scenario::render;
use crate::scenario::resolve::resolve;
use crate::scenario::source::{Source, Sources, Span};
use crate::scenario::syntax;
use crate::scenario::tree::Node;
use crate::scenario::under_load;
use crate::verdict::study::Setting;

/// What the command line adds to a file.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// `--set PATH=VALUE`, in order.
    pub set: Vec<String>,
    /// `--sweep PATH=A,B,C`, in order.
    pub sweep: Vec<String>,
    /// The world whose own keys come on top.
    pub world: Option<WorldKind>,
}

/// One case of a scenario.
#[derive(Clone, Debug)]
pub struct Case {
    /// `ROT-R1-inflight[lead=20ms,loss=5%]`.
    pub id: String,
    /// What it differs from other cases in, in the order of its ID.
    pub settings: Vec<Setting>,
    /// What is written, with parameters, templates and libraries worked in.
    pub scenario: Scenario,
    /// The same as a tree, for writing it back.
    pub tree: Node,
}

/// What came of reading a file.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The cases that read; complete only if there are no errors.
    pub cases: Vec<Case>,
    /// What was found.
    pub diagnostics: Diagnostics,
    /// The texts that findings point into.
    pub sources: Sources,
}

impl Reading {
    /// Resolves every case under its first seed and looks it over, so that all findings are known.
    pub fn check(&mut self) {
        let readable = !self.diagnostics.has_errors();
        for case in &self.cases {
            let seed = case.scenario.seeds.value.0.first().copied().unwrap_or(1);
            let plan = resolve(case, seed, "", &mut self.diagnostics);
            if let (Some(plan), true) = (plan, readable) {
                lint(&case.scenario, &plan, &mut self.diagnostics);
            }
        }
    }

    /// Reports what devices in the native world would have to show of their inside; of use after
    /// [`check`](Self::check), which reports what is wrong in any world.
    pub fn check_native(&mut self) {
        for case in &self.cases {
            let seed = case.scenario.seeds.value.0.first().copied().unwrap_or(1);
            if let Some(plan) = resolve(case, seed, "", &mut Diagnostics::default()) {
                native::look(&case.scenario, &plan, &mut self.diagnostics);
            }
        }
    }

    /// Reports what cannot be done to a real server, or not be judged there; of use after
    /// [`check`](Self::check), which reports what is wrong in any world.
    pub fn check_load(&mut self) {
        for case in &self.cases {
            let seed = case.scenario.seeds.value.0.first().copied().unwrap_or(1);
            if let Some(plan) = resolve(case, seed, "", &mut Diagnostics::default()) {
                under_load::look(&case.scenario, &plan, &mut self.diagnostics);
            }
        }
    }

    /// The files that were read: the scenario, its libraries and tables. One used twice is there twice.
    pub fn files(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|it| ![overrides::SET, overrides::SWEEP].contains(&&*it.name))
    }

    /// The findings, drawn over the source lines.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        render::render(&self.diagnostics, &self.sources, color)
    }
}

/// Reads a scenario file with the libraries that it uses.
///
/// `root` is the folder that libraries may not lie outside of; see [`Shelf::of`].
#[must_use]
pub fn read_file(path: &Path, root: Option<&Path>, extras: &Extras) -> Reading {
    let name = path.display().to_string();
    let limit = syntax::FILE_OCTETS_MAX as u64;
    let octets = std::fs::File::open(path).and_then(|file| {
        use std::io::Read as _;
        let mut octets = Vec::new();
        file.take(limit + 1).read_to_end(&mut octets).map(|_| octets)
    });
    match octets {
        Ok(octets) => read(&name, &octets, Some(&Shelf::of(path, root)), extras),
        Err(error) => {
            let mut reading = Reading::default();
            let file = reading.sources.add(name.as_str(), "");
            let span = Span { file, ..Span::NOWHERE };
            let message = format!("cannot read `{name}`: {error}");
            reading.diagnostics.add(Diagnostic::new(Code::NotReadable, span, message));
            reading
        }
    }
}

/// Reads a scenario that is no file; it cannot use libraries.
#[must_use]
pub fn read_text(name: &str, text: &str, extras: &Extras) -> Reading {
    read(name, text.as_bytes(), None, extras)
}

/// Reads the octets of a scenario.
#[must_use]
pub fn read(name: &str, octets: &[u8], shelf: Option<&Shelf>, extras: &Extras) -> Reading {
    let mut reading = Reading::default();
    let Reading { cases, diagnostics: sink, sources } = &mut reading;
    let Some(mut tree) = syntax::read(name, octets, sources, sink) else { return reading };
    sink.check_version(&tree);
    library::apply(&mut tree, shelf, sources, sink);
    library::apply_tables(&mut tree, shelf, sources, sink);
    check_worlds(&tree, extras.world, sink);
    if let Some(world) = extras.world {
        expand::apply_world(&mut tree, world.word());
    }
    for text in &extras.set {
        overrides::set(&mut tree, text, sources, sink);
    }
    let sweeps = overrides::sweeps(&extras.sweep, &tree, sources, sink);
    for case in expand::expand(&tree, sweeps, sink) {
        if let Some(scenario) = Scenario::read(&case.tree, sink) {
            let id = format!("{}{}", scenario.id.value.0, case.suffix);
            cases.push(Case { id, settings: case.settings, scenario, tree: case.tree });
        }
    }
    reading
}

/// Reads a file of another kind than a scenario, which stands alone. What is wrong with it is in `sink`.
pub(super) fn read_alone<T: fields::Read>(
    name: &str,
    octets: &[u8],
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Option<T> {
    let tree = syntax::read(name, octets, sources, sink)?;
    sink.check_version(&tree);
    T::read(&tree, sink)
}

/// Reports what does not read in other worlds, so that all of it is known in any.
fn check_worlds(tree: &Node, read: Option<WorldKind>, sink: &mut Diagnostics) {
    let worlds = tree.get("worlds").and_then(Node::entries).unwrap_or(&[]);
    for (word, world) in WorldKind::ALL {
        if Some(*world) == read || !worlds.iter().any(|entry| entry.key.value == *word) {
            continue;
        }
        let mut tree = tree.clone();
        expand::apply_world(&mut tree, word);
        for case in expand::expand(&tree, Vec::new(), sink) {
            Scenario::read(&case.tree, sink);
        }
    }
}

impl Diagnostics {
    fn check_version(&mut self, tree: &Node) {
        let Some(entries) = tree.entries() else { return };
        let finding = match entries.iter().position(|entry| entry.key.value == "peadsim") {
            Some(at) if at > 0 => (entries[at].key.span, "the version of the language comes first"),
            Some(at) if entries[at].value.text() != Some("1") => {
                (entries[at].value.span, "this version of the language is not known")
            }
            // A missing key is reported when the scenario is read.
            Some(_) | None => return,
        };
        let (span, message) = finding;
        self.add(Diagnostic::new(Code::Version, span, message).help("start with `peadsim: 1`"));
    }
}
