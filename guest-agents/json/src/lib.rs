//! Parses orders, and replies with each customer's total of the paid ones, in cents.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Default)]
struct Json;

#[derive(Deserialize)]
struct Book<'a> {
    #[serde(borrow)]
    orders: Vec<Order<'a>>,
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    customer: Cow<'a, str>,
    quantity: u32,
    cents: u32,
    paid: bool,
}

impl Agent for Json {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let book: Book = serde_json::from_slice(&message.content)
            .map_err(|error| Failure::NotUnderstood(format!("these are no orders: {error}")))?;
        let mut totals = BTreeMap::<&str, u64>::new();
        for order in book.orders.iter().filter(|order| order.paid) {
            let total = totals.entry(&order.customer).or_default();
            *total += u64::from(order.quantity) * u64::from(order.cents);
        }
        let totals = serde_json::to_vec(&totals)
            .map_err(|error| Failure::Internal(format!("cannot write the totals: {error}")))?;
        Ok(vec![message.reply(Performative::Inform, totals)])
    }
}

sandlab_agent::export!(Json);
