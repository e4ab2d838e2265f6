//! What a load measures: durations from intended instants, counts, and which messages arrived.
//!
//! Durations are never corrected afterwards: they begin at intended instants, so nothing is missing in them.
//! Not here: when something happened (`seat`), or whether it is good enough (`slo`).

use hdrhistogram::Histogram;
use xxhash_rust::xxh3::xxh3_64;

use crate::base::id::Mid;
use crate::base::time::Duration;
use crate::scenario::plan::{Plan, WorkloadKind};
use crate::verdict::load::MailFate;
use crate::verdict::metrics::Distribution;

/// The longest duration that is told apart from longer ones: an hour, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;
/// Significant digits of what is told of all durations of a metric.
const DIGITS: u8 = 3;

/// What a duration is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// From the intended instant of an operation of this workload until its answer.
    Response(u16),
    /// From the moment that the device took it up until its answer.
    Service(u16),
    /// From the intended instant until it was its turn: it waited for answers to earlier ones.
    Queue(u16),
    /// From the intended instant of a message until its receiver saw it.
    Delivery(u16),
    /// From the intended instant of a request until its writer saw the approval or refusal.
    Answer(u16),
    /// How late the generator itself was: from an operation's turn until the device took it up.
    Lag,
    /// From a request on the wire to its answer.
    Wire(Request),
}

/// Requests on the wire.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::EnumIter,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Request {
    /// A connection, TLS included.
    Connect,
    /// From Hello to Attached.
    Attach,
    /// A message.
    Submit,
    /// A lookup of keys.
    Lookup,
    /// A poll, to its end.
    Poll,
    /// A rotation.
    Rotate,
}

/// All durations of a metric.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Of all, to three digits; none yet.
    pub total: Option<Box<Histogram<u64>>>,
    /// By the second of the load that they began in.
    pub seconds: Vec<Distribution>,
}

/// Counted things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations whose turn has come.
    pub issued: u64,
    /// Operations that were answered as they should.
    pub done: u64,
    /// Of them, those that were answered while operations were due.
    pub in_time: u64,
    /// Operations that were refused or given up.
    pub failed: u64,
    /// Messages that the server has taken, and that were given up.
    pub given_up: u64,
    /// Connections that came about.
    pub connects: u64,
    /// Connections that were lost, or did not come about.
    pub losses: u64,
    /// Frames sent.
    pub sent: u64,
    /// Of them, repeated ones.
    pub again: u64,
    /// Frames received.
    pub received: u64,
    /// Refusals received.
    pub errors: u64,
    /// Searches of the table that found a secret.
    pub hits: u64,
    /// Those that did not.
    pub misses: u64,
    /// Messages received twice.
    pub duplicates: u64,
}

/// Which messages were accepted, seen, and ended otherwise, as hashes of what they are.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// Acknowledged by the server.
    pub accepted: Vec<u64>,
    /// Seen by their receivers.
    pub seen: Vec<u64>,
    /// Whose senders were told that they will not arrive.
    pub ended: Vec<u64>,
}

/// Everything that a worker has measured.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Durations by metric.
    pub series: std::collections::BTreeMap<Metric, Series>,
    /// Counts.
    pub counts: Counts,
    /// Messages.
    pub mail: Mail,
    /// How far the server's wall clock was ahead at each challenge, in milliseconds.
    pub offsets: Vec<i64>,
    /// Which share of its time the busiest thread has worked while operations were due, in percent.
    pub busy: u64,
}

impl Metric {
    /// As it is called in a scenario's expectations and in reports.
    #[must_use]
    pub fn name(self, plan: &Plan) -> String {
        let of = |index: u16, what: &str| {
            let name = plan.workloads.get(usize::from(index)).map(|it| it.name.0);
            let named = name.and_then(|name| plan.spec.names.get(name as usize));
            format!("{}.{what}", named.map_or("?", |it| it.name.as_str()))
        };
        match self {
            Self::Response(index) => of(index, "response"),
            Self::Service(index) => of(index, "service"),
            Self::Queue(index) => of(index, "queue"),
            Self::Delivery(index) => of(index, "delivery"),
            Self::Answer(index) => of(index, "answer"),
            Self::Lag => "lag".to_owned(),
            Self::Wire(request) => format!("wire.{}", <&str>::from(request)),
        }
    }
}

impl Series {
    /// Notes one that began at this offset from the start of the load.
    pub fn note(&mut self, began: Duration, span: Duration) {
        let total = self.total.get_or_insert_with(|| {
            let all = Histogram::new_with_bounds(1, LONGEST, DIGITS);
            Box::new(all.expect("the bounds and digits are legal"))
        });
        total.saturating_record(span.as_nanos().max(1));
        let second = usize::try_from(began.as_nanos() / 1_000_000_000).unwrap_or(usize::MAX);
        // What began before the load, or after a day, is of its first or last second.
        let second = second.min(86_400);
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, Distribution::default());
        }
        self.seconds[second].note(span);
    }

    fn add(&mut self, other: &Self) {
        match (&mut self.total, &other.total) {
            (Some(own), Some(more)) => own.add(&**more).expect("all have the same bounds"),
            (own @ None, more) => own.clone_from(more),
            (Some(_), None) => {}
        }
        if self.seconds.len() < other.seconds.len() {
            self.seconds.resize(other.seconds.len(), Distribution::default());
        }
        self.seconds.iter_mut().zip(&other.seconds).for_each(|(own, more)| own.merge(more));
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        for (own, more) in [
            (&mut self.issued, other.issued),
            (&mut self.done, other.done),
            (&mut self.in_time, other.in_time),
            (&mut self.failed, other.failed),
            (&mut self.given_up, other.given_up),
            (&mut self.connects, other.connects),
            (&mut self.losses, other.losses),
            (&mut self.sent, other.sent),
            (&mut self.again, other.again),
            (&mut self.received, other.received),
            (&mut self.errors, other.errors),
            (&mut self.hits, other.hits),
            (&mut self.misses, other.misses),
            (&mut self.duplicates, other.duplicates),
        ] {
            *own += more;
        }
    }
}

impl Mail {
    /// What a message is counted as.
    #[must_use]
    pub fn key(mid: &Mid) -> u64 {
        xxh3_64(mid.to_string().as_bytes())
    }

    /// What became of the messages. Of a shard it is told, too, what came from other shards.
    #[must_use]
    pub fn fate(self, is_shard: bool) -> MailFate {
        let Self { mut accepted, mut seen, mut ended } = self;
        accepted.sort_unstable();
        accepted.dedup();
        let foreign: Vec<u64> = if is_shard {
            seen.iter().filter(|key| accepted.binary_search(key).is_err()).copied().collect()
        } else {
            Vec::new()
        };
        seen.append(&mut ended);
        seen.sort_unstable();
        let is_missing = |key: &&u64| seen.binary_search(key).is_err();
        let missing = accepted.iter().filter(is_missing).copied().collect();
        MailFate { accepted: accepted.len() as u64, missing, foreign }
    }
}

impl Tally {
    /// With memory made ready for so many operations: what the system gives when it is first used it gives
    /// slowly.
    #[must_use]
    pub fn for_operations(count: usize) -> Self {
        let ready = || {
            let mut keys = vec![1; count];
            keys.clear();
            keys
        };
        let mail = Mail { accepted: ready(), seen: ready(), ended: Vec::new() };
        Self { mail, ..Self::default() }
    }

    /// Notes a duration that began at this offset from the start of the load.
    pub fn note(&mut self, metric: Metric, began: Duration, span: Duration) {
        self.series.entry(metric).or_default().note(began, span);
    }

    /// With what another worker has measured.
    #[must_use]
    pub fn and(mut self, mut other: Self) -> Self {
        for (metric, series) in &other.series {
            self.series.entry(*metric).or_default().add(series);
        }
        self.counts.add(&other.counts);
        self.mail.accepted.append(&mut other.mail.accepted);
        self.mail.seen.append(&mut other.mail.seen);
        self.mail.ended.append(&mut other.mail.ended);
        self.offsets.append(&mut other.offsets);
        self.busy = self.busy.max(other.busy);
        self
    }

    /// How far the server's wall clock was ahead, in milliseconds: the median of what was seen.
    #[must_use]
    pub fn offset(&self) -> i64 {
        let mut offsets = self.offsets.clone();
        let middle = offsets.len() / 2;
        offsets.sort_unstable();
        offsets.get(middle).copied().unwrap_or(0)
    }

    /// The durations of one kind, of all workloads of messages and requests together.
    #[must_use]
    pub fn of_all(&self, plan: &Plan, metric: fn(u16) -> Metric) -> Series {
        let mut all = Series::default();
        for (index, workload) in (0..).zip(&plan.workloads) {
            let mail =
                matches!(workload.what, WorkloadKind::Send { .. } | WorkloadKind::Ask { .. });
            if let Some(series) = self.series.get(&metric(index)).filter(|_| mail) {
                all.add(series);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator as _;

    use crate::base::id::{Seq, UserId};

    #[test]
    fn requests_are_called_as_in_scenarios() {
        let names: Vec<&str> = Request::iter().map(Into::into).collect();
        assert_eq!(names, crate::scenario::resolve::expect::WIRE);
    }

    #[test]
    fn two_workers_measure_what_one_would() {
        let (mut one, mut other, mut both) = (Tally::default(), Tally::default(), Tally::default());
        for n in 1..=1_000 {
            let (began, span) = (Duration::from_millis(n * 3), Duration::from_micros(n));
            let part = if n % 3 == 0 { &mut one } else { &mut other };
            for tally in [part, &mut both] {
                tally.note(Metric::Response(0), began, span);
                tally.counts.done += 1;
            }
        }
        let joined = one.and(other);
        let [a, b] = [&joined, &both].map(|it| &it.series[&Metric::Response(0)]);
        assert_eq!(a.total, b.total);
        assert_eq!(a.seconds, b.seconds);
        assert_eq!(a.seconds.len(), 4, "a row for each second");
        assert_eq!(joined.counts, both.counts);
        let total = a.total.as_ref().unwrap();
        assert_eq!(total.len(), 1_000);
        assert!(total.value_at_quantile(0.99).abs_diff(990_000) < 1_000);
    }

    #[test]
    fn a_message_is_lost_when_it_is_neither_seen_nor_ended() {
        let mid = |seq| {
            let [sender, receiver] = ["alice", "bob"].map(|name| UserId::new(name).unwrap());
            Mail::key(&Mid { sender, receiver, seq: Seq(seq) })
        };
        let all = (1..=5).map(mid).collect();
        let mail = Mail { accepted: all, seen: vec![mid(4), mid(1), mid(9)], ended: vec![mid(2)] };
        let fate = mail.clone().fate(false);
        assert_eq!((fate.accepted, fate.missing.len(), fate.foreign.len()), (5, 2, 0));
        assert_eq!(mail.fate(true).foreign, [mid(9)]);
    }
}
