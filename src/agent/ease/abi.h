/* abi.h: what the filter driver's DLL and we hand each other: both layouts of its message, the
 * reply, its functions and its numbers, in our own declarations. doc/format/ease.md holds the same
 * as a table, with the source of each fact.
 *
 * x64 only: messages hold kernel pointers, and exports (cdecl) and callbacks (stdcall) have one
 * calling convention there. Every offset is asserted below.
 *
 * How sure a fact is stands behind it: [header] the vendor's header or binary says so, [sample] the
 * vendor's samples do it and other things may work too, [inferred], [unknown]. */
#ifndef ALTO_AGENT_EASE_ABI_H
#define ALTO_AGENT_EASE_ABI_H

#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(void *) == 8, "the driver's messages are declared for 64 bits only");

#define EASE_VERIFY 0xff000001u        /* in every message [header] */
#define EASE_TAIL_VERIFY 0xabcdfe33u   /* layout B: the tail has the extended form [header] */
#define EASE_NAME_UNITS 1024u          /* UTF-16 units of a name [header] */
#define EASE_SID_BYTES 256u            /* [header] */
#define EASE_DATA_BYTES 65536u         /* of a reply, and of layout A's data [header] */
#define EASE_TAIL_BYTES 16384u         /* of layout B's data; its C# twin says 65536 [header] */
#define EASE_ADDRESS_UNITS 22u         /* [header] */
#define EASE_REDIRECT_KEY 0xbba65d6fu  /* tag data that begins so is never asked about [sample] */
#define EASE_TAG_BYTES_MAX 16360u      /* flavour A: NTFS's limit less its header [inferred] */
#define EASE_TAG_BYTES_MAX_B 512u      /* flavour B: a file of 1024 less a header of unknown size */
#define EASE_B_STUB_BYTES 1024u        /* what a stub of flavour B takes on disk [sample] */
#define EASE_REMOTE_ORIGIN 0x01000000u /* in create_options: an SMB client's [header] */
#define EASE_ATTRIBUTE_OFFLINE 0x1000u /* what every sample gives a stub [sample] */
#define EASE_GENERIC_READ 0x80000000u  /* Win32 */
#define EASE_GENERIC_WRITE 0x40000000u /* Win32 */
#define EASE_SHARE_ALL 7u /* Win32 FILE_SHARE_READ, _WRITE, _DELETE: others are not held up */

enum ease_command { /* message_type in layout A, filter_command in B [header] */
                    EASE_C_BLOCK = 0x01, /* a read: a block or a whole file will do */
                    EASE_C_FILE_BACK =
                        0x02, /* no sample handles it; whether it is ever sent [unknown] */
                    EASE_C_FILE_CACHE = 0x08, /* mapping or first write: a whole file */
                    EASE_C_NOTIFY = 0x10,     /* the reply is NULL [sample] */
                    EASE_C_NAME = 0x80,       /* a notification too, of an older product [header] */
                    EASE_C_NOTIFY_B = 0x10001, /* layout B: a file changed */
};

enum ease_status { /* NTSTATUS; others may pass through to the reader [unknown] */
                   EASE_S_OK = 0,
                   EASE_S_FAILED = (int)0xc0000001, /* STATUS_UNSUCCESSFUL [sample] */
                   EASE_S_END = (int)0xc0000011,    /* STATUS_END_OF_FILE [sample] */
};

enum ease_filter_status {                      /* exactly one of them, never ored [sample] */
                          EASE_F_NONE = 0,     /* with a failure */
                          EASE_F_BLOCK = 0x08, /* the data are the bytes asked for */
                          EASE_F_CACHE = 0x10, /* the data are the path of a complete local file */
                          EASE_F_REHYDRATE =
                              0x20, /* likewise; the driver makes a plain file of the stub */
};

#define EASE_FILTER_HSM 0x40u           /* ease_api.set_filter_type, B [header] */
#define EASE_ACCESS_ALL 0xfffffff0u     /* of a file rule, B [sample] */
#define EASE_BOOL_STUB_HEADER 0x800000u /* of a file rule, B: stubs with a header [header] */

struct ease_msg_a {
    uint32_t message_id;
    uint64_t file_object; /* kernel pointer */
    uint64_t fs_context;  /* kernel pointer */
    uint32_t message_type;
    uint32_t process_id;
    uint32_t thread_id;
    int64_t offset;
    uint32_t length;
    int64_t file_size;
    int64_t transaction_time; /* FILETIME, UTC, as the next three */
    int64_t creation_time;
    int64_t last_access_time;
    int64_t last_write_time;
    uint32_t file_attributes;
    uint32_t desired_access;
    uint32_t disposition;
    uint32_t share_access;
    uint32_t create_options;
    uint32_t create_status;
    uint32_t info_class;
    uint32_t status;
    uint32_t name_bytes;
    uint16_t name[EASE_NAME_UNITS];
    uint32_t sid_bytes;
    uint8_t sid[EASE_SID_BYTES];
    uint32_t data_bytes;
    uint8_t data[EASE_DATA_BYTES]; /* the stub's tag data */
    uint32_t verify;
};

struct ease_tail_b { /* the extended form of layout B's data, from 5.6.3.5 on */
    uint32_t verify;
    uint16_t user[260];
    uint16_t process[260];
    uint32_t filesystem;
    uint64_t volume_serial;
    uint8_t file_id[16];
    uint8_t data[EASE_TAIL_BYTES];
};

struct ease_msg_b {
    uint32_t verify;
    uint32_t filter_command;
    uint32_t message_id;
    uint32_t rule_id;
    uint16_t remote_address[EASE_ADDRESS_UNITS];
    uint64_t file_object;
    uint64_t fs_context;
    int64_t message_type; /* the class of I/O, not the request */
    uint32_t process_id;
    uint32_t thread_id;
    int64_t offset;
    uint32_t length;
    int64_t file_size;
    int64_t transaction_time;
    int64_t creation_time;
    int64_t last_access_time;
    int64_t last_write_time;
    uint32_t file_attributes;
    uint32_t desired_access;
    uint32_t disposition;
    uint32_t share_access;
    uint32_t create_options;
    uint32_t create_status;
    uint32_t info_class;
    uint32_t status;
    uint32_t return_length;
    uint32_t name_bytes;
    uint16_t name[EASE_NAME_UNITS];
    uint32_t sid_bytes;
    uint8_t sid[EASE_SID_BYTES];
    uint32_t data_bytes;
    union {
        uint8_t plain[EASE_TAIL_BYTES]; /* all there is in 5.5.1.1 */
        struct ease_tail_b extended;
    } tail;
};

struct ease_reply { /* one layout for all */
    uint32_t message_id;
    uint32_t message_type; /* the request's command, in B too [sample] */
    uint32_t return_status;
    uint32_t filter_status;
    uint32_t data_bytes;
    uint8_t data[EASE_DATA_BYTES];
};

/* ---- held against the table of doc/format/ease.md ---- */
#define EASE_AT(type, field, at)                                                                   \
    _Static_assert(offsetof(struct type, field) == (at), #type "." #field " lies elsewhere")

EASE_AT(ease_msg_a, message_id, 0);
EASE_AT(ease_msg_a, file_object, 8);
EASE_AT(ease_msg_a, fs_context, 16);
EASE_AT(ease_msg_a, message_type, 24);
EASE_AT(ease_msg_a, process_id, 28);
EASE_AT(ease_msg_a, thread_id, 32);
EASE_AT(ease_msg_a, offset, 40);
EASE_AT(ease_msg_a, length, 48);
EASE_AT(ease_msg_a, file_size, 56);
EASE_AT(ease_msg_a, transaction_time, 64);
EASE_AT(ease_msg_a, creation_time, 72);
EASE_AT(ease_msg_a, last_access_time, 80);
EASE_AT(ease_msg_a, last_write_time, 88);
EASE_AT(ease_msg_a, file_attributes, 96);
EASE_AT(ease_msg_a, desired_access, 100);
EASE_AT(ease_msg_a, disposition, 104);
EASE_AT(ease_msg_a, share_access, 108);
EASE_AT(ease_msg_a, create_options, 112);
EASE_AT(ease_msg_a, create_status, 116);
EASE_AT(ease_msg_a, info_class, 120);
EASE_AT(ease_msg_a, status, 124);
EASE_AT(ease_msg_a, name_bytes, 128);
EASE_AT(ease_msg_a, name, 132);
EASE_AT(ease_msg_a, sid_bytes, 2180);
EASE_AT(ease_msg_a, sid, 2184);
EASE_AT(ease_msg_a, data_bytes, 2440);
EASE_AT(ease_msg_a, data, 2444);
EASE_AT(ease_msg_a, verify, 67980);
_Static_assert(sizeof(struct ease_msg_a) == 67984, "layout A has another size");

EASE_AT(ease_msg_b, verify, 0);
EASE_AT(ease_msg_b, filter_command, 4);
EASE_AT(ease_msg_b, message_id, 8);
EASE_AT(ease_msg_b, rule_id, 12);
EASE_AT(ease_msg_b, remote_address, 16);
EASE_AT(ease_msg_b, file_object, 64);
EASE_AT(ease_msg_b, fs_context, 72);
EASE_AT(ease_msg_b, message_type, 80);
EASE_AT(ease_msg_b, process_id, 88);
EASE_AT(ease_msg_b, thread_id, 92);
EASE_AT(ease_msg_b, offset, 96);
EASE_AT(ease_msg_b, length, 104);
EASE_AT(ease_msg_b, file_size, 112);
EASE_AT(ease_msg_b, transaction_time, 120);
EASE_AT(ease_msg_b, creation_time, 128);
EASE_AT(ease_msg_b, last_access_time, 136);
EASE_AT(ease_msg_b, last_write_time, 144);
EASE_AT(ease_msg_b, file_attributes, 152);
EASE_AT(ease_msg_b, desired_access, 156);
EASE_AT(ease_msg_b, disposition, 160);
EASE_AT(ease_msg_b, share_access, 164);
EASE_AT(ease_msg_b, create_options, 168);
EASE_AT(ease_msg_b, create_status, 172);
EASE_AT(ease_msg_b, info_class, 176);
EASE_AT(ease_msg_b, status, 180);
EASE_AT(ease_msg_b, return_length, 184);
EASE_AT(ease_msg_b, name_bytes, 188);
EASE_AT(ease_msg_b, name, 192);
EASE_AT(ease_msg_b, sid_bytes, 2240);
EASE_AT(ease_msg_b, sid, 2244);
EASE_AT(ease_msg_b, data_bytes, 2500);
EASE_AT(ease_msg_b, tail.plain, 2504);
EASE_AT(ease_msg_b, tail.extended.verify, 2504);
EASE_AT(ease_msg_b, tail.extended.user, 2508);
EASE_AT(ease_msg_b, tail.extended.process, 3028);
EASE_AT(ease_msg_b, tail.extended.filesystem, 3548);
EASE_AT(ease_msg_b, tail.extended.volume_serial, 3552);
EASE_AT(ease_msg_b, tail.extended.file_id, 3560);
EASE_AT(ease_msg_b, tail.extended.data, 3576);
_Static_assert(sizeof(struct ease_msg_b) == 19960, "layout B has another size");
/* 5.5.1.1 had no extended form and ends with the plain one: what is sure to be there */
#define EASE_MSG_B_SHORT_BYTES 18888u
_Static_assert(offsetof(struct ease_msg_b, tail) + EASE_TAIL_BYTES == EASE_MSG_B_SHORT_BYTES,
               "layout B of 5.5.1.1 has another size");

EASE_AT(ease_reply, message_id, 0);
EASE_AT(ease_reply, message_type, 4);
EASE_AT(ease_reply, return_status, 8);
EASE_AT(ease_reply, filter_status, 12);
EASE_AT(ease_reply, data_bytes, 16);
EASE_AT(ease_reply, data, 20);
_Static_assert(sizeof(struct ease_reply) == 65556, "a reply has another size");

/* ---- functions; BOOL is int32_t, 1 success; ULONG uint32_t; strings UTF-16 but for the key ---- */
/* The last pointer of a callback's reply is NULL for notifications. True once a reply is filled;
 * what false does is [unknown]. Neither has an argument of the caller's. */
typedef int32_t (*ease_message_fn)(const void *message, void *reply);
typedef void (*ease_disconnect_fn)(void);

/* name in the struct, export, needed by flavour A, by B, return type, parameters */
#define EASE_FUNCTIONS(X)                                                                          \
    X(install_driver, "InstallDriver", 1, 1, int32_t, (void))                                      \
    X(uninstall_driver, "UnInstallDriver", 0, 0, int32_t, (void))                                  \
    X(driver_running, "IsDriverServiceRunning", 1, 1, int32_t, (void))                             \
    X(set_key, "SetRegistrationKey", 1, 0, int32_t, (char *key))                                   \
    X(connect, "RegisterMessageCallback", 1, 0, int32_t,                                           \
      (uint32_t threads, ease_message_fn message, ease_disconnect_fn disconnected))                \
    X(disconnect, "Disconnect", 1, 0, void, (void))                                                \
    X(start_filter, "StartFilter", 0, 0, int32_t,                                                  \
      (char *key, uint32_t threads, uint8_t connection_per_thread, uint8_t round_robin,            \
       ease_message_fn message, ease_disconnect_fn disconnected))                                  \
    X(stop_filter, "StopFilter", 0, 0, void, (void))                                               \
    X(last_error, "GetLastErrorMessage", 0, 0, int32_t, (uint16_t * text, uint32_t * io_len))      \
    X(reset, "ResetConfigData", 1, 1, int32_t, (void))                                             \
    X(set_timeout, "SetConnectionTimeout", 1, 1, int32_t, (uint32_t seconds))                      \
    X(set_bools, "SetBooleanConfig", 0, 0, int32_t, (uint32_t bits))                               \
    X(set_waiting_max, "SetMaxWaitingRequestCount", 0, 0, int32_t, (uint32_t count))               \
    X(set_filter_type, "SetFilterType", 0, 1, int32_t, (uint32_t type))                            \
    X(exclude_process, "AddExcludedProcessId", 1, 1, int32_t, (uint32_t process_id))               \
    X(add_file_rule, "AddFileFilterRule", 0, 1, int32_t,                                           \
      (uint32_t access, const uint16_t *mask, int32_t resident, uint32_t rule_id))                 \
    X(add_rule_bools, "AddBooleanConfigToFilterRule", 0, 1, int32_t,                               \
      (const uint16_t *mask, uint32_t bits))                                                       \
    X(create_stub, "CreateStubFileEx", 1, 0, int32_t,                                              \
      (const uint16_t *name, int64_t size, uint32_t attributes, uint32_t tag_bytes, uint8_t *tag,  \
       uint64_t created, uint64_t written, uint64_t accessed, int32_t overwrite,                   \
       void **ret_handle))                                                                         \
    X(open_stub, "OpenStubFile", 1, 0, int32_t,                                                    \
      (const uint16_t *name, uint32_t access, uint32_t share, void **ret_handle))                  \
    X(get_tag, "GetTagData", 1, 0, int32_t, (void *handle, uint32_t *io_len, uint8_t *tag))        \
    /* one parameter in A's header, two in B's: with two it is right for both */                   \
    X(remove_tag, "RemoveTagData", 1, 0, int32_t, (void *handle, uint8_t touch_times))             \
    X(create_virtual, "CreateVirtualStubFile", 0, 1, int32_t,                                      \
      (const uint16_t *name, int64_t size, uint32_t tag_bytes, uint8_t *tag))                      \
    X(virtual_info, "GetVirtualStubFileInfo", 0, 1, int32_t,                                       \
      (const uint16_t *name, int64_t *ret_size, uint32_t *io_len, uint8_t *tag))

struct ease_functions { /* NULL: not exported */
#define EASE_MEMBER(name, symbol, a, b, type, args) type(*name) args;
    EASE_FUNCTIONS(EASE_MEMBER)
#undef EASE_MEMBER
};

#endif
