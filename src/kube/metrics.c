#include "kube/metrics.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LABEL_VALUE_BYTES_MAX = 1024,                                      /* longer ones are cut */
    LABELS_BYTES_MAX = 4 * METRICS_LABELS_MAX * LABEL_VALUE_BYTES_MAX, /* escaped, with names */
    NUMBER_BYTES = 32,
};

struct metric {
    struct metric *next, *previous;
    struct metric_family *family;
    char *labels; /* as rendered: code="200",method="GET" */
    double value; /* of a histogram: the sum */
    uint64_t count;
    uint64_t buckets[]; /* how many fell into each, not cumulated; none for +Inf */
};

struct metric_family {
    struct metric_family *next;
    enum metric_type type;
    const char *name;
    const char *help;
    char *label_names[METRICS_LABELS_MAX];
    size_t label_count;
    const double *buckets;
    size_t bucket_count;
    struct metric *first, *last;
};

void metrics_init(struct metrics *m)
{
    *m = (struct metrics){0};
}

static void metric_free(struct metric *m)
{
    mem_free(m->labels);
    mem_free(m);
}

static void family_free(struct metric_family *f)
{
    for (struct metric *m = f->first; m != NULL;) {
        struct metric *next = m->next;
        metric_free(m);
        m = next;
    }
    for (size_t i = 0; i < f->label_count; i++) {
        mem_free(f->label_names[i]);
    }
    mem_free(f);
}

void metrics_fini(struct metrics *m)
{
    if (m == NULL) {
        return;
    }
    for (struct metric_family *f = m->first; f != NULL;) {
        struct metric_family *next = f->next;
        family_free(f);
        f = next;
    }
    metrics_init(m);
}

static void split_labels(struct metric_family *f, const char *names)
{
    while (*names != '\0') {
        size_t len = strcspn(names, ",");
        assert(len > 0 && f->label_count < METRICS_LABELS_MAX);
        f->label_names[f->label_count++] = mem_strndup(names, len);
        names += names[len] == ',' ? len + 1 : len;
    }
}

struct metric_family *metrics_family(struct metrics *m, enum metric_type type, const char *name,
                                     const char *help, const char *labels, const double *buckets,
                                     size_t bucket_count)
{
    assert(type == METRIC_HISTOGRAM || bucket_count == 0);
    for (struct metric_family *f = m->first; f != NULL; f = f->next) {
        if (strcmp(f->name, name) == 0) {
            assert(f->type == type);
            return f;
        }
    }
    struct metric_family *f = mem_zalloc(sizeof *f);
    f->type = type;
    f->name = name;
    f->help = help;
    f->buckets = buckets;
    f->bucket_count = bucket_count;
    split_labels(f, labels);
    if (m->last == NULL) {
        m->first = f;
    } else {
        m->last->next = f;
    }
    m->last = f;
    return f;
}

static void append_label_value(struct buf *out, const char *value)
{
    const char *end = value + strnlen(value, LABEL_VALUE_BYTES_MAX);
    for (; value < end; value++) {
        if (*value == '\n') {
            buf_append_text(out, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, *value);
    }
}

static void append_labels(struct buf *out, const struct metric_family *f, va_list values)
{
    for (size_t i = 0; i < f->label_count; i++) {
        buf_printf(out, "%s%s=\"", i > 0 ? "," : "", f->label_names[i]);
        append_label_value(out, va_arg(values, const char *));
        buf_append_char(out, '"');
    }
}

static struct metric *find(const struct metric_family *f, const char *labels)
{
    struct metric *m = f->first;
    while (m != NULL && strcmp(m->labels, labels) != 0) {
        m = m->next;
    }
    return m;
}

/* Takes @labels. */
static struct metric *append(struct metric_family *f, char *labels)
{
    struct metric *m = mem_zalloc(sizeof *m + f->bucket_count * sizeof *m->buckets);
    m->family = f;
    m->labels = labels;
    m->previous = f->last;
    if (f->last == NULL) {
        f->first = m;
    } else {
        f->last->next = m;
    }
    f->last = m;
    return m;
}

struct metric *metric_get(struct metric_family *f, ...)
{
    CLEANUP(buf_fini) struct buf labels;
    buf_init(&labels, LABELS_BYTES_MAX);
    va_list values;
    va_start(values, f);
    append_labels(&labels, f, values);
    va_end(values);
    struct metric *m = find(f, buf_text(&labels));
    return m != NULL ? m : append(f, buf_take(&labels));
}

struct metric *metric_new(struct metric_family *f, ...)
{
    struct buf labels;
    buf_init(&labels, LABELS_BYTES_MAX);
    va_list values;
    va_start(values, f);
    append_labels(&labels, f, values);
    va_end(values);
    return append(f, buf_take(&labels));
}

void metric_drop(struct metric *m)
{
    if (m == NULL) {
        return;
    }
    struct metric_family *f = m->family;
    *(m->previous != NULL ? &m->previous->next : &f->first) = m->next;
    *(m->next != NULL ? &m->next->previous : &f->last) = m->previous;
    metric_free(m);
}

void metric_remove(struct metric_family *f, ...)
{
    CLEANUP(buf_fini) struct buf labels;
    buf_init(&labels, LABELS_BYTES_MAX);
    va_list values;
    va_start(values, f);
    append_labels(&labels, f, values);
    va_end(values);
    metric_drop(find(f, buf_text(&labels)));
}

void metric_add(struct metric *m, double value)
{
    assert(m->family->type == METRIC_GAUGE || (m->family->type == METRIC_COUNTER && value >= 0));
    m->value += value;
}

void metric_set(struct metric *m, double value)
{
    assert(m->family->type != METRIC_HISTOGRAM);
    m->value = value;
}

void metric_observe(struct metric *m, double value)
{
    const struct metric_family *f = m->family;
    assert(f->type == METRIC_HISTOGRAM);
    m->value += value;
    m->count++;
    for (size_t i = 0; i < f->bucket_count; i++) {
        if (value <= f->buckets[i]) {
            m->buckets[i]++;
            return;
        }
    }
}

double metric_value(const struct metric *m)
{
    return m->value;
}

/* Whole numbers in plain digits as far as a double counts exactly; else the fewest digits that read
 * back as the same number. */
static const char *format_number(char out[NUMBER_BYTES], double value)
{
    if (isnan(value)) {
        return "NaN";
    }
    if (isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    if (fabs(value) < 0x1p53 && value == (double)(int64_t)value) {
        snprintf(out, NUMBER_BYTES, "%.0f", value);
        return out;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, NUMBER_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value) {
            break;
        }
    }
    return out;
}

static void render_line(struct buf *out, const char *name, const char *suffix, const char *labels,
                        const char *value)
{
    buf_printf(out, "%s%s", name, suffix);
    if (labels[0] != '\0') {
        buf_printf(out, "{%s}", labels);
    }
    buf_printf(out, " %s\n", value);
}

static void render_bucket(const struct metric *m, double bound, uint64_t count, struct buf *out)
{
    char number[NUMBER_BYTES];
    buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", m->family->name, m->labels,
               m->labels[0] == '\0' ? "" : ",", format_number(number, bound), count);
}

static void render_histogram(const struct metric *m, struct buf *out)
{
    const struct metric_family *f = m->family;
    char number[NUMBER_BYTES];
    uint64_t below = 0;
    for (size_t i = 0; i < f->bucket_count; i++) {
        below += m->buckets[i];
        render_bucket(m, f->buckets[i], below, out);
    }
    render_bucket(m, INFINITY, m->count, out);
    render_line(out, f->name, "_sum", m->labels, format_number(number, m->value));
    snprintf(number, sizeof number, "%" PRIu64, m->count);
    render_line(out, f->name, "_count", m->labels, number);
}

void metrics_render(const struct metrics *m, struct buf *out)
{
    static const char *const TYPES[] = {"counter", "gauge", "histogram"};
    for (const struct metric_family *f = m->first; f != NULL; f = f->next) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, TYPES[f->type]);
        for (const struct metric *s = f->first; s != NULL; s = s->next) {
            char number[NUMBER_BYTES];
            if (f->type == METRIC_HISTOGRAM) {
                render_histogram(s, out);
            } else {
                render_line(out, f->name, "", s->labels, format_number(number, s->value));
            }
        }
    }
}
