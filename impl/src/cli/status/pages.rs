//! A server's admin pages, asked over HTTP.

use crate::cli::question::exchange;
use crate::config::{Config, HostPort};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use zab::ServerId;

/// Where a server's admin pages are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminPages {
    address: HostPort,
    command_url: String,
}

impl AdminPages {
    /// Those of the server with this configuration; with `host`, those of another one that is configured alike.
    pub fn new(config: &Config, host: Option<&str>) -> Option<AdminPages> {
        let admin = config.admin.as_ref().filter(|admin| admin.listen.port != 0)?;
        let address = HostPort::new(host.unwrap_or("localhost"), admin.listen.port);
        Some(AdminPages { address, command_url: admin.command_url.clone() })
    }

    /// The values of `mntr`, or none.
    pub fn monitor(&self, id: Option<ServerId>, patience: Duration) -> BTreeMap<String, String> {
        let belongs = self.zab_state(id, patience).is_some();
        let page = belongs.then(|| self.page("monitor", patience)).flatten();
        let Some(Value::Object(fields)) = page else { return BTreeMap::new() };
        fields.into_iter().map(|(name, value)| (name, value.to_string())).collect()
    }

    /// What a server does that does not serve: `election`, `discovery`, `synchronization`.
    pub fn phase(&self, id: Option<ServerId>, patience: Duration) -> Option<String> {
        Some(self.zab_state(id, patience)?.get("zabstate")?.as_str()?.to_owned())
    }

    /// Several servers of one machine may claim one port: pages that are not this server's count for nothing.
    fn zab_state(&self, id: Option<ServerId>, patience: Duration) -> Option<Value> {
        let page = self.page("zabstate", patience)?;
        let own = page.get("myid").and_then(Value::as_u64);
        (id.is_some() && own == id.map(|id| id.0.into())).then_some(page)
    }

    fn page(&self, command: &str, patience: Duration) -> Option<Value> {
        // HTTP/1.0: no chunks, and the connection ends with the page.
        let request = format!("GET {}/{command} HTTP/1.0\r\nHost: localhost\r\n\r\n", self.command_url);
        let answer = exchange(&self.address, request.as_bytes(), patience).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        if head.split(' ').nth(1) != Some("200") {
            return None;
        }
        serde_json::from_str(body).ok()
    }
}
