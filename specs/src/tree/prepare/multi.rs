//! multi: several changes, all or none (`PrepRequestProcessor.pRequestHelper`, case multi).

use super::{Preparation, Prepared};
use crate::tree::error::Code;
use crate::tree::operation::{Change, CreateMode, OpCode};
use crate::tree::txn::Record;
use std::borrow::Cow;

impl Preparation<'_> {
    /// Every change sees what those before it did. Rule AllOrNothing: where one fails, what they did is taken back, and
    /// those after it are not tried. The transaction is a multi then all the same: the records before the failure as
    /// they were prepared, the code of the failure, and RuntimeInconsistency for the rest. Applying it changes nothing
    /// and answers 0 for the first ones.
    ///
    /// # Errors
    ///
    /// MarshallingError where a change cannot stand in a multi: Java does not even read such a request.
    pub(super) fn multi(&mut self, changes: &[Change]) -> Prepared {
        let changes = changes.iter().map(as_in_multi).collect::<Result<Vec<Cow<'_, Change>>, Code>>()?;
        let (mut records, mut failed) = (Vec::with_capacity(changes.len()), false);
        for change in &changes {
            if failed {
                records.push((OpCode::Error, Record::error(Code::RuntimeInconsistency)));
                continue;
            }
            records.push(self.change(change).unwrap_or_else(|code| {
                failed = true;
                (OpCode::Error, Record::error(code))
            }));
        }
        if failed {
            self.outlook.roll_back(self.zxid);
        }
        Ok((OpCode::Multi, Record::Multi(records)))
    }
}

/// A change as Java reads it out of a multi (`MultiOperationRecord.deserialize`, `Op.create`): there the mode decides
/// what kind of create it is, and only then what came as its operation.
fn as_in_multi(change: &Change) -> Result<Cow<'_, Change>, Code> {
    match change {
        Change::Create { kind: asked, flags, .. } => {
            let kind = match (asked, CreateMode::from_number(*flags)) {
                (OpCode::CreateTtl, Some(mode)) if mode.is_ttl() => OpCode::CreateTtl,
                (_, Some(CreateMode::Container)) => OpCode::CreateContainer,
                // An unknown mode is BadArguments when its turn comes.
                (OpCode::CreateTtl, _) => OpCode::Create,
                (_, Some(mode)) if !mode.is_ttl() => *asked,
                _ => return Err(Code::MarshallingError),
            };
            let mut change = Cow::Borrowed(change);
            if kind != *asked
                && let Change::Create { kind: read, .. } = change.to_mut()
            {
                *read = kind;
            }
            Ok(change)
        }
        Change::Delete { .. } | Change::SetData { .. } | Change::Check { .. } => Ok(Cow::Borrowed(change)),
        _ => Err(Code::MarshallingError),
    }
}
