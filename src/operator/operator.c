/*
 * Wiring: which objects are watched, which controllers work on them, and what they remember.
 */
#include "operator/operator_parts.h"

#include "base/mem.h"

/* ---- Memory ---- */

struct memory *operator_recall(const struct operator* op, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];
    return map_get(&op->memories, store_key(ns, name, key));
}

struct memory *operator_memory(struct operator* op, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];
    struct memory *memory = operator_recall(op, ns, name);
    if (memory == NULL) {
        memory = mem_zalloc(sizeof *memory);
        memory->way_blocked =
            op->explains; /* as far as is known: a look tells, a creation will not */
        map_put(&op->memories, store_key(ns, name, key), memory);
    }
    return memory;
}

static void memory_free(struct memory *memory)
{
    if (memory != NULL) {
        mem_free(memory->operand_trouble);
        mem_free(memory->size_trouble);
        mem_free(memory->operand_rival);
        mem_free(memory->size_rival);
        mem_free(memory->window);
        mem_free(memory);
    }
}

void operator_forget(struct operator* op, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];
    struct memory *memory = map_remove(&op->memories, store_key(ns, name, key));
    if (memory != NULL) {
        size_metrics_forget(&op->metrics, memory);
        memory_free(memory);
    }
    store_drop(op->strangers, ns, name);
}

void operator_set_trouble(char **trouble, const struct answer *answer)
{
    mem_free(*trouble);
    *trouble = answer == NULL ? NULL : mem_strdup(answer->error.message);
}

const struct memcached *operator_memcached(const struct operator* op, const char *ns,
                                           const char *name)
{
    return (const struct memcached *)store_get(op->memcacheds, ns, name);
}

/* ---- Making ---- */

static void add_stores(struct operator* op, struct manager *m)
{
    op->memcacheds = manager_watch(
        m,
        &(struct watch_spec){
            .kind = &memcached_kind,
            .if_not_served = "install the CustomResourceDefinition: `make install`, or "
                             "`kubectl apply -k config/crd`; the operator starts by itself then"});
    op->sources =
        manager_watch(m, &(struct watch_spec){.kind = &source_kind, .label_selector = CLAIM_LABEL});
    op->operands = manager_watch(
        m, &(struct watch_spec){.kind = &operand_kind, .label_selector = OPERAND_SELECTOR});
    op->pods = op->explains ? manager_add_store(m, &pod_kind)
                            : manager_watch(m, &(struct watch_spec){.kind = &pod_kind,
                                                                    .label_selector = POD_SELECTOR,
                                                                    .metadata_only = true});
    op->strangers = manager_add_store(m, &operand_kind);
}

/* The memcached controller is added first: it goes first, so that what a sync has begun is
 * completed before the next sync begins. */
static void add_controllers(struct operator* op, struct manager *m)
{
    op->memcached_controller = manager_add_controller(
        m, &(struct controller_spec){.name = "memcached",
                                     .logger = "controllers.Memcached",
                                     .keyed_by = &memcached_kind,
                                     .ctx = op,
                                     .reconcile = operator_reconcile_memcached,
                                     .answered = operator_answered_memcached,
                                     .resync = operator_resync_memcached});
    op->sync_controller =
        manager_add_controller(m, &(struct controller_spec){.name = "deploymentsync",
                                                            .logger = "controllers.DeploymentSync",
                                                            .keyed_by = &memcached_kind,
                                                            .ctx = op,
                                                            .reconcile = operator_reconcile_sync,
                                                            .answered = operator_answered_sync,
                                                            .start = operator_start,
                                                            .resync = operator_resync_sync});
}

struct operator* operator_new(struct manager *manager, const struct operator_options *options)
{
    struct operator* op = mem_zalloc(sizeof *op);
    op->manager = manager;
    op->image = mem_strdup(options->image);
    op->explains = options->explains;
    map_init(&op->memories, manager_settings(manager)->seed);
    map_init(&op->unexplained, manager_settings(manager)->seed);
    size_metrics_init(&op->metrics, manager_metrics(manager));
    add_stores(op, manager);
    operator_listen(op);
    if (op->explains) {
        operator_add_explainer(op);
    } else {
        add_controllers(op, manager);
    }
    return op;
}

void operator_free(struct operator* op)
{
    if (op == NULL) {
        return;
    }
    map_for_each (&op->memories, e) {
        memory_free(e->value);
    }
    map_fini(&op->memories);
    map_fini(&op->unexplained);
    named_sources_free(op->named);
    mem_free(op->image);
    mem_free(op);
}
