//! Charges: which grid is in whose hands, who stands in, and how the one in charge is found.

use base::{AreaPath, Error, Kind, PrincipalId, Result, Time, Violations};
use store::{Transaction, View};

use super::{Actor, Place, Principal, require_active};
use crate::tables;

/// A grid in somebody's charge. There is at most one for an area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) place: Place,
    pub(crate) worker: PrincipalId,
    pub(crate) stand_in: Option<PrincipalId>,
    /// Since when.
    pub(crate) update_time: Time,
}

/// Who is in charge somewhere, and through which charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InCharge {
    pub(crate) who: Principal,
    /// Whether it is the stand-in.
    pub(crate) standing_in: bool,
    /// The area whose charge decided.
    pub(crate) path: AreaPath,
}

/// Puts an area into a worker's charge in place of the charge it had. Worker and stand-in must hold a post at the
/// area or above it that may handle events: without one they could do nothing about what they are in charge of.
pub(crate) fn assign(tx: &mut Transaction<'_>, actor: &Actor, charge: &Charge) -> Result<Charge> {
    let path = &charge.place.path;
    actor.require(path)?;
    let mut violations = Violations::new();
    let people = [("charge.worker", Some(charge.worker)), ("charge.stand_in", charge.stand_in)];
    let mut active = Ok(());
    for (field, id) in people.into_iter().filter_map(|(field, id)| Some((field, id?))) {
        match tables::get_principal(tx, id)? {
            Some(principal) if principal.handles_at(path) => {
                active = active.and(require_active(&principal));
            }
            // Whoever may not see a principal must not learn here that it exists.
            Some(principal) if actor.sees(&principal) => {
                violations.add(field, UNFIT);
            }
            _ => violations.add(field, format!("{} does not exist", id.name())),
        }
    }
    violations.check()?;
    active?;
    // The same hands as before: the charge goes on, and "since when" with it.
    if let Some(before) = tables::get_charge(tx, path)?
        && (before.worker, before.stand_in) == (charge.worker, charge.stand_in)
    {
        return Ok(before);
    }
    tables::put_charge(tx, charge)?;
    Ok(charge.clone())
}

const UNFIT: &str =
    "must hold a post that may handle events, at the area or above it; give one with UpdatePrincipal first";

/// Takes an area out of charge. `name` is the area's resource name, for the error.
pub(crate) fn end(tx: &mut Transaction<'_>, actor: &Actor, path: &AreaPath, name: &str) -> Result<()> {
    actor.require(path)?;
    if tables::delete_charge(tx, path)? {
        return Ok(());
    }
    Err(Error::new(Kind::NotFound, "NO_CHARGE", "this area is in nobody's charge").with("area", name))
}

/// Who is in charge at a place now: its worker, else the stand-in, else whoever is in charge above; nobody when that
/// leads past the root. Somebody who is away, suspended or without a post there that may handle events is passed over. Reads at most 13
/// charges.
pub(crate) fn in_charge(view: &dyn View, path: &AreaPath, now: Time) -> Result<Option<InCharge>> {
    for depth in (0..=path.depth()).rev() {
        let path = path.ancestor(depth);
        let Some(charge) = tables::get_charge(view, &path)? else { continue };
        for (id, standing_in) in [(Some(charge.worker), false), (charge.stand_in, true)] {
            let Some(id) = id else { continue };
            if let Some(who) = tables::get_principal(view, id)?
                && who.is_available(&path, now)
            {
                return Ok(Some(InCharge { who, standing_in, path }));
            }
        }
    }
    Ok(None)
}
