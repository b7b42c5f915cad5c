//! Messages of the handshake: bytes as JSON, and bytes as damage to a whole offer and to a whole answer.
#![no_main]

#[path = "../../pg_test/fuzz/bodies.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::offer(data);
    bodies::damaged_offer(data);
    bodies::damaged_answer(data);
});
