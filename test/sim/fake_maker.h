/* fake_maker.h: TEST CODE. A maker of stubs on port/sim: a file of holes whose tag lies in an extended attribute. What it does to
 * a file takes several calls, so that a crash leaves it half. */
#ifndef ALTO_TEST_SIM_FAKE_MAKER_H
#define ALTO_TEST_SIM_FAKE_MAKER_H

#include "agent/stub/maker.h"
#include "port/port.h"

#define FAKE_TAG "trusted.alto.tag"

struct fake_maker {
    struct stub_maker maker; /* first */
    struct port *port;       /* whose calls are counted */
    bool away;               /* nobody answers */
    bool new_files;          /* making makes another file */
};

extern const struct stub_maker_ops fake_maker_ops;

/* What somebody else sees at the path; AL_ENOENT. The tag's pieces are gone when it returns. */
int fake_look(struct port *p, const char *path, const uint8_t *key, struct stub_seen *ret) AL_MUST_CHECK;

#endif
