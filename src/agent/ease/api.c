#include "agent/ease/api.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

const char *
ease_flavour_name(enum ease_flavour f)
{
    return f == EASE_CLOUDTIER ? "cloudtier" : f == EASE_FRAMEWORK ? "framework" : "none";
}

/* ---- version resource: strings of UTF-16, each key followed by zeros up to four bytes and its
 * value (VS_VERSIONINFO) ---- */

static bool
key_at(struct al_span file, size_t at, const char *key, size_t len)
{
    if (file.len - at < 2 * (len + 1)) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) { /* with its NUL */
        if (al_get_u16(file.at + at + 2 * i) != (uint8_t)key[i]) {
            return false;
        }
    }
    return true;
}

bool
ease_version_text(struct al_span file, const char *key, char to[EASE_PRODUCT_MAX])
{
    size_t len = strlen(key), at = 0, n = 0;

    while (at + 2 * (len + 1) <= file.len && !key_at(file, at, key, len)) {
        at += 2;
    }
    if (at + 2 * (len + 1) > file.len) {
        return false;
    }
    at += 2 * (len + 1);
    if (at + 2 <= file.len && al_get_u16(file.at + at) == 0) {
        at += 2; /* up to four bytes */
    }
    for (; at + 2 <= file.len && n + 1 < EASE_PRODUCT_MAX; at += 2) {
        uint16_t c = al_get_u16(file.at + at);

        if (c == 0) {
            break;
        }
        to[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    to[n] = '\0';
    return true;
}

static int
read_version(struct port *port, const char *path, struct ease_api *api, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf file = {0};
    int rc;

    al_buf_init(&file, EASE_DLL_BYTES_MAX);
    rc = port_read_file(port, NULL, path, EASE_DLL_BYTES_MAX, &file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port),
                           "cannot read the filter driver's DLL %.180s", path);
    }
    if (!ease_version_text(al_buf_span(&file), "ProductName", api->product)) {
        api->product[0] = '\0';
    }
    if (!ease_version_text(al_buf_span(&file), "ProductVersion", api->version)) {
        api->version[0] = '\0';
    }
    return AL_OK;
}

/* ---- exports ---- */

static void
find_functions(struct ease_api *api)
{
    port_symbol at;

#define EASE_FIND(name, symbol, a, b, type, args)                                                  \
    at = port_library_symbol(api->dll, symbol);                                                \
    memcpy(&api->fn.name, &at, sizeof(at));
    EASE_FUNCTIONS(EASE_FIND)
#undef EASE_FIND
}

/* The first one that this flavour needs and that is not there; NULL: none. */
static const char *
missing(const struct ease_api *api)
{
    bool b = api->flavour == EASE_FRAMEWORK;

#define EASE_NEED(name, symbol, need_a, need_b, type, args)                                        \
    if (api->fn.name == NULL && (b ? need_b : need_a) != 0) {                                      \
        return symbol;                                                                             \
    }
    EASE_FUNCTIONS(EASE_NEED)
#undef EASE_NEED
    if (b && api->fn.start_filter == NULL && (api->fn.connect == NULL || api->fn.set_key == NULL)) {
        return "StartFilter";
    }
    return NULL;
}

static int
recognise(struct ease_api *api, struct al_fail *fail)
{
    const char *lacks;

    if (strstr(api->product, "CloudFile") != NULL) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "this DLL is of %s, which makes virtual folders, not stubs: CloudTier's "
                           "is needed",
                           api->product);
    }
    api->flavour = api->fn.create_virtual != NULL || api->fn.start_filter != NULL ? EASE_FRAMEWORK
                                                                                  : EASE_CLOUDTIER;
    api->layout = api->flavour == EASE_FRAMEWORK ? EASE_LAYOUT_B : EASE_LAYOUT_A;
    lacks = missing(api);
    if (lacks != NULL) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "this DLL (%s %s) has no %s: it is too old, or none of the filter "
                           "driver's",
                           api->product[0] != '\0' ? api->product : "of no name", api->version,
                           lacks);
    }
    return AL_OK;
}

int
ease_api_load(struct port *port, const char *path, struct ease_api *ret, struct al_fail *fail)
{
    struct ease_api api = {0};
    int rc = read_version(port, path, &api, fail);

    if (rc == AL_OK) {
        rc = port_library_open(path, &api.dll, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    find_functions(&api);
    rc = recognise(&api, fail);
    if (rc != AL_OK) {
        ease_api_unload(&api, false);
        return rc;
    }
    *ret = api;
    return AL_OK;
}

void
ease_api_unload(struct ease_api *api, bool threads)
{
    api->dll = threads ? port_library_leave(api->dll) : port_library_close(api->dll);
    api->fn = (struct ease_functions){0};
    api->flavour = EASE_NONE;
}

/* Whether the length counts bytes or characters is told differently by the samples, so there is room
 * for characters, and the text ends at its NUL. */
int
ease_api_error(const struct ease_api *api, struct al_buf *to)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_freep) uint16_t *units = NULL;
    uint32_t len = 0;
    size_t n = 0;

    if (api->fn.last_error == NULL) {
        return AL_ENOTSUP;
    }
    (void)api->fn.last_error(NULL, &len); /* says false, and how long */
    len = len < EASE_ERROR_UNITS_MAX ? EASE_ERROR_UNITS_MAX : len;
    if (len > 4 * EASE_ERROR_UNITS_MAX) {
        return AL_ELIMIT;
    }
    units = al_zalloc(2 * ((size_t)len + 1));
    if (units == NULL) {
        return AL_ENOMEM;
    }
    if (!api->fn.last_error(units, &len)) {
        return AL_OK;
    }
    while (n < EASE_ERROR_UNITS_MAX && units[n] != 0) {
        n++;
    }
    if (n == 0) {
        return AL_OK;
    }
    al_buf_init(&text, 4 * EASE_ERROR_UNITS_MAX);
    return ease_name_text((struct al_span){(const uint8_t *)units, 2 * n}, &text) == AL_OK
               ? al_utf8_clean(al_buf_span(&text), to)
               : AL_OK;
}
