/*
 * What the operator remembers of the answers to its writes.
 */
#include "operator/operator_parts.h"

#include "operator/memcached_reconcile.h"
#include "operator/shape.h"

/* The server understood the write and refuses it: trying again alone will not help, so people are
 * told. */
static bool is_refusal(const struct answer *answer)
{
    return answer->error.code == ERR_BAD_REQUEST || answer->error.code == ERR_FORBIDDEN;
}

static void remember_operand(struct operator* op, struct memory *memory, struct now now,
                             const struct write *write, const struct answer *answer,
                             const struct object *object)
{
    if (object != NULL) {
        const struct deployment *d = (const struct deployment *)object;
        memory->operand_is_confirmed = true;
        contest_written(&memory->operand, write->wish, shape_with_replicas(d->shape, d->replicas),
                        now.mono_ms);
        size_metrics_followed(&op->metrics, memory, now);
    }
    if (is_refusal(answer)) {
        operator_set_trouble(&memory->operand_trouble, answer);
    } else if (answer->error.code == ERR_NONE) {
        operator_set_trouble(&memory->operand_trouble, NULL);
    }
}

/* Of a WRITE_CONFIRM. The object is in the store next, and whoever asked decides again. */
static bool remember_confirmed(struct memory *memory, char **trouble, const struct answer *answer)
{
    if (is_refusal(answer)) {
        operator_set_trouble(trouble, answer);
    }
    memory->is_confirmed = answer->error.code == ERR_NONE;
    return memory->is_confirmed;
}

/* Likewise of a WRITE_CONFIRM_OPERAND. */
static bool remember_operand_confirmed(struct operator* op, struct memory *memory, const char *ns,
                                       const char *name, const struct answer *answer)
{
    if (is_refusal(answer)) {
        operator_set_trouble(&memory->size_trouble, answer);
    } else if (answer->error.code == ERR_NOT_FOUND) {
        store_drop(op->operands, ns, name);
    }
    memory->operand_is_confirmed =
        answer->error.code == ERR_NONE || answer->error.code == ERR_NOT_FOUND;
    return memory->operand_is_confirmed;
}

/* Nothing is in the way any more, or what we know of it is out of date. */
static void forget_stranger(struct operator* op, struct memory *memory, const char *ns,
                            const char *name)
{
    memory->way_blocked = false;
    store_drop(op->strangers, ns, name);
}

/* It was written, but the server took our label off: only looking tells of it. */
static bool is_hidden(const struct answer *answer, const struct object *operand)
{
    return answer->error.code == ERR_NONE && operand != NULL &&
           !((const struct deployment *)operand)->is_shown;
}

bool operator_answered_memcached(void *ctx, const char *ns, const char *name, struct now now,
                                 const struct write *write, const struct answer *answer,
                                 const struct object *object)
{
    struct operator* op = ctx;
    struct memory *memory = operator_memory(op, ns, name);
    int code = answer->error.code;
    switch (write->tag) {
    case WRITE_CREATE:
        remember_operand(op, memory, now, write, answer, object);
        memory->way_blocked = code == ERR_EXISTS || is_hidden(answer, object);
        memory->looked = false;
        return memory->way_blocked;
    case WRITE_LOOK:
        memory->looked = code == ERR_NONE;
        memory->looked_ms = now.mono_ms;
        if (code == ERR_NOT_FOUND) {
            forget_stranger(op, memory, ns, name);
        }
        return code == ERR_NONE || code == ERR_NOT_FOUND;
    case WRITE_APPLY:
        remember_operand(op, memory, now, write, answer, object);
        memory->looked = false; /* after a conflict the stranger is to be looked at anew */
        if (code == ERR_NONE || code == ERR_NOT_FOUND) {
            forget_stranger(op, memory, ns, name);
        }
        memory->way_blocked |= is_hidden(answer, object);
        return is_hidden(answer, object);
    case WRITE_CONFIRM:
        return remember_confirmed(memory, &memory->operand_trouble, answer);
    case WRITE_STATUS:
        if (object != NULL) {
            contest_written(&memory->status, write->wish,
                            shape_text(((const struct memcached *)object)->status), now.mono_ms);
        }
        return false;
    default:
        return false;
    }
}

static void remember_size(struct operator* op, struct memory *memory, struct now now,
                          const struct write *write, const struct memcached *written)
{
    size_metrics_written(&op->metrics, memory, (int32_t)write->wish,
                         contest_is_correction(&memory->size, write->wish));
    contest_written(&memory->size, write->wish, (uint64_t)written->size, now.mono_ms);
}

/* A refused or contested size shows in the status, which is the other controller's. */
bool operator_answered_sync(void *ctx, const char *ns, const char *name, struct now now,
                            const struct write *write, const struct answer *answer,
                            const struct object *object)
{
    struct operator* op = ctx;
    if (write->tag == WRITE_SCALE) {
        named_sources_answered(op->named, write, answer);
        return false;
    }
    struct memory *memory = operator_memory(op, ns, name);
    if (write->tag == WRITE_CONFIRM) {
        controller_enqueue(op->memcached_controller, now, ns, name);
        return remember_confirmed(memory, &memory->size_trouble, answer);
    }
    if (write->tag == WRITE_CONFIRM_OPERAND) {
        return remember_operand_confirmed(op, memory, ns, name, answer);
    }
    bool had_trouble = memory->size_trouble != NULL;
    if (is_refusal(answer)) {
        operator_set_trouble(&memory->size_trouble, answer);
        memory->behind_ms = 0;
    } else if (answer->error.code == ERR_NONE) {
        operator_set_trouble(&memory->size_trouble, NULL);
    }
    memory->size_awaits_newer = answer->error.code == ERR_CONFLICT;
    if (object != NULL) {
        remember_size(op, memory, now, write, (const struct memcached *)object);
    }
    if (had_trouble || memory->size_trouble != NULL) {
        controller_enqueue(op->memcached_controller, now, ns, name);
    }
    return false;
}
