//! stub until the worker lands
/// Sets the latch of this database's worker, if there is one.
pub fn wake_worker() {}
/// Whether this database has a worker.
pub fn worker_running() -> bool {
    false
}
