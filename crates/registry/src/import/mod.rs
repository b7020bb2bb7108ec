//! Importing: a stream of chunks of rows, each acknowledged when it is durable.
//!
//! A chunk is one transaction: its rows, their indexes, what was set aside, and how far the run has come. Whatever is
//! killed at whatever moment, the run goes on with the chunk after the last durable one and comes to the same end.

mod chunk;
mod finish;
mod row;

use api::registry::v1 as shown;
use api::registry::v1::{FinishRun, OpenRun, RowHead};
use api::stored::registry::v1::Run;
use base::{AreaPath, Error, Kind as Failure, Result};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, future, stream};
use rpc::status::{from_status, to_status};
use rpc::{Caller, Scope};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::collection::Collection;
use crate::fields::Fields;
use crate::runs::{Attached, Opened};

pub(crate) use chunk::by;
pub(crate) use row::{Candidate, hash_of};

/// Acknowledgements that wait for whoever sends the rows.
const WAITING_MAX: usize = 16;

/// One message of an import.
pub enum Step {
    /// The first one.
    Open(OpenRun),
    /// Rows.
    Chunk {
        /// 1 for the first, and each one more than the one before.
        number: i64,
        /// At most [`base::limits::IMPORT_CHUNK_ROWS_MAX`].
        rows: Vec<Row>,
    },
    /// The last one.
    Finish(FinishRun),
}

/// What a source says about one element.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The source's key, and how the fields are meant.
    pub head: RowHead,
    /// The fields.
    pub element: Fields,
}

/// One answer of an import.
pub enum Told {
    /// The run as it was opened, resumed, or finished.
    Run(Box<shown::Run>),
    /// A chunk is durable.
    Chunk(shown::ChunkAcknowledged),
}

/// A run that rows are sent to.
pub(super) struct Session {
    pub(super) collection: Collection,
    pub(super) caller: Caller,
    pub(super) run: Run,
    /// Where rows may lie.
    pub(super) scope: Scope,
    /// Nobody else feeds the run while this lives.
    _attached: Attached,
}

impl Collection {
    /// Takes in a run. The stream ends with its report, or with why it cannot go on; a run that was not finished
    /// stays open and is resumed by opening it again.
    pub fn import(
        &self,
        caller: &Caller,
        steps: BoxStream<'static, Result<Step, Status>>,
    ) -> BoxStream<'static, Result<Told, Status>> {
        let (tell, told) = mpsc::channel(WAITING_MAX);
        let (end, ended) = oneshot::channel();
        let (collection, caller) = (self.clone(), caller.clone());
        tokio::spawn(async move {
            if let Err(reason) = collection.take_in(caller, steps, tell).await {
                // Nobody hears it when the sender has gone.
                let _ = end.send(to_status(reason));
            }
        });
        let reason = stream::once(ended).filter_map(|reason| future::ready(reason.ok().map(Err)));
        ReceiverStream::new(told).map(Ok).chain(reason).boxed()
    }

    async fn take_in(
        &self,
        caller: Caller,
        mut steps: BoxStream<'static, Result<Step, Status>>,
        tell: mpsc::Sender<Told>,
    ) -> Result<()> {
        let Some(Step::Open(asked)) = steps.next().await.transpose().map_err(from_status)? else {
            return Err(Error::new(Failure::Invalid, "OPEN_FIRST", "the first message of an import opens its run"));
        };
        let run = match self.open_run(&caller, &asked).await? {
            Opened::Done(run) => {
                say(&tell, Told::Run(Box::new(self.show_run(&run)))).await;
                return Ok(());
            }
            Opened::Ready(run) => run,
        };
        let attached = self.attach(&run)?;
        // Another stream may have fed it between the opening and the attaching.
        let run = if run.id.is_empty() { run } else { self.run(&caller, &crate::answers::run_name(&run.id))? };
        let scope = caller.scope().narrow(&AreaPath::from_bytes(&run.path)?);
        say(&tell, Told::Run(Box::new(self.show_run(&run)))).await;
        let mut session = Session { collection: self.clone(), caller, run, scope, _attached: attached };
        while let Some(step) = steps.next().await.transpose().map_err(from_status)? {
            session.caller.renew().await?;
            match step {
                Step::Open(_) => {
                    return Err(Error::new(Failure::Invalid, "OPENED_TWICE", "a stream imports one run"));
                }
                Step::Chunk { number, rows } => {
                    let counts = session.chunk(number, rows).await?;
                    say(&tell, Told::Chunk(shown::ChunkAcknowledged { number, counts: Some(counts) })).await;
                }
                Step::Finish(asked) => {
                    let run = session.finish(&asked).await?;
                    say(&tell, Told::Run(Box::new(self.show_run(&run)))).await;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Tells the sender something; one who has gone will ask again.
async fn say(tell: &mpsc::Sender<Told>, told: Told) {
    let _ = tell.send(told).await;
}
