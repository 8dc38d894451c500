#include "lib/report.h"

#include "lib/bare.h"
#include "lib/measure.h"

#include <string.h>

enum { ROUNDS_MAX = 32 };

static struct figure *add(struct report *r, const char *name, const char *text, const char *unit)
{
    if (r->count == REPORT_FIGURES_MAX) {
        die("more than %d figures", REPORT_FIGURES_MAX);
    }
    struct figure *f = &r->figures[r->count++];
    *f = (struct figure){.name = name, .text = text, .unit = unit, .ok = true};
    return f;
}

static double median(const double *samples, size_t count)
{
    double sorted[ROUNDS_MAX];
    memcpy(sorted, samples, count * sizeof(*sorted));
    return quantile(sorted, count, 0.5);
}

void report_value(struct report *r, const char *name, const char *text, const char *unit,
                  double ours, const char *must_reach, double limit)
{
    struct figure *f = add(r, name, text, unit);
    f->ours = ours;
    f->must_reach = must_reach;
    f->ok = must_reach == NULL || ours <= limit;
}

void report_ratio(struct report *r, const char *name, const char *text, const char *unit,
                  const double *ours, const double *floors, size_t rounds, const char *must_reach,
                  double limit)
{
    double ratios[ROUNDS_MAX];
    for (size_t i = 0; i < rounds; i++) {
        ratios[i] = ours[i] / floors[i];
    }
    struct figure *f = add(r, name, text, unit);
    f->has_floor = true;
    f->ours = median(ours, rounds);
    f->floor = median(floors, rounds);
    f->ratio = quantile(ratios, rounds, 0.5);
    f->ratio_min = ratios[0]; /* sorted by now */
    f->ratio_max = ratios[rounds - 1];
    f->must_reach = must_reach;
    f->ok = must_reach == NULL || f->ratio <= limit;
}

bool report_is_ok(const struct report *r)
{
    bool ok = true;
    for (size_t i = 0; i < r->count; i++) {
        ok = ok && r->figures[i].ok;
    }
    return ok;
}

static void print_row(const struct figure *f, FILE *out)
{
    char floor[32] = "", ratio[48] = "";
    if (f->has_floor) {
        snprintf(floor, sizeof(floor), "%.3g %s", f->floor, f->unit);
        snprintf(ratio, sizeof(ratio), "%.2f (%.2f to %.2f)", f->ratio, f->ratio_min, f->ratio_max);
    }
    char ours[32];
    snprintf(ours, sizeof(ours), "%.3g %s", f->ours, f->unit);
    fprintf(out, "%-58s %10s %10s  %-20s", f->text, ours, floor, ratio);
    if (f->must_reach != NULL) {
        fprintf(out, " %-10s %s", f->must_reach, f->ok ? "ok" : "MISS");
    }
    fputc('\n', out);
}

void report_table(const struct report *r, FILE *out)
{
    fprintf(out, "%-58s %10s %10s  %-20s %-10s\n", "figure", "ours", "floor",
            "ratio (least to most)", "must reach");
    for (size_t i = 0; i < r->count; i++) {
        print_row(&r->figures[i], out);
    }
}

void report_json(const struct report *r, const char *head, FILE *out)
{
    fprintf(out, "{%s,\"ok\":%s,\"figures\":{", head, report_is_ok(r) ? "true" : "false");
    for (size_t i = 0; i < r->count; i++) {
        const struct figure *f = &r->figures[i];
        fprintf(out, "%s\"%s\":{\"ours\":%.6g,\"unit\":\"%s\"", i > 0 ? "," : "", f->name, f->ours,
                f->unit);
        if (f->has_floor) {
            fprintf(out, ",\"floor\":%.6g,\"ratio\":%.4g,\"ratio_min\":%.4g,\"ratio_max\":%.4g",
                    f->floor, f->ratio, f->ratio_min, f->ratio_max);
        }
        if (f->must_reach != NULL) {
            fprintf(out, ",\"must_reach\":\"%s\",\"ok\":%s", f->must_reach,
                    f->ok ? "true" : "false");
        }
        fputc('}', out);
    }
    fprintf(out, "}}\n");
}
