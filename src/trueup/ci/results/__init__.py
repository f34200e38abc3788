"""One result, many writers: each returns text, and none reads or writes anything."""
