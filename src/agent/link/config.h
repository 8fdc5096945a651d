/* config.h: what the server wants of this host: volumes, shares, limits. Kept in STATE/config.json
 * (it holds the shares' passwords and the markers' keys: agent/link/secret.h), so that recalls work without the
 * server, also after a reboot.
 *
 * An agent_config is read-only and counted: any thread may hold one as long as it has a
 * reference. */
#ifndef ALTO_AGENT_LINK_CONFIG_H
#define ALTO_AGENT_LINK_CONFIG_H

#include "agent/auditlog/filter.h"
#include "base/json.h"
#include "base/text.h"
#include "port/port.h"

#define CONFIG_FILE "config.json"
#define CONFIG_BYTES_MAX (8u << 20)
#define CONFIG_VOLUMES_MAX 4096u
#define CONFIG_SHARES_MAX 4096u
#define CONFIG_KEY_LEN 32u /* of a volume's markers */

struct config_volume {
    al_id id;
    al_id share_id; /* "" where none */
    char *name;
    char *path;
    char *kind;
    bool tracked_only;
    bool has_key;
    uint8_t marker_key[CONFIG_KEY_LEN];
    struct audit_settings audit; /* of kind "lucidlink"; defaults where the server told none */
};
struct config_share {
    al_id id;
    char *name;
    char *url;
    char *user;     /* NULL: guest */
    char *password; /* NULL: none */
    uint32_t wire;  /* enum port_wire that its connections must be */
};
struct agent_config {
    uint64_t version;
    al_id host_id, customer_id;
    struct config_volume *volumes;
    size_t volume_count;
    struct config_share *shares;
    size_t share_count;
    uint32_t recall_wait_ms; /* an opener waits at most that long */
    unsigned workers;
};

/* One reference for the caller. AL_EINVAL with the place in fail; AL_ELIMIT. */
int agent_config_parse(const json_t *j, struct agent_config **ret,
                       struct al_fail *fail) AL_MUST_CHECK;
struct agent_config *agent_config_ref(struct agent_config *c);
/* NULL is fine; returns NULL; the last one wipes the secrets */
struct agent_config *agent_config_unref(struct agent_config *c);

/* NULL: none */
const struct config_volume *agent_config_volume(const struct agent_config *c, const char *id);
const struct config_share *agent_config_share(const struct agent_config *c, const char *id);

/* The kept copy. AL_ENOENT: none yet. */
int agent_config_load(struct port *port, struct port_file *state, struct agent_config **ret,
                      struct al_fail *fail) AL_MUST_CHECK;
int agent_config_save(struct port *port, struct port_file *state, const json_t *j) AL_MUST_CHECK;

#endif
