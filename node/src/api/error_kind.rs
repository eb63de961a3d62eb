//! Every way a request can be refused: a stable code, the HTTP status, and what to say.
//!
//! Messages say what happened and what was not lost; hints say what to do next. `%{name}` stands
//! for a parameter of the error. Codes never change their meaning.

use super::error::ApiError;

/// One way to be refused.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorKind {
    /// Stable name, for programs.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What happened and what was not lost.
    pub message: &'static str,
    /// What to do next.
    pub hints: &'static [&'static str],
}

impl ErrorKind {
    /// The error without parameters.
    pub fn error(&'static self) -> ApiError {
        ApiError::new(self, &[])
    }

    /// The error with one parameter.
    pub fn with(&'static self, name: &str, value: impl ToString) -> ApiError {
        ApiError::new(self, &[(name, value.to_string())])
    }

    /// The kind of that code, if this program knows it.
    pub fn of_code(code: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|kind| kind.code == code)
    }
}

macro_rules! kinds {
    ($($name:ident $status:literal $message:literal $([$($hint:literal),+])?)*) => {
        $(
            #[doc = $message]
            pub static $name: ErrorKind = ErrorKind {
                code: stringify!($name),
                status: $status,
                message: $message,
                hints: &[$($($hint),+)?],
            };
        )*
        /// All kinds, in the order of this file.
        pub static ALL: &[&ErrorKind] = &[$(&$name),*];
    };
}

// Constants are named exactly as their codes: what one searches for is what one finds.
#[allow(non_upper_case_globals)]
mod list {
    use super::ErrorKind;

    kinds! {
        // The request itself.
        unauthorized 401 "The request carries no valid token."
            ["Send the header `Authorization: Bearer TOKEN`; the token is in the file http.token of the data folder."]
        host_refused 403 "The request is addressed to %{host}, which is not this node."
            ["Use the address that `tandem status` prints, as it is printed."]
        route_unknown 404 "There is nothing at this address."
            ["/openapi.json lists every route."]
        method_refused 405 "This address does not accept that method."
            ["/openapi.json lists every route."]
        request_malformed 400 "The request cannot be understood: %{detail}. Nothing was changed."
            ["/openapi.json describes what each route accepts."]
        request_stalled 408 "The rest of the request did not come within %{seconds} s. Nothing was changed."
            ["Send it again."]
        connections_full 503 "This site answers as many requests at once as it can: %{most} connections in all, %{each} from one other PC. Nothing was changed."
            ["Try again in a moment; close connections that are not used."]
        streams_full 503 "As many event streams are open here as can be: %{most}."
            ["Close one that is not used."]
        body_too_large 413 "The request is larger than %{limit}. Nothing was changed."
            ["Split it into several transactions."]

        // Spaces and sites.
        space_missing 404 "This site holds no space yet."
            ["`tandem init` makes a new one.", "`tandem join TOKEN` joins that of another site.",
             "`tandem join --request FILE` begins the same by files alone, where no network goes."]
        space_unopened 503 "The space %{space} cannot be opened: %{reason}. Nothing of it was changed, and the other spaces can be used."
            ["Put right what is named, and start tandem again."]
        view_unavailable 503 "The tables of this space cannot be shown: %{detail}. Nothing of its log was lost."
            ["Put right what is named, and start tandem again; `tandem log`, `tandem log verify` and `tandem bundle export` work meanwhile."]
        space_unknown 404 "There is no space named %{space} on this site."
            ["`tandem status` lists the spaces."]
        space_unclear 400 "This site holds several spaces: %{spaces}."
            ["Say which one with `--space NAME`."]
        space_exists 409 "This site already holds a space named %{space}. It was not touched."
            ["Choose another name with `--space NAME`, or go on with the one there."]
        name_refused 400 "The name %{name} cannot be used: %{detail}."
            ["A name has up to 128 bytes, all of them visible characters, and none of / \\ : * ? \" < > |."]
        site_name_taken 409 "Another site of the space is called so already; capital and small letters make no difference. Nothing was changed."
            ["Choose another name; `tandem sites` lists those taken."]
        site_unclear 400 "Several sites are called %{site}: %{sites}. Nothing was changed."
            ["Name the one meant by the id between brackets, and give each a name of its own: `tandem sites rename ID NAME`."]
        site_unknown 404 "No site of this space is called %{site}."
            ["`tandem sites` lists them."]

        // Reading and writing.
        sql_error 400 "The SQL cannot be run: %{detail}. Nothing was changed."
        sql_too_long 413 "A statement is longer than can be read: %{detail}. Nothing was changed."
            ["Give values as parameters, and many rows as many lists of parameters (`params_list`) or several statements."]
        deadline 504 "The statement ran longer than the %{seconds} s it had, and was ended. Nothing was changed."
            ["Ask for less at once, or give it more time: `--deadline SECONDS`; for all statements, read-deadline and write-deadline in tandem.toml."]
        statement_left 503 "Whoever asked has left, and the statement was ended. Nothing was changed."
            ["Do it again."]
        statement_memory 422 "The statement needs more than %{most} MiB of memory, and was ended. Nothing was changed."
            ["Ask for fewer rows or columns at once, or for an order that an index has."]
        answer_too_large 422 "The answer is larger than %{most} MiB. Nothing was changed."
            ["Ask for fewer rows at once (`LIMIT`), or take it line by line: `tandem sql --csv`; over HTTP, `Accept: application/x-ndjson`."]
        overtaken 409 "Others kept changing the rows that the statement changes, for as long as it ran. Nothing was changed."
            ["Do it again when less is written, or change fewer rows at once."]
        not_a_query 400 "This writes, and a query only reads: %{detail}."
            ["Send it as a transaction."]
        sql_not_allowed 400 "SQL here reads and writes rows, and nothing else: %{detail}. Nothing was changed."
            ["Tables are changed with `tandem schema apply FILE`; PRAGMA, ATTACH, BEGIN, COMMIT and tables named _tandem_… are not for statements."]
        transaction_control 400 "A statement ended the transaction it runs in: %{detail}. Nothing was changed."
            ["Leave out BEGIN, COMMIT, ROLLBACK and OR ROLLBACK."]
        multiple_statements 400 "There is more than one statement in one text: %{detail}. Nothing was changed."
            ["Give each statement on its own."]
        parameter_count 400 "The statement has another number of parameters: %{detail}. Nothing was changed."
        type_mismatch 400 "A value does not fit its column: %{detail}. Nothing was changed."
        invalid_utf8 400 "A text is not valid UTF-8: %{detail}. Nothing was changed."
            ["Bytes belong into a BLOB column."]
        rowid 400 "The rowid is not for use: it is a number of this site's own, not of the row: %{detail}. Nothing was changed."
            ["Name the column of the primary key instead."]
        constraint_primary_key 409 "A row with this key is there already: %{detail}. Nothing was changed."
        constraint_unique 409 "A value that must be unique is there already: %{detail}. Nothing was changed."
        constraint_foreign_key 409 "%{column} of the row %{row} of %{table} refers to a row that is not there: %{target} has none whose %{key} is %{value}. Nothing was changed."
            ["A reference is judged when the transaction ends: insert both rows in one transaction, in any order."]
        constraint_referenced 409 "The row %{row} of %{table} cannot go, because others refer to it: rows of %{child}, by %{column}: %{count}. Nothing was changed."
            ["Change or delete those first, or in the same transaction."]
        constraint_not_null 409 "A value that must be given is missing: %{detail}. Nothing was changed."
        constraint_check 409 "A rule of the table forbids it: %{detail}. Nothing was changed."
        key_changed 409 "The primary key of a row cannot be changed: %{detail}. Nothing was changed."
            ["The key names the row on every site; delete the row and insert it anew."]
        key_too_long 400 "A primary key is too long: %{detail}. Nothing was changed."
        label_too_long 400 "A label is too long: %{detail}. Nothing was changed."
        transaction_too_large 413 "The transaction is too large: %{detail}. Nothing was changed."
            ["Split it into several transactions."]
        document_too_large 413 "A text or JSON document is too large: %{detail}. Nothing was changed."
            ["Split it over several rows, or keep it as TEXT, which is not merged inside."]
        invalid_json 400 "A value for a JSON column is not JSON: %{detail}. Nothing was changed."
            ["Texts in JSON have double quotes; TEXT columns take anything."]
        exactly_not_counter 400 "exactly() is for COUNTER columns only: %{detail}. Nothing was changed."
            ["Write the value itself to any other column."]
        unknown_basis 409 "The basis names what is not here: %{detail}. Nothing was changed."
            ["Use the `version` that a query on this site returned."]
        basis_too_old 409 "What %{columns} of the row %{row} of %{table} was when its writer looked cannot be told any more: too much has been written to the row since it was new. Nothing was changed."
            ["Say the difference, as in `c = c - 3`; or, after counting, `c = exactly(37)`."]
        basis_refused 400 "The basis is not a version token. Nothing was changed."
            ["Use the `version` that a query returned."]
        idempotency_key_reused 422 "Another request was made with this idempotency key. Nothing was changed."
            ["Give each request a key of its own; only a retry of the very same request has the same key."]
        read_only_member 403 "This site may read this space, not write to it. Nothing was changed."
            ["Ask an admin of the space for the role member."]
        not_synced_yet 409 "This site has joined, but has not received the space yet. Nothing was changed."
            ["Connect it to another site of the space, or import a bundle."]
        membership 403 "The membership does not allow it: %{detail}. Nothing was changed."
            ["`tandem sites` shows who is an admin."]
        schema_syntax 400 "The schema cannot be read: %{detail}. Nothing was changed."
        schema_unknown_type 400 "The schema has a column of unknown type: %{detail}. Nothing was changed."
            ["Types are INTEGER, REAL, TEXT, BLOB, BOOLEAN, UUID, DATE, TIME, TIMESTAMP, DECIMAL(p,s), COUNTER, RICHTEXT, JSON, STAMP and QUIET."]
        schema_no_primary_key 400 "Every table needs a primary key: %{detail}. Nothing was changed."
        schema_not_additive 400 "A schema can only grow: %{detail}. Nothing was changed."
            ["Tables, columns and indices can be added."]
        schema_not_supported 400 "The schema asks for what tables kept on several sites cannot have: %{detail}. Nothing was changed."
        key_incomplete 400 "That is no key of %{table}: it has %{count} columns, %{columns}."
            ["Give all of them: %{example}."]
        transaction_unknown 404 "There is no transaction %{dot} here."
            ["`tandem log` lists those this site holds; it may not have arrived yet."]
        table_unknown 404 "There is no table named %{table}."
            ["`tandem schema show` lists the tables."]

        // Conflicts.
        conflict_unknown 404 "There is no such open conflict. It was settled already, here or on another site, or it never was. Nothing was changed, and nothing is lost."
            ["`tandem conflicts` lists those that are open."]
        conflict_unclear 400 "Several open conflicts have ids that begin with %{id}."
            ["Give more of the id; `tandem conflicts` lists them."]
        conflict_changed 409 "The conflict has changed since it was looked at. Nothing was changed, and nothing is lost."
            ["Look at it again with `tandem conflicts show ID`, and decide anew."]
        conflict_choice 400 "That cannot be chosen: %{detail}. Nothing was changed."
            ["`tandem conflicts show ID` tells what can be chosen, and how."]

        // Invitations.
        network_off 503 "This needs the network, and no node is running here."
            ["Start it with `tandem start`."]
        invitation_refused 403 "The invitation was not accepted: %{detail}. Nothing was changed."
            ["Ask for a new one: `tandem invite` on a site of the space."]
        invitation_malformed 400 "This is not an invitation: %{detail}."
            ["Copy the whole token that `tandem invite` printed."]
        join_request_malformed 400 "This is not a request to join: %{detail}. Nothing was changed."
            ["Write it again on the PC that is to join: `tandem join --request FILE`."]
        join_request_refused 409 "The request to join was not accepted: %{detail}. Nothing was changed."
            ["Write it again on the PC that is to join: `tandem join --request FILE --name SITE`."]
        two_spaces 409 "This PC holds the space %{own} already; a site cannot merge it into another. Nothing was changed, and nothing is lost."
            ["If %{own} is the one to join, there is nothing to do: this PC is in it already; `tandem sites` shows with whom.",
             "To leave %{own} as it is and join from a fresh site: `tandem --data NEWFOLDER join TOKEN`.",
             "To bring its rows along, read them with `tandem --space %{own} sql --csv` and write them on the new site."]
        already_member 409 "This PC is a site of %{space} already, together with %{site}, which gave the invitation. Nothing was changed, and the invitation is still good for another PC."
            ["There is nothing to do: `tandem start` keeps this PC up to date; `tandem sites` shows who is in the space."]
        inviter_unreachable 504 "The site that issued the invitation was not found within %{seconds} s. The invitation is still good."
            ["Check that `tandem start` runs there and that both PCs are on one network.",
             "Or name its address: `tandem join TOKEN --peer ADDRESS`."]
        address_refused 400 "This is not an address: %{address}."
            ["Addresses look like /ip4/192.168.1.20/tcp/7118."]
        network_failed 500 "The network could not be started: %{detail}."
            ["Check the addresses given with --listen, and that no other program uses the port."]

        // Bundles.
        bundle_unreadable 400 "The bundle cannot be read: %{detail}."
            ["Copy the file again, or export it again."]
        bundle_early 409 "The bundle continues what has not arrived here yet: missing are transactions %{detail}. Nothing was changed."
            ["Import the earlier bundle first, or export one with everything: `tandem bundle export FILE`."]
        bundle_foreign 409 "The bundle belongs to another space: %{space}, id %{id}. This PC holds %{own}. Nothing was changed."
            ["Spaces of one name are told apart by their ids: `tandem status` shows those here, `tandem bundle inspect FILE` that of a file."]
        bundle_not_admitting 403 "The bundle does not admit this site to the space %{space}. Nothing was changed."
            ["Write a request here: `tandem join --request FILE`.",
             "On the PC of an admin: `tandem invite --admit FILE`. Then import here the bundle that this writes."]
        demo_folder_taken 409 "The demo needs a folder of its own, and there is something in %{path}. Nothing was changed."
            ["Name one that is new or empty: `tandem demo --data NEWFOLDER`; or none: it then makes one that goes with it."]
        file_failed 400 "%{path}: %{detail}."
        csv_refused 400 "%{path}, line %{line}: %{detail}. Nothing was changed."
            ["Put it right in the file, and do it again."]
        file_no_room 507 "There is no room for %{path} where it was to be written. What was there under that name before is still there; this PC's own data is not affected."
            ["Make room on that stick or disk, or choose another place; then do it again."]
        file_kept 409 "%{path} is there already, and is nothing that this command writes. It was left as it is."
            ["Choose another name."]
        file_busy 409 "Another command writes %{path} at this moment. Nothing was changed."
            ["Wait until it has ended."]

        // The data folder.
        folder_locked 423 "The data folder is in use by %{holder}."
            ["Stop that program first; only one at a time can use a folder."]
        folder_unusable 500 "The data folder cannot be used: %{detail}. Nothing was changed."
            ["Check that the folder is on this PC's own disk and that you may write to it."]
        folder_not_yours 403 "The data folder %{folder} belongs to another account of this PC, and is closed to yours. Nothing was changed."
            ["Use the account that runs tandem here, or name a folder of your own with `--data FOLDER`."]
        folder_read_only 403 "Nothing can be written where the data folder lies: the medium is read-only, or you have no right to it. Nothing was changed; everything in it can be read."
            ["Read it here: `tandem sql \"SELECT …\"`, `tandem log`, `tandem bundle export FILE`.",
             "To go on working with it, put it where you may write, and let no other copy of it run: two copies of one folder contradict each other."]
        site_key_missing 500 "The data folder is damaged: %{path}, the key of this site, is missing. Nothing was changed. What other sites have received is not lost, and the log in the folder is untouched."
            ["Put the file back, from a backup or from the quarantine of a virus scanner: then all is as before.",
             "Else join anew: rename the folder %{folder}, ask for an invitation (`tandem invite` on another PC), and `tandem join` here. Keep the renamed folder: what was not exchanged yet is only there; its tables are in the files spaces/…/view.sqlite, which any program for SQLite reads."]
        site_key_unreadable 500 "The data folder is damaged: %{path} does not hold the key of this site any more. Nothing was changed. What other sites have received is not lost, and the log in the folder is untouched."
            ["Put an intact copy of the file back, from a backup: then all is as before.",
             "Else join anew: rename the folder %{folder}, ask for an invitation (`tandem invite` on another PC), and `tandem join` here. Keep the renamed folder: what was not exchanged yet is only there; its tables are in the files spaces/…/view.sqlite, which any program for SQLite reads."]
        log_missing 500 "The data folder is damaged: %{path}, the log, is missing or empty. Nothing was changed. What other sites have received is not lost."
            ["Put the file back, from the quarantine of a virus scanner or from where a program moved it: then all is as before. Do not put back an old backup: what was written since would contradict it.",
             "Else join anew: rename the folder %{folder}, ask for an invitation (`tandem invite` on another PC), and `tandem join` here: every row that another site has comes back.",
             "What was not exchanged yet is only in the renamed folder: its tables are in the files spaces/…/view.sqlite, which any program for SQLite reads."]
        log_emptied 500 "The data folder is damaged: %{path}, the log, has lost everything of a space that was shown already. Nothing was changed. What other sites have received is not lost."
            ["Put the file back that was there before: then all is as before. Do not put back an old backup: what was written since would contradict it.",
             "Else join anew: rename the folder %{folder}, ask for an invitation (`tandem invite` on another PC), and `tandem join` here: every row that another site has comes back.",
             "What was not exchanged yet is only in the renamed folder: its tables are in the files spaces/…/view.sqlite, which any program for SQLite reads."]
        log_unreadable 500 "The data folder is damaged: the log cannot be read: %{detail}. Nothing was changed. What other sites have received is not lost."
            ["Look whether the disk is sound, and put an intact copy of the file log/db back if there is one that is not older.",
             "Else join anew: rename the data folder, ask for an invitation (`tandem invite` on another PC), and `tandem join` here: every row that another site has comes back.",
             "What was not exchanged yet is only in the renamed folder: its tables are in the files spaces/…/view.sqlite, which any program for SQLite reads."]
        file_held 423 "Another program keeps the file %{path} to itself. Nothing was changed, and nothing is lost."
            ["Close programs that copy, search or check files, then do it again."]
        clock_impossible 500 "The clock of this PC says that it is before 1970. Nothing was changed, and nothing is lost."
            ["Set date and time, then do it again."]
        format_newer 422 "This was written by a newer tandem: %{detail}. Nothing was changed."
            ["Install the newer version on this PC."]
        log_damaged 500 "The log is damaged: %{detail}. What is intact is kept."
            ["`tandem log verify` tells what is affected; other sites and bundles fill it in again."]
        disk_full 507 "The disk is full. Everything acknowledged before is safe; this may not have been recorded."
            ["Make room, then look whether it is there before you do it again."]
        writes_stopped 503 "Writing has stopped: %{detail}. Everything acknowledged before is safe."
            ["Restart the node: `tandem start`. It checks the log when it opens it."]
        port_taken 500 "The address %{address} is used by another program."
            ["Choose another with `--http ADDRESS`, or `--http 127.0.0.1:0` for any free port."]
        stopping 503 "The node is stopping."
            ["Do it again when it runs."]
        node_unreachable 503 "The node of this data folder does not answer: %{detail}."
            ["See whether it still runs, and start it again with `tandem start`."]
        node_silent 504 "The node of this data folder (process %{pid}) has not answered within %{seconds} s. Everything acknowledged before is safe; whether this was recorded is not known."
            ["If it was halted (Ctrl-Z, a debugger), let it go on; if the PC is very busy, wait and do it again.",
             "Else end process %{pid} and start the node again: `tandem start`. It checks the log when it opens it."]
        node_replaced 503 "At the address of this data folder's node, %{address}, another program answers. It was told nothing, and nothing was changed."
            ["The folder is in use by %{holder}: wait until that has ended, or end it, and do it again."]
        token_unusable 500 "The running node cannot be asked: %{path} is missing or damaged. Nothing was changed, and no row is lost."
            ["Stop the node and start it again: `tandem start` makes a new one."]
        failed 500 "Something went wrong: %{detail}. Everything acknowledged before is safe."
            ["Run it again with `-v` and keep what it prints."]
    }
}

pub use list::*;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_found() {
        for (at, kind) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.code != kind.code), "{}", kind.code);
            assert_eq!(ErrorKind::of_code(kind.code), Some(*kind));
            assert!((400..600).contains(&kind.status));
        }
        assert_eq!(ErrorKind::of_code("from the future"), None);
    }
}
