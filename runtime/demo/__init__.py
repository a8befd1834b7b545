"""The demo tenant: a made-up software company on real outage records of three vendors (docs/demo.md)."""
