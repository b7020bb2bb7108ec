//! Principals: people and programs with their posts, and the rules for making and changing them.
//!
//! Tokens themselves are not here; a principal only knows since when its tokens are believed.

use base::{AreaPath, Error, Kind, PrincipalId, Result, Time};
use rpc::access;
use store::{Transaction, View};

use super::{Actor, Place, Post, PrincipalKind, out_of_scope};
use crate::tables;

/// A post held in an area and in everything below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// What may be done there.
    pub(crate) post: Post,
    /// Where.
    pub(crate) place: Place,
}

/// A person or program that may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) id: PrincipalId,
    pub(crate) kind: PrincipalKind,
    pub(crate) display_name: String,
    /// As dialled; may be empty.
    pub(crate) phone: String,
    pub(crate) bindings: Vec<Binding>,
    /// Charges fall to the stand-in until then.
    pub(crate) away_until: Option<Time>,
    /// No call is allowed.
    pub(crate) suspended: bool,
    /// Tokens issued before this are not believed. Always a whole second, as tokens know no finer time.
    pub(crate) tokens_valid_from: Time,
    pub(crate) create_time: Time,
    pub(crate) update_time: Time,
    /// Grows with every change.
    pub(crate) revision: u64,
}

impl Principal {
    /// The posts through which this principal may handle events at an area: bound there or above.
    pub(crate) fn handling_posts(&self, path: &AreaPath) -> impl Iterator<Item = &Binding> {
        let handles = |binding: &&Binding| access::allows(binding.post, "events.handle");
        self.bindings.iter().filter(|binding| path.is_within(&binding.place.path)).filter(handles)
    }

    /// Whether this principal may handle events at an area.
    pub(crate) fn handles_at(&self, path: &AreaPath) -> bool {
        self.handling_posts(path).next().is_some()
    }

    /// Whether this principal can take care of an area now.
    pub(crate) fn is_available(&self, path: &AreaPath, now: Time) -> bool {
        let present = self.away_until.is_none_or(|until| until <= now);
        present && !self.suspended && self.handles_at(path)
    }

    /// The opaque version that clients give back.
    pub(crate) fn etag(&self) -> String {
        self.revision.to_string()
    }
}

/// What to change; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) display_name: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) bindings: Option<Vec<Binding>>,
    pub(crate) away_until: Option<Option<Time>>,
    pub(crate) suspended: Option<bool>,
    /// The version the caller saw; empty: whichever it is.
    pub(crate) etag: String,
}

impl Change {
    /// Gives a principal its new values. Every area newly bound must lie in the actor's scope.
    fn apply(&self, actor: &Actor, principal: &mut Principal) -> Result<()> {
        if let Some(display_name) = &self.display_name {
            principal.display_name.clone_from(display_name);
        }
        if let Some(phone) = &self.phone {
            principal.phone.clone_from(phone);
        }
        if let Some(bindings) = &self.bindings {
            for binding in bindings {
                actor.require(&binding.place.path)?;
            }
            principal.bindings.clone_from(bindings);
        }
        if let Some(away_until) = self.away_until {
            principal.away_until = away_until;
        }
        if let Some(suspended) = self.suspended {
            principal.suspended = suspended;
        }
        Ok(())
    }
}

/// Makes a principal with these values. Every area bound must lie in the actor's scope; only an administrator of
/// everything makes one without posts.
pub(crate) fn create(
    tx: &mut Transaction<'_>,
    actor: &Actor,
    (id, kind): (PrincipalId, PrincipalKind),
    values: &Change,
    now: Time,
) -> Result<Principal> {
    let mut principal = Principal {
        id,
        kind,
        display_name: String::new(),
        phone: String::new(),
        bindings: Vec::new(),
        away_until: None,
        suspended: false,
        tokens_valid_from: Time::default(),
        create_time: now,
        update_time: now,
        revision: 1,
    };
    values.apply(actor, &mut principal)?;
    if !actor.commands(&principal) {
        return Err(out_of_scope("only an administrator of the whole tree may make a principal without posts"));
    }
    tables::put_principal(tx, &principal)?;
    Ok(principal)
}

/// Changes a principal. The actor must administer every area that it is bound to before and after.
pub(crate) fn update(
    tx: &mut Transaction<'_>,
    actor: &Actor,
    id: PrincipalId,
    change: &Change,
    now: Time,
) -> Result<Principal> {
    let before = get_changeable(tx, actor, id)?;
    if !change.etag.is_empty() && change.etag != before.etag() {
        return Err(Error::new(
            Kind::Conflict,
            "ETAG_MISMATCH",
            "the principal was changed since you read it; read it again and repeat your change",
        )
        .with("etag", before.etag()));
    }
    let mut after = before.clone();
    change.apply(actor, &mut after)?;
    if after == before {
        return Ok(before);
    }
    after.update_time = now;
    after.revision += 1;
    let administered = tables::root_administrators(tx)? > 0;
    tables::put_principal(tx, &after)?;
    if administered && tables::root_administrators(tx)? == 0 {
        return Err(Error::new(
            Kind::Precondition,
            "LAST_ADMINISTRATOR",
            "this is the last administrator of the whole tree; make another one before suspending or unbinding it",
        )
        .with("principal", id.name()));
    }
    Ok(after)
}

/// Ends the belief in every token issued until now.
pub(crate) fn end_tokens(tx: &mut Transaction<'_>, actor: &Actor, id: PrincipalId, now: Time) -> Result<Principal> {
    let mut principal = get_changeable(tx, actor, id)?;
    // Tokens carry whole seconds, and one issued right after a revocation carries the second from which tokens are
    // believed. A step beyond both is later than any token issued so far, even with two revocations in one second.
    principal.tokens_valid_from = principal.tokens_valid_from.max(whole_second(now)).plus_seconds(1);
    principal.update_time = now;
    principal.revision += 1;
    tables::put_principal(tx, &principal)?;
    Ok(principal)
}

/// The principal, if the actor may change it or act for it. Fails with `NotFound` when the actor does not even see it.
pub(crate) fn get_changeable(view: &dyn View, actor: &Actor, id: PrincipalId) -> Result<Principal> {
    let principal = tables::get_principal(view, id)?.filter(|principal| actor.sees(principal));
    let principal = principal.ok_or_else(|| Error::not_found(id.name()))?;
    if !actor.commands(&principal) {
        return Err(out_of_scope(
            "this principal also holds posts outside the areas you administer; ask an administrator of all of them",
        )
        .with("principal", id.name()));
    }
    Ok(principal)
}

/// Fails with `Precondition` when the principal is suspended: it gets no tokens and no charges.
pub(crate) fn require_active(principal: &Principal) -> Result<()> {
    if !principal.suspended {
        return Ok(());
    }
    Err(Error::new(
        Kind::Precondition,
        "PRINCIPAL_SUSPENDED",
        "this principal is suspended; end the suspension before giving it a token or a charge",
    )
    .with("principal", principal.id.name()))
}

/// The last whole second that is not later: times as tokens carry them.
pub(crate) fn whole_second(time: Time) -> Time {
    time.plus_micros(-time.micros().rem_euclid(1_000_000))
}
