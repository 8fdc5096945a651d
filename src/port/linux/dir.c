/* Listing a folder: getdents64(2) into a buffer of our own, since readdir(3) takes a lock and a
 * copy per entry. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/linux/linux_priv.h"

#define DIR_BUFFER_BYTES 65536u /* some 1,500 entries; more did not make listings faster */

/* As the kernel writes it: getdents64(2). */
struct kernel_dirent {
    uint64_t ino;
    int64_t offset;
    uint16_t len;
    uint8_t type;
    char name[];
};

struct port_dir {
    int fd; /* the folder's own, lent */
    bool began;
    size_t at, len;
    _Alignas(8) uint8_t buffer[DIR_BUFFER_BYTES];
};

int
linux_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret)
{
    struct port_dir *d = al_alloc(sizeof(*d));

    if (d == NULL) {
        return AL_ENOMEM;
    }
    d->fd = folder->fd;
    d->at = d->len = 0;
    if (lseek(d->fd, 0, SEEK_SET) < 0) {
        al_free(d);
        return linux_code(errno);
    }
    *ret = d;
    return AL_OK;
}

static enum port_type
type_of(uint8_t d_type)
{
    switch (d_type) { /* DT_* of dirent.h, which are the kernel's numbers */
    case 8:
        return PORT_T_FILE;
    case 4:
        return PORT_T_FOLDER;
    case 10:
        return PORT_T_SYMLINK;
    case 1:
        return PORT_T_FIFO;
    case 12:
        return PORT_T_SOCKET;
    case 2:
        return PORT_T_CHAR;
    case 6:
        return PORT_T_BLOCK;
    default:
        return PORT_T_UNKNOWN;
    }
}

int
linux_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end)
{
    for (;;) {
        struct kernel_dirent *e;

        if (d->at == d->len) {
            ssize_t n = syscall(SYS_getdents64, d->fd, d->buffer, sizeof(d->buffer));

            if (n < 0) {
                return linux_code(errno);
            }
            if (n == 0) {
                *ret_end = true;
                return AL_OK;
            }
            d->at = 0;
            d->len = (size_t)n;
        }
        e = (struct kernel_dirent *)(void *)(d->buffer + d->at);
        d->at += e->len;
        if (e->name[0] == '.' &&
            (e->name[1] == '\0' || (e->name[1] == '.' && e->name[2] == '\0'))) {
            continue;
        }
        *ret = (struct port_dirent){
            .name = e->name, .name_len = strlen(e->name), .ino = e->ino, .type = type_of(e->type)};
        *ret_end = false;
        return AL_OK;
    }
}

void
linux_dir_close(struct port *p, struct port_dir *d)
{
    al_free(d);
}
