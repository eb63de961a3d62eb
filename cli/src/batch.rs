//! How many rows an import writes together: a file of more is taken in piece by piece.

use tandem_node::api::error_kind;

use crate::failure::Failure;

/// Rows, at most.
const ROWS: usize = 20_000;

/// Bytes of them, at most.
const BYTES: usize = 8 << 20;

/// Whether so many rows, of so many bytes, are as many as are written together.
pub fn is_full(rows: usize, bytes: usize) -> bool {
    rows >= ROWS || bytes >= BYTES
}

/// Rows that refer to each other and are written together for that, at most.
const CIRCLE: u64 = 100_000;

/// Whether so many rows, of so many bytes, can be written together where they must.
pub fn is_one(rows: u64, bytes: u64) -> bool {
    rows <= CIRCLE && bytes <= BYTES as u64
}

/// Why a piece was refused of rows that refer to each other and are more than are written together: what one
/// of them refers to may be in another piece.
pub fn circle_refused(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(error) if error.is(&error_kind::constraint_foreign_key) => {
            let error = error_kind::circle_too_large.error().with_all(error.params.clone());
            error.with("rows", CIRCLE).with("mib", BYTES >> 20).into()
        }
        other => other,
    }
}
