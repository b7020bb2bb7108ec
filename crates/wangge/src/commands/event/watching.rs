//! `wangge event watch`: what happens, as it happens.

use api::events::v1::WatchEventsRequest;
use api::events::v1::watch_events_response::Change;
use base::{Error, Result};
use clap::Args;
use rpc::status::from_status;

use super::listing::FilterArguments;
use super::show;
use crate::client::Clients;
use crate::commands::time;
use crate::output::Output;

/// Arguments of `event watch`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wangge event watch --area 370404001
  wangge event watch --json | jq .event.number

The stream goes on until you end it (Ctrl-C) or the server stops. With --json each line holds a cursor; give the last one \
to --cursor to go on from there and miss nothing.")]
pub struct WatchArguments {
    #[command(flatten)]
    filter: FilterArguments,
    /// Go on strictly after this cursor; otherwise from now on
    #[arg(long, default_value = "", hide_default_value = true)]
    cursor: String,
}

/// Follows incidents until the stream ends.
pub(super) async fn watch(clients: &Clients, arguments: WatchArguments, output: Output) -> Result<()> {
    let filter = Some(arguments.filter.filter(clients).await?);
    let request = WatchEventsRequest { filter, cursor: arguments.cursor };
    let mut cursor = String::new();
    let mut stream = clients.events().watch_events(request).await.map_err(from_status)?.into_inner();
    loop {
        let message = match stream.message().await {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(()),
            Err(status) => return Err(resumable(from_status(status), &cursor)),
        };
        cursor.clone_from(&message.cursor);
        if output.json {
            output.message("wangge.events.v1.WatchEventsResponse", &message, String::new)?;
            continue;
        }
        match &message.change {
            Some(Change::Event(event)) => {
                output.line(format!("{}  {}", time(event.update_time.as_ref()), show::cells(event).join("  ")))?;
            }
            Some(Change::Removed(name)) => output.line(format!("{name} does not match any more"))?,
            // A heartbeat tells a person nothing.
            None => {}
        }
    }
}

/// Why the stream ended, with the way to go on.
fn resumable(error: Error, cursor: &str) -> Error {
    if cursor.is_empty() {
        return error;
    }
    let message = format!("{}; go on with --cursor {cursor}", error.message());
    error.saying(message).with("cursor", cursor)
}
