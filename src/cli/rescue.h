/* rescue.h: the inside of `alto rescue`: rescue.c (manifests), rescue_file.c (one file). */
#ifndef ALTO_CLI_RESCUE_H
#define ALTO_CLI_RESCUE_H

#include "agent/target/kept.h"
#include "cli/cli.h"

#define RESCUE_CHUNK (1u << 20)

struct version {
    int64_t tiered_ns;
    uint64_t size;
    uint64_t line; /* over all manifests, in the order they are read; 0: none */
};

/* The last version of one path of one volume. Within a manifest, which has one writer, a later line
 * is a later version whatever the host's clock was; between manifests tiered_ns decides. */
struct newest {
    struct al_xxh128 key;
    uint64_t file;          /* the manifest that `here` is of */
    struct version here;    /* line 0: free */
    struct version earlier; /* the newest of manifests read before */
};

struct rescue {
    struct cli *cli;
    struct target *target;
    struct port_file *root; /* where the files go */
    struct al_arena *arena; /* of one line */
    uint8_t *chunk;
    json_t *listed;
    struct al_span prefix;
    bool list, several_volumes;
    uint64_t lesser; /* files that lack something of their line */
    struct {
        uint64_t files;
        int code; /* of the first of them */
    } missed[KEPT_PARTS];
    const char *manifest; /* under way; lent */
    al_id volume;         /* the first one met */
    uint64_t line, file, damaged;
    struct newest *table;
    size_t cap, count;
    uint64_t bytes, bytes_done, restored, there, failed;
    int64_t told_ns;
};

/* Restores one file below r->root: under a temporary name first, hash compared, then with its
 * attributes under its own name. What of them could not be set is counted in r->missed. AL_EEXIST: it is there already; AL_ECORRUPT: the object is not
 * what was tiered. With several volumes each has a folder named by its id. */
int rescue_file(struct rescue *r, const struct manifest_record *rec,
                struct al_fail *fail) AL_MUST_CHECK;

#endif
