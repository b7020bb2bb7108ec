//! The domain of staff: who works here, where they hold which post, and who is in charge of what.
//!
//! Pure and synchronous. The enums of the contract ([`Post`], [`PrincipalKind`]) are used as they are, because their
//! values are the domain's; messages of the contract are not known here ([`crate::convert`] is the only translator).

mod charge;
mod handler;
mod principal;

pub(crate) use charge::{Charge, InCharge, assign, end, in_charge};
pub(crate) use handler::Handler;
pub(crate) use principal::{
    Binding, Change, Principal, create, end_tokens, get_changeable, require_active, update, whole_second,
};

pub(crate) use api::staff::v1::{Post, PrincipalKind};

use base::{AreaId, AreaPath, Error, Kind};
use rpc::Scope;

/// Who takes an action: where it is allowed to them, and whether they are administrators of everything.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// Where the action is allowed.
    pub(crate) scope: Scope,
    /// Whether they hold the administrator's post at the root of the tree.
    pub(crate) administers_all: bool,
}

impl Actor {
    /// Whether a principal exists for this actor: any of its posts lies in the scope. One without any post exists
    /// only for administrators of everything, because nobody else could say why they should see it.
    pub(crate) fn sees(&self, principal: &Principal) -> bool {
        if principal.bindings.is_empty() {
            return self.administers_all;
        }
        principal.bindings.iter().any(|binding| self.scope.covers(&binding.place.path))
    }

    /// Whether the actor may act for this principal or change it: every post lies in the scope, so that nobody gains
    /// by it a right that they could not have given.
    fn commands(&self, principal: &Principal) -> bool {
        if principal.bindings.is_empty() {
            return self.administers_all;
        }
        principal.bindings.iter().all(|binding| self.scope.covers(&binding.place.path))
    }

    fn require(&self, path: &AreaPath) -> Result<(), Error> {
        if self.scope.covers(path) {
            return Ok(());
        }
        Err(out_of_scope("your posts do not allow this action in that area").with("path", path))
    }
}

/// An area as a binding or a charge refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its place in the tree.
    pub(crate) path: AreaPath,
    /// Its id; none is the root above all areas.
    pub(crate) area: Option<AreaId>,
}

fn out_of_scope(message: &'static str) -> Error {
    Error::new(Kind::Forbidden, "OUT_OF_SCOPE", message)
}
