/*
 * dc_cli_add: see dc_cli_add.h.
 */
#include "dc_cli_add.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>

#include "dc_say.h"
#include "dc_secret.h"
#include "dc_tls.h"

/* clang-format off */
const struct dc_opt_row dc_cli_add_init_rows[] = {
	{"dir",      "DIR",   "directory to make"},
	{"names",    "A,B",   "names in the server's certificate (127.0.0.1,localhost)"},
	{"observer", "USER:PASSWORD", "account that hears everything (observer:observer)"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_add_product_rows[] = {
	{"dir",      "DIR",   "directory of the Developer Center"},
	{"kind",     "KIND",  "gateway or subdevice (gateway)"},
	{"ps",       "TEXT",  "product secret, 16 to 32 characters (made up)"},
	{"register", "WHEN",  "always, once or never (always)"},
	{"open",     NULL,    "devices that nobody added may register"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_add_gateway_rows[] = {
	{"dir",      "DIR",   "directory of the Developer Center"},
	{"ds",       "TEXT",  "device secret, as if it had registered already"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_add_subdevice_rows[] = {
	{"dir",      "DIR",   "directory of the Developer Center"},
	{"gateway",  "PK/DK", "the gateway that it is associated with"},
	{"ds",       "TEXT",  "device secret, as if it had registered already"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_add_account_rows[] = {
	{"dir",      "DIR",   "directory of the Developer Center"},
	{"password", "TEXT",  "its password"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_add_key_rows[] = {
	{"dir",      "DIR",   "directory of the Developer Center"},
	{"secret",   "TEXT",  "its access secret"},
	{"ip",       "A,B",   "addresses that may use it (any)"},
	{"products", "A,B",   "product keys that it may see (all)"},
	{"no-api",   NULL,    "its permission to call the API is off"},
	{"disabled", NULL,    "it is disabled"},
	{NULL, NULL, NULL},
};
/* clang-format on */

static int
fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	return DC_EXIT_FAILED;
}

int
dc_cli_add_init(struct dc_cli *c)
{
	char packages[4096], user[128];
	const char *account = dc_opt_get(&c->opt, "observer", "observer:observer");
	size_t n = strcspn(account, ":");

	if (account[n] != ':' || n == 0 || n >= sizeof(user))
		return fail("--observer", "expected USER:PASSWORD");
	snprintf(user, sizeof(user), "%.*s", (int)n, account);
	snprintf(packages, sizeof(packages), "%s/packages", c->dir);
	if ((mkdir(c->dir, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(packages, 0755) < 0 && errno != EEXIST))
		return fail(packages, strerror(errno));
	if (dc_tls_make(c->dir, dc_opt_get(&c->opt, "names", "127.0.0.1,localhost")))
		return fail("--names", "no certificate could be made");
	if (dc_db_open(c->dir, true, &c->db) ||
	    dc_db_run(c->db,
		"INSERT INTO account (user, password) VALUES (?, ?) "
		"ON CONFLICT (user) DO UPDATE SET password = excluded.password",
		"tt", user, account + n + 1))
		return fail(c->dir, "no database could be made");
	printf("%s/ca.pem is what clients trust; account %s hears everything\n", c->dir, user);
	return DC_EXIT_OK;
}

static bool
is_one_of(const char *value, const char *a, const char *b, const char *c)
{
	return strcmp(value, a) == 0 || strcmp(value, b) == 0 || (c && strcmp(value, c) == 0);
}

int
dc_cli_add_product(struct dc_cli *c)
{
	uint8_t raw[12];
	char made[17];
	const char *pk = c->opt.word[0];
	const char *kind = dc_opt_get(&c->opt, "kind", "gateway");
	const char *policy = dc_opt_get(&c->opt, "register", "always");

	if (!is_one_of(kind, "gateway", "subdevice", NULL))
		return fail("--kind", "expected gateway or subdevice");
	if (!is_one_of(policy, "always", "once", "never"))
		return fail("--register", "expected always, once or never");
	if (!dc_secret_is_key(pk))
		return fail(pk, "expected a product key of 1 to 32 letters and digits");
	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return fail("product secret", "no random bytes");
	EVP_EncodeBlock((unsigned char *)made, raw, sizeof(raw));
	const char *ps = dc_opt_get(&c->opt, "ps", made);
	if (strlen(ps) < 16 || strlen(ps) > DC_KEY_MAX || strchr(ps, ';'))
		return fail("--ps", "expected 16 to 32 characters without ';'");
	enum err err = dc_db_run(c->db,
	    "INSERT INTO product (pk, ps, kind, register, open) VALUES (?, ?, ?, ?, ?)", "tttti",
	    pk, ps, kind, policy, (int64_t)(dc_opt_get(&c->opt, "open", NULL) != NULL));
	if (err)
		return fail(pk, err_text(err));
	printf("{\"pk\":\"%s\",\"ps\":\"%s\",\"kind\":\"%s\"}\n", pk, ps, kind);
	return DC_EXIT_OK;
}

/* Insert a device of a product of `kind`; `gateway` 0: none. */
static int
add_device(struct dc_cli *c, const char *kind, int64_t gateway)
{
	char pk[DC_KEY_MAX + 1], dk[DC_KEY_MAX + 1];
	const char *name = c->opt.word[0];
	const char *ds = dc_opt_get(&c->opt, "ds", NULL);

	if (dc_cli_device_name(name, pk, dk))
		return DC_EXIT_FAILED;
	if (strlen(dk) < 4)
		return fail(name, "expected a device key of 4 to 32 letters and digits");
	if (ds && (strlen(ds) > DC_DS_LEN || strlen(ds) < 16 || !dc_secret_is_key(ds)))
		return fail("--ds", "expected 16 to 32 letters and digits");
	if (!dc_db_int(c->db, 0, "SELECT count(*) FROM product WHERE pk = ? AND kind = ?", "tt", pk,
		kind)) {
		fprintf(stderr, "%s: there is no %s product %s\n", name, kind, pk);
		return DC_EXIT_FAILED;
	}
	enum err err = dc_db_run(c->db,
	    "INSERT INTO device (pk, dk, ds, gateway) VALUES (?, ?, ?, nullif(?, 0))", "ttti", pk,
	    dk, ds, gateway);
	if (err)
		return fail(name, err_text(err));
	printf("{\"pk\":\"%s\",\"dk\":\"%s\"}\n", pk, dk);
	return DC_EXIT_OK;
}

int
dc_cli_add_gateway(struct dc_cli *c)
{
	return add_device(c, "gateway", 0);
}

int
dc_cli_add_subdevice(struct dc_cli *c)
{
	const char *name = dc_opt_get(&c->opt, "gateway", NULL);

	if (!name)
		return fail(c->opt.word[0], "--gateway PK/DK is missing");
	int64_t gateway = dc_cli_find_device(c, name);
	return gateway ? add_device(c, "subdevice", gateway) : DC_EXIT_FAILED;
}

int
dc_cli_add_account(struct dc_cli *c)
{
	const char *password = dc_opt_get(&c->opt, "password", NULL);

	if (!password)
		return fail(c->opt.word[0], "--password is missing");
	enum err err = dc_db_run(c->db,
	    "INSERT INTO account (user, password) VALUES (?, ?) "
	    "ON CONFLICT (user) DO UPDATE SET password = excluded.password",
	    "tt", c->opt.word[0], password);
	return err ? fail(c->opt.word[0], err_text(err)) : DC_EXIT_OK;
}

int
dc_cli_add_key(struct dc_cli *c)
{
	const char *secret = dc_opt_get(&c->opt, "secret", NULL);

	if (!secret)
		return fail(c->opt.word[0], "--secret is missing");
	enum err err = dc_db_run(c->db,
	    "INSERT OR REPLACE INTO access_key (access, secret, ips, products, api, enabled) "
	    "VALUES (?, ?, ?, ?, ?, ?)",
	    "ttttii", c->opt.word[0], secret, dc_opt_get(&c->opt, "ip", NULL),
	    dc_opt_get(&c->opt, "products", NULL),
	    (int64_t)(dc_opt_get(&c->opt, "no-api", NULL) == NULL),
	    (int64_t)(dc_opt_get(&c->opt, "disabled", NULL) == NULL));
	return err ? fail(c->opt.word[0], err_text(err)) : DC_EXIT_OK;
}

int
dc_cli_add_kick(struct dc_cli *c)
{
	int64_t device = dc_cli_find_device(c, c->opt.word[0]);

	return device ? dc_cli_order(c, "kick", device) : DC_EXIT_FAILED;
}

int
dc_cli_add_say(struct dc_cli *c)
{
	int64_t device = dc_cli_find_device(c, c->opt.word[0]);
	const char *name = c->opt.word[1], *value = c->opt.n_words > 2 ? c->opt.word[2] : NULL;
	char what[420];

	if (strcmp(name, "list") == 0) {
		dc_say_print(stdout);
		return DC_EXIT_OK;
	}
	if (!device)
		return DC_EXIT_FAILED;
	if (!dc_say_is_known(name, value != NULL)) {
		dc_say_print(stderr);
		return DC_EXIT_USAGE;
	}
	snprintf(what, sizeof(what), "say %s%s%s", name, value ? " " : "", value ? value : "");
	return dc_cli_order(c, what, device);
}
