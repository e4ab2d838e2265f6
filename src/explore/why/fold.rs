//! Makes a slice short enough to be read: repetitions become one line, and what is needed least goes.
//!
//! Not here: what the lines say (`lines`).

use std::collections::BTreeMap;

use crate::explore::why::lines::{Drawn, Same};
use crate::trace::slice::{Line, What};

/// The lines with repetitions between the first and the last of their kind folded, those that were lost apart
/// from those that were not: which of them got through is what matters.
pub(super) fn fold(drawn: Vec<Drawn>) -> Vec<Line> {
    let mut groups = BTreeMap::<Same, Vec<usize>>::new();
    for (place, it) in drawn.iter().enumerate() {
        groups.entry(it.same.clone()).or_default().push(place);
    }
    let mut lines: Vec<Option<Line>> = drawn.into_iter().map(|it| Some(it.line)).collect();
    for (same, places) in groups {
        let Some([_, inner @ .., _]) = places.get(..) else { continue };
        let is_lost = |place: &usize| lines[*place].as_ref().is_some_and(|it| died(it).is_some());
        let alike: Vec<Vec<usize>> =
            inner.chunk_by(|one, next| is_lost(one) == is_lost(next)).map(<[_]>::to_vec).collect();
        for run in alike.into_iter().filter(|run| run.len() > 1) {
            let repeated = run.iter().filter_map(|place| lines[*place].take()).collect();
            lines[run[0]] = repetition(&same, repeated);
        }
    }
    lines.into_iter().flatten().collect()
}

fn died(line: &Line) -> Option<&String> {
    match &line.what {
        What::Arrow(arrow) => arrow.died.as_ref(),
        What::Note(_) => None,
    }
}

/// `3 more times: submit m1, all lost (2 loss, 1 link down)`.
fn repetition(same: &Same, lines: Vec<Line>) -> Option<Line> {
    let count = lines.len();
    let mut losses = BTreeMap::<String, usize>::new();
    for why in lines.iter().filter_map(died) {
        *losses.entry(why.clone()).or_default() += 1;
    }
    let marked = lines.iter().any(|line| line.marked);
    let weight = lines.iter().map(|line| line.weight).max()?;
    let mut line = lines.into_iter().next()?;
    let lost = match (losses.is_empty(), count) {
        (true, _) => String::new(),
        (false, 2) => format!(", both lost ({})", causes(&losses)),
        (false, _) => format!(", all lost ({})", causes(&losses)),
    };
    line.what = What::Note(format!("{count} more times: {}{lost}", same.text));
    (line.marked, line.weight) = (marked, weight);
    Some(line)
}

/// `loss`, or `2 loss, 1 link down`.
pub(super) fn causes(losses: &BTreeMap<String, usize>) -> String {
    if let (Some((why, _)), 1) = (losses.first_key_value(), losses.len()) {
        return why.clone();
    }
    let each: Vec<String> = losses.iter().map(|(why, n)| format!("{n} {why}")).collect();
    each.join(", ")
}

/// Takes out lines until at most `limit` are left, and says how many it took. The first and the last stay;
/// of lines that are needed equally the one farthest from both goes first.
pub(super) fn prune(lines: &mut Vec<Line>, limit: usize) -> usize {
    let mut omitted = 0;
    while lines.len() > limit.max(2) {
        let last = lines.len() - 1;
        let inner = 1..last;
        let Some(least) = inner.clone().map(|place| lines[place].weight).min() else { break };
        let of_least = |place: &usize| lines[*place].weight == least;
        let farthest = inner.filter(of_least).max_by_key(|place| (*place).min(last - place));
        let Some(place) = farthest else { break };
        lines.remove(place);
        omitted += 1;
    }
    omitted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::NodeId;
    use crate::base::time::Instant;
    use crate::trace::slice::{Arrow, Tone, Weight};

    fn arrow(text: &str, died: Option<&str>) -> Drawn {
        let node = NodeId::device(0);
        let died = died.map(str::to_owned);
        let (to, label) = (NodeId::account(1), text.to_owned());
        let what = What::Arrow(Arrow { to, arrives: None, label, epoch: None, died });
        let line = Line {
            at: Instant::START,
            node,
            what,
            tone: Tone::Plain,
            weight: Weight::Step,
            marked: false,
        };
        Drawn { line, same: Same { node, text: text.to_owned(), req: None } }
    }

    fn texts(lines: &[Line]) -> Vec<&str> {
        fn text(line: &Line) -> &str {
            match &line.what {
                What::Note(text) => text,
                What::Arrow(arrow) => &arrow.label,
            }
        }
        lines.iter().map(text).collect()
    }

    #[test]
    fn repetitions_between_the_first_and_the_last_become_one_line() {
        let tries = |causes: &[Option<&str>]| {
            fold(causes.iter().map(|cause| arrow("submit m1", *cause)).collect())
        };
        assert_eq!(texts(&tries(&[Some("loss"); 3])).len(), 3);
        let lines = tries(&[Some("loss"), Some("loss"), Some("loss"), Some("loss"), None]);
        assert_eq!(
            texts(&lines),
            ["submit m1", "3 more times: submit m1, all lost (loss)", "submit m1"]
        );
        let lines = tries(&[None, Some("loss"), Some("partition"), None, None, None]);
        assert_eq!(
            texts(&lines)[1..3],
            ["2 more times: submit m1, both lost (1 loss, 1 partition)", "2 more times: submit m1"]
        );
    }

    #[test]
    fn what_is_needed_least_goes_first_and_both_ends_stay() {
        let weights = [Weight::Detail, Weight::Step, Weight::Detail, Weight::Key, Weight::Detail];
        let mut lines: Vec<Line> = weights
            .into_iter()
            .zip(["a", "b", "c", "d", "e"])
            .map(|(weight, text)| Line { weight, ..arrow(text, None).line })
            .collect();
        assert_eq!(prune(&mut lines, 4), 1);
        assert_eq!(texts(&lines), ["a", "b", "d", "e"]);
        assert_eq!(prune(&mut lines, 3), 1);
        assert_eq!(texts(&lines), ["a", "d", "e"]);
    }
}
