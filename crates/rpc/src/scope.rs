//! The part of the tree that a caller may act in: a set of subtrees.

use base::AreaPath;

/// A set of subtrees, none inside another, in the order of the tree. The empty set covers nothing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Scope(Vec<AreaPath>);

impl Scope {
    /// The smallest set of subtrees that covers all of `paths`.
    pub fn of(paths: impl IntoIterator<Item = AreaPath>) -> Self {
        let mut sorted: Vec<AreaPath> = paths.into_iter().collect();
        sorted.sort_unstable();
        let mut roots: Vec<AreaPath> = Vec::with_capacity(sorted.len());
        for path in sorted {
            // In the order of the tree an ancestor stands before its descendants.
            if !roots.last().is_some_and(|last| path.is_within(last)) {
                roots.push(path);
            }
        }
        Self(roots)
    }

    /// The roots of the subtrees, in the order of the tree.
    pub fn paths(&self) -> &[AreaPath] {
        &self.0
    }

    /// Whether `path` lies in one of the subtrees.
    pub fn covers(&self, path: &AreaPath) -> bool {
        self.0.iter().any(|root| path.is_within(root))
    }

    /// The part of this scope inside the subtree of `path`.
    #[must_use]
    pub fn narrow(&self, path: &AreaPath) -> Self {
        if self.covers(path) {
            return Self(vec![*path]);
        }
        Self(self.0.iter().filter(|root| root.is_within(path)).copied().collect())
    }

    /// Whether it covers nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AreaPath {
        text.parse().unwrap()
    }

    #[test]
    fn subtrees_inside_others_add_nothing() {
        let scope = Scope::of([path("/1/2/3"), path("/2"), path("/1/2"), path("/1/20")]);
        assert_eq!(scope.paths(), [path("/1/2"), path("/1/20"), path("/2")]);
        assert!(scope.covers(&path("/1/2/9")) && !scope.covers(&path("/1")) && !scope.covers(&path("/1/21")));
    }

    #[test]
    fn narrowing_keeps_only_what_both_cover() {
        let scope = Scope::of([path("/1/2"), path("/1/3"), path("/2")]);
        assert_eq!(scope.narrow(&path("/1")).paths(), [path("/1/2"), path("/1/3")]);
        assert_eq!(scope.narrow(&path("/1/2/7")).paths(), [path("/1/2/7")]);
        assert!(scope.narrow(&path("/3")).is_empty());
        assert_eq!(scope.narrow(&AreaPath::ROOT), scope);
    }
}
