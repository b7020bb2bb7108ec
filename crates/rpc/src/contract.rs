//! The access rules of the contract, read from its own descriptors: which action each method needs.

use std::collections::HashMap;

use base::{Error, Kind, Result};
use prost_reflect::DescriptorPool;

use crate::access;

/// The options extension that names a method's action.
const ACTION_OPTION: &str = "wangge.options.v1.action";

/// Every method of the public API with the action it needs.
#[derive(Debug)]
pub struct Contract {
    actions: HashMap<String, &'static str>,
}

impl Contract {
    /// Reads the contract this program was built with.
    ///
    /// Fails when a method has no action, or one that the policy does not know: such a server must not start.
    pub fn load() -> Result<Self> {
        Self::read(api::DESCRIPTORS)
    }

    fn read(descriptors: &[u8]) -> Result<Self> {
        let broken = |error: String| Error::internal("the compiled API contract cannot be read").caused_by(error);
        let pool = DescriptorPool::decode(descriptors).map_err(|error| broken(error.to_string()))?;
        let action_option = pool
            .get_extension_by_name(ACTION_OPTION)
            .ok_or_else(|| broken(format!("{ACTION_OPTION} is not defined")))?;
        let mut actions = HashMap::new();
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let options = method.options();
            let value = options.get_extension(&action_option);
            let action = value.as_str().unwrap_or_default();
            if !access::is_known(action) {
                return Err(Error::new(
                    Kind::Internal,
                    "METHOD_WITHOUT_ACTION",
                    "a method of the API names no action that the access policy knows, so nothing is served",
                )
                .with("method", path)
                .with("action", action));
            }
            // The contract lives as long as the process, and so may its handful of action names.
            actions.insert(path, &*String::leak(action.to_owned()));
        }
        Ok(Self { actions })
    }

    /// The action that the method at this path (`/wangge.grids.v1.GridService/Locate`) needs.
    pub fn action(&self, path: &str) -> Option<&'static str> {
        self.actions.get(path).copied()
    }

    /// Every method path with its action.
    pub fn methods(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.actions.iter().map(|(path, action)| (path.as_str(), *action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    #[test]
    fn every_method_of_the_contract_has_an_action() {
        let contract = Contract::load().unwrap();
        assert_eq!(contract.action("/wangge.grids.v1.GridService/Locate"), Some("grids.locate"));
        assert!(contract.methods().count() > 40);
    }

    #[test]
    fn a_method_without_an_action_stops_the_server() {
        let mut files = prost_types::FileDescriptorSet::decode(api::DESCRIPTORS).unwrap();
        // prost-types drops unknown extensions on decoding, so every method has lost its action here.
        files.file.retain(|file| !file.package().starts_with("google.api"));
        for file in &mut files.file {
            file.dependency.retain(|dependency| !dependency.starts_with("google/api"));
        }
        let error = Contract::read(&files.encode_to_vec()).unwrap_err();
        assert_eq!(error.reason(), "METHOD_WITHOUT_ACTION");
    }
}
