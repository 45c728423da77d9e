//! One line of a story, read.

use crate::bounds::Bounds;
use crate::invocation;
use zab::{Epoch, ServerId, Zxid};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Something about the beginning.
    Begin(Beginning),
    /// These servers start; all that are down, where none is named.
    Start(Vec<ServerId>),
    /// An action, as it is printed.
    Act(String),
    /// An action that is not possible.
    Cannot(String),
    /// A command by which these properties are violated.
    Violates(Vec<String>, Box<Command>),
    /// A session moved to this server.
    Revalidate(ServerId),
    /// What happens by itself.
    Settle,
    /// All messages on one connection in one direction.
    Drain(ServerId, ServerId),
    /// All actions whose line begins with this word.
    All(String),
    /// The same without its answer.
    Quietly(Box<Command>),
    /// How these servers are; all, where none is named.
    Show(Vec<ServerId>),
    /// What is on its way.
    Network,
    /// What holds.
    Properties,
}

/// What a story says before its servers start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// The model that the checker explores within these bounds.
    Model(Box<Bounds>),
    /// Which of that model's initial states it is.
    Initial(usize),
    /// How many servers vote.
    Servers(u8),
    /// How many observe.
    Observers(u8),
    /// These servers make this group.
    Group(u8, Vec<ServerId>),
    /// A server's weight.
    Weight(ServerId, u32),
    /// The last counter of an epoch.
    LastCounter(u32),
    /// A server's disk.
    Disk(ServerId, DiskText),
}

/// A disk, as a story tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskText {
    /// The current epoch.
    pub epoch: Epoch,
    /// The accepted epoch, where it is not the current one.
    pub accepted: Option<Epoch>,
    /// The transactions that the snapshot stands for.
    pub snapshot: Vec<Zxid>,
    /// Those in the log.
    pub log: Vec<Zxid>,
}

/// Reads a line.
pub fn parse(line: &str) -> Result<Command, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let command = match words.as_slice() {
        ["quietly", ..] => Command::Quietly(Box::new(parse(rest(line))?)),
        ["cannot", ..] => Command::Cannot(rest(line).to_owned()),
        ["violates", ..] => violates(rest(line))?,
        ["start", names @ ..] => Command::Start(servers(names)?),
        ["show", names @ ..] => Command::Show(servers(names)?),
        ["revalidate", name] => Command::Revalidate(server(name)?),
        ["settle"] => Command::Settle,
        ["drain", from, "->", to] => Command::Drain(server(from)?, server(to)?),
        [word @ ("deliver" | "notify" | "flush" | "connect" | "notice"), "all"] => Command::All((*word).to_owned()),
        ["network"] => Command::Network,
        ["properties"] => Command::Properties,
        _ => match beginning(&words)? {
            Some(beginning) => Command::Begin(beginning),
            None => Command::Act(words.join(" ")),
        },
    };
    Ok(command)
}

fn rest(line: &str) -> &str {
    line.trim_start().split_once(' ').map_or("", |(_, rest)| rest.trim())
}

/// `NAME, NAME: command`.
fn violates(rest: &str) -> Result<Command, String> {
    let (names, command) = rest.split_once(": ").ok_or("write `violates NAME: ` and a command")?;
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    Ok(Command::Violates(names, Box::new(parse(command)?)))
}

fn beginning(words: &[&str]) -> Result<Option<Beginning>, String> {
    Ok(Some(match words {
        ["model", words @ ..] => Beginning::Model(Box::new(invocation::read(&words.join(" "))?)),
        ["initial", place] => Beginning::Initial(number(place)?),
        ["servers", count] => Beginning::Servers(number(count)?),
        ["observers", count] => Beginning::Observers(number(count)?),
        ["group", name, names @ ..] => Beginning::Group(number(name)?, servers(names)?),
        ["weight", name, weight] => Beginning::Weight(server(name)?, number(weight)?),
        ["last-counter", count] => Beginning::LastCounter(number(count)?),
        ["server", name, words @ ..] => Beginning::Disk(server(name)?, disk(words)?),
        _ => return Ok(None),
    }))
}

fn disk(mut words: &[&str]) -> Result<DiskText, String> {
    let mut disk = DiskText::default();
    loop {
        words = match words {
            [] => return Ok(disk),
            ["epoch", value, rest @ ..] => {
                disk.epoch = Epoch(number(value)?);
                rest
            }
            ["accepted", value, rest @ ..] => {
                disk.accepted = Some(Epoch(number(value)?));
                rest
            }
            [word @ ("snapshot" | "log"), rest @ ..] => {
                let count = rest.iter().take_while(|word| word.starts_with('(')).count();
                let list = if *word == "log" { &mut disk.log } else { &mut disk.snapshot };
                for range in &rest[..count] {
                    list.extend(zxids(range)?);
                }
                &rest[count..]
            }
            [word, ..] => return Err(format!("a disk has no `{word}`")),
        };
    }
}

fn number<N: std::str::FromStr>(word: &str) -> Result<N, String> {
    word.parse().map_err(|_| format!("`{word}` is not a number"))
}

fn server(word: &str) -> Result<ServerId, String> {
    let digits = word.strip_prefix('s').ok_or_else(|| format!("`{word}` is not a server"))?;
    number(digits).map(ServerId)
}

fn servers(words: &[&str]) -> Result<Vec<ServerId>, String> {
    words.iter().map(|word| server(word)).collect()
}

/// `(1,2)`, or all from one to another of the same epoch: `(1,2)..(1,9)`.
fn zxids(word: &str) -> Result<Vec<Zxid>, String> {
    let (first, last) = word.split_once("..").unwrap_or((word, word));
    let (first, last) = (zxid(first)?, zxid(last)?);
    if first.epoch() != last.epoch() || first > last {
        return Err(format!("`{word}` does not stay in one epoch"));
    }
    Ok((first.counter()..=last.counter()).map(|counter| Zxid::new(first.epoch(), counter)).collect())
}

fn zxid(word: &str) -> Result<Zxid, String> {
    let halves = word.strip_prefix('(').and_then(|word| word.strip_suffix(')')).and_then(|word| word.split_once(','));
    let (epoch, counter) = halves.ok_or_else(|| format!("`{word}` is not a zxid"))?;
    Ok(Zxid::new(Epoch(number(epoch)?), number(counter)?))
}
