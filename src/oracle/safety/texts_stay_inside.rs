//! S-01, its concrete twin: no part of a text that users see stands in the octets that carried it.
//!
//! Not here: keys (`secrets_stay_inside`, S-22), or what somebody with the keys could compute.

use std::collections::BTreeMap;

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::needles::WINDOW;
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DraftStatus, Fact, FrameFact, FrameKind, Octets};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-01";
const CITED: [Requirement; 1] = [Requirement::of(8, 3)];
/// Shorter texts could stand in any octets by chance.
pub(super) const SHORTEST: usize = 5;

/// The judge of S-01.
#[derive(Debug, Default)]
pub struct TextsStayInside {
    /// The last submission of each message on its way.
    carried: BTreeMap<Mid, (Octets, RecordId)>,
}

/// Whether the octets hold a part of the text that is no user's name, as names may be seen.
pub(super) fn gives_away(octets: &[u8], text: &str, mid: &Mid) -> bool {
    let window = WINDOW.min(text.len());
    let holds = |outer: &[u8], part: &[u8]| outer.windows(part.len()).any(|it| it == part);
    let names = [mid.sender.as_str().as_bytes(), mid.receiver.as_str().as_bytes()];
    let secret = |part: &&[u8]| !names.iter().any(|name| holds(name, part));
    text.as_bytes().windows(window).filter(secret).any(|part| holds(octets, part))
}

impl TextsStayInside {
    fn submission(&mut self, record: &Record, frame: &FrameFact) {
        if let About::Message(mid, _) = &frame.about
            && frame.kind == Some(FrameKind::Submit)
            && let Some(octets) = &frame.octets
        {
            self.carried.insert(Mid::clone(mid), (octets.clone(), record.id));
        }
    }
}

impl Oracle for TextsStayInside {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Notice, Display, Tx].frames(frames![Submit])
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        if device_of(record).is_none() {
            return;
        }
        if let Fact::Tx(frame) = &record.fact {
            self.submission(record, frame);
        } else if let Fact::Display { mid, text, .. } = &record.fact {
            let Some((octets, carrier)) = self.carried.remove(mid) else { return };
            if text.len() < SHORTEST {
                return;
            }
            if gives_away(&octets.0, text, mid) {
                let message = format!("the server can read what {mid} says");
                docket.violation(ID, &CITED, record.at, &[carrier, record.id], message);
            } else {
                docket.shown(ID, &[positive(8, 3), negative(8, 3)]);
            }
        } else if let Fact::Notice { mid: Some(mid), status, .. } = &record.fact {
            match status {
                DraftStatus::Delivered | DraftStatus::Expired | DraftStatus::Failed => {
                    self.carried.remove(mid);
                }
                DraftStatus::Unsent | DraftStatus::Sent | DraftStatus::NeedsConfirm => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn carried(octets: &[u8]) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let about = About::message(story.mid(0, 1, 1), 1);
        let mut frame = story.frame(FrameKind::Submit, true, about);
        frame.octets = Some(Octets(octets.into()));
        story.device(0, Fact::Tx(frame));
        story.at(50).displays(1, 0, 1, "meet alice at nine");
        story.judge(TextsStayInside::default())
    }

    #[test]
    fn octets_that_hold_nothing_of_the_text_are_in_order() {
        let docket = carried(b"alice bob 0123456789");
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
    }

    #[test]
    fn octets_that_hold_a_part_of_the_text_are_found() {
        let docket = carried(b"alice bob ..e at nine..");
        assert_eq!(docket.findings[0].message, "the server can read what alice>bob#1 says");
    }
}
