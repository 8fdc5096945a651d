/* library.h: a shared library that is loaded while the program runs, and the handles it hands out.
 * Only for libraries that an administrator put into a folder of ours: a driver's DLL.
 *
 * Any thread; a library is closed once, by one. */
#ifndef ALTO_PORT_LIBRARY_H
#define ALTO_PORT_LIBRARY_H

#include "base/result.h"

struct port_library;

/* path: absolute, as in port.h. It is the only place that is looked at, never a search path, so that
 * nobody plants a library of the same name elsewhere; what the library itself needs comes from its
 * own folder or the system's. (A name
 * without a dot gets ".dll" on Windows.) AL_EINVAL: not absolute; AL_ENOENT; AL_ENOTSUP: no library of this
 * system and word size (dlopen(3) does not say more; Windows: ERROR_BAD_EXE_FORMAT). */
int port_library_open(const char *path, struct port_library **ret,
                      struct al_fail *fail) AL_MUST_CHECK;
/* NULL: it exports no such name. A function of the C calling convention. */
typedef void (*port_symbol)(void);
port_symbol port_library_symbol(struct port_library *l, const char *name);
/* NULL is fine; returns NULL. No thread may be in it or come back to it. */
struct port_library *port_library_close(struct port_library *l);
/* Likewise, but the library stays loaded as long as the process: for one that has threads of its
 * own. */
struct port_library *port_library_leave(struct port_library *l);

/* Closes a handle that a library opened for us: CloseHandle; on Linux a descriptor in a pointer.
 * AL_EINVAL and file codes. */
int port_foreign_close(void *handle) AL_MUST_CHECK;

#endif
