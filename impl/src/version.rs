//! Which version this server says it is.

/// The version of ZooKeeper whose behaviour is offered: what clients and tools ask for.
pub const ZOOKEEPER: &str = "3.9.5";

/// The version of this package.
pub const PACKAGE: &str = env!("CARGO_PKG_VERSION");

/// In the form of `Version.getFullVersion`, which `srvr`, `stat`, `mntr` and `envi` print: version, revision, date of
/// the build (from the environment variable `ZABKEEPER_BUILT` of the build).
pub fn full() -> String {
    let built = option_env!("ZABKEEPER_BUILT").unwrap_or("an unknown date");
    format!("{ZOOKEEPER}-zabkeeper-{PACKAGE}, built on {built}")
}
