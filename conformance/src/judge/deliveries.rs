//! What state machines are given, looked at where it grows: every server is given the same, so one sequence is enough.

use super::Fault;
use super::run::{Judge, Server};
use zab::{Input, Output, Request, ServerId, Txn, Write, Zxid};

impl Judge<'_> {
    /// A sync promises what had been delivered anywhere when it was asked. It is forgotten with the server's role.
    pub(super) fn asked(&mut self, id: ServerId, input: &Input) {
        let last = self.past.delivered.last().map_or(self.base, |txn| txn.zxid);
        let Some(server) = self.servers.get_mut(&id) else { return };
        if !server.replay.peer().is_some_and(zab::Peer::is_serving) {
            server.syncs.clear();
        } else if let Input::Request(Request::Sync(_)) = input {
            server.syncs.push_back(last);
        }
    }

    /// The last epoch was established, with this initial history: what was delivered of earlier ones is in it.
    pub(super) fn establish(&mut self, initial: &[Txn]) -> Result<(), Fault> {
        let Some(established) = self.past.established.last_mut() else { return Ok(()) };
        established.initial = initial.to_vec();
        let epoch = established.epoch;
        let rest = self.past.delivered.get(initial.len()..).unwrap_or_default();
        if rest.iter().any(|txn| txn.zxid.epoch() < epoch) {
            return Err(Fault::Property("PrimaryIntegrity"));
        }
        Ok(())
    }

    /// What came of an input that the server took when so many epochs had been established.
    pub(super) fn output(&mut self, id: ServerId, before: usize, proposes: bool, output: &Output) -> Result<(), Fault> {
        match output {
            Output::Write(Write::Append(txn)) if proposes => drop(self.broadcast.insert(txn.zxid, txn.clone())),
            Output::Deliver(txn) => self.deliver(id, before, txn)?,
            Output::Install(zxid) => self.upto(id, *zxid),
            Output::Synced => self.synced(id)?,
            _ => {}
        }
        Ok(())
    }

    fn upto(&mut self, id: ServerId, zxid: Zxid) {
        self.servers.entry(id).and_modify(|server| server.upto = zxid);
    }

    fn synced(&mut self, id: ServerId) -> Result<(), Fault> {
        let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
        let promised = server.syncs.pop_front();
        if promised.is_some_and(|promised| server.upto < promised) {
            return Err(Fault::Property("SyncIsLinearizable"));
        }
        Ok(())
    }

    fn deliver(&mut self, id: ServerId, before: usize, txn: &Txn) -> Result<(), Fault> {
        let upto = self.servers[&id].upto;
        self.upto(id, txn.zxid);
        if txn.zxid <= self.base {
            return Ok(());
        }
        let next = self.past.delivered.partition_point(|other| other.zxid <= upto);
        if let Some(expected) = self.past.delivered.get(next) {
            return if expected == txn { Ok(()) } else { Err(Fault::Property("PrefixConsistency")) };
        }
        let last = self.past.delivered.last().map_or(self.base, |last| last.zxid);
        if last > txn.zxid {
            return Err(Fault::Property("GlobalPrimaryOrder"));
        }
        // An epoch that this very step establishes delivers what it begins with: nobody may have, before.
        if self.past.established.iter().take(before).any(|established| established.epoch > txn.zxid.epoch()) {
            return Err(Fault::Property("SkippedIsGone"));
        }
        if self.broadcast.get(&txn.zxid) != Some(txn) {
            return Err(Fault::Property("Integrity"));
        }
        let before = self.broadcast.range(..txn.zxid).next_back().map(|(zxid, _)| *zxid);
        if before.is_some_and(|before| before.epoch() == txn.zxid.epoch() && before > last) {
            return Err(Fault::Property("LocalPrimaryOrder"));
        }
        let holds = |server: &Server| {
            let history = server.replay.disk().map(|disk| &disk.history);
            server.ended
                || history.is_some_and(|history| history.snapshot() >= txn.zxid || history.can_end_at(txn.zxid))
        };
        let holders = self.servers.iter().filter(|(_, server)| holds(server)).map(|(id, _)| *id);
        if !self.recording.ensemble.is_quorum(holders) {
            return Err(Fault::Property("CommittedLogDurability"));
        }
        self.past.delivered.push(txn.clone());
        Ok(())
    }
}

/// What a server was given that has come so far.
pub(super) fn prefix(delivered: &[Txn], upto: Zxid) -> &[Txn] {
    &delivered[..delivered.partition_point(|txn| txn.zxid <= upto)]
}
