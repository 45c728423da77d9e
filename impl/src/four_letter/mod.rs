//! The four-letter words: four bytes on the client port, in place of the length of a first packet, answered by text.
//!
//! Which commands exist and what each prints is Java's (`server/command`), byte for byte where a tool may look; sets
//! that Java prints in the order of a hash table are sorted here.

mod text;

use crate::status::StatusSource;
use std::collections::BTreeSet;

/// What commands say that need a server which serves.
pub const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";

/// A four-letter word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// The configuration.
    Conf,
    /// Every connection in detail.
    Cons,
    /// Forget what was counted for each connection.
    Crst,
    /// Bytes on the disk.
    Dirs,
    /// Sessions, ephemeral nodes, connections by expiry.
    Dump,
    /// What the server runs on.
    Envi,
    /// The trace mask.
    Gtmk,
    /// The digests of the tree.
    Hash,
    /// Whether it serves reads only.
    Isro,
    /// Everything to monitor, as `name <tab> value`.
    Mntr,
    /// Whether it runs.
    Ruok,
    /// Forget what was counted.
    Srst,
    /// The state of the server.
    Srvr,
    /// The state of the server and its connections.
    Stat,
    /// Set the trace mask to the 8 bytes that follow.
    Stmk,
    /// Watches by session.
    Wchc,
    /// Watches by path.
    Wchp,
    /// The number of watches.
    Wchs,
}

impl Command {
    /// All of them, by name.
    pub const ALL: &[Command] = &[
        Command::Conf,
        Command::Cons,
        Command::Crst,
        Command::Dirs,
        Command::Dump,
        Command::Envi,
        Command::Gtmk,
        Command::Hash,
        Command::Isro,
        Command::Mntr,
        Command::Ruok,
        Command::Srst,
        Command::Srvr,
        Command::Stat,
        Command::Stmk,
        Command::Wchc,
        Command::Wchp,
        Command::Wchs,
    ];

    /// The word itself.
    pub fn name(self) -> &'static str {
        match self {
            Command::Conf => "conf",
            Command::Cons => "cons",
            Command::Crst => "crst",
            Command::Dirs => "dirs",
            Command::Dump => "dump",
            Command::Envi => "envi",
            Command::Gtmk => "gtmk",
            Command::Hash => "hash",
            Command::Isro => "isro",
            Command::Mntr => "mntr",
            Command::Ruok => "ruok",
            Command::Srst => "srst",
            Command::Srvr => "srvr",
            Command::Stat => "stat",
            Command::Stmk => "stmk",
            Command::Wchc => "wchc",
            Command::Wchp => "wchp",
            Command::Wchs => "wchs",
        }
    }

    /// How many bytes follow the word.
    pub fn argument(self) -> usize {
        if self == Command::Stmk { 8 } else { 0 }
    }

    /// The command that the first four bytes of a connection are; `None` when they are the length of a packet. (As a
    /// length each would be above 1.6 billion: no packet is so long.)
    pub fn from_bytes(word: [u8; 4]) -> Option<Command> {
        Command::ALL.iter().copied().find(|command| command.name().as_bytes() == word)
    }
}

/// Which commands may be used (`4lw.commands.whitelist`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whitelist(BTreeSet<Command>);

impl Whitelist {
    /// Names with commas between, `*` for all (those behind it are not looked at). `srvr` is always allowed, and
    /// `isro` where `readonlymode.enabled`; unknown names allow nothing.
    pub fn new(list: &str, read_only_mode: bool) -> Whitelist {
        let mut allowed = BTreeSet::from([Command::Srvr]);
        if read_only_mode {
            allowed.insert(Command::Isro);
        }
        for name in list.split(',').map(str::trim) {
            if name == "*" {
                allowed.extend(Command::ALL);
                break;
            }
            allowed.extend(Command::ALL.iter().filter(|command| command.name() == name));
        }
        Whitelist(allowed)
    }

    /// Whether a command may be used.
    pub fn allows(&self, command: Command) -> bool {
        self.0.contains(&command)
    }
}

/// The whole answer to a command; the connection is closed after it.
///
/// `argument` is what follows the word: `stmk` takes 8 bytes, the others take nothing. The lists of `cons`, `dump`,
/// `wchc` and `wchp` can be long, and are made at once: that is why they are not allowed by default.
pub fn answer(command: Command, argument: &[u8], whitelist: &Whitelist, source: &dyn StatusSource) -> String {
    if !whitelist.allows(command) {
        return format!("{} is not executed because it is not in the whitelist.\n", command.name());
    }
    let status = source.status();
    match command {
        Command::Ruok => "imok".to_owned(),
        Command::Gtmk => source.trace_mask().to_string(),
        Command::Stmk => set_trace_mask(argument, source),
        Command::Envi => text::environment(&status),
        // Without a line break, and null for "nobody knows": as Java.
        Command::Isro if !status.serving => "null".to_owned(),
        Command::Hash if !status.serving => NOT_SERVING.to_owned(),
        _ if !status.serving => format!("{NOT_SERVING}\n"),
        Command::Conf => text::configuration(&source.configuration(), source.directory_sizes()),
        Command::Cons => text::connections(&source.connections(), false) + "\n",
        Command::Crst => {
            source.reset_connection_statistics();
            "Connection stats reset.\n".to_owned()
        }
        Command::Dirs => text::directories(source.directory_sizes()),
        Command::Dump => text::dump(&source.sessions(), &source.ephemerals(), &source.connections()),
        Command::Hash => text::digests(&source.digest_log()),
        Command::Isro => if status.is_read_only() { "ro" } else { "rw" }.to_owned(),
        Command::Mntr => text::monitor(&status),
        Command::Srst => {
            source.reset_statistics();
            "Server stats reset.\n".to_owned()
        }
        Command::Srvr => text::server(&status, None),
        Command::Stat => text::server(&status, Some(&source.connections())),
        Command::Wchs => text::watch_summary(&source.watches()),
        Command::Wchc => text::watches_by_session(&source.watches()),
        Command::Wchp => text::watches_by_path(&source.watches()),
    }
}

/// Java reads 8 bytes, and closes the connection without a word when they do not come.
fn set_trace_mask(argument: &[u8], source: &dyn StatusSource) -> String {
    let Some(bytes) = argument.first_chunk::<8>() else { return String::new() };
    let mask = i64::from_be_bytes(*bytes);
    source.set_trace_mask(mask);
    mask.to_string()
}
