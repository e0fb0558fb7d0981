//! A command of WASI 0.3: `upper` writes its input in capitals, `flood` writes without end, and
//! anything else fails.

use futures::join;
use wasip3::cli::{environment, stdin, stdout};
use wasip3::exports::cli::run::Guest;
use wasip3::wit_stream;

struct Command;
wasip3::cli::command::export!(Command);

impl Guest for Command {
    async fn run() -> Result<(), ()> {
        let arguments = environment::get_arguments();
        match arguments.get(1).map(String::as_str) {
            Some("upper") => {
                let (input, ended) = stdin::read_via_stream();
                let text = input.collect().await;
                ended.await.map_err(drop)?;
                write(text.to_ascii_uppercase()).await
            }
            Some("flood") => loop {
                // The host's refusal is an error of the stream, which a guest may ignore.
                let _ = write(vec![b'x'; 1 << 16]).await;
            },
            _ => Err(()),
        }
    }
}

async fn write(bytes: Vec<u8>) -> Result<(), ()> {
    let (mut sender, output) = wit_stream::new();
    let write = async move {
        sender.write_all(bytes).await;
    };
    let (written, ()) = join!(stdout::write_via_stream(output).into_future(), write);
    written.map_err(drop)
}
