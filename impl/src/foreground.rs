//! A server in the foreground: with its admin pages, its purging, and the signals that end it.

use crate::admin;
use crate::cli::{Exit, Failure};
use crate::config::{Config, HostPort};
use crate::disk::{DataDirectory, DiskError, OperatingSystem};
use crate::server::{Server, ServerError, ServerOptions};
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a server until SIGTERM, SIGINT, or until it cannot go on.
///
/// # Errors
/// Why it could not start or go on.
pub fn run(config: Config) -> Result<(), Failure> {
    let options = ServerOptions::from_config(&config)?;
    let server = Server::start(options)?;
    tracing::info!("clients may connect to {}", server.address());
    if let Some(pages) = &config.admin {
        let router = admin::router(server.source().clone(), &pages.command_url);
        open_pages(&server, &pages.listen, router)?;
    }
    if let Some(pages) = &config.metrics {
        open_pages(&server, &pages.listen, admin::metrics_router(server.source().clone()))?;
    }
    if let Some(interval) = config.storage.purge_interval {
        purge_regularly(&server, &config, interval);
    }
    server.handle().block_on(until_told_to_end(&server));
    tracing::info!("leaving");
    server.stop()?;
    Ok(())
}

fn open_pages(server: &Server, listen: &HostPort, router: Router) -> Result<(), Failure> {
    let failure = |error: std::io::Error| {
        let sentence = format!("the admin server cannot listen at {listen}: {error}");
        Failure { exit: Exit::AdminServer, sentence }
    };
    let addresses = listen.resolve().map_err(failure)?;
    let listener = server.handle().block_on(TcpListener::bind(&*addresses)).map_err(failure)?;
    server.handle().spawn(async move {
        if let Err(error) = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await {
            tracing::error!(%error, "the admin server has ended");
        }
    });
    Ok(())
}

/// `autopurge`: what newer snapshots make superfluous goes, now and then.
fn purge_regularly(server: &Server, config: &Config, interval: Duration) {
    let directory = DataDirectory::new(Arc::new(OperatingSystem), &config.data_dir, &config.data_log_dir);
    let keep = usize::try_from(config.storage.snap_retain_count).unwrap_or(usize::MAX);
    server.handle().spawn(async move {
        loop {
            let directory = directory.clone();
            let purged = tokio::task::spawn_blocking(move || directory.purge(keep)).await;
            match purged {
                Ok(Ok(files)) => tracing::info!("{} old files are purged", files.len()),
                Ok(Err(error)) => tracing::warn!(%error, "old files cannot be purged"),
                Err(error) => tracing::error!(%error, "purging has failed"),
            }
            tokio::time::sleep(interval).await;
        }
    });
}

async fn until_told_to_end(server: &Server) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return tracing::error!("signals cannot be received");
    };
    let mut look = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = look.tick() => if !server.is_running() { return },
        }
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Failure {
        let exit = match &error {
            ServerError::Disk(DiskError::Io { .. } | DiskError::Failed { .. }) => Exit::Storage,
            ServerError::Disk(_) | ServerError::Empty(_) | ServerError::InUse(_) => Exit::DataDirectory,
            ServerError::PeerPort { .. } => Exit::QuorumPort,
            _ => Exit::Unexpected,
        };
        Failure { exit, sentence: error.to_string() }
    }
}
