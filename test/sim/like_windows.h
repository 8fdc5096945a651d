/* like_windows.h: TEST CODE. Gives a simulated disk's port what Windows has besides: files held alone, renamed and removed by their
 * handle, rights, named streams, attributes, a time of creation; and takes leases and extended attributes away. All of it is kept in
 * attributes and files of the simulated disk, so that it is lost and kept in a crash like those. One disk at a time. */
#ifndef ALTO_TEST_SIM_LIKE_WINDOWS_H
#define ALTO_TEST_SIM_LIKE_WINDOWS_H

#include "port/sim/sim.h"

/* Until sim_free; again after each restart of the disk, when every handle is dead. */
void like_windows(struct sim *s);
/* By somebody else, durable. */
void like_windows_dress(struct sim *s, const char *path, uint32_t attrs, const char *rights, const char *stream, const void *bytes,
                        size_t len, int64_t btime_ns);
/* Whether the file at the path has just that; OFFLINE does not count. */
bool like_windows_dressed(struct sim *s, const char *path, uint32_t attrs, const char *rights, const char *stream, const void *bytes,
                          size_t len, int64_t btime_ns);
bool like_windows_rights(struct sim *s, const char *path, const char *rights);
void like_windows_mapped(bool on); /* somebody has a view of each file */
void like_windows_fixed(bool on);  /* rights cannot be set */

#endif
