//! The table of medians: one row per case, one column per library.

use std::collections::BTreeMap;
use std::fmt;

/// The number of last samples that the median is over; those before them are warm-up.
pub const SAMPLES: usize = 10;

/// The columns of sandlab that are compared with the peers.
const OURS: [&str; 2] = ["sandlab", "parcels"];
/// The column that is shown, and compared with nothing.
const NOT_COMPARED: &str = "spread";

/// Medians, ns per message.
#[derive(Default)]
pub struct Table {
    libraries: Vec<&'static str>,
    cases: Vec<String>,
    medians: BTreeMap<(String, &'static str), f64>,
}

impl Table {
    /// Adds one library's times, ns per message; there are none if the filter left the case out.
    pub fn add(&mut self, case: String, library: &'static str, times: &[f64]) {
        if times.len() < SAMPLES {
            return;
        }
        let mut last = times[times.len() - SAMPLES..].to_vec();
        last.sort_by(f64::total_cmp);
        let median = (last[SAMPLES / 2 - 1] + last[SAMPLES / 2]) / 2.0;
        if !self.libraries.contains(&library) {
            self.libraries.push(library);
        }
        if !self.cases.contains(&case) {
            self.cases.push(case.clone());
        }
        self.medians.insert((case, library), median);
    }

    fn fastest(&self, case: &str, among: impl Fn(&str) -> bool) -> Option<(f64, &'static str)> {
        let among = self.libraries.iter().filter(|library| among(library));
        let medians = among.filter_map(|library| Some((self.median(case, library)?, *library)));
        medians.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn median(&self, case: &str, library: &'static str) -> Option<f64> {
        self.medians.get(&(case.to_owned(), library)).copied()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cases.is_empty() {
            return Ok(());
        }
        write!(f, "\n{:<18}", "ns per message")?;
        for library in &self.libraries {
            write!(f, "{library:>15}")?;
        }
        writeln!(f, "  fastest of ours ÷ best peer")?;
        for case in &self.cases {
            write!(f, "{case:<18}")?;
            for library in &self.libraries {
                match self.median(case, library) {
                    Some(median) => write!(f, "{median:>15.0}")?,
                    None => write!(f, "{:>15}", "-")?,
                }
            }
            let ours = self.fastest(case, |library| OURS.contains(&library));
            let best =
                self.fastest(case, |library| !OURS.contains(&library) && library != NOT_COMPARED);
            if let (Some((ours, _)), Some((best, peer))) = (ours, best) {
                write!(f, "  {:.2} × {peer}", ours / best)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
