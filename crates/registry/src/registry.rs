//! A registry: the kinds of elements of one service over its store.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use base::{Clock, Error, Result, Time};
use rpc::Link;
use store::Store;

use crate::areas::Areas;
use crate::collection::Collection;
use crate::kind::Kind;
use crate::secret::Secret;

/// The elements of one service. Cloning is cheap; all clones are one.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) areas: Areas,
    pub(crate) kinds: Vec<Arc<Kind>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) secret: Secret,
    /// The action that lets somebody read here, such as `population.read`.
    pub(crate) read_action: &'static str,
    /// The action that lets somebody decide here: `population.decide`.
    pub(crate) decide_action: String,
    /// Kinds and sources whose run a stream is feeding now.
    pub(crate) attached: Mutex<HashSet<(u32, String)>>,
}

impl Registry {
    /// The registry of these kinds over a store opened with [`crate::SCHEMA`]. At the first start it makes its own
    /// key. `read_action` is the action that lets somebody read elements, such as `population.read`: whoever may not
    /// even do that does not learn that an element exists. Beside it stands `population.decide`: whoever may not
    /// decide brings no other word than what was seen in the field or declared by the person.
    pub fn new(
        store: Store,
        grids: Link,
        clock: Arc<dyn Clock>,
        read_action: &'static str,
        kinds: Vec<Kind>,
    ) -> Result<Self> {
        let secret = Secret::load(&store, clock.now())?;
        let kinds = kinds.into_iter().map(Arc::new).collect();
        let areas = Areas::new(grids);
        let decide_action = format!("{}decide", read_action.trim_end_matches("read"));
        let attached = Mutex::default();
        Ok(Self(Arc::new(Inner { store, areas, kinds, clock, secret, read_action, decide_action, attached })))
    }

    /// The elements of the kind with this number.
    pub fn of(&self, number: u32) -> Result<Collection> {
        let kind = self.0.kinds.iter().find(|kind| kind.number == number);
        let kind = kind.ok_or_else(|| Error::internal(format!("no kind of element has the number {number}")))?;
        Ok(Collection { inner: self.0.clone(), kind: kind.clone() })
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }
}
