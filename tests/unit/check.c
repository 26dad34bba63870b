/*
 * Is a file a bundle that the publisher signed: the gate's two steps.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "kit.h"
#include "publisher.h"

enum { IMAGE = 300000 };

struct scene {
	struct publisher publisher;
	char anchor[200];
	struct trust *trust;
	uint8_t *image;
	uint8_t *bundle;
	size_t len;
	uint8_t digest[32];
};

static void
open_scene(struct scene *s)
{
	struct trust_policy policy = {0};

	*s = (struct scene){0};
	snprintf(s->anchor, sizeof(s->anchor), "%s/subota-anchor-XXXXXX", kit_tmp());
	cr_assert_not_null(mkdtemp(s->anchor));
	publisher_init(&s->publisher);
	publisher_anchor(&s->publisher, s->anchor);
	cr_assert_eq(trust_open(s->anchor, NULL, &policy, &s->trust), ERR_OK);
	cr_assert(!trust_refuses_all(s->trust));
	s->image = malloc(IMAGE);
	for (size_t i = 0; i < IMAGE; i++)
		s->image[i] = (uint8_t)(i * 2654435761u >> 9);
	struct publisher_release r = {
	    "acme", "sensor", "app", "1.2.0", 5, 1, s->image, IMAGE, NULL};
	s->bundle = publisher_bundle(&s->publisher, &r, &s->len, s->digest);
}

static void
close_scene(struct scene *s)
{
	char path[240];

	trust_close(s->trust);
	snprintf(path, sizeof(path), "%s/root.1", s->anchor);
	unlink(path);
	snprintf(path, sizeof(path), "%s/root.1.sig0", s->anchor);
	unlink(path);
	rmdir(s->anchor);
	free(s->image);
	free(s->bundle);
}

static int
as_file(const uint8_t *data, size_t len)
{
	int fd = memfd_create("bundle", 0);

	cr_assert_eq(write(fd, data, len), (ssize_t)len);
	return fd;
}

static struct trust_time
now(void)
{
	return (struct trust_time){.now_ms = clock_wall_ms(), .synchronised = true};
}

/* Both steps over the whole file; the slices are small, so that many are needed. */
static enum err
check_all(struct scene *s, const uint8_t *data, size_t len, char why[WHY_SIZE])
{
	AUTO(fd) int fd = as_file(data, len);
	AUTO(check) struct check *k = NULL;
	struct trust_time time = now();
	struct checked c = {0};
	enum err e = check_head(s->trust, &time, fd, len, &c);

	snprintf(why, WHY_SIZE, "%s", c.why);
	if (e == ERR_OK)
		e = check_new(fd, len, &c, &k, why);
	for (bool more = e == ERR_OK; more; more = e == ERR_AGAIN)
		e = check_step(k, 1000, why);
	check_free(HAND_OVER(k));
	checked_fini(&c);
	return e;
}

Test(check, accepts_what_the_publisher_signed)
{
	struct scene s;
	char why[WHY_SIZE] = "";

	open_scene(&s);
	cr_expect_eq(check_all(&s, s.bundle, s.len, why), ERR_OK, "%s", why);
	close_scene(&s);
}

Test(check, needs_only_the_first_bytes_to_judge_the_head)
{
	struct scene s;
	struct trust_time time = now();
	size_t enough = 0;

	open_scene(&s);
	AUTO(fd) int fd = as_file(s.bundle, s.len);
	for (size_t have = 0; have < s.len && !enough; have += 512) {
		struct checked c = {0};
		enum err e = check_head(s.trust, &time, fd, have, &c);

		cr_assert(e == ERR_OK || e == ERR_TRUNCATED, "%s: %s", err_name(e), c.why);
		if (e == ERR_OK)
			enough = have;
		if (e == ERR_OK)
			cr_expect_eq(memcmp(c.head->digest, s.digest, 32), 0);
		checked_fini(&c);
	}
	cr_expect_gt(enough, 0);
	cr_expect_lt(enough, 32 * 1024);
	close_scene(&s);
}

/* trust: 7 */
Test(check, refuses_one_changed_byte_anywhere)
{
	struct scene s;
	char why[WHY_SIZE];

	open_scene(&s);
	for (size_t at = 0; at < s.len; at += at < 20000 ? 131 : 4999) {
		s.bundle[at] ^= 0x20;
		enum err e = check_all(&s, s.bundle, s.len, why);
		cr_expect_neq(e, ERR_OK, "byte %zu", at);
		cr_expect_neq(e, ERR_AGAIN);
		cr_expect_neq(why[0], 0, "byte %zu: %s", at, err_name(e));
		s.bundle[at] ^= 0x20;
	}
	close_scene(&s);
}

/* trust: 7 */
Test(check, refuses_a_package_that_is_cut_or_longer)
{
	struct scene s;
	char why[WHY_SIZE];

	open_scene(&s);
	cr_expect_neq(check_all(&s, s.bundle, s.len - 1, why), ERR_OK);
	cr_expect_neq(check_all(&s, s.bundle, s.len - 512, why), ERR_OK);
	cr_expect_neq(check_all(&s, s.bundle, s.len / 2, why), ERR_OK);
	uint8_t *longer = calloc(1, s.len + 512 * 30);
	memcpy(longer, s.bundle, s.len);
	cr_expect_neq(check_all(&s, longer, s.len + 512 * 30, why), ERR_OK);
	free(longer);
	close_scene(&s);
}

Test(check, refuses_a_stranger_and_a_bare_image)
{
	struct scene s;
	struct minikey stranger;
	char why[WHY_SIZE];
	uint8_t digest[32];
	size_t len = 0;

	open_scene(&s);
	cr_assert_eq(minikey_make(NULL, &stranger), ERR_OK);
	struct publisher_release r = {
	    "acme", "sensor", "app", "1.2.0", 5, 1, s.image, IMAGE, &stranger};
	AUTO(mem) uint8_t *forged = publisher_bundle(&s.publisher, &r, &len, digest);
	cr_expect_eq(check_all(&s, forged, len, why), ERR_THRESHOLD, "%s", why);
	cr_expect_eq(check_all(&s, s.image, IMAGE, why), ERR_UNSIGNED, "%s", why);
	cr_expect_eq(trust_parsed(s.trust), 0);
	close_scene(&s);
}

/* --- hashed while it grows -------------------------------------------------------------------- */

/* A bundle in a file, its head judged, and what was hashed of its first `have` bytes. */
struct growing {
	struct scene s;
	int fd;
	struct checked head;
	struct check *early;
	char why[WHY_SIZE];
};

static void
follow_to(struct growing *g, uint64_t have, uint64_t bytes)
{
	enum err e = ERR_AGAIN;

	while (e == ERR_AGAIN)
		e = check_follow(g->early, g->fd, have, bytes);
	cr_expect_eq(e, ERR_OK);
}

static void
open_growing(struct growing *g, size_t have)
{
	struct trust_time time = now();

	*g = (struct growing){0};
	open_scene(&g->s);
	g->fd = as_file(g->s.bundle, have);
	cr_assert_eq(check_head(g->s.trust, &time, g->fd, have, &g->head), ERR_OK);
	cr_assert_eq(check_early(&g->head, &g->early), ERR_OK);
	follow_to(g, have, 70000);
}

static void
put_at(const struct growing *g, size_t at, uint8_t byte)
{
	cr_assert_eq(pwrite(g->fd, &byte, 1, (off_t)at), 1);
}

/* The rest of the file arrives and nobody writes any more; `from` is where it goes on. */
static enum err
end_growing(struct growing *g, size_t from)
{
	size_t len = g->s.len - from;

	cr_assert_eq(pwrite(g->fd, g->s.bundle + from, len, (off_t)from), (ssize_t)len);
	enum err e = check_complete(g->early, g->fd, g->s.len, &g->head, g->why);
	for (bool more = e == ERR_OK; more; more = e == ERR_AGAIN)
		e = check_step(g->early, 1000, g->why);
	return e;
}

static void
close_growing(struct growing *g)
{
	check_free(g->early);
	checked_fini(&g->head);
	close(g->fd);
	close_scene(&g->s);
}

Test(check, accepts_a_package_that_was_hashed_while_it_grew)
{
	static const size_t haves[] = {20000, 150000, 290000, 300000, 302000, 305000};

	for (size_t i = 0; i < sizeof(haves) / sizeof(haves[0]); i++) {
		struct growing g;

		open_growing(&g, haves[i]);
		cr_expect_eq(end_growing(&g, haves[i]), ERR_OK, "%zu: %s", haves[i], g.why);
		close_growing(&g);
	}
}

Test(check, follows_byte_by_byte_and_never_past_what_is_there)
{
	struct growing g;

	open_growing(&g, 20000);
	for (size_t have = 20001; have < 23000; have += 7) {
		cr_assert_eq(pwrite(g.fd, g.s.bundle, have, 0), (ssize_t)have);
		follow_to(&g, have, 1);
	}
	cr_expect_eq(end_growing(&g, 22000), ERR_OK, "%s", g.why);
	close_growing(&g);
}

Test(check, refuses_what_was_changed_after_it_was_hashed)
{
	for (size_t at = 20000; at < 290000; at += 53987) {
		struct growing g;

		open_growing(&g, 290000);
		put_at(&g, at, g.s.bundle[at] ^ 1);
		cr_expect_eq(end_growing(&g, 290000), ERR_DIGEST, "byte %zu", at);
		close_growing(&g);
	}
}

Test(check, accepts_what_was_wrong_when_it_was_hashed_early_and_is_right_now)
{
	struct growing g;

	open_growing(&g, 20000);
	cr_assert_eq(pwrite(g.fd, g.s.image, 200000, 20000), 200000);
	follow_to(&g, 220000, 70000);
	cr_expect_eq(end_growing(&g, 20000), ERR_OK, "%s", g.why);
	close_growing(&g);
}

Test(check, says_so_when_the_followed_file_has_shrunk)
{
	struct growing g;

	open_growing(&g, 20000);
	cr_assert_eq(ftruncate(g.fd, 0), 0);
	cr_expect_eq(check_follow(g.early, g.fd, 100000, 1 << 20), ERR_TRUNCATED);
	close_growing(&g);
}

Test(check, hashes_all_when_the_head_is_another_than_the_one_it_followed)
{
	struct growing g;

	open_growing(&g, 150000);
	struct publisher_release r = {"acme", "sensor", "app", "1.2.0-with-a-longer-name", 5, 1,
	    g.s.image, IMAGE - 5000, NULL};
	free(g.s.bundle);
	g.s.bundle = publisher_bundle(&g.s.publisher, &r, &g.s.len, g.s.digest);
	cr_assert_eq(pwrite(g.fd, g.s.bundle, g.s.len, 0), (ssize_t)g.s.len);
	checked_fini(&g.head);
	struct trust_time time = now();
	cr_assert_eq(check_head(g.s.trust, &time, g.fd, g.s.len, &g.head), ERR_OK);
	cr_expect_eq(end_growing(&g, 0), ERR_OK, "%s", g.why);
	close_growing(&g);
}

Test(check, holds_the_manifest_against_component_and_version)
{
	struct scene s;
	struct trust_time time = now();
	struct checked c = {0};
	char why[WHY_SIZE] = "";

	open_scene(&s);
	AUTO(fd) int fd = as_file(s.bundle, s.len);
	cr_assert_eq(check_head(s.trust, &time, fd, s.len, &c), ERR_OK);
	cr_expect_eq(check_target(c.manifest, "app", "1.2.0", why), ERR_OK);
	cr_expect_eq(check_target(c.manifest, "app", "1.2.1", why), ERR_WRONG_TARGET);
	cr_expect_eq(check_target(c.manifest, "boot", "1.2.0", why), ERR_WRONG_TARGET);
	cr_expect_neq(why[0], 0);
	checked_fini(&c);
	close_scene(&s);
}
