//! The product in a child process: this binary, started again, becomes `wangge` with the command line it is given.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api::staff::v1::WhoAmIRequest;
use clap::Parser;
use rpc::link::Link;
use tests::{Caller, Land, done};
use tonic::transport::Endpoint;
use wangge::cli::Cli;
use wangge::{commands, output};

/// Holds the command line of the child, one argument per line.
const ARGUMENTS: &str = "PRODUCT_UNDER_TEST";

/// Not a test: the way by which this binary becomes the product.
#[test]
#[ignore = "started by the other tests as a child process"]
fn the_product_itself() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let cli = Cli::try_parse_from(["wangge"].into_iter().chain(arguments.lines())).unwrap_or_else(|wrong| wrong.exit());
    let json = cli.json;
    let code = match commands::run(cli) {
        Ok(()) => 0,
        Err(error) => {
            output::show_error(&error, json);
            1
        }
    };
    std::process::exit(code);
}

/// The command that runs the product with these arguments, behind `wrapper` (a program that starts another one).
pub(crate) fn command(wrapper: &[OsString], arguments: &[&str]) -> Command {
    let this = std::env::current_exe().expect("a test knows where it is").into_os_string();
    let again = ["--exact", "product::the_product_itself", "--ignored", "--nocapture"].map(OsString::from);
    let mut words = wrapper.iter().cloned().chain([this]).chain(again);
    let mut command = Command::new(words.next().expect("there is a program"));
    command.args(words).env(ARGUMENTS, arguments.join("\n")).env("RUST_BACKTRACE", "0");
    // What is set for the tests is no setting of the product.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WANGGE_")) {
        command.env_remove(name);
    }
    command
}

/// What a command said, and whether it was content.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) succeeded: bool,
    /// Standard output and standard error.
    pub(crate) words: String,
}

/// Runs the product to its end.
pub(crate) fn run(arguments: &[&str]) -> Said {
    let output = command(&[], arguments).output().expect("the product starts");
    let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Said { succeeded: output.status.success(), words }
}

/// Brings the small map into force, with the administrator in charge of everything, so that events can be dispatched.
pub(crate) async fn install(administrator: &Caller) {
    let land = Land::install(administrator, &Land::squares()).await;
    let name = done(administrator.staff().who_am_i(WhoAmIRequest {}).await).name;
    let worker = administrator.with_name(&name);
    administrator.put_in_charge(&land.name("S"), &worker, None).await;
}

/// A running server in a child process; it is killed when this is dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    token: String,
}

impl Served {
    /// Starts a server on a directory and waits until it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_behind(&[], data, data).unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    /// The same behind a wrapper; `seen` is the directory as this process sees it. Answers what the server said when
    /// it ended instead.
    pub(crate) fn start_behind(wrapper: &[OsString], data: &Path, seen: &Path) -> Result<Self, String> {
        let data = data.display().to_string();
        let arguments = ["serve", "--data", &data, "--listen", "127.0.0.1:0"];
        let mut child = command(wrapper, &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the product starts");
        let mut said = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let complaints = std::thread::spawn(move || {
            let (mut all, mut line) = (String::new(), String::new());
            while said.read_line(&mut line).unwrap_or(0) > 0 {
                all.push_str(&line);
                line.clear();
            }
            all
        });
        let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("ready on ").map(|(_, url)| url.trim().to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        let Some(url) = ready else {
            child.wait().expect("a child that closed its output ends");
            return Err(complaints.join().unwrap_or_default());
        };
        let token = std::fs::read_to_string(seen.join("admin.token")).expect("the first start wrote a token");
        Ok(Self { child, url, token: token.trim().to_owned() })
    }

    /// The administrator over a connection of its own.
    pub(crate) async fn administrator(&self) -> Caller {
        let endpoint = Endpoint::from_shared(self.url.clone()).expect("an address").tcp_nodelay(true);
        let channel = endpoint.connect().await.expect("the server can be reached");
        Caller::new(Link::remote(channel), &self.token, "")
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    /// Ends it with SIGTERM and waits; fails unless it ends well within 20 seconds.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().expect("there is a kill");
        assert!(told.success());
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                assert!(status.success(), "the server ended with {status}");
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "the server does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A child that has gone already needs no ending.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
