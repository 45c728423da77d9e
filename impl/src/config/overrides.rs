//! `-Dkey=value`: Java's system properties, given when a server is started.

/// What was given as `-Dkey=value`, in order; the last one counts. A setting given so wins over the file's.
///
/// Java lets the file win for system properties, and ignores `-D` for the keys of `QuorumPeerConfig`. Here whatever
/// is nearer to the person counts, and a warning names what it replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    pub(super) properties: Vec<(String, String)>,
}

impl Overrides {
    /// Adds a property by its name, with or without `zookeeper.`.
    pub fn set(&mut self, name: &str, value: &str) {
        self.properties.push((name.trim().to_owned(), value.trim().to_owned()));
    }

    /// Adds an argument of the form `-Dkey=value` or `-Dkey`; false, and nothing is added, for any other.
    pub fn take_flag(&mut self, argument: &str) -> bool {
        let Some(property) = argument.strip_prefix("-D").filter(|property| !property.is_empty()) else { return false };
        let (name, value) = property.split_once('=').unwrap_or((property, ""));
        self.set(name, value);
        true
    }

    /// Adds every `-D…` of a list of flags for Java, as `JVMFLAGS` and `SERVER_JVMFLAGS` hold them: words with white
    /// space between. Other flags are for Java's virtual machine.
    pub fn take_flags(&mut self, flags: &str) {
        for flag in flags.split_whitespace() {
            self.take_flag(flag);
        }
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty()
    }
}
