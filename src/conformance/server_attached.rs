//! A server at the end of a link, as a world sees it: what happens to it is asked for, what it says is told.
//!
//! Its time is the world's. Not here: a device (`attached`), the link itself (`link`), or the world.

use crate::base::lock::lock;
use crate::base::time::{Instant, Now};
use crate::base::units::hex;
use crate::conformance::attached::{Reasons, SharedLink, moment};
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Called, Heard};
use crate::conformance::message::{Event, EventLine};
use crate::conformance::server_message::{
    From, Limit, OfUser, Open, Put, ServerMethod, ServerParams, ServerProvision, ServerSettled,
};
use crate::scenario::plan::Plan;
use crate::sim::body::Broken;
use crate::sim::house::tenants;
use crate::sim::service::{OutsideServer, ServerAnswer, ServerHappening, Speech, Spot, Word};

/// The server of one case.
#[derive(Debug)]
pub struct AttachedServer {
    link: SharedLink,
    reasons: Reasons,
}

impl AttachedServer {
    /// Makes a plan's server at the end of the link, with its users.
    ///
    /// # Errors
    /// When it cannot become that server.
    pub fn provision(link: SharedLink, plan: &Plan) -> Result<Self, LinkFault> {
        provision(&link, plan, None)?;
        Ok(Self { link, reasons: Reasons::default() })
    }

    fn call(
        &mut self,
        now: Now,
        of: Option<u64>,
        what: ServerHappening,
    ) -> Result<ServerAnswer, LinkFault> {
        let mut link = lock(&self.link);
        let Called { reply, id, events } =
            link.call::<ServerSettled>(&method(now, what), now.at.as_nanos())?;
        link.fence(reply.seq)?;
        link.announced(reply.next_ns);
        drop(link);
        self.reasons.note(id, of);
        let said: Result<Vec<Word>, LinkFault> = events
            .into_iter()
            .map(|Heard { line, .. }| {
                let (at, of) = (Instant::from_nanos(line.at_ns), self.reasons.of(line.of));
                word(line, at, of)
            })
            .collect();
        let ServerSettled { next_ns, next_user, next_from, pending, ticket, .. } = reply;
        let at =
            next_user.map(|user| Spot { from: next_from.unwrap_or_else(|| user.clone()), user });
        let next = next_ns.map(Instant::from_nanos);
        let ticket = ticket.map(Into::into);
        Ok(ServerAnswer { said: said?, next, at, pending, ticket })
    }
}

impl OutsideServer for AttachedServer {
    fn happen(
        &mut self,
        now: Now,
        of: Option<u64>,
        what: ServerHappening,
    ) -> Result<ServerAnswer, Broken> {
        self.call(now, of, what).map_err(|fault| Broken(fault.to_string()))
    }
}

/// Makes a plan's server at the end of the link, with its users; it listens at this address, if it is native.
///
/// # Errors
/// When it cannot become that server.
pub(super) fn provision(
    link: &SharedLink,
    plan: &Plan,
    native: Option<String>,
) -> Result<(), LinkFault> {
    let (suite, params) = (plan.suite.word().to_owned(), ServerParams::of(plan));
    let provision = ServerProvision { suite, params, seed: plan.seed, native };
    let mut own = lock(link);
    let mut call =
        |method: ServerMethod| own.call::<serde_json::Value>(&method, u64::MAX).map(|_| ());
    call(ServerMethod::Provision(Box::new(provision)))?;
    for tenant in tenants(plan) {
        let records = tenant.records.iter().map(|record| hex(&record.encode())).collect();
        call(ServerMethod::Put(Put { user: tenant.user, conn: tenant.conn, records }))?;
    }
    own.start_over();
    Ok(())
}

/// What an event says, at this time of the world.
///
/// # Errors
/// When it is one that only a device says.
pub(super) fn word(line: EventLine, at: Instant, of: Option<u64>) -> Result<Word, LinkFault> {
    let what = match line.event {
        Event::Send { to: Some(conn), octets } => Speech::Frame(conn, octets),
        Event::Account { user, fact, .. } => Speech::Fact(user, fact),
        Event::Send { .. } | Event::Fact(_) => return Err(LinkFault::Foreign(line.seq)),
    };
    Ok(Word { what, at, of })
}

/// The request that tells of something.
pub(super) fn method(now: Now, what: ServerHappening) -> ServerMethod {
    let moment = moment(now);
    match what {
        ServerHappening::Start => ServerMethod::PowerOn(moment),
        ServerHappening::Stop => ServerMethod::PowerCut(moment),
        ServerHappening::Open { conn, user } => ServerMethod::Open(Open { moment, conn, user }),
        ServerHappening::Frame { conn, octets } => {
            ServerMethod::Deliver(From { moment, from: conn, octets })
        }
        ServerHappening::Reset(user) => ServerMethod::Reset(OfUser { moment, user }),
        ServerHappening::Limit(user, messages) => {
            ServerMethod::Limit(Limit { moment, user, messages })
        }
        ServerHappening::Timeout => ServerMethod::Advance(moment),
    }
}
