//! `zabkeeper status`: one server as `zkServer.sh status` tells it, or every server of an ensemble in a table.

mod live;
mod pages;
mod row;

pub use pages::AdminPages;
pub use row::{Place, Row, ask_all};

use super::question::{ask, client_address, reachable};
use super::table::{cell, table};
use super::{Environment, Exit, Failure, locate};
use crate::cluster;
use crate::config::{Config, HostPort, Overrides};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zab::ServerId;

/// How long one server may take to answer as `zkServer.sh` asks it.
const PATIENCE_TO_ASK: Duration = Duration::from_secs(5);
/// How long the servers of a table may take, all together.
const PATIENCE_FOR_TABLE: Duration = Duration::from_secs(2);

/// Which servers are asked, and how it is shown.
#[derive(Args, Debug)]
pub(super) struct Status {
    /// The configuration of a server, or of several. Without one: zoo.cfg in --config or ZOOCFGDIR.
    #[arg(value_name = "zoo.cfg")]
    files: Vec<PathBuf>,
    /// Ask these servers, by their client ports, instead of those of a configuration.
    #[arg(long, value_name = "host:port,…", value_delimiter = ',', conflicts_with_all = ["files", "cluster"])]
    servers: Vec<String>,
    /// Ask the servers that `zabkeeper cluster --data DIR` runs.
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    cluster: Option<PathBuf>,
    /// Show it again every so many seconds, until q or Ctrl-C.
    #[arg(long, value_name = "seconds", num_args = 0..=1, default_missing_value = "1")]
    watch: Option<f64>,
    /// JSON instead of a table: one line each time.
    #[arg(long)]
    json: bool,
}

/// Does it. The exit code is that of the first server where `zkServer.sh` would ask one, else whether all serve.
pub(super) fn run(
    asked: &Status,
    config_dir: Option<&Path>,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<(), Failure> {
    if !asked.servers.is_empty() {
        let places = asked.servers.iter().map(|server| place(server)).collect::<Result<Vec<_>, _>>()?;
        return show(&places, asked);
    }
    if let Some(directory) = &asked.cluster {
        return show(&cluster::places(directory)?, asked);
    }
    let files: Vec<Option<PathBuf>> = match asked.files.as_slice() {
        [] => vec![locate(None, config_dir, environment)],
        files => files.iter().map(|file| locate(Some(file), config_dir, environment)).collect(),
    };
    let configs = files.iter().map(|file| configuration(file.as_deref(), overrides)).collect::<Result<Vec<_>, _>>()?;
    let of_many = configs.len() > 1;
    let config = &configs[0];
    if of_many || asked.json || asked.watch.is_some() {
        return show(&known_places(&configs), asked);
    }
    super::announce(config);
    let own = one(config);
    if !config.quorum.is_distributed() {
        return own;
    }
    println!();
    // Every server is in the table, whatever becomes of the one that was asked.
    let _ = show(&known_places(&configs), asked);
    own
}

fn configuration(file: Option<&Path>, overrides: &Overrides) -> Result<Config, Failure> {
    Ok(match file {
        Some(file) => Config::from_file(file, overrides)?,
        None => Config::embedded_default(overrides)?,
    })
}

/// As `zkServer.sh status`: the line `Mode: …` of `srvr`.
fn one(config: &Config) -> Result<(), Failure> {
    let address = client_address(config).ok_or_else(|| Failure::unexpected("clientPort is not set".to_owned()))?;
    let (port, host) = (address.port, address.host.as_deref().unwrap_or("localhost"));
    println!("Client port found: {port}. Client address: {host}. Client SSL: false.");
    let contact =
        |why: String| Failure::unexpected(format!("Error contacting service. It is probably not running. ({why})"));
    let answer = ask(&address, "srvr", PATIENCE_TO_ASK).map_err(|error| contact(error.to_string()))?;
    let mode = answer.lines().find(|line| line.starts_with("Mode: "));
    println!("{}", mode.ok_or_else(|| contact(answer.trim().to_owned()))?);
    Ok(())
}

// ---- Whom to ask --------------------------------------------------------------------------------------------------

fn place(server: &str) -> Result<Place, Failure> {
    let wrong = || Failure { exit: Exit::InvalidInvocation, sentence: format!("{server} is no host:port of a server") };
    let (host, port) = server.trim().rsplit_once(':').unwrap_or((server.trim(), "2181"));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().ok().filter(|_| !host.is_empty()).ok_or_else(wrong)?;
    Ok(Place { id: None, client: Some(HostPort::new(host, port)), admin: None })
}

/// The servers of these configurations. Each knows where its own clients connect; of the others it knows what the list
/// of servers says, and guesses that elsewhere the port is the same.
fn known_places(configs: &[Config]) -> Vec<Place> {
    let own: Vec<(Option<ServerId>, Place)> = configs.iter().map(|config| (config.quorum.my_id, own(config))).collect();
    let config = &configs[0];
    if !config.quorum.is_distributed() {
        return own.into_iter().map(|(_, place)| place).collect();
    }
    let listed = config.quorum.servers.keys().map(|id| {
        let own = own.iter().find(|(own, _)| *own == Some(*id)).map(|(_, place)| place.clone());
        own.unwrap_or_else(|| other(config, *id))
    });
    listed.collect()
}

fn own(config: &Config) -> Place {
    let id = config.quorum.my_id.filter(|_| config.quorum.is_distributed());
    Place { id, client: client_address(config), admin: AdminPages::new(config, None) }
}

fn other(config: &Config, id: ServerId) -> Place {
    let line = &config.quorum.servers[&id];
    let host_of = |id: &ServerId| config.quorum.servers.get(id)?.quorum.first()?.host.clone();
    let host = host_of(&id);
    let alone = config.quorum.servers.keys().filter(|other| host_of(other) == host).count() == 1;
    let listed = line.client.as_ref().map(|client| reachable(client, host.as_deref()));
    let guessed = config.client.as_ref().zip(host.as_deref()).filter(|_| alone);
    let client = listed.or(guessed.map(|(client, host)| HostPort::new(host, client.port)));
    Place { id: Some(id), client, admin: AdminPages::new(config, host.as_deref()) }
}

// ---- Showing ------------------------------------------------------------------------------------------------------

fn show(places: &[Place], asked: &Status) -> Result<(), Failure> {
    let look = || {
        let rows = ask_all(places, PATIENCE_FOR_TABLE);
        let text = if asked.json { json(&rows) } else { text(&rows) };
        (rows, text)
    };
    if let Some(seconds) = asked.watch {
        let pause = Duration::try_from_secs_f64(seconds.clamp(0.1, 86_400.0)).unwrap_or(Duration::from_secs(1));
        return live::watch(pause, !asked.json, || look().1);
    }
    let (rows, text) = look();
    print!("{text}");
    let silent = rows.iter().filter(|row| !row.is_serving()).count();
    match silent {
        0 => Ok(()),
        silent => Err(Failure::unexpected(format!("not serving: {silent} of {}", rows.len()))),
    }
}

fn json(rows: &[Row]) -> String {
    let servers = serde_json::json!({ "servers": rows });
    format!("{servers}\n")
}

/// The table, one line for each server.
pub(crate) fn text(rows: &[Row]) -> String {
    const HEADINGS: [&str; 12] =
        ["id", "address", "role", "epoch", "zxid", "lag", "sessions", "connections", "synced", "uptime", "version", ""];
    let cells = |row: &Row| {
        let synced = match (row.role.as_str(), row.synced.zip(row.learners)) {
            ("leader", Some((synced, learners))) => format!("{synced} of {learners}"),
            ("follower" | "observer", _) => "yes".to_owned(),
            ("looking", _) => "no".to_owned(),
            _ => "-".to_owned(),
        };
        vec![
            cell(row.id),
            cell(row.address.as_ref()),
            row.role.clone(),
            cell(row.epoch),
            cell(row.zxid.as_ref()),
            cell(row.lag),
            cell(row.sessions),
            cell(row.connections),
            synced,
            cell(row.uptime.map(duration)),
            cell(row.version.as_ref()),
            row.remark.clone().unwrap_or_default(),
        ]
    };
    table(&HEADINGS, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// Two units at most: `12 s`, `3 min 5 s`, `2 h 7 min`, `4 d 1 h`.
fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}
