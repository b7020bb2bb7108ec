//! Tokens: JWTs signed with Ed25519 (RFC 7519, RFC 8037), and the keys that sign them.
//!
//! A token says who (`sub`), since when (`iat`) and until when (`exp`), and, unless its issuer administers the whole
//! tree, within which areas (`areas`): a token never gives more than its issuer could have given, even when its
//! principal is promoted later. What the principal may do is not in the token; it is looked up with every call, so a
//! changed post holds at once. Nothing here knows the store: who verifies says which keys there are.

use std::fmt;

use base::{AreaPath, Error, Kind, PrincipalId, Result, Time};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rpc::Scope;
use serde::{Deserialize, Serialize};

use crate::model::whole_second;

/// Lifetime of a token when none is asked for, in seconds.
pub(crate) const LIFETIME_DEFAULT_S: i64 = 12 * 3_600;
/// Longest lifetime of a token, in seconds.
pub(crate) const LIFETIME_MAX_S: i64 = 366 * 86_400;

/// Who issues: tokens of other systems are refused by name.
const ISSUER: &str = "wangge";
/// Longest token that is looked at, in bytes. One with the most areas its issuer can have is shorter.
const TOKEN_BYTES_MAX: usize = 8 << 10;
/// How far a token may be ahead of its verifier's clock, in seconds.
const CLOCK_SKEW_S: i64 = 60;

/// A key that signs tokens, or did.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SigningKey {
    /// The `kid` of tokens it signed.
    pub(crate) id: String,
    private_pkcs8: Vec<u8>,
    /// The Ed25519 public key.
    pub(crate) public: [u8; 32],
    pub(crate) create_time: Time,
    /// No longer signs since then, but still verifies.
    pub(crate) retire_time: Option<Time>,
}

impl SigningKey {
    /// Makes a key from the randomness of the operating system.
    pub(crate) fn generate(now: Time) -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|wrong| Error::internal("the operating system gives no randomness for a key").caused_by(wrong))?;
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        let private = key
            .to_pkcs8_der()
            .map_err(|wrong| Error::internal("a new signing key cannot be encoded").caused_by(wrong.to_string()))?;
        let public = key.verifying_key().to_bytes();
        Ok(Self {
            id: URL_SAFE_NO_PAD.encode(&public[..12]),
            private_pkcs8: private.as_bytes().to_vec(),
            public,
            create_time: now,
            retire_time: None,
        })
    }

    /// A key as it was stored.
    pub(crate) fn from_parts(
        id: String,
        private_pkcs8: Vec<u8>,
        public: [u8; 32],
        create_time: Time,
        retire_time: Option<Time>,
    ) -> Self {
        Self { id, private_pkcs8, public, create_time, retire_time }
    }

    /// The private half, to be stored; empty once the key is retired.
    pub(crate) fn private_pkcs8(&self) -> &[u8] {
        &self.private_pkcs8
    }

    /// The same key, which from now on only verifies. Its private half is forgotten: nothing needs it any more.
    pub(crate) fn retired(mut self, now: Time) -> Self {
        self.private_pkcs8.clear();
        self.retire_time = Some(now);
        self
    }

    /// Whether no token it signed can still be valid.
    pub(crate) fn has_outlived_its_tokens(&self, now: Time) -> bool {
        self.retire_time.is_some_and(|retired| retired.plus_seconds(LIFETIME_MAX_S + CLOCK_SKEW_S) < now)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("retire_time", &self.retire_time)
            .finish_non_exhaustive()
    }
}

/// What a token is to say.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// Whom it stands for.
    pub(crate) principal: PrincipalId,
    /// Tokens of the principal are believed from this time on.
    pub(crate) valid_from: Time,
    /// How long it is valid, in seconds.
    pub(crate) lifetime_s: i64,
    /// Where its issuer may give rights.
    pub(crate) ceiling: Scope,
}

/// A token and its end.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What is sent as `authorization: Bearer …`. A secret.
    pub text: String,
    /// Until when it is valid.
    pub expire_time: Time,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expire_time", &self.expire_time).finish_non_exhaustive()
    }
}

/// What a genuine token says. Whether it was revoked is for those to decide who know its principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) principal: PrincipalId,
    pub(crate) issue_time: Time,
    pub(crate) expire_time: Time,
    /// Nothing outside this is given, whatever posts the principal holds.
    pub(crate) ceiling: Scope,
    /// The key that signed.
    pub(crate) key_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    /// Seconds since 1970.
    iat: i64,
    /// Seconds since 1970.
    exp: i64,
    /// Paths of the subtrees it is limited to; absent: the whole tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    areas: Option<Vec<String>>,
}

/// Signs a token.
pub(crate) fn issue(key: &SigningKey, grant: &Grant, now: Time) -> Result<Token> {
    // After a revocation tokens are believed from a second that may not have begun yet.
    let issue_time = whole_second(now).max(grant.valid_from);
    let expire_time = whole_second(now).plus_seconds(grant.lifetime_s);
    let everywhere = grant.ceiling.covers(&AreaPath::ROOT);
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: grant.principal.to_string(),
        iat: issue_time.seconds_and_nanos().0,
        exp: expire_time.seconds_and_nanos().0,
        areas: (!everywhere).then(|| grant.ceiling.paths().iter().map(ToString::to_string).collect()),
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.id.clone());
    let text = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&key.private_pkcs8))
        .map_err(|wrong| Error::internal("a token cannot be signed").caused_by(wrong))?;
    Ok(Token { text, expire_time })
}

/// Decides whether a token is genuine and in force at `now`. `key_of` gives the key of an id.
///
/// Fails with `Unauthenticated` and the reason: `TOKEN_MALFORMED`, `TOKEN_ALGORITHM_REFUSED`, `TOKEN_FOREIGN` (signed
/// by no key of this server), `TOKEN_FORGED` (changed after signing), `TOKEN_EXPIRED`, `TOKEN_NOT_YET_VALID`.
pub(crate) fn verify(text: &str, now: Time, key_of: impl FnOnce(&str) -> Result<Option<SigningKey>>) -> Result<Proof> {
    if text.len() > TOKEN_BYTES_MAX {
        return Err(malformed());
    }
    let header = jsonwebtoken::decode_header(text).map_err(|_| malformed())?;
    // The token does not choose how it is verified: one algorithm, whatever it asks for.
    if header.alg != Algorithm::EdDSA {
        return Err(refused(
            "TOKEN_ALGORITHM_REFUSED",
            "the token is not signed with EdDSA, the only way accepted here",
        ));
    }
    let key_id = header.kid.unwrap_or_default();
    let key = key_of(&key_id)?.ok_or_else(foreign)?;
    let claims = jsonwebtoken::decode::<Claims>(text, &DecodingKey::from_ed_der(&key.public), &validation())
        .map_err(|wrong| match wrong.kind() {
            ErrorKind::InvalidSignature => {
                refused("TOKEN_FORGED", "the token's signature does not match its content; it was changed or cut")
            }
            ErrorKind::InvalidIssuer => foreign(),
            _ => malformed(),
        })?
        .claims;
    let proof = read(&claims, key_id)?;
    if proof.expire_time <= now {
        return Err(refused("TOKEN_EXPIRED", "the token has expired; ask an administrator for a new one")
            .with("expire_time", proof.expire_time));
    }
    if proof.issue_time > now.plus_seconds(CLOCK_SKEW_S) {
        return Err(refused("TOKEN_NOT_YET_VALID", "the token begins in the future; check the server's clock")
            .with("issue_time", proof.issue_time));
    }
    // A retired key signs nothing any more, so what it seems to have signed later was signed by a thief.
    if key.retire_time.is_some_and(|retired| proof.issue_time > retired.plus_seconds(CLOCK_SKEW_S)) {
        return Err(foreign());
    }
    Ok(proof)
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    validation.set_issuer(&[ISSUER]);
    // The library would ask the machine for the time; ours comes from the clock that is passed in.
    validation.validate_exp = false;
    validation
}

fn read(claims: &Claims, key_id: String) -> Result<Proof> {
    let principal = PrincipalId::parse_name(&format!("principals/{}", claims.sub)).map_err(|_| malformed())?;
    let ceiling = match &claims.areas {
        None => Scope::of([AreaPath::ROOT]),
        Some(paths) => {
            let paths: Result<Vec<AreaPath>, String> = paths.iter().map(|path| path.parse()).collect();
            Scope::of(paths.map_err(|_| malformed())?)
        }
    };
    Ok(Proof {
        principal,
        issue_time: Time::from_seconds_and_nanos(claims.iat, 0),
        expire_time: Time::from_seconds_and_nanos(claims.exp, 0),
        ceiling,
        key_id,
    })
}

/// A token that is not believed.
pub(crate) fn refused(reason: &'static str, message: &'static str) -> Error {
    Error::new(Kind::Unauthenticated, reason, message)
}

fn malformed() -> Error {
    refused("TOKEN_MALFORMED", "this is not a token of this server; send it whole, as it was issued")
}

fn foreign() -> Error {
    refused("TOKEN_FOREIGN", "the token was not signed by this server; ask its administrator for one")
}
