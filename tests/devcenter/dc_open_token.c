/*
 * dc_open_token: the OpenAPI's tokens. An access key (SaaS) signs in and has a QJWT token, a person
 * has a Bearer token; both live two hours and are refreshed. A key may be bound to addresses and
 * products, and its API may be off.
 *
 * Which of the codes 5032 and 5106 says unknown and which expired is inferred.
 */
#include <openssl/sha.h>
#include <string.h>

#include "dc_open_call.h"

enum { REFRESH_DAYS = 30, TOKEN = 60, FRESH_MS = 1800000 };

void
dc_open_sign(const char *user, const char *secret, char out[65])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	size_t n = strlen(user), k = strlen(secret);
	AUTO(mem) uint8_t *both = dc_peer_alloc(n + k + 1);

	memcpy(both, user, n);
	memcpy(both + n, secret, k);
	SHA256(both, n + k, digest);
	for (unsigned i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

static void
make_token(struct dc *dc, const char *prefix, char out[TOKEN])
{
	uint8_t raw[16];
	size_t n = (size_t)snprintf(out, TOKEN, "%s", prefix);

	dc->random(raw, sizeof(raw));
	for (unsigned i = 0; i < sizeof(raw); i++)
		n += (size_t)snprintf(out + n, TOKEN - n, "%02x", raw[i]);
}

struct grant {
	char token[TOKEN], refresh[TOKEN];
	int64_t expires, refresh_until;
};

static struct grant
make_grant(struct dc *dc, const char *kind, const char *access)
{
	bool saas = strcmp(kind, "saas") == 0;
	int64_t now = dc_peer_now(dc);
	struct grant g = {.expires = now + DC_OPEN_TOKEN_MS,
	    .refresh_until = now + (saas ? 1 : REFRESH_DAYS) * (int64_t)DC_OPEN_REFRESH_MS};

	make_token(dc, saas ? "QJWT " : "Bearer ", g.token);
	make_token(dc, "", g.refresh);
	dc_db_do(dc->db,
	    "INSERT INTO token (token, refresh, kind, expires, refresh_until, made, access) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?)",
	    "tttiiit", g.token, g.refresh, kind, g.expires, g.refresh_until, now, access);
	return g;
}

/* The grant that a refresh token names; false when there is none that is valid. */
static bool
find_grant(struct dc *dc, const char *kind, const char *refresh, struct grant *g, int64_t *made,
    char access[65])
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT token, refresh, expires, refresh_until, made, access FROM token "
	    "WHERE (refresh = ? OR (token = ? AND kind = 'saas')) AND kind = ? "
	    "AND refresh_until > ?",
	    "ttti", refresh, refresh, kind, dc_peer_now(dc));

	if (!dc_query_next(q))
		return false;
	snprintf(g->token, sizeof(g->token), "%s", dc_query_text(q, 0));
	snprintf(g->refresh, sizeof(g->refresh), "%s", dc_query_text(q, 1));
	g->expires = dc_query_int(q, 2);
	g->refresh_until = dc_query_int(q, 3);
	*made = dc_query_int(q, 4);
	snprintf(access, 65, "%s", dc_query_text(q, 5));
	return true;
}

static void
forget(struct dc *dc, const struct grant *g)
{
	dc_db_do(dc->db, "DELETE FROM token WHERE token = ?", "t", g->token);
}

/* --- access keys ----------------------------------------------------------------------------- */

static char *
say_saas(struct dc *dc, const struct grant *g)
{
	cJSON *data = cJSON_CreateObject();
	int64_t left_s = (g->expires - dc_peer_now(dc)) / 1000;

	cJSON_AddStringToObject(data, "access_token", g->token);
	cJSON_AddStringToObject(data, "refresh_token", g->refresh);
	cJSON_AddStringToObject(data, "token_type", "jwt");
	cJSON_AddNumberToObject(data, "expires_in", (double)left_s);
	return dc_open_say(DC_OPEN_OK, "", data);
}

/* Value of `name` in "a=1&b=2" (not escaped). */
static void
part_of(const char *text, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	out[0] = '\0';
	for (const char *at = text; *at; at += *at == '&') {
		size_t len = strcspn(at, "&");

		if (len > n && at[n] == '=' && memcmp(at, name, n) == 0)
			snprintf(out, size, "%.*s", (int)(len - n - 1), at + n + 1);
		at += len;
	}
}

char *
dc_open_key_login(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	char access[65], want[65];
	const char *user = dc_open_query(r, "username");

	(void)doc;
	part_of(user, "access_key", access, sizeof(access));
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT secret, enabled FROM access_key WHERE access = ?", "t", access);
	if (!dc_query_next(q) || !dc_query_int(q, 1))
		return dc_open_fail(DC_OPEN_UNAUTHORIZED,
		    "access_key: expected one that was added and is enabled, got another");
	dc_open_sign(user, dc_query_text(q, 0), want);
	if (strcmp(dc_open_query(r, "password"), want) != 0)
		return dc_open_fail(
		    DC_OPEN_UNAUTHORIZED, "password: expected the signature of username");
	const struct grant g = make_grant(dc, "saas", access);
	return say_saas(dc, &g);
}

/* A token of the last half hour is given once more; that of a key that was disabled ends. */
char *
dc_open_key_refresh(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	char access[65];
	int64_t made;
	struct grant g;

	(void)doc;
	if (!find_grant(dc, "saas", dc_open_query(r, "refresh_token"), &g, &made, access))
		return dc_open_fail(DC_OPEN_BAD_TOKEN, "refresh_token: expected one that is valid");
	bool enabled = dc_db_int(dc->db, 0,
	    "SELECT count(*) FROM access_key WHERE access = ? AND enabled = 1", "t", access);
	if (enabled && dc_peer_now(dc) - made < FRESH_MS)
		return say_saas(dc, &g);
	forget(dc, &g);
	if (!enabled)
		return dc_open_fail(DC_OPEN_NO_API, "the access key is disabled");
	g = make_grant(dc, "saas", access);
	return say_saas(dc, &g);
}

/* --- people ---------------------------------------------------------------------------------- */

static void
add_token(cJSON *to, const char *name, const char *token, int64_t expires_ms)
{
	cJSON *o = cJSON_AddObjectToObject(to, name);
	int64_t expires_s = expires_ms / 1000;

	cJSON_AddStringToObject(o, "token", token);
	cJSON_AddNumberToObject(o, "expirationTime", (double)expires_s);
}

static char *
say_user(struct dc *dc)
{
	const struct grant g = make_grant(dc, "user", NULL);
	cJSON *data = cJSON_CreateObject();

	add_token(data, "accessToken", g.token, g.expires);
	add_token(data, "refreshToken", g.refresh, g.refresh_until);
	return dc_open_say(DC_OPEN_OK, "", data);
}

static char *
login(struct dc *dc, const char *user, const char *password)
{
	if (!dc_db_int(dc->db, 0, "SELECT count(*) FROM account WHERE user = ? AND password = ?",
		"tt", user, password))
		return dc_open_fail(DC_OPEN_UNAUTHORIZED, "expected an account and its password");
	return say_user(dc);
}

char *
dc_open_phone_login(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	(void)doc;
	return login(dc, dc_open_query(r, "phone"), dc_open_query(r, "pwd"));
}

char *
dc_open_email_login(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	(void)doc;
	return login(dc, dc_open_query(r, "email"), dc_open_query(r, "pwd"));
}

char *
dc_open_user_refresh(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	char access[65];
	int64_t made;
	struct grant g;

	(void)doc;
	if (!find_grant(dc, "user", dc_open_query(r, "refreshToken"), &g, &made, access))
		return dc_open_fail(DC_OPEN_TOKEN, "refreshToken: expected one that is valid");
	forget(dc, &g);
	return say_user(dc);
}

/* --- who may call ---------------------------------------------------------------------------- */

/* Whether a word is in a list joined by ','; an empty list has every word. */
static bool
has(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; *at; at += *at == ',') {
		size_t len = strcspn(at, ",");

		if (len == n && memcmp(at, word, n) == 0)
			return true;
		at += len;
	}
	return !*list;
}

/* What the key of a SaaS token says against this request; 0: nothing. */
static int
check_key(struct dc *dc, const struct dc_open_request *r, const char *access)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT api, ips, enabled FROM access_key WHERE access = ?", "t", access);

	if (!dc_query_next(q) || !dc_query_int(q, 2))
		return DC_OPEN_BAD_TOKEN;
	if (!dc_query_int(q, 0))
		return DC_OPEN_NO_API;
	return has(dc_query_text(q, 1), r->address ? r->address : "") ? 0 : DC_OPEN_IP;
}

int
dc_open_check(struct dc *dc, const struct dc_open_request *r, const char *kind)
{
	bool saas = strcmp(kind, "saas") == 0;
	const char *token = r->authorization ? r->authorization : "";

	if (!*kind)
		return 0;
	if (!*token)
		return saas ? DC_OPEN_NO_TOKEN : DC_OPEN_TOKEN;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT kind, expires, access FROM token WHERE token = ?", "t", token);
	if (!dc_query_next(q))
		return saas ? DC_OPEN_BAD_TOKEN : DC_OPEN_TOKEN;
	if (strcmp(dc_query_text(q, 0), kind) != 0)
		return saas ? DC_OPEN_WRONG_KIND : DC_OPEN_PERMISSION;
	if (dc_query_int(q, 1) <= dc_peer_now(dc))
		return saas ? DC_OPEN_BAD_TOKEN : DC_OPEN_EXPIRED;
	return saas ? check_key(dc, r, dc_query_text(q, 2)) : 0;
}

bool
dc_open_may_see(struct dc *dc, const struct dc_open_request *r, const char *pk)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT k.products FROM token t JOIN access_key k ON k.access = t.access "
	    "WHERE t.token = ?",
	    "t", r->authorization);

	return dc_query_next(q) && has(dc_query_text(q, 0), pk);
}
