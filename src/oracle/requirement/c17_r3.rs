//! C17-R3: a refresh without a key change changes no secret, and refreshes keep to their rate.
//!
//! Not here: refreshes that bring a new key (S-09).

use crate::base::id::{Epoch, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, LookupCause, ReplyResult};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C17-R3";
const CITED: [Requirement; 1] = [Requirement::of(17, 3)];

/// The judge of C17-R3.
#[derive(Debug, Default)]
pub struct QuietRefreshesChangeNothing {
    pairs: Owned<UserId, Pair>,
}

#[derive(Debug, Default)]
struct Pair {
    /// When the last refresh began.
    refresh: Option<Instant>,
    /// It is under way.
    asking: bool,
    /// It brought nothing new, and nothing has been sent or opened since.
    quiet: bool,
    epochs: Option<(Epoch, Epoch)>,
}

impl Pair {
    /// A message to or from the peer after a refresh that changed nothing.
    fn used(&mut self, own: Epoch, theirs: Epoch, docket: &mut Docket) {
        let before = self.epochs.replace((own, theirs));
        if std::mem::take(&mut self.quiet) && before == self.epochs {
            docket.shown(ID, &[positive(17, 3)]);
        }
    }
}

impl QuietRefreshesChangeNothing {
    fn pair(&mut self, user: u32, peer: &UserId) -> &mut Pair {
        self.pairs.get_or_insert(user, peer.clone(), Pair::default())
    }
}

impl Oracle for QuietRefreshesChangeNothing {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Lookup, LookupFailed, KeyReply, Pin, Encrypt, Decrypt]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Lookup { peer, because: LookupCause::Refresh, .. } = &record.fact {
            let Some(limits) = spec.limits(user) else { return };
            let pair = self.pair(user, peer);
            pair.asking = true;
            let Some(before) = pair.refresh.replace(record.at) else { return };
            let span = record.at.since(before);
            if span < limits.refresh.scale(1, 2) {
                let message = format!("{peer} is refreshed again after {span}");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else {
                docket.shown(ID, &[negative(17, 3)]);
            }
        } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, epochs, .. } =
            &record.fact
        {
            let pair = self.pair(user, peer);
            pair.quiet = std::mem::take(&mut pair.asking);
            // A long chain comes in parts, each asked for at once.
            if epochs.len() > 2 {
                pair.refresh = None;
            }
        } else if let Fact::LookupFailed { peer, .. } = &record.fact {
            // What found no answer is tried again; only answered refreshes count for the rate.
            self.pair(user, peer).refresh = None;
        } else if let Fact::Pin { peer, .. } = &record.fact {
            self.pair(user, peer).quiet = false;
        } else if let Fact::Encrypt(sealing) = &record.fact {
            self.pair(user, &sealing.mid.receiver).used(sealing.own, sealing.theirs, docket);
        } else if let Fact::Decrypt(opening) = &record.fact {
            self.pair(user, &opening.mid.sender).used(opening.own, opening.theirs, docket);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.pairs.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    /// Refreshes at these seconds, with a message after each; the declared period is 30 s.
    fn refreshes(at: &[u64]) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.limits[0].refresh = crate::base::time::Duration::from_secs(30);
        story.encrypts(0, 1, 1, "text", 1, 1);
        for (seq, at) in (2..).zip(at) {
            story.at_secs(*at).looks_up(0, 1, 1, LookupCause::Refresh);
            story.gets_reply(0, 1, 1, ReplyResult::Accepted);
            story.encrypts(0, 1, seq, "text", 1, 1);
        }
        story.judge(QuietRefreshesChangeNothing::default())
    }

    #[test]
    fn refreshes_at_their_rate_are_in_order_and_more_are_found() {
        let docket = refreshes(&[30, 60]);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 3), Polarity::Positive), 2);
        assert_eq!(docket.evidence.count(Requirement::of(17, 3), Polarity::Negative), 1);
        assert_eq!(refreshes(&[30, 40]).findings[0].message, "bob is refreshed again after 10s");
    }
}
