//! `wangge event list` and `wangge event count`: incidents that match a filter.

use std::collections::HashMap;

use api::events::v1::{CountEventsRequest, EventCount, EventFilter, GroupBy, ListEventsRequest};
use api::grids::v1::ListAreasRequest;
use base::{Result, Time};
use clap::Args;
use rpc::status::from_status;

use super::{EVENT, show};
use crate::cli;
use crate::client::Clients;
use crate::commands::area::resolve;
use crate::commands::page_size;
use crate::output::{Output, table};
use crate::words;

/// Which incidents.
#[derive(Debug, Args)]
pub(super) struct FilterArguments {
    /// Only in this area and below: code or areas/… name
    #[arg(long)]
    area: Option<String>,
    /// Only in these states, such as reported,in-progress
    #[arg(long, value_delimiter = ',', value_name = "STATE,…", value_parser = state)]
    state: Vec<i32>,
    /// Only of this category
    #[arg(long, default_value = "", hide_default_value = true)]
    category: String,
    /// Only those of this worker: principals/… name
    #[arg(long, default_value = "", hide_default_value = true)]
    worker: String,
    /// Only reported at this time or later
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    since: Option<Time>,
    /// Only reported before this time
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    until: Option<Time>,
    /// Only those past their deadline
    #[arg(long)]
    overdue: bool,
}

fn state(word: &str) -> Result<i32, String> {
    words::EVENT_STATE.parse(word)
}

impl FilterArguments {
    /// The filter, with the area looked up.
    pub(super) async fn filter(self, clients: &Clients) -> Result<EventFilter> {
        let area = match &self.area {
            None => String::new(),
            Some(area) => resolve(clients, area).await?,
        };
        Ok(EventFilter {
            area,
            states: self.state,
            category: self.category,
            worker: self.worker,
            create_time_from: self.since.map(rpc::time::to_proto),
            create_time_to: self.until.map(rpc::time::to_proto),
            overdue: self.overdue,
        })
    }
}

/// Arguments of `event list`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  wangge event list --area 370404001 --state reported,accepted\n  wangge event list --overdue --since 2026-09-01 --limit 500"
)]
pub struct ListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = cli::limit)]
    limit: usize,
}

/// Arguments of `event count`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  wangge event count --by state\n  wangge event count --area 370404001 --by child-area --state reported"
)]
pub struct CountArguments {
    #[command(flatten)]
    filter: FilterArguments,
    /// By what: state, category or child-area; otherwise one number
    #[arg(long, value_parser = group)]
    by: Option<i32>,
}

fn group(word: &str) -> Result<i32, String> {
    words::GROUP_BY.parse(word)
}

/// Lists incidents.
pub(super) async fn list(clients: &Clients, arguments: ListArguments, output: Output) -> Result<()> {
    let filter = Some(arguments.filter.filter(clients).await?);
    let mut request = ListEventsRequest { filter, oldest_first: arguments.oldest_first, ..Default::default() };
    let mut missing = arguments.limit;
    let mut rows = Vec::new();
    loop {
        request.page_size = page_size(missing);
        let page = clients.events().list_events(request.clone()).await.map_err(from_status)?.into_inner();
        for event in page.events.iter().take(missing) {
            if output.json {
                output.message(EVENT, event, String::new)?;
            }
            rows.push(show::cells(event));
        }
        missing = missing.saturating_sub(page.events.len());
        request.page_token = page.next_page_token;
        if missing == 0 || request.page_token.is_empty() {
            break;
        }
    }
    output.line(table(rows))?;
    if request.page_token.is_empty() { Ok(()) } else { output.more(arguments.limit) }
}

/// Counts incidents.
pub(super) async fn count(clients: &Clients, arguments: CountArguments, output: Output) -> Result<()> {
    let filter = arguments.filter.filter(clients).await?;
    let group_by = GroupBy::try_from(arguments.by.unwrap_or_default()).unwrap_or_default();
    let names = match group_by {
        GroupBy::ChildArea if !output.json => names_below(clients, &filter.area).await?,
        _ => HashMap::new(),
    };
    let request = CountEventsRequest { filter: Some(filter), group_by: group_by.into() };
    let counts = clients.events().count_events(request).await.map_err(from_status)?.into_inner();
    output.message("wangge.events.v1.CountEventsResponse", &counts, || {
        let name = |group: &EventCount| match group_by {
            GroupBy::State => words::EVENT_STATE.label(group.state),
            GroupBy::Category => group.category.clone(),
            GroupBy::ChildArea => names.get(&group.path).unwrap_or(&group.path).clone(),
            GroupBy::Unspecified => String::new(),
        };
        let groups = counts.groups.iter().filter(|_| group_by != GroupBy::Unspecified);
        let mut rows: Vec<[String; 2]> = groups.map(|group| [name(group), group.count.to_string()]).collect();
        rows.push(["all".to_owned(), counts.total_count.to_string()]);
        table(rows)
    })
}

/// The names of the areas directly below one, by their place in the tree.
async fn names_below(clients: &Clients, parent: &str) -> Result<HashMap<String, String>> {
    let mut request =
        ListAreasRequest { parent: parent.to_owned(), page_size: page_size(usize::MAX), ..Default::default() };
    let mut names = HashMap::new();
    loop {
        let page = clients.grids().list_areas(request.clone()).await.map_err(from_status)?.into_inner();
        names.extend(page.areas.into_iter().map(|area| (area.path, area.display_name)));
        if page.next_page_token.is_empty() {
            return Ok(names);
        }
        request.page_token = page.next_page_token;
    }
}
