/*
 * Is a file a bundle that the publisher signed: the gate's two steps.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

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
	return (struct trust_time){clock_wall_ms(), true, 0};
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
