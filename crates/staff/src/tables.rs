//! What is kept and under which keys, and the only place that reads and writes stored messages.
//!
//! ```text
//! table 1 principals     id:16                       everyone who may call
//!   index 1 by_area      path  id:16                 one entry for every area at or above a post, so that "everyone
//!                                                    inside a subtree" is one range in which each stands once;
//!                                                    who holds no post stands under the root
//!   index 2 bound_at     path  id:16                 one entry for every area at which a post is bound, so that
//!                                                    "everyone bound at an area or above it" is a handful of ranges
//!   aggregate 1 root_administrators   (empty)        how many active administrators of everything there are
//! table 2 charges        path                        in the order of the tree: a subtree is one range
//! table 3 signing_keys   key id                      a handful: one that signs, others until their tokens expired
//! ```
//! Numbers are never reused.

use std::collections::BTreeSet;

use api::stored::staff::v1 as stored;
use base::{AreaPath, Error, Id, Kind, PrincipalId, Resource, Result, Time};
use bytes::Bytes;
use prost::Message;
use rpc::Scope;
use rpc::paging::PageRequest;
use store::{Aggregate, Index, Key, Page, Scan, Table, Transaction, View};

use crate::model::{Binding, Charge, Place, Post, Principal, PrincipalKind};
use crate::token::SigningKey;

/// The tables of this service, for opening, checking and restoring its store.
pub static SCHEMA: store::Schema = &[&PRINCIPALS, &CHARGES, &SIGNING_KEYS];

static PRINCIPALS: Table<stored::Principal> = Table::new(
    1,
    "principals",
    |principal| Key::new().raw(&principal.id),
    &[&PRINCIPALS_BY_AREA, &PRINCIPALS_BOUND_AT],
    &[&ROOT_ADMINISTRATORS],
);

static PRINCIPALS_BY_AREA: Index<stored::Principal> = Index::new(1, "by_area", |principal, keys: &mut Vec<Key>| {
    let mut areas: BTreeSet<&[u8]> = BTreeSet::from([&[][..]]);
    for binding in &principal.bindings {
        areas.extend((0..=binding.path.len()).step_by(2).map(|end| &binding.path[..end]));
    }
    keys.extend(areas.into_iter().map(path_key));
});

static PRINCIPALS_BOUND_AT: Index<stored::Principal> = Index::new(2, "bound_at", |principal, keys: &mut Vec<Key>| {
    let areas: BTreeSet<&[u8]> = principal.bindings.iter().map(|binding| binding.path.as_ref()).collect();
    keys.extend(areas.into_iter().map(path_key));
});

static ROOT_ADMINISTRATORS: Aggregate<stored::Principal> =
    Aggregate::new(1, "root_administrators", |principal, amounts: &mut Vec<(Key, i64)>| {
        if administers_all(principal) {
            amounts.push((Key::new(), 1));
        }
    });

static CHARGES: Table<stored::Charge> = Table::new(2, "charges", |charge| path_key(&charge.path), &[], &[]);

static SIGNING_KEYS: Table<stored::SigningKey> =
    Table::new(3, "signing_keys", |key| Key::new().text(&key.key_id), &[], &[]);

/// The key element of a stored path. It equals `Key::path` of the decoded one, and cannot fail.
fn path_key(path: impl AsRef<[u8]>) -> Key {
    Key::new().raw(path.as_ref()).u16(0)
}

/// One principal.
pub(crate) fn get_principal(view: &dyn View, id: PrincipalId) -> Result<Option<Principal>> {
    PRINCIPALS.get(view, &Key::new().id(id))?.as_ref().map(principal_from_stored).transpose()
}

/// Makes or replaces a principal.
pub(crate) fn put_principal(tx: &mut Transaction<'_>, principal: &Principal) -> Result<()> {
    PRINCIPALS.put(tx, &principal_to_stored(principal))
}

/// How many principals are active administrators of the whole tree.
pub(crate) fn root_administrators(view: &dyn View) -> Result<i64> {
    ROOT_ADMINISTRATORS.get(view, &Key::new())
}

/// Of the active administrators of the whole tree, the one that was made first.
pub(crate) fn first_root_administrator(view: &dyn View) -> Result<Option<Principal>> {
    let mut after = None;
    loop {
        let scan = Scan::prefix(Key::new().path(&AreaPath::ROOT)).limit(1).after(after);
        let page = PRINCIPALS.page_by_where(view, &PRINCIPALS_BY_AREA, &scan, &administers_all)?;
        if let Some(found) = page.records.first() {
            return principal_from_stored(found).map(Some);
        }
        if page.next.is_none() {
            return Ok(None);
        }
        after = page.next;
    }
}

/// Which principals are listed.
#[derive(Clone, Debug)]
pub(crate) struct PrincipalQuery {
    /// Those with a post in one of these subtrees.
    pub(crate) scope: Scope,
    /// Only those who hold this post there.
    pub(crate) post: Option<Post>,
    /// Also those without any post.
    pub(crate) unbound: bool,
}

/// Principals in the order of their ids, each once.
pub(crate) fn page_principals(view: &dyn View, query: &PrincipalQuery, part: &PageRequest) -> Result<Page<Principal>> {
    let wanted = |binding: &stored::Binding| {
        query.post.is_none_or(|post| binding.post == i32::from(post))
            && AreaPath::from_bytes(&binding.path).is_ok_and(|path| query.scope.covers(&path))
    };
    let listed = |principal: &stored::Principal| match principal.bindings.as_slice() {
        [] => query.unbound,
        bindings => bindings.iter().any(wanted),
    };
    let scan = |path| Scan::prefix(Key::new().path(path)).limit(part.limit).after(part.after.clone());
    let scans: Vec<Scan> = query.scope.paths().iter().map(scan).collect();
    let page = PRINCIPALS.page_merged(view, &PRINCIPALS_BY_AREA, &scans, &listed)?;
    let records = page.records.iter().map(principal_from_stored).collect::<Result<_>>()?;
    Ok(Page { records, next: page.next })
}

/// Principals bound at an area or above it of whom `wanted` makes something, in the order of their ids, each once.
pub(crate) fn page_bound_at<T>(
    view: &dyn View,
    path: &AreaPath,
    part: &PageRequest,
    wanted: &dyn Fn(&Principal) -> Option<T>,
) -> Result<Page<T>> {
    let scan = |depth| Scan::prefix(Key::new().path(&path.ancestor(depth))).limit(part.limit).after(part.after.clone());
    let scans: Vec<Scan> = (0..=path.depth()).map(scan).collect();
    // Damage is not passed over: reading the record below says what is wrong.
    let listed =
        |stored: &stored::Principal| principal_from_stored(stored).map_or(true, |found| wanted(&found).is_some());
    let page = PRINCIPALS.page_merged(view, &PRINCIPALS_BOUND_AT, &scans, &listed)?;
    let read = |stored: &stored::Principal| principal_from_stored(stored).map(|found| wanted(&found));
    let records = page.records.iter().filter_map(|stored| read(stored).transpose()).collect::<Result<_>>()?;
    Ok(Page { records, next: page.next })
}

/// The charge of exactly this area.
pub(crate) fn get_charge(view: &dyn View, path: &AreaPath) -> Result<Option<Charge>> {
    CHARGES.get(view, &Key::new().path(path))?.as_ref().map(charge_from_stored).transpose()
}

/// Makes or replaces a charge.
pub(crate) fn put_charge(tx: &mut Transaction<'_>, charge: &Charge) -> Result<()> {
    CHARGES.put(tx, &charge_to_stored(charge))
}

/// Removes the charge of an area; whether there was one.
pub(crate) fn delete_charge(tx: &mut Transaction<'_>, path: &AreaPath) -> Result<bool> {
    CHARGES.delete(tx, &Key::new().path(path)).map(|charge| charge.is_some())
}

/// Charges inside these subtrees, in the order of the tree.
pub(crate) fn page_charges(view: &dyn View, scope: &Scope, part: &PageRequest) -> Result<Page<Charge>> {
    // A position is the whole key of a charge, so that it says by itself which subtree it is in.
    let mut page = Page { records: Vec::new(), next: None };
    for root in scope.paths() {
        let prefix = Key::new().subtree(root);
        let after = match &part.after {
            Some(position) => match position.strip_prefix(prefix.as_bytes()) {
                Some(rest) => Some(rest.to_vec()),
                None if position.as_slice() > prefix.as_bytes() => continue,
                None => None,
            },
            None => None,
        };
        let left = part.limit - page.records.len();
        if left == 0 {
            // The page is full and a subtree is left, which may turn out to be empty.
            page.next = page.records.last().map(|last: &Charge| Key::new().path(&last.place.path).into_bytes());
            return Ok(page);
        }
        let found = CHARGES.page(view, &Scan::prefix(prefix.clone()).limit(left).after(after))?;
        for charge in &found.records {
            page.records.push(charge_from_stored(charge)?);
        }
        if let Some(next) = found.next {
            page.next = Some([prefix.as_bytes(), next.as_slice()].concat());
            return Ok(page);
        }
    }
    Ok(page)
}

/// The key that signs now.
pub(crate) fn current_signing_key(view: &dyn View) -> Result<Option<SigningKey>> {
    Ok(signing_keys(view)?.into_iter().find(|key| key.retire_time.is_none()))
}

/// Lets a new key sign. The one before only verifies from now on, and keys that nobody needs any more are forgotten.
pub(crate) fn rotate_signing_key(tx: &mut Transaction<'_>, new: &SigningKey, now: Time) -> Result<()> {
    for key in signing_keys(tx)? {
        if key.has_outlived_its_tokens(now) {
            SIGNING_KEYS.delete(tx, &Key::new().text(&key.id))?;
        } else if key.retire_time.is_none() {
            SIGNING_KEYS.put(tx, &key_to_stored(&key.retired(now)))?;
        }
    }
    SIGNING_KEYS.put(tx, &key_to_stored(new))
}

fn signing_keys(view: &dyn View) -> Result<Vec<SigningKey>> {
    // One key comes with each rotation and goes a year after the next, so there are a handful.
    SIGNING_KEYS.page(view, &Scan::all().limit(usize::from(u16::MAX)))?.records.iter().map(key_from_stored).collect()
}

/// One signing key.
pub(crate) fn get_signing_key(view: &dyn View, id: &str) -> Result<Option<SigningKey>> {
    SIGNING_KEYS.get(view, &Key::new().text(id))?.as_ref().map(key_from_stored).transpose()
}

/// A principal as the answer to a repeated request is remembered.
pub(crate) fn principal_to_bytes(principal: &Principal) -> Vec<u8> {
    principal_to_stored(principal).encode_to_vec()
}

/// Reads [`principal_to_bytes`].
pub(crate) fn principal_from_bytes(bytes: &[u8]) -> Result<Principal> {
    principal_from_stored(&stored::Principal::decode(bytes).map_err(|_| malformed("principal"))?)
}

/// A charge as the answer to a repeated request is remembered.
pub(crate) fn charge_to_bytes(charge: &Charge) -> Vec<u8> {
    charge_to_stored(charge).encode_to_vec()
}

/// Reads [`charge_to_bytes`].
pub(crate) fn charge_from_bytes(bytes: &[u8]) -> Result<Charge> {
    charge_from_stored(&stored::Charge::decode(bytes).map_err(|_| malformed("charge"))?)
}

/// Whether a principal counts as an active administrator of the whole tree.
fn administers_all(principal: &stored::Principal) -> bool {
    let at_root = |binding: &stored::Binding| binding.post == i32::from(Post::Administrator) && binding.path.is_empty();
    !principal.suspended && principal.bindings.iter().any(at_root)
}

fn principal_to_stored(principal: &Principal) -> stored::Principal {
    let binding = |binding: &Binding| stored::Binding {
        post: binding.post.into(),
        path: binding.place.path.bytes().into(),
        area_id: optional_id(binding.place.area),
    };
    stored::Principal {
        id: Bytes::copy_from_slice(&principal.id.bytes()),
        kind: principal.kind.into(),
        display_name: principal.display_name.clone(),
        phone: principal.phone.clone(),
        bindings: principal.bindings.iter().map(binding).collect(),
        away_until_us: principal.away_until.map_or(0, Time::micros),
        suspended: principal.suspended,
        tokens_valid_from_us: principal.tokens_valid_from.micros(),
        create_time_us: principal.create_time.micros(),
        update_time_us: principal.update_time.micros(),
        revision: principal.revision,
    }
}

fn principal_from_stored(stored: &stored::Principal) -> Result<Principal> {
    let binding = |binding: &stored::Binding| {
        Ok(Binding {
            post: Post::try_from(binding.post).map_err(|_| malformed("post"))?,
            place: place_from_stored(&binding.path, &binding.area_id)?,
        })
    };
    Ok(Principal {
        id: Id::from_slice(&stored.id)?,
        kind: PrincipalKind::try_from(stored.kind).map_err(|_| malformed("kind of principal"))?,
        display_name: stored.display_name.clone(),
        phone: stored.phone.clone(),
        bindings: stored.bindings.iter().map(binding).collect::<Result<_>>()?,
        away_until: (stored.away_until_us != 0).then(|| Time::from_micros(stored.away_until_us)),
        suspended: stored.suspended,
        tokens_valid_from: Time::from_micros(stored.tokens_valid_from_us),
        create_time: Time::from_micros(stored.create_time_us),
        update_time: Time::from_micros(stored.update_time_us),
        revision: stored.revision,
    })
}

fn charge_to_stored(charge: &Charge) -> stored::Charge {
    stored::Charge {
        path: charge.place.path.bytes().into(),
        area_id: optional_id(charge.place.area),
        worker_id: Bytes::copy_from_slice(&charge.worker.bytes()),
        stand_in_id: optional_id(charge.stand_in),
        update_time_us: charge.update_time.micros(),
    }
}

fn charge_from_stored(stored: &stored::Charge) -> Result<Charge> {
    Ok(Charge {
        place: place_from_stored(&stored.path, &stored.area_id)?,
        worker: Id::from_slice(&stored.worker_id)?,
        stand_in: optional_id_from(&stored.stand_in_id)?,
        update_time: Time::from_micros(stored.update_time_us),
    })
}

fn key_to_stored(key: &SigningKey) -> stored::SigningKey {
    stored::SigningKey {
        key_id: key.id.clone(),
        private_pkcs8: Bytes::copy_from_slice(key.private_pkcs8()),
        public_key: Bytes::copy_from_slice(&key.public),
        create_time_us: key.create_time.micros(),
        retire_time_us: key.retire_time.map_or(0, Time::micros),
    }
}

fn key_from_stored(stored: &stored::SigningKey) -> Result<SigningKey> {
    Ok(SigningKey::from_parts(
        stored.key_id.clone(),
        stored.private_pkcs8.to_vec(),
        stored.public_key.as_ref().try_into().map_err(|_| malformed("public key"))?,
        Time::from_micros(stored.create_time_us),
        (stored.retire_time_us != 0).then(|| Time::from_micros(stored.retire_time_us)),
    ))
}

fn place_from_stored(path: &[u8], area: &[u8]) -> Result<Place> {
    Ok(Place { path: AreaPath::from_bytes(path)?, area: optional_id_from(area)? })
}

fn optional_id<R: Resource>(id: Option<Id<R>>) -> Bytes {
    id.map_or_else(Bytes::new, |id| Bytes::copy_from_slice(&id.bytes()))
}

fn optional_id_from<R: Resource>(bytes: &[u8]) -> Result<Option<Id<R>>> {
    (!bytes.is_empty()).then(|| Id::from_slice(bytes)).transpose()
}

fn malformed(what: &'static str) -> Error {
    Error::new(Kind::Corrupt, "MALFORMED_RECORD", format!("a stored {what} of the staff service cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the store derives from a stored record: its key, then index entries and amounts by number.
    fn derived(table: usize, record: &impl Message) -> store::Derivation {
        SCHEMA[table].derive(&[&[1], record.encode_to_vec().as_slice()].concat()).unwrap()
    }

    #[test]
    fn the_bytes_of_every_key_are_pinned() {
        let path = AreaPath::ROOT.child(1).unwrap().child(0x0203).unwrap();
        let place = Place { path, area: None };
        let id = PrincipalId::from_bytes([7; 16]);
        let mut principal = Principal {
            id,
            kind: PrincipalKind::Person,
            display_name: "张三".to_owned(),
            phone: String::new(),
            bindings: vec![Binding { post: Post::Administrator, place }],
            away_until: None,
            suspended: false,
            tokens_valid_from: Time::default(),
            create_time: Time::default(),
            update_time: Time::default(),
            revision: 1,
        };
        let entry_in =
            |index: u8, path: &[u8]| (u16::from(index), [&[2, 0, index], path, &[0, 0], &[7; 16]].concat(), [0, 16]);
        let entry = |path: &[u8]| entry_in(1, path);
        let found = derived(0, &principal_to_stored(&principal));
        assert_eq!(found.primary, [7; 16]);
        assert_eq!(found.entries, [entry(&[]), entry(&[0, 1]), entry(&[0, 1, 2, 3]), entry_in(2, &[0, 1, 2, 3])]);
        assert_eq!(found.amounts, []);

        principal.bindings.clear();
        assert_eq!(derived(0, &principal_to_stored(&principal)).entries, [entry(&[])]);
        let root = Place { path: AreaPath::ROOT, area: None };
        principal.bindings.push(Binding { post: Post::Administrator, place: root });
        assert_eq!(derived(0, &principal_to_stored(&principal)).amounts, [(1, Vec::new(), 1)]);
        principal.suspended = true;
        assert_eq!(derived(0, &principal_to_stored(&principal)).amounts, []);

        let charge = Charge { place, worker: id, stand_in: None, update_time: Time::default() };
        assert_eq!(derived(1, &charge_to_stored(&charge)).primary, [0, 1, 2, 3, 0, 0]);
        let key = SigningKey::from_parts("k".to_owned(), Vec::new(), [0; 32], Time::default(), None);
        assert_eq!(derived(2, &key_to_stored(&key)).primary, [b'k', 0, 1]);
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let place = Place { path: AreaPath::ROOT.child(5).unwrap(), area: Some(Id::from_bytes([1; 16])) };
        let id = PrincipalId::from_bytes([7; 16]);
        let principal = Principal {
            id,
            kind: PrincipalKind::Service,
            display_name: "张三".to_owned(),
            phone: "110".to_owned(),
            bindings: vec![Binding { post: Post::Auditor, place }],
            away_until: Some(Time::from_micros(5)),
            suspended: true,
            tokens_valid_from: Time::from_micros(1),
            create_time: Time::from_micros(2),
            update_time: Time::from_micros(3),
            revision: 4,
        };
        assert_eq!(principal_from_bytes(&principal_to_bytes(&principal)).unwrap(), principal);
        let charge = Charge { place, worker: id, stand_in: Some(id), update_time: Time::from_micros(9) };
        assert_eq!(charge_from_bytes(&charge_to_bytes(&charge)).unwrap(), charge);
        let key = SigningKey::generate(Time::from_micros(8)).unwrap();
        assert_eq!(key_from_stored(&key_to_stored(&key)).unwrap(), key);
        let damaged = stored::Principal { kind: 99, ..principal_to_stored(&principal) };
        assert_eq!(principal_from_stored(&damaged).unwrap_err().kind(), Kind::Corrupt);
    }
}
