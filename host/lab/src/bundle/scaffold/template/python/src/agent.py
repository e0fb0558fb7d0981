"""Replies with the words of a text in reverse order."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.types import (
    Failure_NotUnderstood,
    Failure_Refused,
    Message,
    Performative,
)


class Agent(exports.Agent):
    def configure(self, config: bytes) -> None:
        """Called at most once, before the first message, and only if there is a configuration."""
        if config:
            raise Err(Failure_Refused("this agent takes no configuration"))

    def handle(self, message: Message) -> list[Message]:
        """Returns the replies to one message."""
        try:
            text = message.content.decode()
        except UnicodeDecodeError as error:
            raise Err(Failure_NotUnderstood(f"the content is not UTF-8 text: {error}"))
        words = " ".join(reversed(text.split(" ")))
        return [reply(message, Performative.INFORM, words.encode())]


def reply(message: Message, performative: Performative, content: bytes) -> Message:
    """Returns a message in the same conversation, from the recipient to the sender."""
    return Message(
        id=message.id,
        conversation=message.conversation,
        in_reply_to=message.id,
        sender=message.recipient,
        recipient=message.sender,
        performative=performative,
        content=content,
    )
