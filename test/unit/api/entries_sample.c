/* Writes one entry batch, as an agent would send it, to standard output: the root with "docs",
 * "big.mov", a name that is no UTF-8, and a file in "docs". */
#include <stdio.h>
#include <string.h>

#include "port/port.h"
#include "wire/entries.h"

#define T INT64_C(1700000000000000000)

static int
add(struct al_buf *body, bool folder, uint64_t id, uint8_t type, const char *name, uint64_t size)
{
    struct entry_record r = {.is_folder_record = folder,
                             .folder = id,
                             .parent = folder && id > 1 ? 1 : 0,
                             .type = type,
                             .name = al_span_of(name),
                             .mode = 0644,
                             .nlink = 1,
                             .ino = 1000 + size % 1000 + id,
                             .size = size,
                             .allocated = size,
                             .mtime_ns = T,
                             .ctime_ns = T,
                             .atime_ns = T};

    return entries_add(body, &r);
}

int
main(void)
{
    struct al_buf body, out;

    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    al_buf_init(&out, ENTRIES_PLAIN_MAX);
    if (add(&body, true, 1, PORT_T_FOLDER, "", 0) != AL_OK ||
        add(&body, false, 1, PORT_T_FOLDER, "docs", 0) != AL_OK ||
        add(&body, false, 1, PORT_T_FILE, "big.mov", 50000000) != AL_OK ||
        add(&body, false, 1, PORT_T_FILE, "na\xffme", 4097) != AL_OK ||
        add(&body, true, 2, PORT_T_FOLDER, "docs", 0) != AL_OK ||
        add(&body, false, 2, PORT_T_FILE, "a.txt", 12) != AL_OK ||
        entries_pack(&body, 6, &out) != AL_OK) {
        return 1;
    }
    return fwrite(out.at, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}
