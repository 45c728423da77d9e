//! The options of a command: what stands where, as Apache's library for command lines reads it.
//!
//! *Java:* `org.apache.commons.cli.DefaultParser` 1.5, of which ZooKeeper's commands use options with one hyphen.
//! Options may stand anywhere among the arguments; `-sw` is `-s -w`; `-v3`, `-v=3` and `-v 3` are the same; behind `--`
//! everything is an argument. A number with a minus is the value of an option that wants one, and no argument
//! elsewhere. Of an option that is given twice the first value counts.

use super::refusal::Refusal;

/// An option of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its name, without the hyphen.
    pub name: &'static str,
    /// Whether a value follows.
    pub takes_value: bool,
    /// What it means.
    pub about: &'static str,
}

/// An option without a value.
pub const fn flag(name: &'static str, about: &'static str) -> Choice {
    Choice { name, takes_value: false, about }
}

/// An option with a value.
pub const fn valued(name: &'static str, about: &'static str) -> Choice {
    Choice { name, takes_value: true, about }
}

/// How many of the options may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Any.
    Any,
    /// None or one (an `OptionGroup`).
    AtMostOne,
    /// One (an `OptionGroup` that is required).
    One,
}

/// How a command is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grammar {
    /// Its name.
    pub name: &'static str,
    /// What follows, as it is shown to a person.
    pub usage: &'static str,
    /// Its options.
    pub choices: &'static [Choice],
    /// How many of them.
    pub amount: Amount,
    /// How many arguments there must be at least. More are ignored, as Java ignores them.
    pub least: usize,
    /// Whether the usage explains the options too.
    pub explained: bool,
}

impl Grammar {
    /// A command without options that needs so many arguments.
    pub const fn plain(name: &'static str, usage: &'static str, least: usize) -> Grammar {
        Grammar::new(name, usage, &[], least)
    }

    /// A command with any of these options that needs so many arguments.
    pub const fn new(name: &'static str, usage: &'static str, choices: &'static [Choice], least: usize) -> Grammar {
        Grammar { name, usage, choices, amount: Amount::Any, least, explained: false }
    }

    /// How it is called, in a line, or with its options in several.
    pub fn usage(&self) -> String {
        let line = format!("{} {}", self.name, self.usage);
        let options = if self.explained { self.explanation() } else { String::new() };
        format!("{line}{options}").trim_end().to_owned()
    }

    /// A line for each option, in the order of `HelpFormatter`: that of the alphabet, small and capital letters alike.
    pub fn explanation(&self) -> String {
        let mut choices: Vec<(String, &str)> =
            self.choices.iter().map(|choice| (choice.shown(), choice.about)).collect();
        choices.sort_by_key(|(shown, _)| shown.to_lowercase());
        let width = choices.iter().map(|(shown, _)| shown.len()).max().unwrap_or(0);
        choices.iter().map(|(shown, about)| format!("\n {shown:width$}   {about}")).collect()
    }

    /// Takes the words behind the command's name apart.
    ///
    /// # Errors
    /// The library's sentence about an option, or the usage when there are too few arguments.
    pub fn parse(&self, words: &[String]) -> Result<Parsed, Refusal> {
        let mut reading = Reading { grammar: self, parsed: Parsed::default(), open: None, only_arguments: false };
        words.iter().try_for_each(|word| reading.take(word))?;
        reading.finish_value()?;
        let parsed = reading.parsed;
        if self.amount == Amount::One && parsed.options.is_empty() {
            let shown = |choice: &Choice| format!("-{} {}", choice.name, choice.about);
            let choices: Vec<String> = self.choices.iter().map(shown).collect();
            return Err(Refusal::new(format!("Missing required option: [{}]", choices.join(", "))));
        }
        if parsed.arguments.len() < self.least {
            return Err(Refusal::new(self.usage()));
        }
        Ok(parsed)
    }

    fn choice(&self, name: &str) -> Option<&'static Choice> {
        self.choices.iter().find(|choice| choice.name == name)
    }

    /// Whether a word looks like an option, and so is no value of the one before it.
    fn is_option(&self, word: &str) -> bool {
        let Some(rest) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else { return false };
        let name = rest.split('=').next().unwrap_or_default();
        let first = name.chars().next().map(String::from);
        self.choice(name).is_some() || first.is_some_and(|first| self.choice(&first).is_some())
    }
}

impl Choice {
    fn shown(&self) -> String {
        if self.takes_value { format!("-{} <arg>", self.name) } else { format!("-{}", self.name) }
    }
}

/// The words of a command, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    options: Vec<(&'static str, Option<String>)>,
    /// What is no option.
    pub arguments: Vec<String>,
}

impl Parsed {
    /// Whether the option is given.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// Its value, if it is given.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(given, _)| *given == name)?.1.as_deref()
    }

    /// Its value as a number, if it is given.
    ///
    /// # Errors
    /// When it is none of this kind, which `kind` names: `an int`, `a long`.
    pub fn number<N: std::str::FromStr>(&self, name: &str, kind: &str) -> Result<Option<N>, Refusal> {
        let read =
            |text: &str| text.parse().map_err(|_| Refusal::new(format!("-{name} argument must be {kind} value")));
        self.value(name).map(read).transpose()
    }

    /// The argument at this place, from 0; empty where there is none, which a grammar's `least` rules out.
    pub fn argument(&self, place: usize) -> &str {
        self.arguments.get(place).map_or("", String::as_str)
    }
}

struct Reading<'a> {
    grammar: &'a Grammar,
    parsed: Parsed,
    /// The option whose value comes next.
    open: Option<&'static Choice>,
    only_arguments: bool,
}

impl Reading<'_> {
    fn take(&mut self, word: &str) -> Result<(), Refusal> {
        let is_number = word.parse::<f64>().is_ok();
        if self.only_arguments {
            self.parsed.arguments.push(word.to_owned());
        } else if word == "--" {
            self.only_arguments = true;
        } else if let Some(option) = self.open.filter(|_| is_number || !self.grammar.is_option(word)) {
            self.add(option, Some(unquoted(word)));
        } else if word.starts_with('-') && word != "-" {
            self.options(word)?;
        } else {
            self.parsed.arguments.push(word.to_owned());
        }
        Ok(())
    }

    /// Java's `handleShortAndLongOption`: `-file`, `-v=3`, `-sw`, `-v3`.
    fn options(&mut self, word: &str) -> Result<(), Refusal> {
        let unknown = || Refusal::new(format!("Unrecognized option: {word}"));
        let rest = &word[1..];
        if let Some(option) = self.grammar.choice(rest) {
            return self.begin(option);
        }
        if let Some((name, value)) = rest.split_once('=') {
            let option = self.grammar.choice(name).filter(|option| option.takes_value && name.chars().count() == 1);
            self.begin(option.ok_or_else(unknown)?)?;
            self.close(value.to_owned());
            return Ok(());
        }
        for (at, letter) in rest.char_indices() {
            self.begin(self.grammar.choice(&letter.to_string()).ok_or_else(unknown)?)?;
            let value = &rest[at + letter.len_utf8()..];
            if self.open.is_some() && !value.is_empty() {
                self.close(value.to_owned());
                return Ok(());
            }
        }
        Ok(())
    }

    fn begin(&mut self, option: &'static Choice) -> Result<(), Refusal> {
        self.finish_value()?;
        let other = self.parsed.options.iter().find(|(given, _)| *given != option.name);
        if let Some((given, _)) = other.filter(|_| self.grammar.amount != Amount::Any) {
            return Err(Refusal::new(format!(
                "The option '{}' was specified but an option from this group has already been selected: '{given}'",
                option.name
            )));
        }
        if option.takes_value {
            self.open = Some(option);
        } else {
            self.add(option, None);
        }
        Ok(())
    }

    fn close(&mut self, value: String) {
        if let Some(option) = self.open {
            self.add(option, Some(value));
        }
    }

    fn add(&mut self, option: &'static Choice, value: Option<String>) {
        self.parsed.options.push((option.name, value));
        self.open = None;
    }

    fn finish_value(&self) -> Result<(), Refusal> {
        match self.open {
            Some(option) => Err(Refusal::new(format!("Missing argument for option: {}", option.name))),
            None => Ok(()),
        }
    }
}

/// The library takes double quotes off a value, if there are none within.
fn unquoted(word: &str) -> String {
    let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GRAMMAR: Grammar = Grammar {
        explained: true,
        ..Grammar::new(
            "do",
            "[-s] [-w] [-v version] [-file path] path",
            &[flag("s", "stat"), flag("w", "watch"), valued("v", "version"), valued("file", "a file")],
            1,
        )
    };

    /// What was read: options first, with their values, then arguments.
    fn read(grammar: &Grammar, line: &str) -> String {
        let parsed = match grammar.parse(&crate::shell::words::split(line)) {
            Ok(parsed) => parsed,
            Err(refusal) => return refusal.sentence,
        };
        let option = |(name, value): &(&str, Option<String>)| match value {
            Some(value) => format!("{name}={value}"),
            None => (*name).to_owned(),
        };
        let options: Vec<String> = parsed.options.iter().map(option).collect();
        format!("[{}] {}", options.join(" "), parsed.arguments.join(" "))
    }

    #[test]
    fn options_are_read_as_in_java() {
        let cases = [
            ("/a", "[] /a"),
            ("-s /a", "[s] /a"),
            ("/a -s b -w", "[s w] /a b"),
            ("-sw /a", "[s w] /a"),
            ("-v 3 /a", "[v=3] /a"),
            ("-v3 /a", "[v=3] /a"),
            ("-v=3 /a", "[v=3] /a"),
            ("-swv3 /a", "[s w v=3] /a"),
            ("-v -1 /a", "[v=-1] /a"),
            ("-v -abc /a", "[v=-abc] /a"),
            ("-v 1 -v 2 /a", "[v=1 v=2] /a"),
            ("-file a=b /a", "[file=a=b] /a"),
            ("- /a", "[] - /a"),
            ("/a -- -s", "[] /a -s"),
            ("/a -1", "Unrecognized option: -1"),
            ("/a -file=b", "Unrecognized option: -file=b"),
            ("/a --stat", "Unrecognized option: --stat"),
            ("/a -sz", "Unrecognized option: -sz"),
            ("/a -v", "Missing argument for option: v"),
            ("-v -s /a", "Missing argument for option: v"),
        ];
        for (line, expected) in cases {
            assert_eq!(read(&GRAMMAR, line), expected, "{line}");
        }
        assert_eq!(GRAMMAR.parse(&["-v".into(), "1".into(), "-v2".into(), "a".into()]).unwrap().value("v"), Some("1"));
    }

    #[test]
    fn the_usage_explains() {
        let expected = "do [-s] [-w] [-v version] [-file path] path
 -file <arg>   a file
 -s            stat
 -v <arg>      version
 -w            watch";
        assert_eq!(read(&GRAMMAR, ""), expected);
    }

    #[test]
    fn options_can_exclude_each_other() {
        let one = Grammar { amount: Amount::One, least: 0, ..GRAMMAR };
        let taken = "The option 'w' was specified but an option from this group has already been selected: 's'";
        assert_eq!(read(&one, "-s -w"), taken);
        assert_eq!(read(&one, "-s -s"), "[s s] ");
        assert_eq!(read(&one, ""), "Missing required option: [-s stat, -w watch, -v version, -file a file]");
        assert_eq!(read(&Grammar { amount: Amount::AtMostOne, ..one }, ""), "[] ");
    }

    #[test]
    fn numbers_are_checked() {
        let parsed = GRAMMAR.parse(&["-v".into(), "x".into(), "/a".into()]).unwrap();
        assert_eq!(parsed.number::<i32>("v", "an int"), Err(Refusal::new("-v argument must be an int value")));
        assert_eq!(parsed.number::<i32>("s", "an int"), Ok(None));
    }

    proptest! {
        #[test]
        fn any_words_are_read_or_refused(words in prop::collection::vec("-{0,2}[swvfile=é\"0-9]{0,5}", 0..6)) {
            let _ = GRAMMAR.parse(&words);
        }
    }
}
