/*
 * address: see address.h. Two tables of prefixes; the first match decides, no match means a global
 * address.
 */
#include <netinet/in.h>
#include <stdint.h>

#include "address.h"

enum rule { NEVER, PRIVATE };

struct prefix {
	uint8_t bytes[16];
	unsigned bits;
	enum rule rule;
};

/* clang-format off */
static const struct prefix v4_rows[] = {
	/* prefix            bits  rule        what */
	{{0},                  8,  NEVER},   /* this network */
	{{10},                 8,  PRIVATE},
	{{100, 64},           10,  PRIVATE}, /* carrier-grade NAT */
	{{127},                8,  PRIVATE}, /* loopback */
	{{169, 254},          16,  PRIVATE}, /* link-local */
	{{172, 16},           12,  PRIVATE},
	{{192, 0, 0},         24,  PRIVATE},
	{{192, 0, 2},         24,  NEVER},   /* documentation */
	{{192, 168},          16,  PRIVATE},
	{{198, 18},           15,  PRIVATE}, /* benchmarks */
	{{198, 51, 100},      24,  NEVER},   /* documentation */
	{{203, 0, 113},       24,  NEVER},   /* documentation */
	{{224},                4,  NEVER},   /* multicast */
	{{240},                4,  NEVER},   /* reserved, broadcast */
};

static const struct prefix v6_rows[] = {
	{{0},                128,  NEVER},   /* unspecified */
	{{[15] = 1},         128,  PRIVATE}, /* loopback */
	{{0x01},               8,  NEVER},   /* discard only */
	{{0x20, 0x01, 0x0d, 0xb8}, 32, NEVER}, /* documentation */
	{{0xfc},               7,  PRIVATE}, /* unique local */
	{{0xfe, 0x80},        10,  PRIVATE}, /* link-local */
	{{0xfe, 0xc0},        10,  PRIVATE}, /* site-local of old */
	{{0xff},               8,  NEVER},   /* multicast */
};

/* IPv6 prefixes that carry an IPv4 address at the byte `at`. */
static const struct {
	uint8_t bytes[12];
	unsigned bits, at;
} carriers[] = {
	{{[10] = 0xff, 0xff},        96, 12}, /* mapped */
	{{0},                        96, 12}, /* compatible, of old */
	{{0x00, 0x64, 0xff, 0x9b},   96, 12}, /* NAT64 */
	{{0x20, 0x02},               16,  2}, /* 6to4 */
};
/* clang-format on */

static bool
has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++) {
		uint8_t mask = (uint8_t)(0x80 >> (i % 8));

		if ((address[i / 8] ^ prefix[i / 8]) & mask)
			return false;
	}
	return true;
}

static bool
passes(const struct prefix *rows, size_t n, const uint8_t *address, bool allow_private)
{
	for (size_t i = 0; i < n; i++)
		if (has_prefix(address, rows[i].bytes, rows[i].bits))
			return rows[i].rule == PRIVATE && allow_private;
	return true;
}

static bool
v4_allowed(const uint8_t *address, bool allow_private)
{
	return passes(v4_rows, sizeof(v4_rows) / sizeof(v4_rows[0]), address, allow_private);
}

static bool
v6_allowed(const uint8_t *address, bool allow_private)
{
	static const uint8_t loopback[16] = {[15] = 1};

	if (has_prefix(address, loopback, 128))
		return allow_private;
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
		if (has_prefix(address, carriers[i].bytes, carriers[i].bits))
			return v4_allowed(address + carriers[i].at, allow_private);
	return passes(v6_rows, sizeof(v6_rows) / sizeof(v6_rows[0]), address, allow_private);
}

bool
address_allowed(const struct sockaddr *sa, socklen_t len, bool allow_private)
{
	if (sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		return v4_allowed((const uint8_t *)&in->sin_addr, allow_private);
	}
	if (sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)sa;

		return v6_allowed(in->sin6_addr.s6_addr, allow_private);
	}
	return false;
}
