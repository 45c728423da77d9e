//! This server's place in its ensemble, as the configuration says it.

use crate::config::Quorum;
use crate::server::ServerError;
use std::sync::Arc;
use zab::{Ensemble, ServerId};

/// Who this server is, and who takes part.
#[derive(Clone, Debug)]
pub struct Place {
    /// This server.
    pub id: ServerId,
    /// All servers.
    pub ensemble: Arc<Ensemble>,
    /// Whether there are others to agree with.
    pub distributed: bool,
}

/// A standalone server's number, as in Java.
const STANDALONE: ServerId = ServerId(1);

impl Place {
    /// What the configuration says.
    ///
    /// # Errors
    /// Without `myid`, or with servers that make no ensemble.
    pub fn new(quorum: &Quorum) -> Result<Place, ServerError> {
        if !quorum.is_distributed() {
            let ensemble = Ensemble::majority([STANDALONE], []).map_err(|error| invalid(&error))?;
            return Ok(Place { id: STANDALONE, ensemble: Arc::new(ensemble), distributed: false });
        }
        let id = quorum.my_id.ok_or_else(|| ServerError::Ensemble("this server has no myid".into()))?;
        if !quorum.servers.contains_key(&id) {
            return Err(ServerError::Ensemble(format!("server {id} is not in the list of servers")));
        }
        let (voters, observers) = (quorum.voters(), quorum.observers());
        let ensemble = if quorum.groups.is_empty() {
            Ensemble::majority(voters, observers)
        } else {
            let place = |id: ServerId| (id, quorum.groups.get(&id).copied().unwrap_or_default(), weight(quorum, id));
            Ensemble::hierarchical(voters.map(place), observers)
        };
        Ok(Place { id, ensemble: Arc::new(ensemble.map_err(|error| invalid(&error))?), distributed: true })
    }

    /// The same with short epochs, as a test asks for with `zookeeper.testingonly.lastCounter`, on every server alike.
    /// (Java's `zookeeper.testingonly.initialZxid` lets a leader begin near the end of its first epoch.)
    ///
    /// # Errors
    /// When that is no number above 0.
    pub fn with_epochs_for_tests(mut self, last_counter: Option<&String>) -> Result<Place, ServerError> {
        if let Some(text) = last_counter {
            let last = text.parse().ok().filter(|last| *last > 0);
            let last = last.ok_or_else(|| ServerError::Ensemble(format!("testingonly.lastCounter={text}")))?;
            self.ensemble = Arc::new(Ensemble::clone(&self.ensemble).with_last_counter(last));
        }
        Ok(self)
    }
}

fn weight(quorum: &Quorum, id: ServerId) -> u32 {
    quorum.weights.get(&id).copied().unwrap_or(1)
}

fn invalid(error: &dyn std::fmt::Display) -> ServerError {
    ServerError::Ensemble(format!("the list of servers makes no ensemble: {error}"))
}
