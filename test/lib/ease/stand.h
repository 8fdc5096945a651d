/* stand.h: TEST CODE. A stand-in for the filter driver and its DLL: exports the functions that the
 * vendor documents, keeps stubs on disk in a form of its own, and sends messages as the driver would:
 * from several threads, in either layout, out of order, repeated, to nobody who waits any more. It
 * checks each reply. It shows that our side keeps the contract as far as that is documented; it shows
 * nothing about the real driver.
 *
 * A stub has no reparse attribute; what tells it from afar is that it has less on disk than its size says. Wine writes the last byte of
 * a file that grows, so that there it is so from 8193 bytes on.
 *
 * Built twice, as stand_a (functions and layout A) and stand_b. The test loads the same file as the
 * code under test does and asks for StandControl. */
#ifndef ALTO_TEST_LIB_EASE_STAND_H
#define ALTO_TEST_LIB_EASE_STAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stand_settings {
    uint64_t seed;
    uint32_t timeout_ms;      /* of the driver; 0: what SetConnectionTimeout said */
    unsigned shuffle_percent; /* messages that are taken out of order */
    unsigned repeat_percent;  /* that are sent twice, at the same time */
    unsigned abandon_percent; /* whose reader goes away after abandon_ms */
    uint32_t abandon_ms;
    unsigned notice_percent;  /* reads that are told besides */
    bool short_tail;          /* layout B as 5.5.1.1 had it; else with the extended tail */
    bool driver_runs;         /* before InstallDriver */
    bool wrong_number;        /* messages' verification number is none */
    bool refuse_key;          /* SetRegistrationKey or StartFilter fail */
    bool no_transaction_time; /* messages carry none */
    bool new_files;           /* making a stub of a file makes another file */
    /* this call that makes a stub or gives out its tag fails, from now on, once; 0: none. Opening one does not: that no stub is
     * there the DLL says in the same way, and only the reparse attribute, which this form has not, tells them apart */
    unsigned fail_stub_call;
    bool fail_after;          /* though it is done */
};

enum stand_result {
    STAND_OK = 0,
    STAND_DENIED = -1,    /* the reply was a failure */
    STAND_TIMEOUT = -2,   /* no reply in time: lost */
    STAND_LEFT = -3,      /* the reader went away */
    STAND_EXCLUDED = -4,  /* an excluded process */
    STAND_NO_CLIENT = -5, /* nobody is connected */
    STAND_BROKEN = -6     /* a reply that breaks the contract, or a file that cannot be read */
};

struct stand_counts {
    uint64_t messages, replies, blocks, caches, fills, denied, ends, notices, repeats, late, lost;
    uint64_t violations;
    char first_violation[200];
    unsigned waiting, threads, threads_most; /* callbacks at the same time, at most */
    uint32_t timeout_s;
    unsigned excluded, resets, connects, disconnects, rules, stub_rules;
    uint32_t filter_type;
    bool key_set, connected, excluded_before_reset; /* excluded last before the last reset */
    char order[512];                                /* names of the calls, with blanks between */
};

struct stand_control {
    void (*set)(const struct stand_settings *s); /* counts begin anew */
    void (*counts)(struct stand_counts *ret);
    /* An application reads: *ret_len bytes are there with STAND_OK, fewer only at the end. */
    int (*read)(const char *path, uint32_t process, uint64_t offset, void *to, size_t len,
                size_t *ret_len);
    /* One message of a read, as large as asked. */
    int (*read_once)(const char *path, uint32_t process, uint64_t offset, uint32_t len, void *to,
                     size_t *ret_len);
    /* Maps it: *ret_len bytes of the whole file from the beginning, at most cap. */
    int (*map)(const char *path, uint32_t process, void *to, size_t cap, size_t *ret_len);
    /* Any request, for what no driver should send. path may be NULL: no name. */
    int (*send)(uint32_t command, const char *path, uint32_t process, uint64_t offset,
                uint32_t length);
    bool (*is_stub)(const char *path);
    /* The driver ends the connection. */
    void (*drop)(void);
    /* For a test that kills itself: an ordinary file becomes a stub without the DLL's call. */
    int (*make)(const char *path, int64_t size, const uint8_t *tag, uint32_t tag_bytes);
};

typedef const struct stand_control *(*stand_control_fn)(void);

#endif
