#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

static uint64_t seed = 11;

static uint32_t
draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

static void
add(struct inv_tree *t, uint64_t id, uint64_t parent, const char *name, uint32_t flags)
{
    struct entry_record r = {.is_folder_record = true,
                             .folder = id,
                             .parent = parent,
                             .flags = flags,
                             .name = al_span_of(name)};

    TAP_OK(inv_tree_record(t, &r));
}

#define FOLDERS 5000u

static void
numbers_are_preorder_and_below_is_a_range(void)
{
    struct inv_tree t = {0};
    static uint32_t order[FOLDERS + 1], parent[FOLDERS + 1];
    struct al_buf path, up;
    char name[32];

    /* Records come in any order: a child's before its parent's too. */
    for (uint32_t i = 1; i <= FOLDERS; i++) {
        order[i] = i;
        parent[i] = i == 1 ? 0 : i < 20 ? i - 1 : 1 + draw(i - 1);
    }
    for (uint32_t i = FOLDERS; i > 1; i--) {
        uint32_t k = 1 + draw(i), swap = order[i];

        order[i] = order[k];
        order[k] = swap;
    }
    for (uint32_t i = 1; i <= FOLDERS; i++) {
        snprintf(name, sizeof(name), "%s", "");
        if (order[i] != 1) {
            snprintf(name, sizeof(name), "n%u", order[i]);
        }
        add(&t, order[i], parent[order[i]], name, 0);
    }
    TAP_OK(inv_tree_connect(&t));
    TAP_OK(inv_tree_known(&t, 1, 0, al_span_of("")));
    TAP_OK(inv_tree_number(&t));
    TAP_EQUAL_U64(t.id_count, FOLDERS);
    al_buf_init(&path, INVENTORY_PATH_MAX);
    al_buf_init(&up, INVENTORY_PATH_MAX);
    for (uint32_t i = 1; i <= FOLDERS; i++) {
        uint32_t index = t.by_scan_id[i];
        const struct inv_node *n = &t.nodes[index];

        TAP_CHECK(n->id >= 1 && n->last >= n->id && t.by_id[n->id] == index);
        al_buf_clear(&path);
        TAP_OK(inv_tree_path(&t, index, &path));
        TAP_EQUAL_U64(path.len, n->path_len);
        if (i == 1) {
            TAP_EQUAL_U64(n->id, 1);
            TAP_EQUAL_U64(n->last, FOLDERS);
            continue;
        }
        TAP_EQUAL_U64(n->parent, t.by_scan_id[parent[i]]);
        TAP_CHECK(t.nodes[n->parent].id < n->id && t.nodes[n->parent].last >= n->last);
        al_buf_clear(&up);
        TAP_OK(inv_tree_path(&t, n->parent, &up));
        snprintf(name, sizeof(name), "/n%u", i);
        TAP_OK(al_buf_adds(&up, name));
        TAP_CHECK(al_span_equal(al_buf_span(&path), al_buf_span(&up)));
    }
    al_buf_free(&path);
    al_buf_free(&up);
    inv_tree_free(&t);
}

static void
sums_hold_all_below_and_do_not_wrap(void)
{
    struct inv_tree t = {0};

    add(&t, 1, 0, "", 0);
    add(&t, 2, 1, "a", 0);
    add(&t, 3, 2, "b", 0);
    add(&t, 4, 1, "c", 0);
    TAP_OK(inv_tree_connect(&t));
    TAP_OK(inv_tree_number(&t));
    for (uint32_t i = 1; i <= 4; i++) {
        t.nodes[t.by_scan_id[i]].files = i;
        t.nodes[t.by_scan_id[i]].bytes = i == 4 ? INT64_MAX : 10 * i;
    }
    inv_tree_sum(&t);
    TAP_EQUAL_U64(t.nodes[t.by_scan_id[2]].files, 5);
    TAP_EQUAL_U64(t.nodes[t.by_scan_id[2]].bytes, 50);
    TAP_EQUAL_U64(t.nodes[t.by_scan_id[1]].files, 10);
    TAP_EQUAL_U64(t.nodes[t.by_scan_id[1]].bytes, INT64_MAX);
    inv_tree_free(&t);
}

static void
what_was_known_below_a_closed_folder_is_kept_and_nothing_else(void)
{
    struct inv_tree t = {0};

    add(&t, 1, 0, "", 0);
    add(&t, 2, 1, "closed", ENTRY_UNREADABLE);
    add(&t, 3, 1, "open", 0);
    add(&t, 4, 2, "seen", 0);
    TAP_OK(inv_tree_connect(&t));
    TAP_OK(inv_tree_known(&t, 1, 0, al_span_of("")));
    TAP_OK(inv_tree_known(&t, 2, 1, al_span_of("closed")));
    TAP_OK(inv_tree_known(&t, 3, 2, al_span_of("seen")));
    TAP_OK(inv_tree_known(&t, 4, 3, al_span_of("gone")));
    TAP_OK(inv_tree_known(&t, 5, 2, al_span_of("hidden")));
    TAP_OK(inv_tree_known(&t, 6, 5, al_span_of("deeper")));
    TAP_OK(inv_tree_known(&t, 7, 1, al_span_of("open")));
    TAP_OK(inv_tree_known(&t, 8, 7, al_span_of("gone too")));
    TAP_OK(inv_tree_known(&t, 9, 8, al_span_of("and below")));
    TAP_OK(inv_tree_number(&t));
    TAP_EQUAL_U64(t.id_count, 6); /* four of the scan, hidden, deeper */
    TAP_CHECK(t.map[4] == 0 && t.map[8] == 0 && t.map[9] == 0);
    TAP_CHECK(t.nodes[t.map[5]].keep && t.nodes[t.map[6]].keep && t.nodes[t.map[2]].keep &&
              !t.nodes[t.map[3]].keep && !t.nodes[t.map[7]].keep);
    inv_tree_free(&t);
}

static void
a_tree_without_a_root_is_no_tree(void)
{
    struct inv_tree t = {0};

    TAP_CODE(inv_tree_connect(&t), AL_ENODATA);
    add(&t, 2, 1, "a", 0);
    TAP_CODE(inv_tree_connect(&t), AL_ENODATA);
    inv_tree_free(&t);
}

static void
clean_is(const char *path, const char *expected)
{
    struct al_buf out;
    int rc;

    al_buf_init(&out, 100);
    rc = inv_path_clean(al_span_of(path), &out);
    if (expected == NULL) {
        TAP_CODE(rc, AL_EINVAL);
    } else {
        TAP_OK(rc);
        TAP_CHECK(al_span_equal(al_buf_span(&out), al_span_of(expected)));
    }
    al_buf_free(&out);
}

static void
paths_are_cleaned_or_refused(void)
{
    clean_is("", "");
    clean_is("/", "");
    clean_is("a", "/a");
    clean_is("/a/b/", "/a/b");
    clean_is("/...", "/...");
    clean_is("//", NULL);
    clean_is("/a//b", NULL);
    clean_is("//a", NULL);
    clean_is("/a//", NULL);
    clean_is("/a/./b", NULL);
    clean_is("/a/..", NULL);
    clean_is("..", NULL);
    clean_is("/012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
             "4567890123456789x",
             NULL);
}

int
main(void)
{
    TAP_RUN(numbers_are_preorder_and_below_is_a_range);
    TAP_RUN(sums_hold_all_below_and_do_not_wrap);
    TAP_RUN(what_was_known_below_a_closed_folder_is_kept_and_nothing_else);
    TAP_RUN(a_tree_without_a_root_is_no_tree);
    TAP_RUN(paths_are_cleaned_or_refused);
    return tap_end();
}
