//! A vault in memory as the door that is judged.

use std::net::{IpAddr, Ipv4Addr};

use vaultcore::Vault;
use vaultcore::api::{ApiRequest, Method};
use vaultcore::storage::Memory;

use crate::corpus::Request;
use crate::play::{Door, Reply};

/// A vault that is not initialised.
pub(crate) struct InProcess(Vault);

impl InProcess {
    pub(crate) fn new() -> Self {
        Self(Vault::builder(Memory::new()).build().expect("builds"))
    }
}

impl Door for InProcess {
    fn ask(&mut self, request: &Request) -> Reply {
        let method: Method = request.method.parse().expect("the method is known");
        let mut asked = ApiRequest::new(method, &decoded(&request.path))
            .token(&request.token)
            .namespace(&request.namespace)
            .wrap_ttl(&request.wrap_ttl)
            .remote_address(IpAddr::V4(Ipv4Addr::LOCALHOST))
            .body(request.body.as_bytes());
        for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            asked = asked.query(name, value);
        }
        let response = self.0.handle(&asked);
        Reply::new(response.status(), response.body())
    }
}

/// What a listener does with a path.
fn decoded(path: &str) -> String {
    path.replace("%20", " ")
}
