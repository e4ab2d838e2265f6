//! Edits that make a scenario smaller: something is left out, and what spoke of it goes with it or stands on
//! its own.
//!
//! Each edit gives a tree that mostly still resolves; whether it shows the same failure is for a run to say.
//! Not here: choosing among edits, or running them (`explore::shrink`).

use std::collections::BTreeSet;

use crate::base::time::Duration;
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::{Entry, Node, NodeKind};

/// Keys of the top level that every scenario keeps.
const KEPT: [&str; 9] =
    ["peadsim", "id", "title", "suite", "seeds", "devices", "steps", "deviations", "expect"];

/// Keys whose lists are of users, any number of them.
const GROUPS: [&str; 6] = ["links", "from", "to", "by", "among", "fleet"];

/// When each step acted in the run of a tree, from the end of the prelude, by index; `None` if it did not.
pub type Times = Vec<Option<Duration>>;

/// The names of the devices, in the order of the text.
#[must_use]
pub fn devices(tree: &Node) -> Vec<String> {
    let entries = tree.get("devices").and_then(Node::entries).unwrap_or(&[]);
    entries.iter().map(|entry| entry.key.value.clone()).collect()
}

/// How many items a list of the top level has.
#[must_use]
pub fn length(tree: &Node, list: &str) -> usize {
    tree.get(list).and_then(Node::items).map_or(0, <[Node]>::len)
}

/// The tree without these steps. What waited for one of them acts at the time at which it did; what is about
/// one of them is left out too.
#[must_use]
pub fn without_steps(tree: &Node, indexes: &BTreeSet<usize>, times: &Times) -> Node {
    let mut tree = tree.clone();
    let items = tree.get("steps").and_then(Node::items).unwrap_or(&[]).to_vec();
    let mut gone = indexes.clone();
    let mut names: BTreeSet<String> = BTreeSet::new();
    // What goes takes with it what is about it, until nothing more goes.
    loop {
        names.extend(gone.iter().filter_map(|at| Some(name_of(items.get(*at)?)?.to_owned())));
        let more = |at: &usize| !gone.contains(at) && depends(&items[*at], &names);
        let more: Vec<usize> = (0..items.len()).filter(more).collect();
        if more.is_empty() {
            break;
        }
        gone.extend(more);
    }
    let mut left = Vec::new();
    for (at, item) in items.iter().enumerate().filter(|(at, _)| !gone.contains(at)) {
        let mut item = item.clone();
        let follows = at > 0 && gone.contains(&(at - 1)) && follows(&item);
        if follows || anchor(&item).is_some_and(|name| names.contains(name)) {
            stand_alone(&mut item, times.get(at).copied().flatten());
        }
        left.push(item);
    }
    put_list(&mut tree, "steps", left);
    forget(&mut tree, "expect", |it| mentions(it, &names));
    tree
}

/// The tree without some items of a list of the top level.
#[must_use]
pub fn without_items(tree: &Node, list: &str, indexes: &BTreeSet<usize>) -> Node {
    let mut tree = tree.clone();
    let mut at = 0;
    forget(&mut tree, list, |_| {
        at += 1;
        indexes.contains(&(at - 1))
    });
    tree
}

/// The tree without a device, and without what it does or what is done to it.
#[must_use]
pub fn without_device(tree: &Node, device: &str, times: &Times) -> Node {
    let name = BTreeSet::from([device.to_owned()]);
    let mut tree = tree.clone();
    if let Some(steps) = tree.get_mut("steps").and_then(Node::items_mut) {
        steps.iter_mut().for_each(|step| thin(step, device));
    }
    let items = tree.get("steps").and_then(Node::items).unwrap_or(&[]);
    let about = (0..).zip(items).filter(|(_, item)| mentions(item, &name)).map(|(at, _)| at);
    let mut tree = without_steps(&tree, &about.collect(), times);
    for place in [&["devices"][..], &["deviations"], &["network", "links"], &["given", "rotated"]] {
        if let Some(map) = place.iter().try_fold(&mut tree, |node, key| node.get_mut(key)) {
            map.remove(device);
        }
    }
    if let Some(given) = tree.get_mut("given") {
        forget(given, "warm", |pair| mentions(pair, &name));
        if given.get("offline").is_some_and(|it| mentions(it, &name)) {
            given.remove("offline");
        }
    }
    for list in ["workload", "expect"] {
        if let Some(items) = tree.get_mut(list).and_then(Node::items_mut) {
            items.iter_mut().for_each(|item| thin(item, device));
        }
        forget(&mut tree, list, |it| mentions(it, &name));
    }
    tree
}

/// The paths of all that may be left out beside steps and devices, outer ones first: a path is of keys, and of
/// numbers in lists.
#[must_use]
pub fn parts(tree: &Node) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let mut layer = vec![(Vec::new(), tree)];
    while !layer.is_empty() {
        let mut next = Vec::new();
        for (path, node) in layer {
            let top = path.is_empty();
            for (key, child) in children(node) {
                let below: Vec<String> = path.iter().cloned().chain([key.clone()]).collect();
                if !top || !KEPT.contains(&key.as_str()) {
                    paths.push(below.clone());
                }
                next.push((below, child));
            }
        }
        layer = next;
    }
    paths
}

/// The tree without the part at a path; `None` if there is none.
#[must_use]
pub fn without_part(tree: &Node, path: &[String]) -> Option<Node> {
    let mut tree = tree.clone();
    let (last, before) = path.split_last()?;
    let parent = before.iter().try_fold(&mut tree, |node, key| child_mut(node, key))?;
    match &mut parent.kind {
        NodeKind::Map(_) => parent.remove(last).map(drop)?,
        NodeKind::Seq(items) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < items.len())?;
            items.remove(at);
        }
        NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } => return None,
    }
    Some(tree)
}

/// Simpler values for the scalar at a path, the simplest first: shorter and rounder times, smaller numbers.
#[must_use]
pub fn simpler(tree: &Node, path: &[String]) -> Vec<Node> {
    let Some(old) = path.iter().try_fold(tree, |node, key| child(node, key)).and_then(Node::text)
    else {
        return Vec::new();
    };
    if path.first().is_some_and(|key| matches!(key.as_str(), "peadsim" | "id" | "title")) {
        return Vec::new();
    }
    let texts: Vec<String> = match crate::base::units::parse_duration(old) {
        Ok(span) => {
            let seconds = span.as_nanos() / 1_000_000_000;
            let rounds = [60, 10, 1].map(|unit| Duration::from_secs(seconds / unit * unit));
            let shorter = rounds.into_iter().filter(|it| *it < span && *it > Duration::ZERO);
            std::iter::once(Duration::ZERO).chain(shorter).map(|it| it.to_string()).collect()
        }
        Err(_) if old == "p256" => vec!["model".to_owned()],
        Err(_) if old == "both" => Vec::new(),
        Err(_) => old.parse::<u64>().map_or_else(
            |_| Vec::new(),
            |number| [0, 1].into_iter().filter(|it| *it < number).map(|n| n.to_string()).collect(),
        ),
    };
    let replaced = texts.into_iter().filter(|text| text != old).filter_map(|text| {
        let mut tree = tree.clone();
        let place = path.iter().try_fold(&mut tree, |node, key| child_mut(node, key))?;
        *place = Node::scalar(text, Span::NOWHERE);
        Some(tree)
    });
    replaced.collect()
}

/// Puts items at the beginning of a list of the top level.
#[must_use]
pub fn with_items(tree: &Node, list: &str, first: Vec<Node>) -> Node {
    let mut tree = tree.clone();
    let old = tree.get(list).and_then(Node::items).unwrap_or(&[]).to_vec();
    put_list(&mut tree, list, first.into_iter().chain(old).collect());
    tree
}

/// A map with one entry, as verbs are: `verb: {key: value, ..}`.
#[must_use]
pub fn verb(verb: &str, keys: &[(&str, String)]) -> Node {
    let entry =
        |key: &str, value| Entry { key: Spanned::new(key.to_owned(), Span::NOWHERE), value };
    let keys =
        keys.iter().map(|(key, value)| entry(key, Node::scalar(value.as_str(), Span::NOWHERE)));
    let body = Node { span: Span::NOWHERE, kind: NodeKind::Map(keys.collect()) };
    Node { span: Span::NOWHERE, kind: NodeKind::Map(vec![entry(verb, body)]) }
}

fn put_list(tree: &mut Node, list: &str, items: Vec<Node>) {
    let key = Spanned::new(list.to_owned(), Span::NOWHERE);
    if items.is_empty() && list != "steps" {
        tree.remove(list);
    } else {
        tree.put(key, Node { span: Span::NOWHERE, kind: NodeKind::Seq(items) });
    }
}

/// Takes items out of a list; a list without items goes too.
fn forget(tree: &mut Node, list: &str, mut goes: impl FnMut(&Node) -> bool) {
    let Some(items) = tree.get(list).and_then(Node::items) else { return };
    let left = items.iter().filter(|item| !goes(item)).cloned().collect();
    put_list(tree, list, left);
}

/// The keys of a step's or expectation's verb.
fn body(item: &Node) -> Option<&Node> {
    item.entries()?.first().map(|entry| &entry.value)
}

fn name_of(item: &Node) -> Option<&str> {
    body(item)?.get("as")?.text()
}

/// The name that a step waits for.
fn anchor(item: &Node) -> Option<&str> {
    body(item)?.get("after")?.text().map(owner)
}

/// Does it wait for the step before it?
fn follows(item: &Node) -> bool {
    let is = |key| body(item).is_some_and(|body| body.get(key).is_some());
    !is("at") && !is("after")
}

/// Gives a step a time of its own; one that waits for a barrier needs none.
fn stand_alone(item: &mut Node, at: Option<Duration>) {
    let NodeKind::Map(entries) = &mut item.kind else { return };
    let Some(body) = entries.first_mut().map(|entry| &mut entry.value) else { return };
    body.remove("after");
    body.remove("delay");
    if body.get("at").is_none() {
        let time = Node::scalar(at.unwrap_or(Duration::ZERO).to_string(), Span::NOWHERE);
        body.put(Spanned::new("at".to_owned(), Span::NOWHERE), time);
    }
}

/// Is it about one of these names in another way than by waiting for it?
fn depends(item: &Node, names: &BTreeSet<String>) -> bool {
    let keys = body(item).and_then(Node::entries).unwrap_or(&[]);
    let about = keys.iter().filter(|it| !matches!(it.key.value.as_str(), "after" | "as" | "text"));
    about.into_iter().any(|it| mentions(&it.value, names))
}

/// Does any scalar name one of these: alone, with a point, or in the address of a frame?
fn mentions(node: &Node, names: &BTreeSet<String>) -> bool {
    match &node.kind {
        NodeKind::Null | NodeKind::Broken => false,
        NodeKind::Scalar { text, .. } => {
            let about = text.split_once('(').and_then(|(_, rest)| rest.split(')').next());
            names.contains(text)
                || names.contains(owner(text))
                || about.is_some_and(|about| names.contains(about))
        }
        NodeKind::Seq(items) => items.iter().any(|item| mentions(item, names)),
        NodeKind::Map(entries) => entries.iter().any(|it| mentions(&it.value, names)),
    }
}

/// What stands before the dot: `m1` of `m1.stored`.
fn owner(text: &str) -> &str {
    text.split_once('.').map_or(text, |(owner, _)| owner)
}

/// Takes a name out of lists of names that have others; what is a pair stays one.
fn thin(node: &mut Node, name: &str) {
    let NodeKind::Map(entries) = &mut node.kind else { return };
    for Entry { key, value } in entries {
        match key.value.as_str() {
            key if GROUPS.contains(&key) => leave(value, name),
            "between" => value.items_mut().into_iter().flatten().for_each(|it| leave(it, name)),
            _ => {}
        }
        thin(value, name);
    }
}

/// Takes a name out of a list that has others.
fn leave(list: &mut Node, name: &str) {
    if let Some(items) = list.items_mut().filter(|items| items.len() > 1) {
        items.retain(|item| item.text() != Some(name));
    }
}

fn children(node: &Node) -> Vec<(String, &Node)> {
    match &node.kind {
        NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } => Vec::new(),
        NodeKind::Seq(items) => (0..).map(|n: usize| n.to_string()).zip(items).collect(),
        NodeKind::Map(entries) => {
            entries.iter().map(|it| (it.key.value.clone(), &it.value)).collect()
        }
    }
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.kind {
        NodeKind::Seq(items) => items.get(key.parse::<usize>().ok()?),
        NodeKind::Map(_) => node.get(key),
        NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } => None,
    }
}

fn child_mut<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    if node.entries().is_some() {
        return node.get_mut(key);
    }
    node.items_mut()?.get_mut(key.parse::<usize>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::diagnostics::Diagnostics;
    use crate::scenario::source::Sources;
    use crate::scenario::syntax;
    use crate::scenario::write::write;

    const STORY: &str = "\
devices: {alice: {}, bob: {}, carol: {}}
given: {warm: [[alice, bob], [alice, carol]]}
steps:
  - send: {as: m1, from: alice, to: bob, at: 1s}
  - rotate: {as: r1, by: bob, after: m1.stored, delay: 5s}
  - drop: {frame: m1.deliver#1, at: 0s}
  - clog: {links: [bob, carol], at: 3s, for: 1s}
expect:
  - displayed: m1
  - rotated: bob
";

    fn tree() -> Node {
        let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
        syntax::read("t", STORY.as_bytes(), &mut sources, &mut sink).unwrap()
    }

    fn times() -> Times {
        [1, 7, 0, 3].map(|secs| Some(Duration::from_secs(secs))).to_vec()
    }

    #[test]
    fn a_step_goes_with_what_is_about_it_and_what_waited_for_it_gets_its_time() {
        let text = write(&without_steps(&tree(), &BTreeSet::from([0]), &times()));
        assert!(text.contains("- rotate: {as: r1, by: bob, at: 7s}"), "{text}");
        assert!(!text.contains("m1"), "{text}");
        assert!(text.contains("rotated: bob"), "{text}");
    }

    #[test]
    fn a_device_goes_with_all_that_it_does() {
        let text = write(&without_device(&tree(), "bob", &times()));
        assert!(!text.contains("bob"), "{text}");
        assert!(text.contains("warm: [[alice, carol]]") && text.contains("clog"), "{text}");
        let text = write(&without_device(&tree(), "carol", &times()));
        assert!(text.contains("links: [bob]") && text.contains("m1.deliver#1"), "{text}");
    }

    #[test]
    fn parts_come_outer_first_and_each_can_go() {
        let paths = parts(&tree());
        assert_eq!(paths.first().map(|it| it.join(".")).as_deref(), Some("given"));
        let all: Vec<String> = paths.iter().map(|it| it.join(".")).collect();
        assert!(all.contains(&"given.warm.1".to_owned()), "{all:?}");
        for path in &paths {
            let smaller = without_part(&tree(), path).unwrap();
            assert!(smaller.size() < tree().size(), "{path:?}");
        }
    }

    #[test]
    fn values_become_rounder_and_smaller() {
        let path = ["steps", "1", "rotate", "delay"].map(str::to_owned);
        let texts: Vec<String> = simpler(&tree(), &path).iter().map(write).collect();
        assert_eq!(texts.len(), 1, "zero, and nothing rounder than 5 s");
        assert!(texts[0].contains("delay: 0s"));
    }
}
