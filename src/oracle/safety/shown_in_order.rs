//! S-27: a user sees each sender's messages in the order of their numbers, gaps marked and in time.
//!
//! Not here: the order across senders, which nobody promises.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, Seq, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DeviceState, Fact, FrameKind};
use crate::trace::record::{Record, RecordId};

const ID: &str = "S-27";

/// The judge of S-27. The order is the profile's; no requirement of a claim asks for it.
#[derive(Debug, Default)]
pub struct ShownInOrder {
    lines: Owned<UserId, Line>,
    /// When messages that are not yet shown came: a device counts from then, not from the write.
    waiting: BTreeMap<(u32, Mid), Instant>,
    /// Peers about whose new identity a user was asked: with it nothing fills the old one's gaps any more.
    asked: BTreeSet<(u32, UserId)>,
    /// Devices that were set back: since when their inboxes hold what they hold is not known.
    restored: BTreeSet<u32>,
}

/// The messages of one sender on one device.
#[derive(Debug, Default)]
struct Line {
    last: Option<(Seq, RecordId)>,
    /// After a restart the last of what was shown may be shown again.
    restarted: bool,
}

impl ShownInOrder {
    fn display(&mut self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Display { mid, late, missing, .. } = &record.fact else { return };
        let came = self.waiting.remove(&(user, mid.clone()));
        let line = self.lines.get_or_insert(user, mid.sender.clone(), Line::default());
        let restarted = std::mem::take(&mut line.restarted);
        if *late {
            docket.shown(ID, &[]);
            return;
        }
        let before = line.last.replace((mid.seq, record.id));
        if let Some((last, shown)) = before.filter(|(last, _)| mid.seq <= *last && !restarted) {
            let message = format!("{mid} is shown after {last} and is not marked as late");
            docket.violation(ID, &[], record.at, &[shown, record.id], message);
            return;
        }
        let gap = spec.limits(user).map(|limits| limits.gap);
        if let (Some(came), Some(gap)) = (came, gap)
            && *missing > 0
            && !self.asked.contains(&(user, mid.sender.clone()))
            && !self.restored.contains(&user)
            && record.at < came + gap
        {
            let held = record.at.since(came);
            let message = format!("the gap before {mid} is released after {held}, not {gap}");
            docket.violation(ID, &[], record.at, &[record.id], message);
            return;
        }
        docket.shown(ID, &[]);
    }
}

impl Oracle for ShownInOrder {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOn, Rolledback, State, Commit, Display, Processed, ConfirmAsked, Confirmed, Rx]
            .frames(frames![Deliver])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Rx(frame) = &record.fact {
            if let (Some(FrameKind::Deliver), About::Message(mid, _)) = (frame.kind, &frame.about) {
                self.waiting.entry((user, Mid::clone(mid))).or_insert(record.at);
            }
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.waiting.entry((user, mid.clone())).or_insert(record.at);
        } else if let Fact::Display { .. } = &record.fact {
            self.display(record, user, spec, docket);
        } else if let Fact::Processed { mid, .. } = &record.fact {
            // Numbers are shared by all kinds, so a message for the device moves the line too.
            self.waiting.remove(&(user, mid.clone()));
            let line = self.lines.get_or_insert(user, mid.sender.clone(), Line::default());
            let last = line.last.map_or(Seq(0), |(last, _)| last);
            line.last = Some((mid.seq.max(last), record.id));
        } else if let Fact::PowerOn { .. } = &record.fact {
            self.each(user, |line| line.restarted = true);
        } else if let Fact::ConfirmAsked { peer, .. } = &record.fact {
            self.asked.insert((user, peer.clone()));
        } else if let Fact::Confirmed { peer, accepted, .. } = &record.fact {
            self.asked.remove(&(user, peer.clone()));
            if *accepted {
                // A confirmed new identity counts from 1.
                self.lines.remove(user, peer);
            }
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            self.each(user, |line| *line = Line::default());
            if let Fact::Rolledback { .. } = &record.fact {
                self.restored.insert(user);
            }
        }
    }
}

impl ShownInOrder {
    fn each(&mut self, user: u32, change: impl Fn(&mut Line)) {
        self.lines.of_mut(user).for_each(|(_, line)| change(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;

    fn messages(story: &Story) -> Vec<String> {
        let docket = story.judge(ShownInOrder::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    fn shows(story: &mut Story, seq: u64, late: bool, missing: u64) {
        story.displays(1, 0, seq, "text");
        if let Some(Fact::Display { late: l, missing: m, .. }) =
            story.records.last_mut().map(|record| &mut record.fact)
        {
            (*l, *m) = (late, missing);
        }
    }

    #[test]
    fn order_with_a_gap_released_in_time_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        shows(&mut story, 1, false, 0);
        story.commits(1, 0, 3);
        story.at_secs(60);
        shows(&mut story, 3, false, 1);
        shows(&mut story, 2, true, 0);
        assert_eq!(messages(&story), [""; 0]);
    }

    #[test]
    fn a_message_out_of_order_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        for seq in [2, 1] {
            shows(&mut story, seq, false, 0);
        }
        assert_eq!(messages(&story), ["alice>bob#1 is shown after #2 and is not marked as late"]);
    }

    #[test]
    fn a_gap_released_too_early_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.commits(1, 0, 2);
        story.at_secs(59);
        shows(&mut story, 2, false, 1);
        assert_eq!(messages(&story), ["the gap before alice>bob#2 is released after 59s, not 1m"]);
    }

    #[test]
    fn a_gap_is_held_back_from_the_arrival_on() {
        let mut story = Story::new(&["alice", "bob"]);
        let about = About::message(story.mid(0, 1, 2), 0);
        let frame = story.frame(FrameKind::Deliver, false, about);
        story.device(1, Fact::Rx(frame));
        story.at(1);
        story.commits(1, 0, 2);
        story.at_secs(60);
        shows(&mut story, 2, false, 1);
        assert_eq!(messages(&story), [""; 0]);
    }

    #[test]
    fn a_restart_may_show_the_last_message_again() {
        let mut story = Story::new(&["alice", "bob"]);
        shows(&mut story, 1, false, 0);
        story.device(1, Fact::PowerOn { boot: 2 });
        shows(&mut story, 1, false, 0);
        assert_eq!(messages(&story), [""; 0]);
    }
}
