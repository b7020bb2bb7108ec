//! Pages of a list (AIP-158): sizes are coerced, and a token only continues the query it came from.

use base::{Violations, limits};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::scope::Scope;

/// A list query without its paging fields: what a page token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query([u8; 8]);

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many.
    pub limit: usize,
    /// Continue after this position.
    pub after: Option<Vec<u8>>,
}

impl Query {
    /// The query of `method` with this request, whose `page_size` and `page_token` the caller has cleared.
    pub fn of(method: &str, message: &impl Message, scope: &Scope) -> Self {
        let mut hash = Sha256::new();
        hash.update(method);
        hash.update([0]);
        hash.update(message.encode_to_vec());
        for path in scope.paths() {
            hash.update([0]);
            hash.update(path.bytes());
        }
        let digest = hash.finalize();
        let mut short = [0; 8];
        short.copy_from_slice(&digest[..8]);
        Self(short)
    }

    /// The token of the page after `next`; empty at the end of the list.
    pub fn token(&self, next: Option<Vec<u8>>) -> String {
        next.map_or_else(String::new, |position| {
            let mut token = self.seal(&position).to_vec();
            token.extend(position);
            URL_SAFE_NO_PAD.encode(token)
        })
    }

    /// What a token begins with: it binds the position to the query, and shows when a part of the token was lost.
    fn seal(&self, position: &[u8]) -> [u8; 8] {
        let digest = Sha256::new().chain_update(self.0).chain_update(position).finalize();
        let mut short = [0; 8];
        short.copy_from_slice(&digest[..8]);
        short
    }
}

impl PageRequest {
    /// Reads the paging fields of a list request; notes what is wrong with them.
    pub fn parse(page_size: i32, page_token: &str, query: &Query, violations: &mut Violations) -> Option<Self> {
        let limit = usize::try_from(page_size).map_err(|_| "must not be negative; 0 asks for the default");
        let limit = violations.take("page_size", limit);
        let after = match read_token(page_token, query) {
            Ok(after) => after,
            Err(wrong) => {
                violations.add("page_token", wrong);
                return None;
            }
        };
        let limit = match limit? {
            0 => limits::PAGE_SIZE_DEFAULT,
            asked => asked.min(limits::PAGE_SIZE_MAX),
        };
        Some(Self { limit, after })
    }
}

fn read_token(token: &str, query: &Query) -> Result<Option<Vec<u8>>, &'static str> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| "is not a token that this server gave out")?;
    let (seal, position) = bytes.split_at_checked(8).ok_or("is not a token that this server gave out")?;
    if seal != query.seal(position) {
        return Err(
            "belongs to another query, or is not whole; keep all other fields as they were, or begin without a token",
        );
    }
    Ok(Some(position.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::grids::v1::ListAreasRequest;
    use base::AreaPath;

    fn query(parent: &str, scope: &str) -> Query {
        let request = ListAreasRequest { parent: parent.to_owned(), ..Default::default() };
        Query::of("ListAreas", &request, &Scope::of([scope.parse::<AreaPath>().unwrap()]))
    }

    fn parse(size: i32, token: &str, query: &Query) -> Result<PageRequest, Violations> {
        let mut violations = Violations::new();
        PageRequest::parse(size, token, query, &mut violations).ok_or(violations)
    }

    #[test]
    fn a_token_continues_its_own_query_only() {
        let token = query("a", "/1").token(Some(b"position".to_vec()));
        let page = parse(10, &token, &query("a", "/1")).unwrap();
        assert_eq!(page, PageRequest { limit: 10, after: Some(b"position".to_vec()) });
        assert!(parse(10, &token, &query("b", "/1")).is_err());
        assert!(parse(10, &token, &query("a", "/2")).is_err());
        assert!(parse(10, "!!!", &query("a", "/1")).is_err());
        assert!(parse(10, "AAAA", &query("a", "/1")).is_err());
        assert!(parse(10, &token[..token.len() - 2], &query("a", "/1")).is_err(), "a part of a token is none");
    }

    #[test]
    fn sizes_are_coerced_and_negative_ones_refused() {
        assert_eq!(parse(0, "", &query("a", "/1")).unwrap().limit, limits::PAGE_SIZE_DEFAULT);
        assert_eq!(parse(1_000_000, "", &query("a", "/1")).unwrap().limit, limits::PAGE_SIZE_MAX);
        assert!(parse(-1, "", &query("a", "/1")).is_err());
    }

    #[test]
    fn the_end_of_a_list_has_no_token() {
        assert_eq!(query("a", "/1").token(None), "");
    }
}
