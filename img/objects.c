/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all commands take: --object secret,... and tls-creds-...,..., and --image-opts: names of images are options of nodes. */
#include <string.h>

#include "block/live.h"
#include "block/secret.h"
#include "img/img.h"

typedef struct ToolObject {
    int kind;
    char *id;
    SecretSource secret;
    TlsSource tls;
} ToolObject;
enum { OBJECT_TLS_ANON = TLS_ANON, OBJECT_TLS_PSK = TLS_PSK, OBJECT_TLS_X509 = TLS_X509, OBJECT_SECRET };
static const char *const kinds[] = { [OBJECT_TLS_ANON] = "tls-creds-anon",
                                     [OBJECT_TLS_PSK] = "tls-creds-psk",
                                     [OBJECT_TLS_X509] = "tls-creds-x509",
                                     [OBJECT_SECRET] = "secret",
                                     NULL };
#define AT(field) offsetof(ToolObject, field)
static const Prop props[] = {
    { "qom-type", PROP_ENUM, AT(kind), "type of object", .names = kinds, .required = true },
    { "id", PROP_STRING, AT(id), "name by which others choose it", .required = true },
    { NULL },
};
static const Prop secret_props[] = { SECRET_ROWS(AT(secret)), { NULL } };
static const Prop anon_props[] = { TLS_ROWS(AT(tls)), { NULL } };
static const Prop psk_props[] = { TLS_ROWS(AT(tls)), TLS_PSK_ROWS(AT(tls)), { NULL } };
static const Prop x509_props[] = { TLS_ROWS(AT(tls)), TLS_X509_ROWS(AT(tls)), { NULL } };
#undef AT
static const Shape secret_shape = { "SecretProperties", sizeof(ToolObject), secret_props };
static const Shape anon_shape = { "TlsCredsAnonProperties", sizeof(ToolObject), anon_props };
static const Shape psk_shape = { "TlsCredsPskProperties", sizeof(ToolObject), psk_props };
static const Shape x509_shape = { "TlsCredsX509Properties", sizeof(ToolObject), x509_props };
static const Shape *const arms[] = { [OBJECT_TLS_ANON] = &anon_shape,
                                     [OBJECT_TLS_PSK] = &psk_shape,
                                     [OBJECT_TLS_X509] = &x509_shape,
                                     [OBJECT_SECRET] = &secret_shape };
static const Shape shape = {
    "ObjectOptions", sizeof(ToolObject), props, .tag = &props[0], .arms = arms, .implied = "qom-type",
};

static bool add_object(ToolOptions *o, const char *text)
{
    g_autoptr(GError) err = NULL;
    ToolObject *made = shape_parse(&shape, text, NULL, &err);
    o->secrets = o->secrets ? o->secrets : secrets_new();
    bool ok =
        made && (made->kind == OBJECT_SECRET
                     ? secrets_add(o->secrets, made->id, &made->secret, false, &err)
                     : secrets_add_tls(o->secrets, made->id, (TlsKind)made->kind, &made->tls, false, &err));
    if (!ok) {
        img_error("--object %s: %s", made ? made->id : "", err->message);
    }
    shape_free(&shape, made);
    return ok;
}

bool tool_options_take(ToolOptions *o, int *argc, char **argv)
{
    int kept = 0;
    bool ok = true;
    for (int i = 0; i < *argc && ok; i++) {
        if (strcmp(argv[i], "--image-opts") == 0) {
            o->image_opts = true;
        } else if (strcmp(argv[i], "--target-image-opts") == 0) {
            o->target_image_opts = true;
        } else if (g_str_has_prefix(argv[i], "--object=")) {
            ok = add_object(o, argv[i] + strlen("--object="));
        } else if (strcmp(argv[i], "--object") == 0 && i + 1 < *argc) {
            ok = add_object(o, argv[++i]);
        } else {
            argv[kept++] = argv[i];
        }
    }
    argv[kept] = NULL;
    *argc = kept;
    return ok;
}

void tool_options_clear(ToolOptions *o)
{
    secrets_free(g_steal_pointer(&o->secrets));
}

BlockNode *tool_open(const ToolOptions *o, const char *path, const char *format, const OpenFlags *flags,
                     const char **found, GError **err)
{
    OpenFlags own = *flags;
    own.secrets = o->secrets;
    if (!o->image_opts) {
        return image_open(path, format, &own, found, err);
    }
    if (format) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "--image-opts and --format are mutually exclusive");
        return NULL;
    }
    BlockNode *n = image_open_options(path, &own, err);
    *found = n ? node_format(n) : NULL;
    return n;
}
