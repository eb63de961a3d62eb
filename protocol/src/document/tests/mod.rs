//! Documents as sites use them, and as nobody should.

mod hostile;
mod merging;
