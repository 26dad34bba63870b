/*
 * endpoint: topics both ways, and what counts as a repetition.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "endpoint.h"

Test(endpoint, names_topics_as_the_sdk_does)
{
	struct dialect_sub gateway = {"p1115X", "860000000000001"};
	char endpoint[ENDPOINT_SIZE], topic[ENDPOINT_TOPIC_SIZE];

	endpoint_format(&gateway, endpoint);
	cr_expect_str_eq(endpoint, "qdp1115X860000000000001");
	endpoint_topic_up(endpoint, "ota", topic);
	cr_expect_str_eq(topic, "q/2/d/qdp1115X860000000000001/ota");
	endpoint_topic_filter(endpoint, topic);
	cr_expect_str_eq(topic, "q/1/d/qdp1115X860000000000001/+");
}

Test(endpoint, has_room_for_the_longest_keys)
{
	struct dialect_sub d;
	char endpoint[ENDPOINT_SIZE], topic[ENDPOINT_TOPIC_SIZE], back[ENDPOINT_SIZE];

	memset(&d, 'k', sizeof(d));
	d.product_key[DIALECT_KEY_MAX] = d.device_key[DIALECT_KEY_MAX] = '\0';
	endpoint_format(&d, endpoint);
	cr_expect_eq(strlen(endpoint), 66);
	endpoint_topic_filter(endpoint, topic);
	cr_expect_eq(strlen(topic), 74);
	cr_expect_eq(endpoint_parse(topic, back), ERR_OK);
	cr_expect_str_eq(back, endpoint);
}

Test(endpoint, reads_the_endpoint_level_and_nothing_else)
{
	char e[ENDPOINT_SIZE], longest[120] = "q/1/d/";

	cr_expect_eq(endpoint_parse("q/1/d/qdab/ota", e), ERR_OK);
	cr_expect_str_eq(e, "qdab");
	cr_expect_eq(endpoint_parse("q/1/d/qdab/ota/app7", e), ERR_OK);
	cr_expect_eq(endpoint_parse("q/2/d/qdab/ota", e), ERR_MALFORMED, "that is up");
	cr_expect_eq(endpoint_parse("q/1/d/qdab", e), ERR_MALFORMED);
	cr_expect_eq(endpoint_parse("q/1/d//ota", e), ERR_MALFORMED);
	cr_expect_eq(endpoint_parse("", e), ERR_MALFORMED);
	memset(longest + 6, 'a', ENDPOINT_SIZE - 1);
	longest[6 + ENDPOINT_SIZE - 1] = '/';
	cr_expect_eq(endpoint_parse(longest, e), ERR_OK);
	longest[6 + ENDPOINT_SIZE - 1] = 'a';
	longest[6 + ENDPOINT_SIZE] = '/';
	cr_expect_eq(endpoint_parse(longest, e), ERR_MALFORMED);
}

static struct endpoint_repeats repeats;

static bool
is_repeat(const void *owner, uint16_t package, uint16_t command, const char *payload, int64_t at)
{
	return endpoint_is_repeat(&repeats, owner, package, command, (const uint8_t *)payload,
	    strlen(payload), (struct mono){at}, 10000);
}

Test(endpoint, knows_a_repetition_for_a_while)
{
	int a = 0, b = 0;

	cr_expect_not(is_repeat(&a, 1, 0x111, "x", 0));
	cr_expect(is_repeat(&a, 1, 0x111, "x", 9999));
	cr_expect_not(is_repeat(&b, 1, 0x111, "x", 0), "another device");
	cr_expect_not(is_repeat(&a, 2, 0x111, "x", 0), "another message");
	cr_expect_not(is_repeat(&a, 1, 0x113, "x", 0), "another command");
	cr_expect_not(is_repeat(&a, 1, 0x111, "y", 0), "a platform that counts anew");
	cr_expect_not(is_repeat(&a, 1, 0x111, "x", 10000), "later it is a new one");
}

Test(endpoint, forgets_what_one_heard_that_has_logged_out)
{
	int a = 0, b = 0;

	cr_expect_not(is_repeat(&a, 1, 0x111, "x", 0));
	cr_expect_not(is_repeat(&b, 1, 0x111, "x", 0));
	endpoint_forget(&repeats, &a);
	cr_expect_not(is_repeat(&a, 1, 0x111, "x", 0));
	cr_expect(is_repeat(&b, 1, 0x111, "x", 0));
}

Test(endpoint, forgets_the_oldest_first)
{
	int a = 0;

	cr_expect_not(is_repeat(&a, 1, 1, "x", 0));
	for (unsigned i = 2; i <= ENDPOINT_REPEATS; i++)
		cr_expect_not(is_repeat(&a, (uint16_t)i, 1, "x", 0));
	cr_expect(is_repeat(&a, 1, 1, "x", 0));
	cr_expect_not(is_repeat(&a, 1000, 1, "x", 0));
	cr_expect_not(is_repeat(&a, 1, 1, "x", 0));
}
