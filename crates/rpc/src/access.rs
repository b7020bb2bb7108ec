//! The access policy: which post may take which action. What no line allows is refused.
//!
//! One evaluator decides get, list, count, watch and every change, because all of them ask [`allows`] through the
//! caller's scope. A post holds in the subtree of the area it is bound to.

pub use api::staff::v1::Post;

/// Actions that everyone with any post may take.
const EVERYONE: &[&str] = &["grids.read", "grids.locate", "staff.self", "staff.find_in_charge"];

/// Reads everything, changes nothing.
const READ: &[&str] = &["events.read", "staff.read", "population.read", "buildings.read"];

/// What field work needs: report, see, handle what is in one's grid, send back what is not one's own.
const FIELD: &[&str] = &[
    "events.report",
    "events.read",
    "events.handle",
    "events.return",
    "population.read",
    "population.edit",
    "buildings.read",
    "buildings.edit",
];

/// What a command-centre desk adds: decide, dispatch, check, close.
const DESK: &[&str] = &[
    "events.report",
    "events.read",
    "events.accept",
    "events.dispatch",
    "events.handle",
    "events.verify",
    "events.close",
    "events.return",
    "events.reopen",
    "staff.read",
    "population.read",
    "population.edit",
    "population.decide",
    "buildings.read",
    "buildings.edit",
    "buildings.decide",
];

/// Whole deliveries of data, in and out.
const EXCHANGE: &[&str] = &["population.import", "population.export"];

/// What administration adds: areas, boundaries, people, tokens and the machine itself.
const ADMINISTRATION: &[&str] = &[
    "grids.edit",
    "grids.release",
    "staff.read",
    "staff.manage",
    "staff.token",
    "staff.keys",
    "operations.status",
    "operations.backup",
    "operations.scrub",
];

/// Actions that concern the whole process and therefore need a post at the root of the tree.
const WHOLE_PROCESS: &[&str] = &["staff.keys", "operations.status", "operations.backup", "operations.scrub"];

/// Whether a holder of `post` may take `action` in the area of the post.
pub fn allows(post: Post, action: &str) -> bool {
    let granted: &[&[&str]] = match post {
        Post::Unspecified => return false,
        Post::GridWorker | Post::MicroGridWorker => &[FIELD],
        Post::GridLeader => &[FIELD, &["events.verify", "staff.read"]],
        Post::CommunityDesk => &[DESK],
        Post::SubdistrictDesk => &[DESK, EXCHANGE],
        Post::Department => &[&["events.read", "events.handle", "events.return"]],
        Post::Auditor => &[READ, &["operations.status", "operations.scrub"]],
        Post::Administrator => &[DESK, EXCHANGE, ADMINISTRATION],
    };
    EVERYONE.contains(&action) || granted.iter().any(|actions| actions.contains(&action))
}

/// Whether a post must be held at the root of the tree for this action.
pub fn needs_root(action: &str) -> bool {
    WHOLE_PROCESS.contains(&action)
}

/// Whether any post may take this action: an action that nobody may take is a spelling mistake in the contract.
pub fn is_known(action: &str) -> bool {
    allows(Post::Administrator, action) || EVERYONE.contains(&action)
}

/// Whether a holder of `post` sees personal fields in clear in the area of the post. Auditors and departments see
/// them masked: an auditor checks the work, and a department is told what to do, not who complained (GB/T 33358).
pub fn sees_personal(post: Post) -> bool {
    !matches!(post, Post::Unspecified | Post::Auditor | Post::Department)
}

/// Whether a holder of `post` sees sensitive fields (health, religion, criminal record: PIPL art. 28) in clear in the
/// area of the post: those who keep the register, and nobody who only walks the grid.
pub fn sees_sensitive(post: Post) -> bool {
    matches!(post, Post::CommunityDesk | Post::SubdistrictDesk | Post::Administrator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_line_allows_is_refused() {
        assert!(!allows(Post::Administrator, "events.delete_everything"));
        assert!(!allows(Post::Unspecified, "grids.locate"));
        assert!(!allows(Post::GridWorker, "events.close"));
        assert!(!allows(Post::Auditor, "events.report"));
        assert!(!allows(Post::Department, "events.dispatch"));
    }

    #[test]
    fn auditors_and_departments_see_personal_fields_masked() {
        assert!(sees_personal(Post::GridWorker) && sees_personal(Post::CommunityDesk));
        assert!(!sees_sensitive(Post::GridWorker) && sees_sensitive(Post::CommunityDesk));
        assert!(!sees_personal(Post::Auditor) && !sees_personal(Post::Department));
    }
}
