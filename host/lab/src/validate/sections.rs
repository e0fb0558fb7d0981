//! The sections of a component's file, by their headers alone: where the file is cut off, where
//! something else begins, and how deep components are nested. Nothing here recurses, so that a
//! hostile file costs no more than its bytes.

/// Bytes of the magic number and the version.
const HEADER: usize = 8;

/// Ids of sections, by the component model's binary format.
const CUSTOM: u8 = 0;
const COMPONENT: u8 = 4;
const EXPORTS: u8 = 11;
const LAST: u8 = 12;

/// The reason why a file's sections do not end where the file does.
#[derive(Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The section at this byte would end at `end`, behind the file's end. `None` if its length
    /// itself is cut off.
    CutOff { at: usize, end: Option<usize> },
    /// A complete component ends at this byte, and other bytes follow.
    Trailing { at: usize },
}

/// A section's header.
struct Section {
    id: u8,
    /// Offset of the section's first content byte.
    content: usize,
    /// Offset after the section's last byte.
    end: usize,
}

/// Returns the first flaw of the outermost component's sections. A cut inside a nested component
/// shortens the section that holds it, too.
pub fn flaw(bytes: &[u8]) -> Option<Flaw> {
    let mut at = HEADER;
    // What exports something can be a whole component.
    let mut exports = false;
    while at < bytes.len() {
        if exports && is_foreign(&bytes[at..]) {
            return Some(Flaw::Trailing { at });
        }
        match section(bytes, at) {
            Header::Section(section) if section.end <= bytes.len() => {
                exports |= section.id == EXPORTS;
                at = section.end;
            }
            // Invalid, and the validator says so better.
            Header::Overlong => return None,
            Header::Section(section) if section.id > LAST => return None,
            Header::Section(section) => {
                if exports && !is_beginning(bytes, at, &section) {
                    return Some(Flaw::Trailing { at });
                }
                return Some(Flaw::CutOff { at, end: Some(section.end) });
            }
            Header::CutOff => return Some(Flaw::CutOff { at, end: None }),
        }
    }
    None
}

/// Returns whether bytes after a whole component are certainly no section: they begin with no
/// section's id, or are padding, a line's end, or another file.
fn is_foreign(rest: &[u8]) -> bool {
    let is_space = rest.iter().all(u8::is_ascii_whitespace);
    // One zero can be the id of a custom section that is cut off.
    let is_padding = rest.len() > 1 && rest.iter().all(|byte| *byte == 0);
    rest[0] > LAST || is_space || is_padding || rest.starts_with(b"\0asm")
}

/// Returns true if the bytes of a section can be its beginning: a validator that is given them as a
/// whole section runs out of bytes, and finds no other error.
fn is_beginning(bytes: &[u8], at: usize, section: &Section) -> bool {
    let content = &bytes[section.content..];
    if section.id == CUSTOM {
        return is_name(content);
    }
    let Ok(length) = u32::try_from(content.len()) else {
        return true;
    };
    // The header again, with the length that there is.
    let mut whole = bytes[..at].to_vec();
    whole.push(section.id);
    let mut rest = length;
    loop {
        let byte = (rest & 0x7f) as u8;
        rest >>= 7;
        whole.push(if rest == 0 { byte } else { byte | 0x80 });
        if rest == 0 {
            break;
        }
    }
    whole.extend(content);
    let features = wasmparser::WasmFeatures::all();
    let checked = wasmparser::Validator::new_with_features(features).validate_all(&whole);
    checked.map_or_else(|error| error.message().contains("unexpected end"), |_| true)
}

/// Returns true if a custom section's content can begin like this: with the length of a name, and
/// the available part of the name.
fn is_name(content: &[u8]) -> bool {
    let Some((length, start)) = leb128(content, 0) else {
        return true;
    };
    let name = &content[start..];
    let name = &name[..name.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
    length < 256 && name.iter().all(|byte| byte.is_ascii_graphic())
}

/// Returns how deep components are nested: 1 for one without others in it. Stops at `most + 1`.
pub fn depth(bytes: &[u8], most: usize) -> usize {
    let (mut at, mut deepest) = (HEADER, 1);
    // Where the components around this place end.
    let mut ends = vec![bytes.len()];
    while let Some(end) = ends.last().copied() {
        if at >= end {
            ends.pop();
            at = end;
            continue;
        }
        let Header::Section(section) = section(bytes, at) else {
            break;
        };
        if section.end > end {
            break;
        }
        if section.id == COMPONENT {
            ends.push(section.end);
            deepest = deepest.max(ends.len());
            if deepest > most {
                break;
            }
            at = section.content + HEADER;
        } else {
            at = section.end;
        }
    }
    deepest
}

enum Header {
    Section(Section),
    /// The file ends within it.
    CutOff,
    /// Its length has more bytes than a length can have.
    Overlong,
}

/// Reads the header of the section at `at`: an id, a LEB128 length.
fn section(bytes: &[u8], at: usize) -> Header {
    let is_complete = |byte: &u8| byte & 0x80 == 0;
    let length = bytes.get(at + 1..).unwrap_or_default();
    match leb128(bytes, at + 1) {
        Some((length, content)) => {
            let end = (content as u64).saturating_add(length);
            let end = usize::try_from(end).unwrap_or(usize::MAX);
            Header::Section(Section { id: bytes[at], content, end })
        }
        None if length.len() < 5 && !length.iter().any(is_complete) => Header::CutOff,
        None => Header::Overlong,
    }
}

/// Reads a LEB128 number of at most 32 bits; returns it, and where it ends.
fn leb128(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.get(at..)?.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, at + index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns components nested to this depth.
    fn nested(deep: usize) -> Vec<u8> {
        let header = b"\0asm\x0d\0\x01\0";
        let mut bytes = header.to_vec();
        for _ in 1..deep {
            let mut length = bytes.len();
            let mut outer = header.to_vec();
            outer.push(COMPONENT);
            while length > 0x7f {
                outer.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            outer.push(length as u8);
            outer.extend(&bytes);
            bytes = outer;
        }
        bytes
    }

    #[test]
    fn nested_components_are_counted_up_to_the_limit() {
        assert_eq!(depth(&nested(1), 10), 1);
        assert_eq!(depth(&nested(10), 10), 10);
        assert_eq!(depth(&nested(5_000), 10), 11);
        let two = [&nested(2)[..], &nested(2)[HEADER..]].concat();
        assert_eq!(depth(&two, 10), 2);
    }

    fn exporting() -> Vec<u8> {
        wat::parse_str("(component (component $c) (export \"c\" (component $c)))").unwrap()
    }

    #[test]
    fn what_follows_a_whole_component_is_not_taken_for_a_cut() {
        let whole = exporting();
        assert_eq!(flaw(&whole), None);
        for rest in [
            &b"\n"[..],
            b"\0\0\0\0",
            b"hello",
            b"\0asm\x0d\0\x01\0",
            b"\x05hello",
            b"\x0ahello",
            b"\x01hello, world",
        ] {
            let bytes = [&whole[..], rest].concat();
            assert_eq!(flaw(&bytes), Some(Flaw::Trailing { at: whole.len() }), "{rest:?}");
        }
        let custom = [&whole[..], b"\0\x20\x09producers\x02"].concat();
        assert_eq!(
            flaw(&custom),
            Some(Flaw::CutOff { at: whole.len(), end: Some(whole.len() + 34) })
        );
        let id = [&whole[..], b"\0"].concat();
        assert_eq!(flaw(&id), Some(Flaw::CutOff { at: whole.len(), end: None }));
    }
}
