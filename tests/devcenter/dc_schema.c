/*
 * dc_schema: the tables of the local Developer Center; see dc_db.h. PRAGMA user_version counts the
 * entries that have been run, so entries are only ever added.
 *
 * Times are ms since 1970. A device is a gateway (or any device with a connection of its own) or a
 * sub-device; the association is `gateway`. `plan` has the platform's whole plan model as columns,
 * `progress` is where one device stands in one component of one plan, `status` what it said.
 */
#include <stddef.h>

#include "dc_db.h"

/* clang-format off */
const char *const dc_schema[] = {
	"CREATE TABLE product ("
	" pk TEXT PRIMARY KEY, ps TEXT NOT NULL,"
	" kind TEXT NOT NULL CHECK (kind IN ('gateway', 'subdevice')),"
	" register TEXT NOT NULL CHECK (register IN ('always', 'once', 'never')),"
	" open INTEGER NOT NULL DEFAULT 0);" /* 1: devices nobody added may register */
	"CREATE TABLE device ("
	" id INTEGER PRIMARY KEY, pk TEXT NOT NULL REFERENCES product (pk), dk TEXT NOT NULL,"
	" ds TEXT, gateway INTEGER REFERENCES device (id), online INTEGER NOT NULL DEFAULT 0,"
	" version TEXT NOT NULL DEFAULT '', mcu TEXT NOT NULL DEFAULT '', model TEXT,"
	" battery REAL, voltage REAL, rssi REAL, seen INTEGER, registered INTEGER,"
	" UNIQUE (pk, dk));"
	"CREATE INDEX device_endpoint ON device ('qd' || pk || dk);"
	"CREATE TABLE account (user TEXT PRIMARY KEY, password TEXT NOT NULL);"
	"CREATE TABLE package ("
	" id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, component TEXT NOT NULL,"
	" kind INTEGER NOT NULL CHECK (kind IN (0, 1))," /* 0 module, 1 MCU */
	" target TEXT NOT NULL, source TEXT," /* source: delta packages only */
	" path TEXT NOT NULL UNIQUE, scheme TEXT NOT NULL CHECK (scheme IN ('https', 'http')),"
	" size INTEGER NOT NULL, md5 TEXT NOT NULL, crc TEXT NOT NULL, sha256 TEXT NOT NULL,"
	" url TEXT," /* served elsewhere: used instead of ours */
	" remark TEXT, created INTEGER NOT NULL,"
	" requests INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE plan ("
	" id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" pk TEXT NOT NULL REFERENCES product (pk),"
	" state TEXT NOT NULL DEFAULT 'inactivated'"
	"  CHECK (state IN ('inactivated', 'activated', 'suspended', 'terminated')),"
	" mode TEXT NOT NULL CHECK (mode IN ('silent', 'manual')),"
	" starts INTEGER NOT NULL, ends INTEGER NOT NULL,"
	" push INTEGER NOT NULL, push_from INTEGER NOT NULL, push_to INTEGER NOT NULL,"
	" reject_min INTEGER NOT NULL, retries INTEGER NOT NULL, retry_ms INTEGER NOT NULL,"
	" min_signal INTEGER NOT NULL, min_battery INTEGER NOT NULL,"
	" remark TEXT, created INTEGER NOT NULL);"
	"CREATE TABLE plan_component ("
	" plan INTEGER NOT NULL REFERENCES plan (id), seq INTEGER NOT NULL,"
	" package INTEGER NOT NULL REFERENCES package (id),"
	" versions TEXT," /* specified versions, joined by ';' */
	" PRIMARY KEY (plan, seq));"
	"CREATE TABLE plan_device ("
	" plan INTEGER NOT NULL REFERENCES plan (id), dk TEXT NOT NULL,"
	" list TEXT NOT NULL CHECK (list IN ('white', 'black')), PRIMARY KEY (plan, dk));"
	"CREATE TABLE progress ("
	" plan INTEGER NOT NULL REFERENCES plan (id), seq INTEGER NOT NULL,"
	" device INTEGER NOT NULL REFERENCES device (id),"
	" state INTEGER NOT NULL DEFAULT 0," /* enum dc_progress */
	" last INTEGER NOT NULL DEFAULT 0,"  /* last status */
	" tries INTEGER NOT NULL DEFAULT 0, confirmed INTEGER NOT NULL DEFAULT 0,"
	" sha256 INTEGER NOT NULL DEFAULT 0, offered INTEGER, due INTEGER,"
	" started INTEGER, ended INTEGER, PRIMARY KEY (plan, seq, device));"
	"CREATE INDEX progress_device ON progress (device);"
	"CREATE TABLE status ("
	" id INTEGER PRIMARY KEY, device INTEGER NOT NULL REFERENCES device (id),"
	" plan INTEGER, component TEXT NOT NULL, code INTEGER NOT NULL, name TEXT NOT NULL,"
	" version TEXT, at INTEGER NOT NULL);"
	"CREATE INDEX status_device ON status (device);"
	"CREATE TABLE log ("
	" id INTEGER PRIMARY KEY, device INTEGER NOT NULL REFERENCES device (id),"
	" at INTEGER NOT NULL, text TEXT NOT NULL);"
	"CREATE INDEX log_device ON log (device);"
	"CREATE TABLE fault ("
	" name TEXT PRIMARY KEY, value INTEGER NOT NULL, times INTEGER NOT NULL,"
	" rev INTEGER NOT NULL);"
	"CREATE TABLE command (" /* from the command line to the server */
	" id INTEGER PRIMARY KEY, what TEXT NOT NULL, device INTEGER NOT NULL);",
	"ALTER TABLE plan ADD COLUMN zone INTEGER NOT NULL DEFAULT 0;" /* minutes east of UTC */
	"ALTER TABLE plan ADD COLUMN verifies INTEGER REFERENCES device (id);" /* or NULL: a plan */
	"CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL);", /* clock: ms ahead */
	"CREATE TABLE plan_text ("
	" plan INTEGER NOT NULL REFERENCES plan (id), lang TEXT NOT NULL, text TEXT NOT NULL,"
	" PRIMARY KEY (plan, lang));"
	"CREATE TABLE confirmation (" /* what a person decided about a manual plan */
	" plan INTEGER NOT NULL REFERENCES plan (id),"
	" device INTEGER NOT NULL REFERENCES device (id),"
	" status INTEGER NOT NULL," /* enum dc_user_status */
	" starts INTEGER, ends INTEGER, PRIMARY KEY (plan, device));"
	"ALTER TABLE device ADD COLUMN auto_upgrade INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE access_key (access TEXT PRIMARY KEY, secret TEXT NOT NULL);"
	"CREATE TABLE token ("
	" token TEXT PRIMARY KEY, refresh TEXT NOT NULL UNIQUE,"
	" kind TEXT NOT NULL CHECK (kind IN ('saas', 'user')),"
	" expires INTEGER NOT NULL, refresh_until INTEGER NOT NULL);",
	"CREATE TABLE package_file (" /* the second and further files; the first is the package's */
	" package INTEGER NOT NULL REFERENCES package (id), idx INTEGER NOT NULL,"
	" name TEXT NOT NULL, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,"
	" md5 TEXT NOT NULL, crc TEXT NOT NULL, sha256 TEXT NOT NULL,"
	" PRIMARY KEY (package, idx));",
	"ALTER TABLE progress ADD COLUMN was TEXT;" /* version when it was first offered */
	"ALTER TABLE progress ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;" /* a person asked */
	"CREATE INDEX progress_state ON progress (state, device);"
	"ALTER TABLE log ADD COLUMN plan INTEGER;"
	"ALTER TABLE log ADD COLUMN component TEXT;",
	"ALTER TABLE token ADD COLUMN made INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN access TEXT;"
	"ALTER TABLE access_key ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;"
	"ALTER TABLE access_key ADD COLUMN api INTEGER NOT NULL DEFAULT 1;"
	"ALTER TABLE access_key ADD COLUMN ips TEXT;" /* joined by ','; NULL: any */
	"ALTER TABLE access_key ADD COLUMN products TEXT;", /* the same */
	"ALTER TABLE fault ADD COLUMN percent INTEGER NOT NULL DEFAULT 100;",
	NULL,
};
/* clang-format on */
