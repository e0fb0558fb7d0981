//! Text files that people write, whatever their editor puts around the text.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// The byte order mark that some editors put before UTF-8.
const MARK: &str = "\u{feff}";

/// Reads a text file, without a byte order mark. It may be a pipe, as `/dev/stdin` is.
///
/// # Errors
/// If it cannot be read; [`ErrorKind::InvalidData`] with what to do if it is no UTF-8.
pub fn read(path: &Path) -> Result<String> {
    decode(std::fs::read(path)?)
}

fn decode(bytes: Vec<u8>) -> Result<String> {
    let refused = |why: String| Err(Error::new(ErrorKind::InvalidData, why));
    // Without a mark, UTF-16 has a zero byte in every character of ASCII.
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] = bytes[..] {
        return refused("it is UTF-16; save it as UTF-8".to_owned());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(without_mark(&text).to_owned()),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            refused(format!("byte {at} is not UTF-8; save it as UTF-8"))
        }
    }
}

/// Returns the text without the byte order mark that it may begin with.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_skipped_and_another_encoding_is_named() {
        assert_eq!(decode(b"\xef\xbb\xbf{}\r\n".to_vec()).unwrap(), "{}\r\n");
        assert_eq!(decode(b"{}".to_vec()).unwrap(), "{}");
        assert_eq!(decode(Vec::new()).unwrap(), "");
        let utf16: [&[u8]; 3] = [b"\xff\xfe{\0}\0", b"\xfe\xff\0{\0}", b"{\0}\0"];
        for bytes in utf16 {
            let error = decode(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.contains("UTF-16") && error.contains("UTF-8"), "{error}");
        }
        let error = decode(b"ab\xe4".to_vec()).unwrap_err().to_string();
        assert!(error.contains("byte 2"), "{error}");
    }
}
