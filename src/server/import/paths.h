/* paths.h: paths of others → ours: below the volume's root, '/' between parts, "" the root itself, else a '/' first.
 * Windows ("D:\a\b", "\\host\share\a", "\\?\D:\a"): both slashes part names, ASCII case of what the root is called does not
 * matter. POSIX ("/srv/a", "./a", "a"): '\' is a byte like any other. Pure. */
#ifndef ALTO_SERVER_IMPORT_PATHS_H
#define ALTO_SERVER_IMPORT_PATHS_H

#include "server/import/kinds.h"

#define IMPORT_PATH_BYTES_MAX 65536u /* as INVENTORY_PATH_MAX */
#define IMPORT_NAME_BYTES_MAX 4096u  /* as ENTRIES_NAME_MAX */

struct import_root {
    bool windows;
    struct al_span
        prefix; /* as import_path_plain gives it, without a '/' at the end; "" for "/", "." */
};

bool import_path_is_windows(struct al_span raw);
/* The path with '/' between its parts, without "\\?\" and "./" in front: "D:/a", "//host/share/a", "/srv/a", "a". out: raw.len
 * + 1 bytes. Its length. */
size_t import_path_plain(bool windows, struct al_span raw, uint8_t *out);

/* Our path into out (raw.len + 2 bytes); *ret_is_folder: it ends with a separator. NULL: fine; else why the row is
 * refused, a sentence without its end. */
const char *import_path_read(const struct import_root *root, struct al_span raw, uint8_t *out,
                             size_t *ret_len, bool *ret_is_folder);
/* ASCII case ignored; of one length. */
bool import_same_folded(struct al_span a, struct al_span b);
/* Cuts *io (a path of import_path_plain) to the longest folder that it shares with `path`, which is_folder or
 * lies in one; a drive, a share's root, "/" at least. False: they share none of these. */
bool import_path_common(bool windows, struct al_span *io, struct al_span path, bool is_folder);

#endif
