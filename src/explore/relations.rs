//! Relations of two runs: a plan is run again with one thing changed that must not matter.
//!
//! Where that thing may matter, a relation does not apply: draws of loss depend on how many frames there
//! were before, and a crash finds other work under way. Not here: the rules (`oracle::relation`), or how
//! plans are changed (`scenario::variant`).

use std::sync::Arc;

use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::explore::attempt::attempt;
use crate::oracle::relation::{
    names_do_not_matter, order_of_arrival_does_not_matter, poll_and_push_show_the_same,
    same_seed_same_trace, seen::Seen, small_tables_change_lookups_only, the_date_does_not_matter,
};
use crate::scenario::plan::{Action, FrameAct, LinkChange, Plan, StoreTrouble};
use crate::scenario::variant;
use crate::sim::run::RunOptions;
use crate::sim::testimony::Scribe;
use crate::trace::sink::Sink;
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::metrics::{RELATED, UNRELATED};
use crate::verdict::outcome::Outcome;

/// Runs a plan, and again for each relation. What they show is added to the outcome of the first run.
///
/// # Errors
/// What the machines or the simulator said when they broke down.
pub fn attempt_related(plan: &Arc<Plan>, options: RunOptions<'_>) -> Result<Outcome, String> {
    let mut seen = Seen::new(Arc::clone(&plan.spec));
    let mut sinks: Vec<&mut dyn Sink> = vec![&mut seen];
    for sink in options.sinks {
        sinks.push(sink);
    }
    let scribe = options.scribe.map(|scribe| scribe as &mut dyn Scribe);
    let outcome = attempt(plan, RunOptions { sinks, scribe, ..options })?;
    let mut related = Related { plan, seen, outcome };
    related.same_seed()?;
    related.date()?;
    if let Some(why) = obstacle(plan).or_else(|| related.unfinished()) {
        tracing::debug!(case = plan.case, why, "relations do not apply");
        related.outcome.metrics.add(UNRELATED, 4);
    } else {
        related.tables()?;
        related.delivery()?;
        related.names()?;
        related.order()?;
    }
    let Outcome { findings, verdict, .. } = &mut related.outcome;
    findings.sort_by_key(|finding| finding.at);
    *verdict = Outcome::judge(findings);
    Ok(related.outcome)
}

/// A run and what it is compared by.
struct Related<'a> {
    plan: &'a Arc<Plan>,
    seen: Seen,
    outcome: Outcome,
}

/// A second run: what is seen in it, and what its own judges say.
struct Arm {
    seen: Seen,
    outcome: Outcome,
}

impl Related<'_> {
    fn same_seed(&mut self) -> Result<(), String> {
        let arm = arm((**self.plan).clone())?;
        // A run that stops at its first finding is shorter than one that does not.
        if arm.outcome.records == self.outcome.records || !self.failed() {
            let digests = [&self.outcome, &arm.outcome].map(|it| it.digest.full.as_str());
            let findings = same_seed_same_trace::judge(digests[0], digests[1]);
            self.judged(same_seed_same_trace::ID, findings);
        }
        Ok(())
    }

    fn date(&mut self) -> Result<(), String> {
        let arm = arm(variant::later(self.plan, ANOTHER_DAY))?;
        let findings = the_date_does_not_matter::judge(&self.seen, &arm.seen);
        self.judged(the_date_does_not_matter::ID, findings);
        Ok(())
    }

    /// Against room for everybody; where there is room already, against room for one.
    fn tables(&mut self) -> Result<(), String> {
        let peers = self.plan.devices.len();
        let small = self.plan.profiles.iter().map(|it| it.config.table_capacity).min();
        let small = small.filter(|rows| *rows < peers);
        let rows = if small.is_some() { peers } else { 1 };
        let words = [small.unwrap_or(peers), rows].map(|rows| format!("with {rows} rows"));
        let arm = arm(variant::with_rows(self.plan, rows))?;
        let arms = [words[0].as_str(), words[1].as_str()];
        let judge = small_tables_change_lookups_only::judge;
        self.compare(small_tables_change_lookups_only::ID, &arm, |one, two| judge(one, two, arms));
        Ok(())
    }

    fn delivery(&mut self) -> Result<(), String> {
        let push = !self.plan.server.push;
        let arm = arm(variant::with_push(self.plan, push))?;
        let arms = if push { ["polled", "pushed"] } else { ["pushed", "polled"] };
        let judge = poll_and_push_show_the_same::judge;
        self.compare(poll_and_push_show_the_same::ID, &arm, |one, two| judge(one, two, arms));
        Ok(())
    }

    fn names(&mut self) -> Result<(), String> {
        let arm = arm(variant::renamed(self.plan))?;
        self.compare(names_do_not_matter::ID, &arm, names_do_not_matter::judge);
        Ok(())
    }

    fn order(&mut self) -> Result<(), String> {
        let arm = arm(variant::shuffled(self.plan))?;
        let found = &arm.outcome.findings;
        let judge = order_of_arrival_does_not_matter::judge;
        self.compare(order_of_arrival_does_not_matter::ID, &arm, |one, two| judge(one, two, found));
        Ok(())
    }

    fn compare(
        &mut self,
        id: &'static str,
        arm: &Arm,
        judge: impl FnOnce(&Seen, &Seen) -> Vec<Finding>,
    ) {
        if arm.seen.has_ended_mail() || is_cut_short(&arm.outcome) {
            self.outcome.metrics.add(UNRELATED, 1);
        } else {
            let findings = judge(&self.seen, &arm.seen);
            self.judged(id, findings);
        }
    }

    fn judged(&mut self, id: &'static str, findings: Vec<Finding>) {
        self.outcome.metrics.add(RELATED, 1);
        if findings.is_empty() {
            *self.outcome.evaluated.entry(id.to_owned()).or_default() += 1;
        }
        self.outcome.findings.extend(findings);
    }

    fn failed(&self) -> bool {
        self.outcome.findings.iter().any(|it| it.severity >= Severity::Fail)
    }

    fn unfinished(&self) -> Option<&'static str> {
        (self.seen.has_ended_mail() || is_cut_short(&self.outcome))
            .then_some("mail is given up, or the run was")
    }
}

fn arm(plan: Plan) -> Result<Arm, String> {
    let mut seen = Seen::new(Arc::clone(&plan.spec));
    let sinks: Vec<&mut dyn Sink> = vec![&mut seen];
    let outcome = attempt(&Arc::new(plan), RunOptions { sinks, ..RunOptions::default() })?;
    Ok(Arm { seen, outcome })
}

/// Whether a run was given up.
fn is_cut_short(outcome: &Outcome) -> bool {
    let names = ["limit", "given"];
    outcome.findings.iter().any(|it| names.contains(&it.oracle.as_str()))
}

/// What makes a run depend on the number of its frames or on what is under way at a moment, if anything
/// does.
fn obstacle(plan: &Plan) -> Option<&'static str> {
    let spec = &plan.spec.circumstances;
    let random = plan.links.iter().any(|link| {
        let loss = link.loss.independent > Ratio::ZERO || link.loss.bursts.is_some();
        loss || link.corrupt > Ratio::ZERO || link.bandwidth.is_some()
    });
    if random {
        Some("frames are lost or altered at random")
    } else if spec.adversary || spec.altered {
        Some("octets are altered or made by an adversary")
    } else {
        plan.steps.iter().find_map(|step| of_action(&step.action))
    }
}

fn of_action(action: &Action) -> Option<&'static str> {
    let why = match action {
        Action::Links { change: LinkChange::Loss(_) | LinkChange::Corrupt(_), .. } => {
            "frames are lost or altered at random"
        }
        Action::Frames { act: FrameAct::Corrupt(_), .. } | Action::Adversary { .. } => {
            "octets are altered or made by an adversary"
        }
        Action::Crash { .. }
        | Action::Restart { .. }
        | Action::ServerCrash { .. }
        | Action::Snapshot { .. }
        | Action::Restore { .. }
        | Action::Wipe { .. }
        | Action::Store { trouble: StoreTrouble::Fail, .. } => {
            "what is lost in a crash depends on what is under way"
        }
        Action::ResetUser { .. } | Action::Rotate { revoke: true, .. } => {
            "what a revocation bounces depends on what is under way"
        }
        Action::Clock { .. } => "what a clock's jump ends depends on what is under way",
        Action::MailboxLimit { .. } => "what a full mailbox refuses depends on what is in it",
        Action::Send { .. }
        | Action::Request { .. }
        | Action::Approve { .. }
        | Action::Press { .. }
        | Action::Confirm { .. }
        | Action::Rotate { revoke: false, .. }
        | Action::Poll { .. }
        | Action::Provision { .. }
        | Action::Register { .. }
        | Action::Links { .. }
        | Action::Swizzle { .. }
        | Action::DirectoryOffline { .. }
        | Action::Store { .. }
        | Action::Frames { .. }
        | Action::Fence { .. } => return None,
    };
    Some(why)
}

/// How much later the world of another day starts: past midnight and past every ticket.
const ANOTHER_DAY: Duration = Duration::from_secs(17 * 3_600 + 7 * 60 + 13);
