/*
 * The bus's pure parts: the kernel's words about a peer, and routing ids.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "bus_part.h"

static bool
uid_of(const char *address, uid_t *uid)
{
	return bus_zap_uid(address, strlen(address), uid);
}

Test(bus_pure, reads_the_uid_from_the_kernels_words)
{
	uid_t uid = 1;

	cr_expect(uid_of("localhost:0:0:1", &uid));
	cr_expect_eq(uid, 0);
	cr_expect(uid_of("localhost:65534:7:123456", &uid));
	cr_expect_eq(uid, 65534);
	cr_expect(uid_of("localhost:4294967294:0:1", &uid));
	cr_expect_eq(uid, 4294967294u);
}

Test(bus_pure, any_other_words_are_nobodys)
{
	static const char *const rows[] = {"", "localhost", "localhost:", "localhost:0",
	    "localhost:0:", "localhost:0:0",
	    "localhost:0:0:", "localhost:0:0:1:", "localhost:0:0:1 ", "localhost: 0:0:1",
	    "localhost:-1:0:1", "localhost:+0:0:1", "localhost:0x0:0:1", "localhost:4294967295:0:1",
	    "localhost:4294967296:0:1", "localhost:99999999999:0:1", "localhost::0:1",
	    "LOCALHOST:0:0:1", "127.0.0.1", "localhost:0:0:99999999999"};
	uid_t uid = 7;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(!uid_of(rows[i], &uid), "%s", rows[i]);
	cr_expect(!bus_zap_uid("localhost:0:0:1\0", 16, &uid), "a NUL is no digit");
	cr_expect_eq(uid, 7);
}

Test(bus_pure, routing_ids_are_the_same_only_as_a_whole)
{
	struct bus_id a = {2, {1, 2}}, b = {3, {1, 2, 0}}, c = {2, {1, 3}}, d = {2, {1, 2, 9}};

	cr_expect_not(bus_id_same(&a, &b));
	cr_expect_not(bus_id_same(&a, &c));
	cr_expect(bus_id_same(&a, &d), "what lies beyond the length does not count");
}
