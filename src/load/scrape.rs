//! What a server tells of itself while it is under load: its metrics, asked for every second.
//!
//! Not here: what they mean.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::base::time::Duration;
use crate::runtime::clock::{Stopwatch, rest};
use crate::runtime::http::Client;

/// How often it is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Octets of an answer.
const TEXT_MAX: u64 = 4 << 20;
/// Samples that are kept: a day of a few hundred metrics.
const SAMPLES_MAX: usize = 10_000_000;

/// One metric at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Seconds since the first question.
    pub at: f64,
    /// Its name with its labels.
    pub name: String,
    /// Its value.
    pub value: f64,
}

/// Asks until it is told to stop.
#[derive(Debug)]
pub struct Scraper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sample>>,
}

impl Scraper {
    /// Begins to ask, once the first question was answered.
    ///
    /// # Errors
    /// When it was not.
    pub fn start(url: &str, remote: bool) -> io::Result<Self> {
        let client = Client::new(url, remote)?;
        let first = client.get(TEXT_MAX, PATIENCE)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("scrape".to_owned());
        let thread = thread.spawn(move || ask(&client, &first, &stopped))?;
        Ok(Self { stop, thread })
    }

    /// What it said.
    #[must_use]
    pub fn stop(self) -> Vec<Sample> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn ask(client: &Client, first: &str, stop: &AtomicBool) -> Vec<Sample> {
    let watch = Stopwatch::start();
    let mut samples: Vec<Sample> = parse(first, 0.0).collect();
    let mut next = PERIOD;
    while !stop.load(Ordering::Relaxed) && samples.len() < SAMPLES_MAX {
        let left = next.saturating_sub(watch.elapsed());
        if left > Duration::ZERO {
            rest(left.min(Duration::from_millis(50)));
            continue;
        }
        next += PERIOD;
        // A server that is too busy to tell is asked again in a second.
        if let Ok(text) = client.get(TEXT_MAX, PATIENCE) {
            samples.extend(parse(&text, watch.elapsed().as_secs_f64()));
        }
    }
    samples
}

/// The samples of a text in the format of Prometheus or `OpenMetrics`; lines that are none are passed over.
fn parse(text: &str, at: f64) -> impl Iterator<Item = Sample> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(move |line| {
        let place = line.rfind('}').map_or(0, |end| end + 1);
        let (rest, after) = line.split_at(place);
        let mut words = after.split_whitespace();
        let name = if rest.is_empty() { words.next()?.to_owned() } else { rest.to_owned() };
        let value = words.next()?.parse().ok()?;
        Some(Sample { at, name, value })
    })
}

/// The samples as CSV.
#[must_use]
pub fn csv(samples: &[Sample]) -> String {
    let mut text = "seconds,metric,value\n".to_owned();
    for Sample { at, name, value } in samples {
        let name = name.replace('"', "\"\"");
        text += &format!("{at:.3},\"{name}\",{value}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_with_their_labels() {
        let text = "# HELP a A.\na_total 3\nb_total{kind=\"x y\",to=\"}\"} 4.5 1234\n\nnonsense\nc{} NaN\n";
        let read: Vec<_> = parse(text, 1.0).map(|it| (it.name, it.value.to_string())).collect();
        let expected =
            [("a_total", "3"), ("b_total{kind=\"x y\",to=\"}\"}", "4.5"), ("c{}", "NaN")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
