//! How the writer answers.

/// Answers a job or a command, from the writer's thread.
pub(crate) type Reply<T> = Box<dyn FnOnce(T) + Send>;

/// Told, from the writer's thread, that something is over.
pub(crate) type Done = Box<dyn FnOnce() + Send>;
