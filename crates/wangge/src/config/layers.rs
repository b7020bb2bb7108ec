//! How the layers of a configuration are laid over each other, and what is said of a key that does not exist.

use std::fs;
use std::path::Path;

use base::{Error, Kind, Result};
use toml::{Table, Value};

use super::Config;

/// What every variable of the environment begins with.
const PREFIX: &str = "WANGGE_";
/// Variables that are read by the command line itself and are no keys of a server.
const OF_THE_COMMAND_LINE: [&str; 4] = ["WANGGE_SERVER", "WANGGE_TOKEN_FILE", "WANGGE_CA", "WANGGE_CONFIG"];
/// Suggestions made for a misspelled key.
const SUGGESTIONS_MAX: usize = 3;

/// One value from the environment or a flag, with the words that say where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Where it came from, such as `--listen` or `WANGGE_LISTEN`.
    pub source: String,
    /// The key, level by level.
    pub key: Vec<String>,
    /// The value.
    pub value: Value,
}

/// A configuration with what should be told about how it came to be.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Variables that begin like ours and are none of ours. They are told and not refused, because an orchestrator
    /// makes such variables itself (Kubernetes: `WANGGE_PORT=tcp://…` for a service named wangge).
    pub unknown_variables: Vec<String>,
}

impl Override {
    /// A value from a flag.
    pub fn flag(flag: &str, key: &[&str], value: impl Into<Value>) -> Self {
        let key = key.iter().map(|&level| level.to_owned()).collect();
        Self { source: flag.to_owned(), key, value: value.into() }
    }
}

/// Lays file, environment and flags over the defaults.
///
/// Errors: `CONFIG` for a file that cannot be read, an unknown key (with the nearest ones), a value of the wrong form,
/// and values that do not go together.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: Vec<Override>,
) -> Result<Loaded> {
    let mut table = match file {
        None => Table::new(),
        Some(file) => read_file(file)?,
    };
    let (variables, unknown_variables) = from_environment(environment)?;
    for step in variables.into_iter().chain(flags) {
        put(&mut table, &step.key, step.value.clone());
        // Checked one by one, so that the error can name the source of the value.
        parse(&table)
            .map_err(|cause| refuse(format!("{} has a wrong value: {}", step.source, cause.message().trim())))?;
    }
    let config = parse(&table).map_err(|cause| refuse(cause.to_string()))?;
    config.check()?;
    Ok(Loaded { config, unknown_variables })
}

/// The configuration as a TOML file that says the same.
pub fn write(config: &Config) -> Result<String> {
    toml::to_string_pretty(config)
        .map_err(|cause| Error::internal("the configuration cannot be written as TOML").caused_by(cause))
}

fn read_file(file: &Path) -> Result<Table> {
    let text = fs::read_to_string(file)
        .map_err(|cause| refuse(format!("the configuration file {} cannot be read: {cause}", file.display())))?;
    let named = |cause: toml::de::Error| {
        let nearest = nearest(cause.message()).map_or_else(String::new, |nearest| format!("\n{nearest}"));
        refuse(format!("the configuration file {} is wrong: {}{nearest}", file.display(), cause.to_string().trim_end()))
    };
    // Read once as what it means, because only this way an error knows its line.
    toml::from_str::<Config>(&text).map_err(named)?;
    toml::from_str(&text).map_err(named)
}

fn parse(table: &Table) -> Result<Config, toml::de::Error> {
    table.clone().try_into()
}

/// The values that the environment sets, and the variables that look like ours but are not.
fn from_environment(environment: impl IntoIterator<Item = (String, String)>) -> Result<(Vec<Override>, Vec<String>)> {
    let defaults = Table::try_from(Config::default())
        .map_err(|cause| Error::internal("the default configuration cannot be read").caused_by(cause))?;
    let mut keys = Vec::new();
    collect_keys(&defaults, &mut Vec::new(), &mut keys);
    let mut values = Vec::new();
    let mut unknown = Vec::new();
    let mut ours: Vec<_> = environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    ours.sort();
    for (name, text) in ours {
        if OF_THE_COMMAND_LINE.contains(&name.as_str()) {
            continue;
        }
        if let Some(service) = name.strip_prefix("WANGGE_LINKS_") {
            let key = vec!["links".to_owned(), service.to_lowercase()];
            values.push(Override { source: name.clone(), key, value: Value::String(text) });
        } else if let Some((key, default)) = keys.iter().find(|(key, _)| variable(key) == name) {
            let value = typed(&text, default).map_err(|wanted| refuse(format!("{name}={text:?} {wanted}")))?;
            values.push(Override { source: name, key: key.clone(), value });
        } else {
            unknown.push(name);
        }
    }
    Ok((values, unknown))
}

/// Every key that has a value by default, level by level.
fn collect_keys(table: &Table, above: &mut Vec<String>, keys: &mut Vec<(Vec<String>, Value)>) {
    for (name, value) in table {
        above.push(name.clone());
        match value {
            Value::Table(inner) => collect_keys(inner, above, keys),
            value => keys.push((above.clone(), value.clone())),
        }
        above.pop();
    }
}

/// The variable of a key: `store.engine` is `WANGGE_STORE_ENGINE`.
fn variable(key: &[String]) -> String {
    format!("{PREFIX}{}", key.join("_").to_uppercase())
}

/// The text of a variable as a value of the same form as the default. The error says what is wanted.
fn typed(text: &str, default: &Value) -> Result<Value, &'static str> {
    match default {
        Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_| "must be a whole number"),
        Value::Float(_) => text.trim().parse().map(Value::Float).map_err(|_| "must be a number"),
        Value::Boolean(_) => text.trim().parse().map(Value::Boolean).map_err(|_| "must be true or false"),
        Value::Array(_) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(Value::Array(parts.map(|part| Value::String(part.to_owned())).collect()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Puts a value at a key, making the tables above it.
fn put(table: &mut Table, key: &[String], value: Value) {
    match key {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// "did you mean …" for an unknown key; none for other errors. serde names the unknown key and all known ones between
/// backticks, in this order.
fn nearest(message: &str) -> Option<String> {
    if !message.contains("unknown field") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    let mut known: Vec<&str> = quoted.collect();
    known.sort_by_key(|key| distance(unknown, key));
    known.truncate(SUGGESTIONS_MAX);
    (!known.is_empty()).then(|| format!("did you mean {}?", known.join(", ")))
}

/// Letters to insert, remove or change to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &against) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != against);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[other.len()]
}

fn refuse(message: String) -> Error {
    Error::new(Kind::Invalid, "CONFIG", message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::Engine;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_layer_covers_the_one_before() {
        let file = file("listen = \"127.0.0.1:1\"\nstop_seconds = 3\n[store]\nengine = \"fjall\"\ncache_mib = 7\n");
        let environment =
            variables(&[("WANGGE_LISTEN", "127.0.0.1:2"), ("WANGGE_STORE_ENGINE", "memory"), ("PATH", "/")]);
        let flags = vec![Override::flag("--listen", &["listen"], "127.0.0.1:3")];
        let loaded = load(Some(file.path()), environment, flags).unwrap();
        assert_eq!(loaded.config.listen.port(), 3);
        assert_eq!(loaded.config.store.engine, Engine::Memory);
        assert_eq!((loaded.config.store.cache_mib, loaded.config.stop_seconds), (7, 3));
        assert_eq!(loaded.config.log, Config::default().log);
        assert!(loaded.unknown_variables.is_empty());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_ones() {
        let file = file("[store]\nengin = \"sled\"\n");
        let error = load(Some(file.path()), [], Vec::new()).unwrap_err().to_string();
        assert!(
            error.contains("engin") && error.contains("line 2") && error.contains("did you mean engine"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_value_is_traced_to_where_it_came_from() {
        let environment = variables(&[("WANGGE_STOP_SECONDS", "soon")]);
        let error = load(None, environment, Vec::new()).unwrap_err().to_string();
        assert!(error.contains("WANGGE_STOP_SECONDS") && error.contains("whole number"), "{error}");
        let flags = vec![Override::flag("--listen", &["listen"], "localhost")];
        assert!(load(None, [], flags).unwrap_err().to_string().contains("--listen has a wrong value"));
        let environment = variables(&[("WANGGE_STORE_ENGINE", "rocks")]);
        let error = load(None, environment, Vec::new()).unwrap_err().to_string();
        assert!(error.contains("WANGGE_STORE_ENGINE") && error.contains("sled"), "{error}");
    }

    #[test]
    fn links_and_lists_come_from_the_environment_too() {
        let environment = variables(&[("WANGGE_LINKS_GRIDS", "http://h:1"), ("WANGGE_SERVICES", "staff, events")]);
        let config = load(None, environment, Vec::new()).unwrap().config;
        assert_eq!(config.links["grids"], "http://h:1");
        assert_eq!(config.services, ["staff", "events"]);
    }

    #[test]
    fn a_variable_that_only_looks_like_ours_is_told_and_one_of_the_command_line_is_not() {
        let environment = variables(&[("WANGGE_PORT", "tcp://10.0.0.1:50051"), ("WANGGE_TOKEN_FILE", "x")]);
        assert_eq!(load(None, environment, Vec::new()).unwrap().unknown_variables, ["WANGGE_PORT"]);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut config = Config::default();
        config.links.insert("grids".to_owned(), "http://h:1".to_owned());
        config.metrics_listen = Some("127.0.0.1:9090".parse().unwrap());
        let file = file(&write(&config).unwrap());
        assert_eq!(load(Some(file.path()), [], Vec::new()).unwrap().config, config);
    }

    #[test]
    fn the_sample_that_operators_copy_holds_every_key_at_its_default() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/wangge.toml");
        assert_eq!(load(Some(&sample), [], Vec::new()).unwrap().config, Config::default());
        let keys = |table: &Table| {
            let mut keys = Vec::new();
            collect_keys(table, &mut Vec::new(), &mut keys);
            keys.into_iter().map(|(key, _)| key.join(".")).collect::<BTreeSet<_>>()
        };
        let written: Table = toml::from_str(&fs::read_to_string(&sample).unwrap()).unwrap();
        assert_eq!(keys(&written), keys(&Table::try_from(Config::default()).unwrap()));
    }

    #[test]
    fn distances_between_words_are_counted_in_letters() {
        assert_eq!((distance("listn", "listen"), distance("", "abc"), distance("same", "same")), (1, 3, 0));
    }
}
