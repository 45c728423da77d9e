//! What the shell does by itself: `close`, `connect`, `history`, `printwatches`, `quit`, `redo`, `version`.

use super::Notes;
use crate::shell::grammar::Grammar;
use crate::shell::refusal::Refusal;

/// Commands without arguments.
macro_rules! plain {
    ($($name:ident $text:literal,)+) => {$(
        #[doc = concat!("`", $text, "`.")]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name;

        impl $name {
            pub const GRAMMAR: Grammar = Grammar::plain($text, "", 0);

            pub fn parse(_: &[String], _: &mut Notes) -> Result<$name, Refusal> {
                Ok($name)
            }
        }
    )+};
}

plain! {
    Close "close",
    History "history",
    Quit "quit",
}

/// `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version;

impl Version {
    pub const GRAMMAR: Grammar = Grammar::plain("version", "", 0);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<Version, Refusal> {
        if Version::GRAMMAR.parse(words)?.arguments.is_empty() {
            Ok(Version)
        } else {
            Err(Refusal::new(Version::GRAMMAR.usage()))
        }
    }
}

/// `connect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// As before, if it is not said.
    pub server: Option<String>,
}

impl Connect {
    pub const GRAMMAR: Grammar = Grammar::plain("connect", "host:port", 0);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<Connect, Refusal> {
        Ok(Connect { server: words.first().cloned() })
    }
}

/// `printwatches`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintWatches {
    /// Whether events are to be printed; none to ask.
    pub on: Option<bool>,
}

impl PrintWatches {
    pub const GRAMMAR: Grammar = Grammar::plain("printwatches", "on|off", 0);

    /// Anything but `on` is off.
    pub fn parse(words: &[String], _: &mut Notes) -> Result<PrintWatches, Refusal> {
        Ok(PrintWatches { on: words.first().map(|word| word == "on") })
    }
}

/// `redo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redo {
    /// Which command of the history.
    pub number: i32,
}

impl Redo {
    pub const GRAMMAR: Grammar = Grammar::plain("redo", "cmdno", 1);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<Redo, Refusal> {
        let parsed = Grammar { least: 0, ..Redo::GRAMMAR };
        let number = words.first().ok_or_else(|| Refusal::new(parsed.usage()))?.parse();
        let number = number.map_err(|_| Refusal::new("redo takes the number of a command in the history"))?;
        Ok(Redo { number })
    }
}
