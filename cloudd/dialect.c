/*
 * dialect: what goes up; see dialect.h. What comes down is read in dialect_parse.c. The order of
 * the ids is the one that the platform's own SDK sends.
 */
#include "dialect.h"

enum {
	STATE_BATTERY = 1,
	STATE_VOLTAGE = 2,
	STATE_RSSI = 3,
	STATE_FREE = 4,
	INFO_MODEL = 1,
	INFO_VERSION = 2,
	INFO_MCU = 3,
	INFO_ICCID = 5,
	INFO_SDK = 11,
	INFO_LOCATORS = 12,
	INFO_DATA_PROTOCOL = 13,
	INFO_COMM_PROTOCOL = 14,
	OTA_COMPONENT = 4,
	OTA_TYPE = 7,
	OTA_STATUS = 13,
	OTA_STATUS_TEXT = 14,
	OTA_EXTRA_SIGNATURE = 19,
	OTA_VERSION = 25,
	OTA_MCU = 26,
	EXCEPTION_CODE = 1,
	EXCEPTION_PACKAGE = 2,
};

/* clang-format off */
static const struct { int status; const char *text; } statuses[] = {
	{DIALECT_PLAN_RECEIVED,  "REVICEPLAN"}, /* sic */
	{DIALECT_CONFIRMED,      "SUBMITOTA"},
	{DIALECT_REFUSED,        "REFUSEDOTA"},
	{DIALECT_DOWNLOAD_START, "DOWNLOADSTART"},
	{DIALECT_DOWNLOADING,    "DOWNLOADING"},
	{DIALECT_DOWNLOAD_ERROR, "DOWNLOADERROR"},
	{DIALECT_DOWNLOADED,     "DOWNLOADSUCCESS"},
	{DIALECT_UPDATING,       "UPDATING"},
	{DIALECT_SUCCESS,        "UPDATESUCCESS"},
	{DIALECT_FAILURE,        "UPDATEERROR"},
};
/* clang-format on */

const char *
dialect_status_text(int status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return NULL;
}

bool
dialect_is_auth_code(int64_t code)
{
	return code >= 10420 && code <= DIALECT_CODE_SUB_UNKNOWN && code != DIALECT_CODE_RATE &&
	       code != DIALECT_CODE_QUOTA;
}

static void
put_known(struct ttlv_writer *w, uint16_t id, const char *text)
{
	if (id && text && text[0])
		ttlv_put_text(w, id, text);
}

/* 3850 mV as 3.85, without zeros at the end. */
static void
put_volts(struct ttlv_writer *w, uint16_t id, uint32_t mv)
{
	struct ttlv_number n = {false, 3, mv};

	for (; n.decimals && n.magnitude % 10 == 0; n.decimals--)
		n.magnitude /= 10;
	ttlv_put_number(w, id, n);
}

void
dialect_put_state(struct ttlv_writer *w, const struct dialect_state *s)
{
	if (s->has_battery)
		ttlv_put_int(w, STATE_BATTERY, s->battery_percent);
	if (s->has_voltage)
		put_volts(w, STATE_VOLTAGE, s->voltage_mv);
	if (s->has_rssi)
		ttlv_put_int(w, STATE_RSSI, s->rssi_dbm);
	if (s->has_free)
		ttlv_put_number(w, STATE_FREE, (struct ttlv_number){false, 0, s->free_bytes});
}

void
dialect_put_info(struct ttlv_writer *w, const struct dialect_info *i)
{
	put_known(w, INFO_MODEL, i->model);
	put_known(w, INFO_VERSION, i->version);
	put_known(w, INFO_MCU, i->mcu_versions);
	put_known(w, INFO_ICCID, i->iccid);
	put_known(w, INFO_SDK, i->sdk_version);
	put_known(w, INFO_LOCATORS, i->locators);
	put_known(w, INFO_DATA_PROTOCOL, i->data_protocol);
	put_known(w, INFO_COMM_PROTOCOL, i->comm_protocol);
}

void
dialect_firmware_fini(struct dialect_firmware *f)
{
	free(f->more);
	f->more = NULL;
	f->n_more = 0;
}

enum err
dialect_firmware_copy(const struct dialect_firmware *from, struct dialect_firmware *to)
{
	*to = *from;
	to->more = NULL;
	if (!from->n_more)
		return ERR_OK;
	to->more = malloc(from->n_more * sizeof(*to->more));
	if (!to->more)
		return ERR_NOMEM;
	memcpy(to->more, from->more, from->n_more * sizeof(*to->more));
	return ERR_OK;
}

uint64_t
dialect_firmware_size(const struct dialect_firmware *f)
{
	uint64_t size = f->file.size;

	for (size_t i = 0; i < f->n_more; i++)
		size += f->more[i].size;
	return size;
}

void
dialect_put_request(struct ttlv_writer *w, const char *version, const char *mcu_versions)
{
	put_known(w, OTA_VERSION, version);
	put_known(w, OTA_MCU, mcu_versions);
}

void
dialect_put_report(struct ttlv_writer *w, const struct dialect_report *r)
{
	bool ends = r->status == DIALECT_SUCCESS || r->status == DIALECT_FAILURE;
	const char *text = dialect_status_text(r->status);

	if (!text) {
		w->error = ERR_INVALID;
		return;
	}
	ttlv_put_int(w, OTA_STATUS, r->status);
	ttlv_put_text(w, OTA_STATUS_TEXT, text);
	ttlv_put_int(w, OTA_TYPE, r->type);
	ttlv_put_text(w, OTA_COMPONENT, r->component);
	if (r->ask_sha256 && r->status == DIALECT_CONFIRMED)
		ttlv_put_text(w, OTA_EXTRA_SIGNATURE, "sha256");
	if (ends) {
		put_known(w, OTA_VERSION, r->version);
		put_known(w, OTA_MCU, r->mcu_versions);
	}
}

void
dialect_put_exception(struct ttlv_writer *w, int code, uint16_t package_id)
{
	ttlv_put_int(w, EXCEPTION_CODE, code);
	ttlv_put_int(w, EXCEPTION_PACKAGE, package_id);
}

void
dialect_put_register(
    struct ttlv_writer *w, const struct profile *p, const char *pk, const char *blob)
{
	put_known(w, (uint16_t)p->register_pk, pk);
	put_known(w, (uint16_t)p->register_blob, blob);
}

static void
put_keys(struct ttlv_writer *w, uint64_t pk, uint64_t dk, const struct dialect_sub *sub)
{
	put_known(w, (uint16_t)pk, sub->product_key);
	put_known(w, (uint16_t)dk, sub->device_key);
}

void
dialect_put_forget(struct ttlv_writer *w, const struct profile *p, const struct dialect_sub *sub,
    const char *random, const char *sign)
{
	put_keys(w, p->sub_pk, p->sub_dk, sub);
	put_known(w, (uint16_t)p->login_random, random);
	put_known(w, (uint16_t)p->login_sign, sign);
}

void
dialect_put_login(struct ttlv_writer *w, const struct profile *p, const struct dialect_sub *sub,
    const char *random, const char *sign, bool want_session_key)
{
	dialect_put_forget(w, p, sub, random, sign);
	if (p->login_flag)
		ttlv_put_bool(w, (uint16_t)p->login_flag, want_session_key);
}

void
dialect_put_logout(struct ttlv_writer *w, const struct profile *p, const struct dialect_sub *sub)
{
	put_keys(w, p->sub_pk, p->sub_dk, sub);
}

void
dialect_put_sub(struct ttlv_writer *w, const struct profile *p, const struct dialect_sub *sub)
{
	put_keys(w, p->via_pk, p->via_dk, sub);
}
