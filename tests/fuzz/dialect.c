/*
 * dialect: a hostile payload as each of the messages that come down, with both profiles.
 */
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"p1", "p2"};
	static struct dialect_notice notice;
	static struct dialect_firmware firmware;
	struct dialect_configure configure;
	struct dialect_reply reply;
	char why[WHY_SIZE], ds[AUTH_KEY_MAX + 1];

	for (size_t i = 0; i < 2; i++) {
		const struct profile *p = profile_find(names[i]);

		if (dialect_parse_notice(p, data, size, &notice, why) == ERR_OK &&
		    (notice.n == 0 || !notice.plans[0].component[0]))
			abort();
		if (dialect_parse_firmware(p, data, size, &firmware, why) == ERR_OK &&
		    (!firmware.file.size || strncmp(firmware.component, "", 1) == 0 ||
			firmware.n_more >= DIALECT_FILES_MAX))
			abort();
		dialect_firmware_fini(&firmware);
		(void)!dialect_parse_exception(p, data, size, &reply, why);
		if (dialect_parse_reply(p, data, size, &reply, why) == ERR_OK)
			(void)!auth_device_secret("d2c5Q1FsVWpwT1k3", reply.device_secret, ds);
	}
	if (dialect_parse_configure(data, size, &configure, why) == ERR_OK &&
	    (!configure.host[0] != !configure.port ||
		!configure.product_key[0] != !configure.product_secret[0]))
		abort();
	return 0;
}
