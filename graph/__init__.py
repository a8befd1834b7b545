"""The GraphQL schema, the doors that serve it, and their limits."""
