//! `wangge staff`: people, their posts, and the grids in their charge.

use api::staff::v1::{
    AssignChargeRequest, Binding, Charge, CreatePrincipalRequest, ListPrincipalsRequest, Principal, PrincipalKind,
};
use base::Result;
use clap::{Args, Subcommand};
use rpc::status::from_status;

use super::area::resolve;
use super::page_size;
use crate::cli;
use crate::client::Clients;
use crate::output::{Output, table};
use crate::words;

/// What is done with people.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a person or a program with a post
    Create(CreateArguments),
    /// List people by name
    List(ListArguments),
    /// Put a grid into somebody's charge
    Charge(ChargeArguments),
}

/// Arguments of `staff create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wangge staff create --name 张三 --post micro-grid-worker --area 370404001001 --phone 13812341234
  wangge staff create --name \"mini-program\" --program --post administrator --area -")]
pub struct CreateArguments {
    /// Name of the person or program
    #[arg(long)]
    name: String,
    /// Post held, such as grid-worker, community-desk or administrator; with several --area, held in each
    #[arg(long, value_parser = post)]
    post: i32,
    /// Code or areas/… name of where the post is held, with everything below; - is everything
    #[arg(long, required = true)]
    area: Vec<String>,
    /// Phone number
    #[arg(long, default_value = "", hide_default_value = true)]
    phone: String,
    /// It is a program, not a person
    #[arg(long)]
    program: bool,
}

/// Arguments of `staff list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  wangge staff list --area 370404001 --post grid-worker")]
pub struct ListArguments {
    /// Only those with a post in this area or below: code or areas/… name
    #[arg(long)]
    area: Option<String>,
    /// Only holders of this post
    #[arg(long, value_parser = post)]
    post: Option<i32>,
    /// At most so many
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = cli::limit)]
    limit: usize,
}

/// Arguments of `staff charge`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  wangge staff charge 370404001001 principals/0198… --stand-in principals/0198…")]
pub struct ChargeArguments {
    /// Code or areas/… name of the grid
    area: String,
    /// principals/… name of the worker
    worker: String,
    /// principals/… name of whoever stands in while the worker is away
    #[arg(long, default_value = "", hide_default_value = true)]
    stand_in: String,
}

fn post(word: &str) -> Result<i32, String> {
    words::POST.parse(word)
}

/// Runs a command.
pub(super) async fn run(clients: &Clients, command: Command, output: Output) -> Result<()> {
    match command {
        Command::Create(arguments) => create(clients, arguments, output).await,
        Command::List(arguments) => list(clients, arguments, output).await,
        Command::Charge(arguments) => charge(clients, arguments, output).await,
    }
}

async fn create(clients: &Clients, arguments: CreateArguments, output: Output) -> Result<()> {
    let mut bindings = Vec::new();
    for area in &arguments.area {
        bindings.push(Binding { post: arguments.post, area: resolve(clients, area).await?, ..Default::default() });
    }
    let kind = if arguments.program { PrincipalKind::Service } else { PrincipalKind::Person };
    let principal = Principal {
        kind: kind.into(),
        display_name: arguments.name,
        phone: arguments.phone,
        bindings,
        ..Default::default()
    };
    let request = CreatePrincipalRequest { principal: Some(principal), ..Default::default() };
    let principal = clients.staff().create_principal(request).await.map_err(from_status)?.into_inner();
    output.message("wangge.staff.v1.Principal", &principal, || in_full(&principal))
}

async fn list(clients: &Clients, arguments: ListArguments, output: Output) -> Result<()> {
    let area = match &arguments.area {
        None => String::new(),
        Some(area) => resolve(clients, area).await?,
    };
    let mut request = ListPrincipalsRequest { area, post: arguments.post.unwrap_or_default(), ..Default::default() };
    let mut rows = Vec::new();
    while rows.len() < arguments.limit {
        request.page_size = page_size(arguments.limit - rows.len());
        let page = clients.staff().list_principals(request.clone()).await.map_err(from_status)?.into_inner();
        for principal in &page.principals {
            if output.json {
                output.message("wangge.staff.v1.Principal", principal, String::new)?;
            }
            rows.push([
                principal.display_name.clone(),
                posts(principal),
                principal.phone.clone(),
                principal.name.clone(),
            ]);
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    output.line(table(rows))?;
    if request.page_token.is_empty() { Ok(()) } else { output.more(arguments.limit) }
}

async fn charge(clients: &Clients, arguments: ChargeArguments, output: Output) -> Result<()> {
    let charge = Charge {
        area: resolve(clients, &arguments.area).await?,
        worker: arguments.worker,
        stand_in: arguments.stand_in,
        ..Default::default()
    };
    let request = AssignChargeRequest { charge: Some(charge), ..Default::default() };
    let charge = clients.staff().assign_charge(request).await.map_err(from_status)?.into_inner();
    output.message("wangge.staff.v1.Charge", &charge, || {
        format!("{} is in the charge of {} ({})", charge.area, charge.worker_display_name, charge.worker)
    })
}

/// A principal as a person reads it.
pub(super) fn in_full(principal: &Principal) -> String {
    let mut rows = vec![
        ["name".to_owned(), principal.name.clone()],
        ["called".to_owned(), principal.display_name.clone()],
        ["phone".to_owned(), principal.phone.clone()],
        ["posts".to_owned(), posts(principal)],
        ["state".to_owned(), if principal.suspended { "suspended".to_owned() } else { String::new() }],
    ];
    rows.retain(|[_, value]| !value.is_empty());
    table(rows)
}

fn posts(principal: &Principal) -> String {
    let post = |binding: &Binding| format!("{} {}", words::POST.label(binding.post), binding.path);
    principal.bindings.iter().map(post).collect::<Vec<_>>().join(", ")
}
