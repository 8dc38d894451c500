#include "kube/scale.h"

#include "kube/json.h"

/* Without it nobody could tell whether this scale is as new as its object. */
static int check_version(const struct object *o, struct error *err)
{
    if (o->rv[0] == '\0') {
        return error_set(err, ERR_PARSE, "Scale: metadata: resourceVersion: missing");
    }
    return 0;
}

static int32_t decode_replicas(yyjson_val *json)
{
    yyjson_val *value = json_at(json, "spec", "replicas", NULL);
    int64_t n = value == NULL ? 0 : json_get_int(value, SCALE_REPLICAS_INVALID);

    return n < 0 || n > INT32_MAX ? SCALE_REPLICAS_INVALID : (int32_t)n;
}

static int scale_decode(yyjson_val *json, struct object **out, struct error *err)
{
    struct object_packer p;

    if (!yyjson_equals_str(json_at(json, "kind", NULL), "Scale")) {
        return error_set(err, ERR_PARSE, "the answer is no Scale");
    }
    struct scale *s = object_alloc(sizeof *s, object_meta_bytes(json), &p);
    int rc = object_pack_meta(&p, json, &s->object, err);
    rc = rc != 0 ? rc : check_version(&s->object, err);
    if (rc != 0) {
        object_free(&s->object);
        return rc;
    }
    s->replicas = decode_replicas(json);
    *out = &s->object;
    return 0;
}

const struct kind scale_kind = {.group = "autoscaling",
                                .version = "v1",
                                .kind = "Scale",
                                .plural = "scales",
                                .decode = scale_decode};
