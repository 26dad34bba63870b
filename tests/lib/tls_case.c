/*
 * tls_case: see tls_case.h.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "clock.h"
#include "kit.h"
#include "tls_case.h"
#include "wire.h"

enum { PATIENCE_MS = 5000 };

struct tls_case *
tls_case_open(void)
{
	struct tls_case *c = calloc(1, sizeof(*c));

	cr_assert_not_null(c);
	c->dir = kit_scratch();
	c->patience_ms = PATIENCE_MS;
	c->ca = pki_make(
	    &(struct pki_wish){.subject = TLS_CASE_CA, .authority = true, .serial = 1}, NULL);
	c->server = pki_make(
	    &(struct pki_wish){
		.subject = TLS_CASE_NAME, .san = TLS_CASE_SAN, .serial = TLS_CASE_SERIAL},
	    &c->ca);
	snprintf(c->ca_file, sizeof(c->ca_file), "%s/ca.pem", c->dir);
	snprintf(c->crl_file, sizeof(c->crl_file), "%s/crl.pem", c->dir);
	snprintf(c->key_file, sizeof(c->key_file), "%s/key.pem", c->dir);
	pki_save_cert(&c->ca, c->ca_file);
	c->set = (struct tls_settings){.ca_file = c->ca_file, .server_name = TLS_CASE_NAME};
	return c;
}

void
tls_case_close(struct tls_case *c)
{
	pki_free(&c->ca);
	pki_free(&c->server);
	kit_scratch_remove(c->dir);
	free(c);
}

/* Until it is up, has failed, or patience has run out (ERR_AGAIN). */
static enum err
connect_fully(struct wire *w, int patience_ms)
{
	struct mono due = mono_after(clock_now(), patience_ms);
	enum err e = ERR_AGAIN;

	while ((e = wire_step(w)) == ERR_AGAIN && !mono_reached(clock_now(), due)) {
		struct pollfd p = {.fd = wire_fd(w), .events = wire_wants(w)};

		poll(&p, 1, (int)mono_between(clock_now(), due));
	}
	return e;
}

static int
connect_to(unsigned port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

void
tls_case_visit(struct tls_case *c, struct tls_server *s, unsigned nth, struct tls_case_end *out)
{
	static const uint8_t mqtt[TLS_CASE_MQTT] = "\x10\x0c\0\4MQTT\4\2\0\x78\0";
	AUTO(tls_context) struct tls_context *context = NULL;
	AUTO(wire) struct wire *w = NULL;
	size_t n = 0;

	*out = (struct tls_case_end){.err = ERR_AGAIN};
	cr_assert_eq(tls_context_new(&c->set, &context), ERR_OK);
	if (c->moved_to)
		cr_assert_eq(tls_context_set_name(context, c->moved_to), ERR_OK);
	cr_assert_eq(wire_new(connect_to(tls_server_port(s)), context, &w), ERR_OK);
	out->err = connect_fully(w, c->patience_ms);
	snprintf(out->why, sizeof(out->why), "%s", wire_why(w));
	enum err sent = wire_write(w, mqtt, sizeof(mqtt), &n);
	cr_expect_eq(sent == ERR_OK, out->err == ERR_OK, "a write after %s: %s", err_name(out->err),
	    err_name(sent));
	wire_close(HAND_OVER(w));
	cr_expect(tls_server_saw(s, nth, &out->seen), "expected %u connections to end", nth);
	cr_expect_not(out->seen.unable, "expected a server that can do what was asked of it");
}

void
tls_case_try(struct tls_case *c, const struct tls_server_plan *plan, struct tls_case_end *out)
{
	struct tls_server *s = tls_server_start(plan);

	tls_case_visit(c, s, 1, out);
	tls_server_stop(s);
}
