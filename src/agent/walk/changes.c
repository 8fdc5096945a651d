#include "agent/walk/changes.h"

#include <string.h>

#define TRIES 3u /* while folders are moved under our eyes */

/* A folder that was moved between the reading of the journal and the question where it lies now would be told at a place
 * that nobody lists. */
static int
moved_meanwhile(const struct usn_source *source, uint32_t serial, const struct usn_place *place,
                bool *ret)
{
    struct usn_changes c;
    int rc = usn_changes(source, serial, place, &c);

    if (rc != AL_OK) {
        return rc;
    }
    *ret = c.full != NULL;
    for (size_t i = 0; i < c.count && !*ret; i++) {
        *ret = c.folders[i].whole;
    }
    usn_changes_free(&c);
    return AL_OK;
}

static int
plan_once(const struct usn_source *source, uint32_t serial, const struct usn_place *place,
          struct walk_since *ret, bool *ret_again)
{
    struct usn_changes c;
    int rc = usn_changes(source, serial, place, &c);

    *ret_again = false;
    if (rc != AL_OK) {
        return rc;
    }
    ret->full = c.full;
    if (c.place.journal != 0 || c.place.next != 0) {
        usn_place_encode(&c.place, ret->place);
        ret->place_len = USN_PLACE_BYTES;
    }
    if (ret->full == NULL) {
        rc = walk_plan_of(source, &c, &ret->plan, &ret->full);
    }
    if (rc == AL_OK && ret->full == NULL) {
        rc = moved_meanwhile(source, serial, &c.place, ret_again);
    }
    usn_changes_free(&c);
    if (rc != AL_OK || *ret_again) {
        ret->plan = walk_plan_free(ret->plan);
    }
    return rc;
}

int
walk_since_usn(const struct usn_source *source, uint32_t serial, struct al_span place,
               struct walk_since *ret)
{
    struct usn_place since;
    bool known = usn_place_decode(place, &since) == AL_OK, again = true;
    int rc = AL_OK;

    for (unsigned i = 0; rc == AL_OK && again && i < TRIES; i++) {
        *ret = (struct walk_since){0};
        rc = plan_once(source, serial, known ? &since : NULL, ret, &again);
    }
    if (rc == AL_OK && again) {
        ret->full = "folders were moved while their places were asked for";
    }
    return rc;
}

static int
since_usn(void *ctx, struct port *port, struct port_file *root, struct al_span place,
          struct walk_since *ret)
{
    struct usn_volume v = {.port = port, .root = root};
    struct usn_source source = usn_source_of(&v);
    struct port_fs fs;
    int rc = port_fs(port, root, &fs);

    rc = rc != AL_OK ? rc : port_journal_open(port, root, &v.journal);
    if (rc != AL_OK) {
        *ret = (struct walk_since){.full = rc == AL_EACCES ? "the volume's journal may not be read"
                                                           : "the volume has no journal"};
        return rc == AL_ENOMEM ? rc : AL_OK;
    }
    rc = walk_since_usn(&source, al_get_u32(fs.id), place, ret);
    v.journal = port_journal_close(v.journal);
    return rc;
}

const struct walk_changes walk_changes_usn = {.since = since_usn};
