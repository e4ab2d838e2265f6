//! The history of a reference server, judged by the oracles that need nothing but what its accounts state.
//!
//! Not here: how it is kept and read (`runtime::server::history`), or the rules (`oracle`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{NodeId, UserId};
use crate::base::time::{Instant, Now};
use crate::oracle::judge::Docket;
use crate::oracle::jury::Jury;
use crate::oracle::spec::{ServerBounds, Spec};
use crate::proto::config::ServerConfig;
use crate::runtime::server::error::StoreError;
use crate::runtime::server::history::{Entry, History, Start};
use crate::scenario::resolve::settings;
use crate::trace::fact::{Fact, StopCause};
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::history::HistoryVerdict;

/// The oracles: mail is conserved, acknowledgements are honest, the directory serves what was recorded, and
/// identities change by authority (protocol 7).
pub const JUDGES: [&str; 4] = ["S-18", "S-19", "S-25", "S-26"];

/// A history as a whole: whose it is, and how to read it as records.
#[derive(Debug)]
pub struct Chronicle {
    history: History,
    /// Whose accounts have stated something, in the order in which they first did.
    pub users: Vec<UserId>,
    /// What the server has declared, the most generous of all its starts; nothing if it never started.
    server: Option<ServerBounds>,
    /// How often it started.
    starts: u64,
    /// How often it started without keeping a history.
    missing: u64,
    /// Whether the operator has ended an identity.
    has_reset: bool,
}

impl Chronicle {
    /// Looks through a history.
    ///
    /// # Errors
    /// When the store is damaged, or the medium fails.
    pub fn of(history: History) -> Result<Self, StoreError> {
        let (mut users, mut known) = (Vec::new(), BTreeSet::new());
        let (mut starts, mut has_reset) = (0, false);
        let mut server: Option<ServerBounds> = None;
        history.each(|entry| match entry {
            Entry::Start(start) => {
                starts += 1;
                server = Some(widest(server.take(), bounds(&start)));
            }
            Entry::Turn { user, facts, .. } => {
                has_reset |= facts.iter().any(|fact| matches!(fact, Fact::Reset { .. }));
                if known.insert(user.clone()) {
                    users.push(user);
                }
            }
        })?;
        let missing = history.boots()?.saturating_sub(starts);
        Ok(Self { history, users, server, starts, missing, has_reset })
    }

    /// What these users, the accounts' first, are judged by; nothing without a history.
    #[must_use]
    pub fn spec(&self, users: Vec<UserId>) -> Option<Spec> {
        let mut spec = Spec::of(users, self.server.clone()?);
        spec.circumstances.reset = self.has_reset;
        Some(spec)
    }

    /// Gives all of it as records of the accounts, in their order: at each start all that were there stop and
    /// start again.
    ///
    /// # Errors
    /// When the store is damaged, or the medium fails.
    pub fn records(&self, mut take: impl FnMut(Record)) -> Result<(), StoreError> {
        let numbers: BTreeMap<&UserId, u32> = self.users.iter().zip(0..).collect();
        let mut counts: Vec<u64> = vec![0; self.users.len()];
        // Accounts have their numbers in the order of their first facts.
        let (mut here, mut last) = (0, Instant::START);
        self.history.each(|entry| {
            let mut state = |number: u32, now: Now, fact: Fact| {
                let count = &mut counts[number as usize];
                let id = RecordId { node: NodeId::account(number), seq: *count };
                *count += 1;
                // Accounts whose turns overlap may be written in another order than that of their clock.
                last = last.max(now.at);
                take(Record { id, at: last, wall: now.wall, cause: None, fact });
            };
            match entry {
                Entry::Start(Start { boot, now, .. }) => {
                    for number in 0..here {
                        state(number, now, Fact::PowerOff { why: StopCause::Crash });
                        state(number, now, Fact::PowerOn { boot });
                    }
                }
                Entry::Turn { user, now, facts } => {
                    let Some(number) = numbers.get(&user) else { return };
                    here = here.max(number + 1);
                    facts.into_iter().for_each(|fact| state(*number, now, fact));
                }
            }
        })
    }

    /// A finding as heavy as the history allows: where a part of it is missing, what seems wrong may have
    /// become right there.
    fn weighed(&self, finding: Finding) -> Finding {
        match finding.severity {
            Severity::Fail if self.missing > 0 => {
                Finding { severity: Severity::Inconclusive, ..finding }
            }
            Severity::Warning | Severity::Inconclusive | Severity::Fail | Severity::Error => {
                finding
            }
        }
    }

    /// What the oracles make of it; nothing without a history.
    ///
    /// # Errors
    /// When the store is damaged, or the medium fails.
    pub fn judge(&self) -> Result<Option<HistoryVerdict>, StoreError> {
        let Some(spec) = self.spec(self.users.clone()) else { return Ok(None) };
        let (mut jury, mut records) = (Jury::of(&JUDGES, &spec), 0);
        self.records(|record| {
            records += 1;
            jury.take(&record);
        })?;
        let Docket { evaluated, findings, .. } = jury.conclude();
        let evaluated = evaluated.into_iter().map(|(id, times)| (id.to_owned(), times)).collect();
        let findings = findings.into_iter().map(|finding| self.weighed(finding)).collect();
        let (starts, missing, accounts) = (self.starts, self.missing, self.users.len() as u64);
        Ok(Some(HistoryVerdict { starts, missing, accounts, records, evaluated, findings }))
    }
}

/// What a start declares.
fn bounds(start: &Start) -> ServerBounds {
    let Start { name, ttl, grace, lease, mailbox_messages, .. } = start;
    let mailbox_messages = usize::try_from(*mailbox_messages).unwrap_or(usize::MAX);
    let (ttl, grace, lease) = (*ttl, *grace, *lease);
    let config = ServerConfig { ttl, grace, lease, ..ServerConfig::new(name.clone()) };
    settings::bounds(&config.limited(mailbox_messages))
}

/// The more generous of both in each respect: mail of one life may end in another.
fn widest(before: Option<ServerBounds>, now: ServerBounds) -> ServerBounds {
    let Some(before) = before else { return now };
    ServerBounds {
        ttl: before.ttl.max(now.ttl),
        grace: before.grace.max(now.grace),
        lease: before.lease.max(now.lease),
        mailbox_messages: before.mailbox_messages.max(now.mailbox_messages),
        ..now
    }
}
