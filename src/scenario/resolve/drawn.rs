//! The single, drawn file: a case's tree with the ranges of its devices replaced by what they became.
//!
//! Not here: fleets, whose devices differ from each other: their ranges stay as they are written.

use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::network::config::LinkConfig;
use crate::network::latency::Distribution;
use crate::scenario::expand::single;
use crate::scenario::plan::Plan;
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::{Entry, Node, NodeKind};

/// The tree of a case as a file of its own, for the seed of its plan.
#[must_use]
pub fn drawn(tree: &Node, plan: &Plan) -> Node {
    let mut tree = single(tree);
    tree.put(key("seeds"), text(plan.seed));
    let network_is_drawn = tree.get("network").is_some_and(has_range);
    for device in &plan.devices {
        let Some(written) = tree.get_mut("devices").and_then(|it| it.get_mut(device.user.as_str()))
        else {
            continue;
        };
        if written.entries().is_none() {
            written.kind = NodeKind::Map(Vec::new());
        }
        let profile = &plan.profiles[device.profile as usize];
        let config = &profile.config;
        let poll = config.poll.unwrap_or_default();
        replace(written, &["receive", "poll"], poll);
        replace(written, &["table", "capacity"], config.table_capacity);
        replace(written, &["refresh"], config.refresh);
        replace(written, &["stale"], config.max_stale);
        replace(written, &["store"], profile.sync);
        if let Some(after) = profile.user.as_ref().and_then(|user| user.after.only_value()) {
            replace(written, &["user"], after);
            replace(written, &["user", "after"], after);
        }
        if network_is_drawn || written.get("network").is_some_and(has_range) {
            let up = settings(&plan.links[device.up as usize]);
            let down = settings(&plan.links[device.down as usize]);
            written.put(key("network"), map([("up", Some(up)), ("down", Some(down))]));
        }
    }
    // What `links` says of a device would come before what stands with the device now.
    let devices = plan.devices.iter().map(|device| device.user.as_str());
    if let (true, Some(links)) =
        (network_is_drawn, tree.get_mut("network").and_then(|it| it.get_mut("links")))
    {
        devices.for_each(|user| {
            links.remove(user);
        });
    }
    tree
}

fn has_range(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Null | NodeKind::Broken => false,
        NodeKind::Scalar { text, .. } => text.contains(".."),
        NodeKind::Seq(items) => items.iter().any(has_range),
        NodeKind::Map(entries) => entries.iter().any(|entry| has_range(&entry.value)),
    }
}

/// Replaces a range by what it became.
fn replace(node: &mut Node, path: &[&str], value: impl ToString) {
    let place = path.iter().try_fold(node, |node, key| node.get_mut(key));
    if let Some(place) = place.filter(|place| place.text().is_some() && has_range(place)) {
        *place = text(value);
    }
}

fn settings(link: &LinkConfig) -> Node {
    let share = |share: Ratio| (share > Ratio::ZERO).then(|| text(share));
    let loss = match link.loss.bursts {
        None => share(link.loss.independent),
        Some(bursts) => {
            let bursts = map([
                ("enter", Some(text(bursts.enter))),
                ("leave", Some(text(bursts.leave))),
                ("inside", Some(text(bursts.loss_bad))),
                ("outside", Some(text(bursts.loss_good))),
            ]);
            Some(map([("bursts", Some(bursts))]))
        }
    };
    let reorder = link.reorder.as_ref().map(|reorder| {
        let extra = match reorder.extra.distribution() {
            Distribution::Uniform { high, .. } => *high,
            Distribution::Constant(_)
            | Distribution::Exponential { .. }
            | Distribution::LogNormal { .. }
            | Distribution::Table(_) => reorder.extra.min(),
        };
        map([("share", Some(text(reorder.probability))), ("extra", Some(text(extra)))])
    });
    map([
        ("latency", Some(latency(link.latency.distribution(), link.latency.min()))),
        ("loss", loss),
        ("duplicate", share(link.duplicate)),
        ("reorder", reorder),
        ("corrupt", share(link.corrupt)),
        ("bandwidth", link.bandwidth.map(|it| text(format!("{}B/s", it.rate)))),
        ("queue", link.bandwidth.map(|it| text(format!("{}B", it.queue)))),
        ("frame", link.frame_max.map(|octets| text(format!("{octets}B")))),
    ])
}

fn latency(distribution: &Distribution, min: Duration) -> Node {
    let min = Some(text(min));
    match distribution {
        Distribution::Constant(value) => text(value),
        Distribution::Uniform { low, high } => {
            map([("uniform", Some(text(format!("{low}..{high}"))))])
        }
        Distribution::Exponential { mean } => {
            map([("exponential", Some(map([("mean", Some(text(mean))), ("min", min)])))])
        }
        Distribution::LogNormal { median, p99 } => {
            let body = [("median", Some(text(median))), ("p99", Some(text(p99))), ("min", min)];
            map([("lognormal", Some(map(body)))])
        }
        Distribution::Table(values) => {
            let kind = NodeKind::Seq(values.iter().map(text).collect());
            map([("table", Some(Node { span: Span::NOWHERE, kind }))])
        }
    }
}

fn key(name: &str) -> Spanned<String> {
    Spanned::new(name.to_owned(), Span::NOWHERE)
}

fn text(value: impl ToString) -> Node {
    Node::scalar(value.to_string(), Span::NOWHERE)
}

fn map<const N: usize>(entries: [(&str, Option<Node>); N]) -> Node {
    let entries = entries
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| Entry { key: key(name), value }));
    Node { span: Span::NOWHERE, kind: NodeKind::Map(entries.collect()) }
}
