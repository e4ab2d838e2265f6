//! What came of a message, and for what is missing the rule, the fault or the frame that took it.
//!
//! Not here: the story that shows it (`lines`).

use std::collections::BTreeMap;

use crate::base::id::{Mid, NodeId, UserId};
use crate::base::time::{Duration, Instant};
use crate::explore::why::book::{Book, txn_of};
use crate::explore::why::fold::causes;
use crate::explore::why::lines::loss;
use crate::explore::why::select::Subject;
use crate::explore::why::words::{content, told};
use crate::trace::fact::{About, Content, DraftStatus, Fact, FrameFact, FrameKind};
use crate::trace::record::Record;

/// `m1 (alice>bob#2): a text from alice for bob`.
pub(super) fn title(book: &Book<'_>, subject: &Subject) -> String {
    let composed = subject.own(book).into_iter().find_map(|place| {
        let record = &book.records[place];
        let Fact::Compose { to, kind, .. } = &record.fact else { return None };
        Some(format!("{} from {} for {to}", content(*kind), book.user(record.id.node)))
    });
    let name = subject.draft.and_then(|(device, draft)| book.named(device, draft));
    let who = match (name, &subject.mid) {
        (Some(name), Some(mid)) => format!("{name} ({mid})"),
        (Some(name), None) => name.to_owned(),
        (None, Some(mid)) => mid.to_string(),
        (None, None) => "a draft".to_owned(),
    };
    match composed {
        Some(what) => format!("{who}: {what}"),
        None => format!("{who}: nobody in this run wrote it"),
    }
}

/// The points on the usual way of a message, in order.
const WAY: [&str; 7] =
    ["handed over", "encrypted", "stored", "sent on", "received", "in the inbox", "shown"];

/// What came of a message, a sentence each.
pub(super) fn answer(book: &Book<'_>, subject: &Subject) -> Vec<String> {
    let case = Case::new(book, subject);
    let mut sentences = vec![case.outcome()];
    sentences.extend(case.end());
    if case.reached[WAY.len() - 1].is_none() {
        sentences.extend(case.known());
        sentences.extend(case.missing());
        sentences.extend(case.off());
    } else {
        sentences.extend(case.longest());
    }
    sentences.extend(case.transaction());
    sentences
}

/// A message with its own records.
struct Case<'b, 'a> {
    book: &'b Book<'a>,
    subject: &'b Subject,
    name: String,
    own: Vec<&'a Record>,
    ends: (Option<NodeId>, Option<NodeId>),
    /// When it first reached each point of the way.
    reached: [Option<Instant>; WAY.len()],
}

impl<'b, 'a> Case<'b, 'a> {
    fn new(book: &'b Book<'a>, subject: &'b Subject) -> Self {
        let own: Vec<_> = subject.own(book).into_iter().map(|place| &book.records[place]).collect();
        let ends = subject.ends(book);
        let mut reached = [None; WAY.len()];
        for record in &own {
            if let Some(point) = point(record, ends.1) {
                reached[point].get_or_insert(record.at);
            }
        }
        let named = subject.draft.and_then(|(device, draft)| book.named(device, draft));
        let name = match (named, &subject.mid) {
            (Some(name), _) => name.to_owned(),
            (None, Some(mid)) => mid.to_string(),
            (None, None) => "it".to_owned(),
        };
        Self { book, subject, name, own, ends, reached }
    }

    fn sender(&self) -> String {
        self.ends.0.map_or_else(|| "nobody".to_owned(), |node| self.book.user(node))
    }

    fn receiver(&self) -> String {
        let user = self.ends.1.map(|node| self.book.user(node));
        let named = || self.subject.mid.as_ref().map(|mid| mid.receiver.to_string());
        user.or_else(named).unwrap_or_else(|| "its receiver".to_owned())
    }

    fn last(&self, fits: impl Fn(&Fact) -> bool) -> Option<&'a Record> {
        self.own.iter().rfind(|record| fits(&record.fact)).copied()
    }

    fn outcome(&self) -> String {
        let is_request =
            |fact: &Fact| matches!(fact, Fact::Processed { kind: Content::Request, .. });
        let part = if self.last(is_request).is_some() { "device" } else { "user" };
        let (name, receiver) = (&self.name, format!("{}'s {part}", self.receiver()));
        let Some(last) = self.reached.iter().rposition(Option::is_some) else {
            return format!("{name} was never handed over.");
        };
        let at = self.reached[last].unwrap_or_default();
        if last < WAY.len() - 1 {
            let point = WAY[last];
            return format!("{name} never reached {receiver}; it was {point} at {at}.");
        }
        let took = self.reached[0].map(|from| at.since(from));
        let took = took.map_or_else(String::new, |took| format!(", {} after", rounded(took)));
        format!("{name} reached {receiver} at {at}{took} it was handed over.")
    }

    /// The longest of the ways between two points, when it took most of the time.
    fn longest(&self) -> Option<String> {
        let times = self.times();
        let spans = times.windows(2).filter(|pair| pair[0].0 <= pair[1].0);
        let longest = spans.max_by_key(|pair| pair[1].0.since(pair[0].0))?;
        let span = longest[1].0.since(longest[0].0);
        let whole = times.last()?.0.since(times.first()?.0);
        (span.times(2) > whole && span > Duration::from_secs(1)).then(|| {
            let (from, to) = (longest[0].1, longest[1].1);
            format!("Most of it, {}, passed between `{from}` and `{to}`.", rounded(span))
        })
    }

    /// The points of the way that led to the end: of a message that was sent again, those of the last time.
    fn times(&self) -> Vec<(Instant, &'static str)> {
        let mut times = Vec::new();
        let mut next = Instant::NEVER;
        for (place, name) in WAY.iter().enumerate().rev() {
            let here =
                |record: &&&Record| point(record, self.ends.1) == Some(place) && record.at <= next;
            // The end itself is the first of its kind; what led to it is the last before.
            let first = place == WAY.len() - 1;
            let found =
                if first { self.own.iter().find(here) } else { self.own.iter().rfind(here) };
            if let Some(record) = found {
                let again = matches!(&record.fact, Fact::Encrypt(it) if it.attempt > 1);
                times.push((record.at, if again { "encrypted again" } else { *name }));
                next = record.at;
            }
        }
        times.reverse();
        times
    }

    /// The last time that the server gave it up.
    fn gone(&self) -> Option<&'a Record> {
        self.last(|fact| matches!(fact, Fact::Expire { .. } | Fact::Bounce { .. }))
    }

    /// How it ended at the server.
    fn end(&self) -> Option<String> {
        let Record { at, fact, .. } = self.gone()?;
        let Fact::Bounce { code, .. } = fact else {
            return Some(format!("Its time was over at the server at {at}: it expired."));
        };
        Some(format!("The server sent it back to {} at {at}: {code}.", self.sender()))
    }

    /// What its sender knows of its end.
    fn known(&self) -> Option<String> {
        let end = self.last(|fact| {
            use DraftStatus::{Expired, Failed, NeedsConfirm};
            matches!(fact, Fact::Notice { status: Expired | Failed | NeedsConfirm, .. })
        });
        let Record { at, fact: Fact::Notice { status, .. }, .. } = end? else { return None };
        Some(format!("{} knows since {at}: it {}.", self.sender(), told(*status)))
    }

    /// Why the point after the last one did not come.
    fn missing(&self) -> Vec<String> {
        let last = self.reached.iter().rposition(Option::is_some);
        match last {
            None => Vec::new(),
            Some(0) => self.no_key(self.ends.0, self.receiver()),
            Some(1) => self.not_stored(),
            Some(2) => vec![self.not_sent_on()],
            Some(3) => {
                self.traffic("delivery", "deliveries", FrameKind::Deliver).into_iter().collect()
            }
            Some(4) => self.not_taken(),
            Some(_) => self.not_shown(),
        }
    }

    fn no_key(&self, at: Option<NodeId>, peer: String) -> Vec<String> {
        let (Some(at), Some(from)) = (at, self.own.first().map(|record| record.at)) else {
            return Vec::new();
        };
        let user = self.book.user(at);
        let of = |it: &UserId| it.as_str() == peer;
        let here = self.book.records.iter().filter(|it| it.id.node == at && it.at >= from);
        let mut said = vec![format!("{user} has no key of {peer} that fits.")];
        let failed = here.clone().rfind(|it| {
            matches!(&it.fact, Fact::LookupFailed { peer, .. } if of(peer))
                || matches!(&it.fact, Fact::KeyReply { peer, .. } if of(peer))
        });
        if let Some(record) = failed {
            if let Fact::LookupFailed { why, .. } = &record.fact {
                said.push(format!("Its last lookup of {peer} ended at {}: {why}.", record.at));
            } else if let Fact::KeyReply { result, .. } = &record.fact {
                said.push(format!("The last answer to it came at {}: {result}.", record.at));
            }
        }
        said.extend(count("lookup", "lookups", self.book, here, |frame| {
            frame.kind == Some(FrameKind::LookupKey)
                && matches!(&frame.about, About::User(user) if of(user))
        }));
        said
    }

    fn not_stored(&self) -> Vec<String> {
        let refused = self.last(|fact| matches!(fact, Fact::Refuse { .. }));
        let mut said = Vec::new();
        if let Some(Record { at, fact: Fact::Refuse { code, .. }, .. }) = refused {
            said.push(format!("The server refused it at {at}: {code}."));
        }
        said.extend(self.traffic("submit", "submits", FrameKind::Submit));
        said
    }

    fn not_sent_on(&self) -> String {
        let (receiver, stored) = (self.receiver(), self.reached[2].unwrap_or_default());
        let until = self.gone().map_or_else(|| self.book.end(), |record| record.at);
        let polls = self.book.records.iter().filter(|record| {
            Some(record.id.node) == self.ends.1 && (stored..=until).contains(&record.at)
        });
        let (one, many) = (format!("poll of {receiver}"), format!("polls of {receiver}"));
        let is_poll = |frame: &FrameFact| frame.kind == Some(FrameKind::Poll);
        count(&one, &many, self.book, polls, is_poll)
            .unwrap_or_else(|| format!("{receiver} never asked for it."))
    }

    fn not_taken(&self) -> Vec<String> {
        let last = self.last(|fact| {
            matches!(fact, Fact::Waiting { .. } | Fact::Reject { .. })
                || matches!(fact, Fact::Decrypt(it) if it.plain.is_none())
        });
        let Some(record) = last else { return Vec::new() };
        let (receiver, at) = (self.receiver(), record.at);
        if let Fact::Waiting { why, .. } = &record.fact {
            let mut said = vec![format!("{receiver}'s device lets it wait since {at}: {why}.")];
            said.extend(self.no_key(self.ends.1, self.sender()));
            said
        } else if let Fact::Reject { why, .. } = &record.fact {
            vec![format!("{receiver}'s device did not accept it at {at}: {why}.")]
        } else {
            vec![format!("{receiver}'s device could not open it at {at}: the tag does not hold.")]
        }
    }

    fn not_shown(&self) -> Vec<String> {
        let Some(mid) = &self.subject.mid else { return Vec::new() };
        let here = |record: &&Record| Some(record.id.node) == self.ends.1;
        let taken = |earlier: &Mid| {
            let mut records = self.book.records.iter().filter(here);
            records.any(|it| matches!(&it.fact, Fact::Commit { mid, .. } if mid == earlier))
        };
        let before =
            |it: &&Mid| it.sender == mid.sender && it.receiver == mid.receiver && it.seq < mid.seq;
        let gap = self.book.mids().filter(before).find(|earlier| !taken(earlier));
        let gap = gap.map(|it| format!("It waits its turn behind {}.", self.book.called(it)));
        gap.into_iter().collect()
    }

    /// A device that is off at the end of the run.
    fn off(&self) -> Vec<String> {
        let mut said = Vec::new();
        for node in [self.ends.0, self.ends.1].into_iter().flatten() {
            let power = self.book.records.iter().rfind(|it| {
                it.id.node == node
                    && matches!(it.fact, Fact::PowerOn { .. } | Fact::PowerOff { .. })
            });
            if let Some(Record { at, fact: Fact::PowerOff { .. }, .. }) = power {
                said.push(format!("{}'s device is off since {at}.", self.book.user(node)));
            }
        }
        said
    }

    /// What came of the message's own frames of a kind.
    fn traffic(&self, one: &str, many: &str, kind: FrameKind) -> Option<String> {
        count(one, many, self.book, self.own.iter().copied(), |frame| frame.kind == Some(kind))
    }

    /// What came of the request that the message carries.
    fn transaction(&self) -> Vec<String> {
        let request = self.own.iter().find_map(|record| {
            let Fact::Prompt(it) = &record.fact else { return None };
            Some(it.txn)
        });
        let Some(txn) = request else { return self.not_asked() };
        let mut said = Vec::new();
        let mut reply = None;
        let mut seen = false;
        for record in self.book.records.iter().filter(|it| txn_of(&it.fact) == Some(txn)) {
            let (at, user) = (record.at, self.book.user(record.id.node));
            if let Fact::Approved(it) = &record.fact {
                said.push(format!("{user} approved it at {at}."));
                reply = Some(Subject::of_draft(self.book, record.id.node, it.draft));
            } else if let Fact::NotApproved { why, .. } = &record.fact {
                said.push(format!("{user} did not approve it: {why}, at {at}."));
            } else if let Fact::ApprovalSeen { valid, .. } = &record.fact {
                let holds = if *valid { "holds" } else { "does not hold" };
                said.push(format!("{user} has the approval since {at}; its signature {holds}."));
                seen = true;
            } else if let Fact::DeclineSeen { .. } = &record.fact {
                said.push(format!("{user} knows it since {at}."));
                seen = true;
            }
        }
        if said.is_empty() {
            said.push("Nobody answered it.".to_owned());
        }
        if let Some(reply) = reply.filter(|_| !seen) {
            said.extend(answer(self.book, &reply));
        }
        said
    }

    /// A request that reached the device and not its screen.
    fn not_asked(&self) -> Vec<String> {
        let request = |record: &&&Record| {
            matches!(record.fact, Fact::Processed { kind: Content::Request, .. })
        };
        let taken = self.own.iter().find(request);
        let said = taken.map(|it| {
            format!("{}'s device took it at {} and never showed it.", self.receiver(), it.at)
        });
        said.into_iter().collect()
    }
}

/// The point of the way that a record shows, counted along [`WAY`].
#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts are no points of the way")]
fn point(record: &Record, receiver: Option<NodeId>) -> Option<usize> {
    match &record.fact {
        Fact::Compose { .. } => Some(0),
        Fact::Encrypt(_) => Some(1),
        Fact::Accept { .. } => Some(2),
        Fact::Offer { .. } => Some(3),
        Fact::Rx(frame)
            if frame.kind == Some(FrameKind::Deliver) && Some(record.id.node) == receiver =>
        {
            Some(4)
        }
        Fact::Commit { .. } => Some(5),
        Fact::Display { .. } | Fact::Processed { .. } => Some(6),
        _ => None,
    }
}

/// `Of 5 submits 4 were lost: 3 loss, 1 link down.`; nothing when there were none.
fn count<'a>(
    one: &str,
    many: &str,
    book: &Book<'a>,
    records: impl Iterator<Item = &'a Record>,
    fits: impl Fn(&FrameFact) -> bool,
) -> Option<String> {
    let mut sent = 0;
    let mut losses = BTreeMap::<String, usize>::new();
    for record in records {
        let Fact::Tx(frame) = &record.fact else { continue };
        if !fits(frame) {
            continue;
        }
        sent += 1;
        if let Some(Record { fact: Fact::Lost { why, .. }, .. }) = book.lost(record.id) {
            *losses.entry(loss(*why)).or_default() += 1;
        }
    }
    let lost: usize = losses.values().sum();
    let why = causes(&losses);
    match (sent, lost) {
        (0, _) => None,
        (1, 0) => Some(format!("The only {one} was not lost.")),
        (1, _) => Some(format!("The only {one} was lost: {why}.")),
        (n, 0) => Some(format!("None of {n} {many} was lost.")),
        (n, lost) if n == lost => Some(format!("All {n} {many} were lost: {why}.")),
        (n, lost) => Some(format!("Of {n} {many} {lost} were lost: {why}.")),
    }
}

fn rounded(span: Duration) -> Duration {
    Duration::from_millis(span.as_millis())
}
