//! The operator's service of this process: how it is, a backup of everything, a scrub of everything.

use std::pin::Pin;
use std::sync::Arc;

use api::operations::v1::operations_service_server::OperationsService;
use api::operations::v1::{
    BackupChunk, BackupRequest, GetStatusRequest, ScrubReport, ScrubRequest, Status as ProcessStatus, StoreScrub,
    StoreStatus,
};
use base::{Clock, Error, Result, Time};
use rpc::status::{answer, to_status};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::archive;
use crate::stores::{Stores, blocking};

/// Bytes of a backup in one message.
const CHUNK_BYTES: usize = 256 << 10;
/// Messages of a backup that wait for a slow reader.
const CHUNKS_WAITING_MAX: usize = 8;

/// The service.
pub(crate) struct Operations {
    stores: Stores,
    services: Vec<&'static str>,
    started: Time,
    clock: Arc<dyn Clock>,
}

impl Operations {
    /// The service of a process that starts now.
    pub(crate) fn new(stores: Stores, services: Vec<&'static str>, clock: Arc<dyn Clock>) -> Self {
        Self { stores, services, started: clock.now(), clock }
    }

    async fn status(&self) -> Result<ProcessStatus> {
        let statuses = self.stores.statuses().await?;
        let stores = statuses.into_iter().map(|(name, status)| StoreStatus {
            store: name.to_owned(),
            engine: self.stores.engine().to_string(),
            head_sequence: status.head,
            checkpoint_sequence: status.applied,
            journal_bytes: status.journal_bytes,
            index_bytes: status.index_bytes,
            poisoned: status.refusal.unwrap_or_default(),
        });
        Ok(ProcessStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            start_time: Some(rpc::time::to_proto(self.started)),
            stores: stores.collect(),
            services: self.services.iter().map(|&service| service.to_owned()).collect(),
        })
    }

    async fn scrub_stores(&self, only: String) -> Result<ScrubReport> {
        if !only.is_empty() && self.stores.get(&only).is_none() {
            return Err(Error::invalid(
                "store",
                format!("{only:?} is no store of this process; there are {}", self.services.join(", ")),
            ));
        }
        let stores = self.stores.clone();
        blocking(move || {
            let chosen = stores.iter().filter(|(name, _)| only.is_empty() || *name == only);
            let scrubs =
                chosen.map(|(name, store)| Ok(scrub(name, store.scrub(&mut |_| ())?))).collect::<Result<_>>()?;
            Ok(ScrubReport { stores: scrubs })
        })
        .await
    }
}

fn scrub(name: &str, report: store::ScrubReport) -> StoreScrub {
    StoreScrub {
        store: name.to_owned(),
        record_count: report.records,
        entry_count: report.entries + report.groups,
        faults: faults(report),
    }
}

/// What a scrub found, in words: the first faults, and how many more there are.
pub(crate) fn faults(report: store::ScrubReport) -> Vec<String> {
    let all = report.unreadable + report.missing + report.dangling + report.wrong_totals;
    let mut words = report.examples;
    let more = all.saturating_sub(words.len() as u64);
    if more > 0 {
        words.push(format!("{more} more faults"));
    }
    words
}

#[tonic::async_trait]
impl OperationsService for Operations {
    type BackupStream = Pin<Box<dyn Stream<Item = Result<BackupChunk, Status>> + Send>>;

    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<ProcessStatus>, Status> {
        answer(self.status().await)
    }

    async fn backup(&self, _: Request<BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        let (chunks, received) = mpsc::channel(CHUNKS_WAITING_MAX);
        let (stores, now) = (self.stores.clone(), self.clock.now());
        tokio::task::spawn_blocking(move || {
            let stream = ChunkWriter { chunks: &chunks, buffer: Vec::with_capacity(CHUNK_BYTES) };
            if let Err(error) = archive::write(stream, now, &stores) {
                // A reader that went away is the usual reason, and then nobody hears this one.
                let _ = chunks.blocking_send(Err(to_status(error)));
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(received))))
    }

    async fn scrub(&self, request: Request<ScrubRequest>) -> Result<Response<ScrubReport>, Status> {
        answer(self.scrub_stores(request.into_inner().store).await)
    }
}

/// Hands bytes on in messages of [`CHUNK_BYTES`], waiting while the reader is slow. What is written last is only sent
/// by `flush`.
struct ChunkWriter<'a> {
    chunks: &'a mpsc::Sender<Result<BackupChunk, Status>>,
    buffer: Vec<u8>,
}

impl ChunkWriter<'_> {
    fn send(&mut self) -> std::io::Result<()> {
        let data = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES)).into();
        let sent = self.chunks.blocking_send(Ok(BackupChunk { data }));
        sent.map_err(|_| std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the reader of the backup has gone"))
    }
}

impl std::io::Write for ChunkWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.send() }
    }
}
