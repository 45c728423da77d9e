//! Which version this server says it is.

/// The version of ZooKeeper whose behaviour is offered: what clients and tools ask for.
pub const ZOOKEEPER: &str = "3.9.5";

/// The version of this package.
pub const PACKAGE: &str = env!("CARGO_PKG_VERSION");

/// In the form of `Version.getFullVersion`, which `srvr`, `stat`, `mntr` and `envi` print: version, revision, date. The
/// date is that of the commit, so that who builds it again gets the same, or what the environment variable
/// `ZABKEEPER_BUILT` says at the build; without either there is none.
pub fn full() -> String {
    let built = option_env!("ZABKEEPER_BUILT").map(|date| format!(", built on {date}")).unwrap_or_default();
    format!("{ZOOKEEPER}-zabkeeper-{PACKAGE}{built}")
}
