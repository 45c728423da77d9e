//! `zoo.cfg`: a configuration or one sentence, whatever the file holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tempfile::TempDir;
use zabkeeper::config::{Config, Overrides, ServerLine, properties};

static PLACE: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a directory"));

fuzz_target!(|text: &[u8]| {
    let path = PLACE.path().join("zoo.cfg");
    std::fs::write(&path, text).expect("written");
    match Config::from_file(&path, &Overrides::default()) {
        Ok(config) => drop(config.quorum.ensemble()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    for property in properties::parse(text).unwrap_or_default() {
        let _ = ServerLine::parse(&property.value);
    }
});
