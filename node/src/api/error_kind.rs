//! Every way a request can be refused: a stable code, and the HTTP status. What to say is in the
//! catalogue of words, by the code. Codes never change their meaning.

use tandem_protocol::cause::Param;

use super::error::ApiError;

/// One way to be refused.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorKind {
    /// Stable name, for programs.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
}

impl ErrorKind {
    /// The error without parameters.
    pub fn error(&'static self) -> ApiError {
        ApiError::new(self)
    }

    /// The error with one parameter.
    pub fn with(&'static self, name: &'static str, value: impl Into<Param>) -> ApiError {
        ApiError::new(self).with(name, value)
    }

    /// The kind of that code, if this program knows it.
    pub fn of_code(code: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|kind| kind.code == code)
    }
}

macro_rules! kinds {
    ($($name:ident $status:literal)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`, with status ", stringify!($status), ".")]
            pub static $name: ErrorKind = ErrorKind { code: stringify!($name), status: $status };
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
        unauthorized 401
        token_of_space 403
        token_other_space 403
        token_right 403
        host_refused 403
        route_unknown 404
        method_refused 405
        request_malformed 400
        request_stalled 408
        connections_full 503
        streams_full 503
        body_too_large 413

        // Spaces and sites.
        space_missing 404
        space_unopened 503
        view_unavailable 503
        space_unknown 404
        space_unclear 400
        space_exists 409
        name_refused 400
        site_name_taken 409
        site_unclear 400
        site_unknown 404

        // Reading and writing.
        sql_error 400
        sql_too_long 413
        deadline 504
        statement_left 503
        statement_memory 422
        answer_too_large 422
        batch_too_large 413
        batch_cut 422
        overtaken 409
        not_a_query 400
        catalogue_alone 400
        sql_not_allowed 400
        transaction_control 400
        multiple_statements 400
        parameter_count 400
        parameter_missing 400
        parameter_unknown 400
        parameter_unnamed 400
        type_mismatch 400
        invalid_utf8 400
        rowid 400
        constraint_primary_key 409
        constraint_unique 409
        constraint_foreign_key 409
        constraint_referenced 409
        constraint_referenced_value 409
        constraint_not_null 409
        constraint_check 409
        key_changed 409
        key_too_long 400
        label_too_long 400
        transaction_too_large 413
        document_too_large 413
        invalid_json 400
        exactly_not_counter 400
        unknown_basis 409
        basis_too_old 409
        basis_refused 400
        idempotency_key_reused 422
        read_only_member 403
        not_synced_yet 409
        membership 403
        schema_syntax 400
        schema_unknown_type 400
        schema_no_primary_key 400
        schema_not_additive 400
        schema_problems 400
        schema_not_supported 400
        key_incomplete 400
        transaction_unknown 404
        table_unknown 404
        counter_unknown 404
        history_too_long 422

        // Conflicts.
        conflict_unknown 404
        conflict_unclear 400
        conflict_changed 409
        conflict_choice 400

        // Invitations.
        network_off 503
        invitation_refused 403
        invitation_malformed 400
        join_request_malformed 400
        join_request_refused 409
        two_spaces 409
        already_member 409
        inviter_unreachable 504
        address_refused 400
        network_failed 500

        // Bundles.
        bundle_unreadable 400
        bundle_early 409
        bundle_foreign 409
        bundle_not_admitting 403
        demo_folder_taken 409
        file_failed 400
        csv_refused 400
        sheets_refused 400
        dump_refused 400
        circle_too_large 409
        file_no_room 507
        file_kept 409
        file_busy 409

        // A database beside.
        not_attached 404
        database_waits 503
        database_refused 409

        // The data folder.
        folder_locked 423
        folder_unusable 500
        folder_not_yours 403
        folder_read_only 403
        site_key_missing 500
        site_key_unreadable 500
        log_missing 500
        log_emptied 500
        log_unreadable 500
        file_held 423
        clock_impossible 500
        format_newer 422
        log_damaged 500
        disk_full 507
        writes_stopped 503
        port_taken 500
        tls_unusable 500
        stopping 503
        node_unreachable 503
        node_silent 504
        node_replaced 503
        token_unusable 500
        token_exists 409
        token_unknown 404
        tokens_full 409
        tokens_unreadable 500
        failed 500
    }
}

pub use list::*;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_found() {
        for (at, kind) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.code != kind.code), "{}", kind.code);
            assert_eq!(ErrorKind::of_code(kind.code), Some(*kind));
            assert!((400..600).contains(&kind.status));
        }
        assert_eq!(ErrorKind::of_code("from the future"), None);
    }

    #[test]
    fn the_docs_list_each_code() {
        let docs = include_str!("../../../docs/sql.md");
        let (_, codes) = docs.split_once("## Error codes").unwrap();
        let missing: Vec<&str> =
            ALL.iter().map(|kind| kind.code).filter(|code| !codes.contains(&format!("`{code}`"))).collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn the_catalogue_has_a_text_for_each_code_and_for_no_other() {
        let told = tandem_words::keys().filter_map(|key| key.strip_prefix("error.")?.strip_suffix(".text"));
        let known: BTreeSet<&str> = ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(told.collect::<BTreeSet<_>>(), known);
    }
}
