//! The fuzz targets' bodies with a fixed number of seeds: no libFuzzer, a few seconds.

mod bodies;

/// Bytes that are the same in every run (splitmix64).
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    (0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(length).collect()
}

/// `ACCORD_FUZZ` multiplies the number of seeds.
fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let times: u64 = std::env::var("ACCORD_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    1..=count * times
}

#[test]
fn messages() {
    bodies::offer(b"");
    bodies::offer("[".repeat(100_000).as_bytes());
    // An index that is attached to itself, by way of others.
    for seed in seeds(200).chain([142_118]) {
        bodies::offer(&bytes(seed, 64));
        bodies::damaged_offer(&bytes(seed, 200));
        bodies::damaged_answer(&bytes(seed, 60));
    }
}

#[test]
fn models() {
    let nested = format!("{{\"before\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    bodies::model(nested.as_bytes());
    for (before, after) in [("before", "after"), ("after", "before")] {
        let facts = bodies::FACTS.replacen("facts", before, 1);
        bodies::model(facts.as_bytes());
        bodies::model(facts.replacen(before, after, 1).as_bytes());
    }
    for seed in seeds(200) {
        bodies::damaged_models(&bytes(seed, 200));
    }
}

#[test]
fn fleets() {
    for seed in seeds(200) {
        bodies::damaged_fleet(&bytes(seed, 300));
    }
}

#[test]
fn scopes() {
    for seed in seeds(60) {
        bodies::damaged_scopes(&bytes(seed, 60));
    }
}

#[test]
fn quoting() {
    let alphabet = ["$", "'", "\"", "\\", "a", "accord", "_", "E", ";", "--", "é", "1", "\n", " ", "$$", "$accord", "user", "A"];
    for seed in seeds(20_000) {
        let choices = bytes(seed, 12);
        let length = usize::from(choices[0]) % choices.len();
        let text: String = choices[1..].iter().take(length).map(|b| alphabet[usize::from(*b) % alphabet.len()]).collect();
        bodies::quoting(text.as_bytes());
        bodies::quoting(&choices);
    }
}

/// Texts that a server's deparser wrote are never refused.
#[test]
fn what_a_server_wrote_passes() {
    bodies::accepted(bodies::FACTS);
    for file in std::env::var_os("ACCORD_MODELS").iter().flat_map(std::env::split_paths) {
        bodies::accepted(&std::fs::read_to_string(file).expect("a model is a file"));
    }
}
