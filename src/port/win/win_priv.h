/* win_priv.h: shared by the files of port/win only.
 *
 * Files are opened by the calls of ntdll (winternl.h), which CreateFileW itself stands on: only these
 * open a name below an open folder, so that a folder that is renamed or replaced by a junction
 * meanwhile leads nobody astray, and no path gets too long. */
#ifndef ALTO_PORT_WIN_PRIV_H
#define ALTO_PORT_WIN_PRIV_H

#include <windows.h>

#include <winternl.h>

#include "port/port.h"

struct port_file {
    HANDLE handle;
    bool async;      /* each read and write waits for its own event */
    bool direct;     /* FILE_NO_INTERMEDIATE_BUFFERING */
    uint32_t serial; /* of the volume, asked for when it was opened */
};

/* The code of a Win32 error, which stays readable by GetLastError. */
int win_code(DWORD error) AL_MUST_CHECK;
/* The code of an NTSTATUS that is a failure; leaves the Win32 error of it for GetLastError. */
int win_status(NTSTATUS status) AL_MUST_CHECK;
#define WIN_OK(status) ((status) >= 0)

/* Numbers that mingw's headers lack; ntifs.h and ntstatus.h of the WDK. */
#define WIN_SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define WIN_PENDING ((NTSTATUS)0x00000103)
#define WIN_BUFFER_OVERFLOW ((NTSTATUS)0x80000005)
#define WIN_INVALID_INFO_CLASS ((NTSTATUS)0xC0000003)
#define WIN_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#define WIN_NAME_NOT_FOUND ((NTSTATUS)0xC0000034)
#define WIN_NOT_A_REPARSE_POINT ((NTSTATUS)0xC0000275)
#define WIN_CANNOT_DELETE ((NTSTATUS)0xC0000121)
#define WIN_ACCESS_DENIED ((NTSTATUS)0xC0000022)
#define WIN_CANNOT_GRANT_OPLOCK ((NTSTATUS)0xC000042E)

/* ---- name.c ---- */
/* UTF-16 with a long-path prefix ("\\?\C:\...", "\\?\UNC\host\share\...") of an absolute path; '/'
 * becomes '\'; a volume alone ("C:", "\\?\Volume{...}") gets the '\' that makes it its root folder.
 * al_free it. */
int win_path(const char *name, wchar_t **ret) AL_MUST_CHECK;
/* WTF-8 of UTF-16: a lone surrogate becomes three bytes, so that every name goes both ways. */
int win_utf8(const wchar_t *text, size_t len, struct al_buf *to) AL_MUST_CHECK;

/* A name as ntdll takes it: one part below dir ("." is dir itself), or absolute without. Holds what
 * attr points at. AL_EINVAL: a part with '\', which would be two, or ':', which would be a stream. */
struct win_name {
    OBJECT_ATTRIBUTES attr;
    UNICODE_STRING text;
    wchar_t *units; /* NUL-terminated */
};
int win_name(const struct port_file *dir, const char *name, struct win_name *ret) AL_MUST_CHECK;
void win_name_end(struct win_name *n);

int64_t win_ns(LARGE_INTEGER filetime); /* ns since 1970 of 100 ns since 1601 */
int64_t win_filetime(int64_t ns);

/* ---- open.c ---- */
/* NtCreateFile: waits for each operation to end unless options say otherwise. Never through a reparse
 * point unless `through`. */
int win_open_name(struct win_name *n, ACCESS_MASK access, ULONG share, ULONG disposition,
                  bool through, HANDLE *ret) AL_MUST_CHECK;
/* f again, through a handle of its own, with another access. Sharing modes do not count where access
 * is to attributes and security alone. */
int win_open_again(const struct port_file *f, ACCESS_MASK access, HANDLE *ret) AL_MUST_CHECK;
int win_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode,
             struct port_file **ret);
int win_open_handle(struct port *p, struct port_file *on_fs, const struct port_handle *h,
                    uint32_t flags, struct port_file **ret);
int win_handle_get(struct port *p, struct port_file *f, struct port_handle *ret);
/* Of a file's id on f's volume. */
struct port_handle win_handle_of(const struct port_file *f, const uint8_t id[16]);
int win_generation(struct port *p, struct port_file *f, uint32_t *ret);
int win_path_of(struct port *p, struct port_file *root, struct port_file *f, struct al_buf *to);
int win_stream_list(struct port *p, struct port_file *f, port_stream_fn each, void *ctx);
int win_stream_open(struct port *p, struct port_file *f, const char *name, uint32_t flags,
                    struct port_file **ret);
int win_close(struct port *p, struct port_file *f);

/* ---- dir.c ---- */
int win_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret);
int win_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end);
void win_dir_close(struct port *p, struct port_dir *d);

/* ---- stat.c ---- */
enum port_type win_type(DWORD attributes, DWORD reparse_tag);
uint32_t win_attrs(DWORD attributes);
DWORD win_attributes(uint32_t attrs); /* back again, those that can be set */
/* The id as port_stat tells it, of all 128 bits. */
uint64_t win_ino(const uint8_t id[16]);
int win_serial(HANDLE h, uint32_t *ret) AL_MUST_CHECK;
/* A share of another machine; false also where that cannot be told. */
bool win_is_remote(const struct port_file *f);
int win_stat(struct port *p, struct port_file *f, struct port_stat *ret);
int win_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret);
int win_fs(struct port *p, struct port_file *f, struct port_fs *ret);

/* ---- change.c ---- */
int win_unlink(struct port *p, struct port_file *dir, const char *name);
int win_rmdir(struct port *p, struct port_file *dir, const char *name);
int win_mkdir(struct port *p, struct port_file *dir, const char *name, uint32_t mode);
int win_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b,
               const char *b, bool replace);
int win_rename_open(struct port *p, struct port_file *f, struct port_file *dir, const char *name);
int win_remove_open(struct port *p, struct port_file *f);
int win_set_times(struct port *p, struct port_file *f, int64_t atime_ns, int64_t mtime_ns);
int win_set_attrs(struct port *p, struct port_file *f, uint32_t attrs, uint32_t mask);
int win_set_born(struct port *p, struct port_file *f, int64_t btime_ns);

/* ---- mapped.c ---- */
int win_is_mapped(struct port *p, struct port_file *f, bool *ret);
int win_map_probe(struct port *p, struct port_file *folder, const char *name, enum port_views *ret);

/* ---- process.c ---- */
void win_stop(void); /* the manager wishes a stop: port_stop_wanted */

/* ---- security.c ---- */
int win_security_get(struct port *p, struct port_file *f, struct al_buf *to);
/* False: the token does not hold it. */
bool win_privilege_on(HANDLE token, const wchar_t *privilege);
int win_security_set(struct port *p, struct port_file *f, struct al_span descriptor);

/* rights.c: privileges of an account on this machine; rights: each ended by NUL, an empty one behind.
 * AL_ENOENT: no such account, or a system that does not know virtual ones. */
int win_rights_grant(const wchar_t *account, const wchar_t *rights) AL_MUST_CHECK;
void win_rights_revoke(const wchar_t *account);

#endif
