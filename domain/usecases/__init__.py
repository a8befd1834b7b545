"""Load, decide, save: the async functions that doors call. Each checks the actor's right to act first."""
