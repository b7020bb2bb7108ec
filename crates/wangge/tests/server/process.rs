//! The program in a process of its own: addresses, signals, and what it says to whoever starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) answer: String,
    /// Standard error.
    pub(crate) complaint: String,
}

/// A running server; it is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    complaints: Receiver<String>,
}

/// The program with these words, without settings of whoever runs the tests.
fn command(words: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wangge"));
    command.args(words);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WANGGE_")) {
        command.env_remove(name);
    }
    command
}

impl Program {
    /// Runs a command to its end.
    pub(crate) fn run(words: &[impl AsRef<std::ffi::OsStr>]) -> Said {
        let output = command(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), answer: text(output.stdout), complaint: text(output.stderr) }
    }

    /// Starts a server on a directory.
    pub(crate) fn serve(data: &Path, more: &[&str]) -> Self {
        let mut command = command(&["serve", "--json", "--data"]);
        command.arg(data).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (said, complaints) = mpsc::channel();
        // It ends with the child; whoever has heard enough need not listen to the rest.
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send(line)));
        Self { child, complaints }
    }

    /// Waits until it takes calls; answers what it says then.
    pub(crate) fn ready(&mut self) -> serde_json::Value {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("it did not start: {:?}", self.heard()))
    }

    /// Waits for a log line with these words.
    fn hear(&self, words: &str) {
        let begun = Instant::now();
        let mut heard = Vec::new();
        while let Ok(line) = self.complaints.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
            heard.push(line);
            if heard.last().is_some_and(|line| line.contains(words)) {
                return;
            }
        }
        panic!("{words:?} was never said, but {heard:#?}");
    }

    fn heard(&self) -> Vec<String> {
        std::iter::from_fn(|| self.complaints.recv_timeout(Duration::from_secs(1)).ok()).collect()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it ends.
    fn end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {:?}", self.heard());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended already needs no ending.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn whoami(server: &str, data: &Path) -> Said {
    let token = data.join("admin.token");
    Program::run(&["--server", server, "--token-file", token.to_str().unwrap(), "token", "whoami"])
}

#[test]
fn an_address_of_ip_version_6_is_taken_and_named_as_clients_write_it() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("this machine has no IPv6");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::serve(folder.path(), &["--listen", "[::1]:0"]);
    let told = server.ready();
    let url = told["ready"].as_str().unwrap();
    assert!(url.starts_with("http://[::1]:"), "{told}");
    assert_eq!(told["admin_token_file"], folder.path().join("admin.token").to_str().unwrap());
    let said = whoami(url, folder.path());
    assert!(said.code == Some(0) && said.answer.contains("principals/"), "{said:?}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_first_signal_waits_for_the_call_in_flight_and_a_second_one_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("wangge.toml");
    std::fs::write(&config, "stop_seconds = 600\n").unwrap();
    let data = folder.path().join("data");
    let mut server = Program::serve(&data, &["--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()]);
    let url = server.ready()["ready"].as_str().unwrap().to_owned();
    let token = std::fs::read_to_string(data.join("admin.token")).unwrap();
    // A call whose message never comes is in flight until somebody ends it.
    let mut caller = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /wangge.staff.v1.StaffService/WhoAmI HTTP/1.1\r\nhost: wangge\r\ncontent-type: \
         application/grpc-web+proto\r\nauthorization: Bearer {}\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n",
        token.trim()
    );
    caller.write_all(head.as_bytes()).unwrap();
    // The server asks for the message only when it has begun to answer.
    let mut asked = [0; 12];
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    server.signal("TERM");
    server.hear("stopping; a second signal ends the process at once");
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.runs(), "it waits for the call in flight");
    server.signal("INT");
    assert_eq!(server.end().code(), Some(130));

    let mut server = Program::serve(&data, &["--listen", "127.0.0.1:0"]);
    let url = server.ready()["ready"].as_str().unwrap().to_owned();
    assert_eq!(whoami(&url, &data).code, Some(0), "the administrator is still there");
}

#[test]
fn a_signal_ends_a_server_that_is_not_ready_yet() {
    let folder = tempfile::tempdir().unwrap();
    // Reading a pipe that nobody writes takes for ever, like opening a store on a disk that does not answer.
    let pipe = folder.path().join("key.pem");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, "").unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), pipe.to_str().unwrap());
    let more = ["--listen", "127.0.0.1:0", "--tls-certificate", certificate, "--tls-key", key];
    let mut server = Program::serve(&folder.path().join("data"), &more);
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.runs());
    server.signal("INT");
    assert_eq!(server.end().code(), Some(130));
}

#[test]
fn doors_that_stand_open_are_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let server = Program::serve(folder.path(), &["--listen", "0.0.0.0:0"]);
    server.hear("others may look into");
    server.hear("calls and tokens come in the clear");
    server.hear("made the first administrator");
}

#[test]
fn a_list_that_goes_on_says_so_to_a_person_and_to_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::serve(folder.path(), &["--listen", "127.0.0.1:0"]);
    let url = server.ready()["ready"].as_str().unwrap().to_owned();
    let token = folder.path().join("admin.token");
    let run = |words: &str| {
        let connection = ["--server", &url, "--token-file", token.to_str().unwrap()];
        Program::run(&connection.into_iter().chain(words.split(' ')).collect::<Vec<_>>())
    };
    assert_eq!(run("staff create --name 张三 --post administrator --area -").code, Some(0));
    let said = run("staff list --limit 1");
    assert!(said.answer.contains("… and more: --limit 2") && said.complaint.is_empty(), "{said:?}");
    let said = run("--json staff list --limit 1");
    assert!(said.answer.lines().count() == 1 && said.complaint.contains("\"more\":true"), "{said:?}");
    let said = run("staff list --limit 2");
    assert!(!said.answer.contains("more") && said.answer.lines().count() == 2, "{said:?}");
}

#[test]
fn a_backup_that_is_being_written_by_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::serve(folder.path(), &["--listen", "127.0.0.1:0"]);
    let url = server.ready()["ready"].as_str().unwrap().to_owned();
    let (token, out) = (folder.path().join("admin.token"), folder.path().join("backup.bak"));
    let partial = folder.path().join("backup.bak.partial");
    std::fs::write(&partial, "of another").unwrap();
    let line = ["--server", &url, "--token-file", token.to_str().unwrap(), "backup", "--out", out.to_str().unwrap()];
    let said = Program::run(&line);
    assert!(said.code == Some(1) && said.complaint.contains("another backup is being written there"), "{said:?}");
    assert_eq!(std::fs::read_to_string(&partial).unwrap(), "of another");
    std::fs::remove_file(&partial).unwrap();
    let said = Program::run(&line);
    assert!(said.code == Some(0) && out.exists() && !partial.exists(), "{said:?}");
}
