//! What a child writes to its standard error: its last words, and no more of them than a
//! person reads, however much it writes.

use std::io::{self, PipeWriter, Read};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that are kept.
const KEPT: usize = 4_096;

/// How long what an ended child wrote may take to arrive. Longer only if another process has
/// its standard error too.
const PATIENCE: Duration = Duration::from_millis(200);

/// The last words of one child.
pub struct Words {
    kept: Arc<Mutex<Vec<u8>>>,
    /// Says when nothing more can come.
    over: Receiver<()>,
}

impl Words {
    /// Starts to listen, on a thread that ends with the child; returns also where it speaks.
    ///
    /// # Errors
    /// If the machine gives no pipe or no thread.
    pub fn listen() -> io::Result<(Self, PipeWriter)> {
        let (mut reader, writer) = io::pipe()?;
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (ended, over) = channel();
        let keep = kept.clone();
        let listen = move || {
            let mut chunk = [0; KEPT];
            while let Ok(length @ 1..) = reader.read(&mut chunk) {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&chunk[..length]);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
            drop(ended);
        };
        let thread = thread::Builder::new().name("words".to_owned());
        thread.stack_size(64 << 10).spawn(listen)?;
        Ok((Self { kept, over }, writer))
    }

    /// What a child that has ended said last.
    pub fn last(&self) -> String {
        // Nothing is ever sent: it waits for the sender's end.
        let _ = self.over.recv_timeout(PATIENCE);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn only_the_last_words_are_kept_of_however_many() {
        let (words, mut writer) = Words::listen().unwrap();
        for _ in 0..1_000 {
            writer.write_all(&[b'x'; 1_000]).unwrap();
        }
        writer.write_all(b"the end").unwrap();
        drop(writer);
        let last = words.last();
        assert_eq!(last.len(), KEPT);
        assert!(last.ends_with("the end"));
    }
}
