/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shapes: the same struct from key=value and from JSON; what is refused, and in which words. */
#include "base/props.h"

#include <json-c/json.h>
#include <string.h>

typedef enum HostKind { HOST_FILE, HOST_INET, HOST_NONE } HostKind;
static const char *const host_names[] = {
    [HOST_FILE] = "file", [HOST_INET] = "inet", [HOST_NONE] = "none", NULL
};

typedef struct Host {
    int kind;
    char *id;
} Host;

typedef struct FileHost {
    Host host;
    char *path;
} FileHost;

typedef struct InetHost {
    Host host;
    uint16_t port;
    bool has_port;
    bool delay;
    PropList names;
} InetHost;

static const Prop host_props[] = {
    { "type", PROP_ENUM, offsetof(Host, kind), "kind of host", .names = host_names, .required = true },
    { "id", PROP_STRING, offsetof(Host, id), "name of it" },
    { NULL },
};
static const Prop file_props[] = {
    { "path", PROP_STRING, offsetof(FileHost, path), "file", .required = true },
    { "filename", .same_as = "path" },
    { NULL },
};
static const Prop inet_props[] = {
    { "port", PROP_U16, offsetof(InetHost, port), "port", .has = offsetof(InetHost, has_port), .min = 1,
      .max = 1024 },
    { "delay", PROP_BOOL, offsetof(InetHost, delay), "wait for more", .def = 1 },
    { "name", PROP_STRING, offsetof(InetHost, names), "names", .list = true },
    { "tls", PROP_STRING, .refused = "sockets are not encrypted; use ssh" },
    PROP_ONLY_OFF("telnet", "bytes are sent as they are"),
    { NULL },
};
static const Shape file_shape = { "FileHost", sizeof(FileHost), file_props };
static const Shape inet_shape = { "InetHost", sizeof(InetHost), inet_props };
static const Shape *const host_arms[] = { [HOST_FILE] = &file_shape, [HOST_INET] = &inet_shape, NULL };
static const Shape host_shape = {
    "Host", sizeof(Host), host_props, .tag = &host_props[0], .arms = host_arms, .implied = "type"
};

typedef struct Plan {
    uint64_t room;
    int64_t shift;
    double share;
    void *host;
    PropList hosts;
    int when;
    bool direct;
    json_object *more;
} Plan;

static const Prop plan_rest = { "more", PROP_ANY, offsetof(Plan, more) };
static const Prop plan_props[] = {
    { "room", PROP_SIZE, offsetof(Plan, room), "bytes", .def = 4096, .unit = 1 << 20 },
    { "shift", PROP_I64, offsetof(Plan, shift), "places", .min = (uint64_t)-5, .max = 5 },
    { "share", PROP_F64, offsetof(Plan, share), "part" },
    { "host", PROP_STRUCT, offsetof(Plan, host), "where", .of = &host_shape },
    { "hosts", PROP_STRUCT, offsetof(Plan, hosts), "where else", .of = &host_shape, .list = true },
    { "when", PROP_ON_OFF_AUTO, offsetof(Plan, when), "when" },
    { "cache.direct", PROP_BOOL, offsetof(Plan, direct), "not by the cache" },
    { NULL },
};
static const Shape plan_shape = { "Plan", sizeof(Plan), plan_props };
static const Shape open_shape = { "Open", sizeof(Plan), plan_props, .rest = &plan_rest };

static void *parsed(const Shape *shape, const char *text)
{
    g_autoptr(GError) err = NULL;
    void *s = shape_parse(shape, text, NULL, &err);
    g_assert_no_error(err);
    return s;
}

static void test_unions(void)
{
    static const char *const texts[] = {
        "inet,id=a,port=0x50,nodelay,name=x,name=y",
        "{'type':'inet','id':'a','port':80,'delay':false,'name':['x','y']}"
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        InetHost *h = parsed(&host_shape, texts[i]);
        g_assert_cmpint(h->host.kind, ==, HOST_INET);
        g_assert_cmpstr(h->host.id, ==, "a");
        g_assert_true(h->has_port && !h->delay);
        g_assert_cmpuint(h->port, ==, 80);
        g_assert_cmpuint(h->names.count, ==, 2);
        g_assert_cmpstr(((char **)h->names.items)[1], ==, "y");
        g_assert_true(shape_arm(&host_shape, h) == &inet_shape);
        shape_free(&host_shape, h);
    }
    InetHost *inet = parsed(&host_shape, "id=a,type=inet,delay=off,delay=on,telnet=off");
    g_assert_true(inet->delay && !inet->has_port);
    shape_free(&host_shape, inet);
    FileHost *file = parsed(&host_shape, "file,filename=a,,b");
    g_assert_cmpstr(file->path, ==, "a,b");
    shape_free(&host_shape, file);
    Host *none = parsed(&host_shape, "none");
    g_assert_null(shape_arm(&host_shape, none));
    shape_free(&host_shape, none);
}

static void test_nested(void)
{
    Plan *p =
        parsed(&plan_shape, "room=2,shift=-5,share=0.25,host.type=file,host.path=x,cache.direct=on,when=off");
    g_assert_cmpuint(p->room, ==, 2 << 20);
    g_assert_cmpint(p->shift, ==, -5);
    g_assert_true(p->share == 0.25 && p->direct && p->when == ON_OFF_OFF);
    g_assert_cmpstr(((FileHost *)p->host)->path, ==, "x");
    shape_free(&plan_shape, p);
    p = parsed(&plan_shape, "{'room':2,'share':1,'host':{'type':'none'},'cache':{'direct':true},"
                            "'hosts':[{'type':'file','path':'a'},{'type':'inet'}]}");
    g_assert_cmpuint(p->room, ==, 2);
    g_assert_true(p->share == 1 && p->direct);
    g_assert_cmpuint(p->hosts.count, ==, 2);
    g_assert_cmpint(((Host **)p->hosts.items)[1]->kind, ==, HOST_INET);
    shape_free(&plan_shape, p);
    p = parsed(&plan_shape, "");
    g_assert_cmpuint(p->room, ==, 4096);
    g_assert_null(p->host);
    shape_free(&plan_shape, p);
    p = parsed(&open_shape, "{'room':2,'driver':'x','n':1}");
    g_assert_cmpstr(json_object_to_json_string_ext(p->more, 0), ==, "{\"driver\":\"x\",\"n\":1}");
    shape_free(&open_shape, p);
}

static void test_refused(void)
{
    static const struct {
        const Shape *shape;
        const char *text, *why;
    } rows[] = {
        { &host_shape, "", "Parameter 'type' is missing. It is the kind of host" },
        { &host_shape, "inte",
          "'type' does not accept value 'inte'. There are file, inet, none; did you mean 'inet'?" },
        { &host_shape, "file", "Parameter 'path' is missing" },
        { &host_shape, "inet,path=x", "Parameter 'path' is unexpected. There are type, id, port" },
        { &host_shape, "inet,prot=1",
          "'prot' is unexpected. There are type, id, port, delay, name, telnet; did you mean 'port'?" },
        { &host_shape, "inet,port=0", "Parameter 'port' expects a number from 1 to 1024, not '0'" },
        { &host_shape, "{'type':'inet','port':0}",
          "Parameter 'port' expects uint16. It takes a number from 1 to 1024, not 0" },
        { &host_shape, "{'type':'inet','port':-1}", "expects uint16" },
        { &host_shape, "{'type':'inet','port':'1'}", "Invalid parameter type for 'port', expected: integer" },
        { &host_shape, "{'type':'inet','port':1.5}", "Invalid parameter type for 'port', expected: integer" },
        { &host_shape, "{'type':'inet','port':null}",
          "Invalid parameter type for 'port', expected: integer" },
        { &host_shape, "{'type':'inet','delay':'on'}",
          "Invalid parameter type for 'delay', expected: boolean" },
        { &host_shape, "{'type':'inet','name':'x'}", "Invalid parameter type for 'name', expected: array" },
        { &host_shape, "{'type':'inet','name':['x',1]}",
          "Invalid parameter type for 'name[1]', expected: string" },
        { &host_shape, "{'type':1}", "Invalid parameter type for 'type', expected: string" },
        { &host_shape, "{'type':'INET'}", "does not accept value 'INET'" },
        { &host_shape, "inet,delay=maybe", "Parameter 'delay' expects 'on' or 'off', not 'maybe'" },
        { &host_shape, "inet,nodaley", "Parameter 'nodaley' is unexpected" },
        { &host_shape, "inet,tls=x", "'tls' is not built: sockets are not encrypted; use ssh" },
        { &host_shape, "inet,telnet",
          "'telnet=on' is not built: bytes are sent as they are; 'telnet=off' is all there is" },
        { &host_shape, "{'type':'inet','telnet':true}", "'telnet=off' is all there is" },
        { &plan_shape, "room=x", "Parameter 'room' expects a size such as 4096, 64k, 1M or 2G, not 'x'" },
        { &plan_shape, "shift=6", "Parameter 'shift' expects a number from -5 to 5, not '6'" },
        { &plan_shape, "{'shift':18446744073709551615}", "expects int64" },
        { &plan_shape, "{'room':-1}", "Parameter 'room' expects uint64" },
        { &plan_shape, "share=nan", "a number such as 0.5" },
        { &plan_shape, "host=x", "Invalid parameter type for 'host', expected: object" },
        { &plan_shape, "host.type=file,host.x=1", "Parameter 'host.x' is unexpected" },
        { &plan_shape, "{'hosts':[{'type':'none'},{'type':'file'}]}",
          "Parameter 'hosts[1].path' is missing" },
        { &plan_shape, "{'hosts':[{'type':'none','id':1}]}",
          "Invalid parameter type for 'hosts[0].id', expected: string" },
        { &plan_shape, "{'cache':{'dirct':true}}", "Parameter 'cache.dirct' is unexpected" },
        { &plan_shape, "{'room':1,'room':2}", "duplicate key 'room'" },
        { &plan_shape, "room=1,=2", "no name before" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;
        PropContext c = { .who = "it" };
        g_assert_null(shape_parse(rows[i].shape, rows[i].text, &c, &err));
        if (!strstr(err->message, rows[i].why)) {
            g_error("'%s': '%s' lacks '%s'", rows[i].text, err->message, rows[i].why);
        }
    }
}

static void test_classes(void)
{
    g_autoptr(GError) err = NULL;
    PropContext c = { .who = "-object inet", .class = "inet" };
    g_assert_null(shape_parse(&host_shape, "inet,x=1", &c, &err));
    g_assert_true(
        g_str_has_prefix(err->message, "-object inet: Property 'inet.x' not found. There are type"));
}

static void test_help(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    props_help(inet_props, out);
    g_assert_cmpstr(out->str, ==,
                    "  port=<uint16>          - port\n"
                    "  delay=<bool>           - wait for more (default: true)\n"
                    "  name=<str...>          - names\n"
                    "  telnet=<bool>          - fixed: bytes are sent as they are (default: false)\n");
    g_string_truncate(out, 0);
    props_help(host_props, out);
    g_assert_cmpstr(out->str, ==,
                    "  type=<enum>            - kind of host: file/inet/none\n"
                    "  id=<str>               - name of it\n");
}

/* A struct becomes the JSON that it is read from; what is not there is left out. */
static void test_json(void)
{
    static const char *const texts[] = {
        "{\"room\":18446744073709551615,\"shift\":-5,\"share\":0.25,\"host\":{\"type\":\"inet\",\"id\":\"a\","
        "\"port\":80,\"delay\":false,\"name\":[\"x\",\"y\",\"z\"]},\"hosts\":[{\"type\":\"none\"},{\"type\":\"file\","
        "\"path\":\"p\"}],\"when\":\"off\",\"cache.direct\":true}",
        "{\"room\":0,\"shift\":0,\"share\":0.0,\"when\":\"auto\",\"cache.direct\":false}",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        Plan *p = parsed(&plan_shape, texts[i]);
        json_object *json = shape_json(&plan_shape, p);
        g_assert_cmpstr(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), ==, texts[i]);
        json_object_put(json);
        shape_free(&plan_shape, p);
    }
}

/* A list made by hand. */
static void test_lists(void)
{
    static const Prop hosts = { "", PROP_STRUCT, 0, .of = &host_shape, .list = true };
    static const Prop words = { "", PROP_STRING, 0, .list = true },
                      kinds = { "", PROP_ENUM, 0, .list = true, .names = host_names };
    PropList list = { 0 }, text = { 0 }, number = { 0 };
    for (unsigned i = 0; i < 9; i++) {
        Host *h = prop_list_add(&list, &host_shape);
        h->kind = HOST_NONE;
        h->id = g_strdup_printf("%u", i);
        prop_list_add_string(&text, h->id);
        prop_list_add_enum(&number, HOST_NONE);
    }
    json_object *a = prop_json(&list, &hosts, NULL), *b = prop_json(&text, &words, NULL),
                *c = prop_json(&number, &kinds, NULL);
    g_assert_cmpuint(json_object_array_length(a), ==, 9);
    g_assert_cmpstr(json_object_to_json_string_ext(b, JSON_C_TO_STRING_PLAIN), ==,
                    "[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]");
    g_assert_cmpstr(json_object_get_string(json_object_array_get_idx(c, 8)), ==, "none");
    json_object_put(a);
    json_object_put(b);
    json_object_put(c);
    prop_clear(&list, &hosts);
    prop_clear(&text, &words);
    prop_clear(&number, &kinds);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/props/unions", test_unions);
    g_test_add_func("/props/nested", test_nested);
    g_test_add_func("/props/refused", test_refused);
    g_test_add_func("/props/classes", test_classes);
    g_test_add_func("/props/help", test_help);
    g_test_add_func("/props/json", test_json);
    g_test_add_func("/props/lists", test_lists);
    return g_test_run();
}
