#include "subject.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "unix.h"

int
subject_shell(const char *format, ...)
{
    char command[2048], out[64];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    return n > 0 && (size_t)n < sizeof(command) ? unix_run(command, out, sizeof(out)) : -1;
}

bool
subject_is_root(void)
{
    return subject_shell("test $(id -u) = 0") == 0;
}

int
subject_samba(const struct subject *s, const char *verb, char *out, size_t cap)
{
    char command[1024];

    (void)snprintf(command, sizeof(command), "SAMBA_SMALL=1 '%s' %s '%s/smb'", getenv("SAMBA_SH"), verb, s->work);
    return unix_run(command, out, cap);
}

int
subject_signal(const struct subject *s, const char *verb, int signal_number)
{
    char out[4096], *at = out, *next;
    int count = 0;

    if (subject_samba(s, verb, out, sizeof(out)) != 0) {
        return 0;
    }
    for (;;) {
        long pid = strtol(at, &next, 10);

        if (next == at) {
            return count;
        }
        if (pid > 1 && subject_shell("kill -%d %ld", signal_number, pid) == 0) {
            count++;
        }
        at = next;
    }
}

static bool
start_samba(struct subject *s, const char **ret_why_not)
{
    char out[1024], file[512], command[600];
    unsigned port;

    if (!subject_is_root() || subject_shell("command -v smbd >/dev/null 2>&1") != 0) {
        *ret_why_not = "needs root and smbd";
        return false;
    }
    if (subject_samba(s, "start", out, sizeof(out)) != 0 || sscanf(out, "%u %63s %511s", &port, s->user, file) != 3) {
        *ret_why_not = NULL;
        return false;
    }
    (void)snprintf(command, sizeof(command), "head -1 '%s'", file);
    if (unix_run(command, s->password, sizeof(s->password)) != 0) {
        *ret_why_not = NULL;
        return false;
    }
    s->password[strcspn(s->password, "\n")] = '\0';
    (void)snprintf(s->url, sizeof(s->url), "smb://127.0.0.1:%u/share", port);
    (void)snprintf(s->dir, sizeof(s->dir), "%s/smb/share", s->work);
    return true;
}

/* Wine takes what lies under dosdevices/unc/HOST for the shares of HOST. */
static bool
link_host(struct subject *s)
{
    const char *host = strrchr(s->work, '/') + 1;

    (void)snprintf(s->url, sizeof(s->url), "smb://%s/share", host);
    return subject_shell("mkdir -p \"$WINEPREFIX/dosdevices/unc\" && ln -s '%s' \"$WINEPREFIX/dosdevices/unc/%s\"", s->work, host) == 0;
}

bool
subject_begin(struct subject *s, const char *kind, const char **ret_why_not)
{
    char command[300];

    memset(s, 0, sizeof(*s));
    *ret_why_not = NULL;
    s->smb = strcmp(kind, "smb") == 0;
    s->unc = strcmp(kind, "unc") == 0;
    /* Servers' time limits are tested: the disk of a busy machine must not take part in that. */
    (void)snprintf(command, sizeof(command), "mktemp -d -p '%s' alto-target-XXXXXX",
                   s->smb && subject_shell("test -w /dev/shm") == 0 ? "/dev/shm" : "/tmp");
    if (unix_run(command, s->work, sizeof(s->work)) != 0) {
        return false;
    }
    s->work[strcspn(s->work, "\n")] = '\0';
    if (s->smb) {
        (void)subject_shell("chmod 755 '%s'", s->work); /* for the guest */
        return start_samba(s, ret_why_not);
    }
    (void)snprintf(s->dir, sizeof(s->dir), "%s/share", s->work);
    (void)snprintf(s->url, sizeof(s->url), "file://%s/share", s->work);
    if (subject_shell("mkdir '%s/share' '%s/small' '%s/foreign'", s->work, s->work, s->work) != 0) {
        return false;
    }
    (void)subject_shell("echo '{\"format\":1,\"customer_id\":\"somebody else\"}' >'%s/foreign/alto-share.json'", s->work);
    if (subject_is_root()) {
        (void)subject_shell("mount -t tmpfs -o size=4096k alto-small '%s/small'", s->work);
    }
    return !s->unc || link_host(s);
}

void
subject_end(struct subject *s)
{
    char out[256];

    if (s->work[0] == '\0') {
        return;
    }
    if (s->smb) {
        (void)subject_samba(s, "stop", out, sizeof(out));
    } else {
        (void)subject_shell("mountpoint -q '%s/small' && umount '%s/small'", s->work, s->work);
    }
    if (s->unc) {
        (void)subject_shell("rm -f \"$WINEPREFIX/dosdevices/unc/%s\"", strrchr(s->work, '/') + 1);
    }
    (void)subject_shell("rm -rf '%s'", s->work);
}

void
subject_other(const struct subject *s, const char *share, struct subject *ret)
{
    *ret = *s;
    (void)snprintf(strrchr(ret->url, '/'), 64, "/%s", share);
    (void)snprintf(strrchr(ret->dir, '/'), 64, "/%s", share);
}

struct target_conf
subject_conf(const struct subject *s, uint32_t deadline_ms)
{
    struct target_conf c = {
        .url = s->url,
        .user = s->user[0] ? s->user : NULL,
        .password = s->password[0] ? s->password : NULL,
        .customer_id = "01hzzzzzzzzzzzzzzzzzzzzzzz",
        .deadline_ms = deadline_ms,
    };
    return c;
}

/* Each eight bytes depend on seed and place (splitmix64). */
void
subject_fill(uint8_t *to, size_t len, uint64_t seed, uint64_t offset)
{
    size_t i;

    for (i = 0; i < len; i++) {
        uint64_t at = offset + i, x = seed * 0x9E3779B97F4A7C15ull + (at / 8) * 0xBF58476D1CE4E5B9ull;

        x ^= x >> 30;
        x *= 0xBF58476D1CE4E5B9ull;
        x ^= x >> 27;
        x *= 0x94D049BB133111EBull;
        x ^= x >> 31;
        to[i] = (uint8_t)(x >> (8 * (at % 8)));
    }
}

int
subject_put(struct target *t, const char *name, uint64_t size, uint64_t seed, size_t piece, struct al_fail *fail)
{
    uint8_t *buf = malloc(piece ? piece : 1);
    struct target_put *p = NULL;
    struct al_xxh128 hash;
    uint64_t at = 0, said = 0;
    bool done = false;
    int r = target_put_begin(t, name, size, &p, fail);

    while (r == AL_OK && at < size) {
        size_t n = size - at < piece ? (size_t)(size - at) : piece;

        subject_fill(buf, n, seed, at);
        r = target_put_write(p, buf, n, fail);
        memset(buf, 0xEE, n); /* the bytes were copied or sent */
        at += n;
    }
    while (r == AL_OK && !done) {
        r = target_put_step(p, &done, fail);
    }
    if (r == AL_OK) {
        target_put_result(p, &said, &hash);
        r = said == size ? AL_OK : AL_EINTERNAL;
    }
    target_put_end(p);
    free(buf);
    return r;
}

int
subject_get(struct target *t, const char *name, uint64_t size, uint64_t seed, size_t piece, struct al_fail *fail)
{
    uint8_t *buf = malloc(piece), *want = malloc(piece);
    struct target_get *g = NULL;
    uint64_t said = 0, at = 0;
    size_t got = 1;
    int r = target_get_begin(t, name, &g, &said, fail);

    if (r == AL_OK && said != size) {
        r = AL_ECORRUPT;
    }
    while (r == AL_OK && got > 0) {
        r = target_get_read(g, buf, piece, &got, fail);
        if (r == AL_OK) {
            subject_fill(want, got, seed, at);
            r = memcmp(buf, want, got) == 0 ? AL_OK : AL_ECORRUPT;
            at += got;
        }
    }
    if (r == AL_OK && at != size) {
        r = AL_ECORRUPT;
    }
    target_get_end(g);
    free(want);
    free(buf);
    return r;
}

bool
subject_says(int code, int one, int other)
{
    return code == one || code == other;
}

void
subject_name(const char *path, char name[TARGET_NAME_MAX])
{
    uint8_t chance[10];
    struct port *port = port_native();
    al_id id;

    if (port_random(port, chance, sizeof(chance)) != AL_OK) {
        abort();
    }
    al_id_make(port_now_ns(port), chance, id);
    if (target_object_name(id, al_span_of(path), name) != AL_OK) {
        abort();
    }
}

int
subject_files(const struct subject *s, const char *folder)
{
    char command[1024], out[64] = "";

    (void)snprintf(command, sizeof(command), "find '%s/%s' -type f 2>/dev/null | wc -l", s->dir, folder);
    if (unix_run(command, out, sizeof(out)) != 0) {
        abort();
    }
    return atoi(out);
}
