//! A program of the bench protocol whose work is known: it mixes a number `ROUNDS` times, and goes
//! through memory that fits the second cache.

use std::hint::black_box;
use std::time::Instant;

fn mix(rounds: u64) {
    let mut mixed = black_box(88_172_645_463_325_252_u64);
    for _ in 0..rounds {
        mixed ^= mixed << 13;
        mixed ^= mixed >> 7;
        mixed ^= mixed << 17;
    }
    black_box(mixed);
}

fn walk(memory: &mut [u64], rounds: u64) {
    let mut at = 0;
    for _ in 0..rounds {
        memory[at] = memory[at].wrapping_add(1);
        at = (at + 4_099) % memory.len();
    }
    black_box(memory);
}

fn main() {
    let rounds: u64 = env!("ROUNDS").parse().unwrap();
    let mut memory = vec![1; 32 * 1_024];
    let mut sample = |name: &str, work: &mut dyn FnMut(&mut [u64])| {
        work(&mut memory);
        for _ in 0..5 {
            let start = Instant::now();
            work(&mut memory);
            let ns = start.elapsed().as_nanos();
            println!("{{\"metric\": \"{name}\", \"value\": {ns}, \"unit\": \"ns\"}}");
        }
    };
    sample("mix", &mut |_| mix(rounds));
    sample("walk", &mut |memory| walk(memory, rounds));
}
