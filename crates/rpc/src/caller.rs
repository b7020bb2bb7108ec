//! The caller of one method: who it is, and where it may do what the method does.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use base::{AreaPath, Error, Kind, PrincipalId, Result, Time};
use http::HeaderValue;
use tonic::metadata::MetadataMap;

use crate::access;
use crate::identity::Identity;
use crate::scope::Scope;
use crate::stack::Shared;

/// Who calls a method, with the scope of that method's action. Put into each request by [`crate::stack`].
#[derive(Clone)]
pub struct Caller(Arc<Inner>);

struct Inner {
    identity: Arc<Identity>,
    action: &'static str,
    scope: Scope,
    authorization: HeaderValue,
    deadline: Option<Instant>,
    shared: Arc<Shared>,
}

impl Caller {
    /// The caller who takes `action`. Fails with `Forbidden` when no post allows it anywhere.
    pub(crate) fn new(
        identity: Arc<Identity>,
        action: &'static str,
        mut authorization: HeaderValue,
        deadline: Option<Instant>,
        shared: Arc<Shared>,
    ) -> Result<Self> {
        let allowing = identity.bindings.iter().filter(|(post, _)| access::allows(*post, action));
        let scope = Scope::of(allowing.map(|(_, path)| *path));
        let suffices = if access::needs_root(action) { scope.covers(&AreaPath::ROOT) } else { !scope.is_empty() };
        if !suffices {
            return Err(Error::new(
                Kind::Forbidden,
                "ACTION_NOT_ALLOWED",
                "none of your posts allows this action; ask an administrator for a post that does",
            )
            .with("action", action)
            .with("principal", identity.id.name()));
        }
        // Never shown by a debug print, never kept by a connection's header table.
        authorization.set_sensitive(true);
        Ok(Self(Arc::new(Inner { identity, action, scope, authorization, deadline, shared })))
    }

    /// The caller of a request that came through the stack.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Error::internal("a request reached a service without passing the access check"))
    }

    /// Who it is.
    pub fn id(&self) -> PrincipalId {
        self.0.identity.id
    }

    /// The name of the person or program.
    pub fn display_name(&self) -> &str {
        &self.0.identity.display_name
    }

    /// Posts held, each with the root of the subtree it holds in.
    pub fn bindings(&self) -> &[(access::Post, AreaPath)] {
        &self.0.identity.bindings
    }

    /// Where the caller may do what this method does.
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Fails with `Forbidden` unless the caller may do what this method does at `path`.
    pub fn require(&self, path: &AreaPath) -> Result<()> {
        if self.0.scope.covers(path) {
            return Ok(());
        }
        Err(Error::new(Kind::Forbidden, "OUT_OF_SCOPE", "your posts do not allow this action in that area")
            .with("action", self.0.action)
            .with("path", path))
    }

    /// Whether personal fields of something at `path` are shown in clear: when a post that allows this method there
    /// also clears it. Posts do not lend each other their rights.
    pub fn sees_personal(&self, path: &AreaPath) -> bool {
        let clears = |post| access::allows(post, self.0.action) && access::sees_personal(post);
        self.bindings().iter().any(|(post, root)| clears(*post) && path.is_within(root))
    }

    /// The same for sensitive fields.
    pub fn sees_sensitive(&self, path: &AreaPath) -> bool {
        let clears = |post| access::allows(post, self.0.action) && access::sees_sensitive(post);
        self.bindings().iter().any(|(post, root)| clears(*post) && path.is_within(root))
    }

    /// A request to another service on this caller's behalf, with what is left of the caller's time.
    pub fn forward<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        if let Some(deadline) = self.0.deadline {
            request.set_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        let mut headers = std::mem::take(request.metadata_mut()).into_headers();
        headers.insert(http::header::AUTHORIZATION, self.0.authorization.clone());
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        request
    }

    /// The same caller as things are now, for calls that last: fails when the token is no longer good, or when what it
    /// allows has changed, so that a stream never outlives the right to it.
    pub async fn renew(&self) -> Result<()> {
        let now = self.0.shared.admit(self.0.action, Some(self.0.authorization.clone()), None).await?;
        if now.0.identity.bindings == self.0.identity.bindings {
            return Ok(());
        }
        Err(Error::new(Kind::Unavailable, "POSTS_CHANGED", "your posts have changed; list again, then watch again"))
    }

    /// Turns true when the process begins to stop.
    pub(crate) fn stopping(&self) -> tokio::sync::watch::Receiver<bool> {
        self.0.shared.stopping()
    }

    /// What the journal notes about a change by this caller.
    pub fn origin(&self, method: &'static str, now: Time) -> store::Origin {
        store::Origin { principal: self.id().name(), method, time: now }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("identity", &self.0.identity).field("action", &self.0.action).finish()
    }
}
