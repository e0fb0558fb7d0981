//! Numbers on the command line that have a sign.

use std::ffi::OsString;

/// Joins an option to what is typed after it if that begins as a number with a sign: `--rate -5` is
/// no option `-5`, and its parser names the range. What follows `--` stays as it is.
pub fn with_signs(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let (mut joined, mut is_over) = (Vec::<OsString>::new(), false);
    for word in words {
        is_over |= word == "--";
        match joined.last_mut().filter(|last| !is_over && is_option(last) && is_signed(&word)) {
            Some(option) => {
                option.push("=");
                option.push(word);
            }
            None => joined.push(word),
        }
    }
    joined
}

fn is_option(word: &OsString) -> bool {
    let word = word.to_string_lossy();
    word.starts_with("--") && word.len() > 2 && !word.contains('=')
}

fn is_signed(word: &OsString) -> bool {
    let word = word.to_string_lossy();
    let number = word.strip_prefix('-').unwrap_or_default();
    number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || ["inf", "infinity", "nan"].contains(&number.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_sign_is_the_value_of_the_option_before_it() {
        let joined = |line: &str| {
            let words = with_signs(line.split(' ').map(OsString::from));
            words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(joined("a --rate -5 --duration -1s"), "a --rate=-5 --duration=-1s");
        assert_eq!(joined("a --rate -inf -V"), "a --rate=-inf -V");
        for as_it_is in ["a --rate --agents 3", "a -5", "a --rate=1 -5", "a -- --rate -5"] {
            assert_eq!(joined(as_it_is), as_it_is);
        }
    }
}
