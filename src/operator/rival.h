/*
 * Who writes a field of spec beside us, as the server notes it in metadata.managedFields: an
 * autoscaler, a GitOps tool, somebody's kubectl.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
#pragma once
#include "base/arena.h"

#include <yyjson.h>

/** The name of the manager that owns spec.@field of @object (hostile): a text of it, of the last
 * that is not OPERAND_MANAGER. NULL: nobody but us, or it is not noted. */
yyjson_val *rival_find(yyjson_val *object, const char *field);

/** "somebody else" for NULL; else @name in quotes, and what it may stand for. In @arena. */
const char *rival_text(const char *name, struct arena *arena);
