/*
 * courier_scene: one package server that misbehaves, one file and one order, for courier*.c.
 */
#ifndef SUBOTA_TESTS_COURIER_SCENE_H
#define SUBOTA_TESTS_COURIER_SCENE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "couriers.h"
#include "httpd.h"
#include "kit.h"
#include "msg.h"

enum { BODY = 3 * 1024 * 1024 + 17 };

/* One server, one file, one order; what each test changes is the order and the faults. */
struct scene {
	uint8_t *body;
	struct httpd *server;
	struct httpd_faults faults;
	Pb__CourierOrder order;
	int file;
	char *dir;
	char file_path[400];
	char ca_path[400];
	uint8_t md5[16], sha256[32];
	char *hosts[1];
};

static inline void
open_scene(struct scene *s, bool tls)
{
	*s = (struct scene){.dir = kit_scratch()};
	cr_assert_eq(chmod(s->dir, 0755), 0); /* the courier is nobody and reads the CA file */
	snprintf(s->file_path, sizeof(s->file_path), "%s/file", s->dir);
	snprintf(s->ca_path, sizeof(s->ca_path), "%s/ca", s->dir);
	s->body = malloc(BODY);
	for (size_t i = 0; i < BODY; i++)
		s->body[i] = (uint8_t)(i * 2654435761u >> 11);
	EVP_Digest(s->body, BODY, s->md5, NULL, EVP_md5(), NULL);
	EVP_Digest(s->body, BODY, s->sha256, NULL, EVP_sha256(), NULL);
	s->server = httpd_start(s->body, BODY, tls);
	cr_assert_not_null(s->server);
	s->file = open(s->file_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(s->file, 0);
	pb__courier_order__init(&s->order);
	s->order.url = (char *)(uintptr_t)httpd_url(s->server);
	s->order.size = BODY;
	s->order.md5 = (ProtobufCBinaryData){16, s->md5};
	s->order.sha256 = (ProtobufCBinaryData){32, s->sha256};
	s->order.allow_http = !tls;
	s->order.allow_private_hosts = true;
	s->order.connect_timeout_ms = 5000;
	s->order.low_speed_bytes = 1000;
	s->order.low_speed_seconds = 10;
	s->order.total_seconds = 60;
	s->order.mark_bytes = 1024 * 1024;
}

static inline void
close_scene(struct scene *s)
{
	httpd_stop(s->server);
	close(s->file);
	kit_scratch_remove(s->dir);
	free(s->body);
}

static inline void
trust(struct scene *s, const char *pem)
{
	int fd = open(s->ca_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
	cr_assert_eq(fchmod(fd, 0644), 0);
	close(fd);
	s->order.ca_file = s->ca_path;
}

static inline size_t
file_size(const struct scene *s)
{
	struct stat st;

	cr_assert_eq(fstat(s->file, &st), 0);
	return (size_t)st.st_size;
}

static inline bool
file_is_the_body(const struct scene *s)
{
	if (file_size(s) != BODY)
		return false;
	uint8_t *m = mmap(NULL, BODY, PROT_READ, MAP_SHARED, s->file, 0);
	bool same = memcmp(m, s->body, BODY) == 0;
	munmap(m, BODY);
	return same;
}

/* Run one courier to its end; returns the error of its final report. */
static inline enum err
run(struct scene *s, char *detail, size_t size)
{
	struct courier_run r;

	httpd_set(s->server, &s->faults);
	couriers_start(&r, &s->order, s->file);
	AUTO(msg) Pb__Envelope *e = couriers_final(&r);
	cr_assert_not_null(e, "the courier ended without its last word");
	enum err error = (enum err)e->courier_report->error;
	if (detail)
		snprintf(detail, size, "%s", e->courier_report->detail);
	cr_expect_eq(e->courier_report->done_bytes, file_size(s));
	if (error == ERR_OK) {
		cr_expect_eq(e->courier_report->durable_bytes, BODY);
		cr_expect_eq(e->courier_report->sha256.len, 32);
		cr_expect_eq(memcmp(e->courier_report->sha256.data, s->sha256, 32), 0);
	}
	couriers_stop(&r);
	return error;
}

/* The common shape: these faults, this outcome. */
static inline void
expect_outcome(struct scene *s, enum err expected)
{
	char detail[600] = "";
	enum err e = run(s, detail, sizeof(detail));

	cr_expect_eq(e, expected, "expected %s, got %s: %s", err_name(expected), err_name(e),
	    detail);
	cr_expect(expected != ERR_OK || file_is_the_body(s));
	cr_expect_leq(file_size(s), BODY);
	cr_expect_eq(e == ERR_OK, detail[0] == 0, "%s", detail);
}

#endif
