/* list.h: an intrusive doubly linked list. The list owns nothing. One thread at a time, or under
 * the owner's mutex. */
#ifndef ALTO_BASE_LIST_H
#define ALTO_BASE_LIST_H

#include "base/result.h"

struct al_list {
    struct al_list *prev, *next;
};

#define AL_LIST_ITEM(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void
al_list_init(struct al_list *head)
{
    head->prev = head->next = head;
}

static inline bool
al_list_empty(const struct al_list *head)
{
    return head->next == head;
}

static inline void
al_list_push(struct al_list *head, struct al_list *node) /* at the end */
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void
al_list_drop(struct al_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = node;
}

static inline struct al_list *
al_list_pop(struct al_list *head) /* from the front; NULL when empty */
{
    struct al_list *node = head->next;

    if (node == head) {
        return NULL;
    }
    al_list_drop(node);
    return node;
}

#endif
