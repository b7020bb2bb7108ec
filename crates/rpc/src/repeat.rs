//! Request ids (AIP-155): a call that is repeated with the same id is answered, not done again.

use base::Violations;
use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Reads the request id of a mutation; notes what is wrong with it.
///
/// The id is bound to the method and to the whole content of `message`, so that the same id with other content is
/// found out. Without an id the call gets a fresh one and cannot be repeated.
///
/// An id belongs to the principal who chose it. A repeat passes the check of its action again, but what the first call
/// checked about its own objects is not checked again: the same principal gets the answer it was given.
pub fn request(
    request_id: &str,
    method: &str,
    message: &impl Message,
    violations: &mut Violations,
) -> Option<store::Request> {
    // The one use of a random UUID outside ids: nobody will ever ask for this one again.
    #[allow(clippy::disallowed_methods)]
    let id = if request_id.is_empty() { Ok(Uuid::new_v4()) } else { Uuid::try_parse(request_id) };
    let wrong = "must be a UUID such as 7d0f4a3e-6f0c-4f4e-9f5b-0c8f6a1d2e3f, or empty";
    let id = violations.take("request_id", id.map_err(|_| wrong))?;
    let mut hash = Sha256::new();
    hash.update(method);
    hash.update([0]);
    hash.update(message.encode_to_vec());
    Some(store::Request { id: id.into_bytes(), fingerprint: hash.finalize().into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::staff::v1::RotateKeyRequest;

    #[test]
    fn the_fingerprint_covers_method_and_content() {
        let mut violations = Violations::new();
        let id = "7d0f4a3e-6f0c-4f4e-9f5b-0c8f6a1d2e3f";
        let message = |content: &str| RotateKeyRequest { request_id: content.to_owned() };
        let one = request(id, "A", &message("x"), &mut violations).unwrap();
        let other_content = request(id, "A", &message("y"), &mut violations).unwrap();
        let other_method = request(id, "B", &message("x"), &mut violations).unwrap();
        assert_eq!(one.id, other_content.id);
        assert_ne!(one.fingerprint, other_content.fingerprint);
        assert_ne!(one.fingerprint, other_method.fingerprint);
    }

    #[test]
    fn an_id_that_is_no_uuid_is_refused() {
        let mut violations = Violations::new();
        assert!(request("once", "A", &RotateKeyRequest::default(), &mut violations).is_none());
        assert!(!violations.is_empty());
    }
}
