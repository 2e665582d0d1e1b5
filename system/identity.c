/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another user and another root: see system/identity.h.
 *
 * The groups go before the user, who could not change them; what the C library does for all threads
 * (setresuid and its like) is left to it.  That nothing comes back is tried, not believed. */
#include "system/identity.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ending.h"
#include "util/keyval.h"

struct Identity {
    bool changes_user;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    int group_count;
    char *root; /* as it is called from the old root; NULL: stays */
};

G_GNUC_PRINTF(2, 3) static bool refuse(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_FILE_ERROR, G_FILE_ERROR_PERM, text);
    return false;
}

/* ---- looking up ---------------------------------------------------------- */

/* "1000:100" */
static bool parse_numbers(Identity *id, const char *user)
{
    g_auto(GStrv) part = g_strsplit(user, ":", 2);
    uint64_t uid, gid;
    if (!part[0] || !part[1] || !keyval_uint(part[0], UINT32_MAX - 1, &uid) ||
        !keyval_uint(part[1], UINT32_MAX - 1, &gid)) {
        return false;
    }
    id->uid = uid;
    id->gid = gid;
    id->groups = g_memdup2(&id->gid, sizeof(id->gid));
    id->group_count = 1;
    return true;
}

static bool find_name(Identity *id, const char *user)
{
    const struct passwd *p = getpwnam(user);
    if (!p) {
        return false;
    }
    id->uid = p->pw_uid;
    id->gid = p->pw_gid;
    for (int room = 16;; room = id->group_count) {
        id->group_count = room;
        id->groups = g_renew(gid_t, id->groups, room);
        if (getgrouplist(user, id->gid, id->groups, &id->group_count) >= 0) {
            return true;
        }
    }
}

static bool find_user(Identity *id, const char *user, GError **err)
{
    id->changes_user = true;
    if (strchr(user, ':') ? parse_numbers(id, user) : find_name(id, user)) {
        return true;
    }
    return refuse(err, "User \"%s\" doesn't exist (and is not <uid>:<gid>); name one of this host's", user);
}

static bool find_root(Identity *id, const char *root, GError **err)
{
    id->root = realpath(root, NULL);
    if (id->root && g_file_test(id->root, G_FILE_TEST_IS_DIR)) {
        return true;
    }
    return refuse(err, "chroot to '%s' is not possible: %s; name a folder that is there", root,
                  id->root ? "it is no folder" : g_strerror(errno));
}

Identity *identity_new(const char *user, const char *root, GError **err)
{
    Identity *id = g_new0(Identity, 1);
    bool ok = (!user || find_user(id, user, err)) && (!root || find_root(id, root, err));
    if (ok && geteuid() != 0) {
        ok = refuse(
            err,
            "only root may change %s, and this is user %u; start it as root, or leave the option out and start it "
            "as the user that is to run it",
            user ? "the user" : "the root", geteuid());
    }
    if (!ok) {
        identity_free(id);
        return NULL;
    }
    return id;
}

void identity_free(Identity *id)
{
    if (id) {
        g_free(id->groups);
        free(id->root);
        g_free(id);
    }
}

/* ---- becoming it --------------------------------------------------------- */

static bool failed(GError **err, const char *what)
{
    return refuse(err, "%s: %s; nothing was started", what, g_strerror(errno));
}

static bool enter_root(const Identity *id, GError **err)
{
    if (chroot(id->root) < 0 || chdir("/") < 0) {
        g_autofree char *what = g_strdup_printf("cannot make '%s' the root", id->root);
        return failed(err, what);
    }
    ending_enter_root(g_str_equal(id->root, "/") ? "" : id->root);
    return true;
}

static bool change_user(const Identity *id, GError **err)
{
    uid_t u[3];
    gid_t g[3];
    if (setgroups(id->group_count, id->groups) < 0 || setresgid(id->gid, id->gid, id->gid) < 0 ||
        setresuid(id->uid, id->uid, id->uid) < 0) {
        g_autofree char *what = g_strdup_printf("cannot become user %u, group %u", id->uid, id->gid);
        return failed(err, what);
    }
    bool same = getresuid(&u[0], &u[1], &u[2]) == 0 && getresgid(&g[0], &g[1], &g[2]) == 0;
    for (unsigned i = 0; i < 3; i++) {
        same = same && u[i] == id->uid && g[i] == id->gid;
    }
    if (!same || (id->uid != 0 && (setuid(0) == 0 || (id->gid != 0 && setgid(0) == 0)))) {
        return refuse(err,
                      "user %u could become root again, so this host keeps no promise; nothing was started",
                      id->uid);
    }
    return true;
}

bool identity_take(const Identity *id, GError **err)
{
    return (!id->root || enter_root(id, err)) && (!id->changes_user || change_user(id, err));
}
