//! Tree to trees: worlds, parameters and templates are worked in, one tree for each case.
//!
//! Not here: reading the result (`ast`), libraries (`library`) or overrides (`overrides`).

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::ast::forms::Raw;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::fields::{Read, Scalar as _, table};
use crate::scenario::leaf::Name;
use crate::scenario::overrides::{self, Path};
use crate::scenario::source::Spanned;
use crate::scenario::tree::{Node, NodeKind};
use crate::scenario::write;
use crate::verdict::study::Setting;

/// Most cases of one scenario (rule 11 of the language).
pub const CASES_MAX: usize = 1_000;

/// Keys of the text that reuse and parameters use up.
const USED_UP: [&str; 5] = ["use", "params", "exclude", "templates", "worlds"];

table! {
    /// A parameter: its values, of which each is a case, or one value to be changed by `--set`.
    Param "parameter" short "default" {
        /// The values, one case each.
        each: Option<Spanned<Vec<Raw>>>,
        /// The one value.
        default: Option<Raw>,
    }
    rules [ExactlyOne(&["each", "default"])]
}

/// Something that differs between cases: a parameter, or the path of a `--sweep`.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What the case's ID calls it.
    pub label: String,
    /// Where the values go.
    pub target: Target,
    /// The values.
    pub values: Vec<Node>,
}

/// Where the values of an [`Axis`] go.
#[derive(Clone, Debug)]
pub enum Target {
    /// In the place of `$name`.
    Param(Spanned<String>),
    /// To a path of the tree.
    Path(Path),
}

/// One case: its tree, and what it differs in.
#[derive(Clone, Debug)]
pub struct CaseTree {
    /// `[lead=20ms,loss=5%]`; empty if there is nothing to differ in.
    pub suffix: String,
    /// The same in parts, in the order of the suffix.
    pub settings: Vec<Setting>,
    /// The tree with parameters and templates worked in.
    pub tree: Node,
}

/// Makes the trees of all cases. A sweep of a parameter takes the place of what the file says of it.
pub fn expand(tree: &Node, sweeps: Vec<Axis>, sink: &mut Diagnostics) -> Vec<CaseTree> {
    let (mut axes, mut fixed) = read_params(tree, sink);
    let swept = |name: &str| sweeps.iter().filter_map(Axis::param).any(|it| it.value == name);
    axes.retain(|axis| !swept(&axis.label));
    fixed.retain(|(name, _)| !swept(&name.value));
    axes.extend(sweeps);
    axes.iter().for_each(|axis| sink.check_values(axis));
    let count = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.values.len()));
    let Some(count) = count.filter(|count| *count <= CASES_MAX) else {
        sink.too_many_cases(tree);
        return Vec::new();
    };
    let excluded = tree.get("exclude").and_then(Node::items).unwrap_or(&[]);
    let mut useful = vec![false; excluded.len()];
    let mut used = BTreeSet::new();
    let mut cases = Vec::new();
    for number in 0..count {
        let choice = choose(&axes, number);
        let fits = |entry: &Node| fits(entry, &axes, &choice);
        let hits: Vec<bool> = excluded.iter().map(fits).collect();
        useful.iter_mut().zip(&hits).for_each(|(useful, hit)| *useful |= hit);
        if hits.contains(&true) {
            continue;
        }
        let mut case = tree.clone();
        let mut values = fixed.clone();
        for (axis, value) in axes.iter().zip(&choice) {
            match &axis.target {
                Target::Param(name) => values.push((name.clone(), (*value).clone())),
                Target::Path(path) => overrides::put(&mut case, path, value, sink),
            }
        }
        substitute(&mut case, &values, &mut used, sink);
        apply_templates(&mut case, sink);
        let settings = axes.iter().zip(&choice).map(|(axis, value)| setting(axis, value));
        let (suffix, settings) = (suffix(&axes, &choice), settings.collect());
        cases.push(CaseTree { suffix, settings, tree: case });
    }
    if cases.is_empty() {
        sink.no_cases(tree);
    }
    excluded.iter().zip(useful).filter(|(_, useful)| !useful).for_each(|(entry, _)| {
        sink.useless_exclude(entry);
    });
    for name in axes.iter().filter_map(Axis::param).chain(fixed.iter().map(|(name, _)| name)) {
        if !cases.is_empty() && !used.contains(&name.value) {
            sink.unused_param(name);
        }
    }
    cases
}

/// Lets the keys of one world come on top.
pub fn apply_world(tree: &mut Node, world: &str) {
    if let Some(over) = tree.get("worlds").and_then(|worlds| worlds.get(world)).cloned() {
        merge(tree, over);
    }
}

/// The tree without what reuse and parameters have used up: a file of its own.
#[must_use]
pub fn single(tree: &Node) -> Node {
    let mut tree = tree.clone();
    for key in USED_UP {
        tree.remove(key);
    }
    tree
}

impl Axis {
    const fn param(&self) -> Option<&Spanned<String>> {
        match &self.target {
            Target::Param(name) => Some(name),
            Target::Path(_) => None,
        }
    }
}

type Values = Vec<(Spanned<String>, Node)>;

fn read_params(tree: &Node, sink: &mut Diagnostics) -> (Vec<Axis>, Values) {
    let (mut axes, mut fixed) = (Vec::new(), Vec::new());
    for entry in tree.get("params").and_then(Node::entries).unwrap_or(&[]) {
        match Param::read(&entry.value, sink) {
            Some(Param { each: Some(each), .. }) if !each.value.is_empty() => axes.push(Axis {
                label: entry.key.value.clone(),
                target: Target::Param(entry.key.clone()),
                values: each.value.into_iter().map(|raw| raw.0).collect(),
            }),
            Some(Param { default: Some(value), .. }) => fixed.push((entry.key.clone(), value.0)),
            Some(Param { .. }) | None => {
                fixed.push((
                    entry.key.clone(),
                    Node { span: entry.key.span, kind: NodeKind::Broken },
                ));
            }
        }
    }
    (axes, fixed)
}

/// The values of the case with this number; the last axis turns fastest.
fn choose(axes: &[Axis], mut number: usize) -> Vec<&Node> {
    let mut choice: Vec<&Node> = axes
        .iter()
        .rev()
        .map(|axis| {
            let value = &axis.values[number % axis.values.len()];
            number /= axis.values.len();
            value
        })
        .collect();
    choice.reverse();
    choice
}

fn fits(entry: &Node, axes: &[Axis], choice: &[&Node]) -> bool {
    let entries = entry.entries().unwrap_or(&[]);
    !entries.is_empty()
        && entries.iter().all(|wanted| {
            axes.iter().zip(choice).any(|(axis, value)| {
                let name = axis.param().map_or(&axis.label, |name| &name.value);
                *name == wanted.key.value
                    && value.text().is_some()
                    && value.text() == wanted.value.text()
            })
        })
}

fn suffix(axes: &[Axis], choice: &[&Node]) -> String {
    if axes.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = axes
        .iter()
        .zip(choice)
        .map(|(axis, value)| {
            let number = || axis.values.iter().position(|v| v == *value).unwrap_or(0) + 1;
            let text = value.text().map_or_else(|| format!("#{}", number()), str::to_owned);
            format!("{}={text}", axis.label)
        })
        .collect();
    format!("[{}]", parts.join(","))
}

fn setting(axis: &Axis, value: &Node) -> Setting {
    let value = value.text().map_or_else(|| write::line(value), str::to_owned);
    Setting { label: axis.label.clone(), value }
}

fn substitute(
    case: &mut Node,
    values: &[(Spanned<String>, Node)],
    used: &mut BTreeSet<String>,
    sink: &mut Diagnostics,
) {
    for entry in case.entries_mut().into_iter().flatten() {
        if !matches!(entry.key.value.as_str(), "params" | "exclude") {
            substitute_in(&mut entry.value, values, used, sink);
        }
    }
}

fn substitute_in(
    node: &mut Node,
    values: &[(Spanned<String>, Node)],
    used: &mut BTreeSet<String>,
    sink: &mut Diagnostics,
) {
    match &mut node.kind {
        NodeKind::Null | NodeKind::Broken => {}
        NodeKind::Seq(items) => {
            items.iter_mut().for_each(|item| substitute_in(item, values, used, sink));
        }
        NodeKind::Map(entries) => {
            for entry in entries {
                substitute_in(&mut entry.value, values, used, sink);
            }
        }
        NodeKind::Scalar { text, quoted } => {
            let Some(name) =
                text.strip_prefix('$').filter(|name| !*quoted && Name::parse(name).is_ok())
            else {
                return;
            };
            if let Some((declared, value)) = values.iter().find(|(n, _)| n.value == name) {
                used.insert(declared.value.clone());
                *node = value.clone();
            } else {
                sink.unknown_param(node, values);
                node.kind = NodeKind::Broken;
            }
        }
    }
}

/// Works the templates into devices and fleets.
fn apply_templates(case: &mut Node, sink: &mut Diagnostics) {
    let templates = case.get("templates").cloned();
    for template in templates.as_ref().and_then(Node::entries).unwrap_or(&[]) {
        if let Some(like) = template.value.get("like") {
            sink.template_chain(like);
        }
    }
    for group in ["devices", "fleets"] {
        for entry in case.get_mut(group).and_then(Node::entries_mut).into_iter().flatten() {
            let Some(like) = entry.value.get("like").cloned() else { continue };
            let Some(name) = like.text() else { continue };
            match templates.as_ref().and_then(|templates| templates.get(name)) {
                None => sink.unknown_template(&like, templates.as_ref()),
                Some(template) => {
                    let mut merged = template.clone();
                    entry.value.remove("like");
                    merged.span = entry.value.span;
                    merge(&mut merged, entry.value.clone());
                    entry.value = merged;
                }
            }
        }
    }
}

/// Puts one tree on top of another: maps are merged, everything else is replaced.
pub fn merge(base: &mut Node, over: Node) {
    match (&mut base.kind, over.kind) {
        (NodeKind::Map(_), NodeKind::Map(entries)) => {
            for entry in entries {
                match base.get_mut(&entry.key.value) {
                    Some(old) => merge(old, entry.value),
                    None => base.put(entry.key, entry.value),
                }
            }
        }
        (_, kind) => *base = Node { span: over.span, kind },
    }
}

impl Diagnostics {
    fn too_many_cases(&mut self, tree: &Node) {
        let span = tree.get("params").map_or(tree.span, |params| params.span);
        let message = format!("the parameters make more than {CASES_MAX} cases");
        self.add(Diagnostic::new(Code::TooManyCases, span, message));
    }

    /// Cases are called by their values.
    fn check_values(&mut self, axis: &Axis) {
        let mut seen = BTreeMap::new();
        for value in &axis.values {
            let Setting { label, value: text } = setting(axis, value);
            if let Some(first) = seen.insert(text.clone(), value.span) {
                let message = format!("`{label}` has the value `{text}` twice");
                self.add(
                    Diagnostic::new(Code::DefinedTwice, value.span, message)
                        .related(first, "already here"),
                );
            }
        }
    }

    fn no_cases(&mut self, tree: &Node) {
        let span = tree.get("exclude").map_or(tree.span, |exclude| exclude.span);
        self.add(Diagnostic::new(Code::NoCases, span, "no case is left over"));
    }

    fn useless_exclude(&mut self, entry: &Node) {
        let message = "this entry fits no case";
        self.add(
            Diagnostic::new(Code::UselessExclude, entry.span, message)
                .help("an entry is a map from parameters with `each` to one of their values"),
        );
    }

    fn unused_param(&mut self, name: &Spanned<String>) {
        let message = format!("`${name}` stands nowhere");
        self.add(Diagnostic::new(Code::UnusedParam, name.span, message));
    }

    fn unknown_param(&mut self, node: &Node, values: &[(Spanned<String>, Node)]) {
        let name = node.text().unwrap_or("").trim_start_matches('$');
        self.add(
            Diagnostic::new(Code::UnknownParam, node.span, format!("no parameter `{name}`"))
                .suggest(name, values.iter().map(|(name, _)| name.value.as_str()))
                .help("declare it under `params`, or quote the text if it is meant as it stands"),
        );
    }

    fn template_chain(&mut self, like: &Node) {
        let message = "a template cannot be like another template";
        self.add(Diagnostic::new(Code::TemplateChain, like.span, message));
    }

    fn unknown_template(&mut self, like: &Node, templates: Option<&Node>) {
        let name = like.text().unwrap_or("");
        let known = templates.and_then(Node::entries).unwrap_or(&[]);
        self.add(
            Diagnostic::new(Code::UnknownTemplate, like.span, format!("no template `{name}`"))
                .suggest(name, known.iter().map(|entry| entry.key.value.as_str())),
        );
    }
}
