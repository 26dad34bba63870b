/*
 * dialer: what cloudd and subota-dialer say to each other.
 *
 * cloudd parses what the network says, so it shall be able to make no network socket. The dialer
 * makes them: it is started with a list of servers (directory.h), which it takes from nobody later,
 * and is asked for one of them by its place in that list. It resolves the name, connects, and
 * answers with one end of a pair of unix sockets, between which and the server it carries bytes
 * (relay.h), which it does not look at: TLS ends in cloudd.
 *
 * Rejected: to hand over the connected socket itself. Whoever has one may disconnect it
 * (connect with AF_UNSPEC) and connect it to any other server, and seccomp cannot see addresses;
 * Landlock denies it from ABI 4 on only. It would belong to the network that it was made in, too,
 * so a private network for cloudd would not help. Nor the name in the request: a cloudd that was
 * taken over could have anything resolved, and the dialer would have one more thing to parse.
 *
 * Wire: a SOCK_SEQPACKET pair, one struct per packet, both ends built together.
 */
#ifndef SUBOTA_DIALER_H
#define SUBOTA_DIALER_H

#include <stdint.h>

enum { DIALER_CALLS = 4, DIALER_WHY = 160 };

enum dialer_verb { DIALER_ASK = 1, DIALER_CANCEL = 2 };

/* cloudd -> dialer */
struct dialer_request {
	uint32_t verb;
	uint32_t id;    /* names one connection for as long as the dialer lives; never 0 */
	uint32_t place; /* in the list, from 0; of ASK */
};

enum dialer_kind {
	DIALER_ANSWER = 1, /* once for each ASK; without an error the stream comes with it */
	DIALER_END = 2,    /* the network broke the connection; before its stream ends. A server
			      that closes it in order is not worth a word. */
};

/* dialer -> cloudd */
struct dialer_note {
	uint32_t kind;
	uint32_t id;
	uint32_t error;       /* enum err */
	char why[DIALER_WHY]; /* of the error, else empty; NUL-terminated */
};

#endif
