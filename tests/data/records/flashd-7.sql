-- flashd.db as a program of schema version 7 left it
CREATE TABLE upgrade(id INTEGER PRIMARY KEY, state INT, product_key TEXT, device_key TEXT, component TEXT, target_version TEXT, digest BLOB, image_version TEXT, binding TEXT, sequence INT, counter INT, generation INT, image_sha256 BLOB, image_hash BLOB, wrote INT, rebooted INT, version TEXT, verb INT, error INT, detail TEXT, spent_ms INT, min_battery INT NOT NULL DEFAULT 0, min_signal INT NOT NULL DEFAULT 0, source_version TEXT NOT NULL DEFAULT '', added INT NOT NULL DEFAULT 0);
CREATE TABLE report(id INTEGER PRIMARY KEY, upgrade INT, product_key TEXT, device_key TEXT, phase INT, error INT, detail TEXT, version TEXT, head TEXT NOT NULL DEFAULT '');
CREATE TABLE value(name TEXT PRIMARY KEY, value INT);
CREATE TABLE confirmed(product_key TEXT, device_key TEXT, binding TEXT, component TEXT, counter INT, sequence INT, digest BLOB, generation INT, image_sha256 BLOB, version TEXT, PRIMARY KEY(product_key, device_key, binding, component)) WITHOUT ROWID;
CREATE TABLE rollout(id INTEGER PRIMARY KEY, state INT, product_key TEXT, component TEXT, version TEXT, done INT, failed INT, failures INT);
CREATE TABLE audit(seq INTEGER PRIMARY KEY, hash BLOB, line TEXT);
CREATE TABLE audit_key(id INTEGER PRIMARY KEY, seed BLOB);
CREATE TABLE unit(product_key TEXT, device_key TEXT, component TEXT, unit TEXT, PRIMARY KEY(product_key, device_key, component)) WITHOUT ROWID;
INSERT INTO upgrade VALUES(1764300000004, 8, 'pM', 'm2', 'app', '1.0.0', X'9999999999999999999999999999999999999999999999999999999999999999', '1.0.0', 'hw-b', 7, 2, 1, X'7777777777777777777777777777777777777777777777777777777777777777', X'', 1, 1, '1.0.0', 0, 0, '', 60000, 0, 0, '', 2);
INSERT INTO upgrade VALUES(1764300000005, 4, 'pM', 'm1', 'app', '1.1.0', X'6666666666666666666666666666666666666666666666666666666666666666', '1.1.0', 'hw-a', 8, 2, 1, X'7777777777777777777777777777777777777777777777777777777777777777', X'8888888888888888888888888888888888888888888888888888888888888888', 1, 0, '1.0.0', 3, 0, '', 5000, 30, -90, '1.0.0', 1);
INSERT INTO report VALUES(1806643200000001, 1764300000004, 'pM', 'm2', 8, 0, '', '1.0.0', '');
INSERT INTO value VALUES('report', 1806643200000001);
INSERT INTO value VALUES('bound', 1764300000000);
INSERT INTO confirmed VALUES('pM', 'm2', 'hw-b', 'app', 2, 7, X'9999999999999999999999999999999999999999999999999999999999999999', 1, X'7777777777777777777777777777777777777777777777777777777777777777', '1.0.0');
INSERT INTO rollout VALUES(1, 1, 'pM', 'app', '1.1.0', 1, 0, 0);
INSERT INTO audit_key VALUES(1, X'ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB');
INSERT INTO unit VALUES('pM', 'm1', 'app', '0A1B2C');
PRAGMA user_version = 7;
