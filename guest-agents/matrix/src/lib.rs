//! Multiplies two square matrices. The content is both, row by row, f64 little-endian;
//! the reply is their product.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};

#[derive(Default)]
struct Matrix;

impl Agent for Matrix {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let (numbers, rest) = message.content.as_chunks::<8>();
        let order = (numbers.len() / 2).isqrt();
        if !rest.is_empty() || order * order * 2 != numbers.len() {
            return Err(Failure::NotUnderstood(
                "the content is not two square matrices of f64".to_owned(),
            ));
        }
        let numbers: Vec<f64> = numbers.iter().map(|n| f64::from_le_bytes(*n)).collect();
        let (left, right) = numbers.split_at(order * order);
        let product = multiply(left, right, order);
        let content: Vec<u8> = product.iter().flat_map(|n| n.to_le_bytes()).collect();
        Ok(vec![message.reply(Performative::Inform, content)])
    }
}

/// Iterates over rows of `right`, so that both inner accesses are sequential.
fn multiply(left: &[f64], right: &[f64], order: usize) -> Vec<f64> {
    let mut product = vec![0.0; order * order];
    if order == 0 {
        return product;
    }
    let rows = left.chunks_exact(order).zip(product.chunks_exact_mut(order));
    for (left, sums) in rows {
        for (factor, right) in left.iter().zip(right.chunks_exact(order)) {
            for (sum, value) in sums.iter_mut().zip(right) {
                *sum += factor * value;
            }
        }
    }
    product
}

sandlab_agent::export!(Matrix);
