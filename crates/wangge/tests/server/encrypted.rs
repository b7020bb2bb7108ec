//! Calls over TLS: who is believed, who is not, and what is said then. Every test makes certificates of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::staff::v1::WhoAmIRequest;
use base::{Error, SystemClock};
use wangge::client::Connection;
use wangge::config::{Config, Tls};
use wangge::serve::Server;

use crate::process::Program;
use crate::{config, start};

/// A certificate for this machine that vouches for itself, in files.
fn certificate(folder: &Path, name: &str) -> Tls {
    let hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let file = |kind: &str, text: String| {
        let path = folder.join(format!("{name}.{kind}.pem"));
        fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("certificate", made.cert.pem());
    Tls { authority: certificate.clone(), certificate, key: file("key", made.signing_key.serialize_pem()) }
}

fn encrypted(folder: &Path) -> Config {
    Config { tls: certificate(folder, "server"), ..config(&folder.join("data")) }
}

fn connection(server: String, folder: &Path, ca: PathBuf) -> Connection {
    Connection { server, token_file: Some(folder.join("data").join("admin.token")), ca: Some(ca) }
}

async fn refusal(connection: &Connection) -> Error {
    connection.connect().await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_client_that_knows_the_authority_calls_and_the_address_says_https() {
    let folder = tempfile::tempdir().unwrap();
    let config = encrypted(folder.path());
    let ca = config.tls.authority.clone();
    let server = start(config).await;
    assert!(server.url().starts_with("https://127.0.0.1:"), "{}", server.url());
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{}", server.address().port());
        let clients = connection(url, folder.path(), ca.clone()).connect().await.unwrap();
        let me = clients.staff().who_am_i(WhoAmIRequest {}).await.unwrap().into_inner();
        assert!(me.name.starts_with("principals/"));
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_another_authority_vouches_for_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(encrypted(folder.path())).await;
    let other = certificate(folder.path(), "other").authority;
    let error = refusal(&connection(server.url(), folder.path(), other.clone())).await;
    assert_eq!(error.reason(), "SERVER_NOT_TRUSTED", "{error:?}");
    assert!(error.message().contains(other.to_str().unwrap()), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("certificate"), "{cause}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_without_encryption_is_not_believed_over_https() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(&folder.path().join("data"))).await;
    let url = server.url().replace("http://", "https://");
    let error = refusal(&connection(url, folder.path(), certificate(folder.path(), "any").authority)).await;
    assert_eq!(error.reason(), "SERVER_NOT_TRUSTED", "{error:?}");
    assert!(error.message().contains("it must take https"), "{error}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_the_clear_to_an_encrypted_port_fails_and_hears_of_https() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(encrypted(folder.path())).await;
    let plain = server.url().replace("https://", "http://");
    let token = folder.path().join("data").join("admin.token");
    let line = ["--server", &plain, "--token-file", token.to_str().unwrap(), "token", "whoami"].map(str::to_owned);
    let said = tokio::task::spawn_blocking(move || Program::run(&line)).await.unwrap();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.complaint.contains("https://") && said.answer.is_empty(), "{said:?}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_certificate_or_key_that_cannot_be_used_is_named_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let right = certificate(folder.path(), "right");
    let other = certificate(folder.path(), "other");
    let nonsense = folder.path().join("nonsense.pem");
    fs::write(&nonsense, "this is no key\n").unwrap();
    let cases = [
        Tls { key: folder.path().join("missing.pem"), ..right.clone() },
        Tls { key: nonsense.clone(), ..right.clone() },
        Tls { key: other.key, ..right.clone() },
        Tls { certificate: nonsense, ..right },
    ];
    for tls in cases {
        let data = folder.path().join("data");
        let started = Server::start(Config { tls: tls.clone(), ..config(&data) }, Arc::new(SystemClock)).await;
        let error = started.map(|_| ()).unwrap_err();
        assert_eq!(error.reason(), "CERTIFICATE", "{error:?}");
        for file in [&tls.certificate, &tls.key] {
            assert!(error.message().contains(file.to_str().unwrap()), "{error}");
        }
        assert!(!data.exists(), "{error}: nothing is made for a server that cannot run");
    }
}

#[tokio::test]
async fn services_in_two_processes_speak_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let tls = certificate(folder.path(), "server");
    let services = ["grids", "staff"].map(str::to_owned).to_vec();
    let below = Config { services: services.clone(), tls: tls.clone(), ..config(&folder.path().join("data")) };
    let lower = start(below).await;
    let links = services.into_iter().map(|service| (service, lower.url())).collect();
    let above = Config { services: vec!["events".to_owned()], links, tls, ..config(&folder.path().join("above")) };
    let ca = above.tls.authority.clone();
    let upper = start(above).await;
    let clients = connection(upper.url(), folder.path(), ca).connect().await.unwrap();
    // The token is checked by the service staff, over the link.
    let count = clients.events().count_events(api::events::v1::CountEventsRequest::default()).await.unwrap();
    assert_eq!(count.into_inner().total_count, 0);
    upper.stop().await.unwrap();
    lower.stop().await.unwrap();
}
