//! A child's standard error: the last lines, and no more of them than a
//! person reads, however much it writes.

use std::io::{self, PipeWriter, Read};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that are kept.
const KEPT: usize = 4_096;

/// The longest wait for the last output of a child that has ended. Only another process that has
/// its standard error too makes it so long.
const PATIENCE: Duration = Duration::from_millis(200);

/// The last lines of one child.
pub struct LastLines {
    kept: Arc<Mutex<Kept>>,
    /// Says when nothing more can come.
    over: Receiver<()>,
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Set once earlier bytes were dropped.
    is_cut: bool,
}

impl LastLines {
    /// Starts to listen, on a thread that ends with the child; returns also where it writes.
    ///
    /// # Errors
    /// If the machine gives no pipe or no thread.
    pub fn listen() -> io::Result<(Self, PipeWriter)> {
        let (mut reader, writer) = io::pipe()?;
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (ended, over) = channel();
        let keep = kept.clone();
        let listen = move || {
            let mut chunk = [0; KEPT];
            while let Ok(length @ 1..) = reader.read(&mut chunk) {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                kept.add(&chunk[..length]);
            }
            drop(ended);
        };
        let thread = thread::Builder::new().name("child-stderr".to_owned());
        thread.stack_size(64 << 10).spawn(listen)?;
        Ok((Self { kept, over }, writer))
    }

    /// Returns what a child that has ended wrote last. Control characters are spelled out, so that
    /// a terminal does not take them for its own.
    pub fn last(&self) -> String {
        // Nothing is ever sent: it waits for the sender's end.
        let _ = self.over.recv_timeout(PATIENCE);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = kept.text();
        let mut last = String::with_capacity(text.len());
        for c in text.trim().chars() {
            match c {
                '\r' => {}
                c if c.is_control() && c != '\n' && c != '\t' => last.extend(c.escape_unicode()),
                c => last.push(c),
            }
        }
        last
    }
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let surplus = self.bytes.len().saturating_sub(KEPT);
        self.is_cut |= surplus > 0;
        self.bytes.drain(..surplus);
    }

    /// Returns whole lines, unless there is but a part of one.
    fn text(&self) -> String {
        let first = self.bytes.iter().position(|byte| *byte == b'\n');
        let first = first.filter(|end| self.is_cut && end + 1 < self.bytes.len());
        String::from_utf8_lossy(&self.bytes[first.map_or(0, |end| end + 1)..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn last_of(write: impl FnOnce(&mut PipeWriter)) -> String {
        let (lines, mut writer) = LastLines::listen().unwrap();
        write(&mut writer);
        drop(writer);
        lines.last()
    }

    #[test]
    fn only_the_last_bytes_are_kept_of_however_many() {
        let last = last_of(|writer| {
            for _ in 0..1_000 {
                writer.write_all(&[b'x'; 1_000]).unwrap();
            }
            writer.write_all(b"the end").unwrap();
        });
        assert_eq!(last.len(), KEPT);
        assert!(last.ends_with("the end"));
    }

    #[test]
    fn lines_are_kept_whole_and_orders_to_a_terminal_are_not_kept() {
        let last = last_of(|writer| {
            for line in 0..1_000 {
                writeln!(writer, "line {line} \u{1b}[31m").unwrap();
            }
        });
        let lines: Vec<&str> = last.lines().collect();
        assert!(lines.len() > 100, "{}", lines.len());
        for (line, number) in lines.iter().rev().zip((0..1_000).rev()) {
            assert_eq!(*line, format!("line {number} \\u{{1b}}[31m"));
        }
    }
}
