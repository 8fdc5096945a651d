/* smb_link.c: one connection to a file server, with a deadline on everything. */
#include "agent/target/smb_priv.h"

#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "port/net.h"
#include "port/thread.h"

#define NS_PER_MS INT64_C(1000000)
#define SMB_SEC_NTLMSSP 1 /* libsmb2's enum smb2_sec is not in its public headers */
#define SMB_POLLIN 1      /* poll(2)'s bits, which libsmb2 takes and gives as such */
#define SMB_POLLOUT 4
#define HANG_UP_TURNS 16

/* libsmb2 keeps all contexts of the process in one list, without a lock: making and ending them is
 * one at a time. */
static port_mutex contexts = PTHREAD_MUTEX_INITIALIZER;

static struct smb2_context *
context_new(void)
{
    struct smb2_context *c;

    port_mutex_lock(&contexts);
    c = smb2_init_context();
    port_mutex_unlock(&contexts);
    return c;
}

static void
context_end(struct smb2_context *c)
{
    port_mutex_lock(&contexts);
    smb2_destroy_context(c);
    port_mutex_unlock(&contexts);
}

void
smb_drop(struct smb_link *l, int code)
{
    struct smb2_context *c = l->smb2;

    if (c) {
        l->smb2 = NULL;
        l->connected = false;
        l->drop_code = code;
        l->append.epoch = 0;
        context_end(c); /* answers what is still open with SMB2_STATUS_SHUTDOWN */
    }
}

bool
smb_alive(const struct smb_link *l, const struct smb_handle *h)
{
    return l->smb2 && l->connected && h->epoch == l->epoch;
}

/* ---- answers ---- */

static void
keep_answer(struct smb_call *call, void *reply)
{
    switch (call->command) {
    case SMB2_CREATE:
        memcpy(call->id, ((struct smb2_create_reply *)reply)->file_id, SMB2_FD_SIZE);
        call->size = ((struct smb2_create_reply *)reply)->end_of_file;
        break;
    case SMB2_READ:
        call->count = ((struct smb2_read_reply *)reply)->data_length;
        break;
    case SMB2_WRITE:
        call->count = ((struct smb2_write_reply *)reply)->count;
        break;
    case SMB2_QUERY_DIRECTORY: {
        struct smb2_query_directory_reply *q = reply;

        call->out_code = q->output_buffer_length
                             ? al_buf_add(call->out, q->output_buffer, q->output_buffer_length)
                             : AL_OK;
        break;
    }
    case SMB2_QUERY_INFO: {
        struct smb2_file_fs_full_size_info *s =
            ((struct smb2_query_info_reply *)reply)->output_buffer;

        if (s) {
            uint64_t unit = (uint64_t)s->sectors_per_allocation_unit * s->bytes_per_sector;

            call->space.bytes_total = s->total_allocation_units * unit;
            call->space.bytes_free = s->caller_available_allocation_units * unit;
            smb2_free_data(call->link->smb2, s);
        }
        break;
    }
    case SMB2_TREE_CONNECT:
        call->access = ((struct smb2_tree_connect_reply *)reply)->maximal_access;
        break;
    default:
        break;
    }
}

void
smb_answered(struct smb2_context *smb2, int status, void *reply, void *ctx)
{
    struct smb_call *call = ctx;
    struct smb_link *l = call->link;

    call->busy = false;
    call->status = (uint32_t)status;
    l->busy--;
    if (status == SMB2_STATUS_SUCCESS && reply) {
        keep_answer(call, reply);
    }
    if (call->orphan) {
        al_free(call);
    }
}

/* ---- sending and waiting ---- */

int
smb_send(struct smb_link *l, struct smb2_pdu **pdus, struct smb_call **calls, size_t count)
{
    bool whole = true, fault = al_fault_hit(AL_FAULT_TARGET);
    size_t i;

    for (i = 0; i < count; i++) {
        whole = whole && pdus[i];
    }
    if (!whole || fault || !l->smb2) {
        for (i = 0; i < count; i++) {
            if (pdus[i] && l->smb2) {
                smb2_free_pdu(l->smb2, pdus[i]);
            }
            if (calls[i]->orphan) {
                al_free(calls[i]);
            }
        }
        if (fault) {
            smb_drop(l, AL_EUNREACH);
        }
        return whole || fault ? AL_EUNREACH : AL_ENOMEM;
    }
    for (i = 0; i < count; i++) {
        if (i > 0) {
            smb2_add_compound_pdu(l->smb2, pdus[0], pdus[i]);
        }
        calls[i]->busy = true;
    }
    l->progress_ns = port_mono_ns(l->t->port);
    l->busy += (unsigned)count;
    smb2_queue_pdu(l->smb2, pdus[0]);
    if (smb2_service(l->smb2, SMB_POLLOUT) < 0) {
        smb_drop(l, AL_EUNREACH);
        return AL_EUNREACH;
    }
    return AL_OK;
}

/* Waits until the connection has something to do, at most until the deadline, and does it. */
static int
pump(struct smb_link *l)
{
    int64_t left = l->progress_ns + l->t->deadline_ms * NS_PER_MS - port_mono_ns(l->t->port);
    int fd, events = 0, r;
    size_t which;

    fd = smb2_get_fd(l->smb2);
    r = port_net_wait(&fd, 1, smb2_which_events(l->smb2), left, &which, &events);
    /* Bytes that come are a sign of life. Bytes that go are one while there are any: a slow line
     * may need longer than the deadline for what is in flight, and of a hung server's the system
     * takes no more than fits its buffers. */
    if (r == AL_OK && (events & (SMB_POLLIN | SMB_POLLOUT))) {
        l->progress_ns = port_mono_ns(l->t->port);
    } else if (r == AL_OK && left <= 0) {
        smb_drop(l, AL_ETIMEDOUT);
        return AL_ETIMEDOUT;
    }
    if (r != AL_OK || (events && smb2_service(l->smb2, events) < 0)) {
        smb_drop(l, AL_EUNREACH);
        return AL_EUNREACH;
    }
    return AL_OK;
}

int
smb_wait(struct smb_link *l, struct smb_call *call)
{
    while (call->busy) {
        int r = pump(l);

        if (r != AL_OK) {
            return r;
        }
    }
    return call->status == SMB2_STATUS_SHUTDOWN ? l->drop_code : AL_OK;
}

/* ---- connecting ---- */

static void
connect_answered(struct smb2_context *smb2, int status, void *reply, void *ctx)
{
    struct smb_link *l = ctx;

    l->connecting = false;
    l->connect_status = status;
}

/* One turn of connecting: libsmb2 may try several addresses at once, and wants to be told when it
 * is time for the next. */
static int
connect_turn(struct smb_link *l, int64_t left)
{
    const int *fds;
    size_t count = 0, which = 0;
    int next_ms = -1, events = 0, rc, r;

    fds = smb2_get_fds(l->smb2, &count, &next_ms);
    if (count == 0) {
        return AL_EUNREACH;
    }
    if (next_ms >= 0 && next_ms * NS_PER_MS < left) {
        left = next_ms * NS_PER_MS;
    }
    r = port_net_wait(fds, count, smb2_which_events(l->smb2), left, &which, &events);
    if (r != AL_OK) {
        return r;
    }
    if (events) {
        rc = smb2_service_fd(l->smb2, fds[which], events);
    } else {
        rc = next_ms >= 0 ? smb2_service_fd(l->smb2, -1, 0) : 0;
    }
    return rc < 0 && l->connecting ? AL_EUNREACH : AL_OK;
}

static int
connect_wait(struct smb_link *l, int64_t until)
{
    int r = AL_OK;

    while (r == AL_OK && l->connecting) {
        int64_t left = until - port_mono_ns(l->t->port);

        r = left > 0 ? connect_turn(l, left) : AL_ETIMEDOUT;
    }
    return r;
}

/* What a failed connection means. Without an NT status it was the network. */
static int
connect_result(struct smb_link *l, uint32_t *ret_status)
{
    uint32_t status = (uint32_t)smb2_get_nterror(l->smb2);
    int code;

    if (l->connect_status == 0) {
        return AL_OK;
    }
    *ret_status = status;
    code = status ? smb_code(status) : AL_EUNREACH;
    /* A share or server that is not there is not a missing object: nobody may conclude anything
     * from it. */
    return code == AL_ENOENT || code == AL_EIO || code == AL_OK ? AL_EUNREACH : code;
}

/* A guest has no key to sign with, and 3.1.1 wants the share's request signed. What came before 3.0
 * cannot encrypt, and libsmb2 derives no key for it that could. */
static enum smb2_negotiate_version
version_of(const struct smb_link *l)
{
    if (l->user == NULL) {
        return SMB2_VERSION_0302;
    }
    return (l->t->wire & PORT_WIRE_ENCRYPTED) != 0 ? SMB2_VERSION_ANY3 : SMB2_VERSION_ANY;
}

static int
connect_start(struct smb_link *l)
{
    struct smb2_context *c = context_new();

    if (!c) {
        return AL_ENOMEM;
    }
    l->smb2 = c;
    l->epoch++;
    l->connecting = true;
    l->connect_status = 0;
    smb2_set_authentication(c, SMB_SEC_NTLMSSP);
    smb2_set_security_mode(c, SMB2_NEGOTIATE_SIGNING_ENABLED |
                                  (l->t->wire != 0 ? SMB2_NEGOTIATE_SIGNING_REQUIRED : 0));
    smb2_set_sign(c, l->t->wire != 0);
    smb2_set_seal(c, (l->t->wire & PORT_WIRE_ENCRYPTED) != 0);
    smb2_set_version(c, version_of(l));
    smb2_set_user(c, l->user ? l->user : "guest");
    smb2_set_password(c, l->t->password ? l->t->password : "");
    if (l->domain) {
        smb2_set_domain(c, l->domain);
    }
    return smb2_connect_share_async(c, l->server, l->share, NULL, connect_answered, l) == 0
               ? AL_OK
               : AL_EUNREACH;
}

static void
measure(struct smb_link *l)
{
    uint32_t r = smb2_get_max_read_size(l->smb2), w = smb2_get_max_write_size(l->smb2);

    l->io_bytes = r < w ? r : w;
    if (l->io_bytes > SMB_IO_BYTES) {
        l->io_bytes = SMB_IO_BYTES;
    }
    /* Before 3.0 a request of more than 64 KiB needs a capability that libsmb2 does not tell us
     * about. */
    if (smb2_get_dialect(l->smb2) < SMB2_VERSION_0300 && l->io_bytes > 65536) {
        l->io_bytes = 65536;
    }
    l->deep = true;
}

/* A server that was restarted, or closed what lay idle, has hung up on us: seen here it costs a new
 * connection, seen by the next request it would cost that one. The end may lie behind answers that
 * nobody waited for. */
static void
drop_if_hung_up(struct smb_link *l)
{
    int events = 1;
    size_t which;

    for (int turn = 0; l->smb2 && events && turn < HANG_UP_TURNS; turn++) {
        int fd = smb2_get_fd(l->smb2);
        int r = port_net_wait(&fd, 1, SMB_POLLIN, 0, &which, &events);

        if (r != AL_OK || (events && smb2_service(l->smb2, events) < 0)) {
            smb_drop(l, AL_EUNREACH);
        }
    }
}

static const char *
wire_word(const struct smb_link *l)
{
    return (l->t->wire & PORT_WIRE_ENCRYPTED) != 0 ? "encrypted" : "signed";
}

/* A server that does not do what is demanded of the wire lets no connection come about, and does not say
 * why: whether it is that, or the network, nobody knows. */
static int
say_not_connected(struct smb_link *l, struct al_fail *fail, int code, uint32_t status)
{
    if (l->t->wire != 0 && code == AL_ENOTSUP) { /* none of the dialects that could */
        code = AL_EUNREACH;
    }
    if (l->t->wire == 0 || (code != AL_EUNREACH && code != AL_EACCES)) {
        return smb_say(l, fail, code, status, "connect to", "");
    }
    return al_fail_set(fail, code, status,
                       "cannot connect to share %.60s, which is to be used %s alone: %s. Is the "
                       "server there, and does it do that?",
                       l->t->url, wire_word(l), al_code_name(code));
}

/* A guest has no key: neither signing nor sealing protects it, whatever is switched on. */
static int
refuse_guest(struct smb_link *l, struct al_fail *fail)
{
    if (l->t->wire == 0 || (l->user != NULL && l->user[0] != '\0')) {
        return AL_OK;
    }
    return al_fail_set(fail, AL_EINVAL, 0,
                       "share %.60s is to be used %s alone, which a guest's connection cannot be: "
                       "give it a user and password",
                       l->t->url, wire_word(l));
}

/* The server picks the dialect, and need not keep to what it was offered. */
static int
refuse_dialect(struct smb_link *l, struct al_fail *fail)
{
    if ((l->t->wire & PORT_WIRE_ENCRYPTED) == 0 || smb2_get_dialect(l->smb2) >= SMB2_VERSION_0300) {
        return AL_OK;
    }
    return al_fail_set(fail, AL_EUNREACH, 0,
                       "share %.60s is to be used encrypted alone, and its server speaks an SMB "
                       "before 3.0, which cannot: let it speak SMB 3",
                       l->t->url);
}

int
smb_ready(struct smb_link *l, struct al_fail *fail)
{
    int64_t until = port_mono_ns(l->t->port) + l->t->deadline_ms * NS_PER_MS;
    uint32_t status = 0;
    int r;

    if (l->smb2 && l->connected) {
        drop_if_hung_up(l);
    }
    if (l->smb2 && l->connected) {
        return AL_OK;
    }
    r = refuse_guest(l, fail);
    if (r != AL_OK) {
        return r;
    }
    if (al_fault_hit(AL_FAULT_TARGET)) {
        return smb_say(l, fail, AL_EUNREACH, 0, "reach", "");
    }
    r = port_net_known(l->host, l->t->deadline_ms * NS_PER_MS);
    if (r != AL_OK) {
        r = r == AL_ENOMEM ? r : AL_EUNREACH;
        return al_fail_set(fail, r, 0,
                           "the file server %.80s is not known by name; check the "
                           "share's address and this host's name service",
                           l->host);
    }
    r = connect_start(l);
    if (r == AL_OK) {
        r = connect_wait(l, until);
    }
    if (r == AL_OK) {
        r = connect_result(l, &status);
    }
    if (r != AL_OK) {
        smb_drop(l, r);
        return say_not_connected(l, fail, r, status);
    }
    r = refuse_dialect(l, fail);
    if (r != AL_OK) {
        smb_drop(l, r);
        return r;
    }
    l->connected = true;
    l->progress_ns = port_mono_ns(l->t->port);
    measure(l);
    return AL_OK;
}

/* ---- buffers ---- */

uint8_t *
smb_buffer(struct smb_link *l)
{
    return l->pooled > 0 ? l->pool[--l->pooled] : al_alloc(SMB_IO_BYTES);
}

void
smb_buffer_back(struct smb_link *l, uint8_t *buffer)
{
    if (buffer && l->pooled < SMB_POOL_MAX) {
        l->pool[l->pooled++] = buffer;
    } else {
        al_free(buffer);
    }
}
