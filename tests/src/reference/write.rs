//! One write of one row, as the transaction says it.

use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Mode;
use tandem_protocol::schema::ColumnId;
use tandem_protocol::value::Value;

use super::history::Entry;

/// See the module.
pub struct Write<'a> {
    pub entry: &'a Entry<'a>,
    pub time_ms: i64,
    /// Whether it inserted or updated the row.
    pub alive: bool,
    pub cells: Vec<(ColumnId, Mode, &'a Value)>,
}

impl Write<'_> {
    pub fn by(&self) -> WriteId {
        WriteId { time_ms: self.time_ms, ..self.entry.header.write_id() }
    }
}
