//! `wangge event`: reporting incidents, looking at them, and taking them through their life.

mod listing;
mod show;
mod steps;
mod watching;

use api::events::v1::{GetEventRequest, ListEventStepsRequest, ReportEventRequest, Reporter};
use api::grids::v1::Datum;
use base::{EventId, Result, Time};
use clap::{Args, Subcommand};
use rpc::status::from_status;

use crate::cli::{self, Degrees};
use crate::client::Clients;
use crate::commands::area::resolve;
use crate::output::{Output, table, usage};
use crate::words;

/// The full name of the message that most of these commands answer.
const EVENT: &str = "wangge.events.v1.Event";

/// What is done with incidents.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report an incident; the server answers with its micro-grid and worker
    Report(Box<ReportArguments>),
    /// Show one incident
    Get(EventArgument),
    /// Show the history of an incident
    Steps(EventArgument),
    /// List incidents, newest first
    List(listing::ListArguments),
    /// Count incidents
    Count(listing::CountArguments),
    /// Follow what happens, line by line
    Watch(watching::WatchArguments),
    /// Take it on (受理)
    Accept(steps::NotedArguments),
    /// Decline it, with a reason (不予受理)
    Refuse(steps::ReasonedArguments),
    /// Hand it to whoever shall handle it (派遣)
    Dispatch(steps::DispatchArguments),
    /// Begin handling it (签收)
    Start(steps::NotedArguments),
    /// Report what was done (处置反馈)
    Resolve(steps::ResolveArguments),
    /// Say that the result was checked (核查)
    Verify(steps::NotedArguments),
    /// End it (结案)
    Close(steps::NotedArguments),
    /// Send it back one station, with a reason (退回)
    Return(steps::ReasonedArguments),
    /// Take it up again, with a reason (重启)
    Reopen(steps::ReasonedArguments),
}

/// Names one incident.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  wangge event get events/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d")]
pub struct EventArgument {
    /// events/… name
    #[arg(value_name = "EVENT", value_parser = event_name)]
    pub(super) event: String,
}

/// Reads an event's name; the id alone will do.
fn event_name(text: &str) -> Result<String, String> {
    let name = if text.contains('/') { text.to_owned() } else { format!("events/{text}") };
    // Whether it is well-formed is for the server to say, so that there is one rule and one message.
    Ok(EventId::parse_name(&name).map_or(name, |id| id.name()))
}

/// Arguments of `event report`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("where").required(true).multiple(true).args(["at", "area"]))]
#[command(after_help = "\
Examples:
  wangge event report --at 117.5876,34.7741 --datum wgs84 --category 占道经营 --text 沿街摊位占用人行道
  wangge event report --at 117.59,34.77 --datum gcj02 --category 井盖缺失 --text … --channel hotline-12345 --urgency urgent
  wangge event report --area 370404001001 --category 噪音扰民 --text 夜间施工")]
pub struct ReportArguments {
    /// Where it is
    #[arg(long, value_name = "LON,LAT", value_parser = cli::degrees, allow_hyphen_values = true, requires = "datum")]
    at: Option<Degrees>,
    /// Datum of --at: wgs84, cgcs2000, gcj02 or bd09
    #[arg(long, value_parser = cli::datum)]
    datum: Option<Datum>,
    /// Code or areas/… name of the area it is in, when there is no point or the point lies in none
    #[arg(long)]
    area: Option<String>,
    /// What it is about, such as 占道经营
    #[arg(long)]
    category: String,
    /// What was said
    #[arg(long)]
    text: String,
    /// Through which channel it came, such as resident, hotline-12345 or grid-patrol
    #[arg(long, default_value = "other", value_parser = channel)]
    channel: i32,
    /// Its number in that channel
    #[arg(long, default_value = "", hide_default_value = true)]
    channel_number: String,
    /// How urgent it is: ordinary, urgent or critical
    #[arg(long, default_value = "ordinary", value_parser = urgency)]
    urgency: i32,
    /// Name of whoever reported it
    #[arg(long, default_value = "", hide_default_value = true)]
    reporter: String,
    /// Phone number of whoever reported it
    #[arg(long, default_value = "", hide_default_value = true)]
    phone: String,
    /// Address as it was said
    #[arg(long, default_value = "", hide_default_value = true)]
    address: String,
    /// When it happened; otherwise now
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    occurred: Option<Time>,
    /// UUID; sending it again with the same id answers the first report
    #[arg(long, value_name = "UUID", default_value = "", hide_default_value = true)]
    request_id: String,
}

fn channel(word: &str) -> Result<i32, String> {
    words::CHANNEL.parse(word)
}

fn urgency(word: &str) -> Result<i32, String> {
    words::URGENCY.parse(word)
}

/// Runs a command.
pub(super) async fn run(clients: &Clients, command: Command, output: Output) -> Result<()> {
    match command {
        Command::Report(arguments) => report(clients, *arguments, output).await,
        Command::Get(EventArgument { event }) => {
            let request = GetEventRequest { name: event };
            let event = clients.events().get_event(request).await.map_err(from_status)?.into_inner();
            output.message(EVENT, &event, || show::in_full(&event))
        }
        Command::Steps(arguments) => history(clients, arguments, output).await,
        Command::List(arguments) => listing::list(clients, arguments, output).await,
        Command::Count(arguments) => listing::count(clients, arguments, output).await,
        Command::Watch(arguments) => watching::watch(clients, arguments, output).await,
        step => {
            let event = steps::take(clients, step).await?;
            output.message(EVENT, &event, || show::in_full(&event))
        }
    }
}

async fn report(clients: &Clients, arguments: ReportArguments, output: Output) -> Result<()> {
    let point = match (arguments.at, arguments.datum) {
        (Some(at), Some(datum)) => Some(at.point(datum)),
        (Some(_), None) => return Err(usage("--at needs the --datum that the numbers are in")),
        (None, _) => None,
    };
    let area = match &arguments.area {
        None => String::new(),
        Some(area) => resolve(clients, area).await?,
    };
    let reporter = Reporter { display_name: arguments.reporter, phone: arguments.phone };
    let request = ReportEventRequest {
        point,
        area,
        category: arguments.category,
        text: arguments.text,
        channel: arguments.channel,
        channel_number: arguments.channel_number,
        urgency: arguments.urgency,
        reporter: (reporter != Reporter::default()).then_some(reporter),
        address: arguments.address,
        occur_time: arguments.occurred.map(rpc::time::to_proto),
        request_id: arguments.request_id,
    };
    let event = clients.events().report_event(request).await.map_err(from_status)?.into_inner();
    output.message(EVENT, &event, || show::in_full(&event))
}

async fn history(clients: &Clients, arguments: EventArgument, output: Output) -> Result<()> {
    let mut request = ListEventStepsRequest { parent: arguments.event, page_size: 1_000, ..Default::default() };
    loop {
        let page = clients.events().list_event_steps(request.clone()).await.map_err(from_status)?.into_inner();
        for step in page.steps.iter().filter(|_| output.json) {
            output.message("wangge.events.v1.EventStep", step, String::new)?;
        }
        let rows = page.steps.iter().map(|step| {
            let number = step.step;
            [
                super::time(step.time.as_ref()),
                format!("{} {}", words::STEP.label(number), words::STEP.say(number)),
                format!("→ {}", words::EVENT_STATE.label(step.to_state)),
                step.principal.clone(),
                step.note.clone(),
            ]
        });
        output.line(table(rows))?;
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}
