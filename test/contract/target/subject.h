/* subject.h: a share under test, with the folder behind it, so that tests can do there what only the server's own administrator
 * could. For the contract tests of agent/target. */
#ifndef ALTO_TEST_CONTRACT_TARGET_SUBJECT_H
#define ALTO_TEST_CONTRACT_TARGET_SUBJECT_H

#include "agent/target/target.h"

struct subject {
    bool smb; /* a real Samba through libsmb2 */
    bool unc; /* a folder that Windows takes for \\\\HOST\\SHARE */
    char work[256]; /* temporary folder of this run */
    char dir[512];  /* the folder behind the share */
    char url[512];
    char user[64], password[128];
};

/* Prepares a folder ("folder", "unc"), or starts Samba ("smb"). False where this cannot be: with a reason when it is
 * the machine's (no root, no smbd), with NULL when it should have worked. */
bool subject_begin(struct subject *s, const char *kind, const char **ret_why_not);
void subject_end(struct subject *s);
/* The address of another share of the same server or of another folder: "small", "readonly", "foreign", "guest". */
void subject_other(const struct subject *s, const char *share, struct subject *ret);
struct target_conf subject_conf(const struct subject *s, uint32_t deadline_ms);

/* samba.sh VERB on the subject's server; words of its output. */
int subject_samba(const struct subject *s, const char *verb, char *out, size_t cap);
/* Sends a signal to what samba.sh VERB ("children", "pids") names; how many there were. */
int subject_signal(const struct subject *s, const char *verb, int signal);
int subject_shell(const char *format, ...) AL_PRINTF(1, 2);
bool subject_is_root(void);

/* Bytes of an object: a function of its seed, the same each time. */
void subject_fill(uint8_t *to, size_t len, uint64_t seed, uint64_t offset);
/* Whole put and whole get, in pieces of `piece` bytes; both return the first error. Get compares with the seed's bytes and gives
 * AL_ECORRUPT where they differ. */
int subject_put(struct target *t, const char *name, uint64_t size, uint64_t seed, size_t piece, struct al_fail *fail);
int subject_get(struct target *t, const char *name, uint64_t size, uint64_t seed, size_t piece, struct al_fail *fail);
bool subject_says(int code, int one, int other);
/* A new object name. */
void subject_name(const char *path, char name[TARGET_NAME_MAX]);
/* How many files lie below a folder of the share, seen from behind. */
int subject_files(const struct subject *s, const char *folder);

#endif
