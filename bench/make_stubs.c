/* make_stubs FOLDER COUNT KEYFILE SHARE: so many stubs of 64 KiB in a new folder, a thousand to a
 * folder: files that are holes alone with genuine markers, whose objects lie nowhere. The key file
 * holds the volume's marker key in hex. For measuring what stubs cost that nobody opens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/stub/marker.h"
#include "base/text.h"

#define PER_FOLDER 1000
#define STUB_BYTES 65536u
#define OLD_NS INT64_C(1500000000123456789)

struct maker {
    struct port *port;
    struct port_file *top;
    struct marker_key key;
    struct marker marker;
};

static int
mark(struct maker *m, struct port_file *f, unsigned number)
{
    uint8_t bytes[MARKER_BYTES];
    struct port_stat st;
    int rc = port_truncate(m->port, f, STUB_BYTES);

    rc = rc != AL_OK ? rc : port_set_times(m->port, f, OLD_NS, OLD_NS);
    rc = rc != AL_OK ? rc : port_stat(m->port, f, &st);
    rc = rc != AL_OK ? rc : port_generation(m->port, f, &m->marker.generation);
    if (rc == AL_OK) {
        m->marker.ino = st.ino;
        memcpy(m->marker.object, &number, sizeof(number));
        rc = marker_encode(&m->marker, &m->key, bytes);
    }
    return rc != AL_OK ? rc : port_xattr_set(m->port, f, MARKER_XATTR, bytes, sizeof(bytes));
}

static int
fill(struct maker *m, unsigned first, unsigned count)
{
    struct port_file *folder = NULL, *f = NULL;
    char name[32];
    int rc;

    (void)snprintf(name, sizeof(name), "%05u", first / PER_FOLDER);
    rc = port_mkdir(m->port, m->top, name, 0755);
    rc = rc != AL_OK ? rc : port_open(m->port, m->top, name, PORT_READ | PORT_FOLDER, 0, &folder);
    for (unsigned i = 0; rc == AL_OK && i < count; i++) {
        (void)snprintf(name, sizeof(name), "stub %04u.dat", i);
        rc = port_open(m->port, folder, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL,
                       0644, &f);
        if (rc == AL_OK) {
            rc = mark(m, f, first + i);
            port_close_quiet(m->port, &f);
        }
    }
    port_close_quiet(m->port, &folder);
    return rc;
}

static int
prepare(struct maker *m, const char *top, const char *key_file, const char *share)
{
    struct al_buf text = {.max = 256};
    struct port_fs fs;
    int rc = port_read_file(m->port, NULL, key_file, 256, &text);

    if (rc == AL_OK) {
        rc = text.len < 2 * sizeof(m->key.key)
                 ? AL_EINVAL
                 : al_unhex((char *)text.at, 2 * sizeof(m->key.key), m->key.key);
    }
    al_buf_free(&text);
    rc = rc != AL_OK ? rc : port_mkdir(m->port, NULL, top, 0755);
    rc = rc != AL_OK ? rc : port_open(m->port, NULL, top, PORT_READ | PORT_FOLDER, 0, &m->top);
    rc = rc != AL_OK ? rc : port_fs(m->port, m->top, &fs);
    if (rc == AL_OK) {
        memcpy(m->key.fs_id, fs.id, sizeof(m->key.fs_id));
        m->marker = (struct marker){.state = MARKER_STUB,
                                    .ext = "dat",
                                    .share_tag = marker_share_tag(share),
                                    .size = STUB_BYTES,
                                    .mtime_ns = OLD_NS};
    }
    return rc;
}

int
main(int argc, char **argv)
{
    struct maker m = {.port = port_native()};
    unsigned count = argc == 5 ? (unsigned)atoi(argv[2]) : 0;
    int rc;

    if (count == 0) {
        fprintf(stderr, "usage: make_stubs FOLDER COUNT KEYFILE SHARE\n");
        return 2;
    }
    rc = prepare(&m, argv[1], argv[3], argv[4]);
    for (unsigned i = 0; rc == AL_OK && i < count; i += PER_FOLDER) {
        rc = fill(&m, i, count - i < PER_FOLDER ? count - i : PER_FOLDER);
    }
    if (rc != AL_OK) {
        fprintf(stderr, "make_stubs: %s\n", al_code_name(rc));
    }
    port_close_quiet(m.port, &m.top);
    return rc == AL_OK ? 0 : 1;
}
