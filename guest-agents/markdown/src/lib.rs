//! Renders Markdown, with tables, to HTML.

use pulldown_cmark::{Options, Parser, html};
use sandlab_agent::{Agent, Failure, Host, Message, Performative};

#[derive(Default)]
struct Markdown;

impl Agent for Markdown {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let parser = Parser::new_ext(message.text()?, Options::ENABLE_TABLES);
        let mut page = String::new();
        html::push_html(&mut page, parser);
        Ok(vec![message.reply(Performative::Inform, page)])
    }
}

sandlab_agent::export!(Markdown);
