//! createSession, closeSession, and whether a session may ask for anything.

use super::{Preparation, Standing, parent_of};
use crate::tree::error::Code;
use crate::tree::operation::OpCode;
use crate::tree::txn::Record;

impl Preparation<'_> {
    /// Whether the session is open, and with the server that forwards the request (`SessionTracker.checkSession`).
    pub(super) fn check_session(&self) -> Result<(), Code> {
        match self.request.standing {
            Standing::Local => Ok(()),
            _ if !self.outlook.has_session(self.tree, self.request.session) => Err(Code::SessionExpired),
            Standing::Moved => Err(Code::SessionMoved),
            Standing::Here => Ok(()),
        }
    }

    pub(super) fn create_session(&mut self, timeout: i32) -> (OpCode, Record) {
        self.outlook.change_session(self.zxid, self.request.session, true);
        (OpCode::CreateSession, Record::CreateSession { timeout })
    }

    /// Nothing is checked: the leader expires a session without owning it, and nothing comes after this. Of two that
    /// are outstanding, the second finds nothing to delete.
    pub(super) fn close_session(&mut self) -> (OpCode, Record) {
        let paths = self.outlook.ephemerals(self.tree, self.request.session);
        for path in &paths {
            // None of the three can be missing: a parent is not deleted before its children.
            if let Ok(parent_path) = parent_of(path)
                && let (Ok(node), Ok(parent)) = (self.node(path), self.node(parent_path))
            {
                self.remove(path, &node, parent_path, &parent);
            }
        }
        self.outlook.change_session(self.zxid, self.request.session, false);
        let paths = paths.iter().map(|path| path.to_string()).collect();
        (OpCode::CloseSession, Record::CloseSession { paths: Some(paths) })
    }
}
