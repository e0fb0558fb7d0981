//! A program that does what its first argument says.

use std::io::{Read, Write};

fn main() {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let number = || rest[0].parse::<usize>().unwrap();
    match command.as_str() {
        "" => println!("hello"),
        "name" => println!("{}", std::env::args().next().unwrap()),
        "echo" => println!("{}", rest.join(" ")),
        "env" => println!("{}", std::env::var(&rest[0]).unwrap_or("unset".to_owned())),
        "cat" => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).unwrap();
            std::io::stdout().write_all(&bytes).unwrap();
        }
        "complain" => eprintln!("{}", rest[0]),
        "exit" => std::process::exit(number() as i32),
        "panic" => panic!("{}", rest[0]),
        "loop" => loop {
            std::hint::black_box(0);
        },
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(number() as u64)),
        "allocate" => {
            let bytes = vec![1_u8; number() << 20];
            println!("{}", std::hint::black_box(bytes).len());
        }
        "flood" => loop {
            println!("{}", "x".repeat(1_000));
        },
        "read" => match std::fs::read_to_string(&rest[0]) {
            Ok(text) => print!("{text}"),
            Err(error) => println!("{}", error.kind()),
        },
        other => panic!("no command {other}"),
    }
}
