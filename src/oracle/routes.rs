//! Which oracle looks at which records, so that a record is shown to nobody whom it does not concern.
//!
//! Not here: what an oracle looks at; it says so itself (`judge`).

use strum::{EnumCount, IntoEnumIterator};

use crate::oracle::judge::{Facts, Oracle};
use crate::trace::fact::{Fact, FactKind, FrameKind};

/// For each kind of record the places of those who look at it, in their order.
#[derive(Debug)]
pub struct Routes(Vec<Vec<usize>>);

/// Kinds of frames, and octets that are no frame.
const FRAMES: usize = FrameKind::ALL.len() + 1;

impl Routes {
    /// The routes to these oracles.
    #[must_use]
    pub fn to(oracles: &[Box<dyn Oracle>]) -> Self {
        let facts: Vec<Facts> = oracles.iter().map(|oracle| oracle.facts()).collect();
        Self::to_those_of(&facts)
    }

    /// The routes to those who look at these facts each.
    #[must_use]
    pub fn to_those_of(facts: &[Facts]) -> Self {
        let mut routes = vec![Vec::new(); (Fact::COUNT + 1) * FRAMES];
        for kind in FactKind::iter() {
            // Few look at any one kind, and none of the others at its frames.
            let of_kind: Vec<usize> =
                (0..facts.len()).filter(|place| facts[*place].contain(kind, None)).collect();
            for frame in FrameKind::ALL.iter().copied().map(Some).chain([None]) {
                let looks = |place: &&usize| facts[**place].contain(kind, frame);
                routes[index(kind, frame)] = of_kind.iter().filter(looks).copied().collect();
            }
        }
        Self(routes)
    }

    /// The places of those who look at records of this kind.
    #[must_use]
    pub fn at(&self, route: Route) -> &[usize] {
        &self.0[usize::from(route.0)]
    }
}

/// A kind of records: of the same kind all go to the same oracles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route(u16);

impl Route {
    /// The kind of records with this fact.
    #[must_use]
    pub fn of(fact: &Fact) -> Self {
        let place = index(FactKind::from(fact), fact.frame().and_then(|frame| frame.kind));
        Self(u16::try_from(place).expect("there are some thousand kinds"))
    }
}

const fn index(kind: FactKind, frame: Option<FrameKind>) -> usize {
    let frame = match frame {
        Some(frame) => frame as usize,
        None => FRAMES - 1,
    };
    kind as usize * FRAMES + frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::judge::{Docket, facts};
    use crate::oracle::spec::Spec;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::About;
    use crate::trace::record::Record;

    struct Looks(Facts);

    impl Oracle for Looks {
        fn id(&self) -> &'static str {
            "S-00"
        }

        fn facts(&self) -> Facts {
            self.0
        }

        fn observe(&mut self, _: &Record, _: &Spec, _: &mut Docket) {}
    }

    #[test]
    fn a_record_goes_to_those_who_look_at_its_fact_and_frame() {
        let looks = [
            facts![Fence],
            facts![Tx],
            facts![Tx].frames(&[FrameKind::Poll]),
            facts![Fence, Tx, Rx].frames(&[FrameKind::Hello]),
        ];
        let oracles = looks.map(|it| Box::new(Looks(it)) as Box<dyn Oracle>);
        let routes = Routes::to(&oracles);
        let story = Story::new(&["alice"]);
        let tx = |kind| Fact::Tx(story.frame(kind, true, About::Nothing));
        let to = |fact: &Fact| routes.at(Route::of(fact));
        assert_eq!(to(&Fact::Fence { name: String::new() }), [0, 3]);
        assert_eq!(to(&tx(FrameKind::Poll)), [1, 2]);
        assert_eq!(to(&tx(FrameKind::Hello)), [1, 3]);
        assert_eq!(to(&tx(FrameKind::Submit)), [1]);
        assert_eq!(to(&Fact::Phase(crate::trace::fact::Phase::End)), [0; 0]);
    }
}
