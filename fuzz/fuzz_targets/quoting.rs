//! Names, literals and dollar-quoted bodies.
#![no_main]

#[path = "../../pg_test/fuzz/bodies.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::quoting(data);
});
