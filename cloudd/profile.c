/*
 * profile: see profile.h. Strength of evidence (as in the specification): [INFER] by analogy with
 * what is public, [OURS] chosen because nothing decides it, [RUN] measured on the platform's SDK.
 */
#include <string.h>

#include "profile.h"

/* clang-format off */

#define MINUTE 60000

/* [INFER] topics and ids 3, 4 (from 00A3); [OURS] 7, 20, 21, 22, 23 (unassigned elsewhere);
 * [RUN] url_wait, downloading, updating, failures_max; [OURS] the other times. */
#define COMMON \
	.register_pk = 7, .register_blob = 20, \
	.sub_pk = 3, .sub_dk = 4, \
	.login_random = 21, .login_sign = 22, .login_flag = 23, \
	.reply_code = 1, .reply_ds = 5, .reply_session_key = 6, \
	.url_wait_ms = 30000, .downloading_ms = 5000, .updating_ms = 20 * MINUTE, \
	.hung_ms = 360 * MINUTE, .offer_ms = 10 * MINUTE, .reply_ms = 10000, \
	.refused_ms = 10 * MINUTE, .repeat_ms = 10000, .failures_max = 6

static const struct { const char *name; struct profile profile; } profiles[] = {
	{"p1", {.ota_via = PROFILE_VIA_SUBDEVICE, .sys_via = PROFILE_VIA_SUBDEVICE, COMMON}},
	{"p2", {.ota_via = PROFILE_VIA_GATEWAY, .sys_via = PROFILE_VIA_GATEWAY,
		.via_pk = 17, .via_dk = 18, COMMON}},
};

static const char *const via[] = {"subdevice", "gateway", NULL};

#define AT(field) .offset = offsetof(struct profile, field)
#define ID(field, text, about) \
	{#field, CONF_UINT, AT(field), .max = 8191, .fallback = text, .help = about}
#define TIME(key, text, about) \
	{#key, CONF_DURATION, AT(key##_ms), .min = 100, .max = 7ull * 86400000, \
	    .fallback = text, .help = about}

const struct conf_key profile_keys[PROFILE_KEYS] = {
	{"ota_via", CONF_CHOICE, AT(ota_via), .choices = via, .fallback = "subdevice",
	    .help = "Whose topics carry a sub-device's OTA messages."},
	{"sys_via", CONF_CHOICE, AT(sys_via), .choices = via, .fallback = "subdevice",
	    .help = "Whose topics carry a sub-device's version report."},
	{"subscribe", CONF_BOOL, AT(subscribe), .fallback = "no",
	    .help = "Subscribe to each sub-device's topics, if the broker does not push them."},
	ID(via_pk, "0", "Id of the product key in messages over the gateway's topics."),
	ID(via_dk, "0", "Id of its device key there."),
	ID(register_pk, "7", "Id of the product key in 00C0."),
	ID(register_blob, "20", "Id of the sealed registration in 00C0."),
	ID(sub_pk, "3", "Id of the product key in 00C1..00C8 and 00A3."),
	ID(sub_dk, "4", "Id of the device key there."),
	ID(login_random, "21", "Id of the random text in 00C2."),
	ID(login_sign, "22", "Id of the signature in 00C2."),
	ID(login_flag, "23", "Id of the wish for a session key in 00C2."),
	ID(reply_code, "1", "Id of the code in 00C1, 00C3, 00C5 and of the reason in 00C8."),
	ID(reply_ds, "5", "Id of the sealed device secret in 00C1."),
	ID(reply_session_key, "6", "Id of the sealed session key in 00C3."),
	TIME(url_wait, "30 s", "Time from our confirmation to the firmware's address."),
	TIME(downloading, "5 s", "Time between two reports of a running download."),
	TIME(updating, "20 min", "Longest silence of a device that is being upgraded."),
	TIME(hung, "6 h", "Longest silence of an upgrade before that; flashd tells every 10 min which wait for their turn."),
	TIME(offer, "10 min", "Time from the platform's plan to flashd's verdict."),
	TIME(reply, "10 s", "Time from a sub-device's login to the platform's reply."),
	TIME(refused, "10 min", "Pause before a refused sub-device tries to log in again."),
	TIME(repeat, "10 s", "A message that comes again within this time is ignored."),
	{"failures_max", CONF_UINT, AT(failures_max), .min = 1, .max = 1000, .fallback = "6",
	    .help = "So many failed downloads count as a failed upgrade."},
};
/* clang-format on */

const struct profile *
profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i].profile;
	return NULL;
}
