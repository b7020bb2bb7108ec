//! The first administrator, and the way back in when the token is lost: what happens before anybody can call.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base::{AreaPath, Clock, Error, Kind, PrincipalId, Result};
use rpc::Scope;
use store::{Origin, Store, View};

use crate::model::{self, Actor, Binding, Change, Place, Post, PrincipalKind};
use crate::tables::{self, SCHEMA};
use crate::token::{self, Grant, LIFETIME_MAX_S, SigningKey, Token};

/// The name of the administrator that the first start makes.
const ADMINISTRATOR: &str = "administrator 管理员";

/// Makes the first administrator and the first signing key, where there is none, and answers the administrator's
/// token, valid for 366 days. Answers `None` when there is an administrator already: a lost token is not made again
/// by a restart, but by [`issue_offline`].
pub async fn bootstrap(store: &Store, clock: &dyn Clock) -> Result<Option<Token>> {
    let now = clock.now();
    let (id, key) = (PrincipalId::generate(now), SigningKey::generate(now)?);
    let origin = Origin { principal: "the server itself".to_owned(), method: "bootstrap", time: now };
    let made = store.write(origin, move |tx| {
        if tables::current_signing_key(tx)?.is_none() {
            tables::rotate_signing_key(tx, &key, now)?;
        }
        if tables::root_administrators(tx)? > 0 {
            return Ok(false);
        }
        let everything = Actor { scope: Scope::of([AreaPath::ROOT]), administers_all: true };
        let at_root = Place { path: AreaPath::ROOT, area: None };
        let values = Change {
            display_name: Some(ADMINISTRATOR.to_owned()),
            bindings: Some(vec![Binding { post: Post::Administrator, place: at_root }]),
            ..Change::default()
        };
        model::create(tx, &everything, (id, PrincipalKind::Service), &values, now)?;
        Ok(true)
    });
    if !made.await?.value {
        return Ok(None);
    }
    store.read(|view| issue(view, Some(id), LIFETIME_MAX_S, clock)).map(Some)
}

/// Issues a token straight from a store directory, for the operator who has lost every token. Whoever can read the
/// directory has the keys anyway. `principal`: none stands for the first active administrator of the whole tree.
///
/// Fails when a server has the directory open, when the directory was never started, and when the principal is
/// suspended or does not exist.
pub fn issue_offline(
    options: store::Options,
    principal: Option<PrincipalId>,
    lifetime_s: i64,
    clock: &dyn Clock,
) -> Result<Token> {
    // Opening would make what is missing, and a mistyped directory would become an empty store.
    if !options.directory.as_ref().is_some_and(|directory| directory.is_dir()) {
        return Err(never_started());
    }
    let store = Store::open(crate::SERVICE_NAME, SCHEMA, options)?;
    let token = store.read(|view| issue(view, principal, lifetime_s, clock));
    store.close()?;
    token
}

fn issue(view: &dyn View, principal: Option<PrincipalId>, lifetime_s: i64, clock: &dyn Clock) -> Result<Token> {
    if !(1..=LIFETIME_MAX_S).contains(&lifetime_s) {
        return Err(Error::invalid("lifetime_s", format!("must lie in 1..{LIFETIME_MAX_S} (366 days)")));
    }
    let principal = match principal {
        Some(id) => tables::get_principal(view, id)?.ok_or_else(|| Error::not_found(id.name()))?,
        None => tables::first_root_administrator(view)?.ok_or_else(never_started)?,
    };
    let key = tables::current_signing_key(view)?.ok_or_else(never_started)?;
    let ceiling = Scope::of([AreaPath::ROOT]);
    model::require_active(&principal)?;
    let grant = Grant { principal: principal.id, valid_from: principal.tokens_valid_from, lifetime_s, ceiling };
    token::issue(&key, &grant, clock.now())
}

fn never_started() -> Error {
    Error::new(
        Kind::Precondition,
        "NEVER_STARTED",
        "this directory has no administrator and no key yet; start the server on it once, which makes both",
    )
}

/// Writes a token into a file that only its owner can read (mode 0600, or stricter when the file it replaces was),
/// whole or not at all. Refuses a path that is a symbolic link or not a regular file, because the secret would end up
/// somewhere that nobody named.
pub fn write_token_file(path: &Path, token: &Token) -> Result<()> {
    let before = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Some(metadata),
        Ok(_) => {
            return Err(Error::new(
                Kind::Precondition,
                "TOKEN_FILE_REFUSED",
                format!("{} is no regular file, so no token is written there; move it away", path.display()),
            )
            .with("path", path.display()));
        }
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => None,
        Err(wrong) => return Err(unwritable(path, wrong)),
    };
    write_beside(path, token, before.as_ref()).map_err(|wrong| unwritable(path, wrong))
}

/// Writes a new file next to `path`, makes it durable, and moves it there.
fn write_beside(path: &Path, token: &Token, before: Option<&fs::Metadata>) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(io::Error::other)?;
    let beside = folder.join(format!(".{name}.{:016x}", u64::from_be_bytes(suffix)));
    let written = create_private(&beside, before).and_then(|mut file| {
        writeln!(file, "{}", token.text)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        // What is left of a failed attempt holds a secret; if it cannot be removed, the error below says where.
        let _ = fs::remove_file(&beside);
    }
    written?;
    File::open(folder)?.sync_all()
}

/// Creates a file that did not exist and that only its owner can read.
#[cfg(unix)]
fn create_private(path: &PathBuf, before: Option<&fs::Metadata>) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    let mode = before.map_or(0o600, |metadata| metadata.mode() & 0o600);
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// Creates a file that did not exist; who may read it is decided by its folder.
#[cfg(not(unix))]
fn create_private(path: &PathBuf, _before: Option<&fs::Metadata>) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn unwritable(path: &Path, wrong: io::Error) -> Error {
    Error::new(
        Kind::Unavailable,
        "TOKEN_FILE_UNWRITABLE",
        format!("the token file {} cannot be written: {wrong}", path.display()),
    )
    .with("path", path.display())
    .caused_by(wrong)
}
