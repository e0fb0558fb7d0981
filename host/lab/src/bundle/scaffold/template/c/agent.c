// Replies with the words of a text in reverse order.

#include "bindings/plain_agent.h"

#include <stdlib.h>
#include <string.h>

// Called at most once, before the first message, and only if there is a configuration. It must be
// exported all the same.
bool exports_sandlab_agent_agent_configure(plain_agent_list_u8_t *config,
                                           exports_sandlab_agent_agent_failure_t *err) {
    size_t len = config->len;
    plain_agent_list_u8_free(config);
    if (len == 0) {
        return true;
    }
    err->tag = SANDLAB_AGENT_TYPES_FAILURE_REFUSED;
    plain_agent_string_dup(&err->val.refused, "this agent takes no configuration");
    return false;
}

// Writes the words of `text`, which spaces part, to `out` in reverse order.
static void reverse_words(const uint8_t *text, size_t len, uint8_t *out) {
    size_t end = len;
    for (size_t at = len; at-- > 0;) {
        if (text[at] == ' ') {
            memcpy(out, text + at + 1, end - at - 1);
            out += end - at - 1;
            *out++ = ' ';
            end = at;
        }
    }
    memcpy(out, text, end);
}

// The bindings own what is returned: they free the list of replies and the content in it. What was
// received is the agent's to free.
bool exports_sandlab_agent_agent_handle(exports_sandlab_agent_agent_message_t *message,
                                        exports_sandlab_agent_agent_list_message_t *ret,
                                        exports_sandlab_agent_agent_failure_t *err) {
    size_t len = message->content.len;
    exports_sandlab_agent_agent_message_t *reply = malloc(sizeof *reply);
    // The bindings free what has bytes, so that an empty allocation would be lost.
    uint8_t *content = len > 0 ? malloc(len) : NULL;
    if (reply == NULL || (content == NULL && len > 0)) {
        free(reply);
        free(content);
        exports_sandlab_agent_agent_message_free(message);
        err->tag = SANDLAB_AGENT_TYPES_FAILURE_EXHAUSTED;
        plain_agent_string_dup(&err->val.exhausted, "out of memory");
        return false;
    }
    reverse_words(message->content.ptr, len, content);
    *reply = (exports_sandlab_agent_agent_message_t){
        .id = message->id,
        .conversation = message->conversation,
        .in_reply_to = {.is_some = true, .val = message->id},
        .sender = message->recipient,
        .recipient = message->sender,
        .performative = SANDLAB_AGENT_TYPES_PERFORMATIVE_INFORM,
        .content = {.ptr = content, .len = len},
    };
    exports_sandlab_agent_agent_message_free(message);
    *ret = (exports_sandlab_agent_agent_list_message_t){.ptr = reply, .len = 1};
    return true;
}
