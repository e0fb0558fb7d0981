//! Text files that people write, whatever their editor puts around the text.

use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The byte order mark that some editors put before UTF-8.
const MARK: &str = "\u{feff}";

/// Reads a text file, without a byte order mark. It may be this process's own pipe, as `/dev/stdin`
/// is; of one with a name, nobody knows whether it is ever written to.
///
/// # Errors
/// If it cannot be read; [`ErrorKind::InvalidData`] with what to do if it is no UTF-8, or a pipe
/// with a name.
pub fn read(path: &Path) -> Result<String> {
    let is_own = path.starts_with("/dev") || path.starts_with("/proc");
    if !is_own && path.metadata().is_ok_and(|found| found.file_type().is_fifo()) {
        return refused("it is a pipe: write it to a file first, or pass it as /dev/stdin");
    }
    decode(std::fs::read(path)?)
}

fn refused<T>(why: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidData, why.into()))
}

fn decode(bytes: Vec<u8>) -> Result<String> {
    match bytes[..] {
        [0, b'a', b's', b'm', ..] => return refused("it is WebAssembly, and no text"),
        [0, 0, ..] => return refused("it is no text: it begins with zeros"),
        // Without a mark, UTF-16 has a zero byte in every character of ASCII.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => {
            return refused("it is UTF-16; save it as UTF-8");
        }
        _ => {}
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(without_mark(&text).to_owned()),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            refused(format!("byte {at} is not UTF-8; save it as UTF-8"))
        }
    }
}

/// Returns the text without the byte order mark that it may begin with, however often: some editors
/// put one before another's.
pub fn without_mark(text: &str) -> &str {
    text.trim_start_matches(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_skipped_and_another_encoding_is_named() {
        assert_eq!(decode(b"\xef\xbb\xbf{}\r\n".to_vec()).unwrap(), "{}\r\n");
        assert_eq!(decode(b"\xef\xbb\xbf\xef\xbb\xbf{}".to_vec()).unwrap(), "{}");
        assert_eq!(decode(b"{}".to_vec()).unwrap(), "{}");
        assert_eq!(decode(Vec::new()).unwrap(), "");
        let utf16: [&[u8]; 3] = [b"\xff\xfe{\0}\0", b"\xfe\xff\0{\0}", b"{\0}\0"];
        for bytes in utf16 {
            let error = decode(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.contains("UTF-16") && error.contains("UTF-8"), "{error}");
        }
        for (bytes, told) in
            [(&b"ab\xe4"[..], "byte 2"), (b"\0asm\x0d\0", "WebAssembly"), (&[0; 64], "zeros")]
        {
            let error = decode(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
