/*
 * setup: see setup.h. What an option says is not asked; without a terminal nothing is. Secrets come
 * from files or are typed unseen: on a command line everybody would see them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "conf_value.h"
#include "driver.h"
#include "readers.h"
#include "setup.h"

/* clang-format off */
const char *const setup_device_keys[SETUP_FIELDS] = {
	NULL, "product_key", "device_key", "vendor", "model", "driver", "port",
};
static const char *const device_questions[SETUP_FIELDS] = {
	"Name of a sub-device (nothing: no more)", "  its product key", "  its device key",
	"  its vendor, as signed manifests say", "  its model, as signed manifests say",
	"  its driver", "  its line (best from /dev/serial/by-id)",
};
/* clang-format on */

/* --- answers ---------------------------------------------------------------------------------- */

/* The daemons' key of this name; NULL when the answer is no key (a device's name). */
static const struct conf_key *
find_key(const char *section, const char *name, size_t *item_size)
{
	for (size_t r = 0; name && r < ASK_DAEMONS; r++) {
		struct conf_section sections[READERS_SECTIONS] = {0};
		struct conf_table t = readers[r].table(sections);

		for (size_t s = 0; s < t.n_sections; s++)
			for (size_t k = 0; k < t.sections[s].n_keys; k++) {
				const struct conf_key *key = &t.sections[s].keys[k];

				*item_size = t.sections[s].named ? t.sections[s].item_size
								 : readers[r].size;
				if (strcmp(t.sections[s].name, section) == 0 &&
				    strcmp(key->name, name) == 0)
					return key;
			}
	}
	return NULL;
}

/* Would the daemons take it? Complains if not. */
static bool
is_good(const char *section, const char *name, const char *text)
{
	size_t size = 0;
	const struct conf_key *key = find_key(section, name, &size);
	AUTO(mem) void *settings = calloc(1, size + 1);
	char expected[CONF_VALUE_WORDS] = "text";
	bool printable = *text && !strpbrk(text, "\n\r#[]") && strlen(text) < SETUP_ANSWER - 1;

	if (settings && printable && (!key || conf_value_set(key, settings, text) == ERR_OK))
		return true;
	if (key)
		conf_value_expected(key, expected);
	fprintf(stderr, "%s: expected %s, got '%s'\n", name ? name : "name", expected, text);
	return false;
}

/* A line from the person, without its newline; false: there is no more. */
static bool
read_line(char out[SETUP_ANSWER])
{
	if (!fgets(out, SETUP_ANSWER, stdin))
		return false;
	out[strcspn(out, "\n")] = '\0';
	return true;
}

static bool
read_secret(char out[SETUP_ANSWER])
{
	struct termios before, quiet;
	bool tty = tcgetattr(STDIN_FILENO, &before) == 0;

	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tty)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	bool good = read_line(out);
	if (tty)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	printf("\n");
	return good;
}

/* Until the answer is good. `fallback` may be NULL; "" lets nothing be an answer. */
static enum err
ask_for(struct setup *s, const char *section, const char *name, const char *question,
    const char *fallback, char out[SETUP_ANSWER])
{
	if (!s->asks) {
		if (fallback)
			snprintf(out, SETUP_ANSWER, "%s", fallback);
		else
			fprintf(stderr, "setup: expected --%s, got none\n", name ? name : "device");
		return fallback ? ERR_OK : ERR_INVALID;
	}
	for (;;) {
		printf("%s%s%s%s: ", question, fallback && *fallback ? " [" : "",
		    fallback ? fallback : "", fallback && *fallback ? "]" : "");
		fflush(stdout);
		if (!read_line(out))
			return ERR_CANCELLED;
		if (!*out && fallback)
			snprintf(out, SETUP_ANSWER, "%s", fallback);
		if ((!*out && fallback) || is_good(section, name, out))
			return ERR_OK;
	}
}

/* From the option, else by asking. */
static enum err
take(struct setup *s, const char *option, const char *name, const char *question,
    const char *fallback, char out[SETUP_ANSWER])
{
	const char *given = opt_nth(s->o, option, 0);

	if (!given)
		return ask_for(s, "cloudd", name, question, fallback, out);
	snprintf(out, SETUP_ANSWER, "%s", given);
	return is_good("cloudd", name, given) ? ERR_OK : ERR_INVALID;
}

/* --- devices ---------------------------------------------------------------------------------- */

static bool
is_driver(const char *name)
{
	for (const struct driver *const *d = driver_list; *d; d++)
		if (strcmp((*d)->name, name) == 0)
			return true;
	fprintf(stderr, "driver: expected");
	for (const struct driver *const *d = driver_list; *d; d++)
		fprintf(stderr, " %s", (*d)->name);
	fprintf(stderr, ", got '%s'\n", name);
	return false;
}

static bool
is_good_field(size_t i, const char *text)
{
	return is_good("flashd.device", setup_device_keys[i], text) &&
	       (i != SETUP_FIELDS - 2 || is_driver(text));
}

/* NAME,PRODUCT,KEY,VENDOR,MODEL,DRIVER,PORT */
static enum err
read_device(struct setup *s, const char *list)
{
	char(*fields)[SETUP_ANSWER] = s->devices[s->n_devices];
	const char *at = list;

	for (size_t i = 0; i < SETUP_FIELDS; i++) {
		size_t len = i + 1 < SETUP_FIELDS ? strcspn(at, ",") : strlen(at);

		snprintf(fields[i], SETUP_ANSWER, "%.*s", (int)len, at);
		if (i + 1 < SETUP_FIELDS && at[len] != ',') {
			fprintf(
			    stderr, "--device: expected %d values, got '%s'\n", SETUP_FIELDS, list);
			return ERR_INVALID;
		}
		if (!is_good_field(i, fields[i]))
			return ERR_INVALID;
		at += len + 1;
	}
	s->n_devices++;
	return ERR_OK;
}

/* ERR_NOT_FOUND: there are no more. */
static enum err
ask_device(struct setup *s)
{
	char(*fields)[SETUP_ANSWER] = s->devices[s->n_devices];
	enum err e = ask_for(s, "flashd.device", NULL, device_questions[0], "", fields[0]);

	if (e != ERR_OK || !*fields[0])
		return e ? e : ERR_NOT_FOUND;
	for (size_t i = 1; i < SETUP_FIELDS && e == ERR_OK; i++)
		do
			e = ask_for(s, "flashd.device", setup_device_keys[i], device_questions[i],
			    i == SETUP_FIELDS - 2 ? "smp" : NULL, fields[i]);
		while (e == ERR_OK && i == SETUP_FIELDS - 2 && !is_driver(fields[i]));
	s->n_devices += e == ERR_OK ? 1 : 0;
	return e;
}

static enum err
take_devices(struct setup *s)
{
	size_t n = opt_count(s->o, "device");
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && i < SETUP_DEVICES && e == ERR_OK; i++)
		e = read_device(s, opt_nth(s->o, "device", i));
	while (e == ERR_OK && n == 0 && s->asks && s->n_devices < SETUP_DEVICES)
		e = ask_device(s);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* --- secrets and trust ------------------------------------------------------------------------ */

static bool
has_secret(const struct setup *s, const char *product)
{
	for (size_t i = 0; i < s->n_secrets; i++)
		if (strcmp(s->secrets[i].product_key, product) == 0)
			return true;
	return false;
}

static enum err
add_secret(struct setup *s, const char *product, const char *secret)
{
	size_t n = strlen(secret);

	if (n < 16 || n >= SECRETS_TEXT || strpbrk(secret, " \t#") ||
	    strlen(product) >= SECRETS_TEXT || s->n_secrets == SECRETS_MAX) {
		fprintf(
		    stderr, "secret of %s: expected 16 to 32 characters, got %zu\n", product, n);
		return ERR_INVALID;
	}
	snprintf(s->secrets[s->n_secrets].product_key, SECRETS_TEXT, "%s", product);
	snprintf(s->secrets[s->n_secrets++].secret, SECRETS_TEXT, "%s", secret);
	return ERR_OK;
}

/* PRODUCT=FILE: on a command line everybody would see the secret itself. */
static enum err
read_secret_file(struct setup *s, const char *pair)
{
	const char *equals = strchr(pair, '=');
	char product[SETUP_ANSWER], secret[SETUP_ANSWER] = "";
	AUTO(file) FILE *f = equals ? fopen(equals + 1, "re") : NULL;

	if (!f || !fgets(secret, sizeof(secret), f)) {
		fprintf(
		    stderr, "--secret: expected PRODUCT=FILE with a line in it, got '%s'\n", pair);
		return ERR_INVALID;
	}
	secret[strcspn(secret, "\r\n")] = '\0';
	snprintf(product, sizeof(product), "%.*s", (int)(equals - pair), pair);
	return add_secret(s, product, secret);
}

static enum err
need_secret(struct setup *s, const char *product)
{
	char secret[SETUP_ANSWER];
	enum err e = ERR_INVALID;

	if (has_secret(s, product))
		return ERR_OK;
	while (s->asks && e == ERR_INVALID) {
		printf("Product secret of %s (not shown): ", product);
		fflush(stdout);
		e = read_secret(secret) ? add_secret(s, product, secret) : ERR_CANCELLED;
	}
	if (!s->asks)
		fprintf(stderr, "setup: expected --secret %s=FILE, got none\n", product);
	explicit_bzero(secret, sizeof(secret));
	return e;
}

static enum err
take_secrets(struct setup *s)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < opt_count(s->o, "secret") && e == ERR_OK; i++)
		e = read_secret_file(s, opt_nth(s->o, "secret", i));
	e = e ? e : need_secret(s, s->product_key);
	for (size_t i = 0; i < s->n_devices && e == ERR_OK; i++)
		e = need_secret(s, s->devices[i][1]);
	return e;
}

enum err
setup_take(struct setup *s)
{
	enum err e = take(s, "host", "host", "The platform's MQTT server", NULL, s->host);

	e = e ? e : take(s, "port", "port", "Its port", "8883", s->port);
	e = e ? e
	      : take(s, "ca", "ca_file", "Certificates to judge it by (nothing: the system's)", "",
		    s->ca);
	e = e ? e
	      : take(s, "product-key", "product_key", "Product key of this gateway", NULL,
		    s->product_key);
	e = e ? e
	      : take(s, "device-key", "device_key", "Device key of this gateway", NULL,
		    s->device_key);
	e = e ? e : take_devices(s);
	e = e ? e : take_secrets(s);
	if (e == ERR_OK && opt_count(s->o, "root"))
		snprintf(s->root, SETUP_ANSWER, "%s", opt_nth(s->o, "root", 0));
	else if (e == ERR_OK)
		e = ask_for(s, "setup", NULL,
		    "File of root.1, which says whose packages are good (nothing: later)", "",
		    s->root);
	return e;
}
