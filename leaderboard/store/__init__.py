"""What a board remembers: accounts, submissions, jobs, results and files, in a database and a folder."""
