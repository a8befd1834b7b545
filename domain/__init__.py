"""What a service level agreement is and how it is judged. No I/O, no clock, no random, no framework."""
