// Replies with the words of a text in reverse order.
package export_sandlab_agent_agent

import (
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	. "wit_component/sandlab_agent_types"

	. "go.bytecodealliance.org/pkg/wit/types"
)

// Called at most once, before the first message, and only if there is a configuration. It must be
// here all the same.
func Configure(config []byte) Result[Unit, Failure] {
	if len(config) > 0 {
		return Err[Unit](MakeFailureRefused("this agent takes no configuration"))
	}
	return Ok[Unit, Failure](Unit{})
}

// The collector reads a clock, and while the host passes a message in nothing outside may be called.
// So it does not start by itself, but in Handle, after so many bytes.
const collectAfter = 1 << 20

var received int

func init() {
	debug.SetGCPercent(-1)
}

// Returns the replies to one message.
func Handle(message Message) Result[[]Message, Failure] {
	received += 1024 + 2*len(message.Content)
	if received > collectAfter {
		received = 0
		runtime.GC()
	}
	if !utf8.Valid(message.Content) {
		return Err[[]Message](MakeFailureNotUnderstood("the content is not UTF-8 text"))
	}
	words := strings.Split(string(message.Content), " ")
	slices.Reverse(words)
	content := []byte(strings.Join(words, " "))
	return Ok[[]Message, Failure]([]Message{reply(message, PerformativeInform, content)})
}

// Returns a message in the same conversation, from the recipient to the sender.
func reply(message Message, performative Performative, content []byte) Message {
	return Message{
		Id:           message.Id,
		Conversation: message.Conversation,
		InReplyTo:    Some(message.Id),
		Sender:       message.Recipient,
		Recipient:    message.Sender,
		Performative: performative,
		Content:      content,
	}
}
