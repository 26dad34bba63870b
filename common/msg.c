/*
 * msg: see msg.h. Unpacking is one walk with a budget; the checks below it are one expression per
 * kind, made of the same few predicates, so that a rule reads as it is stated in the header.
 */
#include <stdbool.h>
#include <string.h>

#include "audit.h"
#include "capped.h"
#include "fields.h"
#include "msg.h"
#include "utf8.h"

/* Heap an honest message of `len` bytes needs at most: its bytes, its structs, and for each short
 * text a pointer and protobuf-c's note of where it lies. */
enum { MEMORY_FLOOR = 64 * 1024, MEMORY_TIMES = 4 };

enum {
	KEY_MAX = 32,
	NAME_MAX_LEN = 64, /* versions, components, drivers, keys of options */
	TEXT_MAX = 512,
	HOSTS_MAX = 64,
	OPTIONS_MAX = 64,
	DIGEST = 32,
	MD5 = 16,
	DIGESTS_MAX = 30000, /* of chunks */
	DBM_MAX = 1000,
	ERROR_MAX = 9999,
};

static const uint64_t size_max = UINT64_C(1) << 40;

/* --- packing ---------------------------------------------------------------------------------- */

/* What this version does not know counts as nothing, and is not passed on either. */
static void
drop_unknown(ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->n_unknown_fields; i++)
		free(m->unknown_fields[i].data);
	free(m->unknown_fields);
	m->unknown_fields = NULL;
	m->n_unknown_fields = 0;
	for (unsigned k = 0; k < m->descriptor->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[k];
		size_t n = f->type == PROTOBUF_C_TYPE_MESSAGE ? fields_count(m, f) : 0;

		for (size_t i = 0; i < n; i++)
			drop_unknown(fields_message(m, f, i));
	}
}

enum err
msg_unpack(const uint8_t *data, size_t len, size_t max, Pb__Envelope **out)
{
	size_t left = MEMORY_FLOOR + MEMORY_TIMES * len;
	ProtobufCAllocator capped = capped_allocator(&left);

	*out = NULL;
	if (len > max)
		return ERR_LIMIT;
	*out = pb__envelope__unpack(&capped, len, data);
	if (!*out)
		return ERR_MESSAGE;
	drop_unknown(&(*out)->base);
	return ERR_OK;
}

void
msg_free(Pb__Envelope *e)
{
	if (e)
		pb__envelope__free_unpacked(e, NULL);
}

enum err
msg_pack(const Pb__Envelope *e, uint8_t *out, size_t size, size_t *len)
{
	size_t need = pb__envelope__get_packed_size(e);

	if (need > size)
		return ERR_LIMIT;
	*len = pb__envelope__pack(e, out);
	return ERR_OK;
}

/* --- predicates ------------------------------------------------------------------------------- */

static enum err
says(bool fine)
{
	return fine ? ERR_OK : ERR_MESSAGE;
}

/* Up to `max` bytes, each of which is printable, no blank and not one of `never`. */
static bool
is_plain(const char *s, size_t max, const char *never)
{
	size_t n = strnlen(s, max + 1);

	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f || strchr(never, s[i]))
			return false;
	return n <= max;
}

static bool
is_key(const char *s)
{
	return s[0] && is_plain(s, KEY_MAX, "/'\"`");
}

static bool
is_name_or_empty(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.+";

	return strspn(s, allowed) == strlen(s) && strlen(s) <= NAME_MAX_LEN;
}

static bool
is_name(const char *s)
{
	return s[0] && is_name_or_empty(s);
}

static bool
is_text(const char *s)
{
	size_t n = strlen(s);

	return n <= TEXT_MAX && utf8_is_text((const uint8_t *)s, n);
}

static bool
is_digest(const ProtobufCBinaryData *b, size_t full)
{
	return b->len == 0 || b->len == full;
}

static bool
is_size(uint64_t n)
{
	return n <= size_max;
}

/* Numbers that are kept in SQLite, whose integers have a sign. */
static bool
is_number(uint64_t n)
{
	return n <= INT64_MAX;
}

static bool
is_id(uint64_t n)
{
	return n > 0 && is_number(n);
}

static bool
is_device(const Pb__Device *d)
{
	return d && is_key(d->product_key) && is_key(d->device_key);
}

static bool
is_error(uint32_t number)
{
	return number <= ERROR_MAX;
}

static bool
is_between(int64_t n, int64_t least, int64_t most)
{
	return n >= least && n <= most;
}

static bool
is_phase(Pb__Phase p)
{
	return is_between((int)p, PB__PHASE__PHASE_FETCHING, PB__PHASE__PHASE_CANCELLED);
}

static bool
is_verb(Pb__Verb v)
{
	return is_between((int)v, PB__VERB__VERB_IDENTIFY, PB__VERB__VERB_CHECK);
}

static bool
are_hosts(char *const *hosts, size_t n)
{
	for (size_t i = 0; i < n && i < HOSTS_MAX; i++)
		if (!hosts[i][0] || !is_plain(hosts[i], TEXT_MAX, ""))
			return false;
	return n <= HOSTS_MAX;
}

static bool
are_options(Pb__Option *const *options, size_t n)
{
	for (size_t i = 0; i < n && i < OPTIONS_MAX; i++)
		if (!is_name(options[i]->key) || !is_text(options[i]->value))
			return false;
	return n <= OPTIONS_MAX;
}

/* --- the bus ---------------------------------------------------------------------------------- */

enum err
msg_check_hello(const Pb__Envelope *e)
{
	const Pb__Hello *h = e->hello;

	return says(h && is_name(h->who) && is_text(h->build) && h->proto_min >= 1 &&
		    h->proto_min <= h->proto_max);
}

enum err
msg_check_ping(const Pb__Envelope *e)
{
	return says(e->ping != NULL);
}

enum err
msg_check_device_report(const Pb__Envelope *e)
{
	const Pb__DeviceReport *r = e->device_report;

	return says(r && is_device(r->device) && is_name(r->component) &&
		    is_name_or_empty(r->version) &&
		    is_between((int)r->state, 0, PB__DEVICE_STATE__DEVICE_STATE_BUSY) &&
		    r->battery_percent <= 101 && is_between(r->signal_dbm, -DBM_MAX, DBM_MAX) &&
		    r->places <= MSG_COMPONENTS_MAX &&
		    r->place < (r->places ? r->places : MSG_COMPONENTS_MAX));
}

enum err
msg_check_plan_offer(const Pb__Envelope *e)
{
	const Pb__PlanOffer *o = e->plan_offer;

	return says(o && is_id(e->upgrade) && is_device(o->device) && is_name(o->component) &&
		    is_name_or_empty(o->source_version) && is_name(o->target_version) &&
		    o->min_battery_percent <= 100 &&
		    is_between(o->min_signal_dbm, -DBM_MAX, DBM_MAX) && is_size(o->space_bytes));
}

enum err
msg_check_plan_verdict(const Pb__Envelope *e)
{
	const Pb__PlanVerdict *v = e->plan_verdict;

	return says(v && is_id(e->upgrade) &&
		    is_between((int)v->verdict, PB__VERDICT__VERDICT_ACCEPT,
			PB__VERDICT__VERDICT_ASKED) &&
		    is_error(v->reason) && is_text(v->detail) && is_number(v->until) &&
		    (v->verdict != PB__VERDICT__VERDICT_ACCEPT || v->reason == 0));
}

/* Several files, whose sizes add up to that of the package. */
static bool
are_files(const Pb__FetchOrder *o)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < o->n_files && i < MSG_FILES_MAX; i++) {
		const Pb__FetchFile *f = o->files[i];

		if (!f->url[0] || !is_plain(f->url, MSG_URL_MAX, "") || !is_size(f->size) ||
		    f->size == 0 || f->md5.len != MD5)
			return false;
		sum += f->size;
	}
	return o->n_files == 0 || (o->n_files <= MSG_FILES_MAX && sum == o->size &&
				      o->md5.len == 0 && o->sha256.len == 0);
}

enum err
msg_check_fetch_order(const Pb__Envelope *e)
{
	const Pb__FetchOrder *o = e->fetch_order;

	return says(o && is_id(e->upgrade) && is_device(o->device) && is_name(o->component) &&
		    is_name(o->target_version) && o->url[0] && is_plain(o->url, MSG_URL_MAX, "") &&
		    is_size(o->size) && is_digest(&o->md5, MD5) && is_digest(&o->sha256, DIGEST) &&
		    are_files(o));
}

enum err
msg_check_flash_order(const Pb__Envelope *e)
{
	const Pb__FlashOrder *o = e->flash_order;

	return says(o && is_id(e->upgrade) && is_device(o->device) && is_name(o->component) &&
		    is_name(o->target_version) && o->manifest_digest.len == DIGEST);
}

enum err
msg_check_progress(const Pb__Envelope *e)
{
	const Pb__Progress *p = e->progress;

	return says(p && is_id(e->upgrade) && is_device(p->device) && is_phase(p->phase) &&
		    is_size(p->done_bytes) && is_size(p->total_bytes) &&
		    is_size(p->bytes_per_second));
}

static bool
is_source(const char *s)
{
	return strcmp(s, "fetchd") == 0 || strcmp(s, "flashd") == 0;
}

static bool
is_head(const char *s)
{
	uint64_t seq = 0;
	char hash[17];

	return s && (!*s || audit_read_head(s, &seq, hash));
}

enum err
msg_check_report(const Pb__Envelope *e)
{
	const Pb__Report *r = e->report;

	return says(r && is_id(e->upgrade) && is_id(r->id) && is_source(r->source) &&
		    is_device(r->device) && is_phase(r->phase) && is_error(r->error) &&
		    is_text(r->detail) && is_name_or_empty(r->version) && is_head(r->head));
}

enum err
msg_check_report_ack(const Pb__Envelope *e)
{
	const Pb__ReportAck *a = e->report_ack;

	return says(a && is_id(a->id) && is_source(a->source));
}

enum err
msg_check_cancel(const Pb__Envelope *e)
{
	return says(e->cancel && is_id(e->upgrade) && is_text(e->cancel->reason));
}

enum err
msg_check_link_state(const Pb__Envelope *e)
{
	return says(e->link_state != NULL);
}

/* --- couriers and sessions -------------------------------------------------------------------- */

enum err
msg_check_courier_order(const Pb__Envelope *e)
{
	const Pb__CourierOrder *o = e->courier_order;

	return says(o && o->url[0] && is_plain(o->url, MSG_URL_MAX, "") && is_size(o->size) &&
		    is_size(o->offset) && is_text(o->etag) && is_digest(&o->md5, MD5) &&
		    is_digest(&o->sha256, DIGEST) &&
		    are_hosts(o->redirect_hosts, o->n_redirect_hosts) &&
		    are_hosts(o->hosts, o->n_hosts) && is_text(o->ca_file) &&
		    is_size(o->mark_bytes) && is_size(o->begins_at));
}

enum err
msg_check_courier_report(const Pb__Envelope *e)
{
	const Pb__CourierReport *r = e->courier_report;

	return says(r && is_error(r->error) && is_text(r->detail) && is_size(r->done_bytes) &&
		    is_size(r->durable_bytes) && is_size(r->received_bytes) && is_text(r->etag) &&
		    r->http_status <= 999 && is_digest(&r->md5, MD5) &&
		    is_digest(&r->sha256, DIGEST));
}

enum err
msg_check_session_order(const Pb__Envelope *e)
{
	const Pb__SessionOrder *o = e->session_order;

	return says(o && is_verb(o->verb) && is_name(o->driver) &&
		    are_options(o->options, o->n_options) && is_size(o->image_size) &&
		    is_digest(&o->image_sha256, DIGEST) && o->chunk_digests.len % DIGEST == 0 &&
		    o->chunk_digests.len / DIGEST <= DIGESTS_MAX &&
		    is_name_or_empty(o->target_version) && is_size(o->resume_hint) &&
		    (!o->device || is_device(o->device)) && is_size(o->image_offset) &&
		    is_between((int)o->boot_pin, 0, PB__PIN__PIN_GPIO_SECOND) &&
		    is_between((int)o->reset_pin, 0, PB__PIN__PIN_GPIO_SECOND));
}

enum err
msg_check_session_report(const Pb__Envelope *e)
{
	const Pb__SessionReport *r = e->session_report;

	return says(r && is_verb(r->verb) && is_error(r->error) && is_text(r->detail) &&
		    is_size(r->done_bytes) && is_size(r->total_bytes) &&
		    is_name_or_empty(r->version) && is_digest(&r->active_hash, DIGEST) &&
		    is_digest(&r->staged_hash, DIGEST) && is_size(r->rewinds) &&
		    is_size(r->wire_bytes) && is_name_or_empty(r->unit) &&
		    is_name_or_empty(r->image_version) &&
		    is_digest(&r->image_hash, DIGEST));
}

/* --- the control socket ----------------------------------------------------------------------- */

enum err
msg_check_query(const Pb__Envelope *e)
{
	return says(e->query && is_name(e->query->what) && is_text(e->query->argument) &&
		    e->query->data.len <= MSG_QUERY_DATA_MAX);
}

enum err
msg_check_act(const Pb__Envelope *e)
{
	return says(e->act && is_name(e->act->what) && is_text(e->act->argument));
}

enum err
msg_check_answer(const Pb__Envelope *e)
{
	const Pb__Answer *a = e->answer;

	return says(a && is_error(a->error) &&
		    utf8_is_text((const uint8_t *)a->json, strlen(a->json)));
}
