//! Channel authentication: challenges, sessions and the tickets that prove them (protocol 4.3).
//!
//! Not here: what a ticket's user may do.

use subtle::ConstantTimeEq as _;

use crate::base::cbor::Writer;
use crate::base::id::{Epoch, Hash32, ReqId, UserId};
use crate::base::small::Idle;
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::crypto::suite::{Signature, Suite};
use crate::proto::port::Origin;
use crate::proto::server::account::{Account, Call, Refusal};
use crate::proto::server::durable::{AccountWrite, Session};
use crate::trace::fact::Fact;
use crate::wire::code::ErrorCode;
use crate::wire::header::Header;
use crate::wire::message::{Message, Ticket};
use crate::wire::signed::attach_octets;

/// Origins with an open challenge for one user at once. A user has one device; the rest is for those
/// who try, and drops the oldest.
const CHALLENGES_MAX: usize = 8;

/// The newest challenge of each origin, oldest first; volatile.
#[derive(Clone, Debug, Default)]
pub(super) struct Challenges(Vec<Challenge>);

#[derive(Clone, Copy, Debug)]
struct Challenge {
    origin: Origin,
    hello: ReqId,
    nonce: Hash32,
    time: Millis,
    ends: Instant,
    /// The Attach that used it; only its retransmissions are answered again.
    used_by: Option<ReqId>,
}

impl Idle for Challenges {
    fn idle() -> &'static Self {
        static IDLE: Challenges = Challenges(Vec::new());
        &IDLE
    }
}

impl Challenges {
    fn open(&self, origin: Origin, now: Instant) -> Option<&Challenge> {
        self.0.iter().find(|it| it.origin == origin && now < it.ends)
    }

    fn put(&mut self, challenge: Challenge) {
        self.0.retain(|it| it.origin != challenge.origin);
        if self.0.len() == CHALLENGES_MAX {
            self.0.remove(0);
        }
        self.0.push(challenge);
    }

    fn mark_used(&mut self, origin: Origin, by: ReqId) {
        for challenge in self.0.iter_mut().filter(|it| it.origin == origin) {
            challenge.used_by = Some(by);
        }
    }
}

impl<S: Suite> Account<S> {
    /// Attaches the user without the exchange, for worlds that start attached; not an input: call it
    /// before the first one, then take [`Self::durable`].
    ///
    /// # Panics
    /// When the user is not registered.
    pub fn pre_attach(&mut self, now: Now, origin: Origin) -> Ticket {
        let generation = self.durable.directory().generation();
        let generation = generation.expect("only registered users are attached");
        let session = self.new_session(now, origin);
        self.durable.apply(&AccountWrite::Attach(session));
        self.ticket(generation, &session)
    }

    pub(super) fn hello(
        &mut self,
        call: Call,
        user: &UserId,
        versions: &[u64],
        suites: &[u64],
    ) -> Result<(), Refusal> {
        if *user != self.user || !self.durable.directory().is_registered() {
            return Err(ErrorCode::UnknownUser.into());
        }
        if !versions.contains(&Header::VERSION) || !suites.contains(&Header::SUITE) {
            return Err(ErrorCode::Unsupported.into());
        }
        // A retransmitted Hello gets the challenge that may be under way already.
        let open = self.challenges.open(call.origin, call.now.at).copied();
        let challenge = match open.filter(|it| it.hello == call.req && it.used_by.is_none()) {
            Some(challenge) => challenge,
            None => self.new_challenge(call),
        };
        let Challenge { nonce, time, .. } = challenge;
        self.answer(call, Message::Challenge { server: self.config.server.clone(), nonce, time });
        Ok(())
    }

    pub(super) fn attach(
        &mut self,
        call: Call,
        user: &UserId,
        sig_epoch: Epoch,
        nonce_d: &Hash32,
        sig: &Signature,
    ) -> Result<(), Refusal> {
        let directory = self.durable.directory();
        let generation = directory.generation().filter(|_| *user == self.user);
        let generation = generation.ok_or(ErrorCode::UnknownUser)?;
        let challenge = self.challenges.open(call.origin, call.now.at).copied();
        let challenge = challenge
            .filter(|it| it.used_by.is_none_or(|by| by == call.req))
            .ok_or(ErrorCode::StaleChallenge)?;
        let link = directory.in_use(sig_epoch, call.now.at, self.config.grace);
        let signer = link.ok_or(ErrorCode::StaleEpoch)?.record.sig_pk;
        let server = &self.config.server;
        let signed = attach_octets(server, user, sig_epoch, &challenge.nonce, nonce_d);
        self.sheet.work().verify += 1;
        if !S::verify(&signer, &signed, sig) {
            return Err(ErrorCode::BadSig.into());
        }
        let current = self.durable.session().filter(|session| session.origin == call.origin);
        let session = match current.copied().filter(|_| challenge.used_by.is_some()) {
            Some(session) => session,
            None => self.begin_session(call),
        };
        self.challenges.mark_used(call.origin, call.req);
        let ticket = self.ticket(generation, &session);
        self.answer(call, Message::Attached { ticket });
        Ok(())
    }

    /// The ticket, if it was given by this server to this origin and still holds. Its user's own account
    /// knows more: a reset voids the tickets before it.
    pub(super) fn guest<'t>(
        &self,
        call: Call,
        ticket: Option<&'t Ticket>,
    ) -> Result<&'t Ticket, Refusal> {
        let ticket = ticket.ok_or(ErrorCode::BadTicket)?;
        let Ticket { user, generation, expires, mac } = ticket;
        let expected = self.ticket_mac(user, generation, *expires, call.origin);
        let authentic = bool::from(expected.ct_eq(mac));
        let own = self.durable.directory().generation();
        let void = *user == self.user && own != Some(*generation);
        let valid = authentic && !void && call.now.wall < *expires;
        if valid { Ok(ticket) } else { Err(ErrorCode::BadTicket.into()) }
    }

    /// As [`Self::guest`], and of this account's user.
    pub(super) fn owner(&self, call: Call, ticket: Option<&Ticket>) -> Result<(), Refusal> {
        let own = self.guest(call, ticket)?.user == self.user;
        if own { Ok(()) } else { Err(ErrorCode::BadTicket.into()) }
    }

    /// Where the user is attached now.
    pub(super) fn attached(&self, now: Now) -> Option<Origin> {
        let session = self.durable.session().filter(|session| now.at < session.until)?;
        Some(session.origin)
    }

    /// The session is over, if it is the one of this connection; what was offered there waits again.
    pub(super) fn detach(&mut self, origin: Origin) {
        if self.durable.session().is_some_and(|session| session.origin == origin) {
            self.persist(vec![AccountWrite::Detach]);
            self.end_leases();
        }
    }

    fn new_challenge(&mut self, call: Call) -> Challenge {
        let Call { now, origin, req: hello } = call;
        let nonce = Hash32(self.luck.octets());
        let ends = now.at + self.config.challenge;
        let challenge = Challenge { origin, hello, nonce, time: now.wall, ends, used_by: None };
        self.challenges.put(challenge);
        challenge
    }

    fn begin_session(&mut self, call: Call) -> Session {
        let session = self.new_session(call.now, call.origin);
        let mut writes = vec![AccountWrite::Attach(session)];
        writes.extend(self.recall(call.now.at));
        self.persist(writes);
        self.fact(Fact::Session { user: self.user.clone(), expires: session.expires });
        session
    }

    fn new_session(&self, now: Now, origin: Origin) -> Session {
        let life: Duration = self.config.ticket;
        Session { origin, expires: now.wall + life, until: now.at + life }
    }

    fn ticket(&self, generation: Hash32, session: &Session) -> Ticket {
        let Session { origin, expires, .. } = *session;
        let mac = self.ticket_mac(&self.user, &generation, expires, origin);
        Ticket { user: self.user.clone(), generation, expires, mac }
    }

    fn ticket_mac(
        &self,
        user: &UserId,
        generation: &Hash32,
        expires: Millis,
        origin: Origin,
    ) -> [u8; 16] {
        let mut writer = Writer::with_capacity(128);
        writer.array(5).text("PEAD-v1 ticket").text(user.as_str()).bytes(&generation.0);
        writer.uint(expires.0).uint(origin.0);
        S::mac(&self.key, &[&writer.finish()])
    }
}
