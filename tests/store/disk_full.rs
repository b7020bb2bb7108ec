//! A full disk: writes are refused in words, reads go on, nothing acknowledged is lost, and space brings it back.
//!
//! The disk is a small one in memory, mounted in a mount namespace of its own, so that no right beyond that is needed
//! and nothing is left behind. Where the machine forbids even that, the test says so and passes.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use api::events::v1::{EventFilter, ReportEventRequest};
use tests::{Caller, Refusal, WHOLE_LIFE, count, list_all, live, refused, report_at};
use tonic::Code;

use crate::ledger::{Ledger, scrub};
use crate::product::{Served, install};

/// A small disk, as long as this lives.
struct SmallDisk {
    holder: Child,
    /// Where it is for a process inside the namespace.
    inside: PathBuf,
}

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let script = format!("mount -t tmpfs -o size={size} small /mnt && echo mounted && exec sleep 600");
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take()?).read_line(&mut line).ok()?;
        if line.trim() == "mounted" {
            return Some(Self { holder, inside: PathBuf::from("/mnt") });
        }
        println!("SKIPPED: this machine mounts no small disk for a test");
        let _ = holder.wait();
        None
    }

    /// Where it is for this process.
    fn outside(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root/mnt", self.holder.id()))
    }

    fn serve(&self) -> Result<Served, String> {
        let pid = self.holder.id().to_string();
        let enter = ["nsenter", "--target", &pid, "--user", "--preserve-credentials", "--mount"].map(OsString::from);
        Served::start_behind(&enter, &self.inside.join("data"), &self.outside().join("data"))
    }

    /// Leaves so many bytes free.
    fn fill(&self, free: usize) {
        let ballast = self.outside().join("ballast");
        // Larger than the disk: the write goes as far as there is space.
        let _ = fs::write(&ballast, vec![7; 256 << 20]);
        let length = fs::metadata(&ballast).expect("the ballast is there").len();
        let file = fs::OpenOptions::new().write(true).open(&ballast).expect("the ballast can be opened");
        file.set_len(length.saturating_sub(free as u64)).expect("the ballast can be cut");
    }

    fn make_space(&self) {
        fs::remove_file(self.outside().join("ballast")).expect("the ballast can be removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn large_report() -> ReportEventRequest {
    ReportEventRequest { text: "满".repeat(2_000), ..report_at(0.5, 0.5) }
}

/// Reports until one is refused; answers why.
async fn report_until_refused(caller: &Caller, ledger: &mut Ledger) -> Refusal {
    for _ in 0..20_000 {
        match caller.events().report_event(large_report()).await {
            Ok(event) => ledger.note(event.get_ref()),
            Err(status) => return Refusal::of(&status),
        }
    }
    panic!("the disk never became full")
}

#[tokio::test]
async fn a_full_disk_refuses_writes_in_words_and_space_brings_the_service_back() {
    let Some(disk) = SmallDisk::mount("192m") else { return };
    let server = disk.serve().expect("a server starts on a small disk");
    let caller = server.administrator().await;
    install(&caller).await;
    let mut ledger = Ledger::default();
    for _ in 0..10 {
        ledger.note(&live(&caller, report_at(0.5, 0.5), &WHOLE_LIFE).await);
    }
    disk.fill(200 << 10);
    let refusal = report_until_refused(&caller, &mut ledger).await;
    assert_eq!(refusal.code, Code::ResourceExhausted, "{refusal:?}");
    assert!(refusal.message.contains("full") && refusal.domain == "wangge", "in words: {refusal:?}");
    // Reads go on, and know everything that was acknowledged.
    ledger.check(&caller, &[]).await;
    let again = refused(caller.events().report_event(large_report()).await);
    assert!(matches!(again.code, Code::ResourceExhausted | Code::Unavailable), "{again:?}");
    disk.make_space();
    // It may resume by itself; a restart brings it back at the latest.
    match caller.events().report_event(large_report()).await {
        Ok(event) => {
            println!("it resumed by itself");
            ledger.note(event.get_ref());
        }
        Err(status) => println!("it waits for a restart: {:?}", Refusal::of(&status)),
    }
    server.kill();
    let server = disk.serve().expect("a server starts again after space was made");
    let caller = server.administrator().await;
    ledger.check(&caller, &ledger.events.keys().cloned().collect::<Vec<_>>()).await;
    scrub(&caller).await;
    ledger.note(&live(&caller, large_report(), &WHOLE_LIFE).await);
    assert_eq!(count(&caller, &EventFilter::default()).await, ledger.events.len() as u64);
    assert!(server.pid() > 0 && !list_all(&caller, &EventFilter::default(), 10).await.0.is_empty());
}

#[tokio::test]
async fn a_server_that_starts_on_a_full_disk_says_so_or_serves_what_it_has() {
    let Some(disk) = SmallDisk::mount("192m") else { return };
    let server = disk.serve().expect("a server starts on a small disk");
    let caller = server.administrator().await;
    install(&caller).await;
    let mut ledger = Ledger::default();
    ledger.note(&live(&caller, report_at(0.5, 0.5), &WHOLE_LIFE).await);
    server.kill();
    disk.fill(0);
    match disk.serve() {
        Ok(server) => ledger.check(&server.administrator().await, &[]).await,
        Err(said) => assert!(said.contains("full") || said.contains("space"), "in words: {said}"),
    }
    disk.make_space();
    let server = disk.serve().expect("a server starts after space was made");
    let caller = server.administrator().await;
    ledger.check(&caller, &[]).await;
    scrub(&caller).await;
}
