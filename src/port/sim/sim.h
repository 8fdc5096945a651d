/* sim.h: a computer's disk and clock in memory, behind struct port: seeded, and it loses power or
 * its process at any call.
 *
 *   struct sim *disk;  sim_new(seed, SIM_ORDER_GLOBAL, &disk);
 *   sim_crash_at(disk, n, SIM_POWER, false);   run(sim_port(disk));   sim_restart(disk);   look();
 *
 * Two processes share the disk: sim_port is the program under test (its calls are numbered, crash
 * and can be hooked), sim_other is everybody else (never crashes; an open or truncate that meets a
 * lease answers AL_EBUSY, leaves the lease "wanted" and is meant to be tried again).
 *
 * What a power cut leaves. Every object has the state that programs see and the one on the platter;
 * every change is an operation not yet on the platter, until a sync. Two orders, since real
 * filesystems differ and each is the nastier one somewhere:
 *   SIM_ORDER_GLOBAL  as ext4 and XFS: one journal. Any sync takes ALL earlier changes of names,
 *                     attributes, times and sizes of all files with it, but the bytes of the synced
 *                     file only. So the removal of an attribute can outlive bytes that were written
 *                     before it (measured: a file of zeros without its marker).
 *   SIM_ORDER_OBJECT  as POSIX promises, no more: a sync keeps that object only; the name of a new
 *                     file needs a sync of its folder.
 * The seed chooses what else survives: a prefix of the other changes, any of the blocks, holes
 * punched half.
 *
 * Times of files have a grain of 4 ms, as the kernel's, and each call takes 1 µs: several changes
 * share one mtime. Blocks are 4096 bytes. Everything here is for one thread. The disk's memory is
 * freed by sim_free; files and listings belong to the program, also after a crash: it closes them
 * as ever (sim_open_files tells how many it has not). */
#ifndef ALTO_PORT_SIM_SIM_H
#define ALTO_PORT_SIM_SIM_H

#include "port/port.h"

struct sim;

enum sim_order { SIM_ORDER_GLOBAL, SIM_ORDER_OBJECT };
enum sim_crash {
    SIM_POWER, /* the computer stops: what was not synced is at the seed's mercy */
    SIM_KILL   /* the process is gone, the disk keeps everything; leases and locks are dropped */
};

int sim_new(uint64_t seed, enum sim_order order, struct sim **ret) AL_MUST_CHECK; /* AL_ENOMEM */
struct sim *sim_free(struct sim *s); /* NULL is fine; returns NULL */

struct port *sim_port(struct sim *s);  /* lives as long as the sim */
struct port *sim_other(struct sim *s); /* somebody else on the same computer */

/* How many calls sim_port has answered since the start, a restart or the last sim_crash_at. */
uint64_t sim_calls(const struct sim *s);
/* Call number nth from now (1 = the next; 0: never) and all after it answer AL_ECRASH. `after`: the
 * call still takes effect, only nobody hears. */
void sim_crash_at(struct sim *s, uint64_t nth, enum sim_crash how, bool after);
bool sim_is_down(const struct sim *s);
/* The code answered while down, AL_ECRASH unless told otherwise: a share's computer that lost power
 * looks AL_EUNREACH from outside. */
void sim_down_code(struct sim *s, int code);
/* While `leader` is down, calls on s answer as if s were: the disk of a share, reached from a
 * process that died. NULL: none. */
void sim_follow(struct sim *s, const struct sim *leader);
/* After a crash (or without: then as if it crashed now): the next process, or the next boot. Files
 * opened before are dead: any use answers the down code, close is fine. Undoes sim_crash_at.
 * AL_ENOMEM. */
int sim_restart(struct sim *s, enum sim_crash how) AL_MUST_CHECK;

/* Runs before each call of sim_port, with its number. It may use sim_other and the functions here.
 * NULL: none. */
void sim_hook(struct sim *s, void (*fn)(void *ctx, uint64_t call), void *ctx);

/* Puts bytes into a file that `f` (opened for writing at sim_other) has open, the way a mapping
 * does: no time changes. */
int sim_poke(struct sim *s, struct port_file *f, uint64_t offset, const void *bytes,
             size_t len) AL_MUST_CHECK;
/* truncate(2) by path, from sim_other: AL_EBUSY where a lease is in the way. */
int sim_truncate_path(struct sim *s, const char *path, uint64_t size) AL_MUST_CHECK;
/* utimensat(2) by path, from sim_other: opens nothing, so no lease is in its way. */
int sim_times_path(struct sim *s, const char *path, int64_t atime_ns,
                   int64_t mtime_ns) AL_MUST_CHECK;
/* Blocks left to give out, from now; UINT64_MAX at first. Writing past it is AL_ENOSPC. */
void sim_space(struct sim *s, uint64_t blocks);
void sim_read_only(struct sim *s, bool on); /* AL_EROFS for every change by sim_port */
/* A rename that must not replace anything is AL_EINVAL, as on many FUSE filesystems. */
void sim_plain_renames(struct sim *s, bool on);
void sim_clock_add(struct sim *s, int64_t ns);
/* files and listings opened at sim_port and not closed */
unsigned sim_open_files(const struct sim *s);
/* from its seed, so that a test's own choices repeat too */
uint64_t sim_random(struct sim *s);

#endif
