/* share_put.h: TEST CODE. A tiered file on a share, as an agent leaves it: its object and its manifest's line. */
#ifndef ALTO_TEST_UNIT_CLI_SHARE_PUT_H
#define ALTO_TEST_UNIT_CLI_SHARE_PUT_H

#include <stdio.h>
#include <string.h>

#include "agent/target/manifest.h"
#include "agent/target/target.h"
#include "base/hash.h"
#include "port/digest.h"
#include "tap.h"

/* r: all but its object's id (made of n), name and hashes. spoil: the object is not what the line says. *io_at: where the
 * manifest ends. */
static inline void
share_put(struct target *t, unsigned n, struct manifest_record *r, const char *content, bool spoil, const char *manifest, uint64_t *io_at)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    struct target_put *p = NULL;
    char name[TARGET_NAME_MAX], id[32];
    bool done = false;

    snprintf(id, sizeof(id), "01arz3ndektsv4rrffq69g5%03u", n);
    TAP_OK(target_object_name(id, r->path, name));
    TAP_OK(target_put_begin(t, name, r->size, &p, NULL));
    if (r->size > 0) {
        TAP_OK(target_put_write(p, spoil ? "!" : content, spoil ? 1 : strlen(content), NULL));
    }
    while (!done) {
        TAP_OK(target_put_step(p, &done, NULL));
    }
    target_put_end(p);
    r->object_id = id;
    r->object_name = name;
    r->xxh = al_xxh128(content, strlen(content));
    TAP_OK(port_sha256_of(content, strlen(content), r->sha256));
    al_buf_init(&line, MANIFEST_LINE_MAX);
    TAP_OK(manifest_print(r, &line));
    TAP_OK(target_append(t, manifest, *io_at, line.at, line.len, NULL));
    *io_at += line.len;
}

#endif
