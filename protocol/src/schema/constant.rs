//! Values inside definitions and states: each as its canonical bytes.

use bincode::{Decode, Encode};

use crate::codec::{DecodeError, Reader};
use crate::value::Value;

/// A constant in its canonical bytes.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Constant(Vec<u8>);

impl Constant {
    /// Wraps a canonical value.
    pub fn new(value: &Value) -> Self {
        let mut bytes = Vec::new();
        value.write_canonical(&mut bytes);
        Self(bytes)
    }

    /// The value.
    pub fn value(&self) -> Result<Value, DecodeError> {
        let mut reader = Reader::new(&self.0, "constant");
        let value = Value::read_canonical(&mut reader)?;
        reader.end()?;
        Ok(value)
    }
}
