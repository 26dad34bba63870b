/*
 * conversation: the address that comes when the upgrade it is for has failed, because the platform
 * sent it before it heard of that.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "conversation.h"

static const struct dialect_plan plan = {.component = "app", .target = "2.0.0"};
static const struct dialect_firmware firmware = {
    .component = "app", .target = "2.0.0", .file = {.size = 9}};

static struct conversation
confirmed(void)
{
	struct conversation c;

	conversation_init(&c);
	c.state = CONVERSATION_CONFIRMED;
	c.upgrade = 7;
	c.plan = plan;
	return c;
}

static struct conversation_news
news(void)
{
	return (struct conversation_news){.now = {1000},
	    .profile = profile_find("p1"),
	    .plan = &plan,
	    .firmware = &firmware,
	    .component = "app",
	    .fresh = 8,
	    .error = ERR_VERIFY,
	    .detail = "why"};
}

/* The state after it, and whether flashd is asked about an upgrade. */
static const char *
step(struct conversation *c, int event, const struct conversation_news *n)
{
	c->effects = 0;
	cr_assert_eq(conversation_step(c, event, n, NULL), ERR_OK);
	if (c->effects)
		return c->state == CONVERSATION_OFFERED ? "OFFERED offer" : "some effect";
	return conversation_table.states[c->state];
}

Test(conversation, does_not_begin_anew_for_the_address_that_crossed_its_failure)
{
	static const int ends[] = {
	    CONVERSATION_ON_BAD_END, CONVERSATION_ON_REJECTED, CONVERSATION_ON_DUE};

	for (int i = 0; i < 3; i++) {
		struct conversation c = confirmed();
		struct conversation_news n = news();

		step(&c, ends[i], &n);
		cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "IDLE");
		cr_expect_str_eq(
		    step(&c, CONVERSATION_ON_FIRMWARE, &n), "OFFERED offer", "it came once");
		conversation_fini(&c);
	}
}

Test(conversation, takes_an_address_that_comes_too_late_to_have_crossed_its_failure)
{
	struct conversation c = confirmed();
	struct conversation_news n = news();

	step(&c, CONVERSATION_ON_BAD_END, &n);
	conversation_heard_all(&c, n.profile, n.now);
	n.now = mono_after(n.now, (int64_t)n.profile->url_wait_ms);
	cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "OFFERED offer");
	conversation_fini(&c);
}

/* Confirmation and failure were said at once, when the platform was there again. */
Test(conversation, an_address_may_cross_a_failure_until_the_platform_has_heard_of_that)
{
	struct conversation c = confirmed();
	struct conversation_news n = news();

	step(&c, CONVERSATION_ON_BAD_END, &n);
	n.now = mono_after(n.now, 3 * (int64_t)n.profile->url_wait_ms);
	conversation_heard_all(&c, n.profile, n.now);
	n.now = mono_after(n.now, (int64_t)n.profile->url_wait_ms - 1);
	conversation_heard_all(&c, n.profile, n.now);
	cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "IDLE");
	conversation_fini(&c);
}
