"""The board's persistent state: accounts, submissions, jobs and results in a database, uploaded files in a folder."""
