-- A board's SQLite database as an earlier release made it (revision 0002), as SQL. test_schema.py has ann's token.
BEGIN TRANSACTION;
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	created DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "accounts" VALUES(1,'ann','2026-11-26 18:54:01.582787');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR(120) NOT NULL, 
	action VARCHAR(40) NOT NULL, 
	subject VARCHAR(200) NOT NULL, 
	address VARCHAR(64) DEFAULT '' NOT NULL, 
	details TEXT DEFAULT '{}' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'2026-11-26 18:54:01.596749','admin','account created','ann','','{}');
INSERT INTO "audit" VALUES(2,'2026-11-26 18:54:01.597000','admin','token created','6ac36f3f1e01','','{"account": "ann", "days": null, "name": "default"}');
CREATE TABLE datasets (
	digest VARCHAR(64) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	feedback VARCHAR(10) NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "datasets" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','toy','coarse');
CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	submission VARCHAR(64) NOT NULL, 
	account INTEGER, 
	phase VARCHAR(80) NOT NULL, 
	reason VARCHAR(200) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	created DATETIME NOT NULL, 
	available DATETIME NOT NULL, 
	leases INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	worker VARCHAR(120), 
	lease_until DATETIME, 
	finished DATETIME, 
	error TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (submission, phase, reason), 
	FOREIGN KEY(submission) REFERENCES submissions (digest), 
	FOREIGN KEY(account) REFERENCES accounts (id)
);
INSERT INTO "jobs" VALUES(1,'0000000000000000000000000000000000000000000000000000000000000000',1,'main','first scoring','done','2026-11-26 18:54:01.653758','2026-11-26 18:54:01.653760',1,0,NULL,NULL,'2026-11-26 18:54:01.653761','');
INSERT INTO "jobs" VALUES(2,'1111111111111111111111111111111111111111111111111111111111111111',1,'main','first scoring','queued','2026-11-26 18:54:01.669486','2026-11-26 18:54:01.669488',0,0,NULL,NULL,NULL,'');
CREATE TABLE quotas (
	account INTEGER NOT NULL, 
	phase VARCHAR(80) NOT NULL, 
	total INTEGER NOT NULL, 
	per_day INTEGER NOT NULL, 
	PRIMARY KEY (account, phase), 
	FOREIGN KEY(account) REFERENCES accounts (id)
);
INSERT INTO "quotas" VALUES(1,'main',3,1);
CREATE TABLE results (
	id INTEGER NOT NULL, 
	submission VARCHAR(64) NOT NULL, 
	entry INTEGER NOT NULL, 
	protocol VARCHAR(80) NOT NULL, 
	protocol_digest VARCHAR(64) NOT NULL, 
	dataset_digest VARCHAR(64) NOT NULL, 
	scorer VARCHAR(40) NOT NULL, 
	reason VARCHAR(200) NOT NULL, 
	figures TEXT NOT NULL, created DATETIME, phase VARCHAR(80), 
	PRIMARY KEY (id), 
	UNIQUE (submission, entry, protocol_digest, dataset_digest, scorer, reason), 
	FOREIGN KEY(submission) REFERENCES submissions (digest)
);
INSERT INTO "results" VALUES(1,'0000000000000000000000000000000000000000000000000000000000000000',0,'nvfair-seen','pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','1','first scoring','{"generators": {}, "overlap": []}','2026-11-26 18:54:01.671045','main');
CREATE TABLE submissions (
	digest VARCHAR(64) NOT NULL, 
	method VARCHAR(80) NOT NULL, 
	declaration TEXT NOT NULL, account INTEGER REFERENCES accounts (id), created DATETIME, private BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "submissions" VALUES('0000000000000000000000000000000000000000000000000000000000000000','method 0','{"format_version":1,"method":"method 0","kind":"method","authors":["A. Author"],"contact":"private@example.org","description":"","links":{},"parameters":null,"hardware":"","training":{"datasets":[],"people":[],"generators":["alpha"],"data":"unknown","selection":{"people":[],"generators":[]},"thresholds":{"people":[],"generators":[]},"cohorts":{"people":[],"generators":[]}},"entries":[{"protocol":"nvfair-seen","embeddings":"embeddings/test.parquet","scores":null,"trained_on_generators":["alpha"],"reproduce":[]},{"protocol":"nvfair-unseen","embeddings":"embeddings/test.parquet","scores":null,"trained_on_generators":["alpha"],"reproduce":[]}]}',1,'2026-11-26 18:54:01.652082',0);
INSERT INTO "submissions" VALUES('1111111111111111111111111111111111111111111111111111111111111111','method 1','{"format_version":1,"method":"method 1","kind":"method","authors":["A. Author"],"contact":"private@example.org","description":"","links":{},"parameters":null,"hardware":"","training":{"datasets":[],"people":[],"generators":["alpha"],"data":"unknown","selection":{"people":[],"generators":[]},"thresholds":{"people":[],"generators":[]},"cohorts":{"people":[],"generators":[]}},"entries":[{"protocol":"nvfair-seen","embeddings":"embeddings/test.parquet","scores":null,"trained_on_generators":["alpha"],"reproduce":[]},{"protocol":"nvfair-unseen","embeddings":"embeddings/test.parquet","scores":null,"trained_on_generators":["alpha"],"reproduce":[]}]}',1,'2026-11-26 18:54:01.668912',1);
CREATE TABLE tokens (
	id VARCHAR(16) NOT NULL, 
	account INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	created DATETIME NOT NULL, 
	expires DATETIME, 
	revoked DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(account) REFERENCES accounts (id)
);
INSERT INTO "tokens" VALUES('6ac36f3f1e01',1,'default','c5717d1c0c8585774e83142e0ed63ae90eb175cabcef4969611625ef4c87bc0b','2026-11-26 18:54:01.596928',NULL,NULL);
CREATE INDEX ix_jobs_account ON jobs (account);
CREATE INDEX jobs_waiting ON jobs (state, available);
CREATE TRIGGER results_no_update BEFORE UPDATE ON results BEGIN SELECT RAISE(ABORT, 'rows of results are never changed'); END;
CREATE TRIGGER results_no_delete BEFORE DELETE ON results BEGIN SELECT RAISE(ABORT, 'rows of results are never changed'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'rows of audit are never changed'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'rows of audit are never changed'); END;
COMMIT;
