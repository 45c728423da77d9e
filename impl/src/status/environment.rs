//! What the server runs on, under the names of Java's system properties (`Environment.list`).

use std::env;
use std::fs;

/// `envi` and the admin command `environment`: names and values in Java's order, `<NA>` for what does not exist here.
pub fn environment(version: &str) -> Vec<(&'static str, String)> {
    let file = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let memory = |name: &str| megabytes(&fs::read_to_string("/proc/meminfo").ok()?, name);
    let directory = env::current_dir().ok().map(|path| path.display().to_string());
    let entries = [
        ("zookeeper.version", Some(version.to_owned())),
        ("host.name", file("/proc/sys/kernel/hostname")),
        ("java.version", None),
        ("java.vendor", None),
        ("java.home", None),
        ("java.class.path", None),
        ("java.library.path", None),
        ("java.io.tmpdir", Some(env::temp_dir().display().to_string())),
        ("java.compiler", None),
        ("os.name", Some(os_name())),
        ("os.arch", Some(os_architecture().to_owned())),
        ("os.version", file("/proc/sys/kernel/osrelease")),
        ("user.name", env::var("USER").ok().or_else(|| env::var("LOGNAME").ok())),
        ("user.home", env::var("HOME").ok()),
        ("user.dir", directory),
        ("os.memory.free", memory("MemAvailable:")),
        ("os.memory.max", memory("MemTotal:")),
        ("os.memory.total", memory("MemTotal:")),
    ];
    entries.into_iter().map(|(name, value)| (name, value.unwrap_or_else(|| "<NA>".to_owned()))).collect()
}

/// With a capital, as Java writes it.
fn os_name() -> String {
    let (first, rest) = env::consts::OS.split_at(1);
    first.to_uppercase() + rest
}

/// Java says amd64 where Rust says x86_64.
fn os_architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    }
}

/// A line `name   123 kB` of `/proc/meminfo`, as `0MB`.
fn megabytes(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{}MB", kilobytes / 1024))
}
