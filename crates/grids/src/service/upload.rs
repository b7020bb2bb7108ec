//! Boundaries come in: a stream whose every message is durable before the next is read, so memory stays bounded.

use api::grids::v1::{BoundaryUpload, UploadBoundariesRequest, UploadBoundariesResponse};
use api::stored::grids::v1 as stored;
use base::{AreaId, Day, Error, Kind, ReleaseId, Result, Violations, limits};
use geometry::{Datum, Shape};
use prost::Message;
use rpc::Caller;
use store::{Transaction, View};
use tonic::{Request, Streaming};

use super::releases::{require_release, require_roots};
use crate::model::area::Area;
use crate::model::release::Release;
use crate::model::tree::Tree;
use crate::{Grids, convert, records, tables};

/// Where the boundaries of one stream go.
#[derive(Clone, Copy)]
struct Target {
    release: ReleaseId,
    datum: Datum,
}

/// One boundary, ready to be written.
struct Drawn {
    area: AreaId,
    /// The main code of the area today.
    code: String,
    shape: Vec<u8>,
}

impl Grids {
    pub(super) async fn upload(
        &self,
        request: Request<Streaming<UploadBoundariesRequest>>,
    ) -> Result<UploadBoundariesResponse> {
        let caller = Caller::of(&request)?;
        let mut messages = request.into_inner();
        let mut target = None;
        let mut stored_count = 0;
        let mut answer = None;
        while let Some(message) = messages.message().await.map_err(rpc::status::from_status)? {
            let to = convert::read(|violations| read_target(&message, target, violations))?;
            target = Some(to);
            stored_count += u32::try_from(message.boundaries.len()).unwrap_or(u32::MAX);
            answer = Some(self.take_in(&caller, to, message.boundaries).await?);
        }
        let Some(answer) = answer else {
            return Err(Error::invalid("release", "the stream held no message; the first must name the release"));
        };
        Ok(UploadBoundariesResponse { release: Some(self.answer_release(&answer)?), stored_count })
    }

    /// Reads the boundaries of one message and writes them together; answers the release's bytes.
    async fn take_in(&self, caller: &Caller, target: Target, uploads: Vec<BoundaryUpload>) -> Result<Vec<u8>> {
        let now = self.now();
        let id = target.release;
        let reader = caller.clone();
        let drawn = self.0.store.scan(move |view| {
            let release = require_release(view, id)?;
            require_roots(&reader, &release)?;
            release.require_open()?;
            read_boundaries(view, &release, target.datum, &uploads, now.civil_day())
        });
        let drawn = drawn.await?;
        let origin = caller.origin("UploadBoundaries", now);
        let written = self.0.store.write(origin, move |transaction| {
            let mut release = require_release(transaction, id)?;
            release.require_open()?;
            let added = put_boundaries(transaction, id, &drawn)?;
            release.reopen(added);
            require_room(&release)?;
            tables::delete_findings(transaction, id)?;
            tables::put_release(transaction, &release)?;
            Ok(records::write_release(&release).encode_to_vec())
        });
        Ok(written.await?.value)
    }
}

/// Reads which release a message goes to and in which datum: said in the first message, and not otherwise later.
fn read_target(
    message: &UploadBoundariesRequest,
    target: Option<Target>,
    violations: &mut Violations,
) -> Option<Target> {
    let Some(known) = target else {
        let release = convert::fields::name(&message.release, "release", violations);
        let datum = convert::place::read_datum(message.datum, "datum", violations);
        return Some(Target { release: release?, datum: datum? });
    };
    if !message.release.is_empty() && message.release != known.release.name() {
        violations.add("release", "one stream fills one release; open another stream for another release");
    }
    if message.datum != 0 && convert::place::read_datum(message.datum, "datum", violations) != Some(known.datum) {
        violations.add("datum", "all coordinates of one stream are in one datum; open another stream for another");
    }
    Some(known)
}

/// Reads all boundaries of a message, and says everything that is wrong with any of them.
fn read_boundaries(
    view: &dyn View,
    release: &Release,
    datum: Datum,
    uploads: &[BoundaryUpload],
    today: Day,
) -> Result<Vec<Drawn>> {
    let mut violations = Violations::new();
    let mut drawn = Vec::with_capacity(uploads.len());
    for (number, upload) in uploads.iter().enumerate() {
        let field = format!("boundaries[{number}]");
        let area = find_area(view, release, upload, today, &field, &mut violations)?;
        let shape = match Shape::from_geojson(&upload.geojson, datum) {
            Ok(shape) if shape.is_empty() => {
                violations.add(format!("{field}.geojson"), format!("of {} has no polygon", called(upload)));
                continue;
            }
            Ok(shape) => shape,
            // Too large is not wrong: it has a kind and a reason of its own.
            Err(large) if large.kind() == Kind::Exhausted => return Err(large.with("area", called(upload))),
            Err(wrong) => {
                violations.add(format!("{field}.geojson"), format!("of {}: {wrong}", called(upload)));
                continue;
            }
        };
        let main_code = |area: &Area| area.main_code(today).to_owned();
        drawn.extend(area.map(|area| Drawn { area: area.id, code: main_code(&area), shape: shape.to_bytes() }));
    }
    violations.check()?;
    Ok(drawn)
}

/// The area that a boundary is of.
fn find_area(
    view: &dyn View,
    release: &Release,
    upload: &BoundaryUpload,
    today: Day,
    field: &str,
    violations: &mut Violations,
) -> Result<Option<Area>> {
    let (mut found, field): (Vec<Area>, String) = match (upload.area.is_empty(), upload.code.is_empty()) {
        (false, true) => {
            let field = format!("{field}.area");
            let Some(id) = convert::fields::name(&upload.area, &field, violations) else { return Ok(None) };
            (tables::area(view, id)?.into_iter().collect(), field)
        }
        (true, false) => (Tree::new(view).bearing(&upload.code, today)?, format!("{field}.code")),
        _ => {
            violations.add(format!("{field}.area"), "exactly one of `area` and `code` must say whose boundary it is");
            return Ok(None);
        }
    };
    let outside = !found.is_empty();
    found.retain(|area| release.describes(&area.path) && area.retire_time.is_none());
    match <[Area; 1]>::try_from(found) {
        Ok([area]) => return Ok(Some(area)),
        Err(none) if none.is_empty() && outside => {
            violations.add(field, format!("{} is retired, or lies outside the release's roots", called(upload)));
        }
        Err(none) if none.is_empty() => violations.add(field, format!("there is no area {}", called(upload))),
        Err(several) => {
            violations.add(field, format!("{} areas bear the code {}; say `area` instead", several.len(), upload.code));
        }
    }
    Ok(None)
}

/// What an upload calls its area.
fn called(upload: &BoundaryUpload) -> &str {
    if upload.area.is_empty() { &upload.code } else { &upload.area }
}

/// Writes boundaries; answers how many areas had none before.
fn put_boundaries(transaction: &mut Transaction<'_>, release: ReleaseId, drawn: &[Drawn]) -> Result<u32> {
    let mut added = 0;
    for Drawn { area, code, shape } in drawn {
        added += u32::from(tables::boundary(transaction, release, *area)?.is_none());
        let boundary = stored::Boundary {
            release_id: release.bytes().to_vec().into(),
            area_id: area.bytes().to_vec().into(),
            shape: shape.clone().into(),
            code: code.clone(),
        };
        tables::BOUNDARIES.put(transaction, &boundary)?;
    }
    Ok(added)
}

fn require_room(release: &Release) -> Result<()> {
    let most = limits::RELEASE_AREAS_MAX;
    if release.boundary_count as usize <= most {
        return Ok(());
    }
    let message = format!("a release holds at most {most} boundaries; describe fewer subtrees with one");
    Err(Error::new(Kind::Exhausted, "RELEASE_TOO_LARGE", message).with("boundaries_max", most))
}
