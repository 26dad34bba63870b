-- fetchd.db as a program of schema version 1 left it
CREATE TABLE image(id INTEGER PRIMARY KEY, state INT, url TEXT, size INT, md5 BLOB, sha256 BLOB, digest BLOB, validator TEXT, durable INT, boot_id TEXT, tries INT, dry INT, from_zero INT, error INT, detail TEXT, used_at INT, good INT);
CREATE TABLE upgrade(id INTEGER PRIMARY KEY, state INT, product_key TEXT, device_key TEXT, component TEXT, target_version TEXT, image INT, error INT, detail TEXT);
CREATE TABLE report(id INTEGER PRIMARY KEY, upgrade INT, product_key TEXT, device_key TEXT, phase INT, error INT, detail TEXT);
CREATE TABLE counter(name TEXT PRIMARY KEY, value INT);
INSERT INTO image VALUES(5, 4, 'https://h/old.bin', 2048, X'44444444444444444444444444444444', X'', X'5555555555555555555555555555555555555555555555555555555555555555', '', 2048, 'boot-1', 1, 0, 0, 0, '', 1764200000000, 1);
INSERT INTO image VALUES(6, 1, 'https://h/fw.bin', 4096, X'11111111111111111111111111111111', X'2222222222222222222222222222222222222222222222222222222222222222', X'', '"v1"', 1024, 'boot-1', 2, 0, 0, 0, '', 1764300000000, 0);
INSERT INTO upgrade VALUES(1764300000004, 4, 'pM', 'm2', 'app', '1.0.0', 5, 0, '');
INSERT INTO upgrade VALUES(1764300000005, 0, 'pM', 'm1', 'app', '1.1.0', 6, 0, '');
INSERT INTO report VALUES(1806643200000001, 1764300000004, 'pM', 'm2', 2, 0, '');
INSERT INTO counter VALUES('report', 1806643200000001);
INSERT INTO counter VALUES('bound', 1764300000000);
PRAGMA user_version = 1;
