//! What a killed server's trace does not say, and its disk does.

use super::Fault;
use super::deliveries::prefix;
use super::run::{Judge, Server, differs};
use zab::properties::Established;
use zab::trace::{Difference, Elections, Event, Replay};
use zab::{Disk, Input, Message, ServerId};

impl Judge<'_> {
    /// What came from a server whose last lines are missing was broadcast there; and who is up to date follows a leader
    /// that has established its epoch.
    pub(super) fn hidden(&mut self, id: ServerId, event: &Event) {
        let Event::Stepped { input: Input::Receive(from, message), .. } = event else { return };
        match message {
            Message::Proposal(txn) | Message::Inform(txn) => {
                self.broadcast.entry(txn.zxid).or_insert_with(|| txn.clone());
            }
            Message::UpToDate => {
                let Some(Disk { accepted_epoch, history, .. }) = self.memory(id) else { return };
                let epoch = *accepted_epoch;
                let mut initial = prefix(&self.past.delivered, history.snapshot()).to_vec();
                initial.extend(history.log().iter().filter(|txn| txn.zxid.epoch() < epoch).cloned());
                if self.past.established.iter().all(|established| established.epoch != epoch) {
                    // With that step the leader delivered all of it.
                    if let Some(rest) = initial.strip_prefix(self.past.delivered.as_slice()) {
                        self.past.delivered.extend_from_slice(rest);
                    }
                    self.past.established.push(Established { epoch, leader: *from, initial });
                }
            }
            _ => {}
        }
    }

    fn memory(&self, id: ServerId) -> Option<&Disk> {
        self.servers.get(&id)?.replay.peer().map(|peer| &peer.memory)
    }

    /// A server that was cut, if it ran before, begins a new run on this disk.
    pub(super) fn begin_run(&mut self, id: ServerId, found: &Disk) -> Result<(), Fault> {
        let Some(server) = self.servers.get_mut(&id) else { return Err(differs(Difference::NotInEnsemble)) };
        if let Some(durable) = server.replay.disk() {
            if !goes_on(durable, found) {
                let (durable, recorded) = (Box::new(durable.clone()), Box::new(found.clone()));
                return Err(differs(Difference::Disk { durable, recorded }));
            }
            // Both the leader that broadcast it and this server may have been killed before it was written down.
            let unknown = found.history.after(durable.history.last()).iter();
            for txn in unknown.filter(|txn| self.causes.cut_leaders.contains_key(&txn.zxid.epoch())) {
                self.broadcast.entry(txn.zxid).or_insert_with(|| txn.clone());
            }
        }
        *server = Server::new(Replay::new(id, self.recording.ensemble.clone(), Elections::Held));
        Ok(())
    }
}

/// Whether a server whose disk held `durable` may recover on `found`: nothing is lost, though a snapshot may stand for
/// more or less of it, and more may have become durable than its killed recorder could write.
fn goes_on(durable: &Disk, found: &Disk) -> bool {
    let from = durable.history.snapshot().max(found.history.snapshot());
    let (old, new) = (durable.history.after(from), found.history.after(from));
    durable.accepted_epoch <= found.accepted_epoch
        && durable.current_epoch <= found.current_epoch
        && durable.history.last() <= found.history.last()
        && new.starts_with(old)
}
