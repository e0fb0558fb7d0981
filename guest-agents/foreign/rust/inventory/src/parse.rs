//! Items as text.

use crate::exports::foreign::inventory::stock::Item;

/// Reads `apple 30 12 fruit,red; pear 25 3`.
///
/// # Errors
/// The first part that is too short, or whose price or count is no number.
pub fn items(text: &str) -> Result<Vec<Item>, String> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(item).collect()
}

fn item(part: &str) -> Result<Item, String> {
    let mut words = part.split_whitespace();
    let mut next = || words.next().ok_or_else(|| format!("{part:?} is too short"));
    let (name, price, count) = (next()?.to_owned(), number(next()?)?, number(next()?)?);
    let tags = words.next().unwrap_or_default().split(',').filter(|tag| !tag.is_empty());
    Ok(Item { name, price, count, tags: tags.map(str::to_owned).collect() })
}

fn number(word: &str) -> Result<u32, String> {
    word.parse().map_err(|_| format!("{word:?} is no number"))
}
