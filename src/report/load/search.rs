//! What a search for a knee came to, for people at a terminal.
//!
//! Not here: the load that follows it (`terminal`), or its file (`verdict::knee` is serialized for that).

use crate::report::load::terminal::{generator, line};
use crate::report::text::{clean, counted};
use crate::verdict::knee::{KneeSearch, KneeState};

/// The report of a search that no load followed.
#[must_use]
pub fn write(search: &KneeSearch) -> String {
    let mut text = String::new();
    line(&mut text, "load", &format!("{} seed {}", clean(&search.case), search.seed));
    line(&mut text, "server", &clean(&search.server));
    if let Some(thinned) = &search.thinned {
        line(&mut text, "population", &format!("THINNED to {thinned} of its people"));
    }
    if let Some(calibration) = &search.calibration {
        generator(&mut text, calibration);
    }
    knee(&mut text, search);
    text
}

/// What the search came to, in a sentence.
#[must_use]
pub fn told(search: &KneeSearch) -> String {
    let pace = |it: Option<u64>| it.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let (holds, breaks) = (pace(search.holds), pace(search.breaks));
    match search.state {
        KneeState::Searching => "the search is under way".to_owned(),
        KneeState::Found => {
            format!("every objective holds at {holds} % of the pace, one breaks at {breaks} %")
        }
        KneeState::BeyondGenerator => {
            format!("above {holds} % of the pace, which is all that this generator can make")
        }
        KneeState::Beyond => format!("above {holds} % of the pace, the highest one tried"),
        KneeState::Void => "this generator can make none of the paces that were tried".to_owned(),
        KneeState::Nowhere => "no pace holds, not even the lowest".to_owned(),
        KneeState::Unsteady => {
            format!("below {breaks} % of the pace; what short probes showed no long one confirmed")
        }
        KneeState::Stopped => format!("not found: stopped after {}", probes(search)),
        KneeState::Failed => format!("not found: it could not go on after {}", probes(search)),
    }
}

fn probes(search: &KneeSearch) -> String {
    counted(search.probes.len() as u64, "probe")
}

/// The lines of a search in a report.
pub(super) fn knee(text: &mut String, search: &KneeSearch) {
    line(text, "knee", &format!("{}; {}", told(search), probes(search)));
    let Some(sizing) = search.sizing else { return };
    let bound = if search.state == KneeState::Found { "" } else { "at least " };
    let devices = counted(search.devices, "device");
    let what = format!("{bound}{} operations a second, tried with {devices}", sizing.per_second);
    line(text, "", &what);
    let tried =
        if sizing.extrapolated { " (EXTRAPOLATED: as many connections were not held)" } else { "" };
    let alike = counted(sizing.devices, "device");
    line(text, "sizing", &format!("{bound}{alike} as the scenario has them{tried}"));
    line(text, "below", &format!("the load that follows is at {} % of the pace", sizing.below));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::knee::{KNEE_VERSION, Sizing};

    #[test]
    fn what_was_tried_is_no_extrapolation() {
        let search = |extrapolated| KneeSearch {
            version: KNEE_VERSION,
            program: "0".to_owned(),
            case: "A".to_owned(),
            seed: 1,
            server: "somewhere".to_owned(),
            devices: 40,
            thinned: Some("1/100".to_owned()),
            tolerance: 5,
            calibration: None,
            probes: Vec::new(),
            state: KneeState::Found,
            holds: Some(80),
            breaks: Some(84),
            sizing: Some(Sizing { per_second: 90, devices: 32, extrapolated, below: 56 }),
        };
        assert!(!write(&search(false)).contains("EXTRAPOLATED"));
        let text = write(&search(true));
        for words in ["EXTRAPOLATED", "32 devices", "holds at 80 %", "THINNED to 1/100"] {
            assert!(text.contains(words), "{words} is not in {text}");
        }
    }
}
