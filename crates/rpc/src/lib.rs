//! What a call needs that is not business: links, identity, access, errors, paging, repeats and watching.
//!
//! A service is generated code over a domain; everything around it that is the same for all services is here, once.
//! What is deliberately not here: any rule of one service, configuration, and the wiring of services (that is the
//! binary's).

pub mod access;
pub mod caller;
pub mod contract;
pub mod cursor;
mod ending;
pub mod identity;
pub mod link;
pub mod mask;
pub mod metrics;
pub mod paging;
pub mod repeat;
pub mod scope;
pub mod stack;
pub mod status;
pub mod time;
pub mod watch;

pub use caller::Caller;
pub use link::Link;
pub use scope::Scope;
