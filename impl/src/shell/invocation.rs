//! How the shell itself is called.
//!
//! *Java:* `ZooKeeperMain.MyCommandOptions.parseOptions`. Java ignores options that it does not know; here they are
//! named.

use super::commands;
use std::time::Duration;

/// Where a server is expected.
const SERVER: &str = "localhost:2181";
/// The session's timeout.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the arguments say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// `host:port,host:port/chroot`.
    pub server: String,
    /// The session's timeout, which the server bounds.
    pub timeout: Duration,
    /// Whether a server that only reads will do.
    pub read_only: bool,
    /// Whether to wait for a server for as long as a session lasts.
    pub waits_for_connection: bool,
    /// The one command to do; empty to read commands.
    pub command: Vec<String>,
}

/// What the arguments ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To run.
    Run(Invocation),
    /// Only to say how it is called.
    Help,
}

/// Reads the arguments: options up to the first word that is none, with which the command begins.
///
/// # Errors
/// A sentence.
pub fn parse(arguments: &[String]) -> Result<Asked, String> {
    let mut invocation = Invocation {
        server: SERVER.to_owned(),
        timeout: TIMEOUT,
        read_only: false,
        waits_for_connection: false,
        command: Vec::new(),
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("Error: no argument found for option {word}"));
        match word.as_str() {
            "-server" => invocation.server = value()?.clone(),
            "-timeout" => invocation.timeout = timeout(value()?)?,
            "-r" => invocation.read_only = true,
            "-waitforconnection" => invocation.waits_for_connection = true,
            "-h" | "-help" | "--help" => return Ok(Asked::Help),
            "-client-configuration" => {
                return Err("Error: -client-configuration is not supported: there is no TLS or SASL here".to_owned());
            }
            option if option.starts_with('-') => return Err(format!("Error: there is no option {option}")),
            _ => {
                invocation.command = std::iter::once(word).chain(words).cloned().collect();
                break;
            }
        }
    }
    Ok(Asked::Run(invocation))
}

fn timeout(text: &str) -> Result<Duration, String> {
    let milliseconds = text.parse::<i32>().ok().filter(|milliseconds| *milliseconds > 0);
    let milliseconds = milliseconds.ok_or_else(|| format!("Error: -timeout takes milliseconds, not {text}"))?;
    Ok(Duration::from_millis(milliseconds.unsigned_abs().into()))
}

/// How the shell is called, and all its commands.
pub fn usage() -> String {
    format!(
        "zabkeeper shell [-server host:port] [-timeout milliseconds] [-r] [-waitforconnection] [command arguments]\n{}",
        commands::overview()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Asked, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_stand_before_the_command() {
        let Ok(Asked::Run(default)) = read("") else { panic!("nothing to do") };
        assert_eq!((default.server.as_str(), default.timeout.as_secs()), ("localhost:2181", 30));
        let Ok(Asked::Run(all)) = read("-server h:1/x -r -timeout 500 -waitforconnection ls -s / -server") else {
            panic!("understood")
        };
        let command = ["ls", "-s", "/", "-server"].map(str::to_owned).to_vec();
        let (server, timeout) = ("h:1/x".to_owned(), Duration::from_millis(500));
        assert_eq!(all, Invocation { server, timeout, read_only: true, waits_for_connection: true, command });
        assert_eq!(read("-r --help ls"), Ok(Asked::Help));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(read("-server"), Err("Error: no argument found for option -server".to_owned()));
        assert_eq!(read("-secure ls /"), Err("Error: there is no option -secure".to_owned()));
        for wrong in ["0", "-1", "x", "2147483648"] {
            let sentence = format!("Error: -timeout takes milliseconds, not {wrong}");
            assert_eq!(read(&format!("-timeout {wrong}")), Err(sentence));
        }
    }
}
