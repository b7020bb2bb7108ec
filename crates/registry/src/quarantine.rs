//! Rows that were set aside: listed with their reasons, tried again, or discarded.

use api::registry::v1 as shown;
use api::registry::v1::RowHead;
use api::stored::registry::v1 as bytes;
use base::{AreaPath, Error, Result};
use bytes::{QuarantinedRow, Record, Run};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use prost::Message;
use rpc::paging::PageRequest;
use rpc::status::to_status;
use rpc::{Caller, Scope};
use store::{Key, Page, Scan};
use tonic::Status;

use crate::answers;
use crate::collection::{ByHand, Collection};
use crate::fields::Fields;
use crate::import::{Candidate, Row, by, hash_of};
use crate::show::{Clearance, show};
use crate::tables::QUARANTINE;
use crate::writing::Writer;

/// Elements in one message of an export.
const EXPORT_STEP: usize = 500;

impl Collection {
    /// The rows of a run that were set aside, in their order, each with its values as the caller may see them.
    pub async fn quarantined<M: Message + Default>(
        &self,
        caller: &Caller,
        run: &str,
        part: &PageRequest,
    ) -> Result<Page<(shown::QuarantinedRow, M)>> {
        let run = self.run(caller, run)?;
        let clearance = Clearance::of(caller, &AreaPath::from_bytes(&run.path)?);
        let scan = Scan::prefix(Key::new().raw(&run.id)).limit(part.limit).after(part.after.clone());
        let page = self.inner.store.scan(move |view| QUARANTINE.page(view, &scan)).await?;
        let row = |row: QuarantinedRow| {
            let mut told = answers::quarantined(&row);
            if !clearance.is_full() {
                // The original is whatever the source wrote, personal fields and all.
                told.head.get_or_insert_default().original.clear();
            }
            Ok((told, show(&self.kind, &Fields::read(&row.element)?, clearance)?))
        };
        Ok(Page { records: page.records.into_iter().map(row).collect::<Result<_>>()?, next: page.next })
    }

    /// Tries a row again, as it came or mended. What is still wrong with it is the error, and it stays set aside.
    pub async fn retry(&self, caller: &Caller, name: &str, mended: Option<Row>, by_hand: ByHand) -> Result<Record> {
        let (run, stored) = self.set_aside(caller, name)?;
        let wrong = |error| Error::internal("a row that was set aside cannot be read").caused_by(error);
        let head = RowHead::decode(stored.head.clone()).map_err(wrong)?;
        let row = match mended {
            // The key of the element is what the source said; everything else may be mended.
            Some(row) => Row { head: RowHead { source_key: head.source_key, ..row.head }, ..row },
            None => Row { head, element: Fields::read(&stored.element)? },
        };
        let judged = self.judge_row(caller, &row).await?;
        let candidate = Candidate { hash: hash_of(&row), row, judged };
        let scope = caller.scope().narrow(&AreaPath::from_bytes(&run.path)?);
        let writer = Writer { scope, by: by(&run), ..self.writer(caller, &by_hand) };
        let key = row_key(&stored);
        self.write(caller, by_hand, move |tx| {
            let id = match candidate.enter(tx, &writer)? {
                Ok((_, id, _)) => id.unwrap_or_default(),
                Err(faults) => return Ok(Err(faults)),
            };
            QUARANTINE.delete(tx, &key)?;
            let record = writer.get(tx, &id)?;
            record.map(Ok).ok_or_else(|| Error::internal("a row that was taken has no element"))
        })
        .await
    }

    /// Drops a row that was set aside.
    pub async fn discard(&self, caller: &Caller, name: &str) -> Result<()> {
        let (_, stored) = self.set_aside(caller, name)?;
        let origin = caller.origin("DiscardQuarantined", self.inner.now());
        self.inner.store.write(origin, move |tx| QUARANTINE.delete(tx, &row_key(&stored)).map(|_| ())).await?;
        Ok(())
    }

    /// A row by its name, `runs/{run}/rows/{chunk}.{row}`, and its run.
    fn set_aside(&self, caller: &Caller, name: &str) -> Result<(Run, QuarantinedRow)> {
        let place = name.split_once("/rows/").and_then(|(run, place)| {
            let (chunk, row) = place.split_once('.')?;
            Some((run, chunk.parse::<i64>().ok()?, row.parse::<u32>().ok()?))
        });
        let (run, chunk, row) =
            place.ok_or_else(|| Error::invalid("name", "must be a name like runs/{run}/rows/12.345"))?;
        let run = self.run(caller, run)?;
        let key = Key::new().raw(&run.id).i64(chunk).u32(row);
        let stored = self.inner.store.read(|view| QUARANTINE.get(view, &key))?;
        Ok((run, stored.ok_or_else(|| Error::not_found(name))?))
    }

    /// All living elements of a scope as the caller may see them, in messages of up to 500. Each message is as of its
    /// own moment.
    pub fn export<M, R>(
        &self,
        caller: &Caller,
        scope: Scope,
        message: impl Fn(Vec<M>) -> R + Clone + Send + 'static,
    ) -> BoxStream<'static, Result<R, Status>>
    where
        M: Message + Default + Send,
        R: Send + 'static,
    {
        let begin = (self.clone(), caller.clone(), scope, Some(None));
        let pages = stream::try_unfold(begin, |(this, caller, scope, after)| async move {
            let Some(after) = after else { return Ok(None) };
            caller.renew().await?;
            let page = this.list(&scope, false, &PageRequest { limit: EXPORT_STEP, after }).await?;
            let shown = page.records.iter().map(|record| this.show(record, &caller)).collect::<Result<Vec<M>>>()?;
            Ok(Some((shown, (this, caller, scope, page.next.map(Some)))))
        });
        pages.map_ok(message).map_err(to_status).boxed()
    }
}

fn row_key(row: &QuarantinedRow) -> Key {
    Key::new().raw(&row.run_id).i64(row.chunk).u32(row.row)
}
