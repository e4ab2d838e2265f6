//! Verbs about durable stores as actions: whose store, and what is wrong with it.
//!
//! Not here: what a store does then (`sim`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::scenario::address::Moment;
use crate::scenario::ast::step::Verb;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::plan::{Action, StoreOf, StoreTrouble};
use crate::scenario::resolve::Context;
use crate::scenario::resolve::steps::until;
use crate::scenario::source::{Span, Spanned};

/// The action of a verb about stores.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other verbs are told apart by the caller")]
pub fn action(verb: &Verb, cx: &mut Context<'_>) -> Option<Action> {
    type End<'a> = (&'a Option<Spanned<Duration>>, &'a Option<Spanned<Moment>>);
    let (of, account, trouble, end): (_, _, _, End<'_>) = match verb {
        Verb::StoreSlow(it) => {
            let trouble = StoreTrouble::Slow(it.extra.value);
            (&it.of, &it.account, trouble, (&it.lasting, &it.until))
        }
        Verb::StoreStall(it) => {
            (&it.of, &it.account, StoreTrouble::Stall, (&it.lasting, &it.until))
        }
        Verb::StoreFail(it) => (&it.of, &it.account, StoreTrouble::Fail, (&it.lasting, &it.until)),
        _ => return None,
    };
    let at = store(of, account.as_ref(), cx);
    let until = until(end.0.as_ref(), end.1.as_ref(), cx);
    let at = at?;
    if at == StoreOf::Server && trouble == StoreTrouble::Fail {
        cx.sink.bad_store(of.span, "accounts fail one by one: `account` says whose");
    }
    Some(Action::Store { at, trouble, until: until? })
}

fn store(
    of: &Spanned<UserId>,
    account: Option<&Spanned<UserId>>,
    cx: &mut Context<'_>,
) -> Option<StoreOf> {
    match (of.value.as_str() == "server", account) {
        (true, None) => Some(StoreOf::Server),
        (true, Some(account)) => cx.user(account).map(StoreOf::Account),
        (false, None) => cx.user(of).map(StoreOf::Device),
        (false, Some(account)) => {
            cx.sink.bad_store(account.span, "only the server has accounts: `of: server`");
            None
        }
    }
}

impl Diagnostics {
    fn bad_store(&mut self, span: Span, message: &str) {
        self.add(Diagnostic::new(Code::Contradiction, span, message));
    }
}
