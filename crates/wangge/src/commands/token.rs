//! `wangge token`: what callers show of themselves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::staff::v1::{IssueTokenRequest, RevokeTokensRequest, RotateKeyRequest, WhoAmIRequest};
use base::{Clock, PrincipalId, Result, SystemClock, Time};
use clap::{Args, Subcommand};
use rpc::status::from_status;
use serde_json::json;

use super::staff::in_full;
use crate::cli;
use crate::client::Clients;
use crate::config::{STAFF, StoreConfig};
use crate::output::{Output, usage};
use crate::stores;

/// What is done with tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Issue a token for somebody; without a server, for the administrator who lost his
    Issue(IssueArguments),
    /// Make all tokens of somebody invalid
    Revoke(RevokeArguments),
    /// Show who you are to the server
    Whoami,
    /// Sign with a new key from now on; tokens of the key before stay valid until they expire
    RotateKey,
}

/// Arguments of `token issue`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wangge token issue principals/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d --lifetime 366d --out zhang.token
  wangge token issue --data DIR --out DIR/admin.token

The second one works on a data directory at rest (stop the server first) and needs no token: whoever can read the \
directory has its keys anyway.")]
pub struct IssueArguments {
    /// principals/… name of whoever the token is for; with --data the first administrator when left out
    principal: Option<String>,
    /// How long it is valid, such as 12h or 366d
    #[arg(long, value_parser = cli::seconds, default_value = "12h")]
    lifetime: i64,
    /// Data directory of a stopped server
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// File to write the token to, readable by its owner only; otherwise it is printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Arguments of `token revoke`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  wangge token revoke principals/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d")]
pub struct RevokeArguments {
    /// principals/… name
    principal: String,
}

/// Runs a command against a server.
pub(super) async fn run(clients: &Clients, command: Command, output: Output) -> Result<()> {
    let mut staff = clients.staff();
    match command {
        Command::Issue(arguments) => {
            let principal = arguments.principal.ok_or_else(|| usage("name the principal that the token is for"))?;
            let request = IssueTokenRequest { principal, lifetime_s: arguments.lifetime };
            let issued = staff.issue_token(request).await.map_err(from_status)?.into_inner();
            let expires = issued.expire_time.map(|at| Time::from_seconds_and_nanos(at.seconds, at.nanos));
            let token = staff::Token { text: issued.token, expire_time: expires.unwrap_or_default() };
            hand_over(&token, arguments.out.as_deref(), output)
        }
        Command::Revoke(RevokeArguments { principal }) => {
            let request = RevokeTokensRequest { principal: principal.clone(), ..Default::default() };
            staff.revoke_tokens(request).await.map_err(from_status)?;
            output.line(format!("all tokens of {principal} that were issued until now are invalid"))
        }
        Command::Whoami => {
            let principal = staff.who_am_i(WhoAmIRequest {}).await.map_err(from_status)?.into_inner();
            output.message("wangge.staff.v1.Principal", &principal, || in_full(&principal))
        }
        Command::RotateKey => {
            let key = staff.rotate_key(RotateKeyRequest::default()).await.map_err(from_status)?.into_inner();
            output
                .message("wangge.staff.v1.RotateKeyResponse", &key, || format!("key {} signs from now on", key.key_id))
        }
    }
}

/// Issues a token from a directory at rest.
pub(super) fn issue_offline(arguments: &IssueArguments, output: Output) -> Result<()> {
    let data = arguments.data.as_deref().unwrap_or(Path::new(""));
    let principal = match &arguments.principal {
        None => None,
        Some(name) => Some(PrincipalId::parse_name(name).map_err(usage)?),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let engine = stores::engine_at_rest(data, STAFF)?;
    let options = stores::options(&StoreConfig::default(), data, STAFF, &clock).engine(engine);
    let token = staff::issue_offline(options, principal, arguments.lifetime, &*clock)?;
    hand_over(&token, arguments.out.as_deref(), output)
}

/// Writes a token where it was asked for. It is shown this once.
fn hand_over(token: &staff::Token, file: Option<&Path>, output: Output) -> Result<()> {
    let until = token.expire_time;
    let Some(file) = file else {
        let value = json!({ "token": token.text, "expireTime": until.to_string() });
        return output.value(&value, || token.text.clone());
    };
    staff::write_token_file(file, token)?;
    let value = json!({ "file": file, "expireTime": until.to_string() });
    output.value(&value, || format!("{} holds a token that is valid until {until}", file.display()))
}
