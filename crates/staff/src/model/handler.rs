//! Who may handle events at an area, as those are told who may dispatch them there.
//!
//! The rule is deliberately narrow. A desk has to know whom it can call, also above its own area (社区吹哨、部门报到:
//! the community whistles, the departments of the subdistrict report), and nothing more about them.

use base::{AreaPath, PrincipalId};

use super::{Actor, Binding, Post, Principal};

/// Somebody who may handle events at an area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handler {
    pub(crate) id: PrincipalId,
    pub(crate) display_name: String,
    /// The posts through which it may; never empty, and none of its posts elsewhere.
    pub(crate) bindings: Vec<Binding>,
}

impl Handler {
    /// What `actor`, who may dispatch at `path`, is told of a principal; nothing of one who is suspended or may not
    /// handle events there. An administrator above the actor's own areas is told of only when asked for by name:
    /// whoever has the name knows already, and may find the administrator in charge.
    pub(crate) fn told(actor: &Actor, principal: &Principal, path: &AreaPath, by_name: bool) -> Option<Self> {
        let is_told = |binding: &&Binding| {
            by_name || binding.post != Post::Administrator || actor.scope.covers(&binding.place.path)
        };
        let bindings: Vec<Binding> = principal.handling_posts(path).filter(is_told).copied().collect();
        let display_name = principal.display_name.clone();
        (!principal.suspended && !bindings.is_empty()).then_some(Self { id: principal.id, display_name, bindings })
    }
}
