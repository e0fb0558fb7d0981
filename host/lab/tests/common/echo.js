// An agent in JavaScript, for the tests: answers with what it is told.
export const agent = {
  configure(config) {},
  handle(message) {
    return [{
      id: message.id,
      conversation: message.conversation,
      inReplyTo: message.id,
      sender: message.recipient,
      recipient: message.sender,
      performative: 'inform',
      content: message.content,
    }];
  },
};
