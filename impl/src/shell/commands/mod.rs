//! Every command: how it is called, and what it does.
//!
//! *Java:* the package `org.apache.zookeeper.cli`, and for some `ZooKeeperMain` itself.

mod access;
mod ensemble;
mod nodes;
mod own;
mod quotas;
mod reads;
mod tree;
mod watching;

pub use own::{Close, Connect, History, PrintWatches, Quit, Redo, Version};

use super::grammar::Grammar;
use super::refusal::Refusal;
use super::session::Session;
use access::{AddAuth, GetAcl, SetAcl, WhoAmI};
use ensemble::{GetConfig, Reconfigure, Sync};
use nodes::{Create, Delete, DeleteAll, Set};
use quotas::{DelQuota, ListQuota, SetQuota};
use reads::{Get, GetAllChildrenNumber, GetEphemerals, Ls, StatOf};
use watching::{AddWatch, RemoveWatches};

/// What a command has to say to a person before it is done, such as that it is called in an old way.
pub type Notes = Vec<String>;

macro_rules! commands {
    (with a session: [$($name:ident),+] without: [$($own:ident),+]) => {
        /// A command, its words understood.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Command {
            /// What a server is asked.
            Asked(Asked),
            $(#[doc = concat!("`", stringify!($own), "`, which the shell does by itself.")] $own($own),)+
        }

        /// A command for which a session is needed.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Asked { $(#[doc = concat!("`", stringify!($name), "`.")] $name($name),)+ }

        /// How every command is called.
        pub const GRAMMARS: &[&Grammar] = &[$(&$name::GRAMMAR,)+ $(&$own::GRAMMAR,)+];

        impl Command {
            /// Understands words, of which the first is the command's name.
            ///
            /// # Errors
            /// There is no such command, or it is not called so.
            pub fn parse(words: &[String], notes: &mut Notes) -> Result<Command, Refusal> {
                let Some((name, words)) = words.split_first() else {
                    return Err(Refusal::new("No command entered"));
                };
                match name.as_str() {
                    $(name if name == $name::GRAMMAR.name => {
                        Ok(Command::Asked(Asked::$name($name::parse(words, notes)?)))
                    })+
                    $(name if name == $own::GRAMMAR.name => Ok(Command::$own($own::parse(words, notes)?)),)+
                    _ => Err(Refusal::unknown_command(name)),
                }
            }
        }

        impl Asked {
            /// Does it, and prints what there is to say.
            ///
            /// # Errors
            /// What the server refuses, or what is wrong with a path.
            pub async fn run(self, session: &Session) -> Result<(), Refusal> {
                match self { $(Asked::$name(command) => command.run(session).await,)+ }
            }
        }
    };
}

commands! {
    with a session: [
        AddAuth, AddWatch, Create, DelQuota, Delete, DeleteAll, Get, GetAcl, GetAllChildrenNumber, GetConfig,
        GetEphemerals, ListQuota, Ls, Reconfigure, RemoveWatches, Set, SetAcl, SetQuota, StatOf, Sync, WhoAmI
    ]
    without: [Close, Connect, History, PrintWatches, Quit, Redo, Version]
}

/// Every command with its usage, a line each, in the order of the alphabet.
pub fn overview() -> String {
    let line = |grammar: &&Grammar| format!("\t{} {}", grammar.name, grammar.usage).trim_end().to_owned();
    let mut lines: Vec<String> = GRAMMARS.iter().map(line).collect();
    lines.sort();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::words;
    use proptest::prelude::*;

    fn parse(line: &str) -> Result<Command, Refusal> {
        Command::parse(&words::split(line), &mut Notes::new())
    }

    /// The names in Java's `CommandFactory` and `ZooKeeperMain.commandMap`.
    #[test]
    fn there_is_every_command_of_javas_shell() {
        let javas = "addWatch addauth close config connect create delete deleteall delquota get getAcl \
                     getAllChildrenNumber getEphemerals history listquota ls printwatches quit reconfig redo \
                     removewatches set setAcl setquota stat sync version whoami";
        let mut ours: Vec<&str> = GRAMMARS.iter().map(|grammar| grammar.name).collect();
        ours.sort_unstable();
        assert_eq!(ours, javas.split_whitespace().collect::<Vec<_>>());
        for name in ours {
            let unknown = Refusal::unknown_command(name);
            assert_ne!(parse(name), Err(unknown), "{name}");
        }
        assert_eq!(parse("dance /a"), Err(Refusal::unknown_command("dance")));
    }

    #[test]
    fn a_command_without_its_arguments_says_how_it_is_called() {
        for grammar in GRAMMARS.iter().filter(|grammar| grammar.least > 0) {
            let refusal = parse(grammar.name).expect_err("too few arguments");
            let expected = [grammar.usage(), "Missing required option: [".to_owned()];
            assert!(expected.iter().any(|expected| refusal.sentence.starts_with(expected)), "{refusal}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let cases = [
            ("create -c -s /a", "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential."),
            ("create -t x /a", "-t argument must be a long value"),
            ("create -t 5 -e /a", "TTLs cannot be used with Ephemeral znodes"),
            ("create -t 5 -c /a", "TTLs cannot be used with Container znodes"),
            ("create -t 0 /a", "ttl must be positive and cannot be larger than: 1099511627775"),
            ("create -t 1099511627776 /a", "ttl must be positive and cannot be larger than: 1099511627775"),
            ("delete -v x /a", "-v argument must be an int value"),
            ("deleteall -b x /a", "-b argument must be an int value"),
            ("set -b /a not!base64", "-b takes data in base64"),
            ("reconfig -remove 1 -members x", CONFLICT),
            (
                "reconfig -file a -members x",
                "Can't use -file and -members together (conflicting non-incremental modes)",
            ),
            ("reconfig -remove 1 -v xyz", "-v must be followed by a long (configuration version)"),
            ("addWatch -m SOMETIMES /a", ADD_WATCH),
            ("redo", "redo cmdno"),
            ("redo x", "redo takes the number of a command in the history"),
        ];
        for (line, sentence) in cases {
            assert_eq!(parse(line).map_err(|refusal| refusal.sentence), Err(sentence.to_owned()), "{line}");
        }
    }

    const CONFLICT: &str = "Can't use -file or -members together with -add or -remove (mixing incremental and \
        non-incremental modes is not allowed)";
    const ADD_WATCH: &str = "addWatch [-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - \
        default is PERSISTENT_RECURSIVE";

    proptest! {
        #[test]
        fn any_words_are_understood_or_refused(
            grammar in prop::sample::select(GRAMMARS),
            words in prop::collection::vec("-{0,1}[a-zA-Z/0-9:,=]{0,6}", 0..5),
        ) {
            let words: Vec<String> = std::iter::once(grammar.name.to_owned()).chain(words).collect();
            let _ = Command::parse(&words, &mut Notes::new());
        }
    }
}
