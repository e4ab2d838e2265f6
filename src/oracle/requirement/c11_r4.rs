//! C11-R4: a push that is not acknowledged falls back to stored mail and is offered again.
//!
//! Not here: how long a lease may last; mail stuck under one is found by L-01.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DeliveryId, Mid};
use crate::oracle::judge::{Docket, Oracle, account_of, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;

const ID: &str = "C11-R4";

/// The judge of C11-R4.
#[derive(Debug, Default)]
pub struct FailedPushesFallBack {
    pushed: BTreeMap<Mid, DeliveryId>,
    /// Pushed, not acknowledged, stored again.
    back: BTreeSet<Mid>,
}

impl Oracle for FailedPushesFallBack {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        if account_of(record).is_none() {
            return;
        }
        if let Fact::Offer { mid, delivery, pushed, .. } = &record.fact {
            if self.back.remove(mid) {
                docket.shown(ID, &[positive(11, 4)]);
            }
            if *pushed {
                self.pushed.insert(mid.clone(), *delivery);
            }
        } else if let Fact::Restored { mid, delivery, .. } = &record.fact {
            if self.pushed.get(mid) == Some(delivery) {
                self.pushed.remove(mid);
                self.back.insert(mid.clone());
            }
        } else if let Fact::Acked { mid, .. }
        | Fact::Expire { mid, .. }
        | Fact::Bounce { mid, .. } = &record.fact
        {
            self.pushed.remove(mid);
            self.back.remove(mid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::{Polarity, Requirement};

    #[test]
    fn a_push_that_comes_back_and_is_offered_again_is_evidence() {
        let mut story = Story::new(&["alice", "bob"]);
        story.offers(0, 1, 1);
        if let Some(Fact::Offer { pushed, .. }) =
            story.records.last_mut().map(|record| &mut record.fact)
        {
            *pushed = true;
        }
        let (mid, delivery) = (story.mid(0, 1, 1), DeliveryId(1));
        let generation = hash("generation");
        story.account(1, Fact::Restored { mid, generation, delivery });
        let requirement = Requirement::of(11, 4);
        let count = |story: &Story| {
            let docket = story.judge(FailedPushesFallBack::default());
            docket.evidence.count(requirement, Polarity::Positive)
        };
        assert_eq!(count(&story), 0);
        story.offers(0, 1, 1);
        assert_eq!(count(&story), 1);
    }
}
