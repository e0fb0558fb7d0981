//! What attacks came to, as a table.

use super::table::{Align, Cell, Style, Table};
use crate::experiments::torture::Tortured;
use crate::metrics::format::{grouped, or_dash, percent, size, time};
use crate::stats::Distribution;

/// The table, and what it sums up to.
pub fn text(tortured: &Tortured, is_coloured: bool) -> String {
    let mut table = Table::new([
        ("attack", Align::Left),
        ("count", Align::Right),
        ("p99 same shard", Align::Right),
        ("p99 others", Align::Right),
        ("longest", Align::Right),
        ("called", Align::Left),
    ]);
    for attack in &tortured.attacks {
        let name = match attack.wrong.is_empty() {
            true => Cell::plain(attack.name),
            false => Cell::strong(format!("{}: WRONG", attack.name)),
        };
        table.add([
            name,
            Cell::plain(attack.count),
            Cell::plain(p99(&attack.same_shard)),
            Cell::plain(p99(&attack.others)),
            Cell::plain(or_dash(attack.longest(), time)),
            Cell::dim(briefly(&attack.called)),
        ]);
    }
    let style = if is_coloured {
        Style::Colour
    } else {
        Style::Plain
    };
    let accounts = &tortured.accounts;
    let (with, without) = (&tortured.with, &tortured.without);
    format!(
        "{}\nhostile agents: {}\nneighbours' p99: {} without attacks, {} with them (longest {}); \
         of {} messages {} were answered\naccounts: {} accepted = {} handled + {} failed + {} dead-lettered + {} queued; \
         {} of {} good agents live\nresident: {} before, {} after ({})\nseed: {}\n",
        table.draw(style),
        match tortured.is_quarantined {
            true => "in quarantine, on a thread that gives way",
            false => "on the good ones' threads",
        },
        p99(without),
        p99(with),
        or_dash(with.max(), time),
        grouped(tortured.sent as f64),
        grouped(tortured.good as f64),
        accounts.accepted,
        accounts.handled,
        accounts.failed,
        accounts.dead_lettered,
        accounts.queued,
        accounts.agents,
        tortured.agents,
        tortured.resident_before.map_or("-".to_owned(), size),
        tortured.resident_after.map_or("-".to_owned(), size),
        or_dash(tortured.growth(), percent),
        tortured.seed,
    )
}

fn p99(times: &Distribution) -> String {
    or_dash(times.quantile(0.99), time)
}

/// The beginning of a cause, which names it: the rest is what to do.
fn briefly(called: &str) -> String {
    const MOST: usize = 70;
    let called = called.trim_start_matches("the agent does not start: ");
    let mut brief: String = called.chars().take(MOST).collect();
    if brief.len() < called.len() {
        brief.push('…');
    }
    brief
}
