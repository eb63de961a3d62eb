//! What is wrong with a value.

use super::Cause;
use crate::bounds;
use crate::schema::{MismatchReason, TypeMismatch};

impl From<&TypeMismatch> for Cause {
    fn from(error: &TypeMismatch) -> Self {
        let cause = Self::new(if error.reason.is_some() { "value_reason" } else { "value" });
        let cause = cause.with("value", &*error.value).with("type", error.kind.to_string());
        match &error.reason {
            Some(reason) => cause.with("reason", Self::from(&**reason)),
            None => cause,
        }
    }
}

impl From<&MismatchReason> for Cause {
    fn from(reason: &MismatchReason) -> Self {
        match reason {
            MismatchReason::TooLarge(bytes) => {
                Self::new("value_large").with("bytes", *bytes).with("most", bounds::DOCUMENT_BYTES)
            }
            MismatchReason::Imprecise => Self::new("value_imprecise"),
            MismatchReason::Json(error) => {
                Self::new("json_at").with("fault", error.fault().clone()).with("at", error.at())
            }
            MismatchReason::TooFine => Self::new("value_fine"),
        }
    }
}
