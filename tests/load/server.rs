//! A server in a child process on a fresh directory, with the villages of Tainan imported and a worker in charge.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api::events::v1::event_service_client::EventServiceClient;
use api::grids::v1::ListAreasRequest;
use api::grids::v1::grid_service_client::GridServiceClient;
use api::population::v1::population_service_client::PopulationServiceClient;
use api::staff::v1::staff_service_client::StaffServiceClient;
use api::staff::v1::{
    AssignChargeRequest, Binding, Charge, CreatePrincipalRequest, IssueTokenRequest, Post, Principal, PrincipalKind,
};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

/// A running server; it is ended when this is dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
    binary: PathBuf,
}

/// The bearer of one token on one connection.
#[derive(Clone)]
pub(crate) struct Caller {
    channel: Channel,
    authorization: MetadataValue<Ascii>,
}

impl Server {
    /// Starts the binary and waits until it says that it is ready.
    pub(crate) fn start(binary: Option<PathBuf>, engine: &str) -> Self {
        let beside = || std::env::current_exe().expect("this program has a path").with_file_name("wangge");
        let binary = binary.unwrap_or_else(beside);
        let folder = tempfile::tempdir().expect("a temporary directory");
        let began = Instant::now();
        let mut child = Command::new(&binary)
            .arg("serve")
            .arg("--data")
            .arg(folder.path().join("data"))
            .args(["--listen", "127.0.0.1:0", "--engine", engine])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} starts: {error}", binary.display()));
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let address = loop {
            let line = lines.next().expect("the server says that it is ready").expect("its words are text");
            if let Some(at) = line.find("http://") {
                break line[at..].split_whitespace().next().unwrap_or_default().to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        println!("server on {engine}: ready after {} ms", began.elapsed().as_millis());
        Self { child, address, folder, binary }
    }

    /// The administrator on a connection of its own.
    pub(crate) async fn administrator(&self) -> Caller {
        let token = std::fs::read_to_string(self.token_file()).expect("admin.token can be read");
        self.caller(&token).await
    }

    /// The bearer of a token on a connection of its own.
    pub(crate) async fn caller(&self, token: &str) -> Caller {
        let endpoint = Endpoint::from_shared(self.address.clone()).expect("an address").tcp_nodelay(true);
        let channel = endpoint.connect().await.expect("the server can be reached");
        let authorization = format!("Bearer {}", token.trim()).parse().expect("a token");
        Caller { channel, authorization }
    }

    /// Imports the 649 villages of Tainan in three levels.
    pub(crate) fn import_tainan(&self) {
        let status = Command::new(&self.binary)
            .args(["--server", &self.address, "--token-file"])
            .arg(self.token_file())
            .args(["import", "boundaries"])
            .arg(tests::data("tainan_villages_649.geojson").expect("../shared/data is there"))
            .args(["--datum", "wgs84", "--level", "city:COUNTYCODE:COUNTYNAME"])
            .args(["--level", "subdistrict:TOWNCODE:TOWNNAME", "--level", "community:VILLCODE:VILLNAME"])
            .args(["--accept", "invalid,overlap,gap"])
            .stdout(Stdio::null())
            .status()
            .expect("the import starts");
        assert!(status.success(), "the import failed");
    }

    /// A worker in charge of the whole city, who holds a desk as well, so that one token can walk a life.
    pub(crate) async fn put_in_charge(&self, administrator: &Caller) {
        let mut grids = administrator.grids();
        let request = administrator.request(ListAreasRequest { code: "67000".to_owned(), ..Default::default() });
        let city = grids.list_areas(request).await.expect("the city is found").into_inner().areas.remove(0);
        let mut staff = administrator.staff();
        let principal = Principal {
            kind: PrincipalKind::Person.into(),
            display_name: "王网格".to_owned(),
            bindings: vec![Binding { post: Post::GridWorker.into(), area: city.name.clone(), ..Default::default() }],
            ..Default::default()
        };
        let create = CreatePrincipalRequest { principal: Some(principal), ..Default::default() };
        let worker = staff.create_principal(administrator.request(create)).await.expect("a worker").into_inner();
        let charge = Charge { area: city.name, worker: worker.name.clone(), ..Default::default() };
        let assign = AssignChargeRequest { charge: Some(charge), ..Default::default() };
        staff.assign_charge(administrator.request(assign)).await.expect("a charge");
        let issue = IssueTokenRequest { principal: worker.name, ..Default::default() };
        staff.issue_token(administrator.request(issue)).await.expect("a token");
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory that the server holds and has held at most, in MiB.
    pub(crate) fn memory_mib(&self) -> (u64, u64) {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let read = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024
        };
        (read("VmRSS:"), read("VmHWM:"))
    }

    /// Bytes on disk, in MiB.
    pub(crate) fn disk_mib(&self) -> u64 {
        fn size(folder: &std::path::Path) -> u64 {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| {
                    if entry.path().is_dir() {
                        size(&entry.path())
                    } else {
                        entry.metadata().map_or(0, |data| data.len())
                    }
                })
                .sum()
        }
        size(self.folder.path()) >> 20
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("data/admin.token")
    }
}

/// Processor time that a process has used, in the kernel and outside it, to a hundredth of a second.
pub(crate) fn processor_time(process: u32) -> Duration {
    time_in(&format!("/proc/{process}/stat"))
}

/// The same by the names of its threads.
pub(crate) fn thread_times(process: u32) -> BTreeMap<String, Duration> {
    let mut times = BTreeMap::new();
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        let folder = thread.path();
        let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
        *times.entry(name.trim().to_owned()).or_default() += time_in(&folder.join("stat").to_string_lossy());
    }
    times
}

fn time_in(stat: &str) -> Duration {
    let status = std::fs::read_to_string(stat).unwrap_or_default();
    // The name of the process may hold spaces; behind it stand the state and ten numbers, then user and system time.
    let behind_name = status.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = behind_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

impl Drop for Server {
    fn drop(&mut self) {
        // A child that has gone already needs no ending.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Caller {
    /// A request of this caller.
    pub(crate) fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.metadata_mut().insert(rpc::stack::REPEATED_AUTHORIZATION, self.authorization.clone());
        request
    }

    /// A client of the land.
    pub(crate) fn grids(&self) -> GridServiceClient<Channel> {
        GridServiceClient::new(self.channel.clone())
    }

    /// A client of the staff.
    pub(crate) fn staff(&self) -> StaffServiceClient<Channel> {
        StaffServiceClient::new(self.channel.clone())
    }

    /// A client of the register of people.
    pub(crate) fn population(&self) -> PopulationServiceClient<Channel> {
        PopulationServiceClient::new(self.channel.clone())
    }

    /// A client of events.
    pub(crate) fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone())
    }
}
