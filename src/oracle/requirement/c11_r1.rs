//! C11-R1: to a connected receiver new mail is pushed within the bound.
//!
//! Not here: what the device makes of it (C11-R2), or a push that fails (C11-R4).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::Mid;
use crate::base::time::{Duration, Instant, Millis};
use crate::oracle::judge::{Docket, Oracle, account_of, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C11-R1";
const CITED: [Requirement; 1] = [Requirement::of(11, 1)];
/// Mail under way at once, at most, before the server may hold some back.
const WINDOW: usize = 64;

/// The judge of C11-R1.
#[derive(Debug, Default)]
pub struct PushesComeInTime {
    sessions: BTreeMap<u32, Millis>,
    /// Accepted while the receiver was connected, and not offered yet.
    due: BTreeMap<Mid, (u32, Instant, RecordId)>,
    leased: BTreeMap<u32, BTreeSet<Mid>>,
}

impl PushesComeInTime {
    fn judge(&mut self, now: Instant, bound: Duration, docket: &mut Docket) {
        let late = |(_, (_, at, _)): &(&Mid, &(u32, Instant, RecordId))| now > *at + bound;
        let late: Vec<Mid> = self.due.iter().filter(late).map(|(mid, _)| mid.clone()).collect();
        for mid in late {
            if let Some((_, at, record)) = self.due.remove(&mid) {
                let message = format!("{mid} is not pushed within {bound}");
                docket.violation(ID, &CITED, at + bound, &[record], message);
            }
        }
    }
}

impl Oracle for PushesComeInTime {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if !spec.server.push {
            return;
        }
        if !self.due.is_empty() {
            self.judge(record.at, spec.server.push_bound, docket);
        }
        let Some(account) = account_of(record) else { return };
        if let Fact::Session { expires, .. } = &record.fact {
            self.sessions.insert(account, *expires);
        } else if let Fact::Accept { mid, known: false, .. } = &record.fact {
            let expires = self.sessions.get(&account).copied().unwrap_or_default();
            let open = expires > record.wall + spec.server.push_bound;
            let room = self.leased.get(&account).is_none_or(|leased| leased.len() < WINDOW);
            if open && room {
                self.due.insert(mid.clone(), (account, record.at, record.id));
            }
        } else if let Fact::Offer { mid, pushed, .. } = &record.fact {
            self.leased.entry(account).or_default().insert(mid.clone());
            if self.due.remove(mid).is_some() && *pushed {
                docket.shown(ID, &[positive(11, 1)]);
            }
        } else if let Fact::Acked { mid, .. }
        | Fact::Restored { mid, .. }
        | Fact::Nacked { mid, .. }
        | Fact::Expire { mid, .. }
        | Fact::Bounce { mid, .. } = &record.fact
        {
            self.due.remove(mid);
            if let Some(leased) = self.leased.get_mut(&account) {
                leased.remove(mid);
            }
        } else if let Fact::PowerOff { .. } | Fact::PowerOn { .. } | Fact::Reset { .. } =
            &record.fact
        {
            self.sessions.remove(&account);
            self.due.retain(|_, (owner, ..)| *owner != account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::Phase;
    use crate::verdict::requirement::Polarity;

    fn pushed(at: Option<u64>) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.server.push = true;
        let user = story.user(1);
        story.account(1, Fact::Session { user, expires: Millis::NEVER });
        story.accepts(0, 1, 1);
        if let Some(at) = at {
            story.at(at).offers(0, 1, 1);
            if let Some(Fact::Offer { pushed, .. }) =
                story.records.last_mut().map(|record| &mut record.fact)
            {
                *pushed = true;
            }
        }
        story.at_secs(60).phase(Phase::End);
        story.judge(PushesComeInTime::default())
    }

    #[test]
    fn a_push_in_time_is_in_order_and_none_is_found() {
        let docket = pushed(Some(500));
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(11, 1), Polarity::Positive), 1);
        assert_eq!(pushed(None).findings[0].message, "alice>bob#1 is not pushed within 2s");
    }
}
