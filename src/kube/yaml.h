/*
 * YAML as a tree, for kubeconfig files: libyaml behind limits. Every node knows its line and
 * column, so that an error can say where. JSON is YAML, and is read as well.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    YAML_DEPTH_MAX = 64,
    YAML_NODES_MAX = 100000,
};

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_item;

struct yaml_node {
    enum yaml_kind kind;
    unsigned line, column; /* from 1 */
    bool plain;            /* a text without quotes: may stand for null or a boolean */
    char *text;            /* YAML_TEXT: without NUL inside */
    struct yaml_item *items;
    struct yaml_node *previous; /* in order of making, for wiping */
};

/** One item of a list or entry of a map. A node that is used by an alias is an item of several. */
struct yaml_item {
    const struct yaml_node *key; /* of a map: always a text; NULL in a list */
    struct yaml_node *value;
    struct yaml_item *next;
};

/** Zeroed is empty. */
struct yaml {
    struct arena arena;
    struct yaml_node *root; /* NULL: the file is empty */
    struct yaml_node *last;
    size_t nodes;
};

/**
 * Parse the first document of @bytes. An alias shares its anchor's node and cannot contain itself,
 * so memory stays linear; but a walk over the tree may still be long and needs its own bound.
 *
 * @path  for messages, which are like "PATH:12:5: reason" and never quote a value.
 * Returns 0 or, with *y empty: ERR_PARSE, ERR_TOO_BIG (depth, nodes).
 */
int yaml_parse(struct yaml *y, const char *path, const char *bytes, size_t len, struct error *err);

/** Wipes all texts. */
void yaml_fini(struct yaml *y);

/** The value of @key; NULL when @node is NULL or no map, has no such key, or it is null. */
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);

/** The text of that value; NULL also when it is no text or empty. */
const char *yaml_get_text(const struct yaml_node *node, const char *key);

/** The boolean of that value; false also when it is no boolean. */
bool yaml_get_bool(const struct yaml_node *node, const char *key);

bool yaml_is_null(const struct yaml_node *node);

/** YAML 1.1, as Go's parser for kubectl reads it: true, yes, on and their opposites. */
bool yaml_is_bool(const struct yaml_node *node, bool *value);
