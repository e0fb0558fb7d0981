//! Works on files in the directory that it is granted as `/data`: `read NAME`,
//! `write NAME\nCONTENT`, `remove NAME`, `list`.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};

#[derive(Default)]
struct Files;

impl Agent for Files {
    fn handle(&mut self, host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let end = message.content.iter().position(|byte| *byte == b'\n');
        let (command, content) = match end {
            Some(end) => (&message.content[..end], Some(&message.content[end + 1..])),
            None => (message.content.as_slice(), None),
        };
        let command = str::from_utf8(command)
            .map_err(|error| Failure::NotUnderstood(format!("not UTF-8: {error}")))?;
        let data = host.directory("/data")?;
        let answer = match (command.split_once(' ').unwrap_or((command, "")), content) {
            (("read", name), None) => data.read(name)?,
            (("write", name), Some(content)) => {
                data.write(name, content)?;
                Vec::new()
            }
            (("remove", name), None) => {
                data.remove(name)?;
                Vec::new()
            }
            (("list", ""), None) => data.names()?.join("\n").into_bytes(),
            _ => {
                return Err(Failure::NotUnderstood(
                    "expected `read NAME`, `write NAME` and a content, `remove NAME` or `list`"
                        .to_owned(),
                ));
            }
        };
        Ok(vec![message.reply(Performative::Inform, answer)])
    }
}

sandlab_agent::export!(Files);
