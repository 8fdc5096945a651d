#include "port/journal.h"

int
port_journal_open(struct port *p, struct port_file *on_fs, struct port_journal **ret)
{
    return AL_ENOTSUP;
}

struct port_journal *
port_journal_close(struct port_journal *j)
{
    return NULL;
}

int
port_journal_state(struct port_journal *j, struct port_journal_state *ret)
{
    return AL_ENOTSUP;
}

int
port_journal_handle(struct port_file *on_fs, const uint8_t id[16], struct port_handle *ret)
{
    return AL_ENOTSUP;
}

int
port_journal_read(struct port_journal *j, uint64_t id, int64_t from, void *to, size_t cap,
                  size_t *ret_len)
{
    return AL_ENOTSUP;
}
