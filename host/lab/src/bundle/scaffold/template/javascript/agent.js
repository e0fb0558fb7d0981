// Replies with the words of a text in reverse order.

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

// A failure is thrown: the tag says what the caller can do, the text is for people.
function failure(tag, val) {
  return { tag, val };
}

export const agent = {
  // Called at most once, before the first message, and only if there is a configuration.
  configure(config) {
    if (config.length > 0) {
      throw failure("refused", "this agent takes no configuration");
    }
  },

  // Returns the replies to one message.
  handle(message) {
    let text;
    try {
      text = decoder.decode(message.content);
    } catch (error) {
      throw failure("not-understood", `the content is not UTF-8 text: ${error.message}`);
    }
    const words = text.split(" ").reverse().join(" ");
    return [reply(message, "inform", encoder.encode(words))];
  },
};

// Returns a message in the same conversation, from the recipient to the sender. Ids are BigInt.
function reply(message, performative, content) {
  return {
    id: message.id,
    conversation: message.conversation,
    inReplyTo: message.id,
    sender: message.recipient,
    recipient: message.sender,
    performative,
    content,
  };
}
