/* make_inventory FILE.csv ROWS [FILES_A_FOLDER]: a list of a volume as its owner would export it, the same every time: a tree of folders (20
 * files in each, about, some in none, some with thousands), names of real lengths, sizes log-normal around 60 KB, dates over ten years, forty owners.
 * Columns path,size,modified,accessed,owner,type; folders have rows of their own. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1780000000)
#define YEARS_S (INT64_C(10) * 365 * 86400)

static uint64_t seed = 20240229;

static uint64_t
draw(void)
{
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double
uniform(void)
{
    return ((double)(draw() >> 11) + 0.5) / 9007199254740992.0;
}

static uint64_t
size(void)
{
    double normal = sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
    double bytes = exp(11.0 + 2.6 * normal);

    return bytes < 1e12 ? (uint64_t)bytes : (uint64_t)1000000000000;
}

static const char *const words[] = {
    "report", "invoice",  "IMG",    "scan",    "final",   "draft",    "budget",  "project",
    "offer",  "minutes",  "photo",  "backup",  "Notes",   "customer", "drawing", "plan",
    "export", "contract", "DSC",    "meeting", "Archiv",  "2019",     "test",    "data",
    "video",  "audio",    "source", "Vertrag", "release", "old"};
static const char *const exts[] = {"docx", "xlsx", "pdf", "jpg",  "JPG", "png", "mov", "txt",
                                   "dwg",  "zip",  "msg", "pptx", "xml", "log", "csv", "html"};
static const char *const owners[] = {"alice", "bob",   "carol", "dave",
                                     "erin",  "frank", "grace", "heidi"};
#define WORDS (sizeof(words) / sizeof(words[0]))

static void
name(char *to, size_t cap, uint64_t number)
{
    uint64_t a = draw();

    (void)snprintf(to, cap, "%s%s%s_%llu%s%s.%s", words[a % WORDS], a & 64 ? " " : "_",
                   words[(a >> 8) % WORDS], (unsigned long long)number, a & 128 ? " - " : "",
                   a & 128 ? words[(a >> 16) % WORDS] : "", exts[(a >> 24) % 16]);
}

static int64_t
put_rest(FILE *out, uint64_t bytes, const char *type)
{
    int64_t modified = NOW - (int64_t)(uniform() * uniform() * (double)YEARS_S);
    int64_t accessed = modified + (int64_t)(uniform() * (double)(NOW - modified));

    return fprintf(out, ",%llu,%lld,%lld,%s%llu,%s\n", (unsigned long long)bytes,
                   (long long)modified, (long long)accessed, owners[draw() % 8],
                   (unsigned long long)(draw() % 5), type);
}

struct level {
    size_t path_len;
    uint64_t folders;
};

int
main(int argc, char **argv)
{
    uint64_t rows = argc > 2 ? strtoull(argv[2], NULL, 10) : 0,
             each = argc > 3 ? strtoull(argv[3], NULL, 10) : 20, done = 0, number = 0;
    struct level levels[12] = {{0, 0}};
    unsigned depth = 0;
    static char path[8192], buffer[1 << 20];
    FILE *out = argc > 2 ? fopen(argv[1], "w") : NULL;

    if (out == NULL || rows == 0 || each == 0) {
        fprintf(stderr, "usage: make_inventory FILE.csv ROWS [FILES_A_FOLDER]\n");
        return 2;
    }
    (void)setvbuf(out, buffer, _IOFBF, sizeof(buffer));
    (void)fprintf(out, "path,size,modified,accessed,owner,type\n");
    strcpy(path, "/srv/data");
    levels[0].path_len = strlen(path);
    while (done < rows) {
        uint64_t files = draw() % 8 == 0 ? 0 : (uint64_t)(-log(uniform()) * (double)each * 8 / 7);
        uint64_t up = draw() % 10;
        int len;

        /* Deeper, beside, or up again. */
        if (up < 5 && depth < 9) {
            depth++;
        } else if (up > 7 && depth > 1) {
            depth -= 1 + (unsigned)(draw() % (depth - 1 > 0 ? depth - 1 : 1));
        }
        depth = depth == 0 ? 1 : depth;
        len = snprintf(path + levels[depth - 1].path_len, 256, "/%s %s %llu", words[draw() % WORDS],
                       words[draw() % WORDS], (unsigned long long)number++);
        levels[depth].path_len = levels[depth - 1].path_len + (size_t)len;
        (void)fputs(path, out);
        (void)put_rest(out, 4096, "d");
        done++;
        for (uint64_t i = 0; i < files && done < rows; i++, done++) {
            char file[256];

            name(file, sizeof(file), i);
            (void)fprintf(out, "%s/%s", path, file);
            (void)put_rest(out, size(), "f");
        }
    }
    return fclose(out) == 0 ? 0 : 1;
}
