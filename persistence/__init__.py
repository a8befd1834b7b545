"""PostgreSQL behind the ports of the domain: rows, queries, the unit of work, row-level security, the stored feed."""
