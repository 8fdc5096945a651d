/* linux_priv.h: shared by the files of port/linux only. */
#ifndef ALTO_PORT_LINUX_PRIV_H
#define ALTO_PORT_LINUX_PRIV_H

#include "port/port.h"

struct port_file {
    int fd;
};

/* The code of an errno, which is kept as it is for port_os_error. */
int linux_code(int error_number) AL_MUST_CHECK;

/* Wraps a descriptor, which is closed when memory is short. */
int linux_file_new(int fd, struct port_file **ret) AL_MUST_CHECK;

extern const struct port_ops linux_ops;

/* dir.c */
int linux_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret);
int linux_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end);
void linux_dir_close(struct port *p, struct port_dir *d);

/* stat.c */
int linux_stat(struct port *p, struct port_file *f, struct port_stat *ret);
int linux_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret);
int linux_stat_fresh_at(struct port *p, struct port_file *dir, const char *name,
                        struct port_stat *ret);
int linux_path_of(struct port *p, struct port_file *root, struct port_file *f, struct al_buf *to);
int linux_fs(struct port *p, struct port_file *f, struct port_fs *ret);

/* xattr.c */
int linux_xattr_get(struct port *p, struct port_file *f, const char *name, void *to, size_t cap,
                    size_t *ret_len);
int linux_xattr_get_at(struct port *p, struct port_file *dir, const char *name, const char *attr,
                       void *to, size_t cap, size_t *ret_len);
int linux_xattr_set(struct port *p, struct port_file *f, const char *name, const void *value,
                    size_t len);
int linux_xattr_del(struct port *p, struct port_file *f, const char *name);
int linux_xattr_list(struct port *p, struct port_file *f, struct al_buf *to);

/* hold.c: locks, leases, holes, handles */
int linux_lock(struct port *p, struct port_file *f);
int linux_lease_take(struct port *p, struct port_file *f);
int linux_lease_state(struct port *p, struct port_file *f, enum port_lease *ret);
int linux_lease_drop(struct port *p, struct port_file *f);
int linux_punch(struct port *p, struct port_file *f, uint64_t offset, uint64_t len);
int linux_next_data(struct port *p, struct port_file *f, uint64_t offset, uint64_t *ret_offset);
int linux_next_hole(struct port *p, struct port_file *f, uint64_t offset, uint64_t *ret_offset);
int linux_handle_get(struct port *p, struct port_file *f, struct port_handle *ret);
int linux_open_handle(struct port *p, struct port_file *on_fs, const struct port_handle *h,
                      uint32_t flags, struct port_file **ret);
int linux_generation(struct port *p, struct port_file *f, uint32_t *ret);

/* unseen.c */
int linux_mount_apart(struct port *p, struct port_file *folder, struct port_file **ret);
int linux_open_unseen(struct port *p, struct port_file *dir, const char *name,
                      struct port_file **ret);

/* open(2) flags of enum port_open_flag */
int linux_open_flags(uint32_t flags);

#endif
