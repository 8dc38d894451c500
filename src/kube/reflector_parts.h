/*
 * What the files of the reflector share, and nobody else uses.
 */
#pragma once
#include "kube/reflector.h"

/** *text becomes a copy of @value, or NULL. */
void reflector_set_text(char **text, const char *value);

/** Forget the list in progress, and give its memory back: the next one may be months away. */
void reflector_drop_pending(struct reflector *r);

/** The list is complete, at @rv, and all of it goes into the store at once. */
void reflector_commit(struct reflector *r, const char *rv);

/** Good news, which people are told when it is the @first or comes after failures. */
void reflector_worked(struct reflector *r, const char *verb, bool first);
