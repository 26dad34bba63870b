/*
 * err: the one closed list of what can go wrong.
 *
 * Each row is {name, number, text}. Numbers travel in messages (Report.error, PlanVerdict.reason),
 * in event records and in SQLite, so they are never reused and never change; new rows go to the end
 * of their group. The name is what a person sees in logs, in `subotactl` and in the manual. ERR_OK
 * is 0; every fallible function returns an enum err, is MUST_CHECK, and hands its result out by
 * pointer.
 *
 * Three kinds of trouble are kept apart: our own bug (assert), the environment (fatal, see
 * daemon.h) and input (refuse, count, answer). This list serves the last two.
 */
#ifndef SUBOTA_ERR_H
#define SUBOTA_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

/* clang-format off */
/*      name                 number  text */
#define ERR_LIST(X)                                                                      \
	X(ERR_OK,                0, "fine")                                              \
	/* general */                                                                    \
	X(ERR_NOMEM,             1, "out of memory")                                     \
	X(ERR_SYSTEM,            2, "a system call failed")                              \
	X(ERR_INVALID,           3, "value is not allowed")                              \
	X(ERR_LIMIT,             4, "over a limit")                                      \
	X(ERR_NOT_FOUND,         5, "does not exist")                                    \
	X(ERR_EXISTS,            6, "exists already")                                    \
	X(ERR_TIMEOUT,           7, "took too long")                                     \
	X(ERR_CLOSED,            8, "the other side closed")                             \
	X(ERR_AGAIN,             9, "not now")                                           \
	X(ERR_CANCELLED,        10, "cancelled")                                         \
	X(ERR_BUSY,             11, "busy")                                              \
	X(ERR_UNSUPPORTED,      12, "not supported")                                     \
	X(ERR_CONFIG,           13, "configuration is wrong")                            \
	X(ERR_CORRUPT,          14, "stored data is damaged")                            \
	X(ERR_FULL,             15, "no space left")                                     \
	X(ERR_DENIED,           16, "permission denied")                                 \
	X(ERR_TRUNCATED,        17, "more bytes are needed")                             \
	X(ERR_MALFORMED,        18, "not well formed")                                   \
	/* the bus */                                                                    \
	X(ERR_ROUTE,            30, "no route allows this message")                      \
	X(ERR_MESSAGE,          31, "message does not unpack or a field is out of range") \
	X(ERR_VERSION,          32, "no common protocol version")                        \
	X(ERR_PEER,             33, "not the expected peer")                             \
	X(ERR_PHASE,            34, "message in the wrong phase")                        \
	/* the cloud */                                                                  \
	X(ERR_TLS,              50, "the server could not prove who it is")              \
	X(ERR_MQTT,             51, "MQTT protocol violation")                           \
	X(ERR_AUTH,             52, "the platform refused the credentials")              \
	X(ERR_PLATFORM,         53, "the platform refused")                              \
	X(ERR_NETWORK,          54, "the network failed")                                \
	X(ERR_FRAME_SUM,        55, "frame checksum is wrong")                           \
	X(ERR_NO_URL,           56, "the platform sent no firmware address in time")     \
	X(ERR_OFFLINE,          57, "the platform is not reachable")                     \
	X(ERR_NOT_ASSOCIATED,   58, "sub-device is not associated with this gateway")    \
	X(ERR_NOT_LOGGED_IN,    59, "sub-device is not logged in")                       \
	X(ERR_DIALER,           60, "the dialer died")                                   \
	/* fetching */                                                                   \
	X(ERR_URL,              70, "address is not allowed")                            \
	X(ERR_HTTP,             71, "the package server refused")                        \
	X(ERR_ENDLESS,          72, "more bytes than announced")                         \
	X(ERR_SLOW,             73, "download is too slow")                              \
	X(ERR_SIZE,             74, "size differs from what the platform announced")     \
	X(ERR_MD5,              75, "MD5 differs from what the platform announced")      \
	X(ERR_SHA256,           76, "SHA-256 differs from what was announced")           \
	X(ERR_CHANGED,          77, "the package changed on the server")                 \
	X(ERR_QUOTA,            78, "the image store is full")                           \
	X(ERR_COURIER,          79, "the courier died")                                  \
	/* trust */                                                                      \
	X(ERR_NO_TRUST,        100, "no trust anchors: everything is refused")           \
	X(ERR_TEST_KEY,        101, "a development key in a production root")            \
	X(ERR_THRESHOLD,       102, "not enough valid signatures")                       \
	X(ERR_SCOPE,           103, "key is not allowed to sign for this")               \
	X(ERR_KEY_REVOKED,     104, "key or manifest is revoked")                        \
	X(ERR_ROOT,            105, "root document is not acceptable")                   \
	X(ERR_ROOT_EXPIRED,    106, "root document has expired")                         \
	X(ERR_FRAME,           107, "bundle framing is wrong")                           \
	X(ERR_MANIFEST,        108, "manifest is not acceptable")                        \
	X(ERR_MANIFEST_TOO_NEW,109, "manifest has a field this version does not know")   \
	X(ERR_DIGEST,          110, "digest differs from the signed one")                \
	X(ERR_ROLLBACK,        111, "older than what is allowed")                        \
	X(ERR_REPLAY,          112, "same sequence, other content")                      \
	X(ERR_WRONG_TARGET,    113, "signed for another device")                         \
	X(ERR_EXPIRED,         114, "manifest has expired")                              \
	X(ERR_NOT_YET,         115, "manifest is not valid yet")                         \
	X(ERR_TIME,            116, "the clock cannot be trusted")                       \
	X(ERR_TOCTOU,          117, "the image changed under our hands")                 \
	X(ERR_MISMATCH,        118, "does not match what was agreed")                    \
	X(ERR_UNSIGNED,        119, "package carries no signature")                      \
	X(ERR_FAST_FORWARD,    120, "sequence jumps too far")                            \
	X(ERR_DEPENDS,         121, "a dependency is not met")                           \
	/* devices */                                                                    \
	X(ERR_LINK,            140, "the link failed")                                   \
	X(ERR_DEVICE_AWAY,     141, "device does not answer")                            \
	X(ERR_DEVICE_PROTO,    142, "device answered nonsense")                          \
	X(ERR_DEVICE_REJECTED, 143, "device refused")                                    \
	X(ERR_DEVICE_STATE,    144, "device is in the wrong state")                      \
	X(ERR_VERIFY,          145, "device does not hold what was written")             \
	X(ERR_AMBIGUOUS,       146, "outcome unknown, device must be asked")             \
	X(ERR_REVERTED,        147, "device went back to its old image")                 \
	X(ERR_WRONG_VERSION,   148, "device reports another version")                    \
	X(ERR_BATTERY,         149, "battery is too low")                                \
	X(ERR_SIGNAL,          150, "signal is too weak")                                \
	X(ERR_SPACE,           151, "not enough space for the image")                    \
	X(ERR_UNKNOWN_DEVICE,  152, "no such device is configured")                      \
	X(ERR_COMPONENT,       153, "device has no such component")                      \
	X(ERR_SOURCE_VERSION,  154, "device does not run the source version")            \
	X(ERR_POLICY,          155, "policy forbids it")                                 \
	X(ERR_IMAGE,           156, "image is not one this device can run")              \
	X(ERR_SESSION,         157, "the session died")                                  \
	X(ERR_ALREADY,         158, "device runs it already")                            \
	X(ERR_PROTECTED,       159, "device does not let its flash be read or written") \
	X(ERR_UNHEALTHY,       160, "the health check failed")
/* clang-format on */

enum err {
#define X(name, number, text) name = number,
	ERR_LIST(X)
#undef X
};

/* Name without the ERR_ prefix, "UNKNOWN" for a number that is not in the list. Static storage. */
const char *err_name(unsigned number);

/* One sentence without a full stop; "unknown error" for a number that is not in the list. Static
 * storage. */
const char *err_text(unsigned number);

/* The text of a name as err_name has it; "unknown error" for another. Static storage. */
const char *err_text_of(const char *name);

#endif
