//! Knows who the bearer of a token is, in the process that runs the staff service.
//!
//! Answers are remembered, and believed as long as the staff store has not moved on: a changed post, a suspension, a
//! revocation or a rotated key therefore counts from the very next call, and a call in between costs one look into a
//! map. When the store has moved, the principal is read again, but the signature is not checked again.

use std::collections::HashMap;
use std::sync::Arc;

use base::{Error, PrincipalId, Result, Time};
use futures_util::future::{self, BoxFuture, FutureExt};
use parking_lot::RwLock;
use rpc::identity::{Authority, Identity};
use store::{Sequence, Store};

use crate::model::Principal;
use crate::tables;
use crate::token::{self, Proof, refused};

/// The authority beside the staff store.
pub struct LocalAuthority {
    store: Store,
    remembered_max: usize,
    remembered: RwLock<HashMap<Box<str>, Remembered>>,
}

struct Remembered {
    proof: Arc<Proof>,
    identity: Arc<Identity>,
    /// The state of the store that `identity` was read from, or an earlier one.
    read_at: Sequence,
}

impl LocalAuthority {
    /// An authority over a staff store that remembers at most so many tokens.
    pub fn new(store: Store, remembered_max: usize) -> Self {
        Self { store, remembered_max: remembered_max.max(1), remembered: RwLock::default() }
    }

    /// How many tokens are remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.remembered.read().len()
    }

    fn decide(&self, text: &str, now: Time) -> Result<Arc<Identity>> {
        // Taken before reading: should the store move on in between, what is read now is not believed later.
        let read_at = self.store.head();
        let known = self.remembered.read().get(text).map(|remembered| remembered.proof.clone());
        let (proof, principal) = self.store.read(|view| {
            let proof = match known.filter(|proof| now < proof.expire_time) {
                // A key that is gone takes its tokens with it; whether it still signs does not matter.
                Some(proof) if tables::get_signing_key(view, &proof.key_id)?.is_some() => proof,
                _ => Arc::new(token::verify(text, now, |id| tables::get_signing_key(view, id))?),
            };
            let principal = tables::get_principal(view, proof.principal)?;
            Ok((proof, principal))
        })?;
        let identity = Arc::new(identify(&proof, principal)?);
        self.remember(text, Remembered { proof, identity: identity.clone(), read_at }, now);
        Ok(identity)
    }

    fn remember(&self, text: &str, answer: Remembered, now: Time) {
        let mut remembered = self.remembered.write();
        if remembered.len() >= self.remembered_max && !remembered.contains_key(text) {
            let head = self.store.head();
            remembered.retain(|_, other| other.read_at == head && now < other.proof.expire_time);
            if remembered.len() >= self.remembered_max {
                remembered.clear();
            }
        }
        remembered.insert(text.into(), answer);
    }
}

/// The principal of a genuine token as the access rules see it, if its tokens are still believed.
fn identify(proof: &Proof, principal: Option<Principal>) -> Result<Identity> {
    let principal = principal.ok_or_else(|| unknown(proof.principal))?;
    if principal.suspended {
        return Err(refused("PRINCIPAL_SUSPENDED", "this principal is suspended; an administrator can end that")
            .with("principal", principal.id.name()));
    }
    if proof.issue_time < principal.tokens_valid_from {
        return Err(refused("TOKEN_REVOKED", "the token was revoked; ask an administrator for a new one")
            .with("principal", principal.id.name()));
    }
    let within_ceiling = principal.bindings.iter().flat_map(|binding| {
        // A post held above the ceiling is held in the parts of its area that lie under the ceiling.
        let parts = proof.ceiling.narrow(&binding.place.path);
        parts.paths().iter().map(|path| (binding.post, *path)).collect::<Vec<_>>()
    });
    Ok(Identity { id: principal.id, bindings: within_ceiling.collect(), display_name: principal.display_name })
}

fn unknown(id: PrincipalId) -> Error {
    refused("PRINCIPAL_UNKNOWN", "the principal of this token does not exist here").with("principal", id.name())
}

impl Authority for LocalAuthority {
    fn cached(&self, token: &str, now: Time) -> Option<Arc<Identity>> {
        let remembered = self.remembered.read();
        let known = remembered.get(token)?;
        (known.read_at == self.store.head() && now < known.proof.expire_time).then(|| known.identity.clone())
    }

    fn identify<'a>(&'a self, token: &'a str, now: Time) -> BoxFuture<'a, Result<Arc<Identity>>> {
        future::ready(self.decide(token, now)).boxed()
    }
}
