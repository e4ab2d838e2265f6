//! What people do with their devices in a step.
//!
//! Not here: when they do it (`agenda`), or what the device makes of it (`proto`).

use std::sync::Arc;

use crate::crypto::suite::Suite;
use crate::proto::device::Device;
use crate::proto::port::{DeviceInput, Provision, RequestForm, UserAction};
use crate::scenario::plan::{Action, BadDownload, ProvisionPlan, RequestPlan};
use crate::sim::keys::{download, luck_of};
use crate::sim::world::World;
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;

impl<S: Suite> World<S> {
    /// What a person does with a device in a step. With one that is off, nothing can be done.
    pub(super) fn user_acts(&mut self, user: u32, step: u32, cause: Option<RecordId>) {
        if self.devices[user as usize].machine.is_none() {
            let (name, whose) = (self.step_name(step), self.user(user));
            let message = format!("step `{name}` had no effect: the device of {whose} is off");
            return self.find(Severity::Inconclusive, "step", message);
        }
        let plan = Arc::clone(&self.plan);
        for input in self.inputs_of(user, &plan.steps[step as usize].action) {
            self.put_in::<Device<S>>(user, input, cause, None);
        }
    }

    fn inputs_of(&mut self, user: u32, action: &Action) -> Vec<DeviceInput> {
        let wall = self.devices[user as usize].clock.wall(self.now());
        let form = |form: &RequestPlan| RequestForm {
            lines: form.lines.clone(),
            amount: form.amount,
            currency: form.currency.clone(),
            payee: form.payee.clone(),
            expires: wall + form.expires,
        };
        let act = match action {
            Action::Send { to, text, draft, .. } => {
                UserAction::Send { draft: *draft, to: to.clone(), text: text.clone() }
            }
            Action::Request { to, draft, txn, form: it, .. } => {
                UserAction::Request { draft: *draft, to: to.clone(), txn: *txn, request: form(it) }
            }
            Action::Approve { to, draft, txn, form: it, .. } => {
                UserAction::Approve { draft: *draft, to: to.clone(), txn: *txn, request: form(it) }
            }
            Action::Press { button, scroll, .. } => {
                let press = DeviceInput::User(UserAction::Press(*button));
                let scroll = scroll.then_some(DeviceInput::User(UserAction::Scroll));
                return scroll.into_iter().chain([press]).collect();
            }
            Action::Confirm { peer, accept, .. } => {
                UserAction::ConfirmIdentity { peer: peer.clone(), accept: *accept }
            }
            Action::Rotate { revoke, .. } => UserAction::Rotate { revoke: *revoke },
            Action::Poll { .. } => UserAction::Poll,
            Action::Register { .. } => UserAction::Register,
            Action::Wipe { .. } => UserAction::Wipe,
            Action::Provision { how, .. } => {
                return vec![DeviceInput::Provision(self.provision(user, *how))];
            }
            // These are no people's doing.
            Action::Crash { .. }
            | Action::Restart { .. }
            | Action::Snapshot { .. }
            | Action::Restore { .. }
            | Action::Clock { .. }
            | Action::Links { .. }
            | Action::Swizzle { .. }
            | Action::DirectoryOffline { .. }
            | Action::MailboxLimit { .. }
            | Action::ServerCrash { .. }
            | Action::ResetUser { .. }
            | Action::Frames { .. }
            | Action::Adversary { .. }
            | Action::Fence { .. } => return Vec::new(),
        };
        vec![DeviceInput::User(act)]
    }

    fn provision(&mut self, user: u32, how: ProvisionPlan) -> Provision {
        match how {
            ProvisionPlan::Generate => Provision::Generate,
            ProvisionPlan::Download => self.download(user, None),
            ProvisionPlan::Bad(bad) => self.download(user, Some(bad)),
        }
    }

    /// The authority's next pair for a user.
    fn download(&mut self, user: u32, bad: Option<BadDownload>) -> Provision {
        let number = self.downloads.entry(user).or_default();
        *number += 1;
        download::<S>(luck_of(self.plan.seed, user), *number, bad)
    }
}
