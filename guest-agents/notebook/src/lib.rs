//! Keeps notes by name. `put NAME\nTEXT`, `get NAME`, `delete NAME`, `list`.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};
use std::collections::BTreeMap;

#[derive(Default)]
struct Notebook {
    notes: BTreeMap<String, String>,
}

impl Agent for Notebook {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let (command, text) = match message.text()?.split_once('\n') {
            Some((command, text)) => (command, Some(text)),
            None => (message.text()?, None),
        };
        let answer = match (command.split_once(' ').unwrap_or((command, "")), text) {
            (("put", name), Some(text)) => {
                self.notes.insert(name.to_owned(), text.to_owned());
                String::new()
            }
            (("get", name), None) => self.notes.get(name).ok_or_else(|| missing(name))?.clone(),
            (("delete", name), None) => self.notes.remove(name).ok_or_else(|| missing(name))?,
            (("list", ""), None) => {
                let names: Vec<_> = self.notes.keys().map(String::as_str).collect();
                names.join("\n")
            }
            _ => {
                return Err(Failure::NotUnderstood(
                    "expected `put NAME` and a text, `get NAME`, `delete NAME` or `list`"
                        .to_owned(),
                ));
            }
        };
        Ok(vec![message.reply(Performative::Inform, answer)])
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(&self.notes)
            .map_err(|error| Failure::Internal(format!("cannot save the notes: {error}")))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), Failure> {
        self.notes = serde_json::from_slice(state)
            .map_err(|error| Failure::NotUnderstood(format!("these are no notes: {error}")))?;
        Ok(())
    }
}

fn missing(name: &str) -> Failure {
    Failure::Refused(format!("there is no note {name:?}"))
}

sandlab_agent::export!(Notebook, batch, durable);
