//! Facts: bytes as JSON, and bytes as damage to two models with the way between them.
#![no_main]

#[path = "../../pg_test/fuzz/bodies.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::model(data);
    bodies::damaged_models(data);
});
