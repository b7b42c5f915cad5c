//! Samples and the table in which they end.

use std::time::Duration;

/// Durations of one operation.
#[derive(Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    pub fn add(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The value below which that many of a hundred lie.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// The figures in the order in which they were measured.
#[derive(Default)]
pub struct Report(Vec<Figure>);

struct Figure {
    what: String,
    note: String,
    measured: String,
    goal: String,
    reached: Option<bool>,
    peer: Option<String>,
}

impl Report {
    /// Medians of two series, their ratio, and the ratio of their 99th percentiles.
    pub fn ratio(&mut self, what: &str, note: &str, ours: &Samples, bare: &Samples, goal: Option<f64>, peer: Option<f64>) {
        let ms = |value: Duration| value.as_secs_f64() * 1e3;
        let of = |percent| ms(ours.percentile(percent)) / ms(bare.percentile(percent));
        let note = format!(
            "{note}; p50 {:.3} / {:.3} ms; p99 {:.3} / {:.3} ms, ratio {:.2}",
            ms(ours.percentile(50)),
            ms(bare.percentile(50)),
            ms(ours.percentile(99)),
            ms(bare.percentile(99)),
            of(99)
        );
        self.line(
            what,
            &note,
            format!("{:.2}", of(50)),
            &goal.map(|goal| format!("≤ {goal}")).unwrap_or_default(),
            goal.map(|goal| of(50) <= goal),
            peer.map(|peer| format!("{peer:.2}")),
        );
    }

    /// One figure; printed at once in short, because the whole takes minutes.
    pub fn line(&mut self, what: &str, note: &str, measured: String, goal: &str, reached: Option<bool>, peer: Option<String>) {
        println!("{what}: {measured}{}", if note.is_empty() { String::new() } else { format!(" ({note})") });
        self.0.push(Figure { what: what.to_owned(), note: note.to_owned(), measured, goal: goal.to_owned(), reached, peer });
    }

    pub fn print(&self, peer: &str) {
        let row = |cells: [&str; 5]| {
            println!("{:<46} {:>9}  {:<8} {:<7} {}", cells[0], cells[1], cells[2], cells[3], cells[4]);
        };
        println!();
        row(["figure (medians unless it says p99)", "measured", "goal", "", peer]);
        for figure in &self.0 {
            let reached = match figure.reached {
                Some(true) => "reached",
                Some(false) => "missed",
                None => "",
            };
            row([&figure.what, &figure.measured, &figure.goal, reached, figure.peer.as_deref().unwrap_or("–")]);
        }
        println!();
        for figure in self.0.iter().filter(|figure| !figure.note.is_empty()) {
            println!("{}: {}", figure.what, figure.note);
        }
    }
}
