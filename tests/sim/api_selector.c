/*
 * labelSelector and fieldSelector of lists and watches, with the grammar and the complaints of
 * k8s.io/apimachinery/pkg/labels.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "sim/api_object.h"
#include "sim/api_refusal.h"
#include "sim/api_validate.h"

#include <stdlib.h>
#include <string.h>

enum operator{ EXISTS, MISSING, IN, NOT_IN, GREATER, LESS };

struct values {
    char **items;
    size_t count;
};

struct requirement {
    char *key;
    enum operator op;
    struct values values;
};

struct api_selector {
    struct requirement *labels;
    size_t label_count;
    struct requirement *fields;
    size_t field_count;
};

/* ---- Tokens ---- */

enum token { END, COMMA, OPEN, CLOSE, EQUALS, NOT_EQUALS, NOT, MORE, FEWER, WORD };

static const char SPACE[] = " \t\r\n";

struct parser {
    const char *next;
    enum token token; /* of what is looked at */
    const char *text;
    size_t len;
    struct api_refusal *refusal;
};

static enum token token_of(const char *text, size_t *len)
{
    static const struct {
        const char *text;
        enum token token;
    } SYMBOLS[] = {{"==", EQUALS}, {"!=", NOT_EQUALS}, {"=", EQUALS}, {"!", NOT},  {"(", OPEN},
                   {")", CLOSE},   {",", COMMA},       {">", MORE},   {"<", FEWER}};
    for (size_t i = 0; i < ARRAY_LEN(SYMBOLS); i++) {
        *len = strlen(SYMBOLS[i].text);
        if (strncmp(text, SYMBOLS[i].text, *len) == 0) {
            return SYMBOLS[i].token;
        }
    }
    *len = strcspn(text, "=!(),<> \t\r\n");
    return *len == 0 ? END : WORD;
}

static void advance(struct parser *p)
{
    p->next += strspn(p->next, SPACE);
    p->text = p->next;
    p->token = token_of(p->text, &p->len);
    p->next += p->len;
}

static bool fail(struct parser *p, const char *context, const char *comma, const char *expected)
{
    refuse(p->refusal, 400, "BadRequest", "%sfound '%.*s'%s expected: %s", context, (int)p->len,
           p->text, comma, expected);
    return false;
}

static const char REQUIREMENT[] = "unable to parse requirement: ";

static bool is_word(const struct parser *p, const char *word)
{
    return p->token == WORD && p->len == strlen(word) && strncmp(p->text, word, p->len) == 0;
}

/* ---- Requirements ---- */

static void values_add(struct values *v, const char *text, size_t len)
{
    v->items = mem_realloc(v->items, (v->count + 1) * sizeof *v->items);
    v->items[v->count++] = mem_strndup(text, len);
}

static bool values_have(const struct values *v, const char *text)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* `(a,b)`, where nothing between commas is an empty value. */
static bool parse_list(struct parser *p, struct requirement *r)
{
    if (p->token != OPEN) {
        return fail(p, REQUIREMENT, "", "'('");
    }
    for (advance(p);; advance(p)) {
        if (p->token == WORD) {
            values_add(&r->values, p->text, p->len);
            advance(p);
        } else {
            values_add(&r->values, "", 0);
        }
        if (p->token == CLOSE) {
            advance(p);
            return true;
        }
        if (p->token != COMMA) {
            return fail(p, REQUIREMENT, ",", "',' or ')'");
        }
    }
}

static bool parse_single(struct parser *p, struct requirement *r)
{
    if (p->token != END && p->token != COMMA && p->token != WORD) {
        return fail(p, REQUIREMENT, ",", "identifier");
    }
    values_add(&r->values, p->token == WORD ? p->text : "", p->token == WORD ? p->len : 0);
    if (p->token == WORD) {
        advance(p);
    }
    return true;
}

static bool parse_values(struct parser *p, struct requirement *r)
{
    bool in = is_word(p, "in"), not_in = is_word(p, "notin");
    enum token token = p->token;
    if (in || not_in) {
        r->op = in ? IN : NOT_IN;
        advance(p);
        return parse_list(p, r);
    }
    switch (token) {
    case EQUALS:
        r->op = IN;
        break;
    case NOT_EQUALS:
        r->op = NOT_IN;
        break;
    case MORE:
    case FEWER:
        r->op = token == MORE ? GREATER : LESS;
        break;
    default:
        return fail(p, REQUIREMENT, ",", "'=', '!=', '==', 'in', notin'");
    }
    advance(p);
    return parse_single(p, r);
}

/* Are key and values possible ones? */
static bool check_requirement(struct parser *p, const struct requirement *r)
{
    struct field_errors e;
    field_errors_init(&e);
    validate_qualified_name(&e, "", r->key);
    if (e.count > 0) {
        const char *said = strstr(e.text.data, "\": ");
        refuse(p->refusal, 400, "BadRequest", "%sinvalid label key \"%s%s", REQUIREMENT, r->key,
               said == NULL ? "\"" : said);
    }
    for (size_t i = 0; e.count == 0 && i < r->values.count; i++) {
        const char *value = r->values.items[i];
        if (value[0] != '\0') {
            validate_label_value(&e, "", value);
        }
        if (e.count > 0) {
            const char *said = strstr(e.text.data, "\": ");
            refuse(p->refusal, 400, "BadRequest", "%sinvalid label value: \"%s\": at key: \"%s%s",
                   REQUIREMENT, value, r->key, said == NULL ? "\"" : said);
        }
        char *end;
        if (e.count == 0 && r->op >= GREATER && (strtoll(value, &end, 10), *end != '\0')) {
            refuse(p->refusal, 400, "BadRequest",
                   "%sfor 'Gt', 'Lt' operators, the value must be an integer", REQUIREMENT);
            e.count = 1;
        }
    }
    bool good = e.count == 0;
    field_errors_fini(&e);
    return good;
}

static struct requirement *add_requirement(struct requirement **list, size_t *count,
                                           const char *key, size_t len)
{
    *list = mem_realloc(*list, (*count + 1) * sizeof **list);
    struct requirement *r = &(*list)[(*count)++];
    *r = (struct requirement){.key = mem_strndup(key, len)};
    return r;
}

static bool parse_requirement(struct parser *p, struct api_selector *s)
{
    bool missing = p->token == NOT;
    if (missing) {
        advance(p);
    }
    if (p->token != WORD) {
        return fail(p, REQUIREMENT, ",", "identifier");
    }
    struct requirement *r = add_requirement(&s->labels, &s->label_count, p->text, p->len);
    advance(p);
    r->op = missing ? MISSING : EXISTS;
    if (!missing && p->token != END && p->token != COMMA && !parse_values(p, r)) {
        return false;
    }
    return check_requirement(p, r);
}

static bool parse_labels(struct parser *p, struct api_selector *s)
{
    advance(p);
    if (p->token == END) {
        return true;
    }
    if (p->token != WORD && p->token != NOT) {
        return fail(p, "", ",", "!, identifier, or 'end of string'");
    }
    for (;;) {
        if (!parse_requirement(p, s)) {
            return false;
        }
        if (p->token == END) {
            return true;
        }
        if (p->token != COMMA) {
            return fail(p, "", ",", "',' or 'end of string'");
        }
        advance(p);
        if (p->token != WORD && p->token != NOT) {
            return fail(p, "", ",", "identifier after ','");
        }
    }
}

/* ---- Fields: name=value, name==value, name!=value ---- */

static bool parse_field(struct parser *p, struct api_selector *s, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    if (equals == NULL) {
        refuse(p->refusal, 400, "BadRequest", "invalid selector: '%s'; can't understand '%.*s'",
               p->text, (int)len, text);
        return false;
    }
    bool negated = equals > text && equals[-1] == '!';
    const char *value = equals + (equals + 1 < text + len && equals[1] == '=' ? 2 : 1);
    size_t name_len = (size_t)(equals - text) - negated;
    struct requirement *r = add_requirement(&s->fields, &s->field_count, text, name_len);
    r->op = negated ? NOT_IN : IN;
    values_add(&r->values, value, (size_t)(text + len - value));
    if (r->key[0] != '\0' && strcmp(r->key, "metadata.name") != 0 &&
        strcmp(r->key, "metadata.namespace") != 0) {
        refuse(p->refusal, 400, "BadRequest", "field label not supported: %s", r->key);
        return false;
    }
    return true;
}

static bool parse_fields(struct parser *p, struct api_selector *s)
{
    for (const char *text = p->text; *text != '\0';) {
        size_t len = strcspn(text, ",");
        if (len > 0 && !parse_field(p, s, text, len)) {
            return false;
        }
        text += len + (text[len] == ',');
    }
    return true;
}

/* ---- */

static void free_requirements(struct requirement *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t v = 0; v < list[i].values.count; v++) {
            mem_free(list[i].values.items[v]);
        }
        mem_free(list[i].values.items);
        mem_free(list[i].key);
    }
    mem_free(list);
}

void api_selector_free(struct api_selector *s)
{
    if (s != NULL) {
        free_requirements(s->labels, s->label_count);
        free_requirements(s->fields, s->field_count);
        mem_free(s);
    }
}

int api_selector_parse(const char *labels, const char *fields, struct api_selector **out,
                       struct api_refusal *refusal)
{
    struct api_selector *s = mem_zalloc(sizeof *s);
    struct parser p = {.next = labels == NULL ? "" : labels, .refusal = refusal};
    struct parser f = {.text = fields == NULL ? "" : fields, .refusal = refusal};
    if (!parse_labels(&p, s) || !parse_fields(&f, s)) {
        api_selector_free(s);
        return -1;
    }
    *out = s;
    return 0;
}

const char *api_selector_name(const struct api_selector *s)
{
    for (size_t i = 0; i < s->field_count; i++) {
        const struct requirement *r = &s->fields[i];
        if (strcmp(r->key, "metadata.name") == 0 && r->op == IN && r->values.count == 1) {
            return r->values.items[0];
        }
    }
    return NULL;
}

static bool requirement_matches(const struct requirement *r, const char *have)
{
    switch (r->op) {
    case EXISTS:
        return have != NULL;
    case MISSING:
        return have == NULL;
    case IN:
        return have != NULL && values_have(&r->values, have);
    case NOT_IN:
        return have == NULL || !values_have(&r->values, have);
    default:
        break;
    }
    char *end;
    long long number = have == NULL ? 0 : strtoll(have, &end, 10);
    if (have == NULL || *end != '\0') {
        return false;
    }
    long long wanted = strtoll(r->values.items[0], NULL, 10);
    return r->op == GREATER ? number > wanted : number < wanted;
}

bool api_selector_matches(const struct api_selector *s, yyjson_val *object)
{
    yyjson_val *metadata = yyjson_obj_get(object, "metadata");
    yyjson_val *labels = yyjson_obj_get(metadata, "labels");
    for (size_t i = 0; i < s->label_count; i++) {
        const char *have = yyjson_get_str(yyjson_obj_get(labels, s->labels[i].key));
        if (!requirement_matches(&s->labels[i], have)) {
            return false;
        }
    }
    for (size_t i = 0; i < s->field_count; i++) {
        const char *key = s->fields[i].key;
        const char *name = strrchr(key, '.');
        const char *have = name == NULL ? NULL : yyjson_get_str(yyjson_obj_get(metadata, name + 1));
        if (!requirement_matches(&s->fields[i], have == NULL ? "" : have)) {
            return false;
        }
    }
    return true;
}
