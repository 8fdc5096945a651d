#include "agent/mover/mover.h"

#include <string.h>

#include "agent/mover/mover_priv.h"
#include "base/mem.h"

int
mover_new(const struct mover_env *env, struct target *target, const struct mover_item *item,
          struct mover **ret)
{
    struct mover *m = al_zalloc(sizeof(*m));
    size_t chunk = env->chunk_bytes != 0 ? env->chunk_bytes : TARGET_CHUNK_BYTES;

    if (m == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&m->watch);
    m->env = env;
    m->target = target;
    m->item = *item;
    m->step = item->act == MOVER_BACK ? MOVER_S_FIND : MOVER_S_TAKE;
    m->began_ns = port_now_ns(env->port);
    m->chunk_bytes = chunk;
    *ret = m;
    return AL_OK;
}

struct mover *
mover_free(struct mover *m)
{
    if (m == NULL) {
        return NULL;
    }
    mover_cancel(m);
    while (mover_step(m) == MOVER_MORE) {
    }
    m->hasher = hasher_free(m->hasher);
    archive_end(m);
    back_end(m);
    swap_end(m);
    unswap_end(m);
    if (m->claimed) {
        claims_drop(m->env->claims, m->item.volume->volume_id, m->item.path);
    }
    port_mutex_end(&m->watch);
    al_free(m);
    return NULL;
}

const char *
mover_act_name(enum mover_act act)
{
    static const char *const names[] = {"tier", "archive", "recall", "adopt"};

    return (size_t)act < AL_LEN(names) ? names[act] : "unknown";
}

void
mover_use_names(struct mover *m, struct port_names *names)
{
    m->names = names;
}

void
mover_may_repeat(struct mover *m)
{
    m->may_repeat = true;
}

void
mover_cancel(struct mover *m)
{
    m->cancelled = true;
}

enum journal_state
mover_state(const struct mover *m)
{
    return m->state;
}

uint64_t
mover_bytes(const struct mover *m)
{
    return m->offset;
}

const struct mover_result *
mover_result(const struct mover *m)
{
    return &m->result;
}

void
mover_watch(struct mover *m)
{
    enum port_lease lease;

    port_mutex_lock(&m->watch);
    if (m->leased != NULL && !m->sealing && !m->lost) {
        struct port_file *f = m->leased;

        if (port_lease_state(m->env->port, f, &lease) == AL_OK && lease == PORT_LEASE_WANTED) {
            /* Said before it is done: whoever gets in now may write, so this copy is worth nothing.
             */
            m->lost = true;
            if (port_lease_drop(m->env->port, f) != AL_OK) {
                /* Then the kernel breaks it by itself; the mover gives up either way. */
            }
        }
    }
    port_mutex_unlock(&m->watch);
}

bool
mover_wanted(struct mover *m)
{
    enum port_lease lease;
    bool lost;

    port_mutex_lock(&m->watch);
    lost = m->lost;
    port_mutex_unlock(&m->watch);
    if (m->take != NULL) {
        return lost || stub_take_wanted(m->take);
    }
    return lost ||
           (m->leased != NULL && port_lease_state(m->env->port, m->leased, &lease) == AL_OK &&
            lease == PORT_LEASE_WANTED);
}

bool
mover_claim(struct mover *m)
{
    m->claimed =
        m->claimed || (m->env->claims != NULL &&
                       claims_take(m->env->claims, m->item.volume->volume_id, m->item.path));
    return m->claimed || m->env->claims == NULL;
}

int
mover_local_code(int rc)
{
    return rc == AL_EUNREACH || rc == AL_ETIMEDOUT || rc == AL_ENOSPC || rc == AL_EROFS ||
                   rc == AL_EAUTH || rc == AL_EFOREIGN
               ? AL_EIO
               : rc;
}

/* ---- the way there ---- */

bool
mover_rule_holds(const struct mover *m)
{
    const struct stub_facts *facts = &m->facts;
    struct rule_entry e = {.path = m->item.path, .state = RULE_S_RESIDENT};
    char owner[PORT_NAME_MAX];

    if (m->item.rule == NULL) {
        return true;
    }
    e.size = facts->st.size;
    e.accessed_ns = m->item.accessed_ns != 0 ? m->item.accessed_ns : facts->st.atime_ns;
    e.modified_ns = facts->st.mtime_ns;
    e.created_ns = facts->st.btime_ns != 0 ? facts->st.btime_ns : RULE_TIME_UNKNOWN;
    e.uid = facts->st.uid;
    if (m->names != NULL && port_names_user(m->names, e.uid, owner)) {
        e.owner = al_span_of(owner);
    }
    e.attrs = facts->st.attrs;
    e.mode = facts->st.mode;
    return rule_match(m->item.rule, &e, m->item.now_ns);
}

/* A marker that came with a copy of a stub, or back with a power cut, is no reason to leave the
 * file alone for ever: nobody else looks at it before somebody opens it, and who tiers looks for
 * what nobody opens. */
static int
drop_copied_marker(struct mover *m, bool *ret_dropped)
{
    struct stub_volume *v = m->item.volume->stub;
    enum marker_verdict verdict;
    struct stub_facts facts;
    struct marker marker;
    int rc = stub_examine_path(v, m->item.path, &marker, &verdict, &facts, &m->result.fail);

    *ret_dropped = rc == AL_ENODATA; /* gone in between */
    if (rc != AL_OK ||
        (verdict != MARKER_V_COPIED && verdict != MARKER_V_WHOLE && verdict != MARKER_V_UNTOLD)) {
        return rc == AL_ENODATA ? AL_OK : rc;
    }
    if (verdict == MARKER_V_COPIED) { /* of the whole one its recall has told */
        rc = mover_tell_copied(m, &facts);
    } else if (verdict == MARKER_V_UNTOLD) {
        rc = mover_tell_recalled(m, &marker, &facts);
    }
    if (rc == AL_OK) {
        rc = stub_drop_marker(v, &facts.handle, verdict, &m->result.fail);
    }
    *ret_dropped = rc == AL_OK;
    return rc;
}

/* A share may lie in a volume, of this agent or of a server that runs here. Its objects must stay
 * what they are: the agent, whose opens ask nobody, would read a stub of one as zeros. What cannot
 * be reached here stub_take names. */
int
mover_look_for_share(struct mover *m, struct port_file *root, enum stub_refusal *refusal)
{
    struct port *p = m->env->port;
    AL_CLEANUP(port_holder_end) struct port_holder at = {.port = p};
    struct al_span rest = m->item.path;
    char part[256];

    for (;;) {
        struct port_file *next = NULL;
        struct port_file *from = at.file != NULL ? at.file : root;
        const uint8_t *slash = memchr(rest.at, '/', rest.len);
        size_t len = slash != NULL ? (size_t)(slash - rest.at) : 0;
        struct port_stat st;
        int rc = port_stat_at(p, from, TARGET_IDENTITY, &st);

        if (rc == AL_OK) {
            *refusal = STUB_R_SHARE;
            return AL_OK;
        }
        if (rc != AL_ENOENT) {
            return al_fail_set(&m->result.fail, rc, port_os_error(p),
                               "cannot see whether the file's folder is a share");
        }
        if (len == 0 || len >= sizeof(part)) {
            return AL_OK;
        }
        memcpy(part, rest.at, len);
        part[len] = '\0';
        if (port_open(p, from, part, PORT_READ | PORT_FOLDER, 0, &next) != AL_OK) {
            return AL_OK;
        }
        port_close_quiet(p, &at.file);
        at.file = next;
        rest.at += len + 1;
        rest.len -= len + 1;
    }
}

static int
step_take(struct mover *m, enum stub_refusal *refusal)
{
    struct stub_take *take = NULL;
    int rc = mover_look_for_share(m, stub_volume_root(m->item.volume->stub), refusal);

    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return rc;
    }
    rc = stub_take(m->item.volume->stub, m->item.path, &take, refusal, &m->result.fail);

    if (rc == AL_OK && *refusal == STUB_R_ALREADY) {
        bool dropped = false;

        rc = drop_copied_marker(m, &dropped);
        if (rc == AL_OK && dropped) {
            rc = stub_take(m->item.volume->stub, m->item.path, &take, refusal, &m->result.fail);
        }
    }
    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return rc;
    }
    port_mutex_lock(&m->watch);
    m->take = take;
    m->source = m->leased = stub_take_file(take);
    port_mutex_unlock(&m->watch);
    m->facts = *stub_take_facts(take);
    m->result.size = m->facts.st.size;
    if (!mover_rule_holds(m)) {
        *refusal = STUB_R_NO_MATCH;
        return AL_OK;
    }
    m->step = MOVER_S_BEGIN;
    return AL_OK;
}

int
mover_fresh_id(struct mover *m, al_id ret)
{
    uint8_t random[10];
    int rc = port_random(m->env->port, random, sizeof(random));

    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "no random numbers");
    }
    al_id_make(port_now_ns(m->env->port), random, ret);
    return AL_OK;
}

/* Names the object after its extension alone, as a recall will, which knows no path. */
static int
name_object(struct mover *m)
{
    char path[MARKER_EXT_LEN + 3];
    int rc = mover_fresh_id(m, m->result.object_id);

    if (rc != AL_OK) {
        return rc;
    }
    if (m->item.act == MOVER_ARCHIVE) { /* its name stands in the placeholder */
        return target_object_name(m->result.object_id, m->item.path, m->object_name);
    }
    marker_ext_of(m->item.path, m->ext);
    mover_ext_path(m->ext, path);
    return target_object_name(m->result.object_id, al_span_of(path), m->object_name);
}

static int
read_capability(struct mover *m, uint8_t *room, struct al_span *ret)
{
    size_t len = 0;
    int rc = port_xattr_get(m->env->port, m->source, JOURNAL_CAPABILITY_XATTR, room,
                            JOURNAL_CAPABILITY_MAX, &len);

    if (rc == AL_ENODATA || rc == AL_ENOTSUP) {
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, rc, port_os_error(m->env->port),
                           "the file's capabilities cannot be read");
    }
    *ret = (struct al_span){room, len};
    return AL_OK;
}

int
mover_begin_intent(struct mover *m, struct journal_intent *in)
{
    int rc;

    in->state = JOURNAL_BEGUN;
    in->volume_id = m->item.volume->volume_id;
    in->share_id = m->item.volume->share_id;
    in->job_id = m->item.job_id;
    in->rule_id = m->item.rule_id;
    in->object_id = m->result.object_id;
    in->path = m->item.path;
    in->size = m->facts.st.size;
    in->mtime_ns = m->facts.st.mtime_ns;
    in->began_ns = m->began_ns;
    rc = journal_begin(m->env->journal, in, &m->intent, &m->result.fail);
    if (rc == AL_OK) {
        m->state = JOURNAL_BEGUN;
    }
    return rc;
}

static int
step_begin(struct mover *m)
{
    struct journal_intent in = {.kind = JOURNAL_TIER};
    uint8_t capability[JOURNAL_CAPABILITY_MAX];
    int rc = m->item.act == MOVER_ADOPT ? AL_OK : name_object(m);

    if (rc == AL_OK && m->swap != NULL) {
        return swap_begin(m, &in);
    }
    if (rc == AL_OK && m->item.act == MOVER_ARCHIVE) {
        in.kind = JOURNAL_ARCHIVE;
    } else if (rc == AL_OK) {
        rc = read_capability(m, capability, &in.capability);
    }
    if (rc != AL_OK) {
        return rc;
    }
    in.object_name = m->object_name;
    in.handle = m->facts.handle;
    in.ino = m->facts.st.ino;
    in.generation = m->facts.generation;
    in.atime_ns = m->facts.st.atime_ns;
    rc = mover_begin_intent(m, &in);
    if (rc == AL_OK) {
        m->step = MOVER_S_OPEN;
    }
    return rc;
}

static int
step_open(struct mover *m)
{
    int rc = AL_OK;

    if (m->hasher == NULL) {
        m->chunk_bytes =
            m->facts.st.size < m->chunk_bytes ? (size_t)m->facts.st.size : m->chunk_bytes;
        rc = hasher_new(m->facts.st.size, m->chunk_bytes, &m->hasher);
    }
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, rc, 0, "out of memory");
    }
    m->put_begun = true;
    rc = target_put_begin(m->target, m->object_name, m->facts.st.size, &m->put, &m->result.fail);
    if (rc == AL_OK) {
        m->step = MOVER_S_COPY;
    }
    return rc;
}

static int
step_copy(struct mover *m)
{
    uint8_t *chunk = hasher_room(m->hasher);
    size_t got = 0;
    int rc = port_pread(m->env->port, m->source, chunk, m->chunk_bytes, m->offset, &got);

    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "cannot read the file");
    }
    if (got == 0 || m->offset + got > m->facts.st.size) {
        return al_fail_set(&m->result.fail, AL_ECHANGED, 0,
                           "the file has another length than when it was taken");
    }
    rc = hasher_add(m->hasher, got);
    if (rc == AL_OK && m->swap != NULL) {
        rc = swap_passed(m, chunk, got);
    }
    if (rc == AL_OK) {
        rc = target_put_write(m->put, chunk, got, &m->result.fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    m->offset += got;
    if (m->offset == m->facts.st.size) {
        m->step = MOVER_S_FINISH;
    }
    return AL_OK;
}

static int
step_finish(struct mover *m)
{
    uint64_t size = 0;
    bool done = false;
    int rc;

    m->maybe_there = true; /* the last piece renames, and may have done so though it fails */
    rc = target_put_step(m->put, &done, &m->result.fail);
    if (rc != AL_OK || !done) {
        return rc;
    }
    target_put_result(m->put, &size, &m->hash);
    rc = hasher_end(m->hasher, m->sha256);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, rc, 0, "the file cannot be hashed");
    }
    if (size != m->facts.st.size) {
        return al_fail_set(&m->result.fail, AL_ECORRUPT, 0,
                           "what lies on the share is not what was read from the file");
    }
    m->put = target_put_end(m->put);
    journal_note(m->env->journal, m->intent, JOURNAL_COPIED);
    m->state = JOURNAL_COPIED;
    m->step = MOVER_S_MANIFEST;
    return AL_OK;
}

static int
step_manifest(struct mover *m, enum stub_refusal *refusal)
{
    int rc = mover_write_manifest(m, refusal);

    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        journal_note(m->env->journal, m->intent, JOURNAL_MANIFESTED);
        m->state = JOURNAL_MANIFESTED;
        m->step = m->swap != NULL                ? MOVER_S_MAKE
                  : m->item.act == MOVER_ARCHIVE ? MOVER_S_ASIDE
                                                 : MOVER_S_HOLD;
    }
    return rc;
}

/* From here on mover_watch keeps its hands off: the seal itself finds out whether anybody came, and
 * a lease given back in its middle could let a writer in between its last look and the freeing of
 * the blocks. */
static int
step_hold(struct mover *m, enum stub_refusal *refusal)
{
    bool lost;
    int rc;

    port_mutex_lock(&m->watch);
    m->sealing = true;
    lost = m->lost;
    port_mutex_unlock(&m->watch);
    if (lost) {
        *refusal = STUB_R_OPEN;
        return AL_OK;
    }
    rc = stub_seal_hold(m->take, refusal, &m->result.fail);
    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        m->step = MOVER_S_MARK;
    }
    return rc;
}

static int
step_mark(struct mover *m, enum stub_refusal *refusal)
{
    int rc;

    m->marking = true;
    rc = stub_seal_mark(m->take, m->result.object_id, m->ext, (uint32_t)m->hash.lo, refusal,
                        &m->result.fail);
    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        journal_note(m->env->journal, m->intent, JOURNAL_MARKED);
        m->state = JOURNAL_MARKED;
        m->step = MOVER_S_PUNCH;
    }
    return rc;
}

static int
step_punch(struct mover *m, enum stub_refusal *refusal)
{
    int rc = stub_seal_punch(m->take, refusal, &m->result.freed, &m->result.fail);

    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        journal_note(m->env->journal, m->intent, JOURNAL_PUNCHED);
        m->state = JOURNAL_PUNCHED;
        m->result.tiered = true;
        mover_let_go(m); /* whoever waits gets the stub, and with it the recall, without waiting for
                            our report */
        m->step = MOVER_S_REPORT;
    }
    return rc;
}

/* What is archived comes back as that, on every volume. */
static bool
by_exchange(const struct mover *m)
{
    return m->item.volume->maker != NULL && m->item.act != MOVER_ARCHIVE && !m->archived;
}

static int
one_step(struct mover *m, enum stub_refusal *refusal)
{
    switch (m->step) {
    case MOVER_S_TAKE:
        return m->item.act == MOVER_ARCHIVE ? archive_take(m, refusal)
               : by_exchange(m)             ? swap_take(m, refusal)
                                            : step_take(m, refusal);
    case MOVER_S_BEGIN:
        return step_begin(m);
    case MOVER_S_OPEN:
        return step_open(m);
    case MOVER_S_COPY:
        return step_copy(m);
    case MOVER_S_FINISH:
        return step_finish(m);
    case MOVER_S_MANIFEST:
        return step_manifest(m, refusal);
    case MOVER_S_HOLD:
        return step_hold(m, refusal);
    case MOVER_S_MARK:
        return step_mark(m, refusal);
    case MOVER_S_PUNCH:
        return step_punch(m, refusal);
    case MOVER_S_MAKE:
    case MOVER_S_ASIDE:
    case MOVER_S_AGAIN:
    case MOVER_S_PLACE:
    case MOVER_S_LAST:
        return m->swap != NULL ? swap_step(m, refusal) : archive_step(m, refusal);
    case MOVER_S_FIND:
    case MOVER_S_FETCH:
    case MOVER_S_DRESS:
    case MOVER_S_LAND:
        return by_exchange(m) ? unswap_step(m) : back_step(m);
    case MOVER_S_REPORT:
    case MOVER_S_ENDED:
        break;
    }
    return AL_OK;
}

/* Later it ends by itself, and in a moment. */
static bool
may_stop(const struct mover *m)
{
    return m->step != MOVER_S_MARK && m->step != MOVER_S_PUNCH && m->step != MOVER_S_LAST &&
           m->step != MOVER_S_LAND && !(m->step == MOVER_S_ASIDE && m->swap != NULL);
}

enum mover_event
mover_step(struct mover *m)
{
    enum stub_refusal refusal = STUB_R_NONE;
    int rc = AL_OK;

    if (m->step == MOVER_S_ENDED) {
        return MOVER_ENDED;
    }
    if (m->step == MOVER_S_REPORT) {
        mover_report(m);
        return MOVER_ENDED;
    }
    if (m->cancelled && may_stop(m)) {
        rc = al_fail_set(&m->result.fail, AL_ECANCELED, 0, "cancelled");
    } else if (m->leased != NULL && may_stop(m) && mover_wanted(m)) {
        refusal = STUB_R_OPEN;
    } else {
        rc = one_step(m, &refusal);
    }
    if (rc == AL_ECHANGED) {
        refusal = STUB_R_CHANGED;
        rc = AL_OK;
    }
    if (rc != AL_OK || refusal != STUB_R_NONE) {
        m->result.code = rc;
        m->result.refusal = rc == AL_OK ? refusal : STUB_R_NONE;
        mover_give_up(m);
        return MOVER_ENDED;
    }
    return MOVER_MORE;
}
