/*
 * dialect: the platform's messages as structs: what the values in a frame mean (spec: developer
 * center, sections 6 to 8 and 10). Pure. What is inference about sub-devices is in profile.h.
 *
 * Everything that comes down is checked here once and for all: what must be there is there, texts
 * have their length and alphabet, numbers their range. The alphabet of component numbers and
 * versions is that of msg.h, because they go on to the gate. Reasons go into `why` (why.h).
 */
#ifndef SUBOTA_DIALECT_H
#define SUBOTA_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile.h"
#include "ttlv.h"
#include "why.h"

enum {
	DIALECT_KEY_MAX = 32,
	DIALECT_COMPONENT_MAX = 32,
	DIALECT_VERSION_MAX = 64,
	DIALECT_VERSION_LIST_MAX = 511, /* `component:version;...` */
	DIALECT_URL_MAX = 2048,
	DIALECT_HOST_MAX = 253,
	DIALECT_PLANS_MAX = 20,
	DIALECT_FILES_MAX = 5,
	DIALECT_PAYLOAD_MAX = 1024, /* of what we send */
};

enum dialect_command {
	DIALECT_READ_STATUS = 0x0031,
	DIALECT_STATUS_READ = 0x0032,
	DIALECT_STATE = 0x0034,
	DIALECT_READ_INFO = 0x0041,
	DIALECT_INFO_READ = 0x0042,
	DIALECT_INFO = 0x0044,
	DIALECT_EXCEPTION = 0x00a3,
	DIALECT_EXCEPTION_UP = 0x00a4,
	DIALECT_CONFIGURE = 0x00b4,
	DIALECT_REGISTER = 0x00c0,
	DIALECT_REGISTERED = 0x00c1,
	DIALECT_LOGIN = 0x00c2,
	DIALECT_LOGGED_IN = 0x00c3,
	DIALECT_LOGOUT = 0x00c4,
	DIALECT_LOGGED_OUT = 0x00c5,
	DIALECT_FORGET = 0x00c6,
	DIALECT_FORGOTTEN = 0x00c7,
	DIALECT_PUT_OFFLINE = 0x00c8,
	DIALECT_PLAN = 0x0111,
	DIALECT_FIRMWARE = 0x0113,
	DIALECT_OTA_STATUS = 0x0114,
	DIALECT_OTA_REQUEST = 0x0115,
};

/* Status of an upgrade as the platform counts (8.3). 7 and 10 do not exist. */
enum dialect_status {
	DIALECT_PLAN_RECEIVED = 1,
	DIALECT_CONFIRMED = 2,
	DIALECT_REFUSED = 3,
	DIALECT_DOWNLOAD_START = 4,
	DIALECT_DOWNLOADING = 5,
	DIALECT_DOWNLOAD_ERROR = 6,
	DIALECT_DOWNLOADED = 8,
	DIALECT_UPDATING = 9,
	DIALECT_SUCCESS = 11,
	DIALECT_FAILURE = 12,
};

/* Codes of the platform that decide something here (7). */
enum dialect_code {
	DIALECT_CODE_COMMAND = 4,
	DIALECT_CODE_PAYLOAD = 5,
	DIALECT_CODE_OK = 10200,
	DIALECT_CODE_REGISTERED = 10422,
	DIALECT_CODE_PRODUCT = 10423,
	DIALECT_CODE_RATE = 10428,
	DIALECT_CODE_QUOTA = 10429,
	DIALECT_CODE_SECRET = 10430,
	DIALECT_CODE_SUB_SECRET = 10437,
	DIALECT_CODE_SUB_UNKNOWN = 10438,
	DIALECT_CODE_NOT_ASSOCIATED = 10440,
	DIALECT_CODE_ALREADY = 10441,
	DIALECT_CODE_NOT_LOGGED_IN = 10442,
	DIALECT_CODE_UNKNOWN = 10500,
};

/* Whether a code in 00A3 says that the gateway itself may not be here. */
bool dialect_is_auth_code(int64_t code);
/* What a code means, for people; never NULL. */
const char *dialect_code_text(int64_t code);
/* The text of id 14, NULL for a status that does not exist. */
const char *dialect_status_text(int status);

/* --- down ------------------------------------------------------------------------------------- */

struct dialect_sub {
	char product_key[DIALECT_KEY_MAX + 1], device_key[DIALECT_KEY_MAX + 1]; /* "" = not named */
};

/* One component of a 0111. All of it is obeyed; what is not read: ids 11, 12 and 27 (when and
 * whether to confirm is flashd's policy), and those without a public meaning. */
struct dialect_plan {
	char component[DIALECT_COMPONENT_MAX + 1];
	char source[DIALECT_VERSION_MAX + 1]; /* "" = any */
	char target[DIALECT_VERSION_MAX + 1];
	int type; /* 0 module, 1 MCU */
	uint32_t min_battery_percent;
	int32_t min_signal_dbm;
	uint64_t space_bytes;
};

struct dialect_notice {
	size_t n; /* >= 1 */
	struct dialect_plan plans[DIALECT_PLANS_MAX];
	struct dialect_sub sub;
};

/* One of the files of a 0113. */
struct dialect_file {
	char url[DIALECT_URL_MAX + 1]; /* http or https */
	uint64_t size;                 /* 1..2^40 */
	uint8_t md5[16];
};

/* 0113. A list of files (id 20) is one package that was cut into them, in the order of their
 * indices: the protocol says only that they belong together, and what is signed is the whole. */
struct dialect_firmware {
	struct dialect_file file;  /* the only one, or the first of the list */
	struct dialect_file *more; /* heap; those after it */
	size_t n_more;
	bool listed; /* id 20: no digests but the MD5s */
	char component[DIALECT_COMPONENT_MAX + 1];
	char target[DIALECT_VERSION_MAX + 1];
	int type;
	uint32_t crc; /* its algorithm is not public; not of a list */
	bool has_sha256;
	uint8_t sha256[32];
	struct dialect_sub sub;
};

/* 00A3, 00C1, 00C3, 00C5, 00C7, 00C8. */
struct dialect_reply {
	int64_t code;
	uint16_t package_id; /* 00A3: of the message that caused it, 0 = not said */
	struct dialect_sub sub;
	char device_secret[129]; /* 00C1: sealed, base64; "" = none */
	uint8_t session_key[32]; /* 00C3: sealed */
	size_t session_key_len;  /* 0 = none */
};

/* 00B4. Which members are there. */
struct dialect_configure {
	char device_secret[DIALECT_KEY_MAX + 1];     /* id 5; "" = none */
	char new_device_secret[DIALECT_KEY_MAX + 1]; /* id 10 */
	bool has_session_key;
	uint8_t session_key[16];
	bool authenticate_again; /* id 9 */
	bool has_server;         /* id 1; an empty host: back to the configured one */
	char host[DIALECT_HOST_MAX + 1];
	uint16_t port;
	bool has_product; /* ids 7 and 8; an empty key: back to the configured one */
	char product_key[DIALECT_KEY_MAX + 1], product_secret[DIALECT_KEY_MAX + 1];
};

/* All: ERR_MALFORMED, ERR_LIMIT, ERR_NOT_FOUND (something required is missing), with the sentence
 * in `why` (WHY_SIZE bytes or NULL). */
enum err dialect_parse_notice(const struct profile *p, const uint8_t *data, size_t len,
    struct dialect_notice *out, char *why) MUST_CHECK;
/* Even when the rest is refused, out->sub is filled in where it could be read. Caller finishes
 * `out`, also then. ERR_NOMEM. */
enum err dialect_parse_firmware(const struct profile *p, const uint8_t *data, size_t len,
    struct dialect_firmware *out, char *why) MUST_CHECK;
void dialect_firmware_fini(struct dialect_firmware *f);
/* Into `to`, which is empty; ERR_NOMEM. */
enum err dialect_firmware_copy(
    const struct dialect_firmware *from, struct dialect_firmware *to) MUST_CHECK;
/* Bytes of all files. */
uint64_t dialect_firmware_size(const struct dialect_firmware *f);
enum err dialect_parse_exception(const struct profile *p, const uint8_t *data, size_t len,
    struct dialect_reply *out, char *why) MUST_CHECK;
/* 00C1..00C8. */
enum err dialect_parse_reply(const struct profile *p, const uint8_t *data, size_t len,
    struct dialect_reply *out, char *why) MUST_CHECK;
enum err dialect_parse_configure(
    const uint8_t *data, size_t len, struct dialect_configure *out, char *why) MUST_CHECK;

/* --- up --------------------------------------------------------------------------------------- */

/* 0034, 0032: what a gateway knows of itself; members that are not known are left out. */
struct dialect_state {
	bool has_battery, has_voltage, has_rssi, has_free;
	uint32_t battery_percent;
	uint32_t voltage_mv;
	int32_t rssi_dbm;
	uint64_t free_bytes;
};

/* 0044, 0042: NULL or "" = left out. */
struct dialect_info {
	const char *model, *version, *mcu_versions, *iccid, *sdk_version, *locators;
	const char *data_protocol, *comm_protocol;
};

/* 0114. */
struct dialect_report {
	int status;
	int type;
	const char *component;
	bool ask_sha256;          /* only with status 2 */
	const char *version;      /* status 11, 12: what runs now; "" = not known */
	const char *mcu_versions; /* status 11, 12: `component:version`, or NULL */
};

/* Each puts the values of one message; errors stick in the writer. */
void dialect_put_state(struct ttlv_writer *w, const struct dialect_state *s);
void dialect_put_info(struct ttlv_writer *w, const struct dialect_info *i);
void dialect_put_request(struct ttlv_writer *w, const char *version, const char *mcu_versions);
void dialect_put_report(struct ttlv_writer *w, const struct dialect_report *r);
void dialect_put_exception(struct ttlv_writer *w, int code, uint16_t package_id);
void dialect_put_register(
    struct ttlv_writer *w, const struct profile *p, const char *pk, const char *blob);
void dialect_put_login(struct ttlv_writer *w, const struct profile *p,
    const struct dialect_sub *sub, const char *random, const char *sign, bool want_session_key);
/* 00C6 */
void dialect_put_forget(struct ttlv_writer *w, const struct profile *p,
    const struct dialect_sub *sub, const char *random, const char *sign);
void dialect_put_logout(
    struct ttlv_writer *w, const struct profile *p, const struct dialect_sub *sub);
/* Name the sub-device in a message that goes over the gateway's topic. */
void dialect_put_sub(struct ttlv_writer *w, const struct profile *p, const struct dialect_sub *sub);

#endif
