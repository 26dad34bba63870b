/*
 * secrets: see secrets.h.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "conf.h"
#include "log.h"
#include "secrets.h"

static const struct conf_key keys[] = {
    {"secret", CONF_STRING, CONF_STRING_AT(struct secrets_product, secret),
	.help = "Product secret, as the platform's console shows it.", .secret = true},
};

static const struct conf_section sections[] = {
    {.name = "product",
	.named = true,
	.keys = keys,
	.n_keys = 1,
	.offset = offsetof(struct secrets, products),
	.item_size = sizeof(struct secrets_product),
	.max_items = SECRETS_MAX,
	.count_offset = offsetof(struct secrets, n),
	.name_offset = offsetof(struct secrets_product, product_key),
	.name_size = SECRETS_TEXT},
};

static const struct conf_table table = {sections, 1};

static enum err
check_file(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		log_error(NULL, "%s: expected the product secrets, got no such file", path);
		return ERR_CONFIG;
	}
	/* a credential of systemd's is root's, with an ACL that shows as root's group */
	mode_t others = st.st_uid == 0 && st.st_gid == 0 ? 037 : 077;
	if (!S_ISREG(st.st_mode) || (st.st_mode & others) ||
	    (st.st_uid != 0 && st.st_uid != geteuid())) {
		log_error(NULL,
		    "%s: expected a plain file, mode 0600, of root or uid %u; got mode %04o of uid "
		    "%u",
		    path, (unsigned)geteuid(), (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid);
		return ERR_DENIED;
	}
	return ERR_OK;
}

enum err
secrets_load(const char *path, struct secrets *out)
{
	enum err e = check_file(path);

	*out = (struct secrets){0};
	if (e == ERR_OK)
		e = conf_load(&table, path, out);
	for (size_t i = 0; e == ERR_OK && i < out->n; i++) {
		if (strlen(out->products[i].secret) >= AUTH_SECRET_MIN)
			continue;
		log_error(NULL, "%s: product %s: expected a secret of 16 to 32 characters, got %zu",
		    path, out->products[i].product_key, strlen(out->products[i].secret));
		e = ERR_CONFIG;
	}
	return e;
}

const char *
secrets_find(const struct secrets *s, const char *product_key)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->products[i].product_key, product_key) == 0)
			return s->products[i].secret;
	return NULL;
}
