//! A component that exports functions over most kinds of types, and a resource.

wit_bindgen::generate!({ path: "wit", additional_derives: [Clone] });

mod checksum;
mod parse;
mod slow;

use exports::foreign::inventory::stock::{Change, Guest, GuestShelf, Item, Problem, Shelf};
use slow::burn;
use std::cell::RefCell;

struct Inventory;

impl Guest for Inventory {
    type Shelf = Stock;

    fn value(items: Vec<Item>, discount: Option<u32>) -> u64 {
        burn(190 * items.len());
        let worth = value(&items);
        worth - worth * u64::from(discount.unwrap_or(0).min(100)) / 100
    }

    fn dearest(items: Vec<Item>) -> Option<Item> {
        burn(190 * items.len());
        items.into_iter().max_by_key(|item| item.price)
    }

    fn parse(text: String) -> Result<Vec<Item>, String> {
        burn(25 * text.len());
        parse::items(&text)
    }

    fn change_all(items: Vec<Item>, changes: Vec<Change>) -> Result<Vec<Item>, Problem> {
        burn(190 * items.len() + 100 * changes.len());
        let mut items = items;
        changes.into_iter().try_for_each(|one| change(&mut items, one).map(drop))?;
        Ok(items)
    }

    fn checksum(data: Vec<u8>, rounds: u32) -> u64 {
        burn(data.len() * rounds as usize * 8 / 5);
        checksum::of(&data, rounds)
    }
}

struct Stock(RefCell<Vec<Item>>);

impl GuestShelf for Stock {
    fn new(items: Vec<Item>) -> Self {
        burn(100 * items.len());
        Self(RefCell::new(items))
    }

    fn change(&self, what: Change) -> Result<u32, Problem> {
        burn(75);
        change(&mut self.0.borrow_mut(), what)
    }

    fn find(&self, name: String) -> Option<Item> {
        burn(120);
        self.0.borrow().iter().find(|item| item.name == name).cloned()
    }

    fn value(&self) -> u64 {
        value(&self.0.borrow())
    }

    fn merge(a: Shelf, b: Shelf) -> Shelf {
        let (mut items, other) = (a.into_inner::<Self>().0.take(), b.into_inner::<Self>().0.take());
        items.extend(other);
        Shelf::new(Self(RefCell::new(items)))
    }
}

fn value(items: &[Item]) -> u64 {
    items.iter().map(|item| u64::from(item.price) * u64::from(item.count)).sum()
}

/// Makes a change, and returns how many of the item there are then.
fn change(items: &mut Vec<Item>, what: Change) -> Result<u32, Problem> {
    let at = |items: &[Item], name: &str| {
        let at = items.iter().position(|item| item.name == name);
        at.ok_or_else(|| Problem::Unknown(name.to_owned()))
    };
    match what {
        Change::Put(item) => {
            let count = item.count;
            match at(items, &item.name) {
                Ok(at) => items[at] = item,
                Err(_) => items.push(item),
            }
            Ok(count)
        }
        Change::Adjust((name, by)) => {
            let item = at(items, &name).map(|at| &mut items[at])?;
            item.count = item.count.checked_add_signed(by).ok_or(Problem::TooFew(item.count))?;
            Ok(item.count)
        }
        Change::Remove(name) => at(items, &name).map(|at| items.remove(at).count),
        Change::Clear => {
            items.clear();
            Ok(0)
        }
    }
}

export!(Inventory);
