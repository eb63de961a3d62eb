//! What the writer keeps in memory of the view: small, and put back when a group or job vanishes.

use std::sync::Arc;

use rusqlite::Connection;
use tandem_protocol::identity::Author;
use tandem_protocol::membership::Membership;
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, OpPlace, OpPlaces, Schema};
use tandem_protocol::version::Dot;

use super::conflicts::ConflictList;
use super::figures::Figures;
use super::numbers::Numbers;
use super::position::Position;
use super::state::state;
use super::table::ViewTable;
use super::tables::Tables;
use super::unique::UniqueRules;
use super::{ViewError, ViewResult};

/// The fold of the log up to a position, except for the rows; each part with an owner.
#[derive(Clone, Default)]
pub(crate) struct FoldState {
    pub position: Position,
    pub membership: Arc<Membership>,
    pub tables: Tables,
    pub unique: UniqueRules,
    pub figures: Figures,
    pub conflicts: ConflictList,
    pub numbers: Numbers,
}

impl FoldState {
    /// Reads back what was written down. `greatest` is told the greatest generated id of each table.
    pub(super) fn load(
        connection: &Connection,
        judge: Judge,
        greatest: impl FnMut(&ViewTable, i64),
    ) -> ViewResult<Self> {
        let position = Position::load(connection)?;
        let (schema, places, membership) = load_system(connection, judge)?;
        let (mut tables, figures) = Tables::load(connection, schema, places, &position, greatest)?;
        tables.needs_rebuild |= state(connection, "needs_rebuild")?.is_some_and(|needed| needed != 0);
        let (unique, conflicts) = (UniqueRules::load(connection)?, ConflictList::load(connection)?);
        let (membership, numbers) = (Arc::new(membership), Numbers::load(connection)?);
        Ok(Self { position, membership, tables, unique, figures, conflicts, numbers })
    }

    /// The number that this site's generated ids carry, once it is a member.
    pub(super) fn ordinal(&self, me: &Author) -> Option<u16> {
        self.membership.member(me).map(|member| member.ordinal)
    }
}

/// What the ops of schema and membership come to.
fn load_system(connection: &Connection, judge: Judge) -> ViewResult<(Schema, OpPlaces, Membership)> {
    let sql = "SELECT author, seq, time, depth, place, op FROM _tandem_system ORDER BY arrival, place";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let (mut schema, mut places) = (Schema::new(judge), OpPlaces::default());
    let mut membership = Membership::default();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(1)?;
        let by = WriteId::new(row.get(2)?, Dot::new(Author(row.get(0)?), seq as u64));
        match Op::from_bytes(&row.get::<_, Vec<u8>>(5)?) {
            Ok(Op::Schema(op)) => {
                let at = OpPlace { depth: row.get(3)?, by, place: row.get(4)? };
                places.note(at);
                schema.add(at, &op);
            }
            Ok(Op::Member(op)) => {
                let _void = membership.apply(by, &op);
            }
            _ => return Err(ViewError::Inconsistent("a system op that cannot be read")),
        }
    }
    Ok((schema, places, membership))
}
