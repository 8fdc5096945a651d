/* fuzz_main.c: makes a regression program of a fuzz target that was built without libFuzzer.
 *
 *   target [-seconds=N] [-runs=N] [-seed=N] FILE|FOLDER ...
 *
 * Runs LLVMFuzzerTestOneInput on the empty input and on every file given (folders: every file in
 * them), then for N seconds or runs on mutants of them made by a small seeded mutator: blind, but
 * enough that the target is exercised where no clang is. A finding is a crash (sanitizers,
 * assertions); the input under test is written to "crash-input" in the working folder first when a
 * signal comes. Prints TAP, so that a target is a test as it stands. */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUTS_MAX 4096
#define INPUT_BYTES_MAX (1u << 20)

static struct input {
    uint8_t *at;
    size_t len;
} inputs[INPUTS_MAX];
static size_t input_count;
static const uint8_t *now_at;
static size_t now_len;

static void
on_crash(int number)
{
    int fd = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd >= 0) {
        (void)!write(fd, now_at, now_len); /* the process is dying: there is nobody to tell */
        close(fd);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void
run_one(const uint8_t *at, size_t len)
{
    /* An exact allocation, so that a read one byte too far is seen by the sanitizer. */
    uint8_t *exact = malloc(len > 0 ? len : 1);

    if (exact == NULL) {
        return;
    }
    if (len > 0) {
        memcpy(exact, at, len);
    }
    now_at = exact;
    now_len = len;
    (void)LLVMFuzzerTestOneInput(exact, len); /* libFuzzer's protocol: always 0 */
    free(exact);
}

static int
load_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes;
    size_t len;

    if (f == NULL) {
        return -1;
    }
    bytes = malloc(INPUT_BYTES_MAX);
    len = bytes != NULL ? fread(bytes, 1, INPUT_BYTES_MAX, f) : 0;
    fclose(f);
    if (bytes == NULL || input_count == INPUTS_MAX) {
        free(bytes);
        return -1;
    }
    inputs[input_count].at = bytes;
    inputs[input_count++].len = len;
    return 0;
}

static int
load(const char *path)
{
    struct stat st;
    struct dirent *e;
    DIR *d;
    int rc = 0;

    if (stat(path, &st) != 0) {
        return -1;
    }
    if (!S_ISDIR(st.st_mode)) {
        return load_file(path);
    }
    d = opendir(path);
    if (d == NULL) {
        return -1;
    }
    while ((e = readdir(d)) != NULL) {
        char name[4096];

        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        rc |= load_file(name);
    }
    closedir(d);
    return rc;
}

static uint64_t
draw(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Changes bytes in place, cuts, repeats, or splices two inputs. */
static size_t
mutate(uint8_t *to, size_t cap, uint64_t *seed)
{
    static const uint8_t strange[] = {0,   1,    0x7f, 0x80, 0xff, '(', ')',
                                      '"', '\\', '*',  '/',  '-',  '9'};
    size_t len = 0, i, steps = 1 + draw(seed) % 8;

    if (input_count > 0) {
        const struct input *from = &inputs[draw(seed) % input_count];

        len = from->len < cap / 2 ? from->len : cap / 2;
        memcpy(to, from->at, len);
    }
    for (i = 0; i < steps; i++) {
        size_t at = len > 0 ? draw(seed) % len : 0;

        switch (draw(seed) % 6) {
        case 0:
            if (len > 0) {
                to[at] ^= (uint8_t)(1u << draw(seed) % 8);
            }
            break;
        case 1:
            if (len > 0) {
                to[at] = strange[draw(seed) % sizeof(strange)];
            }
            break;
        case 2:
            len = at;
            break;
        case 3:
            if (len < cap) {
                memmove(to + at + 1, to + at, len - at);
                to[at] = (uint8_t)draw(seed);
                len++;
            }
            break;
        case 4: {
            size_t n = len - at < 64 ? len - at : 64;

            if (len + n <= cap) {
                memmove(to + at + n, to + at, len - at);
                len += n;
            }
            break;
        }
        default:
            if (input_count > 0) {
                const struct input *other = &inputs[draw(seed) % input_count];
                size_t n = other->len < cap - at ? other->len : cap - at;

                memcpy(to + at, other->at, n);
                len = at + n;
            }
        }
    }
    return len;
}

static uint64_t
number(const char *text)
{
    return strtoull(text, NULL, 10);
}

int
main(int argc, char **argv)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    static uint8_t scratch[1u << 16];
    uint64_t seconds = 0, runs = 0, seed = 1, done = 0;
    int bad = 0;
    time_t end;
    size_t i;

    for (int a = 1; a < argc; a++) {
        if (strncmp(argv[a], "-seconds=", 9) == 0) {
            seconds = number(argv[a] + 9);
        } else if (strncmp(argv[a], "-runs=", 6) == 0) {
            runs = number(argv[a] + 6);
        } else if (strncmp(argv[a], "-seed=", 6) == 0) {
            seed = number(argv[a] + 6);
        } else if (load(argv[a]) != 0) {
            printf("# cannot read %s\n", argv[a]);
            bad = 1;
        }
    }
    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        signal(signals[i], on_crash);
    }
    run_one((const uint8_t *)"", 0);
    for (i = 0; i < input_count; i++) {
        run_one(inputs[i].at, inputs[i].len);
    }
    end = time(NULL) + (time_t)seconds;
    while (done < runs || (seconds > 0 && time(NULL) < end)) {
        run_one(scratch, mutate(scratch, sizeof(scratch), &seed));
        done++;
    }
    printf("# %zu inputs, %llu mutants, seed at the end %llu\n", input_count,
           (unsigned long long)done, (unsigned long long)seed);
    printf("%sok 1 - no input crashes it\n1..1\n", bad ? "not " : "");
    for (i = 0; i < input_count; i++) {
        free(inputs[i].at);
    }
    return bad;
}
