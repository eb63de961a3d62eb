//! Every bound of the protocol, with its reason, so that nothing that arrives can exhaust a site. What is
//! beyond one is refused where it is bytes (messages, blocks, transactions), and void or waiting where it
//! is an op that was signed already: its doc says which. A bound on local writes alone belongs to `store`.

/// Bytes of one encoded transaction. Larger writes are refused with "split it": a transaction is
/// held in memory whole while it is checked and merged.
pub const TRANSACTION_BYTES: usize = 16 << 20;

/// Rows of one transaction, and the bytes they take in memory: a thousand bytes can say a million
/// rows, and every site merges them at one go. Beyond either, a transaction does nothing, on any site.
pub const TRANSACTION_ROWS: usize = 1_000_000;
/// Bytes that the rows of one transaction take in memory.
pub const TRANSACTION_UNFOLDED_BYTES: usize = 256 << 20;

/// Uncompressed bytes of one block. Room for the largest transaction and its signature.
pub const BLOCK_RAW_BYTES: usize = TRANSACTION_BYTES + (64 << 10);

/// Uncompressed bytes at which a block is closed: large enough that compression finds the
/// repetition across transactions, small enough that a slow link acknowledges often.
pub const BLOCK_TARGET_BYTES: usize = 1 << 20;

/// Transactions of one block.
pub const BLOCK_TRANSACTIONS: usize = 16 << 10;

/// Bytes of one message on the sync stream: one block and its envelope.
pub const FRAME_BYTES: usize = BLOCK_RAW_BYTES + (64 << 10);

/// Authors of one space, hence entries of a version vector. Each PC is one author, and one more
/// each time its folder is copied or restored.
pub const AUTHORS: usize = 4096;

/// Branches of one author: each is a copy of its folder that wrote unnoticed. One that goes on and on
/// is signed on purpose; beyond this it counts for nothing.
pub const BRANCHES: usize = 64;
/// Branches of a space, hence of a version vector: it must fit into one message.
pub const ALL_BRANCHES: usize = 1024;

/// Tables of one schema, and columns of one table.
pub const TABLES: usize = 1024;
/// Columns of one table (SQLite's own default limit is 2000).
pub const COLUMNS: usize = 512;

/// Ops of one transaction among which schema ops count: each is looked at whenever the schema changes.
pub const SCHEMA_OPS: usize = 8192;

/// Rules of one kind (CHECK, UNIQUE) and indices of one table: each costs every write of it.
pub const RULES: usize = 64;
/// Columns of one UNIQUE rule or index.
pub const RULE_COLUMNS: usize = 32;

/// Parts of one CHECK or DEFAULT expression, and how deep they may be nested: it is evaluated on
/// every site for every row that changes.
pub const EXPRESSION_NODES: usize = 500;
/// How deep an expression may be nested.
pub const EXPRESSION_DEPTH: usize = 32;
/// Queries under a name: each is laid out anew whenever the schema changes.
pub const QUERIES: usize = 256;
/// Bytes of one of them.
pub const QUERY_BYTES: usize = 16 << 10;
/// Bytes of an expression in an op, literals included.
pub const EXPRESSION_BYTES: usize = 16 << 10;

/// MiB of a schema as it is typed, and tokens of all of it: what a parser keeps of a token is many
/// times its text.
pub const SCHEMA_MIB: usize = 4;
/// Tokens of a schema as it is typed.
pub const SCHEMA_TOKENS: usize = 200_000;
/// MiB of one statement as it is typed. What is longer are values, and values are parameters.
pub const STATEMENT_MIB: usize = 1;
/// Tokens of one statement as it is typed.
pub const STATEMENT_TOKENS: usize = 10_000;

/// Bytes of a name: table, column, site, space.
pub const NAME_BYTES: usize = 128;

/// Public keys that one site shows, and the bytes of one of them: both stand in its admission, in
/// every log for good.
pub const PUBLIC_KEYS: usize = 8;
/// Bytes of one public key: room for those that withstand quantum computers, as hashes of them.
pub const PUBLIC_KEY_BYTES: usize = 256;

/// Bytes of the labels `by` and `message` of a transaction.
pub const LABEL_BYTES: usize = 1024;

/// Bytes of one encoded primary key: keys are index entries on every site.
pub const KEY_BYTES: usize = 1024;

/// How far ahead of the local clock a received or remembered time may lie and still pull the
/// local one forward, in milliseconds. Beyond it, the other clock is wrong, and following it
/// would spread its error.
pub const CLOCK_LEAD_MS: i64 = 60_000;

/// Bytes of the content of one document (a RICHTEXT or JSON cell) as a site writes it: a hundred
/// pages of text. Every character is an op of its own to automerge; `cargo run --release -p
/// tandem-protocol --example document_cost` tells what a document this large costs. What is larger
/// is a file, and belongs in one.
pub const DOCUMENT_BYTES: usize = 256 << 10;

/// Bytes of one change of a document. A change that writes all of [`DOCUMENT_BYTES`] anew takes
/// not quite twice as many.
pub const DOCUMENT_CHANGE_BYTES: usize = 4 * DOCUMENT_BYTES;

/// Ops of one change of a document beyond one for each of its bytes. Run lengths let a hundred
/// bytes claim any number of ops, and what is honestly that short is a deletion; who deletes more
/// characters at once than this replaces the whole text.
pub const DOCUMENT_CHANGE_OPS: usize = 32 << 10;

/// Ops that one author's changes can bring a document to: decades of typing. A document that is
/// full takes no more edits; writing the cell makes a new one.
pub const DOCUMENT_OPS: u64 = 8 << 20;

/// How deep JSON may be nested: readers of it recurse.
pub const JSON_DEPTH: usize = 100;

// What the reasons above say of two bounds at once.
const _: () = assert!(BLOCK_TARGET_BYTES < BLOCK_RAW_BYTES, "a block is closed before it is too large");
const _: () = assert!(BLOCK_RAW_BYTES < FRAME_BYTES, "a block and its envelope fit one message");
const _: () = assert!(FRAME_BYTES < 1 << 28, "the length of a message takes at most four bytes");
const _: () =
    assert!(DOCUMENT_CHANGE_BYTES < TRANSACTION_BYTES, "every change of a document fits a transaction");
const _: () = assert!(2 * DOCUMENT_BYTES <= DOCUMENT_CHANGE_BYTES, "a whole document can be written anew");
const _: () = assert!(RULE_COLUMNS <= COLUMNS, "no rule has more columns than a table");
const _: () = assert!(STATEMENT_TOKENS <= SCHEMA_TOKENS, "a schema of one statement is read like any");
const _: () = assert!(STATEMENT_MIB <= SCHEMA_MIB, "a schema of one statement is read like any");
const _: () = assert!(EXPRESSION_DEPTH <= EXPRESSION_NODES, "what is deep has as many parts");
const _: () = assert!(ALL_BRANCHES >= BRANCHES, "one author's branches are among a space's");

#[cfg(test)]
mod tests {
    use super::*;

    /// A number as people write it: 1,000.
    fn written(number: usize) -> String {
        match number {
            0..1000 => number.to_string(),
            _ => format!("{},{:03}", written(number / 1000), number % 1000),
        }
    }

    /// What is written for people who read no code.
    #[test]
    fn documents_say_the_bounds_as_they_are() {
        let schema = include_str!("../../docs/schema.md");
        let sql = include_str!("../../docs/sql.md");
        let formats = include_str!("../../docs/formats.md");
        let merge = include_str!("../../docs/merge.md");
        let kib = |bytes: usize| format!("{} KiB", bytes >> 10);
        let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
        for (document, sentence) in [
            (
                schema,
                format!(
                    "At most {} tables; in each {COLUMNS} columns, {RULES} `UNIQUE`s, {RULES} `CHECK`s, \
                     {RULES} references and {RULES} indices",
                    written(TABLES)
                ),
            ),
            (schema, format!("At most {QUERIES} views")),
            (schema, format!("a query under a name, of at most {}", kib(QUERY_BYTES))),
            (
                schema,
                format!("An expression has at most {EXPRESSION_NODES} parts, nested {EXPRESSION_DEPTH} deep"),
            ),
            (schema, format!("Names have up to {NAME_BYTES} bytes")),
            (schema, format!("a longer text, at most {}", kib(DOCUMENT_BYTES))),
            (schema, format!("any JSON of at most {}", kib(DOCUMENT_BYTES))),
            (schema, format!("nested {JSON_DEPTH} deep")),
            (merge, format!("A text or JSON value has at most {}", kib(DOCUMENT_BYTES))),
            (merge, format!("may be nested {JSON_DEPTH} deep")),
            (sql, format!("A transaction has at most {} as encoded", mib(TRANSACTION_BYTES))),
            (sql, format!("{STATEMENT_MIB} MiB and {} words in one statement", written(STATEMENT_TOKENS))),
            (
                sql,
                format!(
                    "{} rows that one transaction changes, and {} of them",
                    written(TRANSACTION_ROWS),
                    mib(TRANSACTION_UNFOLDED_BYTES)
                ),
            ),
            (
                formats,
                format!(
                    "most {} trunks; at most {BRANCHES} branches of an author and {} in all",
                    written(AUTHORS),
                    written(ALL_BRANCHES)
                ),
            ),
            (formats, format!("at most {PUBLIC_KEYS} of {PUBLIC_KEY_BYTES} bytes each")),
            (formats, format!("at most {} (`protocol/src/document/`)", mib(DOCUMENT_CHANGE_BYTES))),
        ] {
            let said = document.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(&sentence), "no document says: {sentence}");
        }
    }
}
