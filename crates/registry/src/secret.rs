//! The service's own key: identity numbers are indexed by keyed hashes, so that neither the disk nor a backup without
//! its records shows one.

use std::sync::Arc;

use api::stored::registry::v1 as bytes;
use base::{Error, Result, Time};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use store::{Key, Origin, Store};

use crate::tables::SECRETS;

const NAME: &str = "identity-index";

/// The key under which identity numbers are hashed. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Secret(Arc<[u8]>);

impl Secret {
    pub(crate) fn new(key: Vec<u8>) -> Self {
        Self(key.into())
    }

    /// The key in the store; at the first start it is made.
    pub(crate) fn load(store: &Store, now: Time) -> Result<Self> {
        let mut fresh = vec![0; 32];
        let failed =
            |cause: getrandom::Error| Error::internal("the system gave no random numbers").caused_by(cause.to_string());
        getrandom::fill(&mut fresh).map_err(failed)?;
        let origin = Origin { principal: "principals/system".to_owned(), method: "Start", time: now };
        let key = store.write_blocking(origin, move |transaction| {
            if let Some(present) = SECRETS.get(transaction, &Key::new().text(NAME))? {
                return Ok(present.key);
            }
            let secret = bytes::Secret { name: NAME.to_owned(), key: fresh.clone().into() };
            SECRETS.put(transaction, &secret)?;
            Ok(secret.key)
        })?;
        Ok(Self::new(key.value.to_vec()))
    }

    /// Sixteen bytes that only this key makes of `text`: HMAC-SHA-256, cut.
    pub(crate) fn hash(&self, text: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(text);
        mac.finalize().into_bytes()[..16].to_vec()
    }
}
