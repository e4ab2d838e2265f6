//! Judging a test again, from its transcript alone: the same verdict, or a doubt about the transcript.
//!
//! Not here: the chain of hashes (`transcript`), or reading files.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::conformance::assess::{Alive, Seen, assess};
use crate::conformance::case::{Case, NoCase};
use crate::conformance::keyring::Keyring;
use crate::conformance::timing::excuse;
use crate::conformance::transcript::{Doubt, Entry, Fault, Head, Reader, TRANSCRIPT_VERSION};
use crate::scenario::library::Shelf;
use crate::scenario::read::{Extras, Reading, read};
use crate::sim::run::judge_again;
use crate::sim::testimony::Told;
use crate::trace::digest::Forms;
use crate::trace::sink::Sink as _;
use crate::verdict::trial::{Kept, Trial};

/// What a transcript says, and what the judges say of it now.
#[derive(Debug)]
pub struct Judged {
    /// What the test is made of.
    pub head: Head,
    /// What came of it then.
    pub then: Trial,
    /// What comes of it now.
    pub now: Trial,
}

impl Judged {
    /// Whether both are the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.then == self.now
    }
}

/// Why a transcript gives no verdict.
#[derive(Debug, thiserror::Error)]
pub enum NoVerdict {
    /// It cannot be believed.
    #[error(transparent)]
    Doubt(#[from] Doubt),
    /// It begins with something else.
    #[error("its first line says nothing of a test")]
    NoHead,
    /// Another program wrote it.
    #[error("the transcript has version {0}, this program reads version {TRANSCRIPT_VERSION}")]
    Version(u32),
    /// Its texts give no such case.
    #[error(transparent)]
    NoCase(#[from] NoCase),
    /// The test was not judged then.
    #[error("it ends without a verdict: the test did not come to its end")]
    Open,
}

/// Judges a transcript again. `file` is its name in the folder of the report.
///
/// # Errors
/// Why it gives no verdict.
pub fn judge(lines: impl BufRead, keys: &Keyring, file: &str) -> Result<Judged, NoVerdict> {
    let mut reader = Reader::new(lines);
    let head = match reader.next() {
        Some(Ok(Entry::Head(head))) => *head,
        Some(Err(doubt)) => return Err(doubt.into()),
        Some(Ok(_)) | None => return Err(NoVerdict::NoHead),
    };
    if head.version != TRANSCRIPT_VERSION {
        return Err(NoVerdict::Version(head.version));
    }
    let reading = texts(&head);
    let role = head.device.as_deref().and_then(|name| UserId::new(name).ok());
    let case = Case::of(&reading, &head.case, role.as_ref())?;
    let (plan, user) = case.plan(head.seed, head.suite.as_deref(), &head.capabilities)?;
    let mut alive = Alive::of(user);
    let mut rest = Rest::default();
    let forms = Forms { masked: false, black_box: true };
    let told = std::iter::from_fn(|| told(&mut reader, keys, &mut rest)).inspect(|it| {
        if let Ok(Told::Record(record)) = it {
            alive.take(record);
        }
    });
    let mut outcome = judge_again(&plan, forms, told)?;
    if let Some(round_trip) = head.round_trip {
        excuse(&plan, &mut outcome, round_trip, rest.lag);
    }
    let Rest { fault, then, .. } = rest;
    let root = reader.root().unwrap_or_default().to_owned();
    let kept = Some(Kept { file: file.to_owned(), root });
    let then = Trial { transcript: kept.clone(), ..then.ok_or(NoVerdict::Open)? };
    let now = assess(head.trial.clone(), &plan, Seen { outcome, fault, said: alive.said });
    Ok(Judged { head, then, now: Trial { transcript: kept, ..now } })
}

/// What is for others than the judges.
#[derive(Default)]
struct Rest {
    fault: Option<Fault>,
    lag: Option<Duration>,
    then: Option<Trial>,
}

/// The next thing that judges are told; all lines are read, and what is for others is kept.
fn told(
    reader: &mut Reader<impl BufRead>,
    keys: &Keyring,
    rest: &mut Rest,
) -> Option<Result<Told, NoVerdict>> {
    loop {
        let entry = match reader.next()? {
            Ok(entry) => entry,
            Err(doubt) => return Some(Err(doubt.into())),
        };
        let line = reader.line();
        let order = |why| Some(Err(Doubt::Order { line, why }.into()));
        match entry {
            Entry::Key(hash) => {
                let key = keys.find(hash).map_err(|source| Doubt::Key { line, source });
                return Some(key.map(Told::Key).map_err(NoVerdict::from));
            }
            Entry::Record(record) => return Some(Ok(Told::Record(*record))),
            Entry::End(counted) => return Some(Ok(Told::End(counted))),
            Entry::Fault(it) => rest.fault = Some(it),
            Entry::Lag(it) => rest.lag = Some(it),
            Entry::Verdict(trial) if rest.then.is_none() => rest.then = Some(*trial),
            Entry::Verdict(_) => return order("a second verdict"),
            Entry::Head(_) => return order("a second test"),
            Entry::Said { .. } | Entry::Root => {}
        }
    }
}

/// The scenario of a test, read from the texts that its transcript keeps.
fn texts(head: &Head) -> Reading {
    let Some(own) = head.texts.first() else { return Reading::default() };
    let texts: BTreeMap<String, String> =
        head.texts.iter().map(|it| (it.name.clone(), it.text.clone())).collect();
    let shelf = Shelf::kept(Path::new(&own.name), texts);
    let extras = Extras { set: head.set.clone(), ..Case::extras() };
    read(&own.name, own.text.as_bytes(), Some(&shelf), &extras)
}
