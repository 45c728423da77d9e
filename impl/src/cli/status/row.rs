//! What a server says about itself, asked by `srvr` and, where it is allowed, `mntr` or the admin pages.

use super::pages::AdminPages;
use crate::cli::question::ask;
use crate::config::HostPort;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use zab::{ServerId, Zxid};

/// A server to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number, if anybody knows.
    pub id: Option<ServerId>,
    /// Where its clients connect, if anybody knows.
    pub client: Option<HostPort>,
    /// Its admin pages, for servers that do not allow `mntr`.
    pub admin: Option<AdminPages>,
}

/// What one server said.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Its number.
    pub id: Option<u8>,
    /// Where its clients connect.
    pub address: Option<String>,
    /// `leader`, `follower`, `observer`, `standalone`, `read-only`; `looking` when it answers and does not serve;
    /// `down` when it does not answer.
    pub role: String,
    /// The epoch of its last transaction, or the one that it leads.
    pub epoch: Option<u32>,
    /// Its last transaction, hexadecimal.
    pub zxid: Option<String>,
    /// How many transactions the leader has that it has not.
    pub lag: Option<u64>,
    /// Sessions of the whole ensemble, as it knows them.
    pub sessions: Option<u64>,
    /// Connections to it.
    pub connections: Option<u64>,
    /// Of a leader: followers and observers connected.
    pub learners: Option<u64>,
    /// Of a leader: how many of them are in step.
    pub synced: Option<u64>,
    /// Of a leader: `sync` requests that wait.
    pub pending_syncs: Option<u64>,
    /// Milliseconds since it started to serve.
    pub uptime: Option<u64>,
    /// Which program it runs.
    pub version: Option<String>,
    /// Why there is not more.
    pub remark: Option<String>,
}

impl Row {
    /// Whether it serves clients.
    pub fn is_serving(&self) -> bool {
        !matches!(self.role.as_str(), "looking" | "down")
    }

    fn of(place: &Place, role: &str) -> Row {
        let id = place.id.map(|id| id.0);
        Row { id, address: place.client.as_ref().map(HostPort::to_string), role: role.to_owned(), ..Row::default() }
    }

    fn down(place: &Place, why: impl Into<String>) -> Row {
        Row { remark: Some(why.into()), ..Row::of(place, "down") }
    }
}

/// Asks all of them at once. Nobody is waited for longer than `patience`, whatever it does.
pub fn ask_all(places: &[Place], patience: Duration) -> Vec<Row> {
    let (answers, answered) = channel();
    for (index, place) in places.iter().cloned().enumerate() {
        let answers = answers.clone();
        // Whoever answers too late tells nobody.
        let asking = move || drop(answers.send((index, ask_one(&place, patience))));
        let _ = thread::Builder::new().name("status".into()).spawn(asking);
    }
    drop(answers);
    let late = || format!("no answer within {} s", patience.as_secs_f64());
    let mut rows: Vec<Row> = places.iter().map(|place| Row::down(place, late())).collect();
    let end = Instant::now() + patience;
    while let Ok((index, row)) = answered.recv_timeout(end.saturating_duration_since(Instant::now())) {
        rows[index] = row;
    }
    compare(&mut rows);
    rows
}

fn ask_one(place: &Place, patience: Duration) -> Row {
    let Some(client) = &place.client else {
        return Row::down(place, "its client port is not in this configuration; name it with --servers");
    };
    let answer = match ask(client, "srvr", patience) {
        Ok(answer) => answer,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            return Row::down(place, format!("no answer within {} s", patience.as_secs_f64()));
        }
        Err(error) => return Row::down(place, error.to_string()),
    };
    let Some(mut row) = of_srvr(place, &answer) else {
        return looking(place, &answer, patience);
    };
    let monitored = ask(client, "mntr", patience).map(|answer| of_mntr(&answer)).unwrap_or_default();
    let monitored = match &place.admin {
        Some(pages) if monitored.is_empty() => pages.monitor(place.id, patience),
        _ => monitored,
    };
    let number = |name: &str| monitored.get(name)?.parse::<u64>().ok();
    row.sessions = number("global_sessions");
    row.uptime = number("uptime");
    if row.role == "leader" {
        row.learners = number("learners");
        row.synced = number("synced_followers").map(|followers| followers + number("synced_observers").unwrap_or(0));
        row.pending_syncs = number("pending_syncs");
    }
    row
}

/// `srvr`'s answer; `None` from a server that does not serve.
fn of_srvr(place: &Place, answer: &str) -> Option<Row> {
    let line = |start: &str| answer.lines().find_map(|line| line.strip_prefix(start)).map(str::trim);
    let mut row = Row::of(place, line("Mode: ")?);
    let zxid = line("Zxid: 0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()).map(Zxid);
    row.epoch = zxid.map(|zxid| zxid.epoch().0);
    row.zxid = zxid.map(|zxid| format!("0x{:x}", zxid.0));
    row.connections = line("Connections: ").and_then(|number| number.parse().ok());
    row.version = line("Zookeeper version: ").map(short_version);
    Some(row)
}

fn looking(place: &Place, answer: &str, patience: Duration) -> Row {
    let phase = place.admin.as_ref().and_then(|pages| pages.phase(place.id, patience));
    let said = answer.lines().next().unwrap_or_default().trim().to_owned();
    let remark = phase.map_or(said, |phase| format!("in {phase}"));
    Row { remark: Some(remark).filter(|remark| !remark.is_empty()), ..Row::of(place, "looking") }
}

fn of_mntr(answer: &str) -> BTreeMap<String, String> {
    let pairs = answer.lines().filter_map(|line| line.strip_prefix("zk_")?.split_once('\t'));
    pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// Without the revision that Apache's builds carry, and without the date.
fn short_version(full: &str) -> String {
    let version = full.split(',').next().unwrap_or_default();
    match version.split_once('-') {
        Some((version, revision)) if revision.len() == 40 && !revision.contains('-') => version.to_owned(),
        _ => version.to_owned(),
    }
}

/// How far each one is behind the leader. One that serves has all of the epochs before its leader's.
fn compare(rows: &mut [Row]) {
    let number = |row: &Row| {
        let digits = row.zxid.as_deref()?.strip_prefix("0x")?;
        u64::from_str_radix(digits, 16).ok().map(Zxid)
    };
    let leaders = rows.iter().filter(|row| row.role == "leader").filter_map(number);
    let Some(leader) = leaders.max() else { return };
    for row in rows {
        let Some(zxid) = number(row) else { continue };
        let same = zxid.epoch() == leader.epoch();
        let counter = if same { zxid.counter() } else { 0 };
        // The servers are not asked at one moment: a follower may seem to be ahead.
        row.lag = (zxid.epoch() <= leader.epoch()).then(|| leader.counter().saturating_sub(counter).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(role: &str, zxid: u64) -> Row {
        Row { role: role.to_owned(), zxid: Some(format!("0x{zxid:x}")), ..Row::default() }
    }

    #[test]
    fn lag_is_counted_from_the_leader_of_the_newest_epoch() {
        let mut rows = [
            row("follower", 0x2_0000_0005),
            row("leader", 0x2_0000_0007),
            row("follower", 0x1_0000_0009),
            row("observer", 0x2_0000_0008),
            row("leader", 0x1_0000_0009),
            Row { role: "down".to_owned(), ..Row::default() },
        ];
        compare(&mut rows);
        assert_eq!(rows.map(|row| row.lag), [Some(2), Some(0), Some(7), Some(0), Some(7), None]);
        let mut rows = [row("follower", 5)];
        compare(&mut rows);
        assert_eq!(rows[0].lag, None);
    }

    #[test]
    fn versions_are_shown_without_revision_and_date() {
        let apache = "3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on 2022-02-25 08:49 UTC";
        assert_eq!(short_version(apache), "3.8.0");
        assert_eq!(short_version("3.9.5-zabkeeper-0.1.0, built on an unknown date"), "3.9.5-zabkeeper-0.1.0");
    }
}
