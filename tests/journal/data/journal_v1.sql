BEGIN TRANSACTION;
CREATE TABLE delivery (
	run_no INTEGER NOT NULL, 
	"row" BIGINT NOT NULL, 
	intent_no BIGINT NOT NULL, 
	"transaction" TEXT NOT NULL, 
	outcome VARCHAR(12) NOT NULL, 
	status SMALLINT, 
	rule TEXT, 
	reason TEXT, 
	reference TEXT, 
	code TEXT, 
	attempts INTEGER NOT NULL, 
	latency_ms FLOAT, 
	error TEXT, 
	started FLOAT NOT NULL, 
	invented BOOLEAN NOT NULL, 
	PRIMARY KEY (run_no, "row")
)
 WITHOUT ROWID;
INSERT INTO "delivery" VALUES(1,1,1,'row-1','delivered',200,'delivered',NULL,'c0ffee',NULL,1,1.793,NULL,1.79589699997043824196e+09,0);
INSERT INTO "delivery" VALUES(1,2,1,'row-2','duplicate',409,'duplicate',NULL,NULL,NULL,1,9.106,NULL,1.795896999972522974e+09,0);
INSERT INTO "delivery" VALUES(1,3,2,'row-3','rejected',400,'rejected','no',NULL,NULL,1,0.504,NULL,1.79589699998179650308e+09,0);
INSERT INTO "delivery" VALUES(1,4,2,'row-4','unknown',NULL,NULL,'127.0.0.1 did not answer in full within 0.3 s; the whole request had gone out',NULL,NULL,1,300.186,'timeout_after_send: 127.0.0.1 did not answer in full within 0.3 s; the whole request had gone out',1.79589699998245215422e+09,0);
CREATE TABLE intent (
	no INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_no INTEGER NOT NULL, 
	rows BLOB NOT NULL, 
	transactions BLOB NOT NULL, 
	fingerprints BLOB
);
CREATE TABLE journal_meta (
	"key" VARCHAR(40) NOT NULL, 
	value BLOB NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "journal_meta" VALUES('version',X'31');
INSERT INTO "journal_meta" VALUES('secret',X'2F9B038FDCE4215A37BBE774F3FE3BDF7947A62E7BF981F368CBEE1B3CF038DD');
INSERT INTO "journal_meta" VALUES('rows:3c237358c4422de3d70c0f69094093cd',X'5B5B22636F6E6669726D6174696F6E726566222C22656D61696C222C2266697273746E616D65222C227472616E73616374696F6E6964225D5D');
CREATE TABLE ledger (
	fingerprint BLOB NOT NULL, 
	certain BOOLEAN NOT NULL, 
	run_no BIGINT NOT NULL, 
	"row" BIGINT NOT NULL, 
	PRIMARY KEY (fingerprint)
)
 WITHOUT ROWID;
INSERT INTO "ledger" VALUES(X'5A937991EF8B8B25914C8B415CAC6C35',0,1,4);
INSERT INTO "ledger" VALUES(X'82DA066529B2D434FE33EE9FFF580BCC',1,1,1);
INSERT INTO "ledger" VALUES(X'8623ED0666DE9127787611C13D75563C',1,1,2);
CREATE TABLE note (
	run_no INTEGER NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	value BLOB NOT NULL, 
	PRIMARY KEY (run_no, "key")
)
 WITHOUT ROWID;
CREATE TABLE recording (
	run_no INTEGER NOT NULL, 
	"row" BIGINT NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (run_no, "row")
);
CREATE TABLE run (
	no INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(40) NOT NULL, 
	name TEXT, 
	command TEXT NOT NULL, 
	partner TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	production BOOLEAN NOT NULL, 
	spec_file TEXT NOT NULL, 
	spec_sha256 TEXT NOT NULL, 
	events BLOB NOT NULL, 
	options BLOB NOT NULL, 
	started VARCHAR(24) NOT NULL, 
	ended VARCHAR(24), 
	state VARCHAR(12) NOT NULL, 
	exit_status INTEGER, 
	counts BLOB, 
	purged VARCHAR(24), 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	process_started TEXT NOT NULL, 
	heartbeat VARCHAR(24) NOT NULL, 
	UNIQUE (id)
);
INSERT INTO "run" VALUES(1,'20261128-p8wf91','first','replay','acme','production',1,'acme.yaml','199d7520a92dc57f01fae29402b098aac705b5197c07a8b26d6a4237e73999ef',X'5B5D',X'7B7D','2026-11-28T20:16:39.967Z','2026-11-28T20:16:40.285Z','finished',1,NULL,NULL,'old.example.com',4711,'123456','2026-11-28T20:16:39.967Z');
CREATE INDEX ix_intent_run_no ON intent (run_no);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',1);
INSERT INTO "sqlite_sequence" VALUES('intent',3);
COMMIT;;
