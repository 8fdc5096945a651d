/* win_priv.h: shared by the files of port/win only. */
#ifndef ALTO_PORT_WIN_PRIV_H
#define ALTO_PORT_WIN_PRIV_H

#include <windows.h>

#include "port/port.h"

struct port_file {
    HANDLE handle;
    wchar_t *path; /* al_alloc'ed, absolute, with the long-path prefix */
};

/* The code of a Win32 error, which stays readable by GetLastError. */
int win_code(DWORD error) AL_MUST_CHECK;

/* UTF-16 with a long-path prefix ("\\?\C:\...", "\\?\UNC\host\share\...") of a name below dir, or
 * of an absolute path; '/' becomes '\'. al_free it. */
int win_path(const struct port_file *dir, const char *name, wchar_t **ret) AL_MUST_CHECK;
/* WTF-8 of UTF-16: a lone surrogate becomes three bytes, so that every name goes both ways. */
int win_utf8(const wchar_t *text, size_t len, struct al_buf *to) AL_MUST_CHECK;

int64_t win_ns(LARGE_INTEGER filetime); /* ns since 1970 of 100 ns since 1601 */
int64_t win_filetime(int64_t ns);

/* dir.c */
int win_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret);
int win_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end);
void win_dir_close(struct port *p, struct port_dir *d);
enum port_type win_type(DWORD attributes, DWORD reparse_tag);
uint32_t win_attrs(DWORD attributes);

/* stat.c */
int win_stat(struct port *p, struct port_file *f, struct port_stat *ret);
int win_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret);
int win_fs(struct port *p, struct port_file *f, struct port_fs *ret);

#endif
