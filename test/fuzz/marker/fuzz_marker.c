/* fuzz_marker.c: any bytes as a marker: what decodes must encode to the same bytes but for the
 * checksum, and nothing that is not authentic may be judged as anything but forged. */
#include <stdlib.h>
#include <string.h>

#include "agent/stub/marker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct marker_key key = {.key = {4, 5, 6}, .fs_id = {1}};
    uint8_t again[MARKER_BYTES];
    struct marker_facts facts = {.ino = 1};
    struct marker m;
    bool authentic = false;
    char ext[MARKER_EXT_LEN + 1];

    marker_ext_of((struct al_span){data, size}, ext);
    if (marker_decode(data, size, &key, &m, &authentic) != AL_OK) {
        return 0;
    }
    if (marker_encode(&m, &key, again) != AL_OK || memcmp(again, data, MARKER_BYTES - 8) != 0 ||
        authentic != (memcmp(again, data, MARKER_BYTES) == 0)) {
        abort();
    }
    facts.ino = m.ino;
    facts.generation = m.generation;
    facts.size = m.size;
    facts.mtime_ns = m.mtime_ns;
    if ((marker_judge(&m, true, authentic, &facts) == MARKER_V_FORGED) != !authentic) {
        abort();
    }
    return 0;
}
