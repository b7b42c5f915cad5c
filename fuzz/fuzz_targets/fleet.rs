//! A fleet: bytes as damage to a baseline and to a member's model.
#![no_main]

#[path = "../../pg_test/fuzz/bodies.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::damaged_fleet(data);
    bodies::damaged_scopes(data);
});
