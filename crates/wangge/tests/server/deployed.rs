//! What operators copy from deploy/ fits the program: metrics in alerts, variables and command lines.

use std::collections::BTreeSet;
use std::path::Path;

use api::staff::v1::WhoAmIRequest;
use clap::Parser;
use wangge::cli::Cli;
use wangge::config::{Config, layers};

use crate::{config, connect, exchange, start};

fn deployed(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name)).unwrap()
}

/// The words of a text that begin so.
fn words<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !is_word(letter)).filter(|word| word.starts_with(prefix) && *word != prefix).collect()
}

#[tokio::test]
async fn every_metric_of_an_alert_is_one_that_the_server_tells() {
    let folder = tempfile::tempdir().unwrap();
    let metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    let server = start(Config { metrics_listen, ..config(folder.path()) }).await;
    connect(&server, folder.path()).await.staff().who_am_i(WhoAmIRequest {}).await.unwrap();
    let get = "GET /metrics HTTP/1.1\r\nhost: wangge\r\nconnection: close\r\n\r\n";
    let told = exchange(server.metrics_address().unwrap(), get).await;
    server.stop().await.unwrap();

    let alerts = deployed("alerts.yaml");
    let asked: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr:")).collect();
    let asked: BTreeSet<&str> = asked.iter().flat_map(|expression| words(expression, "wangge_")).collect();
    assert!(asked.len() >= 6, "{asked:?}");
    for metric in asked {
        assert!(told.lines().any(|line| line.starts_with(metric)), "{metric} is in no line of\n{told}");
    }
}

#[test]
fn every_variable_of_the_image_is_a_setting_or_one_of_the_command_line() {
    for file in ["Dockerfile", "compose.yaml"] {
        let text = deployed(file);
        // A value that fits every setting is not needed: only names that are unknown are told.
        let variables = words(&text, "WANGGE_").into_iter().map(|name| (name.to_owned(), value(&text, name)));
        assert_eq!(layers::load(None, variables, Vec::new()).unwrap().unknown_variables, [""; 0], "{file}");
    }
}

/// What a variable is set to.
fn value(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("{name}=")).unwrap();
    rest.split([' ', '\n']).next().unwrap().to_owned()
}

#[test]
fn the_command_lines_of_the_unit_and_the_image_are_read() {
    let unit = deployed("wangge.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    Cli::try_parse_from(line.split(' ')).unwrap();
    let image = deployed("Dockerfile");
    let line = image.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    let words: Vec<String> = serde_json::from_str(line).unwrap();
    Cli::try_parse_from(["wangge".to_owned()].into_iter().chain(words)).unwrap();
}
