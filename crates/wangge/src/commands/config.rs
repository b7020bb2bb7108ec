//! `wangge config`: prints the configuration that holds.

use base::{Error, Result};

use crate::config::layers;
use crate::output::Output;

/// Prints the configuration as TOML (or JSON), which can be used as a configuration file as it is. It holds no secret,
/// because no key does.
pub(super) fn run(arguments: &super::serve::Arguments, output: Output) -> Result<()> {
    let loaded = arguments.load()?;
    for variable in &loaded.unknown_variables {
        eprintln!("warning: {variable} begins like a setting and is none");
    }
    let text = layers::write(&loaded.config)?;
    let unreadable = |cause| Error::internal("the configuration cannot be written as JSON").caused_by(cause);
    let value = serde_json::to_value(&loaded.config).map_err(unreadable)?;
    output.value(&value, || text.trim_end().to_owned())
}
