/* message.h: one request of the driver, of either layout, and the reply to it. Pure: no system
 * calls, no allocation. Whatever bytes come, nothing outside the message is read.
 *
 *   ease_request_decode ─▶ struct ease_request ─▶ ease_reply_fail first, then at most one of
 *                                                 ease_reply_block, ease_reply_path */
#ifndef ALTO_AGENT_EASE_MESSAGE_H
#define ALTO_AGENT_EASE_MESSAGE_H

#include "agent/ease/abi.h"
#include "base/bytes.h"

enum ease_layout { EASE_LAYOUT_A, EASE_LAYOUT_B };

struct ease_request {
    uint32_t message_id;
    uint32_t command; /* enum ease_command, or another number */
    uint64_t file_object, fs_context;
    uint32_t process_id, thread_id;
    int64_t offset; /* never negative */
    uint32_t length;
    int64_t file_size;        /* never negative */
    int64_t transaction_time; /* FILETIME */
    uint32_t file_attributes, desired_access, create_options, info_class;
    struct al_span name; /* UTF-16LE as it came, borrowed from the message, like sid and tag */
    struct al_span sid;
    struct al_span tag;
    bool has_file_id; /* layout B with the extended tail */
    uint64_t volume_serial;
    uint8_t file_id[16];
};

/* How many bytes of a message of this layout are sure to be there, and how many may be looked at. */
size_t ease_message_bytes(enum ease_layout layout);
/* Reads a message of which `size` bytes may be looked at. AL_ECORRUPT: it is shorter than the
 * layout, the verification number is another, or a length is more than its field holds. */
int ease_request_decode(enum ease_layout layout, const void *message, size_t size,
                        struct ease_request *ret) AL_MUST_CHECK;
/* Notifications want no reply. */
bool ease_request_is_notice(const struct ease_request *r);
/* Appends the name as WTF-8: lone surrogates become three bytes, a prefix of \??\ or \\?\ goes,
 * '\' becomes '/'. AL_EINVAL: it holds a NUL or nothing. */
int ease_name_text(struct al_span utf16, struct al_buf *to) AL_MUST_CHECK;
/* The way back, with '\' between parts and a NUL behind. AL_EINVAL: no WTF-8. AL_ELIMIT: longer than
 * `cap` units with the NUL. *ret_units: without the NUL. */
int ease_name_units(const char *path, uint16_t *to, size_t cap, size_t *ret_units) AL_MUST_CHECK;

/* A reply's bytes: sizeof(struct ease_reply), of any content before. Every field is set. */
void ease_reply_fail(void *reply, const struct ease_request *r, uint32_t status);
/* Where the bytes of a block go, EASE_DATA_BYTES long, before ease_reply_block says that they are
 * there. */
uint8_t *ease_reply_room(void *reply);
void ease_reply_block(void *reply, const struct ease_request *r, uint32_t len);
/* how: EASE_F_CACHE or EASE_F_REHYDRATE. AL_EINVAL, AL_ELIMIT as ease_name_units; it is a failure
 * then. */
int ease_reply_path(void *reply, const struct ease_request *r, uint32_t how,
                    const char *path) AL_MUST_CHECK;

#endif
