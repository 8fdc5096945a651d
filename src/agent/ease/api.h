/* api.h: the driver's DLL, loaded and recognised. Which of the vendor's products it is must be known
 * before the first message is touched: their messages differ, and the wrong layout reads elsewhere.
 *
 * Recognised by exports (CreateVirtualStubFile or StartFilter: B) and by the product name in its
 * version resource, which tells the third product apart, whose exports are nearly A's but whose
 * requests are others. Each message is checked by its verification number besides. */
#ifndef ALTO_AGENT_EASE_API_H
#define ALTO_AGENT_EASE_API_H

#include "agent/ease/abi.h"
#include "agent/ease/message.h"
#include "port/library.h"
#include "port/port.h"

#define EASE_DLL_BYTES_MAX (64u << 20) /* looked through for its version; the vendor's have 1 MB */
#define EASE_PRODUCT_MAX 64u           /* characters with NUL */
#define EASE_ERROR_UNITS_MAX 1024u     /* of the DLL's own error text [header] */

enum ease_flavour { EASE_NONE, EASE_CLOUDTIER, EASE_FRAMEWORK };
const char *ease_flavour_name(enum ease_flavour f);

struct ease_api {
    struct port_library *dll;
    struct ease_functions fn; /* NULL: not exported */
    enum ease_flavour flavour;
    enum ease_layout layout;
    char product[EASE_PRODUCT_MAX], version[EASE_PRODUCT_MAX]; /* ASCII; "" where it does not say */
};

/* path: absolute. AL_ENOENT; AL_ENOTSUP: a product that is none of the two, or a function that is
 * needed is missing (fail names it); port_library_open's codes. */
int ease_api_load(struct port *port, const char *path, struct ease_api *ret,
                  struct al_fail *fail) AL_MUST_CHECK;
/* threads: it was connected, so that its own threads may still be in it: it stays loaded. */
void ease_api_unload(struct ease_api *api, bool threads);
/* The DLL's own last error as UTF-8 for people, cleaned; "" where it says nothing. AL_ENOTSUP. */
int ease_api_error(const struct ease_api *api, struct al_buf *to) AL_MUST_CHECK;
/* Finds the value of a key ("ProductName") in a version resource inside these bytes. ASCII; other
 * characters become '?'. False: not there. */
bool ease_version_text(struct al_span file, const char *key, char to[EASE_PRODUCT_MAX]);

#endif
