/* Files with secrets: what is written is read, on a system that seals nobody else reads it, and what was
 * changed, cut, or comes from another file is refused. */
#include <stdlib.h>
#include <string.h>

#include "agent/link/secret.h"
#include "base/mem.h"
#include "base/text.h"
#include "port/seal.h"
#include "tap.h"

static struct port *port;
static const char *base;
static struct port_file *folder;

static void
put_raw(const char *name, const void *bytes, size_t len)
{
    TAP_OK(port_write_file(port, folder, name, bytes, len, 0600));
}

static void
raw(const char *name, struct al_buf *to)
{
    al_buf_init(to, 64u << 20);
    TAP_OK(port_read_file(port, folder, name, 64u << 20, to));
}

static void
expect(const char *name, const void *bytes, size_t len)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};

    al_buf_init(&text, 64u << 20);
    TAP_OK(secret_read(port, folder, name, 32u << 20, &text, NULL));
    TAP_CHECK(text.len == len && (len == 0 || memcmp(text.at, bytes, len) == 0));
}

static bool
holds(const struct al_buf *b, const char *text)
{
    for (size_t i = 0; i + strlen(text) <= b->len; i++) {
        if (memcmp(b->at + i, text, strlen(text)) == 0) {
            return true;
        }
    }
    return false;
}

static void
test_what_is_written_is_read_and_lies_there_sealed(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf file = {0};
    uint8_t *big = al_alloc(3 * SECRET_PIECE_BYTES + 5);
    size_t sizes[] = {1, SECRET_PIECE_BYTES - 1, SECRET_PIECE_BYTES, SECRET_PIECE_BYTES + 1,
                      3 * SECRET_PIECE_BYTES + 5};

    TAP_OK(port_random(port, big, 3 * SECRET_PIECE_BYTES + 5));
    for (size_t i = 0; i < AL_LEN(sizes); i++) {
        TAP_OK(secret_write(port, folder, "a", (struct al_span){big, sizes[i]}));
        expect("a", big, sizes[i]);
    }
    al_free(big);
    TAP_OK(secret_write(port, folder, "a", al_span_of("the password is hush")));
    raw("a", &file);
    TAP_CHECK(holds(&file, "hush") == !port_seals());
}

static void
test_what_lay_there_clear_is_read_and_sealed_once(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf file = {0}, again = {0}, text = {0};
    bool clear = false;

    put_raw("b", "{\"secret\":\"hush\"}", 17);
    al_buf_init(&text, 4096);
    TAP_OK(secret_read(port, folder, "b", 4096, &text, &clear));
    TAP_CHECK(clear == port_seals());
    TAP_OK(secret_seal(port, folder, "b", 4096));
    expect("b", "{\"secret\":\"hush\"}", 17);
    raw("b", &file);
    TAP_CHECK(holds(&file, "hush") == !port_seals());
    TAP_OK(secret_seal(port, folder, "b", 4096));
    raw("b", &again);
    TAP_CHECK(al_span_equal(al_buf_span(&file), al_buf_span(&again)));
    TAP_OK(secret_seal(port, folder, "none", 4096));
}

static void
test_limits_hold_and_nothing_is_left_of_a_failure(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};

    TAP_OK(secret_write(port, folder, "c", al_span_of("0123456789")));
    al_buf_init(&text, 4096);
    TAP_OK(al_buf_adds(&text, "before"));
    TAP_CODE(secret_read(port, folder, "c", 9, &text, NULL), AL_ELIMIT);
    TAP_CODE(secret_read(port, folder, "none", 9, &text, NULL), AL_ENOENT);
    TAP_CHECK(text.len == 6);
}

static void
test_a_sealed_file_that_is_not_whole_is_refused(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf file = {0}, text = {0};
    static const char *const heads[] = {"ALTO-SEALED 1 ",     "ALTO-SEALED 1 \n",
                                        "ALTO-SEALED 1 0\n",  "ALTO-SEALED 1 65\n",
                                        "ALTO-SEALED 1 -1\n", "ALTO-SEALED 1 1\n\377\377\377\377",
                                        "ALTO-SEALED 1 1\nab"};

    if (!port_seals()) {
        tap_skip("this system does not seal");
    }
    TAP_OK(secret_write(port, folder, "d", al_span_of("hush")));
    raw("d", &file);
    al_buf_init(&text, 1u << 20);
    for (size_t len = sizeof("ALTO-SEALED 1 1\n") - 1; len < file.len; len += 7) {
        put_raw("e", file.at, len);
        TAP_CODE(secret_read(port, folder, "e", 4096, &text, NULL), AL_ECORRUPT);
    }
    put_raw("e", file.at, file.len); /* whole, of another file */
    TAP_CODE(secret_read(port, folder, "e", 4096, &text, NULL), AL_ECORRUPT);
    file.at[file.len - 1] ^= 1;
    put_raw("d", file.at, file.len);
    TAP_CODE(secret_read(port, folder, "d", 4096, &text, NULL), AL_ECORRUPT);
    for (size_t i = 0; i < AL_LEN(heads); i++) {
        put_raw("d", heads[i], strlen(heads[i]));
        TAP_CODE(secret_read(port, folder, "d", 4096, &text, NULL), AL_ECORRUPT);
    }
    TAP_CHECK(text.len == 0);
}

static void
test_pieces_keep_their_places(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf file = {0}, text = {0}, mixed = {0};
    uint8_t *big;
    size_t first, head = sizeof("ALTO-SEALED 1 3\n") - 1;

    if (!port_seals()) {
        tap_skip("this system does not seal");
    }
    big = al_zalloc(2 * SECRET_PIECE_BYTES + 1);
    TAP_OK(secret_write(port, folder, "f", (struct al_span){big, 2 * SECRET_PIECE_BYTES + 1}));
    al_free(big);
    raw("f", &file);
    first = 4 + al_get_u32(file.at + head);
    al_buf_init(&mixed, 64u << 20);
    TAP_OK(al_buf_adds(&mixed, "ALTO-SEALED 1 2\n")); /* one left out */
    TAP_OK(al_buf_add(&mixed, file.at + head, 2 * first));
    put_raw("f", mixed.at, mixed.len);
    al_buf_init(&text, 64u << 20);
    TAP_CODE(secret_read(port, folder, "f", 32u << 20, &text, NULL), AL_ECORRUPT);
    al_buf_clear(&mixed);
    TAP_OK(al_buf_adds(&mixed, "ALTO-SEALED 1 3\n")); /* two of them changed places */
    TAP_OK(al_buf_add(&mixed, file.at + head + first, first));
    TAP_OK(al_buf_add(&mixed, file.at + head, first));
    TAP_OK(al_buf_add(&mixed, file.at + head + 2 * first, file.len - head - 2 * first));
    put_raw("f", mixed.at, mixed.len);
    TAP_CODE(secret_read(port, folder, "f", 32u << 20, &text, NULL), AL_ECORRUPT);
}

int
main(int argc, char **argv)
{
    char path[700], hex[17];
    uint8_t random[8];

    port = port_native();
    base = argc > 1 ? argv[1] : ".";
    if (port_random(port, random, sizeof(random)) != AL_OK) {
        return 1;
    }
    al_hex(random, sizeof(random), hex);
    (void)snprintf(path, sizeof(path), "%s/secret-%s", base, hex);
    if (port_mkdirs(port, path, 0700) != AL_OK ||
        port_open(port, NULL, path, PORT_READ | PORT_FOLDER, 0, &folder) != AL_OK) {
        return 1;
    }
    TAP_RUN(test_what_is_written_is_read_and_lies_there_sealed);
    TAP_RUN(test_what_lay_there_clear_is_read_and_sealed_once);
    TAP_RUN(test_limits_hold_and_nothing_is_left_of_a_failure);
    TAP_RUN(test_a_sealed_file_that_is_not_whole_is_refused);
    TAP_RUN(test_pieces_keep_their_places);
    port_close_quiet(port, &folder);
    return tap_end();
}
