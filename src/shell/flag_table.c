#include "shell/flag_table.h"

#include <assert.h>
#include <string.h>

enum {
    USAGE_COLUMN = 39, /* where the help texts begin */
    SHOWN_MAX = 64,    /* bytes of what was given, in a message */
};

static const struct flag *find(const struct flag_table *t, const char *name, size_t len)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strlen(t->flags[i].name) == len && memcmp(t->flags[i].name, name, len) == 0) {
            return &t->flags[i];
        }
    }
    /* as Go's flag package has it */
    return len == 1 && *name == 'h' ? find(t, "help", 4) : NULL;
}

static char letter_of(const struct flag_table *t, size_t i)
{
    return t->letters != NULL && i < strlen(t->letters) ? t->letters[i] : '\0';
}

static const struct flag *find_letter(const struct flag_table *t, char letter)
{
    for (size_t i = 0; i < t->count; i++) {
        if (letter_of(t, i) == letter && letter != '\0') {
            return &t->flags[i];
        }
    }
    return NULL;
}

void flag_table_set_defaults(const struct flag_table *t, void *target)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct flag *flag = &t->flags[i];
        bool good = flag->standard == NULL || flag->set(target, flag->standard);
        assert(good);
        (void)good;
    }
}

/* The flag of an argument, and its *value if that is part of it: "--flag=value", "-nvalue". */
static const struct flag *split(const struct flag_table *t, const char *text, size_t dashes,
                                const char **value)
{
    const char *name = text + dashes;
    size_t len = strcspn(name, "=");
    const struct flag *flag = find(t, name, len);
    if (flag != NULL) {
        *value = name[len] == '=' ? name + len + 1 : NULL;
        return flag;
    }
    flag = dashes == 1 ? find_letter(t, name[0]) : NULL;
    if (flag == NULL || name[1] == '\0' || name[1] == '=') {
        *value = name[1] == '=' ? name + 2 : NULL;
        return flag;
    }
    *value = name + 1;
    return flag->argument != NULL ? flag : NULL; /* letters of booleans stand alone */
}

static int take_stray(const struct flag_table *t, void *target, const char *text, struct error *err)
{
    if (t->stray != NULL && t->stray(target, text)) {
        return 0;
    }
    return error_set(err, ERR_INVALID, "unexpected argument \"%.*s\": expected %s", SHOWN_MAX, text,
                     t->stray_else);
}

int flag_table_take(const struct flag_table *t, void *target, int argc, char **argv, int *i,
                    struct error *err)
{
    const char *text = argv[*i];
    const char *value = NULL;
    size_t dashes = strspn(text, "-");
    if (dashes == 0 || dashes > 2 || text[dashes] == '\0') {
        return take_stray(t, target, text, err);
    }
    const struct flag *flag = split(t, text, dashes, &value);
    if (flag == NULL) {
        size_t len = strcspn(text + dashes, "=");
        return error_set(err, ERR_INVALID, "unknown flag --%.*s",
                         len < SHOWN_MAX ? (int)len : SHOWN_MAX, text + dashes);
    }
    if (value == NULL && flag->argument == NULL) {
        value = "true";
    } else if (value == NULL && *i + 1 == argc) {
        return error_set(err, ERR_INVALID, "flag --%s needs a value: expected %s", flag->name,
                         flag->expected);
    } else if (value == NULL) {
        value = argv[++*i];
    }
    if (!flag->set(target, value)) {
        return error_set(err, ERR_INVALID, "invalid value \"%.*s\" for flag --%s: expected %s",
                         SHOWN_MAX, value, flag->name, flag->expected);
    }
    return 0;
}

void flag_table_usage(const struct flag_table *t, FILE *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct flag *flag = &t->flags[i];
        int column = fprintf(out, "  --%s%s%s", flag->name, flag->argument != NULL ? " " : "",
                             flag->argument != NULL ? flag->argument : "");
        if (letter_of(t, i) != '\0') {
            column += fprintf(out, " (-%c)", letter_of(t, i));
        }
        fprintf(out, "%*s%s", USAGE_COLUMN - column, "", flag->help);
        if (flag->standard != NULL) {
            fprintf(out, " (default %s)", flag->standard);
        }
        fputc('\n', out);
    }
}
