//! Where the configuration is, as `zkServer.sh` and `zkEnv.sh` look for it, and what else the environment says.

use crate::config::Overrides;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variables of the environment that count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `ZOOCFGDIR`: the folder of the configuration.
    pub config_dir: Option<PathBuf>,
    /// `ZOOCFG`: its name, instead of `zoo.cfg`.
    pub config_file: Option<PathBuf>,
    /// `ZOOPIDFILE`: the pid file.
    pub pid_file: Option<PathBuf>,
    /// `ZOO_LOG_DIR`: the folder of what a server in the background prints.
    pub log_dir: Option<PathBuf>,
    /// `SERVER_JVMFLAGS` and `JVMFLAGS`: flags for Java.
    pub flags: Vec<String>,
}

impl Environment {
    /// That of this process. Empty variables count as missing.
    pub fn of_process() -> Environment {
        let variable = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        let flags = ["SERVER_JVMFLAGS", "JVMFLAGS"].map(variable);
        Environment {
            config_dir: variable("ZOOCFGDIR").map(PathBuf::from),
            config_file: variable("ZOOCFG").map(PathBuf::from),
            pid_file: variable("ZOOPIDFILE").map(PathBuf::from),
            log_dir: variable("ZOO_LOG_DIR").map(PathBuf::from),
            flags: flags.into_iter().flatten().map(|flags| flags.to_string_lossy().into_owned()).collect(),
        }
    }

    /// The settings among the flags for Java.
    pub fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        self.flags.iter().for_each(|flags| overrides.take_flags(flags));
        overrides
    }
}

/// The configuration file; `None` when none is named, for a server with the embedded default.
///
/// A name without a folder is looked for in `config_dir` or `ZOOCFGDIR`, where there is one.
pub fn locate(file: Option<&Path>, config_dir: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let dir = config_dir.or(environment.config_dir.as_deref());
    let named = file.or(environment.config_file.as_deref());
    match (named, dir) {
        (Some(file), Some(dir)) if file.parent() == Some(Path::new("")) => Some(dir.join(file)),
        (Some(file), _) => Some(file.to_owned()),
        (None, Some(dir)) => Some(dir.join("zoo.cfg")),
        (None, None) => None,
    }
}
