//! A causal slice as trace events of Chrome, which Perfetto reads: a track a node, a flow a frame.
//!
//! Not here: what belongs to it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::base::id::NodeId;
use crate::base::time::Instant;
use crate::trace::slice::{Arrow, Line, Slice, Tone, What};

/// Draws a slice.
#[must_use]
pub fn draw(slice: &Slice) -> String {
    let mut nodes = BTreeSet::new();
    let mut events = Vec::new();
    for (line, flow) in slice.lines.iter().zip(1_u64..) {
        nodes.insert(line.node);
        match &line.what {
            What::Note(text) => events.push(event(line, line.node, line.at, text)),
            What::Arrow(arrow) => {
                nodes.insert(arrow.to);
                frame(line, arrow, flow, &mut events);
            }
        }
    }
    let tracks = nodes.into_iter().map(|node| named(node, slice));
    let all: Vec<Value> = tracks.chain(events).collect();
    let document = json!({
        "displayTimeUnit": "ms",
        "otherData": {"title": slice.title, "answer": slice.answer.join(" ")},
        "traceEvents": all,
    });
    // A value of strings and numbers has no way to fail.
    format!("{document:#}\n")
}

/// The name of a node's track.
fn named(node: NodeId, slice: &Slice) -> Value {
    json!({
        "ph": "M", "name": "thread_name", "pid": 1, "tid": track(node),
        "args": {"name": slice.node_name(node)},
    })
}

/// A frame is a short stay at either end and the flow between them; one that died has no other end.
fn frame(line: &Line, arrow: &Arrow, flow: u64, events: &mut Vec<Value>) {
    let Arrow { to, arrives, label, died, .. } = arrow;
    let text = died.as_ref().map_or_else(|| label.clone(), |why| format!("{label} X {why}"));
    events.push(event(line, line.node, line.at, &text));
    let Some(arrives) = arrives else { return };
    events.push(event(line, *to, *arrives, label));
    for (phase, node, at) in [("s", line.node, line.at), ("f", *to, *arrives)] {
        events.push(json!({
            "ph": phase, "bp": "e", "id": flow, "cat": "frame", "name": label,
            "pid": 1, "tid": track(node), "ts": micros(at),
        }));
    }
}

fn event(line: &Line, node: NodeId, at: Instant, text: &str) -> Value {
    let tone = match line.tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Doubt => "doubt",
    };
    json!({
        "ph": "X", "dur": 1, "cat": tone, "name": text,
        "pid": 1, "tid": track(node), "ts": micros(at),
        "args": {"at": at.to_string(), "marked": line.marked},
    })
}

/// Perfetto leaves out threads with the number 0.
fn track(node: NodeId) -> u64 {
    u64::from(node.raw()) + 1
}

/// The unit of the format.
const fn micros(at: Instant) -> u64 {
    at.as_nanos() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_slice_has_a_track_a_node_and_a_flow_a_frame() {
        let document: Value = serde_json::from_str(&draw(&samples::slice())).unwrap();
        let events = document["traceEvents"].as_array().unwrap();
        let of = |phase: &'static str| events.iter().filter(move |it| it["ph"] == phase);
        let tracks: Vec<_> = of("M").map(|it| it["args"]["name"].as_str().unwrap()).collect();
        assert_eq!(tracks, ["alice", "bob", "server (bob)", "harness"]);
        let starts: Vec<_> = of("s").map(|it| (it["id"].clone(), it["ts"].clone())).collect();
        let ends: Vec<_> = of("f").map(|it| (it["id"].clone(), it["ts"].clone())).collect();
        assert_eq!(starts, [(json!(4), json!(3_000)), (json!(5), json!(40_000))]);
        assert_eq!(ends, [(json!(4), json!(23_000)), (json!(5), json!(60_000))]);
        assert_eq!(of("X").count(), 3 + 1 + 2 * 2);
        assert!(of("X").any(|it| it["name"] == "submit m1 X partition"));
    }
}
